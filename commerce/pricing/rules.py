"""The price engine. Pure: the same cart and context give the same quote, step by readable step."""

from collections.abc import Sequence
from dataclasses import dataclass

from kit.money import Fen
from models.enums import DeliveryMethod


@dataclass(frozen=True, slots=True)
class PricedItem:
    """A wanted SKU with what the house asks for it; `store_price_fen` is None without a store price."""

    sku_id: int
    title: str
    specs: dict[str, str]
    quantity: int
    list_price_fen: Fen
    store_price_fen: Fen | None


@dataclass(frozen=True, slots=True)
class PriceContext:
    """What the price depends on besides the goods. `distance_m` is how far a delivery goes."""

    method: DeliveryMethod
    delivery_fee_fen: Fen
    distance_m: int = 0


@dataclass(frozen=True, slots=True)
class PriceStep:
    """One line of the explanation; `amount_fen` is what it adds to the total (negative: takes off)."""

    code: str
    label_zh: str
    label_en: str
    amount_fen: Fen
    sku_id: int | None = None


@dataclass(frozen=True, slots=True)
class QuotedLine:
    sku_id: int
    title: str
    specs: dict[str, str]
    quantity: int
    unit_price_fen: Fen
    goods_fen: Fen
    discount_fen: Fen
    payable_fen: Fen


@dataclass(frozen=True, slots=True)
class QuotedPrice:
    """Σ lines.payable + freight = payable, and the steps add up to payable as well."""

    lines: tuple[QuotedLine, ...]
    steps: tuple[PriceStep, ...]
    goods_fen: Fen
    discount_fen: Fen
    freight_fen: Fen
    payable_fen: Fen


def price(items: Sequence[PricedItem], context: PriceContext) -> QuotedPrice:
    """What `items` cost in `context`, in whole fen, independent of their order."""
    ordered = sorted(items, key=lambda item: item.sku_id)
    lines = tuple(_line(item) for item in ordered)
    steps = [_goods_step(item, line) for item, line in zip(ordered, lines, strict=True)]
    goods = Fen(sum(line.goods_fen for line in lines))
    freight = _freight(context)
    if context.method is DeliveryMethod.DELIVERY:
        way = f"{context.distance_m / 1000:.1f}"
        steps.append(
            PriceStep("delivery_fee", f"配送费（{way} 公里）", f"Delivery ({way} km)", freight)
        )
    return QuotedPrice(
        lines=lines,
        steps=tuple(steps),
        goods_fen=goods,
        discount_fen=Fen(0),
        freight_fen=freight,
        payable_fen=Fen(goods + freight),
    )


def unit_price(item: PricedItem) -> Fen:
    """The store's own price where there is one, else the list price."""
    return item.list_price_fen if item.store_price_fen is None else item.store_price_fen


def _line(item: PricedItem) -> QuotedLine:
    unit = unit_price(item)
    goods = Fen(unit * item.quantity)
    return QuotedLine(
        sku_id=item.sku_id,
        title=item.title,
        specs=item.specs,
        quantity=item.quantity,
        unit_price_fen=unit,
        goods_fen=goods,
        discount_fen=Fen(0),
        payable_fen=goods,
    )


def _goods_step(item: PricedItem, line: QuotedLine) -> PriceStep:
    own = item.store_price_fen is not None
    code, zh, en = (
        ("store_price", "门店价", "store price") if own else ("list_price", "原价", "list price")
    )
    variant = " ".join(item.specs.values())
    name = f"{item.title} {variant}".rstrip()
    return PriceStep(
        code,
        f"{name} × {item.quantity}（{zh}）",
        f"{name} × {item.quantity} ({en})",
        line.goods_fen,
        item.sku_id,
    )


def _freight(context: PriceContext) -> Fen:
    return context.delivery_fee_fen if context.method is DeliveryMethod.DELIVERY else Fen(0)
