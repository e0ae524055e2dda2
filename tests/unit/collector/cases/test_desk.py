"""A finding's way through the desk: opens, joins, clears, comes back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hardcase_collector.cases.settings import DeskSettings
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.case import CaseAction, CaseState
from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.domain.finding import Severity

from tests.unit.collector.cases.bench import DAY, DISK, HOUR, MINUTE, NOON, PSU, Bench, cleared, raised, worsened


def test_a_finding_opens_a_case_with_its_time_and_part(bench: Bench) -> None:
    asset = bench.asset()
    bench.apply(raised(asset, at=NOON - 3000))
    case = bench.only_case()
    assert (case.number, case.state, case.severity, case.version) == ("HC-20261124-0001", "new", Severity.MAJOR, 1)
    assert (case.since_ms, case.opened_ms, case.part, case.fault_classes) == (
        NOON - 3000,
        NOON,
        PSU,
        ("psu.input_lost",),
    )
    assert bench.codes() == bench.announcements.codes() == ["opened"]
    assert bench.announcements.news[0].findings[0].evidence["value"] == 81.0
    why = bench.whys(asset)[-1]
    assert (why.opened, why.case, why.reason, why.facts["count"]) == (True, case.id, "opened", "2 of 3")


def test_a_further_class_of_the_group_joins_and_may_raise_the_severity(bench: Bench) -> None:
    asset = bench.asset()
    bench.apply(raised(asset))
    bench.apply(raised(asset, "psu.failed", severity=Severity.CRITICAL))
    case = bench.only_case()
    assert bench.codes() == ["opened", "joined", "severity_raised"]
    assert (case.severity, case.fault_classes, case.version) == (
        Severity.CRITICAL,
        ("psu.input_lost", "psu.failed"),
        3,
    )


def test_another_part_or_another_group_opens_its_own_case(bench: Bench) -> None:
    asset = bench.asset()
    bench.apply(raised(asset), raised(asset, part=Part(component="psu", slot="PSU1")), raised(asset, group="link"))
    assert len(bench.cases(open_only=True)) == 3


def test_the_same_fault_seen_by_a_second_observer_joins(bench: Bench) -> None:
    asset = bench.asset()
    bench.apply(raised(asset), raised(asset, sensor="lan"))
    assert bench.codes() == ["opened", "finding_raised"]


def test_a_part_known_by_its_slot_becomes_known_by_its_serial(bench: Bench) -> None:
    asset = bench.asset()
    slot_only = Part(component="disk", slot="Bay 3")
    bench.apply(raised(asset, "disk.bay", part=slot_only, group="disk"))
    bench.apply(raised(asset, "disk.media", part=DISK, group="disk"))
    assert bench.only_case().part == DISK
    bench.apply(raised(asset, "disk.predicted", part=slot_only, group="disk", sensor="s9"))
    assert bench.only_case().fault_classes == ("disk.bay", "disk.media", "disk.predicted")


def test_two_serials_in_one_slot_are_two_parts(bench: Bench) -> None:
    asset = bench.asset()
    bench.apply(raised(asset, "disk.media", part=DISK, group="disk"))
    bench.apply(raised(asset, "disk.media", part=replace(DISK, serial="ZC2"), group="disk"))
    assert len(bench.cases()) == 2


def test_a_worsening_raises_the_case_and_easing_never_lowers_it(bench: Bench) -> None:
    first = raised(bench.asset())
    bench.apply(first)
    bench.apply(worsened(first, Severity.CRITICAL, NOON + 1))
    bench.apply(worsened(first, Severity.MINOR, NOON + 2))
    assert bench.codes() == ["opened", "severity_raised", "finding_eased"]
    assert bench.only_case().severity is Severity.CRITICAL
    assert bench.finding(first).since_ms == NOON
    assert bench.announcements.codes() == ["opened", "severity_raised"]


def test_the_same_transition_again_changes_nothing(bench: Bench) -> None:
    asset = bench.asset()
    first = raised(asset)
    story = (first, worsened(first, Severity.CRITICAL, NOON + 1), cleared(first, NOON + 2), raised(asset, at=NOON + 3))
    bench.apply(*story)
    before = bench.codes()
    bench.apply(*story)
    assert bench.codes() == before
    assert bench.finding(first).firing


def test_a_clock_that_went_back_hides_no_fault(bench: Bench) -> None:
    asset = bench.asset()
    first = raised(asset)
    bench.apply(first, cleared(first, NOON + HOUR))
    bench.apply(raised(asset, at=NOON - HOUR))
    assert bench.finding(first).firing


def test_a_case_verifies_once_all_of_its_findings_are_clear(bench: Bench) -> None:
    asset = bench.asset()
    one, two = raised(asset), raised(asset, "psu.failed")
    bench.apply(one, two)
    bench.apply(cleared(one, NOON + 1), at=NOON + 1)
    assert bench.only_case().state is CaseState.NEW
    bench.apply(cleared(two, NOON + 2), at=NOON + 2)
    case = bench.only_case()
    assert (case.state, case.clear_since_ms) == (CaseState.VERIFYING, NOON + 2)
    assert bench.codes()[-3:] == ["finding_cleared", "finding_cleared", "moved"]


@pytest.mark.parametrize(
    ("way", "moves"),
    [
        ([], True),
        (["confirm"], True),
        (["confirm", "propose"], False),
        (["confirm", "propose", "consent"], False),
        (["confirm", "propose", "consent", "start_repair"], False),
        (["confirm", "propose", "consent", "start_repair", "finish_repair"], True),
        (["defer"], False),
    ],
)
def test_clearing_is_a_fact_and_moves_only_from_new_confirmed_and_repaired(
    bench: Bench, way: list[str], moves: bool
) -> None:
    first = raised(bench.asset())
    bench.apply(first)
    for action in way:
        bench.act(CaseAction(action))
    before = bench.only_case().state
    bench.apply(cleared(first, NOON + 1), at=NOON + 1)
    assert bench.only_case().state == ("verifying" if moves else before)
    assert "finding_cleared" in bench.codes()


def test_a_fault_that_went_away_during_the_repair_verifies_when_the_repair_is_done(bench: Bench) -> None:
    first = raised(bench.asset())
    bench.apply(first)
    for action in ("confirm", "propose", "consent", "start_repair"):
        bench.act(CaseAction(action))
    bench.apply(cleared(first, NOON + 1), at=NOON + 1)
    assert bench.only_case().state is CaseState.REPAIRING
    bench.act(CaseAction.FINISH_REPAIR, at=NOON + 2)
    assert bench.only_case().state is CaseState.VERIFYING


def test_a_self_clearing_class_closes_after_its_soak_and_says_so(bench: Bench) -> None:
    first = raised(bench.asset(), soak_s=600)
    bench.apply(first)
    bench.apply(cleared(first, NOON), at=NOON + MINUTE)
    bench.tick(NOON + MINUTE + 599_999)
    assert bench.only_case().state is CaseState.VERIFYING
    bench.tick(NOON + MINUTE + 600_000)
    case = bench.only_case()
    assert (case.state, case.closed_ms) == (CaseState.CLOSED, NOON + MINUTE + 600_000)
    assert bench.announcements.codes()[-1] == "closed"


def test_any_other_class_waits_for_a_person(bench: Bench) -> None:
    asset = bench.asset()
    first, second = raised(asset), raised(asset, "psu.failed", self_clearing=False)
    bench.apply(first, second)
    bench.apply(cleared(first, NOON + 1), cleared(second, NOON + 1), at=NOON + 1)
    bench.tick(NOON + 30 * DAY)
    assert bench.only_case().state is CaseState.VERIFYING


def test_a_finding_that_fires_while_verifying_takes_the_case_back(bench: Bench) -> None:
    asset = bench.asset()
    first = raised(asset)
    bench.apply(first)
    bench.apply(cleared(first, NOON + 1), at=NOON + 1)
    bench.apply(raised(asset, at=NOON + 2), at=NOON + 2)
    case = bench.only_case()
    assert (case.state, case.clear_since_ms) == (CaseState.NEW, 0)
    assert bench.codes()[-2:] == ["finding_raised", "moved"]


def test_a_fault_that_returns_soon_reopens_its_case(bench: Bench) -> None:
    asset = bench.asset()
    first = raised(asset)
    bench.apply(first)
    bench.act(CaseAction.CLOSE)
    bench.apply(cleared(first, NOON + 1))
    bench.apply(raised(asset, at=NOON + 2, severity=Severity.CRITICAL), at=NOON + 13 * DAY)
    case = bench.only_case()
    assert (case.state, case.reopened, case.closed_ms, case.severity) == (CaseState.NEW, 1, 0, Severity.CRITICAL)
    assert bench.codes()[-1] == "reopened"


def test_a_fault_that_returns_late_opens_a_case_linked_to_the_old_one(bench: Bench) -> None:
    asset = bench.asset()
    first = raised(asset)
    bench.apply(first)
    bench.act(CaseAction.CLOSE)
    bench.apply(cleared(first, NOON + 1))
    bench.apply(raised(asset, at=NOON + 2), at=NOON + 15 * DAY)
    old, new = bench.cases()
    assert (old.state, new.state, new.linked) == (CaseState.CLOSED, CaseState.NEW, old.id)


def test_a_fault_after_a_cancelled_case_opens_a_new_one(bench: Bench) -> None:
    asset = bench.asset()
    first = raised(asset)
    bench.apply(first)
    bench.act(CaseAction.CANCEL)
    bench.apply(cleared(first, NOON + 1))
    bench.apply(raised(asset, at=NOON + 2))
    old, new = bench.cases()
    assert (old.state, new.linked) == (CaseState.CANCELLED, old.id)


def test_what_fires_on_after_its_case_was_closed_opens_nothing_until_it_gets_worse(bench: Bench) -> None:
    first = raised(bench.asset())
    bench.apply(first)
    bench.act(CaseAction.CLOSE)
    assert bench.finding(first).held == "settled"
    bench.apply(worsened(first, Severity.MAJOR, NOON + 1, evidence={"value": 82.0}))
    assert bench.cases(open_only=True) == []
    bench.apply(worsened(first, Severity.CRITICAL, NOON + 2))
    assert bench.only_case().state is CaseState.NEW
    assert bench.finding(first).held == ""


def test_what_fired_on_counts_again_once_its_case_is_open_again(bench: Bench) -> None:
    asset = bench.asset()
    one, two = raised(asset), raised(asset, "psu.failed")
    bench.apply(one, two)
    bench.act(CaseAction.CLOSE)
    bench.apply(cleared(two, NOON + 1))
    bench.apply(raised(asset, "psu.failed", at=NOON + 2))
    bench.apply(cleared(two, NOON + 3), at=NOON + 3)
    assert bench.only_case().state is CaseState.NEW
    bench.apply(cleared(one, NOON + 4), at=NOON + 4)
    assert bench.only_case().state is CaseState.VERIFYING


def test_a_flapping_fault_becomes_one_unstable_case_that_wakes_nobody(bench: Bench) -> None:
    asset = bench.asset()
    first = raised(asset)
    for minute in range(10):
        at = NOON + minute * MINUTE
        bench.apply(raised(asset, at=at), cleared(first, at + 1000), at=at + 1000)
    case = bench.only_case()
    assert case.unstable
    assert case.state is CaseState.NEW
    told = bench.announcements.codes()
    assert told.count("unstable") == 1
    assert told[-1] == "unstable"
    assert bench.codes().count("finding_raised") == 9


def test_an_unstable_case_that_stays_calm_goes_on(bench: Bench) -> None:
    first = raised(bench.asset(), evidence={"unstable": True})
    bench.apply(first)
    assert bench.only_case().unstable
    bench.apply(cleared(first, NOON + 1), at=NOON + 1)
    assert bench.only_case().state is CaseState.NEW
    bench.tick(NOON + HOUR)
    bench.tick(NOON + HOUR + 1)
    case = bench.only_case()
    assert (case.unstable, case.state) == (False, CaseState.VERIFYING)


def test_rules_that_say_calm_again_are_believed(bench: Bench) -> None:
    first = raised(bench.asset(), evidence={"unstable": True})
    bench.apply(first)
    bench.apply(replace(cleared(first, NOON + 1), evidence={"unstable": False}), at=NOON + 1)
    case = bench.only_case()
    assert (case.unstable, case.state) == (False, CaseState.VERIFYING)


def test_a_drill_is_marked_and_closes_itself(bench: Bench) -> None:
    asset = bench.asset("rehearsal|1")
    bench.apply(raised(asset, self_clearing=False))
    case = bench.only_case()
    assert case.rehearsal
    assert bench.whys(asset)[-1].reason == "rehearsal"
    bench.act(CaseAction.CONFIRM)
    bench.act(CaseAction.PROPOSE)
    bench.tick(NOON + HOUR)
    assert bench.only_case().state is CaseState.PROPOSED
    bench.tick(NOON + HOUR + 1)
    assert bench.only_case().state is CaseState.CANCELLED


def test_a_drill_that_clears_closes_without_a_person(bench: Bench) -> None:
    first = raised(bench.asset("rehearsal|1"), self_clearing=False, soak_s=10)
    bench.apply(first)
    bench.apply(cleared(first, NOON), at=NOON)
    bench.tick(NOON + 10_000)
    assert bench.only_case().state is CaseState.CLOSED


def test_an_illegal_action_changes_nothing(bench: Bench) -> None:
    bench.apply(raised(bench.asset()))
    with pytest.raises(IllegalAction):
        bench.act(CaseAction.CONSENT)
    assert bench.codes() == ["opened"]


def test_the_reopen_window_is_a_setting(bench: Bench) -> None:
    short = Bench(bench.store, DeskSettings(reopen_ms=HOUR))
    asset = short.asset()
    first = raised(asset)
    short.apply(first)
    short.act(CaseAction.CLOSE)
    short.apply(cleared(first, NOON + 1))
    short.apply(raised(asset, at=NOON + 2), at=NOON + HOUR + 1)
    assert len(short.cases()) == 2


def test_what_the_desk_renamed_is_known_when_it_is_told_again(bench: Bench) -> None:
    first = raised(bench.asset())
    still = worsened(first, first.severity, NOON + 1)
    bench.apply(first, still, cleared(first, NOON + 2))
    bench.apply(still, at=NOON + 3)
    assert not bench.finding(first).firing


def test_what_a_rule_raised_that_is_gone_is_cleared_and_says_why(bench: Bench) -> None:
    asset = bench.asset()
    gone, kept = raised(asset), raised(asset, "disk.media", part=DISK, group="disk")
    bench.apply(gone, kept)
    with bench.store.write() as tx:
        assert bench.desk.retire(tx, [kept.key.rule], now_ms=NOON + 5) == 1
    assert (bench.finding(gone).firing, bench.finding(kept).firing) == (False, True)
    assert [case.state for case in bench.cases()] == ["verifying", "new"]
    assert bench.whys(asset)[-1].reason == "rule_removed"
    with bench.store.write() as tx:
        assert bench.desk.retire(tx, [kept.key.rule], now_ms=NOON + 6) == 0
