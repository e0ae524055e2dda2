"""Proposals and the customer's word on them: offer, consent, refuse. Drives the workflow's moves propose and consent.

What it costs is `quotes.py`; what must be in writing before the repair is `cases/readiness.py`. Called by pages, the
control socket and `links.py`, each within the caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hardcase_collector.cases.actions import NOTE_KEPT, allowed
from hardcase_collector.cases.case_file import CaseFile, Occasion
from hardcase_collector.cases.readiness import newest_proposal, newest_quote
from hardcase_collector.cases.workflow import Deed, next_state
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.case import Case, CaseAction, CaseState
from hardcase_collector.domain.errors import ChangedMeanwhile, IllegalAction
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.link import LinkPurpose
from hardcase_collector.domain.ports import Announcer, Transaction
from hardcase_collector.domain.repair import (
    ConsentChannel,
    LineKind,
    Manner,
    Proposal,
    ProposalState,
    Quote,
    QuoteState,
)
from hardcase_collector.registry.resolution import local_day, site_of
from hardcase_collector.service import coverage
from hardcase_collector.service.briefing import Counsellor, brief, language_of
from hardcase_collector.service.served import PlanNamed, Served, served, served_part

STEPS_KEPT = 50
"""Of a proposal; advice has a dozen at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What is proposed."""

    solution: str
    manner: Manner
    self_repair: bool = False
    expected_ms: int = 0
    duration_s: int = 0
    steps: tuple[str, ...] = ()
    """Empty: those of the advice, in the customer's language."""
    risks: tuple[str, ...] = ()
    """Beyond what the safety check finds by itself."""
    part: Part = Part()
    """To be replaced, where it is not the case's own."""
    instead_of: int = 0
    """Number of the proposal that stands, as whoever proposes has seen it; 0 = he has seen none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The customer's word."""

    who: str
    channel: ConsentChannel
    reason: str = ""
    quote: int | None = None
    """Revision of the quote that is accepted (refused) with it."""


