"""The live state of an asset out of a transaction, for the safety checks of `advice.py`. Pages and notify call it."""

from __future__ import annotations

from hardcase_collector.domain.advice import Firing, LiveState
from hardcase_collector.domain.ports import Transaction

SILENT_AFTER_MS = 90_000
"""Three heartbeats of 30 s. For people: the rule agent-silent itself judges on a monotonic clock."""


def live_state(tx: Transaction, asset: int, *, now_ms: int) -> LiveState:
    """What fires on it, whether anybody tells of its arrays, and whether anybody tells anything."""
    rows = tx.findings.of_asset(asset, firing=True)
    coverage = [line for _, line in tx.assets.coverage(asset)]
    seen = max((tx.agents.by_number(number).last_seen_ms for number in tx.assets.observers(asset)), default=0)
    return LiveState(
        firing=tuple(Firing(row.fault_class, row.part, row.severity) for row in rows if row.severity),
        arrays_seen=any(line.component == "raid" and line.status == "watched" for line in coverage)
        or any(part.component == "raid" for _, part, _ in tx.assets.inventory(asset)),
        silent=bool(seen) and now_ms - seen > SILENT_AFTER_MS,
    )
