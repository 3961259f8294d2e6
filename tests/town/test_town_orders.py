"""A month of orders: possible ones, with the rhythm of a town."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise

from kit.clock import shanghai
from scripts.town.hours import is_open
from scripts.town.town import Town, TownMethod, TownOrder, TownOutcome

OPEN_ORDERS = {
    TownOutcome.PAID,
    TownOutcome.PREPARING,
    TownOutcome.READY,
    TownOutcome.DELIVERING,
}


def steps(order: TownOrder) -> list[str]:
    names = ("paid_at", "preparing_at", "ready_at", "delivering_at", "handed_over_at", "closed_at")
    return [name for name in names if getattr(order, name) is not None]


def test_orders_are_placed_while_their_store_is_open_and_trades(town: Town) -> None:
    stores = {store.code: store for store in town.stores}
    for order in town.orders:
        store = stores[order.store_code]
        assert is_open(store, order.placed_at)
        assert store.is_active
        assert not store.is_paused
        if order.method is TownMethod.DELIVERY:
            assert store.supports_delivery
        else:
            assert store.supports_pickup


def test_orders_fill_the_thirty_days_before_the_story_ends(town: Town) -> None:
    days = {shanghai(order.placed_at).date() for order in town.orders}
    assert len(days) == 30
    assert max(days) == (shanghai(town.as_of) - timedelta(days=1)).date()
    placed = [order.placed_at for order in town.orders]
    assert placed == sorted(placed)
    assert [order.number for order in town.orders] == list(range(1, len(placed) + 1))


def test_members_order_to_their_own_addresses_after_they_joined(town: Town) -> None:
    members = {member.openid: member for member in town.members}
    for order in town.orders:
        member = members[order.openid]
        assert member.joined_at < order.placed_at
        homes = {address.number: address.store_code for address in member.addresses}
        if order.method is TownMethod.DELIVERY:
            assert homes[order.address_number] == order.store_code
        else:
            assert order.address_number is None


def test_lines_are_goods_the_store_carries_at_its_price(town: Town) -> None:
    prices = {sku.code: sku.list_price_fen for product in town.products for sku in product.skus}
    for order in town.orders:
        skus = [line.sku_code for line in order.lines]
        assert 1 <= len(skus) == len(set(skus))
        for line in order.lines:
            shelf = order.store_code, line.sku_code
            assert town.stock[shelf] >= line.quantity >= 1
            assert line.unit_price_fen == town.store_prices.get(shelf, prices[line.sku_code])


def test_deliveries_reach_the_minimum_and_pay_the_freight(town: Town) -> None:
    stores = {store.code: store for store in town.stores}
    for order in town.orders:
        store = stores[order.store_code]
        if order.method is TownMethod.DELIVERY:
            assert order.goods_fen >= store.minimum_order_fen
            assert order.freight_fen == store.delivery_fee_fen
        else:
            assert order.freight_fen == 0


def test_stock_covers_what_open_orders_hold(town: Town) -> None:
    held: Counter[tuple[str, str]] = Counter()
    for order in town.orders:
        if order.outcome in OPEN_ORDERS:
            held.update({(order.store_code, ln.sku_code): ln.quantity for ln in order.lines})
    assert held
    assert all(town.stock[shelf] >= quantity for shelf, quantity in held.items())


def test_steps_fit_the_outcome_and_rise_in_time(town: Town) -> None:
    way = ["paid_at", "preparing_at", "ready_at"]
    reached = {
        (TownOutcome.EXPIRED, None): ["closed_at"],
        (TownOutcome.REFUNDED, None): ["paid_at", "closed_at"],
        (TownOutcome.PAID, None): way[:1],
        (TownOutcome.PREPARING, None): way[:2],
        (TownOutcome.READY, None): way,
        (TownOutcome.DELIVERING, None): [*way, "delivering_at"],
        (TownOutcome.COMPLETED, TownMethod.PICKUP): [*way, "handed_over_at"],
        (TownOutcome.COMPLETED, TownMethod.DELIVERY): [*way, "delivering_at", "handed_over_at"],
    }
    for order in town.orders:
        names = steps(order)
        expected = reached.get((order.outcome, None)) or reached[order.outcome, order.method]
        assert names == expected
        times = [order.placed_at, *(getattr(order, name) for name in names)]
        assert all(earlier < later for earlier, later in pairwise(times))
        assert times[-1] <= town.as_of


def test_most_orders_complete_and_only_the_last_hours_are_open(town: Town) -> None:
    outcomes = Counter(order.outcome for order in town.orders)
    assert outcomes.keys() >= {TownOutcome.PAID, TownOutcome.PREPARING, TownOutcome.READY}
    assert outcomes[TownOutcome.COMPLETED] > 0.85 * len(town.orders)
    assert 60 < outcomes[TownOutcome.EXPIRED] < 240
    assert 50 < outcomes[TownOutcome.REFUNDED] < 200
    still_open = [order for order in town.orders if order.outcome in OPEN_ORDERS]
    assert len(still_open) >= 8
    assert min(order.placed_at for order in still_open) > town.as_of - timedelta(hours=7)


def test_days_have_three_peaks_and_a_quiet_night(town: Town) -> None:
    hours = Counter(shanghai(order.placed_at).hour for order in town.orders)
    assert hours[8] > hours[10] < hours[12]
    assert hours[12] > 2 * hours[14]
    assert hours[18] > 2 * hours[14]
    assert hours[18] > 2 * hours[22]
    assert sum(hours[hour] for hour in range(1, 6)) < 0.02 * len(town.orders)


def test_weekends_are_busier(town: Town) -> None:
    days = Counter(shanghai(order.placed_at).date() for order in town.orders)
    weekend = [count for day, count in days.items() if day.weekday() >= 5]
    working = [count for day, count in days.items() if day.weekday() < 4]
    assert sum(weekend) / len(weekend) > 1.2 * sum(working) / len(working)


def test_mornings_want_coffee_and_bread_more_than_evenings(town: Town) -> None:
    names = {category.code: category.name for category in town.categories}
    tops = {c.code: names[c.parent_code] for c in town.categories if c.parent_code}
    top = {sku.code: tops[p.category_code] for p in town.products for sku in p.skus}

    def share(hours: range) -> float:
        sold = [
            top[line.sku_code]
            for order in town.orders
            if shanghai(order.placed_at).hour in hours
            for line in order.lines
        ]
        return sum(name in ("咖啡茶", "乳品烘焙") for name in sold) / len(sold)

    assert share(range(6, 10)) > 2 * share(range(17, 21))
