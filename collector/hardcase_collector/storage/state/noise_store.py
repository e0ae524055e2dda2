"""NoiseStore over SQL: planned windows, storms, stored answers by every filter. Made by the transaction of `store.py`.

What the desk asks for every finding is one index search each.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, RowMapping, bindparam, delete, select, update

from hardcase_collector.domain.case import Case
from hardcase_collector.domain.finding import Why
from hardcase_collector.domain.noise import Breadth, PlannedWindow, Storm, StormSeen, WhyFilter
from hardcase_collector.domain.ports import Window
from hardcase_collector.storage.state.case_store import SqlCaseStore
from hardcase_collector.storage.state.finding_store import why_of
from hardcase_collector.storage.state.models import (
    AssetRow,
    FindingTableRow,
    PlannedWindowRow,
    StormTableRow,
    WhyRow,
    WindowRow,
)
from hardcase_collector.storage.state.upserts import table_of, upsert
from hardcase_collector.storage.state.window_store import window_of

_ASSETS = table_of(AssetRow)
_FINDINGS = table_of(FindingTableRow)
_PLANNED = table_of(PlannedWindowRow)
_STORMS = table_of(StormTableRow)
_WHYS = table_of(WhyRow)
_WINDOWS = table_of(WindowRow)
# Built once: building a statement of the desk's path costs as much as running it.
_IN_SCOPES = select(_PLANNED).where(
    _PLANNED.c.scope.in_(bindparam("scopes", expanding=True)),
    _PLANNED.c.last_ms > bindparam("at_ms"),
    _PLANNED.c.from_ms <= bindparam("at_ms"),
)
_STORM = select(_STORMS).where(_STORMS.c.kind == bindparam("kind"), _STORMS.c.scope == bindparam("scope"))
_STORMS_DUE = (
    select(_STORMS)
    .where(_STORMS.c.due_ms <= bindparam("now_ms"))
    .order_by(_STORMS.c.due_ms, _STORMS.c.kind, _STORMS.c.scope)
    .limit(bindparam("limit"))
)
_STORM_OF = select(_STORMS).where(_STORMS.c.parent == bindparam("parent"))


class SqlNoiseStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # ------------------------------------------------------------------ windows

    def save_window(self, window: PlannedWindow) -> None:
        self._connection.execute(
            upsert(self._connection, _PLANNED),
            {
                "id": window.id,
                "breadth": str(window.breadth),
                "scope": window.scope,
                "customer": window.customer,
                "subject": window.subject,
                "from_ms": window.from_ms,
                "until_ms": window.until_ms,
                "weekly": window.weekly,
                "time_zone": window.time_zone,
                "last_ms": window.last_ms,
                "moved": json.dumps([[start, end] for start, end in sorted(window.moved.items())]),
                "reason": window.reason,
                "opened_by": window.by,
                "opened_ms": window.opened_ms,
            },
        )

    def window(self, id: bytes, *, customer: str | None) -> PlannedWindow | None:
        query = select(_PLANNED).where(_PLANNED.c.id == id)
        if customer is not None:
            query = query.where(_PLANNED.c.customer == customer)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else _planned(row)

    def windows_in(self, scopes: Iterable[str], *, at_ms: int) -> Sequence[PlannedWindow]:
        found = self._connection.execute(_IN_SCOPES, {"scopes": list(scopes), "at_ms": at_ms})
        return [_planned(row) for row in found.mappings()]

    def windows(self, *, customer: str | None, over_since_ms: int, limit: int) -> Sequence[PlannedWindow]:
        query = select(_PLANNED).where(_PLANNED.c.last_ms > over_since_ms)
        if customer is not None:
            query = query.where(_PLANNED.c.customer == customer)
        query = query.order_by(_PLANNED.c.from_ms, _PLANNED.c.id).limit(limit)
        return [_planned(row) for row in self._connection.execute(query).mappings()]

    def host_windows(self, *, customer: str | None, over_since_ms: int, limit: int) -> Sequence[Window]:
        query = select(_WINDOWS).where(_WINDOWS.c.until_ms > over_since_ms)
        if customer is not None:
            query = query.join(_ASSETS, _ASSETS.c.id == _WINDOWS.c.asset).where(_ASSETS.c.customer == customer)
        query = query.order_by(_WINDOWS.c.from_ms, _WINDOWS.c.id, _WINDOWS.c.asset).limit(limit)
        return [window_of(row) for row in self._connection.execute(query).mappings()]

    def host_window(self, id: bytes, *, customer: str | None) -> Sequence[Window]:
        query = select(_WINDOWS).where(_WINDOWS.c.id == id)
        if customer is not None:
            query = query.join(_ASSETS, _ASSETS.c.id == _WINDOWS.c.asset).where(_ASSETS.c.customer == customer)
        return [window_of(row) for row in self._connection.execute(query.order_by(_WINDOWS.c.asset)).mappings()]

    def release(self, *, held: str, until_ms: int, at_ms: int) -> int:
        # Each condition of the partial index is there, so that this finds what it changes and reads nothing else.
        earlier = update(_FINDINGS).where(
            _FINDINGS.c.held != "", _FINDINGS.c.held == held, _FINDINGS.c.held_until_ms == until_ms
        )
        return self._connection.execute(earlier.values(held_until_ms=at_ms)).rowcount

    # ------------------------------------------------------------------ storms

    def storm(self, kind: str, scope: str) -> Storm | None:
        row = self._connection.execute(_STORM, {"kind": kind, "scope": scope}).mappings().first()
        return None if row is None else _storm(row)

    def storm_of(self, parent: int) -> Storm | None:
        row = self._connection.execute(_STORM_OF, {"parent": parent}).mappings().first()
        return None if row is None else _storm(row)

    def save_storm(self, storm: Storm) -> None:
        seen = [[one.case, one.asset, one.finding, one.at_ms, one.rack] for one in storm.seen]
        self._connection.execute(
            upsert(self._connection, _STORMS),
            {
                "kind": storm.kind,
                "scope": storm.scope,
                "parent": storm.parent,
                "last_ms": storm.last_ms,
                "due_ms": storm.due_ms,
                "seen": json.dumps(seen, ensure_ascii=False, separators=(",", ":")),
            },
        )

    def storms_due(self, *, now_ms: int, limit: int) -> Sequence[Storm]:
        found = self._connection.execute(_STORMS_DUE, {"now_ms": now_ms, "limit": limit})
        return [_storm(row) for row in found.mappings()]

    def drop_storm(self, storm: Storm) -> None:
        self._connection.execute(delete(_STORMS).where(_STORMS.c.kind == storm.kind, _STORMS.c.scope == storm.scope))

    def children(self, parent: int) -> Sequence[Case]:
        return SqlCaseStore(self._connection).children(parent)

    # ------------------------------------------------------------------ why

    def whys(self, which: WhyFilter) -> Sequence[Why]:
        query = select(_WHYS).where(_WHYS.c.time_ms >= which.from_ms, _WHYS.c.time_ms < which.until_ms)
        if which.customer is not None:
            query = query.join(_ASSETS, _ASSETS.c.id == _WHYS.c.asset).where(_ASSETS.c.customer == which.customer)
        for column, wanted in (
            (_WHYS.c.asset, which.asset),
            (_WHYS.c.case_id, which.case),
            (_WHYS.c.rule, which.rule or None),
            (_WHYS.c.reason, which.reason or None),
            (_WHYS.c.opened, which.opened),
        ):
            if wanted is not None:
                query = query.where(column == wanted)
        if which.part:
            part = _WHYS.c.part_key
            query = query.where(
                (part == which.part)
                | part.startswith(f"{which.part}:", autoescape=True)
                | part.startswith(f"{which.part}@", autoescape=True)
            )
        query = query.order_by(_WHYS.c.id.desc()).limit(which.limit)
        return [why_of(row) for row in self._connection.execute(query).mappings()]


def _planned(row: RowMapping) -> PlannedWindow:
    return PlannedWindow(
        id=bytes(row["id"]),
        breadth=Breadth(row["breadth"]),
        scope=row["scope"],
        customer=row["customer"],
        subject=row["subject"],
        from_ms=row["from_ms"],
        until_ms=row["until_ms"],
        weekly=row["weekly"],
        time_zone=row["time_zone"],
        last_ms=row["last_ms"],
        moved=dict(json.loads(row["moved"])),
        reason=row["reason"],
        by=row["opened_by"],
        opened_ms=row["opened_ms"],
    )


def _storm(row: RowMapping) -> Storm:
    return Storm(
        kind=row["kind"],
        scope=row["scope"],
        parent=row["parent"],
        last_ms=row["last_ms"],
        due_ms=row["due_ms"],
        seen=tuple(StormSeen(*one) for one in json.loads(row["seen"])),
    )
