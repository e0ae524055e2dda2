"""A replay as it is asked for and answered: which cases other sheets would have opened beside the present ones.

Run by `replay/`, asked by the control socket.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.finding import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOrder:
    """Times are ms of Unix time; from_ms <= time < until_ms."""

    texts: Mapping[str, str]
    """The site's sheets as they would be, by file name; they are judged beside the shipped ones."""
    from_ms: int
    until_ms: int
    customer: str | None
    asset: int | None = None


class Verdict(StrEnum):
    SAME = "same"
    ONLY_NEW = "only_new"
    """The changed sheets open it; it was not opened."""
    ONLY_OLD = "only_old"
    """It was opened; the changed sheets do not open it."""
    NOT_COMPARED = "not_compared"


class Untold(StrEnum):
    """Why a present case cannot be compared."""

    PERSON = "person"
    """Somebody reported it."""
    NOT_STORED = "not_stored"
    """Its rules judge what is not stored over time: conditions of sources, inventories, silence."""
    ACCEPTED = "accepted"
    """A person took it as baseline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One case, present or replayed or both."""

    verdict: Verdict
    number: str
    """Of the present case; "" = there is none."""
    asset: int
    part: Part
    repair_group: str
    fault_classes: tuple[str, ...]
    rules: tuple[str, ...]
    severity: Severity
    since_ms: int
    untold: Untold | None = None


class ReplayState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReport:
    """How far a replay is, and what came of it once it is done."""

    id: str
    state: ReplayState
    from_ms: int
    until_ms: int
    customer: str | None = None
    """Whose assets were judged; None = of all."""
    done_days: int = 0
    days: int = 0
    assets: int = 0
    frames: int = 0
    events: int = 0
    refused: int = 0
    """Frames that the rules found to contradict themselves."""
    error: str = ""
    cases: tuple[Compared, ...] = field(default=())
    """What differs first, then by time."""
