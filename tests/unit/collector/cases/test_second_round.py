"""A case that is opened again runs its clocks anew, and everything that stops them may happen anew."""

from __future__ import annotations

from hardcase_collector.cases.handling import Handling
from hardcase_collector.domain.case import CaseAction
from hardcase_collector.domain.report import ReportChannel
from hardcase_collector.plans.clocks import ClockState
from hardcase_collector.plans.moments import Code
from hardcase_collector.plans.plan import ClockKind

from tests.unit.collector.cases.bench import HOUR, LI, MINUTE, NOON, Bench, raised
from tests.unit.collector.cases.books import clock_states, covered, row, told


def opened_again(bench: Bench, at: int) -> None:
    """By a person, an hour after he closed it."""
    bench.act(CaseAction.CLOSE, at=at - HOUR)
    bench.act(CaseAction.REOPEN, at=at)


def acknowledge(bench: Bench, at: int) -> None:
    with bench.store.write() as tx:
        bench.actions.acknowledge(tx, tx.cases.get(bench.only_case().id), by=LI, now_ms=at)


def test_what_a_person_opens_again_is_acknowledged_anew(bench: Bench) -> None:
    bench.apply(raised(covered(bench)))
    acknowledge(bench, NOON + MINUTE)
    again = NOON + 5 * HOUR
    opened_again(bench, again)
    assert not bench.only_case().acknowledged_ms
    acknowledge(bench, again + MINUTE)
    assert bench.only_case().acknowledged_ms == again + MINUTE
    assert clock_states(bench, again + HOUR)[ClockKind.ACKNOWLEDGE, 2] is ClockState.MET


def test_what_is_seen_to_fire_again_while_it_is_verified_stays_acknowledged(bench: Bench) -> None:
    bench.apply(raised(covered(bench)))
    acknowledge(bench, NOON + MINUTE)
    bench.act(CaseAction.VERIFY, at=NOON + HOUR)
    bench.act(CaseAction.REOPEN, at=NOON + 2 * HOUR)
    assert bench.only_case().acknowledged_ms == NOON + MINUTE


def test_the_customer_may_take_a_part_for_his_own_repair_in_each_round(bench: Bench) -> None:
    handling = Handling(bench.announcements)
    bench.apply(raised(covered(bench)))
    again = NOON + 5 * HOUR
    for at in (NOON, again):
        if at == again:
            opened_again(bench, again)
        with bench.store.write() as tx:
            handling.self_repair(tx, tx.cases.get(bench.only_case().id), by=LI, now_ms=at + MINUTE)
    assert len(told(bench, str(Code.SELF_REPAIR))) == 2
    assert clock_states(bench, again + HOUR)[ClockKind.ON_SITE, 2] is ClockState.WAIVED


def test_a_clock_that_starts_at_an_agreed_time_is_looked_at_then_though_nothing_is_owed_before(bench: Bench) -> None:
    handling = Handling(bench.announcements)
    bench.apply(raised(covered(bench, "gold-repair")))
    agreed = NOON + 48 * HOUR
    with bench.store.write() as tx:
        case = handling.contacted(
            tx, tx.cases.get(bench.only_case().id), by=LI, now_ms=NOON + MINUTE, channel=ReportChannel.PHONE
        )
        case = handling.self_repair(tx, case, by=LI, now_ms=NOON + 2 * MINUTE)
        handling.agree(tx, case, by=LI, now_ms=NOON + 3 * MINUTE, time_ms=agreed)
    assert row(bench) is not None
    for hour in range(80):
        bench.tick(NOON + hour * HOUR)
    assert [entry.parameters["clock"] for entry in told(bench, "clock_breached")] == ["repair"]
    assert [entry.at_ms for entry in told(bench, "clock_breached")] == [agreed + 25 * HOUR]


def test_a_case_from_before_there_were_plans_gets_its_terms_when_a_person_opens_it_again(bench: Bench) -> None:
    bench.apply(raised(covered(bench)))
    with bench.store.write() as tx:
        for table in ("case_clocks", "case_terms"):
            tx._connection.exec_driver_sql(f"DELETE FROM {table}")  # type: ignore[attr-defined]  # as an old store is
    opened_again(bench, NOON + 5 * HOUR)
    kept = row(bench)
    assert kept is not None
    assert (kept.kind, kept.round) == ("acknowledge", 2)
