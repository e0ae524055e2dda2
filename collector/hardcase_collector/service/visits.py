"""Engineers sent to a case: asked, accepted, on the way, there, done; and on to the next one who does not answer.

The table of steps is `visit_table.py`, who comes first `engineers.py`, the way in `site_access.py`. Called by pages,
control socket, `links.py` and the ticker, each within the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hardcase_collector.cases.actions import NOTE_KEPT, allowed
from hardcase_collector.cases.case_file import COLLECTOR, CaseFile, Changes, Occasion
from hardcase_collector.cases.readiness import newest_proposal, quote_missing
from hardcase_collector.cases.workflow import OPEN_STATES, Deed
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.case import Case, CaseAction, CaseState
from hardcase_collector.domain.errors import IllegalAction, NotFound
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.link import LinkPurpose, NewLink
from hardcase_collector.domain.ports import Announcer, Transaction
from hardcase_collector.domain.repair import ProposalState
from hardcase_collector.domain.visit import Dispatch, DispatchAction, DispatchState, Engineer
from hardcase_collector.service.engineers import overlapping, suggestions
from hardcase_collector.service.link_making import Addressee, LinkMaker
from hardcase_collector.service.visit_table import DEEDS, next_state

_STRANDED_A_TICK = 100
_PASSED_OVER = frozenset({DispatchState.DECLINED, DispatchState.CANCELLED})
_CODES = {
    DispatchState.ACCEPTED: "dispatched",
    DispatchState.ON_THE_WAY: "on_the_way",
    DispatchState.ARRIVED: "arrived",
    DispatchState.DONE: "dispatch_done",
    DispatchState.FAILED: "dispatch_failed",
    DispatchState.DECLINED: "dispatch_declined",
    DispatchState.CANCELLED: "dispatch_cancelled",
}
"""Codes of the timeline; "dispatched" and "arrived" are what clocks know."""
# Who cannot come or did not mend it says why: the next one has to know.
_NEEDS_REASON = frozenset({DispatchAction.DECLINE, DispatchAction.FAIL, DispatchAction.CANCEL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What somebody is asked to do."""

    engineer: str = ""
    """ "" = the first suggestion."""
    expected_ms: int = 0
    duration_s: int = 0
    answer_within_s: int = 30 * 60
    """A quarter of the two hours in which published commitments send somebody: three are asked in time."""
    automatic: bool = True
    """Declined or unanswered it goes to the next suggestion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    dispatch: Dispatch
    link: NewLink
    overlaps: tuple[Dispatch, ...]
    """Other open visits of the engineer at that time: a warning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What an engineer says with a step."""

    text: str = ""
    expected_ms: int = 0


class Visits:
    def __init__(self, announcer: Announcer, links: LinkMaker) -> None:
        self._announcer = announcer
        self._links = links

    def dispatch(self, tx: Transaction, case: Case, errand: Errand, *, by: Actor, now_ms: int) -> Requested:
        """Asks one engineer. Raises IllegalAction, NotAllowed, NotFound."""
        allowed(tx, case, by, Deed.DISPATCH)
        if case.state not in OPEN_STATES:
            raise IllegalAction(
                "case {case} is {state}: there is nothing to go for", case=case.number, state=case.state
            )
        if errand.engineer:
            engineer = tx.repairs.engineer(errand.engineer)
            if not engineer.active:
                raise IllegalAction("{engineer} is not active", engineer=engineer.name)
        else:
            engineer = self._next(tx, case, now_ms)
        return self._request(tx, case, engineer, errand, by=by.name, now_ms=now_ms)

    def _next(self, tx: Transaction, case: Case, now_ms: int) -> Engineer:
        passed = _passed_over(tx, case)
        for one in suggestions(tx, case, now_ms=now_ms):
            if one.engineer.name not in passed:
                return one.engineer
        raise NotFound("no engineer is left to be asked: see engineers list")

    def _request(
        self, tx: Transaction, case: Case, engineer: Engineer, errand: Errand, *, by: str, now_ms: int
    ) -> Requested:
        visits = tx.repairs.dispatches(case.id)
        if any(one.open and one.engineer == engineer.name for one in visits):
            raise IllegalAction("{engineer} is sent to case {case} already", engineer=engineer.name, case=case.number)
        visit = tx.repairs.add_dispatch(
            Dispatch(
                case=case.id,
                number=len(visits) + 1,
                engineer=engineer.name,
                state=DispatchState.REQUESTED,
                by=by,
                requested_ms=now_ms,
                answer_by_ms=now_ms + errand.answer_within_s * 1000 if errand.answer_within_s else 0,
                expected_ms=errand.expected_ms,
                duration_s=errand.duration_s,
                automatic=errand.automatic,
            )
        )
        told: dict[str, Fact] = {**_told(visit), "answer_by_ms": visit.answer_by_ms}
        overlaps = tuple(overlapping(tx, visit))
        if overlaps:
            told["overlaps"] = ", ".join(dict.fromkeys(tx.cases.get(one.case).number for one in overlaps))
        occasion = Occasion(now_ms=now_ms, actor=by)
        self._file(tx).change(case, "dispatch_requested", occasion, told)
        whom = Addressee(name=engineer.name, language=engineer.language, mail=engineer.mail)
        link = self._links.make(tx, case, LinkPurpose.ENGINEER, visit, whom, by=by, now_ms=now_ms)
        return Requested(dispatch=visit, link=link, overlaps=overlaps)

    def step(
        self,
        tx: Transaction,
        case: Case,
        visit: Dispatch,
        action: DispatchAction,
        word: Word,
        *,
        by: Actor,
        now_ms: int,
    ) -> Dispatch:
        """Takes a step of the visit. Arriving starts the repair where everything is in writing, done finishes it.

        Raises IllegalAction, NotAllowed.
        """
        allowed(tx, case, by, DEEDS[action])
        if visit.case != case.id:
            raise NotFound("case {case} has no such visit", case=case.number)
        if action in _NEEDS_REASON and not word.text.strip():
            raise IllegalAction("a visit cannot {action} without a reason", action=action)
        stepped = self._stepped(tx, case, visit, action, word, Occasion(now_ms=now_ms, actor=by.name))
        case = tx.cases.get(case.id)
        if action is DispatchAction.ARRIVE:
            self._start(tx, case, by, now_ms)
        if action is DispatchAction.FINISH:
            self._finish(tx, case, stepped, by, now_ms)
        if action is DispatchAction.DECLINE:
            self._ask_next(tx, case, stepped, now_ms)
        return stepped

    def _stepped(
        self, tx: Transaction, case: Case, visit: Dispatch, action: DispatchAction, word: Word, occasion: Occasion
    ) -> Dispatch:
        state = next_state(visit.state, action)
        now_ms, text = occasion.now_ms, word.text.strip()[:NOTE_KEPT]
        stepped = replace(visit, state=state, expected_ms=word.expected_ms or visit.expected_ms)
        stepped = _stamped(stepped, now_ms)
        stepped = replace(stepped, result=text) if action is DispatchAction.FINISH else replace(stepped, reason=text)
        tx.repairs.save_dispatch(stepped)
        told = _told(stepped)
        if text:
            told["result" if action is DispatchAction.FINISH else "reason"] = text
        changes = Changes()
        if action is DispatchAction.ACCEPT and not case.assignee:
            changes = Changes(assignee=visit.engineer)
        file = self._file(tx)
        changed = file.change(case, _CODES[state], occasion, told, **changes)
        if stepped.expected_ms and state in (DispatchState.ACCEPTED, DispatchState.ON_THE_WAY):
            expected: dict[str, Fact] = {"moment": "arrived", "time_ms": stepped.expected_ms, "who": visit.engineer}
            file.change(changed, "expected", occasion, expected)
        return stepped

    def _start(self, tx: Transaction, case: Case, by: Actor, now_ms: int) -> None:
        """Somebody may come to look before the customer has agreed to anything."""
        proposal = newest_proposal(tx, case)
        if case.state is not CaseState.CONSENTED or proposal is None or proposal.state is not ProposalState.CONSENTED:
            return
        if not quote_missing(tx, proposal):
            occasion = Occasion(now_ms=now_ms, actor=by.name)
            self._file(tx).move(case, CaseAction.START_REPAIR, occasion, {"cause": "arrived"})

    def _finish(self, tx: Transaction, case: Case, visit: Dispatch, by: Actor, now_ms: int) -> None:
        others = [one for one in tx.repairs.dispatches(case.id) if one.open and one.id != visit.id]
        if case.state is not CaseState.REPAIRING or others:
            return
        file = self._file(tx)
        told: dict[str, Fact] = {"cause": "dispatch_done", "reason": visit.result}
        moved = file.move(case, CaseAction.FINISH_REPAIR, Occasion(now_ms=now_ms, actor=by.name), told)
        file.verify_if_clear(moved, Occasion(now_ms=now_ms))

    def _ask_next(self, tx: Transaction, case: Case, visit: Dispatch, now_ms: int) -> None:
        if not visit.automatic or case.state not in OPEN_STATES:
            return
        if any(one.open for one in tx.repairs.dispatches(case.id)):
            return
        answer_s = (visit.answer_by_ms - visit.requested_ms) // 1000 if visit.answer_by_ms else 0
        errand = Errand(expected_ms=visit.expected_ms, duration_s=visit.duration_s, answer_within_s=answer_s)
        try:
            engineer = self._next(tx, case, now_ms)
        except NotFound:
            asked = ", ".join(sorted(_passed_over(tx, case)))
            self._file(tx).change(case, "nobody_to_send", Occasion(now_ms=now_ms), {"asked": asked})
            return
        self._request(tx, case, engineer, errand, by=COLLECTOR, now_ms=now_ms)

    def tick(self, tx: Transaction, *, now_ms: int) -> None:
        """Whoever did not answer in time is passed over. Looks only at what is due."""
        for visit in tx.repairs.unanswered(until_ms=now_ms):
            case = tx.cases.get(visit.case)
            word = Word(text="unanswered")
            tx.repairs.revoke_links_of(case.id, LinkPurpose.ENGINEER, visit.id, now_ms=now_ms)
            declined = self._stepped(tx, case, visit, DispatchAction.DECLINE, word, Occasion(now_ms=now_ms))
            self._ask_next(tx, tx.cases.get(case.id), declined, now_ms)
        # The case is over: whoever is still asked or on his way is told that he need not come.
        for visit in tx.repairs.stranded(limit=_STRANDED_A_TICK):
            case = tx.cases.get(visit.case)
            word = Word(text=f"the case is {case.state}")
            self._stepped(tx, case, visit, DispatchAction.CANCEL, word, Occasion(now_ms=now_ms))

    def _file(self, tx: Transaction) -> CaseFile:
        return CaseFile(tx, self._announcer)


def visit_of(tx: Transaction, case: Case, number: int | None) -> Dispatch:
    """By its number within the case; without one the newest that is open. Raises NotFound."""
    visits: Sequence[Dispatch] = tx.repairs.dispatches(case.id)
    found = [one for one in visits if (one.open if number is None else one.number == number)]
    if not found:
        raise NotFound("case {case} has no such visit", case=case.number)
    return found[-1]


def _passed_over(tx: Transaction, case: Case) -> set[str]:
    """Asked in vain since somebody last came."""
    passed = set()
    for visit in reversed(tx.repairs.dispatches(case.id)):
        if visit.state not in _PASSED_OVER:
            break
        if visit.state is DispatchState.DECLINED:
            passed.add(visit.engineer)
    return passed


def _stamped(visit: Dispatch, now_ms: int) -> Dispatch:
    match visit.state:
        case DispatchState.ACCEPTED:
            return replace(visit, accepted_ms=now_ms)
        case DispatchState.ON_THE_WAY:
            return replace(visit, departed_ms=now_ms)
        case DispatchState.ARRIVED:
            return replace(visit, arrived_ms=now_ms)
        case _:
            return replace(visit, ended_ms=now_ms)


def _told(visit: Dispatch) -> dict[str, Fact]:
    return {"visit": visit.number, "engineer": visit.engineer}
