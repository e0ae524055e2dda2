"""The collector's own clock is set back: no promise is broken by that, and none is forgotten."""

from __future__ import annotations

from hardcase_collector.plans.clocks import ClockState
from hardcase_collector.plans.plan import ClockKind

from tests.unit.collector.cases.bench import HOUR, LI, MINUTE, NOON, Bench, raised
from tests.unit.collector.cases.books import clock_states, covered, row, told


def acknowledge(bench: Bench, at: int) -> None:
    with bench.store.write() as tx:
        bench.actions.acknowledge(tx, tx.cases.get(bench.only_case().id), by=LI, now_ms=at)


def test_what_people_do_after_the_clock_was_set_back_starts_no_clock_earlier(bench: Bench) -> None:
    bench.apply(raised(covered(bench)))
    acknowledge(bench, NOON - 2 * HOUR)
    states = clock_states(bench, NOON + 30 * MINUTE)
    assert states[ClockKind.ACKNOWLEDGE, 1] is ClockState.MET
    assert states[ClockKind.REMOTE_RESPONSE, 1] is ClockState.RUNNING
    kept = row(bench)
    assert kept is not None
    assert (kept.kind, kept.due_ms) == ("remote_response", NOON + HOUR)


def test_a_promise_is_broken_once_its_time_is_over_by_the_clock_that_was_set_back(bench: Bench) -> None:
    bench.apply(raised(covered(bench)))
    acknowledge(bench, NOON - 2 * HOUR)
    for minute in range(-119, 70):
        bench.tick(NOON + minute * MINUTE)
    assert [entry.at_ms for entry in told(bench, "clock_breached")] == [NOON + 61 * MINUTE]
