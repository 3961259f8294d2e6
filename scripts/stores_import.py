"""From a sheet to the stores: everything is checked before anything is written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import chain
from typing import Any, Final

import orjson

from commerce.catalog.loading import Tally
from commerce.catalog.rules.cells import Wrong
from commerce.catalog.rules.faults import Fault
from commerce.stores.actions import StoreDayRow, StoreRow, load_stores
from config.orm import close_orm, open_orm
from kit import clock, db
from kit.geo import Point
from scripts.sheets import Sheet
from scripts.stores_area import check_area
from scripts.stores_sheet import Column, StoreSaid, fault

# Locked, so that nothing said elsewhere meanwhile is overwritten by what was read here.
_STORED: Final = """
    select store.*, (
        select jsonb_object_agg(on_date, jsonb_build_object('spans', intervals, 'note', note))
        from store_day where store_id = store.id
    ) as days
    from store where code = any($1::text[]) order by id for no key update
"""


async def import_stores(sheet: Sheet[StoreSaid], database_url: str) -> Tally | list[Fault]:
    """Make or renew the stores of `sheet` and count them; or write nothing and say what is wrong.

    An empty cell leaves what is stored, and so stay pauses and the dates that differ.
    """
    await open_orm(database_url, pool_size=1)
    try:
        async with db.tx():
            return await _write(sheet)
    finally:
        await close_orm()


async def _write(sheet: Sheet[StoreSaid]) -> Tally | list[Fault]:
    stored = await _read_stored([said.code for said in sheet.rows])
    rows = [_merge(said, stored.get(said.code)) for said in sheet.rows]
    misfits = [_misfits(said, row) for said, row in zip(sheet.rows, rows, strict=True)]
    faults = [*sheet.faults, *_repeated(sheet.rows), *chain(*misfits)]
    if faults:
        return sorted(faults, key=lambda found: (found.row, found.column))
    new = [row for row in rows if row != stored.get(row.code)]
    await load_stores(new, clock.now())
    tally = Tally()
    created = sum(row.code not in stored for row in new)
    tally.add(created, len(new) - created, of=len(rows))
    return tally


def _repeated(rows: Iterable[StoreSaid]) -> list[Fault]:
    first: dict[str, int] = {}
    for row in rows:
        first.setdefault(row.code, row.row)
    return [
        fault(row.row, Column.CODE, "code_twice", other=first[row.code])
        for row in rows
        if row.row != first[row.code]
    ]


def _merge(said: StoreSaid, stored: StoreRow | None) -> StoreRow:
    if stored is not None:
        return replace(stored, **said.fields)
    # Delivery without an area would reach nobody.
    offers = {"offers_delivery": said.fields.get("fence") is not None}
    return StoreRow(code=said.code, **{**offers, **said.fields})


def _misfits(said: StoreSaid, row: StoreRow) -> list[Fault]:
    """What the sheet alone could not tell: whether it goes together with what is stored."""
    if row.offers_delivery and row.fence is None:
        return [fault(said.row, Column.AREA, "no_area")]
    if row.fence is None or "fence" in said.fields:
        return []
    try:
        check_area([[*corner] for corner in row.fence], Point(row.lat, row.lng))
    except Wrong as wrong:
        return [fault(said.row, Column.AREA, wrong.code, **wrong.details)]
    return []


async def _read_stored(codes: Sequence[str]) -> dict[str, StoreRow]:
    rows = await db.rows(_STORED, codes)
    return {row["code"]: _stored_row(row) for row in rows}


def _stored_row(row: Mapping[str, Any]) -> StoreRow:
    days = orjson.loads(row["days"] or b"{}")
    return StoreRow(
        code=row["code"],
        name=row["name"],
        city=row["city"],
        district=row["district"],
        address=row["address"],
        phone=row["phone"],
        lat=row["lat"],
        lng=row["lng"],
        weekly_hours=orjson.loads(row["weekly_hours"]),
        days={date.fromisoformat(day): StoreDayRow(**days[day]) for day in days},
        offers_pickup=row["offers_pickup"],
        offers_delivery=row["offers_delivery"],
        fence=orjson.loads(row["fence"] or b"null"),
        delivery_fee_fen=row["delivery_fee_fen"],
        minimum_order_fen=row["minimum_order_fen"],
        preparation_minutes=row["preparation_minutes"],
    )
