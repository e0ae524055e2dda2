"""A kept finding as a transition once more: what was held is decided anew by it. For `desk.py` and `actions.py`."""

from __future__ import annotations

from hardcase_collector.domain.finding import Change, Transition
from hardcase_collector.domain.ports import FindingRow


def transition_of(row: FindingRow) -> Transition:
    """A held finding, as if it were raised now by a live reading."""
    return Transition(
        key=row.key,
        change=Change.RAISED,
        severity=row.severity,
        fault_class=row.fault_class,
        repair_group=row.repair_group,
        part=row.part,
        time_ms=row.changed_ms,
        backlog=False,
        rehearsal=row.rehearsal,
        self_clearing=row.self_clearing,
        soak_s=row.soak_s,
        opens=row.opens,
        device_asserted=row.device_asserted,
        evidence=row.evidence,
    )
