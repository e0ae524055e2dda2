"""Laws of what people do: whatever they try in whatever order, nobody does what he may not, and nothing is lost."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hardcase_collector.cases.handling import Handling
from hardcase_collector.cases.opening import Opening
from hardcase_collector.cases.reports import Reports, Telling
from hardcase_collector.cases.workflow import OPEN_STATES, TABLE, Deed, deed_of, may
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.asset import Asset, Part
from hardcase_collector.domain.case import Case, CaseAction, CaseState, Origin, Outcome, Waiting
from hardcase_collector.domain.errors import IllegalAction, NotAllowed, NotFound
from hardcase_collector.domain.finding import Severity, Transition
from hardcase_collector.domain.ports import CaseFilter, Transaction
from hardcase_collector.domain.priority import Priority
from hardcase_collector.domain.report import Category, ReportChannel
from hardcase_collector.plans.plan import PauseReason
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.fakes.empty_store import empty_store
from tests.unit.collector.cases.bench import DAY, HOUR, MINUTE, NOON, Bench, cleared, raised

# Many examples of many steps, each on a real store.
pytestmark = pytest.mark.timeout(300)

DISKS = (
    Part(component="disk", slot="Bay 3"),
    Part(component="disk", slot="Bay 3", model="ST4000", serial="ZC1"),
    Part(component="disk", slot="Bay 4"),
    Part(component="disk"),
)
CATEGORIES = tuple(
    Category(fault_class=name, group=group, severity=Severity.MAJOR)
    for name, group in (("disk.reported", "disk"), ("os.reported", "os"), ("request.upgrade", "request"))
)
PEOPLE = [
    *(Actor(name=f"the {role}", role=role, customer=None) for role in Role if role is not Role.CUSTOMER_CONTACT),
    Actor(name="ours", role=Role.CUSTOMER_CONTACT, customer="north"),
    Actor(name="theirs", role=Role.CUSTOMER_CONTACT, customer="south"),
    Actor(name="their engineer", role=Role.ENGINEER, customer="south"),
]
people = st.sampled_from(PEOPLE)


class PeopleMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.bench = Bench(empty_store(Path(self.folder.name) / "s.db"))
        self.reports = Reports(self.bench.announcements, Opening(), lambda: CATEGORIES)
        self.handling = Handling(self.bench.announcements)
        self.now = NOON
        self.firing: dict[object, Transition] = {}
        self.assets: list[Asset] = []
        self.keyed: dict[str, int] = {}

    def teardown(self) -> None:
        self.bench.store.close()
        self.folder.cleanup()

    @initialize()
    def there_are_assets(self) -> None:
        self.assets = [self.bench.asset("dell|1"), self.bench.asset("rehearsal|2")]

    def attempt(self, by: Actor, deed: Deed, does: Callable[[Transaction], object]) -> bool:
        """Whether it was done. Refused for his role exactly where the table says so, unless it was illegal first."""
        self.now += 1000
        try:
            with self.bench.store.write() as tx:
                does(tx)
        except NotAllowed:
            assert not may(by.role, deed)
            return False
        except (IllegalAction, NotFound):
            return False
        assert may(by.role, deed)
        assert by.customer in (None, "north")
        return True

    def any_case(self, data: st.DataObject) -> Case | None:
        cases = self.bench.cases()
        return data.draw(st.sampled_from(cases)) if cases else None

    @rule(
        which=st.integers(0, 1),
        part=st.sampled_from(DISKS),
        severity=st.sampled_from([Severity.MINOR, Severity.CRITICAL]),
    )
    def a_finding_fires(self, which: int, part: Part, severity: Severity) -> None:
        self.now += 1000
        told = raised(
            self.assets[which],
            "disk.failed",
            at=self.now,
            part=part,
            severity=severity,
            group="disk",
            sensor=part.key(),
        )
        if told.key not in self.firing:
            self.firing[told.key] = told
            self.bench.apply(told, at=self.now)

    @precondition(lambda self: self.firing)
    @rule(data=st.data())
    def a_finding_clears(self, data: st.DataObject) -> None:
        self.now += 1000
        told = self.firing.pop(data.draw(st.sampled_from(list(self.firing))))
        self.bench.apply(cleared(told, self.now), at=self.now)

    @rule(step=st.sampled_from([MINUTE, HOUR, DAY, 20 * DAY]))
    def time_passes(self, step: int) -> None:
        self.now += step
        self.bench.tick(self.now)

    @rule(data=st.data(), by=people, action=st.sampled_from(CaseAction), outcome=st.sampled_from(Outcome))
    def somebody_acts(self, data: st.DataObject, by: Actor, action: CaseAction, outcome: Outcome) -> None:
        case = self.any_case(data)
        if case is None:
            return
        other = self.any_case(data)
        done = self.attempt(
            by,
            deed_of(case.state, action),
            lambda tx: self.bench.actions.act(
                tx,
                case,
                action,
                by=by,
                reason="because",
                now_ms=self.now,
                outcome=outcome,
                duplicate_of=other.number if other else "",
            ),
        )
        assert not done or action in TABLE[case.state]

    @rule(data=st.data(), by=people, internal=st.booleans())
    def somebody_notes(self, data: st.DataObject, by: Actor, internal: bool) -> None:
        case = self.any_case(data)
        if case is not None:
            deed = Deed.NOTE_INTERNAL if internal else Deed.NOTE
            self.attempt(
                by,
                deed,
                lambda tx: self.bench.actions.note(tx, case, by=by, text="x", now_ms=self.now, internal=internal),
            )

    @rule(data=st.data(), by=people, reason=st.sampled_from(PauseReason), begins=st.booleans())
    def somebody_pauses(self, data: st.DataObject, by: Actor, reason: PauseReason, begins: bool) -> None:
        case = self.any_case(data)
        if case is not None:
            does = self.handling.pause if begins else self.handling.unpause
            self.attempt(by, Deed.PAUSE, lambda tx: does(tx, case, reason, by=by, now_ms=self.now))

    @rule(data=st.data(), by=people, priority=st.sampled_from(Priority))
    def somebody_weighs(self, data: st.DataObject, by: Actor, priority: Priority) -> None:
        case = self.any_case(data)
        if case is not None:
            self.attempt(
                by,
                Deed.CHANGE_PRIORITY,
                lambda tx: self.handling.change_priority(tx, case, priority, by=by, now_ms=self.now, reason="x"),
            )

    @rule(
        by=people,
        category=st.sampled_from(["disk", "os", "request.upgrade"]),
        which=st.sampled_from([0, 1, None]),
        slot=st.sampled_from(["", "Bay 3", "Bay 4"]),
        key=st.sampled_from(["", "", "k1", "k2"]),
    )
    def somebody_reports(self, by: Actor, category: str, which: int | None, slot: str, key: str) -> None:
        told = Telling(
            category=category,
            description="amber light",
            channel=ReportChannel.WEB,
            asset=None if which is None else self.assets[which].id,
            customer="north" if which is None else "",
            slot=slot,
            key=key,
        )
        before = len(self.bench.cases())
        made: list[Case] = []
        done = self.attempt(
            by, Deed.REPORT, lambda tx: made.append(self.reports.report(tx, told, by=by, now_ms=self.now).case)
        )
        known = self.keyed.get(key) if key else None
        assert len(self.bench.cases()) == before + (done and known is None)
        if done and key:
            assert self.keyed.setdefault(key, made[0].id) == made[0].id

    @rule(data=st.data(), by=people)
    def somebody_joins(self, data: st.DataObject, by: Actor) -> None:
        case = self.any_case(data)
        if case is not None:
            told = Telling(category="", description="the same", channel=ReportChannel.PHONE)
            self.attempt(by, Deed.JOIN, lambda tx: self.reports.join(tx, case, told, by=by, now_ms=self.now))

    @rule(data=st.data(), by=people, slot=st.sampled_from(["", "Bay 4"]))
    def somebody_names_the_asset(self, data: st.DataObject, by: Actor, slot: str) -> None:
        case = self.any_case(data)
        if case is not None:
            number = self.assets[0].id
            self.attempt(
                by,
                Deed.IDENTIFY,
                lambda tx: self.reports.identify(tx, case, number, by=by, now_ms=self.now, slot=slot),
            )

    @invariant()
    def every_step_on_a_timeline_is_one_of_the_table_and_leads_to_where_the_case_is(self) -> None:
        with self.bench.store.read() as tx:
            for case in tx.cases.list(CaseFilter(customer=None, open_only=False)):
                state, entries = CaseState.NEW, tx.cases.timeline(case.id)
                for entry in entries:
                    if entry.code == "reopened":
                        state = CaseState.NEW
                    elif "action" in entry.parameters:
                        action = CaseAction(str(entry.parameters["action"]))
                        assert entry.parameters["from"] == state
                        state = TABLE[state][action]
                        assert entry.parameters["to"] == state
                assert state == case.state
                assert [entry.version for entry in entries] == list(range(1, case.version + 1))

    @invariant()
    def a_case_says_when_it_ended_and_how_exactly_when_it_has_ended(self) -> None:
        for case in self.bench.cases():
            over = case.state not in OPEN_STATES
            assert (case.closed_ms > 0) == over
            assert over or case.outcome is Outcome.UNKNOWN
            assert not over or case.waiting is Waiting.NOTHING
            assert case.state is not CaseState.PROPOSED or case.waiting is Waiting.CUSTOMER

    @invariant()
    def every_finding_has_a_home(self) -> None:
        with self.bench.store.read() as tx:
            rows = [row for asset in self.assets for row in tx.findings.of_asset(asset.id, firing=True)]
            assert {row.key for row in rows} == set(self.firing)
            for row in rows:
                assert row.case is not None
                assert (tx.cases.get(row.case).state in OPEN_STATES) == (row.held == "")
                assert row.held in ("", "settled")

    @invariant()
    def a_named_part_has_one_open_case(self) -> None:
        named = [case for case in self.bench.cases(open_only=True) if not case.loose]
        keys = [(case.asset, case.part.key(), case.repair_group) for case in named]
        assert len(keys) == len(set(keys))

    @invariant()
    def what_people_opened_and_no_finding_joined_was_ended_by_people(self) -> None:
        with self.bench.store.read() as tx:
            for case in tx.cases.list(CaseFilter(customer=None, open_only=False)):
                told = case.origin is Origin.PERSON and not case.rehearsal
                if told and case.state not in OPEN_STATES:
                    assert tx.cases.timeline(case.id)[-1].actor != "collector" or len(case.fault_classes) > 1


PeopleMachine.TestCase.settings = settings(
    max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestPeopleLaws = PeopleMachine.TestCase
