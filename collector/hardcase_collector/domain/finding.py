"""What judging says: transitions of findings, with their evidence and their why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from hardcase_collector.domain.asset import Part

Fact = str | int | float | bool | None


class Severity(IntEnum):
    """ITU-T X.733, ordered: comparing two severities is comparing numbers."""

    CLEARED = 0
    WARNING = 1
    MINOR = 2
    MAJOR = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        return self.name.lower()


class Change(StrEnum):
    RAISED = "raised"
    WORSENED = "worsened"
    EASED = "eased"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingKey:
    """A finding is rule x part, told apart by the sensor (or event log) that shows it.

    `feed` 0 = not from a feed (liveness, events of an asset).
    """

    asset: int
    feed: int
    rule: str
    part: str
    """`Part.key()`."""
    sensor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One finding changed. Made by rules only when something changed, never per reading."""

    key: FindingKey
    change: Change
    severity: Severity
    """New severity; CLEARED when change is CLEARED."""
    fault_class: str
    """ "component.symptom"."""
    repair_group: str
    """ "disk", "psu", "memory", "link", ...: findings of one part and group join one case."""
    part: Part
    time_ms: int
    """Corrected time of the deciding reading; the finding's `since` when raised."""
    backlog: bool
    rehearsal: bool
    self_clearing: bool
    """True: the class may close by itself after its soak time."""
    soak_s: int
    opens: bool
    """False: watch item (warning level, or the sheet says so)."""
    debounced: str = ""
    """ "2 of 3": how many sweeps decided."""
    device_asserted: bool = False
    """True: an asserted state the device itself raises; a critical one opens even while joining."""
    evidence: Mapping[str, Fact] = field(default_factory=dict)
    """sensor, value, unit, limit, limit_name, limit_source, state, text, ...: codes and numbers, never prose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """The stored answer to "why did this (not) open a case?"."""

    asset: int
    rule: str
    part: str
    sensor: str
    time_ms: int
    decided_ms: int
    opened: bool
    case: int | None
    reason: str
    """Code: opened, joined, reopened, warning_only, joining, observe, window, backlog_cleared, history, flapping,
    suspended_by_parent, limits_rejected, below_count, nothing_new, rehearsal."""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    """rule, count, window, limit and its source, dedupe key, window id, ..."""
