"""Whose a case is, how urgent it is, what was agreed, and why its clocks stand still."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hardcase_collector.cases.handling import Handling
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.case import Case, CaseAction, Waiting
from hardcase_collector.domain.errors import IllegalAction, NotAllowed, NotFound
from hardcase_collector.domain.ports import User
from hardcase_collector.domain.priority import Priority
from hardcase_collector.domain.report import ReportChannel
from hardcase_collector.plans.moments import rounds_of
from hardcase_collector.plans.plan import Moment, PauseReason

from tests.unit.collector.cases.bench import HOUR, LI, NOON, Bench, raised

MIN = 60_000


@pytest.fixture
def case(bench: Bench) -> Case:
    bench.apply(raised(bench.asset()))
    return bench.only_case()


@pytest.fixture
def handling(bench: Bench) -> Handling:
    return Handling(bench.announcements)


def last(bench: Bench) -> tuple[str, dict[str, object]]:
    with bench.store.read() as tx:
        entry = tx.cases.timeline(1)[-1]
    return entry.code, dict(entry.parameters)


def add_user(bench: Bench, name: str, role: Role, customer: str | None) -> None:
    with bench.store.write() as tx:
        tx.access.add_user(User(name=name, role=role, customer=customer, password_hash="x"))


def test_a_case_is_given_to_somebody_who_may_work_on_it(bench: Bench, handling: Handling, case: Case) -> None:
    add_user(bench, "wang", Role.ENGINEER, None)
    add_user(bench, "zhao", Role.ENGINEER, "north")
    with bench.store.write() as tx:
        given = handling.assign(tx, case, by=LI, now_ms=NOON, assignee="wang")
        again = handling.assign(tx, given, by=LI, now_ms=NOON, assignee="wang")
        assert again is given
        taken = handling.assign(tx, given, by=LI, now_ms=NOON, assignee="zhao")
    assert (given.assignee, taken.assignee, taken.version) == ("wang", "zhao", case.version + 2)
    assert last(bench) == ("assigned", {"assignee": "zhao", "team": "", "from": "wang"})
    with bench.store.write() as tx:
        assert handling.assign(tx, taken, by=LI, now_ms=NOON, assignee="").assignee == ""


@pytest.mark.parametrize(
    ("role", "customer"), [(Role.VIEWER, None), (Role.CUSTOMER_CONTACT, "north"), (Role.ENGINEER, "south")]
)
def test_nobody_gets_a_case_that_he_could_not_work_on(
    bench: Bench, handling: Handling, case: Case, role: Role, customer: str | None
) -> None:
    add_user(bench, "wang", role, customer)
    for name in ("wang", "nobody"):
        with bench.store.write() as tx, pytest.raises(NotFound):
            handling.assign(tx, case, by=LI, now_ms=NOON, assignee=name)
    with bench.store.write() as tx, pytest.raises(NotFound, match="no team"):
        handling.assign(tx, case, by=LI, now_ms=NOON, assignee="", team="night")


def test_a_priority_is_changed_with_a_reason(bench: Bench, handling: Handling, case: Case) -> None:
    wanted = Priority.P1 if case.priority is not Priority.P1 else Priority.P2
    with bench.store.write() as tx:
        with pytest.raises(IllegalAction, match="needs a reason"):
            handling.change_priority(tx, case, wanted, by=LI, now_ms=NOON, reason=" ")
        changed = handling.change_priority(tx, case, wanted, by=LI, now_ms=NOON, reason="the shop is closed")
        with pytest.raises(IllegalAction, match="already"):
            handling.change_priority(tx, changed, wanted, by=LI, now_ms=NOON, reason="again")
    told = {"priority": str(wanted), "from": str(case.priority), "reason": "the shop is closed"}
    assert last(bench) == ("priority_changed", told)


def test_clocks_understand_what_is_written_here(bench: Bench, handling: Handling, case: Case) -> None:
    with bench.store.write() as tx:
        now = handling.contacted(tx, case, by=LI, now_ms=NOON + MIN, channel=ReportChannel.PHONE, text=" told him ")
        now = handling.agree(tx, now, by=LI, now_ms=NOON + 2 * MIN, time_ms=NOON + HOUR)
        now = handling.pause(tx, now, PauseReason.FORCE_MAJEURE, by=LI, now_ms=NOON + 3 * MIN, text="typhoon")
        handling.unpause(tx, now, PauseReason.FORCE_MAJEURE, by=LI, now_ms=NOON + 4 * MIN)
    with bench.store.read() as tx:
        (found,) = rounds_of(tx.cases.timeline(case.id), case.priority, NOON + HOUR)
    moments = {one.moment: one.at_ms for one in found.happened}
    assert moments[Moment.CONTACTED] == NOON + MIN
    assert moments[Moment.AGREED] == NOON + HOUR
    (pause,) = found.pauses
    assert (pause.reason, pause.actor, pause.from_ms, pause.to_ms) == (
        PauseReason.FORCE_MAJEURE,
        "li",
        NOON + 3 * MIN,
        NOON + 4 * MIN,
    )


def test_the_queue_says_what_a_paused_case_waits_for(bench: Bench, handling: Handling, case: Case) -> None:
    waits = []
    with bench.store.write() as tx:
        now = case
        for reason in (PauseReason.NO_SITE_ACCESS, PauseReason.CUSTOMER_DEFERRAL, PauseReason.FORCE_MAJEURE):
            now = handling.pause(tx, now, reason, by=LI, now_ms=NOON)
            waits.append(now.waiting)
        assert handling.paused(tx, now) == {
            PauseReason.NO_SITE_ACCESS, PauseReason.CUSTOMER_DEFERRAL, PauseReason.FORCE_MAJEURE
        }  # fmt: skip
        for reason in (PauseReason.CUSTOMER_DEFERRAL, PauseReason.FORCE_MAJEURE, PauseReason.NO_SITE_ACCESS):
            now = handling.unpause(tx, now, reason, by=LI, now_ms=NOON)
            waits.append(now.waiting)
    assert waits == [
        Waiting.ACCESS, Waiting.CUSTOMER, Waiting.CUSTOMER, Waiting.ACCESS, Waiting.ACCESS, Waiting.NOTHING
    ]  # fmt: skip


def test_a_pause_begins_once_and_ends_once(bench: Bench, handling: Handling, case: Case) -> None:
    with bench.store.write() as tx:
        with pytest.raises(IllegalAction, match="is not paused"):
            handling.unpause(tx, case, PauseReason.WAITING_FOR_PART, by=LI, now_ms=NOON)
        now = handling.pause(tx, case, PauseReason.WAITING_FOR_PART, by=LI, now_ms=NOON)
        with pytest.raises(IllegalAction, match="paused already"):
            handling.pause(tx, now, PauseReason.WAITING_FOR_PART, by=LI, now_ms=NOON)
    assert bench.only_case().waiting is Waiting.PART
    bench.act(CaseAction.CLOSE)
    assert bench.only_case().waiting is Waiting.NOTHING
    bench.act(CaseAction.REOPEN)
    with bench.store.read() as tx:
        assert handling.paused(tx, bench.only_case()) == frozenset()


def test_a_time_that_is_over_is_not_agreed(bench: Bench, handling: Handling, case: Case) -> None:
    with bench.store.write() as tx, pytest.raises(IllegalAction, match="over already"):
        handling.agree(tx, case, by=LI, now_ms=NOON, time_ms=NOON)


def test_what_is_over_is_not_handled_and_by_nobody_who_may_not(bench: Bench, handling: Handling, case: Case) -> None:
    contact = Actor(name="chen", role=Role.CUSTOMER_CONTACT, customer="north")
    stranger = replace(LI, customer="south")
    with bench.store.write() as tx:
        with pytest.raises(NotAllowed, match="it takes one of engineer"):
            handling.change_priority(tx, case, Priority.P1, by=contact, now_ms=NOON, reason="hurry")
        with pytest.raises(NotFound):
            handling.change_priority(tx, case, Priority.P1, by=stranger, now_ms=NOON, reason="hurry")
    bench.act(CaseAction.CLOSE)
    with bench.store.write() as tx, pytest.raises(IllegalAction, match="open it again first"):
        handling.pause(tx, bench.only_case(), PauseReason.FORCE_MAJEURE, by=LI, now_ms=NOON)
