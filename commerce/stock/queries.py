"""What is there to sell."""

from collections.abc import Mapping

from kit import db


async def missing_stock(store_id: int, quantities: Mapping[int, int]) -> list[dict[str, object]]:
    """The SKUs of which `store_id` cannot sell the wanted quantity now, with what it can."""
    short = await db.rows(
        "select wanted.sku_id, wanted.quantity, coalesce(level.on_hand - level.reserved, 0) as available"
        " from unnest($2::bigint[], $3::int[]) as wanted (sku_id, quantity)"
        " left join stock_level level on level.store_id = $1 and level.sku_id = wanted.sku_id"
        " where coalesce(level.on_hand - level.reserved, 0) < wanted.quantity order by 1",
        store_id,
        list(quantities),
        list(quantities.values()),
    )
    return [
        {"sku_id": str(row["sku_id"]), "wanted": row["quantity"], "available": row["available"]}
        for row in short
    ]
