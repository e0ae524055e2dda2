"""An idle tick costs little, however much there is: every question goes by an index of what is due."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hardcase_collector.domain.finding import Severity
from sqlalchemy import event

from tests.unit.collector.cases.bench import HOUR, MINUTE, NOON, Bench, cleared, raised


@contextmanager
def listening(bench: Bench) -> Iterator[list[tuple[str, object]]]:
    asked: list[tuple[str, object]] = []

    def listen(connection, cursor, statement, parameters, context, many) -> None:  # type: ignore[no-untyped-def]
        asked.append((statement, parameters))

    engine = bench.store._writer  # type: ignore[attr-defined]  # the port has none
    event.listen(engine, "before_cursor_execute", listen)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", listen)


def test_an_idle_tick_goes_through_no_table_and_not_through_all_open_cases(bench: Bench) -> None:
    bench.tick(NOON)
    with listening(bench) as asked:
        bench.tick(NOON + 5000)
    with bench.store.read() as tx:
        plan = [
            str(line)
            for statement, parameters in asked
            if statement.startswith("SELECT")
            for line in tx._connection.exec_driver_sql(  # type: ignore[attr-defined]  # the port has none
                f"EXPLAIN QUERY PLAN {statement}", parameters
            ).scalars("detail")
        ]
    assert plan
    assert [line for line in plan if line.startswith("SCAN")] == []


def test_old_rows_are_let_go_once_a_minute_and_also_after_the_clock_was_set_back(bench: Bench) -> None:
    def deletes(at: int) -> int:
        with listening(bench) as asked:
            bench.tick(at)
        return sum(statement.startswith("DELETE") for statement, _ in asked)

    assert [deletes(NOON + after) > 0 for after in (0, 5000, 59_999, MINUTE, MINUTE + 5000, -HOUR, -HOUR + 5000)] == [
        True,
        False,
        False,
        True,
        False,
        True,
        False,
    ]


def test_verifying_cases_that_wait_for_a_person_are_not_read_at_every_tick(bench: Bench) -> None:
    fault = raised(bench.asset(), "disk.failed", severity=Severity.CRITICAL, self_clearing=False)
    bench.apply(fault)
    bench.apply(cleared(fault, NOON + MINUTE), at=NOON + MINUTE)
    with bench.store.read() as tx:
        assert tx.cases.soaked(now_ms=NOON + 999 * HOUR, limit=9) == []
