"""Steps of the offer: proposal, quote, sending both to the customer, and his word on them."""

from __future__ import annotations

from collections.abc import Sequence

from hardcase_collector.cases.readiness import newest_proposal, newest_quote
from hardcase_collector.cases.workflow import Deed
from hardcase_collector.domain.case import CaseAction, CaseState
from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.domain.link import LinkPurpose, NewLink
from hardcase_collector.domain.repair import ConsentChannel, LineKind, Manner, Proposal, ProposalState, QuoteState
from hardcase_collector.registry.resolution import contacts_of
from hardcase_collector.service.link_making import Addressee
from hardcase_collector.service.proposals import Answer, Offer
from hardcase_collector.service.quotes import Item, QuoteDraft
from hardcase_collector.web.pages.frame import Refused
from hardcase_collector.web.pages.steps import Doing, Field, FieldKind, Scene, Step

_DAY_MS = 86_400_000
_VALID_DAYS = 14
_MANNERS = tuple((str(one), f"manner.{one}") for one in Manner)
_HEARD = (ConsentChannel.PHONE, ConsentChannel.MAIL, ConsentChannel.CHAT, ConsentChannel.IN_PERSON)
_CHANNELS = tuple((str(one), f"consent.{one}") for one in _HEARD)


def _here(scene: Scene) -> bool:
    return scene.shop.service is not None


def _propose(doing: Doing) -> None:
    answers = doing.answers
    offer = Offer(
        solution=answers.needed("solution"),
        manner=answers.choice("manner", Manner),
        self_repair=answers.yes("self_repair"),
        expected_ms=answers.when_ms("expected"),
        duration_s=answers.count("minutes") * 60,
        risks=answers.lines("risks"),
        instead_of=answers.count("instead_of"),
    )
    doing.desk.proposals.propose(doing.tx, doing.case, offer, by=doing.by, now_ms=doing.now_ms)


def _propose_fields(scene: Scene) -> Sequence[Field]:
    seen = next(iter(scene.around.proposals), None)
    return (
        Field(name="instead_of", kind=FieldKind.HIDDEN, value=str(seen.number) if seen else ""),
        Field(name="solution", kind=FieldKind.TEXT, required=True),
        Field(name="manner", kind=FieldKind.CHOICE, required=True, choices=_MANNERS),
        Field(name="expected", kind=FieldKind.WHEN),
        Field(name="minutes", kind=FieldKind.COUNT),
        Field(name="self_repair", kind=FieldKind.YES),
        Field(name="risks", kind=FieldKind.TEXT),
    )


def _waits(scene: Scene) -> Proposal | None:
    """The proposal that can still be priced or decided about."""
    newest = next(iter(scene.around.proposals), None)
    alive = newest is not None and newest.state in (ProposalState.OFFERED, ProposalState.CONSENTED)
    return newest if alive and scene.case.state in (CaseState.PROPOSED, CaseState.CONSENTED) else None


def _quote(doing: Doing) -> None:
    answers = doing.answers
    items = tuple(
        Item(
            kind=kind,
            text=answers.line(f"{kind}_text"),
            unit_price=answers.money(str(kind)),
            part_number=answers.line("part_number") if kind is LineKind.PART else "",
            goodwill=answers.yes("goodwill"),
        )
        for kind in LineKind
        if answers.line(str(kind))
    )
    draft = QuoteDraft(
        items=items,
        currency=answers.line("currency").upper(),
        valid_until_ms=doing.now_ms + (answers.count("days") or _VALID_DAYS) * _DAY_MS,
        tax_note=answers.line("tax_note"),
    )
    doing.desk.quotes.quote(doing.tx, doing.case, draft, by=doing.by, now_ms=doing.now_ms)


def _quote_fields(scene: Scene) -> Sequence[Field]:
    before = scene.around.quote
    proposal = _waits(scene)
    asked = proposal.uncovered if proposal else ()
    prices = [
        Field(name=str(kind), kind=FieldKind.MONEY, label=f"quote_line.{kind}", required=str(kind) in asked)
        for kind in LineKind
    ]
    return (
        *prices,
        Field(name="part_number", value=scene.case.part.part_number, label="asset.part_number"),
        Field(name="currency", value=before.currency if before else "CNY", required=True),
        Field(name="days", kind=FieldKind.COUNT, value=str(_VALID_DAYS)),
        Field(name="tax_note"),
        Field(name="goodwill", kind=FieldKind.YES),
    )


