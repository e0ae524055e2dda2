"""The live state of an asset out of a transaction, for the safety checks of `advice.py`. Pages and notify call it."""

from __future__ import annotations

from functools import cached_property

from hardcase_collector.domain.advice import Firing
from hardcase_collector.domain.ports import Transaction

SILENT_AFTER_MS = 90_000
"""Three heartbeats of 30 s. For people: the rule agent-silent itself judges on a monotonic clock."""


class LiveOf:
    """What fires on an asset, whether anybody tells of its arrays, and whether anybody tells anything.

    Each is looked up when first asked for, within the transaction: most cases are not about disks.
    """

    def __init__(self, tx: Transaction, asset: int, *, now_ms: int) -> None:
        self._tx = tx
        self._asset = asset
        self._now_ms = now_ms

    @cached_property
    def firing(self) -> tuple[Firing, ...]:
        rows = self._tx.findings.of_asset(self._asset, firing=True)
        return tuple(Firing(row.fault_class, row.part, row.severity) for row in rows if row.severity)

    @cached_property
    def arrays_seen(self) -> bool:
        coverage = (line for _, line in self._tx.assets.coverage(self._asset))
        return any(line.component == "raid" and line.status == "watched" for line in coverage) or any(
            part.component == "raid" for _, part, _ in self._tx.assets.inventory(self._asset)
        )

    @cached_property
    def silent(self) -> bool:
        observers = self._tx.assets.observers(self._asset)
        seen = max((self._tx.agents.by_number(number).last_seen_ms for number in observers), default=0)
        return bool(seen) and self._now_ms - seen > SILENT_AFTER_MS
