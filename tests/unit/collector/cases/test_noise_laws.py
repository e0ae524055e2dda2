"""Laws of windows and storms: they change who is told and when a case opens, never what is recorded; restarts change
nothing.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hardcase_collector.cases.workflow import OPEN_STATES
from hardcase_collector.domain.asset import Asset, Part
from hardcase_collector.domain.case import CaseState
from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.domain.finding import FindingKey, Severity, Transition
from hardcase_collector.domain.noise import STORM_GROUP, Breadth
from hardcase_collector.storage.state import SqlStateStore
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.fakes.empty_store import empty_store
from tests.unit.collector.cases.bench import DAY, HOUR, MINUTE, NOON, cleared, raised, worsened
from tests.unit.collector.cases.noisy import LI, Noisy

# Many examples of many steps, each on a real store.
pytestmark = pytest.mark.timeout(300)

FAULTS = (
    ("psu.input_lost", "psu", Part(component="psu", slot="PSU1")),
    ("psu.failed", "psu", Part(component="psu", slot="PSU2")),
    ("fan.failed", "fan", Part(component="fan", slot="FAN1")),
    ("agent.silent", "agent", Part(component="agent")),
    ("bmc.hung", "bmc", Part(component="bmc")),
)
WINDOWS = ((Breadth.SITE, "gz"), (Breadth.RACK, "gz/R1"), (Breadth.TAG, "db"), (Breadth.ASSET, "1"))
PLACES = (("gz", "R1"), ("gz", "R1"), ("gz", "R1"), ("gz", "R2"), ("gz", "R3"))


def opened(folder: str, name: str) -> SqlStateStore:
    return empty_store(Path(folder) / f"{name}.db")


class NoiseMachine(RuleBasedStateMachine):
    """Two desks are told the same; one has storms and is restarted, the other has neither."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.desk = Noisy(opened(self.folder.name, "storms"))
        self.plain = Noisy(opened(self.folder.name, "plain"), kinds=())
        self.now = NOON
        self.firing: dict[FindingKey, Transition] = {}
        self.assets: list[Asset] = []

    def teardown(self) -> None:
        for bench in (self.desk, self.plain):
            bench.store.close()
        self.folder.cleanup()

    @initialize()
    def machines_stand_in_racks(self) -> None:
        for site, rack in PLACES:
            feeds = ("A", "B") if rack == "R1" else ("B",)
            self.assets = [*self.assets, self.desk.machine(site, rack, feeds=feeds)]
            self.plain.machine(site, rack, feeds=feeds)

    def both(self, *transitions: Transition) -> None:
        for bench in (self.desk, self.plain):
            bench.apply(*transitions, at=self.now)

    @rule(
        which=st.lists(st.tuples(st.integers(0, 4), st.sampled_from(FAULTS)), min_size=1, max_size=12),
        severity=st.sampled_from([Severity.MINOR, Severity.MAJOR, Severity.CRITICAL]),
        sensor=st.sampled_from(["a", "b", "c"]),
    )
    def faults_fire(self, which: list[tuple[int, tuple[str, str, Part]]], severity: Severity, sensor: str) -> None:
        for number, (fault_class, group, part) in which:
            self.now += 700
            transition = raised(
                self.assets[number], fault_class, at=self.now, part=part, severity=severity, group=group, sensor=sensor
            )
            if transition.key not in self.firing:
                self.firing[transition.key] = transition
                self.both(transition)

    @precondition(lambda self: self.firing)
    @rule(data=st.data(), many=st.booleans())
    def faults_clear(self, data: st.DataObject, many: bool) -> None:
        keys = list(self.firing)
        for key in keys if many else [data.draw(st.sampled_from(keys))]:
            self.now += 100
            self.both(cleared(self.firing.pop(key), self.now))

    @precondition(lambda self: self.firing)
    @rule(data=st.data())
    def a_fault_gets_worse(self, data: st.DataObject) -> None:
        self.now += 1000
        key = data.draw(st.sampled_from(list(self.firing)))
        if self.firing[key].severity < Severity.CRITICAL:
            self.firing[key] = worsened(self.firing[key], Severity.CRITICAL, self.now)
            self.both(self.firing[key])

    @rule(step=st.sampled_from([1000, MINUTE, 10 * MINUTE, HOUR, DAY]))
    def time_passes(self, step: int) -> None:
        self.now += step
        for bench in (self.desk, self.plain):
            bench.tick(self.now)

    @rule()
    def the_collector_is_restarted(self) -> None:
        self.desk.store.close()
        before = self.desk.announcements
        self.desk = Noisy(opened(self.folder.name, "storms"), announcements=before)

    @precondition(lambda self: self.firing)
    @rule()
    def the_newest_is_told_again(self) -> None:
        before = self.everything()
        newest = max(self.firing.values(), key=lambda one: one.time_ms)
        self.desk.apply(newest, at=self.now)
        assert self.everything() == before

    def everything(self) -> object:
        return self.desk.cases(), [self.desk.codes(case) for case in self.desk.cases()]

    @staticmethod
    def recorded(bench: Noisy) -> Counter[tuple[object, ...]]:
        return Counter(
            (
                case.asset, case.part, case.repair_group, case.state, case.severity, case.fault_classes, case.since_ms,
                case.opened_ms, case.closed_ms, case.reopened, case.unstable,
            )
            for case in bench.faults()
        )  # fmt: skip

    @invariant()
    def what_is_recorded_does_not_depend_on_storms_or_restarts(self) -> None:
        assert self.recorded(self.desk) == self.recorded(self.plain)

    @invariant()
    def every_finding_has_the_same_case_with_and_without_storms(self) -> None:
        for key in self.firing:
            pair = []
            for bench in (self.desk, self.plain):
                with bench.store.read() as tx:
                    row = tx.findings.get(key)
                    assert row is not None
                    assert row.case is not None
                    case = tx.cases.get(row.case)
                    pair.append((case.asset, case.part, case.repair_group, case.opened_ms, row.held))
            assert pair[0] == pair[1]

    @invariant()
    def a_case_is_in_one_storm_that_stands_and_storms_are_no_faults(self) -> None:
        by_id = {case.id: case for case in self.desk.cases()}
        for case in by_id.values():
            if case.parent is None or case.state not in OPEN_STATES or case.state is CaseState.VERIFYING:
                continue
            parent = by_id[case.parent]
            assert parent.repair_group == STORM_GROUP
            assert parent.state in OPEN_STATES
            assert not parent.clear_since_ms
            assert case.severity <= parent.severity
        assert self.plain.storms() == []

    @invariant()
    def nobody_is_told_of_a_case_in_a_storm_but_where_it_went_and_its_end(self) -> None:
        for news in self.desk.announcements.news:
            if news.case.parent is not None:
                assert news.entry.code in ("storm_joined", "closed", "cancelled")

    @invariant()
    def what_is_open_was_told_or_its_storm_was(self) -> None:
        told = {news.case.id for news in self.desk.announcements.news}
        by_id = {case.id: case for case in self.desk.cases(open_only=True)}
        for case in by_id.values():
            head = case
            while head.parent is not None and head.parent in by_id:
                head = by_id[head.parent]
            assert head.id in told or (case.state is CaseState.VERIFYING and case.parent is not None)