class Proposals:
    def __init__(self, announcer: Announcer, *, counsellor: Counsellor, plan_named: PlanNamed) -> None:
        self._announcer = announcer
        self._counsellor = counsellor
        self._plan_named = plan_named

    def propose(self, tx: Transaction, case: Case, offer: Offer, *, by: Actor, now_ms: int) -> Proposal:
        """A new proposal voids older ones with their consents, quotes and links. Where the plan consented beforehand,
        nothing is to be paid and nothing forbids touching the part, the case goes on at once.

        Raises IllegalAction, ChangedMeanwhile where another one stands than he has seen, NotAllowed.
        """
        waits = case.state is CaseState.PROPOSED
        next_state(CaseState.CONFIRMED if waits else case.state, CaseAction.PROPOSE)
        allowed(tx, case, by, Deed.PROPOSE)
        _check(offer)
        _check_seen(tx, case, offer)
        terms = served_part(tx, case, offer.part, self._plan_named, now_ms=now_ms)
        _void(tx, case, now_ms)
        if waits:
            # A better one before the customer has answered: the one he has is withdrawn.
            case = self._file(tx).move(case, CaseAction.CONFIRM, _by(by, now_ms), {"cause": "withdrawn"})
        proposal = tx.repairs.add_proposal(self._drafted(tx, case, offer, terms, by, now_ms))
        moved = self._file(tx).move(case, CaseAction.PROPOSE, _by(by, now_ms), _told(proposal))
        if _pre_consented(proposal, terms):
            answer = Answer(who=terms.plan, channel=ConsentChannel.PLAN)
            proposal = self._consented(tx, moved, proposal, answer, Occasion(now_ms=now_ms), None, recorded_by="")
        return proposal

    def _drafted(self, tx: Transaction, case: Case, offer: Offer, terms: Served, by: Actor, now_ms: int) -> Proposal:
        asset = tx.assets.by_number(case.asset)
        advised = brief(tx, case, self._counsellor, language_of(tx, asset), now_ms=now_ms)
        today = local_day(site_of(tx, asset), now_ms)
        kinds: tuple[LineKind, ...] = ()
        # A drill costs nobody anything.
        if not case.rehearsal:
            kinds = coverage.uncovered(offer.manner, terms, self_repair=offer.self_repair, on=today)
        before = newest_proposal(tx, case)
        return Proposal(
            case=case.id,
            number=before.number + 1 if before else 1,
            solution=offer.solution.strip()[:NOTE_KEPT],
            manner=offer.manner,
            self_repair=offer.self_repair,
            expected_ms=offer.expected_ms,
            duration_s=offer.duration_s,
            steps=_kept(offer.steps or advised.steps),
            risks=_kept((*advised.risks, *offer.risks)),
            unsafe=advised.unsafe,
            uncovered=tuple(str(kind) for kind in kinds),
            part=offer.part,
            by=by.name,
            made_ms=now_ms,
        )

    def consent(self, tx: Transaction, case: Case, answer: Answer, *, by: Actor, now_ms: int) -> Proposal:
        """The customer agrees; a quote that is open is accepted in the same breath and has to be named.

        Raises IllegalAction, NotAllowed.
        """
        next_state(case.state, CaseAction.CONSENT)
        allowed(tx, case, by, Deed.CONSENT)
        proposal = offered(tx, case)
        _check_answer(answer)
        quote = newest_quote(tx, proposal)
        if quote is not None and not quote.settled():
            accepted(quote, answer.quote, now_ms)
        return self._consented(tx, case, proposal, answer, _by(by, now_ms), quote, recorded_by=_recorder(by, answer))

    def _consented(
        self,
        tx: Transaction,
        case: Case,
        proposal: Proposal,
        answer: Answer,
        occasion: Occasion,
        quote: Quote | None,
        *,
        recorded_by: str,
    ) -> Proposal:
        decided = replace(
            proposal,
            state=ProposalState.CONSENTED,
            decided_ms=occasion.now_ms,
            decided_by=answer.who,
            channel=answer.channel,
            recorded_by=recorded_by,
        )
        tx.repairs.save_proposal(decided)
        told: dict[str, Fact] = {"proposal": proposal.number, "who": answer.who, "channel": str(answer.channel)}
        if quote is not None:
            if not quote.settled():
                tx.repairs.save_quote(decide(quote, QuoteState.ACCEPTED, answer, occasion.now_ms, recorded_by))
            told |= {"quote": quote.revision, "total": str(quote.total), "currency": quote.currency}
        file = self._file(tx)
        moved = file.move(case, CaseAction.CONSENT, occasion, told)
        if proposal.self_repair:
            file.change(moved, "self_repair_accepted", occasion, {"proposal": proposal.number})
        return decided

    def refuse(self, tx: Transaction, case: Case, answer: Answer, *, by: Actor, now_ms: int) -> Proposal:
        """The customer says no, with his reason: back to thinking. Raises IllegalAction, NotAllowed."""
        if case.state is not CaseState.PROPOSED:
            raise IllegalAction(
                "case {case} is {state}: nothing waits for the customer's word", case=case.number, state=case.state
            )
        allowed(tx, case, by, Deed.REFUSE)
        proposal = offered(tx, case)
        _check_answer(answer)
        if not answer.reason.strip():
            raise IllegalAction("a refusal needs a reason: the next proposal must do better")
        recorded_by = _recorder(by, answer)
        refused = replace(
            proposal,
            state=ProposalState.REFUSED,
            decided_ms=now_ms,
            decided_by=answer.who,
            channel=answer.channel,
            recorded_by=recorded_by,
            reason=answer.reason.strip()[:NOTE_KEPT],
        )
        tx.repairs.save_proposal(refused)
        quote = newest_quote(tx, proposal)
        if quote is not None and quote.state is QuoteState.OPEN:
            tx.repairs.save_quote(decide(quote, QuoteState.REFUSED, answer, now_ms, recorded_by))
        told: dict[str, Fact] = {
            "proposal": proposal.number,
            "who": answer.who,
            "channel": str(answer.channel),
            "reason": refused.reason,
        }
        self._file(tx).move(case, CaseAction.CONFIRM, _by(by, now_ms), told)
        return refused

    def served(self, tx: Transaction, case: Case) -> Served:
        """What the case is served under."""
        return served(tx, case)

    def _file(self, tx: Transaction) -> CaseFile:
        return CaseFile(tx, self._announcer)


def offered(tx: Transaction, case: Case) -> Proposal:
    """The proposal that waits for the customer's word. Raises IllegalAction."""
    proposal = newest_proposal(tx, case)
    if proposal is None or proposal.state is not ProposalState.OFFERED:
        raise IllegalAction("case {case} has no proposal that waits for the customer's word", case=case.number)
    return proposal


