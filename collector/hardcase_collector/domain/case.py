"""Cases: states, actions, timeline entries. The table of what is legal is `cases/workflow.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.finding import Fact, Severity
from hardcase_collector.domain.priority import Priority, ServiceState


class CaseState(StrEnum):
    NEW = "new"
    CONFIRMED = "confirmed"
    PROPOSED = "proposed"
    CONSENTED = "consented"
    REPAIRING = "repairing"
    REPAIRED = "repaired"
    VERIFYING = "verifying"
    CLOSED = "closed"
    DEFERRED = "deferred"
    CANCELLED = "cancelled"


class Origin(StrEnum):
    """Who opened it."""

    TELEMETRY = "telemetry"
    PERSON = "person"


class Waiting(StrEnum):
    """What work on a case waits for; the queue's filter, and part of why clocks pause."""

    NOTHING = ""
    CUSTOMER = "customer"
    PART = "part"
    VENDOR = "vendor"
    ACCESS = "access"
    """To the machine room."""


class Outcome(StrEnum):
    """How a case ended, as people say who closed it; what tells a good rule from a bad one."""

    UNKNOWN = ""
    """Nobody said: it closed by itself, or is open."""
    REPAIRED = "repaired"
    """Confirmed and repaired."""
    FALSE_ALARM = "false_alarm"
    NO_FAULT_FOUND = "no_fault_found"
    DUPLICATE = "duplicate"
    """Of another case."""
    ACCEPTED = "accepted"
    """There is a fault, and the customer lives with it."""


class CaseAction(StrEnum):
    CONFIRM = "confirm"
    PROPOSE = "propose"
    CONSENT = "consent"
    START_REPAIR = "start_repair"
    FINISH_REPAIR = "finish_repair"
    VERIFY = "verify"
    CLOSE = "close"
    DEFER = "defer"
    RESUME = "resume"
    CANCEL = "cancel"
    REOPEN = "reopen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything wrong with one part that one repair would cure. Times are ms of Unix time; 0 = not yet."""

    id: int
    number: str
    """HC-YYYYMMDD-NNNN."""
    asset: int
    part: Part
    repair_group: str
    state: CaseState
    severity: Severity
    fault_classes: tuple[str, ...]
    since_ms: int
    """Time of the first deciding reading."""
    opened_ms: int
    """Commit time."""
    version: int
    """Counts up with every event of the case; travels in every notification."""
    acknowledged_ms: int = 0
    acknowledged_by: str = ""
    closed_ms: int = 0
    clear_since_ms: int = 0
    """Since when no finding of it fires; 0 while one does."""
    self_clearing: bool = False
    soak_s: int = 0
    reopened: int = 0
    unstable: bool = False
    rehearsal: bool = False
    linked: int | None = None
    """The closed case this one is a later recurrence of."""
    origin: Origin = Origin.TELEMETRY
    title: str = ""
    """What a person wrote who reported it; "" = named by its fault classes."""
    priority: Priority = Priority.P3
    service: ServiceState = ServiceState.REDUNDANCY_HOLDS
    assignee: str = ""
    """Name of the person who works on it; "" = nobody yet."""
    team: str = ""
    waiting: Waiting = Waiting.NOTHING
    outcome: Outcome = Outcome.UNKNOWN
    loose: bool = False
    """A person's report that names no part of a known asset: others like it may be open beside it."""
    parent: int | None = None
    """The case of the storm that this one belongs to: the parent alone is told and runs clocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One case event: a code and parameters, rendered per reader in his language and time zone."""

    case: int
    version: int
    code: str
    """opened, joined, reopened, severity_raised, finding_cleared, finding_raised, acknowledged, note, moved, closed,
    cancelled, notified, delivery_given_up, unstable, ..."""
    at_ms: int
    actor: str
    """User name, "collector", or "agent:<id>"."""
    parameters: Mapping[str, Fact] = field(default_factory=dict)
