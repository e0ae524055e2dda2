"""What arrives: catalogues, frames, events, inventories, with corrected time. No object per reading anywhere.

A *feed* is one source's frames on one asset from one agent (a second observer of the asset is its own feed).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from hardcase_collector.domain.asset import Part


class GapReason(IntEnum):
    """Wire numbers of `GapReason` in reading.proto."""

    ABSENT = 1
    ASLEEP = 2
    HOST_OFF = 3
    DISABLED = 4
    BUSY = 5
    HUNG = 6
    ERROR = 7
    DENIED = 8
    UNSUPPORTED = 9
    NOT_SWEPT = 10


class TimeFlag(IntFlag):
    """How far a corrected time can be trusted."""

    EXACT = 0
    CORRECTED = 1
    """Differs from the agent's own wall time by over 2 s."""
    UNCERTAIN = 2
    """From an earlier boot: clamped between the last acknowledged time and the receive time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The device's own limits in the sensor's unit; None = none stated."""

    lower_non_recoverable: float | None = None
    lower_critical: float | None = None
    lower_non_critical: float | None = None
    upper_non_critical: float | None = None
    upper_critical: float | None = None
    upper_non_recoverable: float | None = None
    hysteresis_rising: float | None = None
    hysteresis_falling: float | None = None
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """One sensor of a catalogue; fields as in `Sensor` of reading.proto."""

    id: str
    name: str
    kind: str
    unit: str = ""
    part: Part = Part()
    limits: Limits = Limits()
    states: tuple[str, ...] = ()
    quantity: str = ""
    host_powered: bool = False
    comparison: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The ordered sensors of one feed: the first `numbers` are numbers, the rest are states."""

    number: int
    """Small integer given by the state store; what frames refer to in the stores."""
    id: bytes
    feed: int
    asset: int
    source: str
    period_ms: int
    value_width: int
    sensors: tuple[Sensor, ...]
    sensor_numbers: tuple[int, ...]
    """Per sensor, the small integer of (feed, Sensor.id): stable across catalogues, key of the telemetry store."""
    rehearsal: bool = False

    @property
    def numbers(self) -> int:
        """How many sensors are number sensors (they come first)."""
        return sum(1 for sensor in self.sensors if not sensor.states)


@dataclass(slots=True)
class Frame:
    """One sweep as columns, with corrected time. Byte layouts as in `Frame` of reading.proto. Not frozen: hot path."""

    catalogue: Catalogue
    agent: int
    epoch: bytes
    sequence: int
    time_ms: int
    """Corrected time of the start of the sweep."""
    wall_ms: int
    """What the agent's clock said."""
    received_ms: int
    flag: int
    backlog: bool
    """Older than 30 s on arrival: the agent is catching up, openings wait (design: Backlog)."""
    values: bytes
    states: bytes
    gap_index: bytes
    gap_reason: bytes
    gap_age_s: bytes
    offsets_ms: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Where and when a record that is no frame came from."""

    agent: int
    asset: int
    source: str
    epoch: bytes
    sequence: int
    time_ms: int
    received_ms: int
    flag: int
    backlog: bool
    rehearsal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    stamp: Stamp
    log: str
    erase_stamp: int
    record_id: int
    raw: bytes
    device_ms: int
    part: Part
    code: str
    asserted: bool
    sensor: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    stamp: Stamp
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageLine:
    component: str
    status: str
    """ "watched", "unreadable", "not_present"."""
    reason: str = ""
    cure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    stamp: Stamp
    lines: tuple[CoverageLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    stamp: Stamp
    state: str
    """ "ok", "failing", "hung", "refused", "stretched", "absent"."""
    detail: str
    period_ms: int
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    stamp: Stamp
    epoch: bytes
    first: int
    through: int
    records: int
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    stamp: Stamp
    window_id: bytes
    duration_s: int
    reason: str
    by: str


Observation = Frame | Event | Inventory | Coverage | SourceStatus | Loss | Maintenance
