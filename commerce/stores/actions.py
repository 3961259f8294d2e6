"""What changes a store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

import orjson

from commerce.stores import rules
from commerce.stores.directory import directory
from kit import db
from kit.errors import NotFound
from kit.geo import Point
from kit.money import Fen

_FIELDS: Final = (
    "name",
    "city",
    "district",
    "address",
    "phone",
    "lat",
    "lng",
    "offers_pickup",
    "offers_delivery",
    "weekly_hours",
    "fence",
    "delivery_fee_fen",
    "minimum_order_fen",
    "preparation_minutes",
)
_FREE: Final = Fen(0)
_COLUMNS: Final = ", ".join(_FIELDS)

# Whether a store is in business or paused is decided by people, not by a file loaded again.
_LOAD: Final = f"""
    insert into store (code, is_active, is_paused, created_at, {_COLUMNS})
    select code, true, false, $2, {_COLUMNS}
    from jsonb_populate_recordset(null::store, $1::jsonb)
    on conflict (code) do update set ({_COLUMNS}) = ({", ".join(f"excluded.{n}" for n in _FIELDS)})
    returning id, code
"""  # noqa: S608 - constants only

_LOAD_DAYS: Final = """
    insert into store_day (store_id, on_date, intervals, note)
    select store_id, on_date, intervals, note
    from jsonb_populate_recordset(null::store_day, $1::jsonb)
"""


@dataclass(frozen=True, slots=True)
class StoreDayRow:
    """A date that differs: [start, end) minutes (none: closed), and why."""

    spans: Sequence[Sequence[int]]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRow:
    """A store as a file or a form gives it. Position and fence ([lng, lat] corners) are GCJ-02."""

    code: str
    name: str
    city: str
    district: str
    address: str
    phone: str
    lat: float
    lng: float
    weekly_hours: Sequence[Sequence[Sequence[int]]]
    days: Mapping[date, StoreDayRow] = field(default_factory=dict)
    offers_pickup: bool = True
    offers_delivery: bool = True
    fence: Sequence[Sequence[float]] | None = None
    delivery_fee_fen: Fen = _FREE
    minimum_order_fen: Fen = _FREE
    preparation_minutes: int = 15


async def load_stores(stores: Sequence[StoreRow], now: datetime) -> dict[str, int]:
    """Make or renew `stores` by code, with exactly their dates; each code's id.

    All or nothing: ValueError names the first unsound store. A store's pause is left alone.
    """
    for store in stores:
        _check(store)
    if len({store.code for store in stores}) < len(stores):
        raise ValueError("a store code is given twice")
    records = [{"code": s.code} | {name: getattr(s, name) for name in _FIELDS} for s in stores]
    async with db.tx():
        ids = {row["code"]: row["id"] for row in await db.rows(_LOAD, _jsonb(records), now)}
        await db.execute(
            "delete from store_day where store_id = any($1::bigint[])", [*ids.values()]
        )
        days = [_day_record(ids[s.code], day, s.days[day]) for s in stores for day in s.days]
        await db.execute(_LOAD_DAYS, _jsonb(days))
    directory.expire()
    return ids


async def set_paused(store_id: int, *, is_paused: bool) -> None:
    """Stop or resume taking orders; every worker offers accordingly within 2 seconds."""
    if not await db.execute("update store set is_paused = $2 where id = $1", store_id, is_paused):
        raise NotFound
    directory.expire()


def _check(store: StoreRow) -> None:
    try:
        rules.check_weekly(store.weekly_hours)
        for day in store.days.values():
            rules.check_spans(day.spans)
        point = Point(store.lat, store.lng)
        if store.fence is not None:
            rules.check_fence([Point(lat, lng) for lng, lat in store.fence], point)
    except ValueError as error:
        raise ValueError(f"store {store.code}: {error}") from error


def _day_record(store_id: int, day: date, row: StoreDayRow) -> dict[str, Any]:
    return {"store_id": store_id, "on_date": day, "intervals": row.spans, "note": row.note}


def _jsonb(records: list[dict[str, Any]]) -> str:
    return orjson.dumps(records).decode()
