"""What each store has on its shelves, and where its price differs from the list."""

from random import Random

from kit.money import Fen, percent_of
from scripts.town.town import TownProduct, TownStore

Shelf = tuple[str, str]  # store code, SKU code


def build_stock(
    dice: Random, stores: tuple[TownStore, ...], products: tuple[TownProduct, ...]
) -> dict[Shelf, int]:
    """Units on hand. A store carries part of the range, and some of that is sold out."""
    skus = [sku.code for product in products for sku in product.skus]
    stock = {}
    for store in stores:
        breadth, plenty = dice.uniform(0.55, 0.97), dice.choice((12, 30, 60))
        carried = dice.sample(skus, round(breadth * len(skus)))
        for sku in sorted(carried):
            is_sold_out = dice.random() < 0.05
            stock[store.code, sku] = 0 if is_sold_out else 1 + int(dice.expovariate(1 / plenty))
    return stock


def build_prices(
    dice: Random, stores: tuple[TownStore, ...], products: tuple[TownProduct, ...]
) -> dict[Shelf, Fen]:
    """Prices of the third of the stores that have their own, for one product in ten."""
    prices = {}
    for store in dice.sample(stores, len(stores) // 3):
        level = dice.choice((8800, 9200, 9500, 10500, 10800))
        for product in dice.sample(products, len(products) // 10):
            for sku in product.skus:
                price = _as_written(percent_of(sku.list_price_fen, level))
                if price != sku.list_price_fen:
                    prices[store.code, sku.code] = price
    return prices


def _as_written(price: Fen) -> Fen:
    """As a price tag would say it: 12.35 becomes 12.90, and 3.47 becomes 3.40."""
    if price < 1000:
        return Fen(max(10, price - price % 10))
    return Fen(price - price % 100 + 90)
