"""What the state store lets go of, and when. Run by app.py's upkeep through `Transaction.forget`; bounded work a call.

Cases, their timelines, findings and dead letters are never let go of; quarantine and losses have bounds of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sqlalchemy import Connection, Delete, Table, bindparam, delete, select

from hardcase_collector.storage.state.audit_store import let_go
from hardcase_collector.storage.state.models import EventRow, OutboxTableRow, WhyRow
from hardcase_collector.storage.state.upserts import table_of

_DAY_MS = 86_400_000
AUDIT_DAYS = 731
"""As stored answers to why: within a contract's year, and the year after it."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """How long rows of a table are kept after `column`; `state`: only rows in this state go."""

    table: Table
    column: str
    days: int
    state: str = ""


_KEPT = (
    # As long as counters: a BMC's log holds its entries for years, and an entry that is known is not judged again.
    _Kept(table_of(EventRow), "received_ms", 1826),
    # Who asks why a case did not open asks within a contract's year; the second is for the one who checks him.
    _Kept(table_of(WhyRow), "decided_ms", 731),
    # The body of a delivered event is on the case's timeline in other words; a quarter is enough to compare receivers.
    _Kept(table_of(OutboxTableRow), "done_ms", 92, "delivered"),
)


def forget(connection: Connection, *, now_ms: int, limit: int) -> int:
    """Deletes among the oldest `limit` rows of each table those past their time; how many went.

    Only the oldest ids are looked at: they grow with time, so no call reads more than it could delete.
    """
    gone = sum(
        connection.execute(_over(kept), {"limit": limit, "before_ms": now_ms - kept.days * _DAY_MS}).rowcount
        for kept in _KEPT
    )
    return gone + let_go(connection, before_ms=now_ms - AUDIT_DAYS * _DAY_MS, limit=limit)


@cache
def _over(kept: _Kept) -> Delete:
    table = kept.table
    oldest = select(table.c.id, table.c[kept.column].label("at_ms")).order_by(table.c.id).limit(bindparam("limit"))
    if kept.state:
        oldest = oldest.where(table.c.state == kept.state)
    looked_at = oldest.subquery()
    return delete(table).where(table.c.id.in_(select(looked_at.c.id).where(looked_at.c.at_ms < bindparam("before_ms"))))
