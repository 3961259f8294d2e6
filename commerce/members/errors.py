"""What a member may be refused."""

from kit.errors import Refusal


class TooManyAddresses(Refusal):
    code = "too_many_addresses"
    status = 409
    zh = "最多可保存 {limit} 个收货地址。"
    en = "At most {limit} addresses can be kept."
