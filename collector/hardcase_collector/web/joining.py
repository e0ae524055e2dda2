"""Deciding about what was found while an asset joined: all of it, or single lines. For pages and control socket."""

from __future__ import annotations

from collections.abc import Sequence

from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.asset import Asset
from hardcase_collector.domain.errors import NotFound
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.web.ports import CaseActions


def settle(
    tx: Transaction,
    actions: CaseActions,
    asset: Asset,
    findings: Sequence[int],
    *,
    open_cases: bool,
    by: Actor,
    reason: str,
    now_ms: int,
) -> int:
    """How many findings were decided, with its audit entry. No `findings`: all, and the asset is live then.

    Raises NotFound where a finding is not this asset's, IllegalAction where one does not wait for a decision.
    """
    own = {row.id for row in tx.findings.of_asset(asset.id, firing=True)}
    for finding in findings:
        if finding not in own:
            raise NotFound("finding {finding} does not fire on this asset", finding=finding)
        actions.settle_finding(tx, finding, open_case=open_cases, by=by, reason=reason, now_ms=now_ms)
    settled = len(findings) or actions.settle_joining(
        tx, asset.id, open_cases=open_cases, by=by, reason=reason, now_ms=now_ms
    )
    tx.access.audit(
        at_ms=now_ms,
        actor=by.name,
        action=f"asset.joining_{'open' if open_cases else 'accept'}",
        subject=asset.key,
        facts={"reason": reason, "findings": settled, "singly": ",".join(map(str, findings))},
    )
    return settled