NoiseMachine.TestCase.settings = settings(
    max_examples=12, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
TestNoiseLaws = NoiseMachine.TestCase


class WindowMachine(RuleBasedStateMachine):
    """One desk has windows, the other none; both are told the same."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.desk = Noisy(opened(self.folder.name, "windows"), kinds=())
        self.plain = Noisy(opened(self.folder.name, "plain"), kinds=())
        self.now = NOON
        self.firing: dict[FindingKey, Transition] = {}
        self.assets: list[Asset] = []
        self.windows: list[str] = []

    def teardown(self) -> None:
        for bench in (self.desk, self.plain):
            bench.store.close()
        self.folder.cleanup()

    @initialize()
    def machines_stand_in_racks(self) -> None:
        for site, rack in PLACES:
            self.assets = [*self.assets, self.desk.machine(site, rack, tags=("db",) if rack != "R1" else ())]
            self.plain.machine(site, rack)

    @rule(
        number=st.integers(0, 4),
        fault=st.sampled_from(FAULTS[:3]),
        severity=st.sampled_from([Severity.MINOR, Severity.CRITICAL]),
    )
    def a_fault_fires_or_clears(self, number: int, fault: tuple[str, str, Part], severity: Severity) -> None:
        self.now += 1000
        fault_class, group, part = fault
        made = raised(self.assets[number], fault_class, at=self.now, part=part, severity=severity, group=group)
        known = self.firing.pop(made.key, None)
        if known is None:
            self.firing[made.key] = made
        else:
            made = cleared(known, self.now)
        for bench in (self.desk, self.plain):
            bench.apply(made, at=self.now)

    @rule(
        where=st.sampled_from(WINDOWS),
        hours=st.sampled_from([0.01, 0.5, 2, 30]),
    )
    def a_window_opens(self, where: tuple[Breadth, str], hours: float) -> None:
        self.now += 1
        self.windows.append(self.desk.open_now(*where, at=self.now, hours=hours).id.hex())

    @precondition(lambda self: self.windows)
    @rule(data=st.data(), longer=st.booleans())
    def a_window_is_ended_or_prolonged(self, data: st.DataObject, longer: bool) -> None:
        self.now += 1
        id = data.draw(st.sampled_from(self.windows))
        try:
            with self.desk.store.write() as tx:
                if longer:
                    self.desk.windows.extend(tx, id, until_ms=self.now + HOUR, by=LI, now_ms=self.now)
                else:
                    self.desk.windows.end(tx, id, by=LI, now_ms=self.now)
        except IllegalAction:
            return

    @rule(step=st.sampled_from([1000, MINUTE, HOUR, DAY]))
    def time_passes(self, step: int) -> None:
        self.now += step
        for bench in (self.desk, self.plain):
            bench.tick(self.now)

    @invariant()
    def a_case_never_opens_sooner_for_a_window(self) -> None:
        first: dict[tuple[object, ...], int] = {}
        for case in self.plain.cases():
            first.setdefault((case.asset, case.part, case.repair_group), case.opened_ms)
        for case in self.desk.cases():
            assert case.opened_ms >= first[case.asset, case.part, case.repair_group]

    @invariant()
    def what_fires_has_a_case_or_is_held_by_a_window_that_ends(self) -> None:
        with self.desk.store.read() as tx:
            for key in self.firing:
                row = tx.findings.get(key)
                assert row is not None
                assert row.firing
                assert (row.case is not None) != (row.held == "window")
                assert row.held == "" or row.held_until_ms > 0

    def after_all_windows(self) -> None:
        self.now += 40 * DAY
        for bench in (self.desk, self.plain):
            bench.tick(self.now)

    @rule()
    def once_every_window_is_over_all_that_fires_is_open(self) -> None:
        self.after_all_windows()
        with self.desk.store.read() as tx:
            for key in self.firing:
                row = tx.findings.get(key)
                assert row is not None
                assert row.case is not None
                assert tx.cases.get(row.case).state in OPEN_STATES


WindowMachine.TestCase.settings = settings(
    max_examples=12, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
TestWindowLaws = WindowMachine.TestCase
