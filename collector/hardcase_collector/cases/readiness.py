"""What must stand in writing before a case may go on: a proposal, the customer's consent, an accepted quote.

Asked by `case_file.py` at every move, so that no way of clicking leads round it. Written by `service/proposals.py`.
"""

from __future__ import annotations

from hardcase_collector.domain.case import Case, CaseAction
from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.repair import Proposal, ProposalState, Quote
from hardcase_collector.domain.said import Said


def check(tx: Transaction, case: Case, action: CaseAction) -> None:
    """Raises IllegalAction, saying what is missing."""
    if action not in (CaseAction.PROPOSE, CaseAction.CONSENT, CaseAction.START_REPAIR):
        return
    proposal = newest_proposal(tx, case)
    if action is CaseAction.PROPOSE:
        if proposal is None or proposal.state is not ProposalState.OFFERED:
            raise IllegalAction(
                "case {case} has no proposal: write down solution, manner and time first", case=case.number
            )
        return
    if proposal is None or proposal.state is not ProposalState.CONSENTED:
        raise IllegalAction(
            "case {case} has no consent on record: say who at the customer gave it, and how", case=case.number
        )
    if action is CaseAction.START_REPAIR and (missing := quote_missing(tx, proposal)):
        raise IllegalAction("case {case}: {missing}", case=case.number, missing=missing)


def newest_proposal(tx: Transaction, case: Case) -> Proposal | None:
    proposals = tx.repairs.proposals(case.id)
    return proposals[-1] if proposals else None


def newest_quote(tx: Transaction, proposal: Proposal) -> Quote | None:
    """Of this proposal."""
    quotes = [quote for quote in tx.repairs.quotes(proposal.case) if quote.proposal == proposal.id]
    return quotes[-1] if quotes else None


def quote_missing(tx: Transaction, proposal: Proposal) -> Said | None:
    """What keeps the repair from starting; None = nothing."""
    quote = newest_quote(tx, proposal)
    if quote is None:
        if not proposal.uncovered:
            return None
        return Said("{kinds} must be quoted and accepted before the repair", {"kinds": tuple(proposal.uncovered)})
    if quote.settled():
        return None
    told = {"revision": quote.revision, "total": quote.total, "currency": quote.currency, "state": quote.state}
    return Said("quote {revision} over {total} {currency} is {state}, not accepted", told)
