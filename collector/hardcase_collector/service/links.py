"""What happens behind a link without login: it is looked up by its hash, shown, and does its one deed once.

The pages call `open` and `act`; whoever holds the token is the person it was made for, and nobody else. Made by
`link_making.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hardcase_collector.cases.actions import allowed
from hardcase_collector.cases.workflow import OPEN_STATES, Deed
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.asset import Asset
from hardcase_collector.domain.case import Case, CaseState
from hardcase_collector.domain.errors import IllegalAction, LinkRefused, NotFound
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.link import Link, LinkAct, LinkAnswer, LinkPurpose, LinkState, LinkView
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.repair import (
    ConsentChannel,
    FollowUp,
    FollowUpState,
    Proposal,
    ProposalState,
    Quote,
    QuoteState,
    ServiceReport,
)
from hardcase_collector.domain.visit import AccessState, Dispatch, DispatchAction, DispatchState, Engineer, SiteAccess
from hardcase_collector.registry.resolution import site_of
from hardcase_collector.service.follow_ups import FollowUps, Rating
from hardcase_collector.service.guesses import Guesses
from hardcase_collector.service.link_making import hash_of
from hardcase_collector.service.proposals import Answer, Proposals
from hardcase_collector.service.quotes import Quotes
from hardcase_collector.service.service_reports import ServiceReports, Signature
from hardcase_collector.service.visit_table import legal_actions
from hardcase_collector.service.visits import Visits, Word

_TOKEN_MAX = 200
"""Characters; ours have 43. Longer is no token, and is not hashed."""
_STEPS = {
    LinkAct.ACCEPT: DispatchAction.ACCEPT,
    LinkAct.DECLINE: DispatchAction.DECLINE,
    LinkAct.ON_THE_WAY: DispatchAction.DEPART,
    LinkAct.ARRIVED: DispatchAction.ARRIVE,
    LinkAct.DONE: DispatchAction.FINISH,
    LinkAct.FAILED: DispatchAction.FAIL,
}
_BY_STEP = {step: act for act, step in _STEPS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deeds:
    """What links do."""

    proposals: Proposals
    quotes: Quotes
    visits: Visits
    reports: ServiceReports
    follow_ups: FollowUps


@dataclass(frozen=True, slots=True, kw_only=True)
class _Behind:
    """What a link is about, as it stands now."""

    link: Link
    case: Case
    asset: Asset
    proposal: Proposal | None = None
    quote: Quote | None = None
    dispatch: Dispatch | None = None
    engineer: Engineer | None = None
    access: SiteAccess | None = None
    report: ServiceReport | None = None
    follow_up: FollowUp | None = None
    site: Mapping[str, Fact] = field(default_factory=dict)


class Links:
    def __init__(self, deeds: Deeds, guesses: Guesses) -> None:
        self._deeds = deeds
        self._guesses = guesses

    def open(self, tx: Transaction, token: str, now_ms: int, *, client: str = "") -> LinkView:
        """Changes nothing; a read transaction will do. `client`: address it came from, for counting wrong guesses.

        Raises LinkRefused for a token that is none, and for a client that has guessed too often.
        """
        return _view(self._behind(tx, token, now_ms, client), now_ms)

    def act(
        self, tx: Transaction, token: str, act: LinkAct, answer: LinkAnswer, *, now_ms: int, client: str = ""
    ) -> LinkView:
        """Does what the link is for. A second click on a deed that is done changes nothing and says so.

        Raises LinkRefused as `open` does and where the link has ended, IllegalAction where the case went on without it.
        """
        behind = self._behind(tx, token, now_ms, client)
        link = behind.link
        view = _view(behind, now_ms)
        if act not in view.acts:
            if act in _done(behind) and view.state is not LinkState.REVOKED:
                return replace(view, repeated=True)
            raise _refusal(view.state, act)
        self._do(tx, behind, act, answer, now_ms)
        tx.repairs.save_link(replace(_now(tx, link), used=str(act), used_ms=now_ms))
        return self.open(tx, token, now_ms, client=client)

    def revoke(self, tx: Transaction, case: Case, row: int, *, by: Actor, now_ms: int) -> None:
        """Takes one back. Raises NotAllowed, NotFound."""
        allowed(tx, case, by, Deed.PROPOSE)
        for link in tx.repairs.links(case.id):
            if link.id == row:
                tx.repairs.revoke_link(row, now_ms=now_ms)
                return
        raise NotFound("case {case} has no such link", case=case.number)

    def _behind(self, tx: Transaction, token: str, now_ms: int, client: str) -> _Behind:
        self._guesses.check(client, now_ms)
        link = tx.repairs.link_by_hash(hash_of(token)) if 0 < len(token) <= _TOKEN_MAX else None
        if link is None:
            self._guesses.wrong(client, now_ms)
            raise LinkRefused("this link is unknown here: it may be cut short, copy it whole")
        return _look(tx, link)

    def _do(self, tx: Transaction, behind: _Behind, act: LinkAct, answer: LinkAnswer, now_ms: int) -> None:
        match behind.link.purpose:
            case LinkPurpose.CONSENT:
                self._consent(tx, behind, act, answer, now_ms)
            case LinkPurpose.ENGINEER:
                assert behind.dispatch is not None
                by = Actor(name=behind.link.whom, role=Role.ENGINEER, customer=None)
                word = Word(text=answer.text, expected_ms=answer.expected_ms)
                self._deeds.visits.step(tx, behind.case, behind.dispatch, _STEPS[act], word, by=by, now_ms=now_ms)
            case LinkPurpose.SIGNATURE:
                assert behind.report is not None
                signature = Signature(who=answer.who, channel=ConsentChannel.LINK)
                by = _contact(behind)
                self._deeds.reports.sign(tx, behind.case, behind.report, signature, by=by, now_ms=now_ms)
            case LinkPurpose.SATISFACTION:
                self._satisfy(tx, behind, act, answer, now_ms)

    def _consent(self, tx: Transaction, behind: _Behind, act: LinkAct, answer: LinkAnswer, now_ms: int) -> None:
        assert behind.proposal is not None
        quote = behind.quote.revision if behind.quote else None
        who = answer.who.strip() or behind.link.whom
        word = Answer(who=who, channel=ConsentChannel.LINK, reason=answer.text, quote=quote)
        by, case = _contact(behind), behind.case
        if behind.proposal.state is ProposalState.CONSENTED:
            # The work has its consent already: what is left is its price.
            decide = self._deeds.quotes.accept if act is LinkAct.CONSENT else self._deeds.quotes.refuse
            decide(tx, case, word, by=by, now_ms=now_ms)
            return
        say = self._deeds.proposals.consent if act is LinkAct.CONSENT else self._deeds.proposals.refuse
        say(tx, case, word, by=by, now_ms=now_ms)

    def _satisfy(self, tx: Transaction, behind: _Behind, act: LinkAct, answer: LinkAnswer, now_ms: int) -> None:
        by = _contact(behind)
        if act is LinkAct.REOPEN:
            self._deeds.follow_ups.reopen(tx, behind.case, answer.text, by=by, now_ms=now_ms)
            return
        rating = Rating(who=behind.link.whom, channel=ConsentChannel.LINK, score=answer.score, comment=answer.text)
        self._deeds.follow_ups.rate(tx, behind.case, rating, by=by, now_ms=now_ms)


def _now(tx: Transaction, link: Link) -> Link:
    """The deed may have taken the link itself back."""
    return tx.repairs.link_by_hash(link.hash) or link


def _look(tx: Transaction, link: Link) -> _Behind:
    case = tx.cases.get(link.case)
    behind = _Behind(link=link, case=case, asset=tx.assets.by_number(case.asset))
    match link.purpose:
        case LinkPurpose.CONSENT:
            quote = tx.repairs.quote(link.quote) if link.quote is not None else None
            return replace(behind, proposal=tx.repairs.proposal(link.subject), quote=quote)
        case LinkPurpose.ENGINEER:
            return _look_at_visit(tx, behind)
        case LinkPurpose.SIGNATURE:
            return replace(behind, report=tx.repairs.service_report(link.subject))
        case LinkPurpose.SATISFACTION:
            return replace(behind, follow_up=tx.repairs.follow_up(link.subject))


def _look_at_visit(tx: Transaction, behind: _Behind) -> _Behind:
    visit = tx.repairs.dispatch(behind.link.subject)
    approved = [one for one in tx.repairs.accesses(behind.case.id) if one.state is AccessState.APPROVED]
    site, custody = site_of(tx, behind.asset), tx.registry.custody(behind.asset.id)
    where: dict[str, Fact] = {"title": site.title or site.name, "address": site.address, "time_zone": site.time_zone}
    if custody is not None:
        where |= {"rack": custody.rack, "unit": custody.unit}
    return replace(
        behind,
        dispatch=visit,
        engineer=tx.repairs.engineer(visit.engineer),
        access=approved[-1] if approved else None,
        site=where,
    )


def _view(behind: _Behind, now_ms: int) -> LinkView:
    link = behind.link
    acts, done = _acts(behind, now_ms), _done(behind)
    state = _state(link, acts, done, now_ms)
    return LinkView(
        link=link,
        state=state,
        acts=acts if state is LinkState.OPEN else (),
        done=done[-1] if done else None,
        case=behind.case,
        asset=behind.asset,
        whom=link.whom,
        language=link.language,
        proposal=behind.proposal,
        quote=behind.quote,
        dispatch=behind.dispatch,
        engineer=behind.engineer,
        access=behind.access,
        report=behind.report,
        follow_up=behind.follow_up,
        site=behind.site,
    )


def _state(link: Link, acts: tuple[LinkAct, ...], done: tuple[LinkAct, ...], now_ms: int) -> LinkState:
    if link.revoked_ms:
        return LinkState.REVOKED
    if acts:
        return LinkState.OPEN if now_ms < link.expires_ms else LinkState.EXPIRED
    return LinkState.DONE if done else LinkState.VOID


def _acts(behind: _Behind, now_ms: int) -> tuple[LinkAct, ...]:
    """What would be legal, were the link young enough."""
    match behind.link.purpose:
        case LinkPurpose.CONSENT:
            return _consent_acts(behind, now_ms)
        case LinkPurpose.ENGINEER:
            if behind.dispatch is None or behind.case.state not in OPEN_STATES:
                return ()
            steps = legal_actions(behind.dispatch.state)
            return tuple(_BY_STEP[step] for step in steps if step in _BY_STEP)
        case LinkPurpose.SIGNATURE:
            return () if behind.report is None or behind.report.signed_ms else (LinkAct.SIGN,)
        case LinkPurpose.SATISFACTION:
            follow_up = behind.follow_up
            if follow_up is None or behind.case.state is not CaseState.CLOSED:
                return ()
            if follow_up.state in (FollowUpState.DUE, FollowUpState.ASKED):
                return (LinkAct.RATE,)
            return (LinkAct.REOPEN,) if follow_up.low else ()


def _consent_acts(behind: _Behind, now_ms: int) -> tuple[LinkAct, ...]:
    proposal, quote = behind.proposal, behind.quote
    if proposal is None:
        return ()
    priced = quote is not None and quote.state is QuoteState.OPEN
    asked = proposal.state is ProposalState.OFFERED and behind.case.state is CaseState.PROPOSED
    left = proposal.state is ProposalState.CONSENTED and behind.case.state is CaseState.CONSENTED and priced
    if not asked and not left:
        return ()
    # What is no longer offered at that price can still be refused, so that a new one comes.
    gone = quote is not None and not quote.settled() and not quote.valid(now_ms)
    return (LinkAct.REFUSE,) if gone else (LinkAct.CONSENT, LinkAct.REFUSE)


def _done(behind: _Behind) -> tuple[LinkAct, ...]:
    """What was done about its subject, in order, by whichever way."""
    match behind.link.purpose:
        case LinkPurpose.CONSENT:
            assert behind.proposal is not None
            words = {ProposalState.CONSENTED: LinkAct.CONSENT, ProposalState.REFUSED: LinkAct.REFUSE}
            word = words.get(behind.proposal.state)
            return () if word is None else (word,)
        case LinkPurpose.ENGINEER:
            assert behind.dispatch is not None
            return _steps_done(behind.dispatch)
        case LinkPurpose.SIGNATURE:
            return (LinkAct.SIGN,) if behind.report and behind.report.signed_ms else ()
        case LinkPurpose.SATISFACTION:
            answered = behind.follow_up is not None and behind.follow_up.state is FollowUpState.ANSWERED
            reopened = (LinkAct.REOPEN,) if behind.link.used == LinkAct.REOPEN else ()
            return (LinkAct.RATE, *reopened) if answered else ()


def _steps_done(visit: Dispatch) -> tuple[LinkAct, ...]:
    ends = {
        DispatchState.DONE: LinkAct.DONE,
        DispatchState.FAILED: LinkAct.FAILED,
        DispatchState.DECLINED: LinkAct.DECLINE,
    }
    stamps = {
        LinkAct.ACCEPT: visit.accepted_ms,
        LinkAct.ON_THE_WAY: visit.departed_ms,
        LinkAct.ARRIVED: visit.arrived_ms,
    }
    done = tuple(act for act, at_ms in stamps.items() if at_ms)
    return (*done, ends[visit.state]) if visit.state in ends else done


def _refusal(state: LinkState, act: LinkAct) -> Exception:
    match state:
        case LinkState.EXPIRED:
            return LinkRefused("this link has expired: ask for a new one")
        case LinkState.REVOKED:
            return LinkRefused("this link was taken back, or a newer one took its place")
        case _:
            return IllegalAction("{act} is not possible here now", act=act)


def _contact(behind: _Behind) -> Actor:
    return Actor(name=behind.link.whom, role=Role.CUSTOMER_CONTACT, customer=behind.asset.customer)
