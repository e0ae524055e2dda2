"""Records other than frames: hardware events, inventory, coverage, source conditions, losses, maintenance windows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hardcase_agent.domain.part import Asset, Component, Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A discrete thing the hardware recorded. Identity: asset, log, erase_stamp, record_id, hash of raw."""

    log: str
    erase_stamp: int = 0
    record_id: int
    raw: bytes
    device_ms: int = 0
    """Device's time, ms of Unix time; 0 = unknown or before its clock was set."""
    part: Part = Part()
    code: str = ""
    """ "psu.input_lost", "memory.uncorrectable_ecc"; "" = not decoded."""
    asserted: bool = True
    sensor: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Every part one source sees now."""

    asset: Asset
    source: str
    parts: tuple[Part, ...]


class CoverageStatus(StrEnum):
    WATCHED = "watched"
    UNREADABLE = "unreadable"
    NOT_PRESENT = "not_present"


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageLine:
    """What a source can or cannot see of one component, why, and what to do about it."""

    component: Component
    status: CoverageStatus
    reason: str = ""
    cure: str = ""


class SourceState(StrEnum):
    OK = "ok"
    FAILING = "failing"
    HUNG = "hung"
    REFUSED = "refused"
    STRETCHED = "stretched"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """A source changed its condition; made by sampling, on change only."""

    asset: Asset
    source: str
    state: SourceState
    detail: str = ""
    period_ms: int = 0
    failures: int = 0


class LossCause(StrEnum):
    SPOOL_FULL = "spool_full"
    TOO_OLD = "too_old"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"
    QUARANTINED = "quarantined"
    WRITE_FAILED = "write_failed"
    FORGOTTEN = "forgotten"
    """A person let them go without a receipt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Records that will never come. first and through are inclusive; 0..0 where unknown."""

    epoch: bytes
    first: int
    through: int
    records: int
    cause: LossCause


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """A window asked for on the host; duration 0 ends it."""

    asset: Asset
    window_id: bytes
    duration_s: int
    reason: str
    by: str
