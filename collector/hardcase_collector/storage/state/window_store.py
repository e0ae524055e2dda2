"""Maintenance windows: the part of the AssetStore that the desk asks. Inherited by `asset_store.py`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, bindparam, select, update

from hardcase_collector.domain.ports import Window
from hardcase_collector.storage.state.models import WindowRow
from hardcase_collector.storage.state.upserts import table_of, upsert

_WINDOWS = table_of(WindowRow)
_HOLDING = (
    select(_WINDOWS)
    .where(
        _WINDOWS.c.asset == bindparam("asset"),
        _WINDOWS.c.until_ms > bindparam("at_ms"),
        _WINDOWS.c.from_ms <= bindparam("at_ms"),
    )
    .order_by(_WINDOWS.c.until_ms)
)
_ENDED = (
    select(_WINDOWS)
    .where(_WINDOWS.c.settled.is_(False), _WINDOWS.c.until_ms <= bindparam("before_ms"))
    .order_by(_WINDOWS.c.until_ms)
)


class SqlWindows:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open_window(self, window: Window) -> None:
        """Opened again under its id, a window is changed, not doubled."""
        self._connection.execute(
            upsert(self._connection, _WINDOWS),
            {
                "id": window.id,
                "asset": window.asset,
                "from_ms": window.from_ms,
                "until_ms": window.until_ms,
                "reason": window.reason,
                "opened_by": window.by,
                "settled": False,
            },
        )

    def windows(self, asset: int, at_ms: int) -> Sequence[Window]:
        """Those that hold at this time: from <= at < until."""
        found = self._connection.execute(_HOLDING, {"asset": asset, "at_ms": at_ms})
        return [window_of(row) for row in found.mappings()]

    def windows_ended(self, before_ms: int) -> Sequence[Window]:
        return [window_of(row) for row in self._connection.execute(_ENDED, {"before_ms": before_ms}).mappings()]

    def settle_window(self, window: Window) -> None:
        self._connection.execute(
            update(_WINDOWS).where(_WINDOWS.c.id == window.id, _WINDOWS.c.asset == window.asset).values(settled=True)
        )


def window_of(row: RowMapping) -> Window:
    return Window(
        id=bytes(row["id"]),
        asset=row["asset"],
        from_ms=row["from_ms"],
        until_ms=row["until_ms"],
        reason=row["reason"],
        by=row["opened_by"],
    )
