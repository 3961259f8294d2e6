"""What a basket costs, explained to the fen, and whether a store sells it: prices and checkout."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.checkout import errors, rules
from commerce.checkout.rules import FoundGoods
from commerce.pricing.rules import PriceContext, PricedItem, QuotedPrice, price, unit_price
from commerce.stock.errors import OutOfStock
from commerce.stores.rules import Hours, make_fence
from commerce.stores.store import Store
from kit.geo import Point
from kit.money import Fen
from models.enums import DeliveryMethod

PICKUP = PriceContext(DeliveryMethod.PICKUP, Fen(600))
DELIVERY = PriceContext(DeliveryMethod.DELIVERY, Fen(600), distance_m=1260)
MILK = PricedItem(11, "鲜牛奶", {"规格": "950ml"}, 2, Fen(1290), None)
BREAD = PricedItem(7, "面包", {}, 3, Fen(850), Fen(799))

fens = st.integers(0, 10**9).map(Fen)
items = st.builds(
    PricedItem,
    sku_id=st.integers(1, 2**62),
    title=st.text(max_size=20),
    specs=st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=3),
    quantity=st.integers(1, 999),
    list_price_fen=fens,
    store_price_fen=st.none() | fens,
)
baskets = st.lists(items, max_size=12, unique_by=lambda item: item.sku_id)
contexts = st.builds(
    PriceContext,
    method=st.sampled_from(DeliveryMethod),
    delivery_fee_fen=fens,
    distance_m=st.integers(0, 100_000),
)


def test_a_basket_is_priced_and_explained_line_by_line() -> None:
    quoted = price([MILK, BREAD], DELIVERY)
    assert [
        (step.code, step.label_zh, step.label_en, step.amount_fen) for step in quoted.steps
    ] == [
        ("store_price", "面包 × 3（门店价）", "面包 × 3 (store price)", 2397),
        ("list_price", "鲜牛奶 950ml × 2（原价）", "鲜牛奶 950ml × 2 (list price)", 2580),
        ("delivery_fee", "配送费（1.3 公里）", "Delivery (1.3 km)", 600),
    ]
    assert [(line.sku_id, line.unit_price_fen, line.payable_fen) for line in quoted.lines] == [
        (7, 799, 2397),
        (11, 1290, 2580),
    ]
    assert (quoted.goods_fen, quoted.freight_fen, quoted.payable_fen) == (4977, 600, 5577)


def test_what_is_fetched_is_not_charged_for_the_way() -> None:
    quoted = price([MILK], PICKUP)
    assert (quoted.freight_fen, quoted.payable_fen) == (0, 2580)
    assert [step.code for step in quoted.steps] == ["list_price"]


def test_a_free_delivery_still_stands_in_the_explanation() -> None:
    quoted = price([MILK], replace(DELIVERY, delivery_fee_fen=Fen(0)))
    assert (quoted.steps[-1].code, quoted.steps[-1].amount_fen) == ("delivery_fee", 0)


def test_a_stores_price_of_nothing_is_a_price() -> None:
    assert unit_price(MILK) == 1290
    assert unit_price(replace(MILK, store_price_fen=Fen(0))) == 0


@given(baskets, contexts)
def test_every_sum_is_exact(basket: list[PricedItem], context: PriceContext) -> None:
    quoted = price(basket, context)
    assert quoted.goods_fen == sum(line.goods_fen for line in quoted.lines)
    assert quoted.discount_fen == sum(line.discount_fen for line in quoted.lines)
    assert quoted.payable_fen == quoted.goods_fen - quoted.discount_fen + quoted.freight_fen
    paid_by_line = sum(line.payable_fen for line in quoted.lines)
    assert quoted.payable_fen == paid_by_line + quoted.freight_fen
    assert quoted.payable_fen == sum(step.amount_fen for step in quoted.steps)
    for line in quoted.lines:
        assert line.goods_fen == line.unit_price_fen * line.quantity
        assert line.payable_fen == line.goods_fen - line.discount_fen
        assert 0 <= line.discount_fen <= line.goods_fen


@given(baskets, contexts, st.randoms())
def test_the_order_of_the_basket_plays_no_part(
    basket: list[PricedItem], context: PriceContext, random: object
) -> None:
    shuffled = list(basket)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert price(shuffled, context) == price(basket, context)


@given(baskets, contexts)
def test_each_item_has_its_line_and_its_step(
    basket: list[PricedItem], context: PriceContext
) -> None:
    quoted = price(basket, context)
    ids = sorted(item.sku_id for item in basket)
    assert [line.sku_id for line in quoted.lines] == ids
    assert [step.sku_id for step in quoted.steps if step.sku_id is not None] == ids
    pieces = {item.sku_id: item.quantity for item in basket}
    assert {line.sku_id: line.quantity for line in quoted.lines} == pieces


@given(items, contexts)
def test_a_store_price_beats_the_list_price(item: PricedItem, context: PriceContext) -> None:
    asked = item.list_price_fen if item.store_price_fen is None else item.store_price_fen
    assert price([item], context).lines[0].unit_price_fen == asked


# What may be sold, from which store, in what size.

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai, a Friday
HERE = Point(31.194, 121.437)
NEAR, FAR = Point(31.199, 121.442), Point(31.694, 121.437)
_RING = [Point(HERE.lat + y, HERE.lng + x) for x, y in ((-0.02, -0.02), (0.02, -0.02), (0.02, 0.02), (-0.02, 0.02))]  # fmt: skip
STORE = Store(
    id=1,
    code="SH0001",
    name="集市·徐家汇店",
    city="上海市",
    district="徐汇区",
    address="肇嘉浜路1000号",
    phone="021-64000000",
    point=HERE,
    is_active=True,
    is_paused=False,
    offers_pickup=True,
    offers_delivery=True,
    hours=Hours((((540, 1320),),) * 7, {}),
    fence=make_fence(_RING, HERE),
    delivery_fee_fen=Fen(600),
    minimum_order_fen=Fen(2000),
    preparation_minutes=15,
)
SHELF = FoundGoods(
    sku_id=11,
    quantity=2,
    title="鲜牛奶",
    specs={"规格": "950ml"},
    list_price_fen=Fen(1290),
    store_price_fen=Fen(1190),
    is_listed=True,
    available=2,
)


def test_an_empty_basket_is_nothing_to_sell() -> None:
    with pytest.raises(errors.EmptyBasket):
        rules.check_goods([])


def test_goods_that_are_listed_and_there_are_sold_to_the_last_piece() -> None:
    rules.check_goods([SHELF])


def test_every_delisted_sku_is_named() -> None:
    gone = [replace(SHELF, is_listed=False), SHELF, replace(SHELF, sku_id=12, is_listed=False)]
    with pytest.raises(errors.GoodsUnavailable) as refusal:
        rules.check_goods(gone)
    assert refusal.value.details == {"sku_ids": ["11", "12"]}


def test_every_shortage_is_named_with_what_is_left() -> None:
    with pytest.raises(OutOfStock) as refusal:
        rules.check_goods([replace(SHELF, quantity=3), replace(SHELF, sku_id=12)])
    missing = [{"sku_id": "11", "wanted": 3, "available": 2}]
    assert refusal.value.details == {"missing": missing}


def test_goods_that_are_gone_are_said_before_goods_that_are_short() -> None:
    with pytest.raises(errors.GoodsUnavailable):
        rules.check_goods([replace(SHELF, is_listed=False), replace(SHELF, sku_id=12, quantity=3)])


@pytest.mark.parametrize(
    ("store", "method", "point", "refusal"),
    [
        (STORE, DeliveryMethod.PICKUP, None, None),
        (STORE, DeliveryMethod.DELIVERY, NEAR, None),
        (STORE, DeliveryMethod.DELIVERY, FAR, errors.OutsideDeliveryArea),
        (replace(STORE, fence=None), DeliveryMethod.DELIVERY, NEAR, errors.OutsideDeliveryArea),
        (replace(STORE, offers_pickup=False), DeliveryMethod.PICKUP, None, errors.MethodNotOffered),
        (replace(STORE, offers_delivery=False), DeliveryMethod.DELIVERY, NEAR, errors.MethodNotOffered),
        (replace(STORE, offers_delivery=False), DeliveryMethod.PICKUP, None, None),
        (replace(STORE, is_paused=True), DeliveryMethod.PICKUP, None, errors.StoreClosed),
        (replace(STORE, is_active=False), DeliveryMethod.PICKUP, None, errors.StoreClosed),
        (replace(STORE, hours=Hours(((),) * 7, {})), DeliveryMethod.PICKUP, None, errors.StoreClosed),
    ],
)  # fmt: skip
def test_a_store_sells_as_it_offers_when_it_is_open_as_far_as_it_reaches(
    store: Store, method: DeliveryMethod, point: Point | None, refusal: type[Exception] | None
) -> None:
    if refusal is None:
        rules.check_store(store, method, point, NOON)
    else:
        with pytest.raises(refusal):
            rules.check_store(store, method, point, NOON)


def quoted(goods_fen: int, freight_fen: int = 0) -> QuotedPrice:
    """A total, without its lines."""
    payable = Fen(goods_fen + freight_fen)
    return QuotedPrice((), (), Fen(goods_fen), Fen(0), Fen(freight_fen), payable)


def test_the_minimum_counts_the_goods_alone_and_only_for_what_is_brought() -> None:
    rules.check_total(STORE, DeliveryMethod.DELIVERY, quoted(2000))
    rules.check_total(STORE, DeliveryMethod.PICKUP, quoted(1))
    with pytest.raises(errors.BelowMinimum) as refusal:
        rules.check_total(STORE, DeliveryMethod.DELIVERY, quoted(1999, freight_fen=600))
    assert refusal.value.details == {"minimum_order_fen": 2000}


def test_the_largest_order_is_taken_and_one_fen_more_is_not() -> None:
    rules.check_total(STORE, DeliveryMethod.PICKUP, quoted(10_000_000))
    with pytest.raises(errors.OrderTooLarge):
        rules.check_total(STORE, DeliveryMethod.DELIVERY, quoted(10_000_000, freight_fen=1))


def test_three_hundred_pieces_are_a_household_and_one_more_is_not() -> None:
    def pieces(*quantities: int) -> QuotedPrice:
        wanted = [replace(MILK, sku_id=n, quantity=q) for n, q in enumerate(quantities)]
        return price([replace(item, list_price_fen=Fen(1)) for item in wanted], PICKUP)

    rules.check_total(STORE, DeliveryMethod.PICKUP, pieces(150, 150))
    with pytest.raises(errors.OrderTooLarge):
        rules.check_total(STORE, DeliveryMethod.PICKUP, pieces(150, 151))


@pytest.mark.parametrize(
    ("remark", "is_fine"),
    [
        ("", True),
        ("少冰，放前台", True),
        ("8号楼1802室", True),
        ("请打13800138000", False),
        ("１３８ 0013-8000", False),
    ],
)
def test_a_remark_holds_no_telephone_number(remark: str, is_fine: bool) -> None:
    if is_fine:
        rules.check_remark(remark)
    else:
        with pytest.raises(errors.PhoneInRemark):
            rules.check_remark(remark)


def test_what_is_found_is_what_is_priced() -> None:
    item = rules.priced_item(SHELF)
    assert item == PricedItem(11, "鲜牛奶", {"规格": "950ml"}, 2, Fen(1290), Fen(1190))
