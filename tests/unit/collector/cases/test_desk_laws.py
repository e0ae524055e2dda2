"""Laws of the desk, tried against whatever findings, people and time do in whatever order."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hardcase_collector.cases.workflow import OPEN_STATES
from hardcase_collector.domain.asset import Asset, AssetMode, Part
from hardcase_collector.domain.case import CaseAction, Outcome
from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.domain.finding import Change, Severity, Transition
from hardcase_collector.domain.ports import CaseFilter, Window
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.fakes.empty_store import empty_store
from tests.unit.collector.cases.bench import DAY, HOUR, LI, MINUTE, NOON, Bench, cleared, raised, worsened

# Many examples of many steps, each on a real store.
pytestmark = pytest.mark.timeout(300)

PARTS = (
    Part(component="psu", slot="PSU1"),
    Part(component="psu", slot="PSU1", model="P", serial="1"),
    Part(component="psu", slot="PSU1", model="P", serial="2"),
    Part(component="psu", slot="PSU2"),
)
parts = st.sampled_from(PARTS)
groups = st.sampled_from(["psu", "link"])
classes = st.sampled_from(["psu.input_lost", "psu.failed"])
severities = st.sampled_from([Severity.WARNING, Severity.MINOR, Severity.MAJOR, Severity.CRITICAL])


class DeskMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.bench = Bench(empty_store(Path(self.folder.name) / "s.db"))
        self.now = NOON
        self.firing: dict[object, Transition] = {}
        self.story: list[Transition] = []
        self.assets: list[Asset] = []
        self.times: set[int] = set()

    def at(self, wanted: int) -> int:
        """A time that no transition had yet: the same one at the same time is the same one told again."""
        while wanted in self.times:
            wanted += 1
        self.times.add(wanted)
        return wanted

    def teardown(self) -> None:
        self.bench.store.close()
        self.folder.cleanup()

    @initialize()
    def assets_join(self) -> None:
        self.assets = [
            self.bench.asset("dell|1"),
            self.bench.asset("dell|2", AssetMode.JOINING, NOON + DAY),
            self.bench.asset("rehearsal|3"),
        ]

    def play(self, *transitions: Transition) -> None:
        self.bench.apply(*transitions, at=self.now)
        self.story.extend(transitions)

    @rule(
        which=st.integers(0, 2),
        part=parts,
        group=groups,
        fault_class=classes,
        severity=severities,
        backlog=st.booleans(),
        sensor=st.sampled_from(["a", "b"]),
    )
    def a_finding_fires(
        self, which: int, part: Part, group: str, fault_class: str, severity: Severity, backlog: bool, sensor: str
    ) -> None:
        self.now += 1000
        transition = raised(
            self.assets[which],
            fault_class,
            at=self.at(self.now - (HOUR if backlog else 0)),
            part=part,
            severity=severity,
            group=group,
            sensor=sensor,
            backlog=backlog,
            opens=severity > Severity.WARNING,
        )
        if transition.key in self.firing:
            change = Change.WORSENED if severity > self.firing[transition.key].severity else Change.EASED
            transition = replace(transition, change=change)
        self.firing[transition.key] = transition
        self.play(transition)

    @precondition(lambda self: self.firing)
    @rule(data=st.data())
    def a_finding_clears(self, data: st.DataObject) -> None:
        self.now += 1000
        key = data.draw(st.sampled_from(list(self.firing)))
        self.play(cleared(self.firing.pop(key), self.at(self.now)))

    @precondition(lambda self: self.firing)
    @rule(data=st.data())
    def a_finding_gets_critical(self, data: st.DataObject) -> None:
        self.now += 1000
        key = data.draw(st.sampled_from(list(self.firing)))
        self.firing[key] = worsened(self.firing[key], Severity.CRITICAL, self.at(self.now), opens=True)
        self.play(self.firing[key])

    @rule(step=st.sampled_from([1, MINUTE, HOUR, DAY, 20 * DAY]))
    def time_passes(self, step: int) -> None:
        self.now += step
        self.bench.tick(self.now)

    @rule(which=st.integers(0, 2), minutes=st.integers(1, 120))
    def a_window_opens(self, which: int, minutes: int) -> None:
        window = Window(
            id=self.now.to_bytes(8, "big"),
            asset=self.assets[which].id,
            from_ms=self.now,
            until_ms=self.now + minutes * MINUTE,
            reason="fans",
            by="li",
        )
        with self.bench.store.write() as tx:
            tx.assets.open_window(window)

    @rule(which=st.integers(0, 2))
    def an_agent_catches_up(self, which: int) -> None:
        with self.bench.store.write() as tx:
            self.bench.desk.caught_up(tx, assets=[self.assets[which].id], now_ms=self.now)

    @rule(open_cases=st.booleans())
    def somebody_settles_the_joining_list(self, open_cases: bool) -> None:
        with self.bench.store.write() as tx:
            self.bench.actions.settle_joining(
                tx, self.assets[1].id, open_cases=open_cases, by=LI, reason="", now_ms=self.now
            )

    @rule(data=st.data(), action=st.sampled_from(list(CaseAction)))
    def somebody_acts(self, data: st.DataObject, action: CaseAction) -> None:
        cases = self.bench.cases()
        if not cases:
            return
        case = data.draw(st.sampled_from(cases))
        try:
            with self.bench.store.write() as tx:
                self.bench.actions.act(tx, case, action, by=LI, reason="", now_ms=self.now, outcome=Outcome.REPAIRED)
        except IllegalAction:
            pass

    @precondition(lambda self: self.story)
    @rule(data=st.data())
    def the_past_is_told_again(self, data: st.DataObject) -> None:
        first = data.draw(st.integers(0, len(self.story) - 1))
        # No group is settled twice over a month later: by then the desk has forgotten what it was told.
        remembered = self.now - self.bench.settings.changes_kept_ms
        before = self.everything()
        self.bench.apply(*(told for told in self.story[first:] if told.time_ms >= remembered), at=self.now)
        assert self.everything() == before

    def everything(self) -> object:
        with self.bench.store.read() as tx:
            cases = tx.cases.list(CaseFilter(customer=None, open_only=False))
            timelines = [tx.cases.timeline(case.id) for case in cases]
            findings = [tx.findings.of_asset(asset.id, firing=None) for asset in self.assets]
            return cases, timelines, findings, tx.outbox.counts()

    @invariant()
    def what_fires_is_what_the_rules_said(self) -> None:
        with self.bench.store.read() as tx:
            stored = {row.key for asset in self.assets for row in tx.findings.of_asset(asset.id, firing=True)}
        assert stored == set(self.firing)

    @invariant()
    def every_finding_that_opens_has_exactly_one_open_case_and_every_other_a_reason(self) -> None:
        with self.bench.store.read() as tx:
            for asset in self.assets:
                for row in tx.findings.of_asset(asset.id, firing=True):
                    if row.held:
                        continue
                    assert row.case is not None
                    case = tx.cases.get(row.case)
                    assert case.state in OPEN_STATES
                    assert (case.asset, case.repair_group) == (asset.id, row.repair_group)
                    assert case.severity >= row.severity

    @invariant()
    def one_part_and_group_has_one_open_case(self) -> None:
        keys = [(case.asset, case.part.key(), case.repair_group) for case in self.bench.cases(open_only=True)]
        assert len(keys) == len(set(keys))

    @invariant()
    def every_entry_is_a_version_and_the_outbox_keeps_their_order(self) -> None:
        with self.bench.store.read() as tx:
            for case in tx.cases.list(CaseFilter(customer=None, open_only=False)):
                versions = [entry.version for entry in tx.cases.timeline(case.id)]
                assert versions == list(range(1, case.version + 1))
                owed = [row.version for row in tx.outbox.of_case(case.id)]
                assert owed == sorted(owed)
                assert set(owed) <= set(versions)

    @invariant()
    def a_case_is_closed_exactly_when_it_says_when(self) -> None:
        for case in self.bench.cases():
            assert (case.closed_ms > 0) == (case.state not in OPEN_STATES)


DeskMachine.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestDeskLaws = DeskMachine.TestCase
