"""P1 to P4: what is worked on first. Not the severity of a sensor: a failed part whose redundancy holds can wait.

Pure; asked when a case opens or what it is about changes. A person's choice overrides it (event `priority_changed`).
"""

from __future__ import annotations

from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.priority import Importance, Priority, ServiceState

_LEVELS = tuple(Priority)
_BASE = {
    # The columns are critical, major, minor, warning. Contracts put a broken part whose redundancy holds at level three
    # or four, and a standstill at one.
    ServiceState.DOWN: (Priority.P1, Priority.P1, Priority.P2, Priority.P3),
    ServiceState.REDUNDANCY_LOST: (Priority.P1, Priority.P2, Priority.P3, Priority.P4),
    ServiceState.REDUNDANCY_HOLDS: (Priority.P3, Priority.P3, Priority.P4, Priority.P4),
    ServiceState.PREDICTED: (Priority.P3, Priority.P3, Priority.P4, Priority.P4),
}
_COLUMN = {Severity.CRITICAL: 0, Severity.MAJOR: 1, Severity.MINOR: 2, Severity.WARNING: 3}
_SHIFT = {Importance.HIGH: -1, Importance.NORMAL: 0, Importance.LOW: 1}


def priority_of(severity: Severity, service: ServiceState, importance: Importance = Importance.NORMAL) -> Priority:
    """By the table, one level up or down for the importance of the asset. A standstill is never lower than P3.

    Raises ValueError for a severity that is not one of a fault.
    """
    if severity not in _COLUMN:
        raise ValueError(f"{severity.word} is not the severity of a fault")
    level = _LEVELS.index(_BASE[service][_COLUMN[severity]]) + _SHIFT[importance]
    lowest = _LEVELS.index(Priority.P3 if service is ServiceState.DOWN else Priority.P4)
    return _LEVELS[min(max(level, 0), lowest)]
