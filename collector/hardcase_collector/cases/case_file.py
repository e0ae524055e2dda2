"""One case in one transaction: every change is a version, a timeline entry and its news, or nothing.

Used by `desk.py` and `actions.py`; the only place that writes cases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypedDict, Unpack

from hardcase_collector.cases import clockwork, readiness
from hardcase_collector.cases.workflow import CLEARS_FROM, OPEN_STATES, next_state, waiting_in
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.case import Case, CaseAction, CaseState, Outcome, TimelineEntry, Waiting
from hardcase_collector.domain.finding import Fact, Severity, Why
from hardcase_collector.domain.noise import STORM_GROUP
from hardcase_collector.domain.ports import Announcer, CaseNews, FindingRow, Transaction
from hardcase_collector.domain.priority import Priority, ServiceState
from hardcase_collector.domain.stored import SentLink

COLLECTOR = "collector"
_TOLD_IN_STORM = frozenset({"storm_joined", "closed", "cancelled"})


class Changes(TypedDict, total=False):
    """Fields of a case that an entry may change."""

    asset: int
    """Only of a case that was reported without it."""
    state: CaseState
    part: Part
    repair_group: str
    severity: Severity
    fault_classes: tuple[str, ...]
    acknowledged_ms: int
    acknowledged_by: str
    closed_ms: int
    clear_since_ms: int
    self_clearing: bool
    soak_s: int
    reopened: int
    unstable: bool
    priority: Priority
    service: ServiceState
    assignee: str
    team: str
    waiting: Waiting
    outcome: Outcome
    loose: bool
    parent: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """When, by whom, and from when on others may hear of it."""

    now_ms: int
    actor: str = COLLECTOR
    not_before_ms: int = 0
    why: Why | None = None
    quiet: bool = False
    """True: on the timeline, but nobody is told."""
    link: SentLink | None = None
    """Goes out with the news; the timeline never holds it."""


class CaseFile:
    """Opens and changes cases in one transaction."""

    def __init__(self, tx: Transaction, announcer: Announcer) -> None:
        self._tx = tx
        self._announcer = announcer
        self.unreadable: dict[str, str] = {}
        """Cases whose clocks could not be told, with the reason."""

    def open(self, case: Case) -> Case:
        """Stores a new case at version 1. `enter` its first entry once its finding is linked to it."""
        return self._tx.cases.add(replace(case, version=1))

    def enter(
        self,
        case: Case,
        code: str,
        occasion: Occasion,
        parameters: Mapping[str, Fact],
        *,
        findings: tuple[FindingRow, ...] | None = None,
    ) -> None:
        """Writes the entry of the case's present version, and its news. `findings`: those that fire, where known.

        Where it moves the clocks, when to look at them next is kept in the same transaction.
        """
        entry = TimelineEntry(
            case=case.id,
            version=case.version,
            code=code,
            at_ms=occasion.now_ms,
            actor=occasion.actor,
            parameters=dict(parameters),
        )
        self._tx.cases.add_entry(entry)
        if code in clockwork.MOVING:
            self._keep_clocks(case, occasion.now_ms)
        if not occasion.quiet and not self._hushed(case, code):
            if findings is None:
                findings = tuple(self._tx.findings.firing_of_case(case.id))
            self._announcer.announce(
                self._tx,
                CaseNews(
                    case=case,
                    asset=self._tx.assets.by_number(case.asset),
                    entry=entry,
                    findings=findings,
                    why=occasion.why,
                    not_before_ms=occasion.not_before_ms,
                    link=occasion.link,
                    storm="" if case.parent is None else self._tx.cases.get(case.parent).number,
                ),
            )

    def change(
        self,
        case: Case,
        code: str,
        occasion: Occasion,
        parameters: Mapping[str, Fact],
        **changes: Unpack[Changes],
    ) -> Case:
        """The next version of the case, with its entry and news."""
        changed = self._next(self._caught_up(case, occasion.now_ms), code, occasion, parameters, changes)
        if changes.keys() & {"parent", "asset", "team"} and code not in clockwork.MOVING:
            self._keep_clocks(changed, occasion.now_ms)
        return changed

    def tell_clocks(self, case: Case, now_ms: int) -> Case:
        """Enters every step, forecast, breach and call that is due by now and was not told yet."""
        sight = clockwork.look(self._tx, case, now_ms)
        occasion = Occasion(now_ms=now_ms)
        if sight.unreadable:
            self.unreadable[case.number] = sight.unreadable
        for telling in sight.tellings:
            case = self._next(case, telling.code, occasion, telling.parameters, {})
        self._keep(case, sight)
        return case

    def _caught_up(self, case: Case, now_ms: int) -> Case:
        """What the clocks had to tell before this moment comes before what happens now."""
        row = self._tx.clocks.clock(case.id)
        return self.tell_clocks(case, now_ms) if row is not None and 0 < row.look_ms <= now_ms else case

    def _next(
        self, case: Case, code: str, occasion: Occasion, parameters: Mapping[str, Fact], changes: Changes
    ) -> Case:
        changed = replace(case, version=case.version + 1, **changes)
        self._tx.cases.save(changed)
        self.enter(changed, code, occasion, parameters)
        return changed

    def _keep_clocks(self, case: Case, now_ms: int) -> None:
        """What is due at once (a forecast, because somebody expects to be late) is told by the next tick."""
        sight = clockwork.look(self._tx, case, now_ms)
        row = sight.row
        if row is not None and sight.tellings:
            row = replace(row, look_ms=now_ms)
        self._keep(case, replace(sight, row=row))

    def _keep(self, case: Case, sight: clockwork.Sight) -> None:
        if sight.row is None:
            self._tx.clocks.drop(case.id)
        else:
            self._tx.clocks.save(sight.row)

    def move(
        self,
        case: Case,
        action: CaseAction,
        occasion: Occasion,
        parameters: Mapping[str, Fact],
        **changes: Unpack[Changes],
    ) -> Case:
        """Takes an action of the workflow table. Raises IllegalAction, also where its ground is not in writing."""
        state = next_state(case.state, action)
        readiness.check(self._tx, case, action)
        told: dict[str, Fact] = {**parameters, "action": str(action), "from": str(case.state), "to": str(state)}
        ends = state in (CaseState.CLOSED, CaseState.CANCELLED)
        if ends:
            changes["closed_ms"] = occasion.now_ms
            self._settle_firing(case)
            case, told["with_vendor"] = self._end_hand_offs(case, state, occasion)
            if not told["with_vendor"]:
                del told["with_vendor"]
        code = str(state) if ends else "moved"
        if case.state not in OPEN_STATES:
            # The storm that it belonged to when it ended is not the one it comes back in.
            changes.setdefault("parent", None)
        changes["state"] = state
        changes.setdefault("waiting", waiting_in(state, case.waiting))
        if case.outcome and not ends:
            changes["outcome"] = Outcome.UNKNOWN
        moved = self.change(case, code, occasion, told, **changes)
        if ends and case.repair_group == STORM_GROUP:
            self.let_children_go(moved, occasion)
        return moved

    def _end_hand_offs(self, case: Case, state: CaseState, occasion: Occasion) -> tuple[Case, str]:
        """A repair that is over is with no vendor any more. With the names of those who were not done."""
        vendors = []
        for one in self._tx.repairs.hand_offs(case.id):
            if one.done_ms:
                continue
            self._tx.repairs.save_hand_off(replace(one, done_ms=occasion.now_ms))
            told: dict[str, Fact] = {
                "vendor": one.vendor,
                "vendor_case": one.vendor_case,
                "rma": one.rma,
                "cause": str(state),
            }
            case = self.change(case, "vendor_ended", occasion, {name: fact for name, fact in told.items() if fact})
            vendors.append(one.vendor)
        return case, ", ".join(vendors)

    def let_children_go(self, parent: Case, occasion: Occasion) -> None:
        """A storm is over: what still stands is a case like any other now. What mends by itself ends quietly."""
        for child in self._tx.noise.children(parent.id):
            mends = child.state is CaseState.VERIFYING and child.self_clearing and not child.unstable
            if child.state in OPEN_STATES and not mends:
                self.leave_storm(child, parent, "storm_over", occasion)

    def leave_storm(self, child: Case, parent: Case, cause: str, occasion: Occasion) -> Case:
        """From now on it is told and runs clocks of its own."""
        told: dict[str, Fact] = {"storm": parent.number, "cause": cause}
        alone = Occasion(now_ms=occasion.now_ms, not_before_ms=occasion.not_before_ms)
        return self.change(child, "storm_left", alone, told, parent=None)

    def _hushed(self, case: Case, code: str) -> bool:
        """Of a case in a storm only the storm's is told; but who heard of it before hears where it went and its end."""
        if case.parent is None:
            return False
        return code not in _TOLD_IN_STORM or not self._tx.outbox.of_case(case.id)

    def verify_if_clear(self, case: Case, occasion: Occasion) -> Case:
        """Moves on to verifying where nothing fires any more and nobody is at work on it."""
        if case.state not in CLEARS_FROM or case.unstable or not case.clear_since_ms:
            return case
        return self.move(case, CaseAction.VERIFY, occasion, {"cause": "clear"})

    def _settle_firing(self, case: Case) -> None:
        """A person has decided about what still fires: it opens again only when it gets worse or comes back."""
        for finding in self._tx.findings.firing_of_case(case.id):
            self._tx.findings.hold(finding.id, held="settled", held_until_ms=0, case=case.id)
