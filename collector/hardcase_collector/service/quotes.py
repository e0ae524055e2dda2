"""What a proposal costs the customer: lines, revisions, and his word on them. The repair waits for it.

What is covered stands on it as 0, with the reason. Called like `proposals.py`, which also takes a word on both at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from hardcase_collector.cases.actions import NOTE_KEPT, allowed
from hardcase_collector.cases.case_file import CaseFile, Changes, Occasion
from hardcase_collector.cases.readiness import newest_proposal, newest_quote
from hardcase_collector.cases.workflow import Deed
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.case import Case, CaseState, Waiting
from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.link import LinkPurpose
from hardcase_collector.domain.ports import Announcer, Transaction
from hardcase_collector.domain.repair import (
    FREE,
    ConsentChannel,
    LineKind,
    LineReason,
    Proposal,
    ProposalState,
    Quote,
    QuoteLine,
    QuoteState,
)
from hardcase_collector.registry.resolution import local_day, site_of
from hardcase_collector.service import coverage
from hardcase_collector.service.proposals import Answer, accepted, decide
from hardcase_collector.service.served import PlanNamed, Served, served_part

MAX_LINES = 50
_MOST = Decimal(10) ** 12
"""No repair costs more; beyond it a slip of the keyboard is more likely."""
# Once work has begun nothing is quoted: what turns up then is proposed anew.
_QUOTABLE = frozenset({CaseState.PROPOSED, CaseState.CONSENTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A line as somebody writes it."""

    kind: LineKind
    text: str
    unit_price: Decimal
    quantity: Decimal = Decimal(1)
    part_number: str = ""
    goodwill: bool = False
    """Not covered, and yet nothing is asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteDraft:
    items: tuple[Item, ...]
    currency: str
    valid_until_ms: int
    tax_note: str = ""


class Quotes:
    def __init__(self, announcer: Announcer, *, plan_named: PlanNamed) -> None:
        self._announcer = announcer
        self._plan_named = plan_named

    def quote(self, tx: Transaction, case: Case, draft: QuoteDraft, *, by: Actor, now_ms: int) -> Quote:
        """A first quote or a revision, which takes the place of the one before and of its acceptance.

        Raises IllegalAction, NotAllowed.
        """
        allowed(tx, case, by, Deed.QUOTE)
        proposal = _quotable(tx, case)
        _check(draft, now_ms)
        asset = tx.assets.by_number(case.asset)
        terms = served_part(tx, case, proposal.part, self._plan_named, now_ms=now_ms)
        lines = priced(draft.items, proposal, terms, on=local_day(site_of(tx, asset), now_ms))
        quotes = tx.repairs.quotes(case.id)
        for older in quotes:
            if older.state in (QuoteState.OPEN, QuoteState.ACCEPTED):
                tx.repairs.save_quote(replace(older, state=QuoteState.SUPERSEDED))
        tx.repairs.revoke_links(case.id, [LinkPurpose.CONSENT], now_ms=now_ms)
        quote = tx.repairs.add_quote(
            Quote(
                case=case.id,
                proposal=proposal.id,
                revision=len(quotes) + 1,
                currency=draft.currency,
                lines=lines,
                tax_note=draft.tax_note.strip()[:NOTE_KEPT],
                valid_until_ms=draft.valid_until_ms,
                by=by.name,
                made_ms=now_ms,
            )
        )
        changes = Changes() if quote.settled() else Changes(waiting=Waiting.CUSTOMER)
        told = {**_told(quote), "valid_until_ms": quote.valid_until_ms}
        CaseFile(tx, self._announcer).change(case, "quoted", Occasion(now_ms=now_ms, actor=by.name), told, **changes)
        return quote

    def accept(self, tx: Transaction, case: Case, answer: Answer, *, by: Actor, now_ms: int) -> Quote:
        """For a proposal that has its consent already. Raises IllegalAction, NotAllowed."""
        quote = self._open(tx, case, by)
        accepted(quote, answer.quote, now_ms)
        return self._decide(tx, case, quote, QuoteState.ACCEPTED, answer, by, now_ms)

    def refuse(self, tx: Transaction, case: Case, answer: Answer, *, by: Actor, now_ms: int) -> Quote:
        """He will not pay this; the consent stands, a revision is needed. Raises IllegalAction, NotAllowed."""
        quote = self._open(tx, case, by)
        if not answer.reason.strip():
            raise IllegalAction("a refusal needs a reason: the next revision must do better")
        return self._decide(tx, case, quote, QuoteState.REFUSED, answer, by, now_ms)

    def _open(self, tx: Transaction, case: Case, by: Actor) -> Quote:
        allowed(tx, case, by, Deed.ACCEPT_QUOTE)
        if case.state is not CaseState.CONSENTED:
            raise IllegalAction(
                "case {case} is {state}: a quote goes with the consent to its proposal",
                case=case.number,
                state=case.state,
            )
        proposal = _quotable(tx, case)
        quote = newest_quote(tx, proposal)
        if quote is None or quote.state is not QuoteState.OPEN:
            raise IllegalAction("case {case} has no quote that waits for the customer's word", case=case.number)
        return quote

    def _decide(
        self, tx: Transaction, case: Case, quote: Quote, state: QuoteState, answer: Answer, by: Actor, now_ms: int
    ) -> Quote:
        if not answer.who.strip():
            raise IllegalAction("say who at the customer said so")
        direct = answer.channel in (ConsentChannel.LINK, ConsentChannel.PAGE)
        decided = decide(quote, state, answer, now_ms, "" if direct else by.name)
        tx.repairs.save_quote(decided)
        told = {**_told(quote), "who": answer.who, "channel": str(answer.channel)}
        if decided.reason:
            told["reason"] = decided.reason
        occasion = Occasion(now_ms=now_ms, actor=by.name)
        waiting = Waiting.NOTHING if case.waiting is Waiting.CUSTOMER else case.waiting
        CaseFile(tx, self._announcer).change(case, f"quote_{state}", occasion, told, waiting=waiting)
        return decided


def priced(items: Sequence[Item], proposal: Proposal, terms: Served, *, on: date) -> tuple[QuoteLine, ...]:
    """Each item with why it is (not) free; what is covered and was not written down is added as 0.

    Raises IllegalAction where something that is not covered is not on it.
    """
    needed = coverage.kinds(proposal.manner, self_repair=proposal.self_repair)
    lines = [
        QuoteLine(
            kind=item.kind,
            text=item.text.strip()[:NOTE_KEPT],
            quantity=item.quantity,
            unit_price=item.unit_price,
            why=_why(item, proposal, terms, on),
            part_number=item.part_number,
        )
        for item in items
    ]
    for kind in needed:
        if any(line.kind is kind for line in lines):
            continue
        why = coverage.covered(kind, proposal.manner, terms, on=on)
        if why not in FREE:
            raise IllegalAction("{kind} is not covered ({why}): it needs a line, if need be of 0", kind=kind, why=why)
        lines.append(QuoteLine(kind=kind, text="", quantity=Decimal(1), unit_price=Decimal(0), why=why))
    return tuple(lines)


def _why(item: Item, proposal: Proposal, terms: Served, on: date) -> LineReason:
    why = coverage.covered(item.kind, proposal.manner, terms, on=on)
    return LineReason.GOODWILL if item.goodwill and why not in FREE else why


def _quotable(tx: Transaction, case: Case) -> Proposal:
    proposal = newest_proposal(tx, case)
    alive = proposal is not None and proposal.state in (ProposalState.OFFERED, ProposalState.CONSENTED)
    if case.state not in _QUOTABLE or proposal is None or not alive:
        raise IllegalAction(
            "case {case} is {state}: a quote goes with a proposal, before the repair",
            case=case.number,
            state=case.state,
        )
    return proposal


def _check(draft: QuoteDraft, now_ms: int) -> None:
    if not (len(draft.currency) == 3 and draft.currency.isascii() and draft.currency.isupper()):
        raise IllegalAction('a quote needs a currency of three letters, such as "CNY"')
    if draft.valid_until_ms <= now_ms:
        raise IllegalAction("a quote that is valid until now can never be accepted")
    if not 0 < len(draft.items) <= MAX_LINES:
        raise IllegalAction("a quote has 1 to {most} lines", most=MAX_LINES)
    for item in draft.items:
        if not (item.unit_price.is_finite() and 0 <= item.unit_price < _MOST):
            raise IllegalAction("{unit_price} is no price", unit_price=item.unit_price)
        if not (item.quantity.is_finite() and 0 < item.quantity < _MOST):
            raise IllegalAction("{quantity} is no quantity", quantity=item.quantity)


def _told(quote: Quote) -> dict[str, Fact]:
    return {"quote": quote.revision, "total": str(quote.total), "currency": quote.currency}
