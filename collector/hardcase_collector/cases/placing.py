"""Finds or makes the case of a finding: the open one of its part and group, the one closed lately, or a new one.

Called by `desk.py` once a finding may open. Every step here is an index search: the desk's cost does not grow with
the number of cases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from hardcase_collector.cases.case_file import CaseFile, Occasion
from hardcase_collector.cases.opening import Opening
from hardcase_collector.cases.recurrence import case_of_slot, part_now, slot_facts, within_slot
from hardcase_collector.domain.case import Case, CaseAction, CaseState, Outcome
from hardcase_collector.domain.correlation import Join, Relation, Subject, case_of, case_of_part, told_of
from hardcase_collector.domain.finding import Change, Fact, Transition, Why
from hardcase_collector.domain.noise import STORM_GROUP
from hardcase_collector.domain.ports import Announcer, FindingRow, Transaction

_HOUR_MS = 3_600_000
# What a line of the timeline shows of the evidence; the whole of it is kept with the finding.
_TOLD = ("sensor", "name", "value", "unit", "limit", "limit_name", "limit_source", "state", "text", "code")


Belonging = tuple[Case, Relation]
"""The open case of a finding, and why it is that one."""


class Placing:
    def __init__(
        self,
        announcer: Announcer,
        *,
        reopen_ms: int,
        flap_raises: int,
        flap_raises_a_day: int = 6,
        joins: Callable[[], Sequence[Join]] = tuple,
        opening: Opening | None = None,
    ) -> None:
        """`joins`: what follows from what, as the sheets say now. `opening` None: with the shipped sheets."""
        self.opening = opening or Opening()
        self._announcer = announcer
        self._reopen_ms = reopen_ms
        self._flap_raises = flap_raises
        self._flap_raises_a_day = flap_raises_a_day
        self._joins = joins

    def open_case(self, tx: Transaction, transition: Transition) -> Belonging | None:
        """The open case this finding belongs to, and why. A drill's findings stay among themselves."""
        named = str(transition.evidence.get("name", ""))
        subject = Subject(transition.part, transition.repair_group, transition.fault_class, named)
        cases = [
            case
            for case in tx.cases.open_of(transition.key.asset)
            if case.rehearsal == transition.rehearsal and case.repair_group != STORM_GROUP
        ]
        found = case_of(subject, cases, self._joins()) or told_of(subject, cases)
        return within_slot(tx, transition, cases, found)

    def place(
        self,
        tx: Transaction,
        transition: Transition,
        belonging: Belonging | None,
        held: FindingRow | None,
        *,
        now_ms: int,
        not_before_ms: int,
        storm: Case | None = None,
    ) -> None:
        """Gives the finding its case. `belonging`: what `open_case` found. `held`: the finding is stored already.

        `storm`: a case that is opened, first or again, goes under this one.
        """
        if belonging is not None:
            self._join(tx, transition, belonging, held, now_ms, not_before_ms)
            return
        last = self._last_of(tx, transition, now_ms)
        if last is not None and last.state is CaseState.CLOSED and now_ms - last.closed_ms <= self._reopen_ms:
            self._reopen(tx, transition, last, held, now_ms, not_before_ms, storm)
        else:
            self._open(tx, transition, last, held, now_ms, not_before_ms, storm)

    def _last_of(self, tx: Transaction, transition: Transition, now_ms: int) -> Case | None:
        """The newest case of the part that ended: by its own name ever, by another observer's within reopening."""
        asset, group = transition.key.asset, transition.repair_group
        last = tx.cases.last_closed_for(asset=asset, part_key=transition.part.key(), repair_group=group, since_ms=0)
        since_ms = now_ms - self._reopen_ms
        if last is not None and last.closed_ms >= since_ms:
            return last
        ended = tx.cases.closed_of(asset=asset, repair_group=group, since_ms=since_ms)
        told = Subject(transition.part, group, transition.fault_class)
        known = case_of_part(told, [case for case in ended if case.rehearsal == transition.rehearsal])
        if known is not None:
            return known[0]
        there = case_of_slot(tx, transition)
        return max((case for case in (last, there) if case is not None), key=_ended, default=None)

    def _open(
        self,
        tx: Transaction,
        transition: Transition,
        last: Case | None,
        held: FindingRow | None,
        now_ms: int,
        not_before_ms: int,
        storm: Case | None,
    ) -> None:
        file = CaseFile(tx, self._announcer)
        case, terms = self.opening.open(
            tx,
            file,
            Case(
                id=0,
                number="",
                asset=transition.key.asset,
                part=transition.part,
                repair_group=transition.repair_group,
                state=CaseState.NEW,
                severity=transition.severity,
                fault_classes=(transition.fault_class,),
                since_ms=held.since_ms if held is not None else transition.time_ms,
                opened_ms=now_ms,
                version=1,
                self_clearing=transition.self_clearing,
                soak_s=transition.soak_s,
                rehearsal=transition.rehearsal,
                linked=None if last is None else last.id,
                parent=None if storm is None else storm.id,
            ),
            now_ms=now_ms,
        )
        link: dict[str, Fact] = {} if last is None else {"linked": last.number}
        link |= {} if last is None else slot_facts(tx, last.asset, transition.part)
        link |= {} if storm is None else {"storm": storm.number}
        why = decided(transition, now_ms, case, "rehearsal" if transition.rehearsal else "opened", link)
        row = self._attach(tx, transition, case, held, why)
        occasion = Occasion(now_ms=now_ms, not_before_ms=not_before_ms, why=why)
        file.enter(case, "opened", occasion, {**_told(transition), **terms, **link}, findings=(row,))
        if transition.evidence.get("unstable") is True:
            self._mark_unstable(tx, file, case, transition, row.id, occasion)

    def _reopen(
        self,
        tx: Transaction,
        transition: Transition,
        last: Case,
        held: FindingRow | None,
        now_ms: int,
        not_before_ms: int,
        storm: Case | None,
    ) -> None:
        file = CaseFile(tx, self._announcer)
        slot = slot_facts(tx, last.asset, transition.part)
        under: dict[str, Fact] = {} if storm is None else {"storm": storm.number}
        again: dict[str, Fact] = {"closed_ms": last.closed_ms, "within_ms": self._reopen_ms, **under}
        why = decided(transition, now_ms, last, "reopened", again)
        for settled in tx.findings.firing_of_case(last.id):
            tx.findings.hold(settled.id, held="", held_until_ms=0, case=last.id)
        row = self._attach(tx, transition, last, held, why)
        occasion = Occasion(now_ms=now_ms, not_before_ms=not_before_ms, why=why)
        self.opening.again(tx, last, now_ms=now_ms)
        case = file.change(
            last,
            "reopened",
            occasion,
            {**_told(transition), "closed_ms": last.closed_ms, **slot, **under},
            state=CaseState.NEW,
            part=part_now(last.part, transition.part, Relation.SAME_PLACE),
            severity=transition.severity,
            fault_classes=_with(last.fault_classes, transition.fault_class),
            closed_ms=0,
            outcome=Outcome.UNKNOWN,
            clear_since_ms=0,
            acknowledged_ms=0,
            acknowledged_by="",
            reopened=last.reopened + 1,
            parent=None if storm is None else storm.id,
            self_clearing=last.self_clearing and transition.self_clearing,
            soak_s=max(last.soak_s, transition.soak_s),
        )
        case = self._weigh(tx, file, case, occasion, "reopened")
        self._mark_unstable(tx, file, case, transition, row.id, occasion)

    def _join(
        self,
        tx: Transaction,
        transition: Transition,
        belonging: Belonging,
        held: FindingRow | None,
        now_ms: int,
        not_before_ms: int,
    ) -> None:
        file = CaseFile(tx, self._announcer)
        case, relation = belonging
        why = decided(transition, now_ms, case, "joined", {"relation": relation.value})
        row = self._attach(tx, transition, case, held, why)
        occasion = Occasion(now_ms=now_ms, not_before_ms=not_before_ms, why=why, quiet=case.unstable)
        new_class = transition.fault_class not in case.fault_classes
        case = file.change(
            case,
            "joined" if new_class else "finding_raised",
            replace(occasion, quiet=case.unstable and not new_class),
            {**_told(transition), "relation": relation.value},
            part=part_now(case.part, transition.part, relation),
            repair_group=transition.repair_group if relation is Relation.CAUSE else case.repair_group,
            fault_classes=_with(case.fault_classes, transition.fault_class),
            clear_since_ms=0,
            self_clearing=case.self_clearing and transition.self_clearing,
            soak_s=max(case.soak_s, transition.soak_s),
            loose=False,
        )
        if case.state is CaseState.VERIFYING:
            case = file.move(case, CaseAction.REOPEN, occasion, {"cause": "fired_again"})
        before = case.severity
        case = self._raise_severity(file, case, transition, occasion)
        if new_class or case.severity != before:
            case = self._weigh(tx, file, case, occasion, "joined" if new_class else "severity_raised")
        self._mark_unstable(tx, file, case, transition, row.id, occasion)

    def note_severity(
        self,
        tx: Transaction,
        case: Case,
        transition: Transition,
        finding: int,
        *,
        now_ms: int,
        not_before_ms: int,
    ) -> None:
        """A finding of the case changed its severity. The case's own rises with it, and never falls by itself."""
        file = CaseFile(tx, self._announcer)
        occasion = Occasion(now_ms=now_ms, not_before_ms=not_before_ms, quiet=case.unstable)
        raised = self._raise_severity(file, case, transition, occasion)
        if raised.version == case.version:
            code = "finding_worsened" if transition.change is not Change.EASED else "finding_eased"
            raised = file.change(case, code, replace(occasion, quiet=True), _told(transition))
        else:
            raised = self._weigh(tx, file, raised, occasion, "severity_raised")
        self._mark_unstable(tx, file, raised, transition, finding, occasion)

    def _raise_severity(self, file: CaseFile, case: Case, transition: Transition, occasion: Occasion) -> Case:
        if transition.severity <= case.severity:
            return case
        told = {**_told(transition), "from": case.severity.word, "to": transition.severity.word}
        return file.change(case, "severity_raised", replace(occasion, quiet=False), told, severity=transition.severity)

    def _weigh(self, tx: Transaction, file: CaseFile, case: Case, occasion: Occasion, because: str) -> Case:
        """How urgent it is now. What a person chose stays, and it never falls by itself."""
        if case.rehearsal:
            return case
        urgency = self.opening.urgency(tx, case, case.part, case.fault_classes, now_ms=occasion.now_ms)
        if urgency.priority >= case.priority or self.opening.chosen(tx, case):
            return case
        told: dict[str, Fact] = {
            "priority": str(urgency.priority),
            "from": str(case.priority),
            "reason": because,
            "service": str(urgency.service),
            "service_row": urgency.row,
        }
        moved = replace(occasion, quiet=case.unstable)
        return file.change(case, "priority_changed", moved, told, priority=urgency.priority, service=urgency.service)

    def _mark_unstable(
        self,
        tx: Transaction,
        file: CaseFile,
        case: Case,
        transition: Transition,
        finding: int,
        occasion: Occasion,
    ) -> None:
        """Once per case: after this its comings and goings are on the timeline, and nobody is woken for them."""
        if case.unstable:
            return
        told = transition.evidence.get("unstable") is True
        for span_ms, raises in ((_HOUR_MS, self._flap_raises), (24 * _HOUR_MS, self._flap_raises_a_day)):
            told = told or tx.findings.raises(finding, since_ms=transition.time_ms - span_ms) >= raises
        if told:
            file.change(case, "unstable", replace(occasion, quiet=False), _told(transition), unstable=True)

    def _attach(
        self, tx: Transaction, transition: Transition, case: Case, held: FindingRow | None, why: Why
    ) -> FindingRow:
        if held is None:
            row = tx.findings.save(transition, case=case.id, held="", held_until_ms=0)
        else:
            tx.findings.hold(held.id, held="", held_until_ms=0, case=case.id)
            row = replace(held, held="", held_until_ms=0, case=case.id)
        tx.findings.add_why(why)
        return row


def _ended(case: Case) -> tuple[int, int]:
    return case.closed_ms, case.id


def decided(transition: Transition, now_ms: int, case: Case | None, reason: str, facts: Mapping[str, Fact]) -> Why:
    """The stored answer to "why did this (not) open a case?"."""
    key = transition.key
    return Why(
        asset=key.asset,
        rule=key.rule,
        part=key.part,
        sensor=key.sensor,
        time_ms=transition.time_ms,
        decided_ms=now_ms,
        opened=case is not None,
        case=None if case is None else case.id,
        reason=reason,
        facts={
            **_told(transition),
            "dedupe_key": f"{key.asset}/{transition.part.key()}/{transition.repair_group}",
            **facts,
        },
    )


def _told(transition: Transition) -> dict[str, Fact]:
    told: dict[str, Fact] = {
        "rule": transition.key.rule,
        "fault_class": transition.fault_class,
        "severity": transition.severity.word,
        "time_ms": transition.time_ms,
        "count": transition.debounced,
    }
    return told | {name: transition.evidence[name] for name in _TOLD if name in transition.evidence}


def _with(classes: tuple[str, ...], fault_class: str) -> tuple[str, ...]:
    return classes if fault_class in classes else (*classes, fault_class)
