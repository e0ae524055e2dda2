"""Puts into writing what a case needs before it may be proposed or consented to, for tests about other things."""

from __future__ import annotations

from dataclasses import replace

from hardcase_collector.cases.readiness import newest_proposal
from hardcase_collector.domain.case import Case, CaseAction
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.repair import ConsentChannel, Manner, Proposal, ProposalState


def put_in_writing(tx: Transaction, case: Case, action: CaseAction, *, now_ms: int) -> None:
    """Nothing for other actions."""
    before = newest_proposal(tx, case)
    if action is CaseAction.PROPOSE:
        number = before.number + 1 if before else 1
        tx.repairs.add_proposal(
            Proposal(case=case.id, number=number, solution="replace it", manner=Manner.ON_SITE, by="li", made_ms=now_ms)
        )
    elif action is CaseAction.CONSENT and before is not None:
        tx.repairs.save_proposal(
            replace(
                before,
                state=ProposalState.CONSENTED,
                decided_ms=now_ms,
                decided_by="Zhang",
                channel=ConsentChannel.PHONE,
            )
        )
