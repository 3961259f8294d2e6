"""What a member may be refused."""

from kit.errors import Refusal


class TooManyAddresses(Refusal):
    code = "too_many_addresses"
    status = 409
    zh = "最多可保存 {limit} 个收货地址。"
    en = "At most {limit} addresses can be kept."


class PhoneInNickname(Refusal):
    code = "phone_in_nickname"
    status = 422
    zh = "昵称中请勿包含手机号。"
    en = "A nickname must not contain a phone number."
