"""Proposals, quotes, consent and links on the control socket. Visits: `visits.py`, the rest: `aftercare.py`."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Body, Request
from pydantic import BaseModel, Field

from hardcase_collector.domain.case import Case
from hardcase_collector.domain.link import NewLink
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.repair import ConsentChannel, LineKind, Manner, ProposalState
from hardcase_collector.service.desk import ServiceDesk
from hardcase_collector.service.proposals import Answer, Offer
from hardcase_collector.service.quotes import Item, QuoteDraft
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import Control, asker, who
from hardcase_collector.web.control.service_words import desk_of, links_told, quote_told, whole

_DAY_MS = 86_400_000
Text = Annotated[str, Field(max_length=4000)]
Line = Annotated[str, Field(max_length=200)]
Ms = Annotated[int, Field(ge=0, le=1 << 53)]
Names = Annotated[list[Line], Field(max_length=50)]


class ProposalBody(BaseModel):
    solution: Text
    manner: Manner
    self_repair: bool = False
    expected_ms: Ms = 0
    duration_s: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    steps: Annotated[list[Text], Field(max_length=50)] = []
    risks: Annotated[list[Text], Field(max_length=50)] = []
    instead_of: Annotated[int, Field(ge=0, le=1 << 31)] = 0
    """Number of the proposal that stands, which this one voids; without it a standing one is not replaced."""
    ask: bool = False
    """Links to the contacts at once, where nothing has to be quoted first."""


class ItemBody(BaseModel):
    kind: LineKind
    text: Line = ""
    unit_price: Decimal
    quantity: Decimal = Decimal(1)
    part_number: Line = ""
    goodwill: bool = False


class QuoteBody(BaseModel):
    items: Annotated[list[ItemBody], Field(max_length=50)]
    currency: Line
    valid_until_ms: Ms = 0
    valid_days: Annotated[int, Field(ge=1, le=365)] = 14
    """Where no time is given."""
    tax_note: Text = ""
    ask: bool = False
    """Links to the contacts at once."""


class WordBody(BaseModel):
    who: Line
    channel: ConsentChannel
    reason: Text = ""
    quote: int | None = None

    def answer(self) -> Answer:
        return Answer(who=self.who, channel=self.channel, reason=self.reason, quote=self.quote)


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=AgainRoute)
    _offer(made, control)
    _answer(made, control)
    _links(made, control)
    return made


def found(tx: Transaction, number: str) -> Case:
    """Raises NotFound."""
    return tx.cases.by_number(number, customer=None)


def noted(tx: Transaction, request: Request, now_ms: int, action: str, number: str) -> None:
    """In the audit log."""
    tx.access.audit(at_ms=now_ms, actor=asker(request), action=f"case.{action}", subject=number, facts={})


def _offer(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.get("/repairs/{number}", response_model=None)
    def show(number: str) -> Json:
        with shop.store.read() as tx:
            return whole(tx, found(tx, number).id)

    @made.post("/repairs/{number}/proposals", response_model=None)
    def propose(request: Request, number: str, body: ProposalBody) -> Json:
        desk, now_ms = desk_of(control), shop.clock_ms()
        fields = body.model_dump(exclude={"ask"})
        offer = Offer(**{**fields, "steps": tuple(body.steps), "risks": tuple(body.risks)})
        with shop.store.write() as tx:
            proposal = desk.proposals.propose(tx, found(tx, number), offer, by=who(request), now_ms=now_ms)
            noted(tx, request, now_ms, "proposed", number)
            waits = proposal.state is ProposalState.OFFERED and not proposal.uncovered
            links = _asked(desk, tx, request, number, now_ms) if body.ask and waits else []
            return {"proposal": plain(proposal), "state": str(found(tx, number).state), "links": links}

    @made.post("/repairs/{number}/quotes", response_model=None)
    def quote(request: Request, number: str, body: QuoteBody) -> Json:
        desk, now_ms = desk_of(control), shop.clock_ms()
        draft = QuoteDraft(
            items=tuple(Item(**one.model_dump()) for one in body.items),
            currency=body.currency,
            valid_until_ms=body.valid_until_ms or now_ms + body.valid_days * _DAY_MS,
            tax_note=body.tax_note,
        )
        with shop.store.write() as tx:
            made_quote = desk.quotes.quote(tx, found(tx, number), draft, by=who(request), now_ms=now_ms)
            noted(tx, request, now_ms, "quoted", number)
            links = _asked(desk, tx, request, number, now_ms) if body.ask else []
            return {"quote": quote_told(made_quote), "links": links}


def _asked(desk: ServiceDesk, tx: Transaction, request: Request, number: str, now_ms: int) -> list[Json]:
    links = desk.invite(tx, found(tx, number), by=who(request), now_ms=now_ms)
    return links_told(links, desk.maker.address)


def _answer(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.post("/repairs/{number}/consent", response_model=None)
    def consent(request: Request, number: str, body: WordBody) -> Json:
        desk, now_ms = desk_of(control), shop.clock_ms()
        with shop.store.write() as tx:
            decided = desk.proposals.consent(tx, found(tx, number), body.answer(), by=who(request), now_ms=now_ms)
            noted(tx, request, now_ms, "consented", number)
            return {"proposal": plain(decided)}

    @made.post("/repairs/{number}/refuse", response_model=None)
    def refuse(request: Request, number: str, body: WordBody) -> Json:
        desk, now_ms = desk_of(control), shop.clock_ms()
        with shop.store.write() as tx:
            decided = desk.proposals.refuse(tx, found(tx, number), body.answer(), by=who(request), now_ms=now_ms)
            noted(tx, request, now_ms, "refused", number)
            return {"proposal": plain(decided)}

    @made.post("/repairs/{number}/quotes/{decision}", response_model=None)
    def decide(request: Request, number: str, decision: str, body: WordBody) -> Json:
        """`decision`: accept; everything else refuses."""
        desk, now_ms = desk_of(control), shop.clock_ms()
        take = desk.quotes.accept if decision == "accept" else desk.quotes.refuse
        with shop.store.write() as tx:
            decided = take(tx, found(tx, number), body.answer(), by=who(request), now_ms=now_ms)
            noted(tx, request, now_ms, f"quote.{decided.state}", number)
            return {"quote": quote_told(decided)}


def _links(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.post("/repairs/{number}/ask", response_model=None)
    def ask(request: Request, number: str, names: Annotated[Names, Body(embed=True)] = []) -> Json:  # noqa: B006  # read only
        desk, now_ms = desk_of(control), shop.clock_ms()
        with shop.store.write() as tx:
            links: Sequence[NewLink] = desk.invite(
                tx, found(tx, number), by=who(request), now_ms=now_ms, names=tuple(names)
            )
            noted(tx, request, now_ms, "asked", number)
            return {"links": links_told(links, desk.maker.address)}

    @made.post("/repairs/{number}/links/{row}/revoke", response_model=None)
    def revoke(request: Request, number: str, row: int) -> Json:
        now_ms = shop.clock_ms()
        with shop.store.write() as tx:
            desk_of(control).links.revoke(tx, found(tx, number), row, by=who(request), now_ms=now_ms)
            noted(tx, request, now_ms, "link_revoked", number)
            return {"revoked": row}
