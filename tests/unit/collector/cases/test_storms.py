"""Storms: one case is told for many faults of one cause, and every fault keeps its own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hardcase_collector.cases.case_file import CaseFile, Occasion
from hardcase_collector.cases.workflow import OPEN_STATES
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.asset import Asset, AssetMode, Part
from hardcase_collector.domain.case import CaseAction, CaseState
from hardcase_collector.domain.finding import Severity, Transition

from tests.unit.collector.cases.bench import HOUR, MINUTE, NOON, Bench, cleared, raised, worsened
from tests.unit.collector.cases.noisy import Noisy, noisy

DISKS = [Part(component="disk", slot=f"32:{bay}", model="ST4000", serial=f"Z{bay}") for bay in range(6)]
CHEN = Actor(name="chen", role=Role.MANAGER, customer=None)
SENSORS = [Part(component="fan", slot=f"FAN{number}") for number in range(20)]


@pytest.fixture
def desk(bench: Bench) -> Noisy:
    return noisy(bench.store)


def fan(asset: Asset, number: int, at: int = NOON, **changes: object) -> Transition:
    return raised(asset, "fan.failed", part=SENSORS[number], group="fan", sensor=f"f{number}", at=at, **changes)  # type: ignore[arg-type]  # fields by name


def lost(asset: Asset, at: int = NOON, slot: str = "PSU1", **changes: object) -> Transition:
    part = Part(component="psu", slot=slot)
    return raised(asset, part=part, at=at, sensor=slot, **changes)  # type: ignore[arg-type]  # fields by name


def silent(asset: Asset, at: int = NOON) -> Transition:
    return raised(asset, "agent.silent", part=Part(component="agent"), group="agent", sensor="", at=at)


def test_ten_findings_on_one_asset_within_an_hour_are_one_storm(desk: Noisy) -> None:
    asset = desk.machine()
    for number in range(9):
        desk.apply(fan(asset, number, NOON + number * MINUTE), at=NOON + number * MINUTE)
    assert desk.storms() == []
    desk.apply(fan(asset, 9, NOON + 10 * MINUTE), at=NOON + 10 * MINUTE)
    parent = desk.storm()
    assert (parent.fault_classes, parent.part.component, parent.asset) == (("host.storm",), "host", asset.id)
    assert [case.parent for case in desk.faults()] == [parent.id] * 10
    assert parent.since_ms == NOON
    why = next(why for why in desk.whys(asset) if why.reason == "storm")
    assert (why.opened, why.case, why.facts["count"], why.facts["window_s"]) == (True, parent.id, 10, 3600)


def test_ten_findings_over_more_than_an_hour_are_none(desk: Noisy) -> None:
    asset = desk.machine()
    for number in range(15):
        desk.apply(fan(asset, number, NOON + number * 10 * MINUTE), at=NOON + number * 10 * MINUTE)
    assert desk.storms() == []


def test_one_part_that_tells_ten_findings_is_one_case_and_no_storm(desk: Noisy) -> None:
    asset = desk.machine()
    desk.apply(*(raised(asset, sensor=f"s{number}") for number in range(12)))
    assert len(desk.cases()) == 1


def test_after_it_began_only_the_storm_is_told_and_each_fault_is_still_recorded(desk: Noisy) -> None:
    asset = desk.machine()
    desk.apply(*(fan(asset, number) for number in range(9)))
    desk.deliver()
    desk.apply(fan(asset, 9))
    parent = desk.storm()
    joined = [news.case.id for news in desk.announcements.news if news.entry.code == "storm_joined"]
    assert joined == [case.id for case in desk.faults()[:9]]
    before = len(desk.announcements.news)
    for number in range(10, 20):
        desk.apply(fan(asset, number, NOON + MINUTE), at=NOON + MINUTE)
    assert len(desk.announcements.news) == before
    assert len(desk.faults()) == 20
    assert {case.parent for case in desk.faults()} == {parent.id}
    assert desk.codes(desk.faults()[-1]) == ["opened"]
    assert desk.codes(desk.storm()).count("storm_grew") == 10
    last = desk.whys(asset)[-1]
    assert (last.opened, last.facts["storm"]) == (True, parent.number)


def test_a_fault_more_severe_than_the_storm_breaks_through(desk: Noisy) -> None:
    asset = desk.machine()
    desk.apply(*(fan(asset, number) for number in range(10)))
    desk.apply(fan(asset, 10, severity=Severity.CRITICAL))
    worst = desk.faults()[-1]
    assert (worst.parent, worst.severity) == (None, Severity.CRITICAL)
    assert desk.told()[-1] == (worst.number, "opened")

    child = desk.faults()[0]
    desk.apply(worsened(fan(asset, 0), Severity.CRITICAL, NOON + MINUTE), at=NOON + MINUTE)
    assert desk.faults()[0].parent is None
    assert "severity_raised" in desk.codes(child)
    assert desk.codes(child)[-1] == "storm_left"
    assert desk.told()[-1] == (child.number, "storm_left")


def test_who_heard_of_a_case_before_the_storm_hears_of_its_end(desk: Noisy) -> None:
    asset = desk.machine()
    desk.apply(*(fan(asset, number) for number in range(9)))
    desk.deliver()
    desk.apply(*(fan(asset, number) for number in range(9, 11)))
    told_before, never_told = desk.faults()[0], desk.faults()[10]
    desk.apply(cleared(fan(asset, 0), NOON + 1), cleared(fan(asset, 10), NOON + 1), at=NOON + 1)
    desk.tick(NOON + HOUR)
    assert desk.faults()[0].state is desk.faults()[10].state is CaseState.CLOSED
    assert (told_before.number, "closed") in desk.told()
    assert never_told.number not in {number for number, _ in desk.told()}


def test_what_breaks_at_once_is_told_once(desk: Noisy) -> None:
    rack = [desk.machine("gz", "R1") for _ in range(5)]
    desk.apply(*(lost(one) for one in rack))
    assert desk.owed() == [(desk.storm().id, 1)]


def test_what_is_on_its_way_to_somebody_is_not_taken_back(desk: Noisy) -> None:
    rack = [desk.machine("gz", "R1") for _ in range(3)]
    desk.apply(lost(rack[0]), lost(rack[1]))
    with desk.store.write() as tx:
        tx.outbox.claim(owner="hook", now_ms=NOON, lease_ms=60_000, limit=1)
    desk.apply(lost(rack[2]))
    first, second, third, storm = desk.cases()
    assert [case for case, _ in desk.owed()] == [first.id, first.id, storm.id]
    assert desk.codes(second)[-1] == desk.codes(third)[-1] == "storm_joined"


def test_three_machines_on_one_feed_are_one_storm_and_others_are_not_in_it(desk: Noisy) -> None:
    feed = [desk.machine("gz", f"R{number}", feeds=("A",)) for number in range(4)]
    other = desk.machine("gz", "R9", feeds=("B",))
    desk.apply(*(lost(one, NOON + number) for number, one in enumerate(feed)), lost(other))
    parent = desk.storm()
    assert (parent.fault_classes, parent.part.slot) == (("power.feed_storm",), "gz/A")
    assert {case.asset for case in desk.faults() if case.parent == parent.id} == {one.id for one in feed}
    assert next(case for case in desk.faults() if case.asset == other.id).parent is None


def test_machines_on_two_feeds_make_one_storm_not_two(desk: Noisy) -> None:
    machines = [desk.machine("gz", f"R{number}", feeds=("A", "B")) for number in range(5)]
    desk.apply(*(lost(one) for one in machines))
    assert desk.storm().part.slot == "gz/A"


def test_a_rack_is_of_its_site_and_customer(desk: Noisy) -> None:
    north = [desk.machine("gz", "R1") for _ in range(2)]
    far = [desk.machine("sh", "R1")]
    south = [desk.machine("gz", "R1", customer="south")]
    desk.apply(*(lost(one) for one in (*north, *far, *south)))
    assert desk.storms() == []


def test_three_machines_of_one_rack_within_a_minute(desk: Noisy) -> None:
    rack = [desk.machine("gz", "R1") for _ in range(3)]
    desk.apply(lost(rack[0]), lost(rack[1], NOON + 30_000), lost(rack[2], NOON + 61_000))
    assert desk.storms() == []
    desk.apply(lost(rack[2], NOON + 59_000, "PSU2"))
    assert desk.storm().fault_classes == ("host.rack_storm",)
    assert len(desk.faults()) == 4


def test_disks_of_one_shelf_at_once_are_the_backplane(desk: Noisy) -> None:
    asset = desk.machine()
    other = Part(component="disk", slot="33:1", model="ST4000", serial="Y1")
    disks = [raised(asset, "disk.missing", part=part, group="disk", sensor=part.slot) for part in (*DISKS[:3], other)]
    desk.apply(*disks)
    parent = desk.storm()
    assert (parent.fault_classes, parent.severity) == (("backplane.storm",), Severity.CRITICAL)
    assert [case.parent for case in desk.faults()] == [parent.id] * 3 + [None]


def test_the_same_message_on_many_machines_within_seconds(desk: Noisy) -> None:
    machines = [desk.machine() for _ in range(6)]
    told = {"log": "sel", "code": "pcie.fatal", "text": "Fatal error"}

    def line(asset: Asset, code: str = "pcie.fatal") -> Transition:
        return raised(asset, "pcie.fatal", group="pcie", evidence={**told, "code": code})

    desk.apply(*(line(one) for one in machines[:4]), line(machines[5], "pcie.other"))
    assert desk.storms() == []
    desk.apply(line(machines[4]))
    assert desk.storm().fault_classes == ("firmware.storm",)


def test_the_storm_ends_when_all_is_clear_and_closes_by_itself(desk: Noisy) -> None:
    rack = [desk.machine("gz", "R1") for _ in range(4)]
    desk.apply(*(lost(one) for one in rack))
    back = NOON + 10 * MINUTE
    desk.apply(*(cleared(lost(one), back) for one in rack), at=back)
    desk.tick(NOON + 14 * MINUTE)
    assert desk.storm().clear_since_ms == 0
    desk.tick(NOON + 15 * MINUTE)
    assert desk.storm().state is CaseState.VERIFYING
    desk.tick(NOON + 15 * MINUTE + HOUR)
    assert {case.state for case in desk.cases()} == {CaseState.CLOSED}
    assert [code for number, code in desk.told() if number == desk.storm().number] == [
        "opened", "storm_over", "moved", "closed",
    ]  # fmt: skip


def test_what_is_left_after_the_storm_becomes_a_case_like_any_other_and_is_told(desk: Noisy) -> None:
    rack = [desk.machine("gz", "R1") for _ in range(4)]
    desk.apply(*(lost(one) for one in rack))
    back = NOON + 10 * MINUTE
    desk.apply(*(cleared(lost(one), back) for one in rack[1:]), at=back)
    desk.tick(NOON + 15 * MINUTE)
    left = desk.faults()[0]
    assert (left.parent, left.state) == (None, CaseState.NEW)
    assert desk.told().count((left.number, "storm_left")) == 1
    assert desk.storm().state is CaseState.VERIFYING


def test_a_cause_that_lasts_keeps_its_storm(desk: Noisy) -> None:
    rack = [desk.machine("gz", "R1") for _ in range(4)]
    desk.apply(*(lost(one) for one in rack))
    desk.apply(cleared(lost(rack[0]), NOON + MINUTE), at=NOON + MINUTE)
    for hours in range(1, 50):
        desk.tick(NOON + hours * HOUR)
    assert desk.storm().state is CaseState.NEW
    assert all(case.parent == desk.storm().id for case in desk.faults())


def test_a_person_who_closes_the_storm_lets_its_cases_go_at_once(desk: Noisy) -> None:
    rack = [desk.machine("gz", "R1") for _ in range(3)]
    desk.apply(*(lost(one) for one in rack))
    with desk.store.write() as tx:
        parent = tx.cases.get(desk.storm().id)
        CaseFile(tx, desk.announcements).move(parent, CaseAction.CLOSE, Occasion(now_ms=NOON + 1, actor="li"), {})
    assert all(case.parent is None for case in desk.faults())
    assert [code for _, code in desk.told()].count("storm_left") == 3


def test_a_storm_that_comes_again_while_its_case_is_open_goes_on_there(desk: Noisy) -> None:
    rack = [desk.machine("gz", "R1") for _ in range(3)]
    desk.apply(*(lost(one) for one in rack))
    desk.apply(*(cleared(lost(one), NOON + MINUTE) for one in rack), at=NOON + MINUTE)
    desk.tick(NOON + 16 * MINUTE)
    assert desk.storm().state is CaseState.VERIFYING
    again = NOON + 20 * MINUTE
    desk.apply(*(lost(one, again, "PSU2") for one in rack), at=again)
    assert (desk.storm().state, desk.storm().clear_since_ms) == (CaseState.NEW, 0)
    assert "storm_came_back" in desk.codes(desk.storm())


def test_a_site_whose_agents_fall_silent_in_several_racks_is_one_case(desk: Noisy) -> None:
    racks = [desk.machine("gz", f"R{number % 3}") for number in range(9)]
    desk.apply(*(silent(one, NOON + number * 1000) for number, one in enumerate(racks)), at=NOON + 20_000)
    parent = desk.storm()
    assert (parent.fault_classes, parent.part.slot) == (("network.site_silent",), "gz")
    assert {case.parent for case in desk.faults()} == {parent.id}


def test_one_rack_that_falls_silent_is_that_racks_matter(desk: Noisy) -> None:
    rack = [desk.machine("gz", "R1") for _ in range(5)]
    desk.apply(*(silent(one) for one in rack))
    assert desk.storm().fault_classes == ("host.rack_storm",)


def test_racks_that_fall_silent_one_after_the_other_go_under_their_site(desk: Noisy) -> None:
    first = [desk.machine("gz", "R1") for _ in range(3)]
    second = [desk.machine("gz", "R2") for _ in range(3)]
    desk.apply(*(silent(one) for one in first))
    rack = desk.storm()
    desk.apply(*(silent(one, NOON + 10_000) for one in second), at=NOON + 10_000)
    site = next(case for case in desk.storms() if case.fault_classes == ("network.site_silent",))
    by_id = {case.id: case for case in desk.cases()}
    assert by_id[rack.id].parent == site.id
    assert {case.parent for case in desk.faults()} == {rack.id, site.id}
    assert [case.id for case in desk.storms() if case.parent is None] == [site.id]


def test_a_machine_without_power_is_not_told_twice_by_agent_and_bmc(desk: Noisy) -> None:
    asset = desk.machine()
    bmc = raised(asset, "bmc.hung", part=Part(component="bmc"), group="bmc", sensor="", severity=Severity.MINOR)
    desk.apply(silent(asset), bmc)
    assert desk.storm().fault_classes == ("host.silent",)
    assert {case.parent for case in desk.faults()} == {desk.storm().id}


def test_drills_are_in_no_storm(desk: Noisy) -> None:
    drill, real = desk.asset("rehearsal|1"), desk.machine()
    desk.apply(*(fan(drill, number) for number in range(15)), *(fan(real, number) for number in range(9)))
    assert desk.storms() == []


def test_a_case_in_a_storm_that_is_over_and_fires_again_is_told(desk: Noisy) -> None:
    rack = [desk.machine("gz", "R1") for _ in range(3)]
    desk.apply(*(lost(one) for one in rack))
    desk.apply(*(cleared(lost(one), NOON + 14 * MINUTE) for one in rack), at=NOON + 14 * MINUTE)
    desk.tick(NOON + 15 * MINUTE)
    again = NOON + 17 * MINUTE
    desk.apply(lost(rack[0], again), at=again)
    case = desk.faults()[0]
    assert (case.parent, case.state) == (None, CaseState.NEW)
    assert (case.number, "storm_left") in desk.told()


def test_counts_that_lead_to_nothing_are_forgotten(desk: Noisy) -> None:
    asset = desk.machine("gz", "R1")
    desk.apply(lost(asset))
    with desk.store.read() as tx:
        assert tx.noise.storm("rack", "rack:north/gz/R1") is not None
    desk.tick(NOON + 3 * HOUR)
    with desk.store.read() as tx:
        assert tx.noise.storm("rack", "rack:north/gz/R1") is None
        assert tx.noise.storms_due(now_ms=NOON + 30 * 24 * HOUR, limit=10) == []


def test_a_storm_that_no_sheet_knows_any_more_ends(desk: Noisy) -> None:
    rack = [desk.machine("gz", "R1") for _ in range(3)]
    desk.apply(*(lost(one) for one in rack))
    desk.kinds = ()
    desk.tick(NOON + HOUR)
    assert all(case.parent is None for case in desk.faults())
    assert desk.storm().clear_since_ms == NOON + HOUR


def test_a_storm_is_as_severe_as_its_worst_when_it_begins(desk: Noisy) -> None:
    rack = [desk.machine("gz", "R1") for _ in range(3)]
    desk.apply(lost(rack[0], severity=Severity.CRITICAL), lost(rack[1]), lost(rack[2]))
    assert desk.storm().severity is Severity.CRITICAL
    desk.apply(replace(lost(rack[0], slot="PSU2"), severity=Severity.CRITICAL))
    assert all(case.parent == desk.storm().id for case in desk.faults())
    assert all(case.state in OPEN_STATES for case in desk.faults())


def joined(desk: Noisy, count: int) -> Asset:
    """A machine that is joining, with so many fans found broken within its first minutes."""
    asset = desk.asset(mode=AssetMode.JOINING, live_from_ms=NOON + 24 * HOUR)
    desk.apply(*(fan(asset, number, NOON + number) for number in range(count)), at=NOON + MINUTE)
    assert desk.cases() == []
    return asset


def test_what_is_opened_at_once_by_hand_counts_as_what_opens_by_itself(desk: Noisy) -> None:
    asset = joined(desk, 12)
    with desk.store.write() as tx:
        desk.actions.settle_joining(tx, asset.id, open_cases=True, by=CHEN, reason="", now_ms=NOON + HOUR)
    parent = desk.storm()
    assert [case.parent for case in desk.faults()] == [parent.id] * 12
    assert [code for number, code in desk.told() if number != parent.number and code == "storm_joined"] == []
    desk.deliver()
    assert {case for case, _ in desk.owed()} == {parent.id}


def test_the_line_that_makes_the_count_full_may_be_opened_by_hand(desk: Noisy) -> None:
    asset = joined(desk, 1)
    with desk.store.write() as tx:
        tx.assets.set_mode(asset.id, AssetMode.LIVE, live_from_ms=NOON)
    desk.apply(*(fan(asset, number, NOON + MINUTE) for number in range(1, 10)), at=NOON + MINUTE)
    assert desk.storms() == []
    desk.deliver(NOON + MINUTE)
    with desk.store.write() as tx:
        (waiting,) = [row for row in tx.findings.of_asset(asset.id, firing=True) if row.held]
        desk.actions.settle_finding(tx, waiting.id, open_case=True, by=CHEN, reason="", now_ms=NOON + 2 * MINUTE)
    assert {case.parent for case in desk.faults()} == {desk.storm().id}
    told = [number for number, code in desk.told() if code == "storm_joined"]
    assert told == [case.number for case in desk.faults()[:9]], "who heard of them hears where they went"


def test_what_is_opened_by_hand_goes_under_a_storm_that_lasts(desk: Noisy) -> None:
    asset = joined(desk, 1)
    with desk.store.write() as tx:
        tx.assets.set_mode(asset.id, AssetMode.LIVE, live_from_ms=NOON)
    desk.apply(*(fan(asset, number, NOON + MINUTE) for number in range(1, 12)), at=NOON + MINUTE)
    parent, before = desk.storm(), len(desk.announcements.news)
    with desk.store.write() as tx:
        (waiting,) = [row for row in tx.findings.of_asset(asset.id, firing=True) if row.held]
        desk.actions.settle_finding(tx, waiting.id, open_case=True, by=CHEN, reason="", now_ms=NOON + 2 * MINUTE)
    assert desk.faults()[-1].parent == parent.id
    assert desk.codes(desk.storm()).count("storm_grew") == 2
    assert len(desk.announcements.news) == before
