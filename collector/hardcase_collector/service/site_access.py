"""The way into the machine room (入室申请): applied for, approved, refused; clocks stand still where a plan says so.

Called like `visits.py`. While it is missing the case waits for access.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hardcase_collector.cases.actions import NOTE_KEPT, allowed
from hardcase_collector.cases.case_file import CaseFile, Occasion
from hardcase_collector.cases.handling import standing_pauses
from hardcase_collector.cases.workflow import OPEN_STATES, Deed
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.case import Case, CaseState, Waiting
from hardcase_collector.domain.errors import IllegalAction, NotFound
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.ports import Announcer, Transaction
from hardcase_collector.domain.visit import AccessState, SiteAccess
from hardcase_collector.plans.plan import PauseReason
from hardcase_collector.service.served import served

_NAMES = 20
"""People of one application."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    names: tuple[str, ...]
    """Who will come."""
    from_ms: int
    until_ms: int
    dispatch: int | None = None
    """Row of the visit it is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The customer's word on it; another window than the one applied for may be approved."""

    who: str
    reference: str = ""
    reason: str = ""
    from_ms: int = 0
    until_ms: int = 0


class SiteAccesses:
    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer

    def apply(self, tx: Transaction, case: Case, asked: Application, *, by: Actor, now_ms: int) -> SiteAccess:
        """Takes the place of an earlier application that was not decided. Raises IllegalAction, NotAllowed."""
        allowed(tx, case, by, Deed.APPLY_ACCESS)
        if case.state not in OPEN_STATES:
            raise IllegalAction(
                "case {case} is {state}: there is nothing to go for", case=case.number, state=case.state
            )
        names = tuple(name.strip() for name in asked.names if name.strip())
        if not 0 < len(names) <= _NAMES:
            raise IllegalAction("access is applied for with 1 to {most} names", most=_NAMES)
        if not now_ms < asked.until_ms or not asked.from_ms < asked.until_ms:
            raise IllegalAction("the window of access must end after it begins, and after now")
        earlier = tx.repairs.accesses(case.id)
        for one in earlier:
            if one.state is AccessState.APPLIED:
                tx.repairs.save_access(replace(one, state=AccessState.WITHDRAWN, decided_ms=now_ms, paused=False))
        access = tx.repairs.add_access(
            SiteAccess(
                case=case.id,
                number=len(earlier) + 1,
                dispatch=asked.dispatch,
                names=names,
                from_ms=asked.from_ms,
                until_ms=asked.until_ms,
                by=by.name,
                applied_ms=now_ms,
                paused=True,
            )
        )
        told = {**_told(access), "names": ", ".join(names)}
        occasion = Occasion(now_ms=now_ms, actor=by.name)
        changed = self._file(tx).change(case, "access_applied", occasion, told, waiting=waiting_for(tx, case))
        if PauseReason.NO_SITE_ACCESS not in standing_pauses(tx, changed):
            self._stand_still(tx, changed, occasion)
        return access

    def approve(
        self, tx: Transaction, case: Case, access: SiteAccess, decision: Decision, *, by: Actor, now_ms: int
    ) -> SiteAccess:
        """Clocks go on when the window opens. Raises IllegalAction, NotAllowed."""
        self._undecided(tx, case, access, decision, by)
        approved = replace(
            access,
            state=AccessState.APPROVED,
            decided_ms=now_ms,
            decided_by=decision.who,
            reference=decision.reference.strip(),
            from_ms=decision.from_ms or access.from_ms,
            until_ms=decision.until_ms or access.until_ms,
        )
        if not approved.from_ms < approved.until_ms:
            raise IllegalAction("the window of access must end after it begins")
        tx.repairs.save_access(approved)
        told = {**_told(approved), "who": decision.who, "reference": approved.reference}
        changed = self._file(tx).change(case, "access_approved", Occasion(now_ms=now_ms, actor=by.name), told)
        if approved.from_ms <= now_ms:
            approved = self._open(tx, changed, approved, Occasion(now_ms=now_ms, actor=by.name))
        return approved

    def refuse(
        self, tx: Transaction, case: Case, access: SiteAccess, decision: Decision, *, by: Actor, now_ms: int
    ) -> SiteAccess:
        """The case goes on waiting for access: it has to be applied for anew. Raises IllegalAction, NotAllowed."""
        self._undecided(tx, case, access, decision, by)
        if not decision.reason.strip():
            raise IllegalAction("a refusal needs a reason")
        reason = decision.reason.strip()[:NOTE_KEPT]
        refused = replace(access, state=AccessState.REFUSED, decided_ms=now_ms, decided_by=decision.who, reason=reason)
        tx.repairs.save_access(refused)
        told = {**_told(refused), "who": decision.who, "reason": reason}
        self._file(tx).change(case, "access_refused", Occasion(now_ms=now_ms, actor=by.name), told)
        return refused

    def withdraw(self, tx: Transaction, case: Case, access: SiteAccess, *, by: Actor, now_ms: int) -> SiteAccess:
        """It is no longer needed; clocks go on. Raises IllegalAction, NotAllowed."""
        allowed(tx, case, by, Deed.APPLY_ACCESS)
        if access.state is AccessState.WITHDRAWN:
            raise IllegalAction("it is withdrawn already")
        withdrawn = replace(access, state=AccessState.WITHDRAWN, decided_ms=now_ms)
        tx.repairs.save_access(withdrawn)
        occasion = Occasion(now_ms=now_ms, actor=by.name)
        changed = self._file(tx).change(case, "access_withdrawn", occasion, _told(withdrawn))
        return self._open(tx, changed, withdrawn, occasion) if access.paused else withdrawn

    def tick(self, tx: Transaction, *, now_ms: int) -> None:
        """Windows that open now. Looks only at what is due."""
        for access in tx.repairs.access_opening(until_ms=now_ms):
            self._open(tx, tx.cases.get(access.case), access, Occasion(now_ms=now_ms))

    def _undecided(self, tx: Transaction, case: Case, access: SiteAccess, decision: Decision, by: Actor) -> None:
        allowed(tx, case, by, Deed.APPROVE_ACCESS)
        if access.case != case.id:
            raise NotFound("case {case} has no such application", case=case.number)
        if access.state is not AccessState.APPLIED:
            raise IllegalAction("application {access} is {state} already", access=access.number, state=access.state)
        if not decision.who.strip():
            raise IllegalAction("say who at the customer said so")

    def _stand_still(self, tx: Transaction, case: Case, occasion: Occasion) -> None:
        if PauseReason.NO_SITE_ACCESS in served(tx, case).pauses:
            told: dict[str, Fact] = {"reason": str(PauseReason.NO_SITE_ACCESS)}
            self._file(tx).change(case, "paused", occasion, told)

    def _open(self, tx: Transaction, case: Case, access: SiteAccess, occasion: Occasion) -> SiteAccess:
        opened = replace(access, paused=False)
        for one in tx.repairs.accesses(case.id):
            if one.paused:
                tx.repairs.save_access(replace(one, paused=False))
        if case.state not in OPEN_STATES:
            return opened
        file, waiting = self._file(tx), waiting_for(tx, case)
        if PauseReason.NO_SITE_ACCESS in served(tx, case).pauses:
            told: dict[str, Fact] = {"reason": str(PauseReason.NO_SITE_ACCESS)}
            file.change(case, "resumed", occasion, told, waiting=waiting)
        elif waiting is not case.waiting:
            file.change(case, "access_open", occasion, _told(opened), waiting=waiting)
        return opened

    def _file(self, tx: Transaction) -> CaseFile:
        return CaseFile(tx, self._announcer)


def waiting_for(tx: Transaction, case: Case) -> Waiting:
    """What the case waits for as far as repairs know; a part, which they do not know of, stays what it was."""
    if case.state is CaseState.PROPOSED:
        return Waiting.CUSTOMER
    if any(not one.done_ms for one in tx.repairs.hand_offs(case.id)):
        return Waiting.VENDOR
    if any(one.paused for one in tx.repairs.accesses(case.id)):
        return Waiting.ACCESS
    return case.waiting if case.waiting in (Waiting.PART, Waiting.CUSTOMER) else Waiting.NOTHING


def access_of(tx: Transaction, case: Case, number: int | None) -> SiteAccess:
    """By its number within the case; without one the newest. Raises NotFound."""
    found = [one for one in tx.repairs.accesses(case.id) if number is None or one.number == number]
    if not found:
        raise NotFound("case {case} has no such application for access", case=case.number)
    return found[-1]


def _told(access: SiteAccess) -> dict[str, Fact]:
    return {"access": access.number, "from_ms": access.from_ms, "until_ms": access.until_ms}
