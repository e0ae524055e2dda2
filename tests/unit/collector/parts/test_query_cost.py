"""What the desk and the tick ask about parts goes through an index, however many orders there ever were."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hardcase_collector.domain.ports import Transaction
from sqlalchemy import event

from tests.fakes.empty_store import empty_store


@pytest.mark.parametrize(
    "question",
    [
        lambda tx: tx.spares.to_look_for(1, limit=9),
        lambda tx: tx.spares.overdue(1, limit=9),
        lambda tx: tx.spares.left_over(limit=9),
        lambda tx: tx.spares.turned_up(after=1, limit=9),
        lambda tx: tx.spares.replaced(1),
        lambda tx: tx.spares.replaced(1, component="disk", slot="3"),
        lambda tx: tx.spares.orders_of(1),
        lambda tx: tx.spares.waiting_for("P1", limit=9),
        lambda tx: tx.spares.unit_of(1),
        lambda tx: tx.spares.serving(customer="north", site="s1"),
        lambda tx: tx.spares.stock_line("sh", "P1"),
        lambda tx: tx.spares.interchangeable("P1"),
    ],
)
def test_a_question_never_reads_a_whole_table(tmp_path: Path, question: Callable[[Transaction], object]) -> None:
    store = empty_store(tmp_path / "state.db")
    asked: list[tuple[str, Any]] = []

    def listen(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        asked.append((statement, parameters))

    with store.read() as tx:
        connection = tx._connection  # type: ignore[attr-defined]  # the port has none
        event.listen(connection.engine, "before_cursor_execute", listen)
        question(tx)
        event.remove(connection.engine, "before_cursor_execute", listen)
        selects = [one for one in asked if one[0].startswith("SELECT")]
        details = [
            str(line)
            for statement, parameters in selects
            for line in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).scalars("detail")
        ]
    store.close()
    assert details
    assert [line for line in details if line.startswith("SCAN")] == []
