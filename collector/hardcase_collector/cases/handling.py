"""How a case is handled beside its states: whose it is, how urgent, what was agreed, and why its clocks stand still.

Called by the pages and the control socket, each call within the caller's transaction. The codes written here are those
that clocks read (`plans/moments.py`). All raise NotAllowed and NotFound as `actions.allowed` does, and IllegalAction.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Unpack

from hardcase_collector.cases.actions import NOTE_KEPT, allowed
from hardcase_collector.cases.case_file import CaseFile, Changes, Occasion
from hardcase_collector.cases.workflow import OPEN_STATES, Deed
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.case import Case, CaseState, Waiting
from hardcase_collector.domain.errors import IllegalAction, NotFound
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.ports import Announcer, Transaction
from hardcase_collector.domain.priority import Priority
from hardcase_collector.domain.report import ReportChannel
from hardcase_collector.plans.moments import Code
from hardcase_collector.plans.plan import Moment, PauseReason

_WAITS = {
    PauseReason.CUSTOMER_DEFERRAL: Waiting.CUSTOMER,
    PauseReason.WAITING_FOR_CUSTOMER: Waiting.CUSTOMER,
    PauseReason.WAITING_FOR_PART: Waiting.PART,
    PauseReason.WAITING_FOR_VENDOR: Waiting.VENDOR,
    PauseReason.NO_SITE_ACCESS: Waiting.ACCESS,
}
_NEVER_ASSIGNED = frozenset({Role.CUSTOMER_CONTACT, Role.VIEWER})


class Handling:
    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer

    def assign(
        self, tx: Transaction, case: Case, *, by: Actor, now_ms: int, assignee: str, team: str | None = None
    ) -> Case:
        """`assignee`: somebody who may sign in, or an engineer of the books; "" = nobody. `team` None: as it was."""
        self._open(tx, case, by, Deed.ASSIGN)
        if assignee:
            _known(tx, case, assignee)
        if team and tx.clocks.team(team) is None:
            raise NotFound("there is no team {team}", team=team)
        to = case.team if team is None else team
        if (assignee, to) == (case.assignee, case.team):
            return case
        told: dict[str, Fact] = {"assignee": assignee, "team": to, "from": case.assignee}
        return self._change(tx, case, "assigned", told, by, now_ms, assignee=assignee, team=to)

    def change_priority(
        self, tx: Transaction, case: Case, priority: Priority, *, by: Actor, now_ms: int, reason: str
    ) -> Case:
        """A person's choice stays, whatever telemetry makes of it later."""
        self._open(tx, case, by, Deed.CHANGE_PRIORITY)
        because = _given(reason)
        if priority is case.priority:
            raise IllegalAction("case {case} is {priority} already", case=case.number, priority=priority)
        told: dict[str, Fact] = {"priority": str(priority), "from": str(case.priority), "reason": because}
        return self._change(tx, case, Code.PRIORITY_CHANGED, told, by, now_ms, priority=priority)

    def contacted(
        self, tx: Transaction, case: Case, *, by: Actor, now_ms: int, channel: ReportChannel, text: str = ""
    ) -> Case:
        """A specialist has spoken with the customer: what remote response promises."""
        self._open(tx, case, by, Deed.CONTACT)
        told: dict[str, Fact] = {"channel": str(channel)}
        if text.strip():
            told["text"] = text.strip()[:NOTE_KEPT]
        return self._change(tx, case, Code.CONTACTED, told, by, now_ms)

    def agree(self, tx: Transaction, case: Case, *, by: Actor, now_ms: int, time_ms: int) -> Case:
        """The customer and we have agreed on a time for the work."""
        self._open(tx, case, by, Deed.AGREE)
        if time_ms <= now_ms:
            raise IllegalAction("the agreed time is over already")
        return self._change(tx, case, Code.AGREED, {"time_ms": time_ms}, by, now_ms)

    def expect(self, tx: Transaction, case: Case, moment: Moment, *, by: Actor, now_ms: int, time_ms: int) -> Case:
        """When something is to happen, to the best of his knowledge; where that is late, a breach is forecast."""
        self._open(tx, case, by, Deed.AGREE)
        if time_ms <= now_ms:
            raise IllegalAction("the expected time is over already")
        return self._change(tx, case, Code.EXPECTED, {"moment": str(moment), "time_ms": time_ms}, by, now_ms)

    def self_repair(self, tx: Transaction, case: Case, *, by: Actor, now_ms: int, text: str = "") -> Case:
        """The customer takes the part to fit it himself: promises of a visit no longer hold where the plan says so."""
        self._open(tx, case, by, Deed.AGREE)
        newest = tx.clocks.history(case.id, (Code.SELF_REPAIR, Code.CLOSED, Code.CANCELLED))[-1:]
        if any(entry.code == Code.SELF_REPAIR for entry in newest):
            raise IllegalAction("case {case}: the customer has the part for his own repair already", case=case.number)
        told: dict[str, Fact] = {"text": text.strip()[:NOTE_KEPT]} if text.strip() else {}
        return self._change(tx, case, Code.SELF_REPAIR, told, by, now_ms)

    def pause(
        self, tx: Transaction, case: Case, reason: PauseReason, *, by: Actor, now_ms: int, text: str = ""
    ) -> Case:
        """Clocks whose plan allows this reason stand still from now on; the others go on."""
        self._open(tx, case, by, Deed.PAUSE)
        if reason in standing_pauses(tx, case):
            raise IllegalAction("case {case} is paused already: {reason}", case=case.number, reason=reason)
        told: dict[str, Fact] = {"reason": str(reason)}
        if text.strip():
            told["text"] = text.strip()[:NOTE_KEPT]
        waiting = _WAITS.get(reason, case.waiting)
        return self._change(tx, case, Code.PAUSED, told, by, now_ms, waiting=waiting)

    def unpause(self, tx: Transaction, case: Case, reason: PauseReason, *, by: Actor, now_ms: int) -> Case:
        self._open(tx, case, by, Deed.PAUSE)
        standing = standing_pauses(tx, case)
        if reason not in standing:
            raise IllegalAction("case {case} is not paused: {reason}", case=case.number, reason=reason)
        waiting = _waits_for(case, standing - {reason})
        return self._change(tx, case, Code.RESUMED, {"reason": str(reason)}, by, now_ms, waiting=waiting)

    def paused(self, tx: Transaction, case: Case) -> frozenset[PauseReason]:
        return standing_pauses(tx, case)

    def _open(self, tx: Transaction, case: Case, by: Actor, deed: Deed) -> None:
        allowed(tx, case, by, deed)
        if case.state not in OPEN_STATES:
            raise IllegalAction("case {case} is {state}: open it again first", case=case.number, state=case.state)

    def _change(
        self,
        tx: Transaction,
        case: Case,
        code: str,
        told: dict[str, Fact],
        by: Actor,
        now_ms: int,
        **changes: Unpack[Changes],
    ) -> Case:
        file = CaseFile(tx, self._announcer)
        return file.change(case, str(code), Occasion(now_ms=now_ms, actor=by.name), told, **changes)