def accepted(quote: Quote, revision: int | None, now_ms: int) -> None:
    """Raises IllegalAction where this is not the word that the quote needs."""
    if quote.state is not QuoteState.OPEN:
        raise IllegalAction(
            "quote {revision} is {state}: a new revision is needed", revision=quote.revision, state=quote.state
        )
    if revision is None:
        raise IllegalAction(
            "quote {revision} over {total} {currency} is accepted with it: name it",
            revision=quote.revision,
            total=quote.total,
            currency=quote.currency,
        )
    if revision != quote.revision:
        raise IllegalAction(
            "quote {named} is no longer offered: quote {revision} is", named=revision, revision=quote.revision
        )
    if not quote.valid(now_ms):
        raise IllegalAction("quote {revision} is no longer valid: a new revision is needed", revision=quote.revision)


def decide(quote: Quote, state: QuoteState, answer: Answer, now_ms: int, recorded_by: str) -> Quote:
    return replace(
        quote,
        state=state,
        decided_ms=now_ms,
        decided_by=answer.who,
        channel=answer.channel,
        recorded_by=recorded_by,
        reason=answer.reason.strip()[:NOTE_KEPT],
    )


def _void(tx: Transaction, case: Case, now_ms: int) -> None:
    for proposal in tx.repairs.proposals(case.id):
        if proposal.state in (ProposalState.OFFERED, ProposalState.CONSENTED):
            tx.repairs.save_proposal(replace(proposal, state=ProposalState.VOIDED))
    for quote in tx.repairs.quotes(case.id):
        if quote.state in (QuoteState.OPEN, QuoteState.ACCEPTED):
            tx.repairs.save_quote(replace(quote, state=QuoteState.SUPERSEDED))
    tx.repairs.revoke_links(case.id, [LinkPurpose.CONSENT], now_ms=now_ms)


def _pre_consented(proposal: Proposal, terms: Served) -> bool:
    plan = terms.coverage
    return bool(
        plan
        and terms.entitled
        and proposal.manner in plan.pre_consent
        and not proposal.uncovered
        and not proposal.unsafe
    )


def _check(offer: Offer) -> None:
    if not offer.solution.strip():
        raise IllegalAction("a proposal needs a solution")
    if offer.self_repair and offer.manner is not Manner.PART:
        raise IllegalAction("the customer can fit a part himself, and nothing else")
    if offer.expected_ms < 0 or offer.duration_s < 0:
        raise IllegalAction("expected time and duration cannot be negative")


def _check_seen(tx: Transaction, case: Case, offer: Offer) -> None:
    """Of two who propose at once the second would void, unread, what the customer was told of."""
    newest = None if case.state is CaseState.CONFIRMED else newest_proposal(tx, case)
    if newest is not None and newest.number != offer.instead_of:
        raise ChangedMeanwhile(
            "case {case} has proposal {number} by {by} meanwhile: look at it, and name it to propose in its place",
            case=case.number,
            number=newest.number,
            by=newest.by,
        )


def _check_answer(answer: Answer) -> None:
    if not answer.who.strip():
        raise IllegalAction("say who at the customer said so")
    if answer.channel is ConsentChannel.PLAN:
        raise IllegalAction("only a proposal that the plan allows beforehand is consented to by the plan")


def _recorder(by: Actor, answer: Answer) -> str:
    """Whoever wrote the word down, where he is not the one who gave it."""
    return "" if answer.channel in (ConsentChannel.LINK, ConsentChannel.PAGE) else by.name


def _kept(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(text.strip()[:NOTE_KEPT] for text in texts if text.strip())[:STEPS_KEPT]


def _told(proposal: Proposal) -> dict[str, Fact]:
    return {
        "proposal": proposal.number,
        "solution": proposal.solution,
        "manner": str(proposal.manner),
        "self_repair": proposal.self_repair,
        "expected_ms": proposal.expected_ms,
        "duration_s": proposal.duration_s,
        "uncovered": ", ".join(proposal.uncovered),
        "unsafe": proposal.unsafe,
    }


def _by(by: Actor, now_ms: int) -> Occasion:
    return Occasion(now_ms=now_ms, actor=by.name)