def _ask(doing: Doing) -> Sequence[NewLink]:
    """A link for each contact who may consent."""
    proposal = newest_proposal(doing.tx, doing.case)
    if proposal is None:
        raise IllegalAction("there is nothing to consent to yet")
    quote = newest_quote(doing.tx, proposal)
    contacts = contacts_of(doing.tx, doing.tx.assets.by_number(doing.case.asset))
    asked = [contact for contact in contacts if contact.may_consent]
    if not asked:
        raise Refused(409, "error.no_contact")
    return [
        doing.desk.maker.make(
            doing.tx,
            doing.case,
            LinkPurpose.CONSENT,
            proposal,
            Addressee(name=contact.name, language=contact.language, mail=contact.mail),
            by=doing.by.name,
            now_ms=doing.now_ms,
            quote=quote.id if quote is not None and quote.state is QuoteState.OPEN else None,
        )
        for contact in asked
    ]


def _word(doing: Doing) -> Answer:
    """What the customer says himself, or what somebody heard him say."""
    proposal = newest_proposal(doing.tx, doing.case)
    quote = newest_quote(doing.tx, proposal) if proposal else None
    revision = quote.revision if quote is not None and quote.state is QuoteState.OPEN else None
    own = doing.outside
    return Answer(
        who=doing.by.name if own else doing.answers.line("who"),
        channel=ConsentChannel.PAGE if own else doing.answers.choice("consent_channel", ConsentChannel),
        reason=doing.answers.text("text"),
        quote=revision,
    )


def _consent(doing: Doing) -> None:
    word = _word(doing)
    if doing.case.state is CaseState.CONSENTED:
        doing.desk.quotes.accept(doing.tx, doing.case, word, by=doing.by, now_ms=doing.now_ms)
        return
    doing.desk.proposals.consent(doing.tx, doing.case, word, by=doing.by, now_ms=doing.now_ms)


def _refuse(doing: Doing) -> None:
    word = _word(doing)
    if not word.reason:
        raise Refused(400, "error.reason_needed")
    if doing.case.state is CaseState.CONSENTED:
        doing.desk.quotes.refuse(doing.tx, doing.case, word, by=doing.by, now_ms=doing.now_ms)
        return
    doing.desk.proposals.refuse(doing.tx, doing.case, word, by=doing.by, now_ms=doing.now_ms)


def _heard(scene: Scene) -> tuple[Field, ...]:
    """Who said it and how, unless he says it himself here."""
    if scene.outside:
        return ()
    known = next((one.name for one in scene.around.contacts if one.may_consent), "")
    return (
        Field(name="who", value=known, required=True, label="field.who_customer"),
        Field(name="consent_channel", kind=FieldKind.CHOICE, required=True, choices=_CHANNELS, value="phone"),
    )


def _decidable(scene: Scene) -> bool:
    if not _here(scene) or _waits(scene) is None:
        return False
    quote = scene.around.quote
    priced = quote is not None and quote.state is QuoteState.OPEN and not quote.settled()
    return scene.case.state is CaseState.PROPOSED or priced


STEPS: Sequence[Step] = (
    Step(
        name="propose",
        offered=lambda scene: _here(scene) and CaseAction.PROPOSE in scene.legal,
        do=_propose,
        fields=_propose_fields,
        main=True,
    ),
    Step(
        name="quote",
        deed=Deed.QUOTE,
        offered=lambda scene: _here(scene) and _waits(scene) is not None,
        do=_quote,
        fields=_quote_fields,
    ),
    Step(
        name="ask_consent",
        deed=Deed.PROPOSE,
        offered=lambda scene: _decidable(scene) and not scene.outside,
        do=_ask,
        main=True,
    ),
    Step(name="consent", deed=Deed.CONSENT, offered=_decidable, do=_consent, fields=_heard, main=True),
    Step(
        name="refuse",
        deed=Deed.REFUSE,
        offered=_decidable,
        do=_refuse,
        fields=lambda scene: (
            *_heard(scene),
            Field(name="text", kind=FieldKind.TEXT, label="case.reason", required=True),
        ),
        grave=True,
    ),
)
