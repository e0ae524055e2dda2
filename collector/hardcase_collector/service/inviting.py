"""Asks the customer: a link for each contact who may consent, to the proposal and the quote as they stand now."""

from __future__ import annotations

from collections.abc import Sequence

from hardcase_collector.cases.actions import allowed
from hardcase_collector.cases.readiness import newest_proposal, newest_quote
from hardcase_collector.cases.workflow import Deed
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.case import Case, CaseState
from hardcase_collector.domain.errors import IllegalAction, NotFound
from hardcase_collector.domain.link import LinkPurpose, NewLink
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.repair import ProposalState, QuoteState
from hardcase_collector.registry.resolution import contacts_of
from hardcase_collector.service.link_making import Addressee, LinkMaker


def invite(
    tx: Transaction, case: Case, maker: LinkMaker, *, by: Actor, now_ms: int, names: Sequence[str] = ()
) -> Sequence[NewLink]:
    """`names`: only these contacts. Raises IllegalAction, NotAllowed, NotFound where nobody may consent."""
    allowed(tx, case, by, Deed.PROPOSE)
    proposal = newest_proposal(tx, case)
    quote = newest_quote(tx, proposal) if proposal else None
    priced = quote is not None and quote.state is QuoteState.OPEN
    asked = proposal is not None and proposal.state is ProposalState.OFFERED and case.state is CaseState.PROPOSED
    left = proposal is not None and proposal.state is ProposalState.CONSENTED and case.state is CaseState.CONSENTED
    if proposal is None or not (asked or (left and priced)):
        raise IllegalAction(
            "case {case} is {state}: nothing waits for the customer's word", case=case.number, state=case.state
        )
    contacts = contacts_of(tx, tx.assets.by_number(case.asset))
    chosen = [one for one in contacts if one.may_consent and (not names or one.name in names)]
    if not chosen:
        raise NotFound("no contact of this asset may consent: see contacts list")
    return [
        maker.make(
            tx,
            case,
            LinkPurpose.CONSENT,
            proposal,
            Addressee(name=contact.name, language=contact.language, mail=contact.mail),
            by=by.name,
            now_ms=now_ms,
            quote=quote.id if quote is not None and priced else None,
            until_ms=quote.valid_until_ms if quote is not None and priced else 0,
        )
        for contact in chosen
    ]