def standing_pauses(tx: Transaction, case: Case) -> frozenset[PauseReason]:
    """The reasons that were told and not taken back since the case was last opened."""
    standing: set[PauseReason] = set()
    codes = (Code.PAUSED, Code.RESUMED, Code.CLOSED, Code.CANCELLED)
    for entry in tx.clocks.history(case.id, codes):
        if entry.code in (Code.CLOSED, Code.CANCELLED):
            standing.clear()
            continue
        reason = entry.parameters.get("reason")
        if reason in tuple(PauseReason):
            told = PauseReason(str(reason))
            (standing.add if entry.code == Code.PAUSED else standing.discard)(told)
    return frozenset(standing)


def _known(tx: Transaction, case: Case, name: str) -> None:
    """Raises NotFound where nobody of this name could work on it."""
    user = tx.access.user(name)
    if user is not None and Role(user.role) not in _NEVER_ASSIGNED:
        whose = tx.assets.by_number(case.asset).customer
        if user.customer in (None, whose):
            return
    if not any(engineer.name == name for engineer in tx.repairs.engineers(active_only=True)):
        raise NotFound("nobody called {name} may work on case {case}", name=name, case=case.number)


def _waits_for(case: Case, standing: Collection[PauseReason]) -> Waiting:
    for reason, waiting in _WAITS.items():
        if reason in standing:
            return waiting
    return Waiting.CUSTOMER if case.state is CaseState.PROPOSED else Waiting.NOTHING


def _given(text: str) -> str:
    kept = text.strip()[:NOTE_KEPT]
    if not kept:
        raise IllegalAction("a change of priority needs a reason")
    return kept
