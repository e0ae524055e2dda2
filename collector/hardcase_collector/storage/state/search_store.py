"""SearchStore over SQL: one query for each kind of hit. Made by the transaction of `store.py`.

Texts are compared whole and in part without regard to case, so these are scans: of the assets (thousands), of the keys
of inventories (a hundred thousand short ones) and of cases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, case, func, or_, select

from hardcase_collector.domain.search import SHORTEST, Hit, HitKind
from hardcase_collector.storage.state import texts
from hardcase_collector.storage.state.models import AssetRow, CaseRow, CustodyRow, InventoryRow
from hardcase_collector.storage.state.upserts import table_of

_ASSETS = table_of(AssetRow)
_CASES = table_of(CaseRow)
_CUSTODY = table_of(CustodyRow)
_INVENTORY = table_of(InventoryRow)
_NAMES = (_ASSETS.c.hostname, _ASSETS.c.address, _ASSETS.c.serial, _ASSETS.c.node, _ASSETS.c.uuid)


class Sought(NamedTuple):
    """Where to look: rows joined with their assets, what holds the text, and what is all of it."""

    query: Select[Any]
    holds: ColumnElement[bool]
    exact: ColumnElement[bool]


class SqlSearchStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, text: str, *, customer: str | None, limit: int) -> Sequence[Hit]:
        wanted = text.strip().lower()
        if len(wanted) < SHORTEST:
            return ()
        return [hit for kind, sought in _places(wanted).items() for hit in self._hits(kind, sought, customer, limit)]

    def _hits(self, kind: HitKind, sought: Sought, customer: str | None, limit: int) -> Sequence[Hit]:
        exact = case((sought.exact, 1), else_=0)
        names = (_ASSETS.c[name].label(f"of_{name}") for name in ("id", "hostname", "address", "serial"))
        query = sought.query.add_columns(exact.label("exact"), *names).where(sought.holds)
        if customer is not None:
            query = query.where(_ASSETS.c.customer == customer)
        rows = self._connection.execute(query.order_by(exact.desc(), _ASSETS.c.id.desc()).limit(limit)).mappings()
        return list(dict.fromkeys(_hit(kind, row) for row in rows))


def _places(wanted: str) -> Mapping[HitKind, Sought]:
    number, rack = func.lower(_CASES.c.number), func.lower(_CUSTODY.c.rack)
    names = [func.lower(column) for column in _NAMES]
    of_cases = select(_CASES.c.number, _CASES.c.part).join(_ASSETS, _ASSETS.c.id == _CASES.c.asset)
    parts = select(_INVENTORY.c.part).join(_ASSETS, _ASSETS.c.id == _INVENTORY.c.asset)
    racks = select(_CUSTODY.c.site, _CUSTODY.c.rack, _CUSTODY.c.unit).join(_ASSETS, _ASSETS.c.id == _CUSTODY.c.asset)
    return {
        HitKind.CASE: Sought(of_cases, number.contains(wanted, autoescape=True), number == wanted),
        HitKind.ASSET: Sought(
            select(_ASSETS.c.key),
            or_(*(name.contains(wanted, autoescape=True) for name in names)),
            or_(*(name == wanted for name in names)),
        ),
        HitKind.PART: _serial(parts, func.lower(_INVENTORY.c.part_key), wanted),
        HitKind.CASE_PART: _serial(of_cases, func.lower(_CASES.c.part_key), wanted),
        HitKind.RACK: Sought(racks, rack.contains(wanted, autoescape=True), rack == wanted),
    }


def _serial(query: Select[Any], key: ColumnElement[str], wanted: str) -> Sought:
    """Keys of parts with a serial are "component:model|serial"; the serial ends the key."""
    escaped = wanted.replace("/", "//").replace("%", "/%").replace("_", "/_")
    return Sought(query, key.like(f"%|%{escaped}%", escape="/"), key.endswith(f"|{wanted}", autoescape=True))


def _hit(kind: HitKind, row: RowMapping) -> Hit:
    rack = ""
    if kind is HitKind.RACK:
        rack = " ".join(filter(None, (row["site"], row["rack"], f"U{row['unit']}" if row["unit"] else "")))
    return Hit(
        kind=kind,
        asset=row["of_id"],
        asset_name=row["of_hostname"] or row["of_address"] or row["of_serial"] or str(row["of_id"]),
        case=row["number"] if kind in (HitKind.CASE, HitKind.CASE_PART) else "",
        part=texts.load_part(row["part"]) if kind in (HitKind.PART, HitKind.CASE_PART) else None,
        place=rack,
        exact=bool(row["exact"]),
    )
