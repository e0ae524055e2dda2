"""Engineers sent: every cell of the table, who comes first, deadlines, overlaps, and the way into the room."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hardcase_collector.domain.case import CaseAction, CaseState, Waiting
from hardcase_collector.domain.errors import IllegalAction, NotAllowed, NotFound, StoreFailed
from hardcase_collector.domain.link import LinkState
from hardcase_collector.domain.visit import AccessState, DispatchAction, DispatchState, Engineer, SiteAccess, WorkHours
from hardcase_collector.service.engineers import at_work
from hardcase_collector.service.site_access import Application, Decision
from hardcase_collector.service.visit_table import next_state
from hardcase_collector.service.visits import Errand

from tests.unit.collector.cases.bench import HOUR, MINUTE, NOON, PSU, raised
from tests.unit.collector.service.bench import DAI, DAY, LI, MA, ZHANG, ServiceBench
from tests.unit.collector.service.conftest import Benches

CELLS = {
    "requested": "accept>accepted decline>declined cancel>cancelled",
    "accepted": "depart>on_the_way arrive>arrived decline>declined cancel>cancelled",
    "on_the_way": "arrive>arrived fail>failed cancel>cancelled",
    "arrived": "finish>done fail>failed",
    "done": "",
    "failed": "",
    "declined": "",
    "cancelled": "",
}


@pytest.mark.parametrize("state", list(DispatchState))
@pytest.mark.parametrize("action", list(DispatchAction))
def test_every_cell_of_the_table_is_legal_or_illegal(state: DispatchState, action: DispatchAction) -> None:
    legal = dict(cell.split(">") for cell in CELLS[state].split())
    if action in legal:
        assert next_state(state, action) == legal[action]
    else:
        with pytest.raises(IllegalAction, match=f"cannot {action}"):
            next_state(state, action)


def suggested(bench: ServiceBench, at: int = NOON) -> list[str]:
    with bench.store.read() as tx:
        return [one.engineer.name for one in bench.desk.engineers.suggest(tx, bench.case, by=DAI, now_ms=at)]


def test_skill_and_vendor_decide_who_can_come(bench: ServiceBench) -> None:
    bench.engineer("fans", components=("fan",))
    bench.engineer("hp", vendors=("HPE",))
    bench.engineer("disks", components=("disk", "raid"), vendors=("Dell",))
    assert suggested(bench) == ["disks"]


def test_nobody_skilled_is_better_than_nobody(bench: ServiceBench) -> None:
    bench.engineer("fans", components=("fan",))
    assert suggested(bench) == ["fans"]


def test_the_nearest_comes_first(bench: ServiceBench) -> None:
    bench.engineer("a-far", home="south/x", sites=("south/x",))
    bench.engineer("b-serves", sites=("north/sh1",))
    bench.engineer("c-home", home="north/sh1")
    assert suggested(bench) == ["c-home", "b-serves"]


def test_of_two_equally_near_the_one_with_less_to_do(bench: ServiceBench) -> None:
    bench.engineer("a")
    bench.engineer("b")
    bench.dispatch("a")
    assert suggested(bench) == ["b", "a"]


def test_who_speaks_the_customers_language_goes_before_who_does_not(bench: ServiceBench) -> None:
    bench.engineer("a", languages=("en",))
    bench.engineer("b", languages=("zh", "en"))
    assert suggested(bench) == ["b", "a"]


def test_who_is_at_work_goes_before_who_is_not(bench: ServiceBench) -> None:
    night = WorkHours(time_zone="Asia/Shanghai", opens_minute=22 * 60, closes_minute=6 * 60)
    bench.engineer("a-night", hours=night)
    bench.engineer("b-day")
    assert suggested(bench) == ["b-day", "a-night"]
    assert suggested(bench, NOON + 4 * HOUR) == ["a-night", "b-day"]


def test_the_inactive_are_not_asked(bench: ServiceBench) -> None:
    bench.engineer("gone", active=False)
    assert suggested(bench) == []
    with pytest.raises(IllegalAction, match="not active"):
        bench.dispatch("gone")


def visited(bench: ServiceBench, name: str) -> None:
    visit = bench.dispatch(name).dispatch
    for action in (DispatchAction.ACCEPT, DispatchAction.ARRIVE, DispatchAction.FINISH):
        bench.step(visit, action)


@pytest.mark.parametrize("plan", ["gold-7x24x4", "standard-3y"])
def test_the_same_engineer_for_the_same_problem(benches: Benches, plan: str) -> None:
    bench = benches(plan)
    bench.engineer("a-near", home="north/sh1")
    bench.engineer("knows", sites=("north/sh1",))
    assert suggested(bench)[0] == "a-near"
    visited(bench, "knows")
    assert suggested(bench)[0] == "knows"


@pytest.mark.parametrize(("plan", "first"), [("gold-7x24x4", "knows"), ("standard-3y", "skilled")])
def test_only_a_plan_that_promises_it_sends_him_before_somebody_skilled(
    benches: Benches, plan: str, first: str
) -> None:
    bench = benches(plan)
    bench.engineer("skilled", components=("disk",))
    bench.engineer("knows")
    visited(bench, "knows")
    with bench.store.write() as tx:
        tx.repairs.save_engineer(replace(tx.repairs.engineer("knows"), components=("fan",)))
    assert suggested(bench)[0] == first


def test_hours_through_midnight_belong_to_the_day_on_which_they_began() -> None:
    # 2026-11-24 is a Tuesday.
    night = WorkHours(days=(1,), opens_minute=22 * 60, closes_minute=6 * 60)
    assert at_work(night, NOON + 10 * HOUR)
    assert at_work(night, NOON + 17 * HOUR)
    assert not at_work(night, NOON + 18 * HOUR)
    assert not at_work(night, NOON - 7 * HOUR)


def test_a_dispatch_asks_and_acceptance_is_what_clocks_know(bench: ServiceBench) -> None:
    bench.engineer("wang")
    sent = bench.dispatch("wang")
    assert (sent.dispatch.state, sent.dispatch.answer_by_ms) == (DispatchState.REQUESTED, NOON + 30 * MINUTE)
    assert "dispatched" not in bench.codes()
    bench.step(sent.dispatch, DispatchAction.ACCEPT, at=NOON + 5)
    assert [entry.at_ms for entry in bench.timeline("dispatched")] == [NOON + 5]
    assert bench.case.assignee == "wang"


def test_an_expected_arrival_is_told_to_clocks(bench: ServiceBench) -> None:
    bench.engineer("wang")
    sent = bench.dispatch("wang", expected_ms=NOON + 2 * HOUR)
    bench.step(sent.dispatch, DispatchAction.ACCEPT)
    told = bench.timeline("expected")[0].parameters
    assert (told["moment"], told["time_ms"]) == ("arrived", NOON + 2 * HOUR)


def test_without_a_name_the_first_suggestion_is_asked(bench: ServiceBench) -> None:
    bench.engineer("far", sites=("north/sh1",))
    bench.engineer("near", home="north/sh1")
    assert bench.dispatch().dispatch.engineer == "near"


def test_a_declined_visit_goes_to_the_next(bench: ServiceBench) -> None:
    for name in ("a", "b"):
        bench.engineer(name)
    first = bench.dispatch("a")
    with pytest.raises(IllegalAction, match="reason"):
        bench.step(first.dispatch, DispatchAction.DECLINE)
    bench.step(first.dispatch, DispatchAction.DECLINE, text="ill")
    assert [(one.engineer, one.state) for one in bench.visits()] == [
        ("a", DispatchState.DECLINED),
        ("b", DispatchState.REQUESTED),
    ]
    assert len(bench.news_links()) == 2
    bench.step(bench.visits()[1], DispatchAction.DECLINE, text="busy")
    assert len(bench.visits()) == 2
    assert bench.timeline("nobody_to_send")[0].parameters["asked"] == "a, b"


def test_an_unanswered_visit_goes_to_the_next_when_its_time_is_up(bench: ServiceBench) -> None:
    for name in ("a", "b"):
        bench.engineer(name)
    first = bench.dispatch("a")
    bench.tick(NOON + 30 * MINUTE - 1)
    assert len(bench.visits()) == 1
    bench.tick(NOON + 30 * MINUTE)
    assert [one.engineer for one in bench.visits()] == ["a", "b"]
    assert bench.timeline("dispatch_declined")[0].parameters["reason"] == "unanswered"
    assert bench.open(first.link).state is LinkState.REVOKED
    bench.tick(NOON + 30 * MINUTE)
    assert len(bench.visits()) == 2


def test_a_visit_for_one_person_alone_goes_to_nobody_else(bench: ServiceBench) -> None:
    for name in ("a", "b"):
        bench.engineer(name)
    bench.step(bench.dispatch("a", automatic=False).dispatch, DispatchAction.DECLINE, text="ill")
    assert len(bench.visits()) == 1


def test_who_declined_is_asked_again_by_name(bench: ServiceBench) -> None:
    bench.engineer("a")
    bench.step(bench.dispatch("a").dispatch, DispatchAction.DECLINE, text="in a meeting")
    with pytest.raises(NotFound, match="no engineer is left"):
        bench.dispatch()
    assert bench.dispatch("a").dispatch.number == 2


def test_one_engineer_is_sent_to_a_case_once_at_a_time(bench: ServiceBench) -> None:
    bench.engineer("wang")
    sent = bench.dispatch("wang")
    with pytest.raises(IllegalAction, match="already"):
        bench.dispatch("wang")
    with pytest.raises(StoreFailed), bench.store.write() as tx:
        tx.repairs.add_dispatch(replace(sent.dispatch, id=0, number=2))


def test_an_overlap_is_warned_of(bench: ServiceBench) -> None:
    bench.engineer("wang")
    first = bench.dispatch("wang", expected_ms=NOON + HOUR, duration_s=3600)
    assert first.overlaps == ()
    with bench.store.write() as tx:
        bench.case_desk.apply(tx, [raised(bench.asset, part=PSU, group="psu")], now_ms=NOON)
        other = next(one for one in tx.cases.open_of(bench.asset.id) if one.id != bench.case.id)
        clash = Errand(engineer="wang", expected_ms=NOON + HOUR + 30 * MINUTE, duration_s=60)
        sent = bench.desk.visits.dispatch(tx, other, clash, by=DAI, now_ms=NOON)
    assert [one.id for one in sent.overlaps] == [first.dispatch.id]


def test_a_visit_of_a_case_that_is_over_is_called_off(bench: ServiceBench) -> None:
    bench.engineer("wang")
    bench.dispatch("wang")
    bench.act(CaseAction.CLOSE)
    bench.tick(NOON + 1)
    assert bench.visits()[0].state is DispatchState.CANCELLED
    assert bench.case.state is CaseState.CLOSED


def test_only_the_office_sends_somebody(bench: ServiceBench) -> None:
    bench.engineer("wang")
    for by in (LI, ZHANG):
        with pytest.raises(NotAllowed):
            bench.dispatch("wang", by=by)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "},
        {"name": "a/b"},
        {"title": ""},
        {"home": "sh1"},
        {"sites": ("a/b/c",)},
        {"hours": WorkHours(time_zone="Mars/Base")},
        {"hours": WorkHours(days=(7,))},
        {"hours": WorkHours(opens_minute=1440)},
    ],
)
def test_nonsense_is_no_engineer(bench: ServiceBench, wrong: dict[str, object]) -> None:
    good = Engineer(name="wang", title="Wang")
    with bench.store.write() as tx, pytest.raises(IllegalAction):
        bench.desk.engineers.add(tx, replace(good, **wrong), by=MA, now_ms=NOON)  # type: ignore[arg-type]


def test_changes_of_engineers_stand_in_the_audit_log(bench: ServiceBench) -> None:
    engineer = bench.engineer("wang")
    with bench.store.write() as tx:
        with pytest.raises(NotAllowed):
            bench.desk.engineers.add(tx, engineer, by=MA, now_ms=NOON)
        with pytest.raises(NotAllowed):
            bench.desk.engineers.change(tx, engineer, by=LI, now_ms=NOON)
        bench.desk.engineers.change(tx, engineer, by=MA, now_ms=NOON)
        assert [one.action for one in tx.access.audits(customer=None, limit=2)] == [
            "engineer.changed",
            "engineer.added",
        ]


def applied(bench: ServiceBench, *, from_ms: int = NOON + HOUR, at: int = NOON) -> SiteAccess:
    asked = Application(names=("Wang", "Li"), from_ms=from_ms, until_ms=NOON + DAY)
    with bench.store.write() as tx:
        return bench.desk.access.apply(tx, bench.case, asked, by=LI, now_ms=at)


def decided(bench: ServiceBench, access: SiteAccess, *, approve: bool, at: int = NOON, **more: object) -> SiteAccess:
    take = bench.desk.access.approve if approve else bench.desk.access.refuse
    decision = Decision(who="Zhang Wei", **more)  # type: ignore[arg-type]  # fields by name
    with bench.store.write() as tx:
        return take(tx, bench.case, access, decision, by=LI, now_ms=at)


def test_a_case_that_is_opened_again_stands_still_for_its_own_application(benches: Benches) -> None:
    bench = benches("gold-7x24x4")
    applied(bench)
    bench.act(CaseAction.CLOSE, at=NOON + 1)
    bench.act(CaseAction.REOPEN, at=NOON + 2)
    applied(bench, at=NOON + 3)
    assert [entry.at_ms for entry in bench.timeline("paused")] == [NOON, NOON + 3]
    applied(bench, at=NOON + 4)
    assert len(bench.timeline("paused")) == 2


def test_clocks_stand_still_while_access_is_missing_and_the_plan_allows_it(benches: Benches) -> None:
    bench = benches("gold-7x24x4")
    access = applied(bench)
    assert bench.case.waiting is Waiting.ACCESS
    assert bench.timeline("paused")[0].parameters["reason"] == "no_site_access"
    approved = decided(bench, access, approve=True, at=NOON + 5, reference="V-12")
    assert (approved.state, approved.reference, approved.paused) == (AccessState.APPROVED, "V-12", True)
    bench.tick(NOON + HOUR - 1)
    assert bench.timeline("resumed") == []
    bench.tick(NOON + HOUR)
    assert [entry.at_ms for entry in bench.timeline("resumed")] == [NOON + HOUR]
    assert bench.case.waiting is Waiting.NOTHING


def test_they_go_on_at_once_where_the_window_is_open(benches: Benches) -> None:
    bench = benches("gold-7x24x4")
    access = applied(bench, from_ms=NOON)
    decided(bench, access, approve=True, at=NOON + 5)
    assert [entry.at_ms for entry in bench.timeline("resumed")] == [NOON + 5]


def test_no_clock_is_paused_that_the_plan_does_not_let_pause(benches: Benches) -> None:
    bench = benches("parts-only")
    access = applied(bench, from_ms=NOON)
    assert bench.timeline("paused") == []
    assert bench.case.waiting is Waiting.ACCESS
    decided(bench, access, approve=True)
    assert bench.case.waiting is Waiting.NOTHING


def test_a_refusal_leaves_the_case_waiting_and_a_new_application_goes_on_from_there(benches: Benches) -> None:
    bench = benches("gold-7x24x4")
    first = applied(bench)
    with pytest.raises(IllegalAction, match="reason"):
        decided(bench, first, approve=False)
    decided(bench, first, approve=False, reason="change freeze")
    assert bench.case.waiting is Waiting.ACCESS
    second = applied(bench, from_ms=NOON)
    assert len(bench.timeline("paused")) == 1
    decided(bench, second, approve=True)
    assert len(bench.timeline("resumed")) == 1
    with pytest.raises(IllegalAction, match="approved already"):
        decided(bench, bench_access(bench), approve=True)


def bench_access(bench: ServiceBench) -> SiteAccess:
    with bench.store.read() as tx:
        return tx.repairs.accesses(bench.case.id)[-1]


def test_withdrawn_it_is_no_longer_waited_for(benches: Benches) -> None:
    bench = benches("gold-7x24x4")
    access = applied(bench)
    with bench.store.write() as tx:
        bench.desk.access.withdraw(tx, bench.case, access, by=LI, now_ms=NOON + 1)
    assert bench.case.waiting is Waiting.NOTHING
    assert bench.codes()[-1] == "resumed"


@pytest.mark.parametrize(
    "wrong",
    [
        {"names": (" ",), "from_ms": NOON, "until_ms": NOON + 1},
        {"names": ("Wang",), "from_ms": NOON + 2, "until_ms": NOON + 1},
        {"names": ("Wang",), "from_ms": NOON - 2, "until_ms": NOON},
    ],
)
def test_nonsense_is_no_application(bench: ServiceBench, wrong: dict[str, object]) -> None:
    with bench.store.write() as tx, pytest.raises(IllegalAction):
        bench.desk.access.apply(tx, bench.case, Application(**wrong), by=LI, now_ms=NOON)  # type: ignore[arg-type]
