"""What a message about an order needs to say."""

from dataclasses import dataclass

from kit import db
from kit.money import Fen


@dataclass(frozen=True, slots=True)
class OrderTold:
    """An order in the words of a message. `openid` is None when the member left this mini program."""

    no: str
    openid: str | None
    store_name: str
    goods: str
    payable_fen: Fen
    refunded_fen: Fen
    pickup_code: str | None


async def order_told(order_no: str, appid: str) -> OrderTold:
    """The order `order_no` and where its member hears from the mini program `appid`."""
    found = await db.one(
        "select o.no, store.name, o.payable_fen, identity.openid, f.pickup_code,"
        " (select array_agg(title order by id) from order_line where order_id = o.id) as titles,"
        " (select coalesce(sum(r.amount_fen), 0)::bigint from refund r join payment p on p.id = r.payment_id"
        "   where p.order_id = o.id and r.status = 'succeeded') as refunded_fen"
        " from shop_order o join store on store.id = o.store_id"
        " left join lateral (select openid from wechat_identity"
        "   where member_id = o.member_id and appid = $2 order by seen_at desc limit 1) identity on true"
        " left join lateral (select pickup_code from fulfilment"
        "   where order_id = o.id and status <> 'cancelled' order by id limit 1) f on true"
        " where o.no = $1",
        order_no,
        appid,
    )
    titles = found["titles"]
    return OrderTold(
        no=found["no"],
        openid=found["openid"],
        store_name=found["name"],
        goods=titles[0] + (f"等{len(titles)}件" if len(titles) > 1 else ""),
        payable_fen=Fen(found["payable_fen"]),
        refunded_fen=Fen(found["refunded_fen"]),
        pickup_code=found["pickup_code"],
    )
