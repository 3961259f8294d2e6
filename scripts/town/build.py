"""The demo town of Jishi, whole: same seed and day, same town."""

from datetime import UTC, date, datetime
from random import Random

from kit.clock import SHANGHAI
from scripts.town.goods import build_goods
from scripts.town.orders import Demand, Shops, build_orders
from scripts.town.people import build_members, build_staff
from scripts.town.shelves import build_prices, build_stock
from scripts.town.stores import build_stores
from scripts.town.town import Town, TownCategory


def build_town(seed: int, today: date) -> Town:
    """The town as it is at the midnight (Shanghai) that begins `today`.

    Each part throws dice of its own, so that a change in one part leaves the draws of the others
    alone. Pure: reads only the data files beside it.
    """

    def dice(part: str) -> Random:
        return Random(f"{seed}/{part}")

    as_of = datetime(today.year, today.month, today.day, tzinfo=SHANGHAI).astimezone(UTC)
    categories, products = build_goods()
    stores = build_stores(dice("stores"), dice("days"), today)
    members = build_members(dice("members"), stores, as_of)
    stock = build_stock(dice("stock"), stores, products)
    prices = build_prices(dice("prices"), stores, products)
    demand = Demand(dice("demand"), products, _top_names(categories))
    shops = Shops(stores, stock, prices)
    return Town(
        as_of=as_of,
        stores=stores,
        categories=categories,
        products=products,
        stock=stock,
        store_prices=prices,
        members=members,
        staff=build_staff(dice("staff"), stores),
        orders=build_orders(dice("orders"), members, shops, demand, as_of),
    )


def _top_names(categories: tuple[TownCategory, ...]) -> dict[str, str]:
    """The name of the first level above each category of the second."""
    names = {category.code: category.name for category in categories}
    return {c.code: names[c.parent_code] for c in categories if c.parent_code is not None}
