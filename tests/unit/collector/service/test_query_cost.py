"""What the tick asks looks only at what is due: every question goes through an index, whatever else there is."""

from __future__ import annotations

import pytest
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.storage.state import SqlStateStore
from sqlalchemy import event


@pytest.mark.parametrize(
    "question",
    [
        lambda tx: tx.repairs.unanswered(until_ms=1),
        lambda tx: tx.repairs.stranded(limit=9),
        lambda tx: tx.repairs.access_opening(until_ms=1),
        lambda tx: tx.repairs.follow_ups_due(until_ms=1),
        lambda tx: tx.repairs.loads(),
        lambda tx: tx.repairs.open_dispatches(customer=None, engineer="wang"),
        lambda tx: tx.repairs.visited(asset=1, repair_group="disk", limit=5),
        lambda tx: tx.repairs.proposals(1),
        lambda tx: tx.repairs.quotes(1),
        lambda tx: tx.repairs.links(1),
        lambda tx: tx.repairs.link_by_hash("h"),
        lambda tx: tx.repairs.hand_offs(1),
        lambda tx: tx.repairs.service_reports(1),
        lambda tx: tx.repairs.follow_ups(1),
        lambda tx: tx.repairs.accesses(1),
        lambda tx: tx.repairs.satisfaction(customer=None, by="plan", from_ms=1, until_ms=2),
    ],
)
def test_a_question_never_reads_a_whole_table(store: SqlStateStore, question) -> None:  # type: ignore[no-untyped-def]
    asked: list[tuple[str, object]] = []

    def listen(connection, cursor, statement, parameters, context, many) -> None:  # type: ignore[no-untyped-def]
        asked.append((statement, parameters))

    def plan(tx: Transaction) -> list[str]:
        connection = tx._connection  # type: ignore[attr-defined]  # the port has none
        lines = []
        for statement, parameters in tuple(asked):
            if statement.lstrip().startswith("SELECT"):
                lines += (
                    connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).scalars("detail").all()
                )
        return [str(line) for line in lines]

    with store.read() as tx:
        engine = tx._connection.engine  # type: ignore[attr-defined]  # the port has none
        event.listen(engine, "before_cursor_execute", listen)
        try:
            question(tx)
        finally:
            event.remove(engine, "before_cursor_execute", listen)
        details = plan(tx)
    assert details
    for detail in details:
        assert not detail.startswith("SCAN") or "USING" in detail, details
