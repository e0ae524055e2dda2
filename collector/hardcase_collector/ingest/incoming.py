"""What the wire hands to intake and what intake answers: values without protobuf in them.

`rpc/codec.py` and `rpc/records.py` make the incoming ones, `codec.py` writes the answers; between them is
`ingest/intake.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from hardcase_collector.domain.asset import AssetFacts
from hardcase_collector.domain.observation import Observation, Sensor, Stamp


class RejectionStatus(StrEnum):
    """Words of `Rejection.Status` in telemetry.proto."""

    MALFORMED = "malformed"
    UNKNOWN_KIND = "unknown_kind"
    NOT_BOUND = "not_bound"
    TOO_LARGE = "too_large"
    BAD_CATALOGUE = "bad_catalogue"


class HoldCause(StrEnum):
    """Words of `Hold.Cause` in telemetry.proto."""

    DISK_FULL = "disk_full"
    STORE_FAILED = "store_failed"
    DRAINING = "draining"


@dataclass(slots=True)
class IncomingFrame:
    """One frame record as it came; byte layouts as in `Frame` of reading.proto. Not frozen: hot path."""

    sequence: int
    wall_ms: int
    boot_ms: int
    boot_id: bytes
    catalogue_id: bytes
    values: bytes
    states: bytes
    gap_index: bytes
    gap_reason: bytes
    gap_age_s: bytes
    offsets_ms: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedCatalogue:
    """A catalogue as the agent sent it. `sequence` 0: unnumbered, the answer to a NeedCatalogue."""

    sequence: int
    id: bytes
    facts: AssetFacts
    source: str
    period_ms: int
    value_width: int
    sensors: tuple[Sensor, ...]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A record that is neither frame nor catalogue; `build` makes the observation once asset and time are known."""

    sequence: int
    wall_ms: int
    boot_ms: int
    boot_id: bytes
    facts: AssetFacts | None
    """None: the record concerns no asset (a loss)."""
    source: str
    build: Callable[[Stamp], Observation]
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A record that could not be read: rejected inside the ack and quarantined."""

    sequence: int
    status: RejectionStatus
    detail: str
    raw: bytes
    catalogue_id: bytes = b""
    """Of a catalogue that could not be read: its frames are refused too, instead of asking for it for ever."""


IncomingRecord = IncomingFrame | OfferedCatalogue | Offered | Refused


@dataclass(slots=True)
class IncomingBatch:
    """Contiguous records of one epoch, as one stream sent them."""

    epoch: bytes
    first_sequence: int
    records: Sequence[IncomingRecord]
    weight: int = 0
    """What it will cost to store, in frames."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The agent's two clocks at one instant, from Hello or a heartbeat."""

    wall_ms: int
    boot_ms: int


@dataclass(frozen=True, slots=True)
class Farewell:
    """The agent stops on purpose: the silence that follows is no fault."""

    reason: str


@dataclass(slots=True)
class Delivery:
    """One message of one stream, waiting for the writer."""

    agent: int
    session: int
    received_ms: int
    content: IncomingBatch | OfferedCatalogue | Refused | Heard | Farewell


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochClaim:
    """An epoch of which the agent still holds records, with the oldest and newest sequence held."""

    epoch: bytes
    oldest: int
    newest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What Hello says that intake needs."""

    machine_id: str
    dmi_uuid: str
    boot_id: bytes
    epochs: tuple[EpochClaim, ...]
    clocks: Heard
    host: AssetFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What Welcome says that intake decides."""

    session: int
    resume: tuple[tuple[bytes, int], ...]
    catalogues: tuple[bytes, ...]
    behind: bool
    """The agent holds more than a few records that are not stored: it starts in the backlog lane."""


@dataclass(frozen=True, slots=True)
class Rejected:
    sequence: int
    status: RejectionStatus
    detail: str


@dataclass(slots=True)
class Ack:
    """Everything of the epoch through `through` is in both stores, or rejected."""

    epoch: bytes
    through: int
    rejected: list[Rejected] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class NeedCatalogue:
    epoch: bytes
    sequence: int
    catalogue_id: bytes


@dataclass(frozen=True, slots=True)
class Hold:
    cause: HoldCause
    retry_after_ms: int
    detail: str


@dataclass(slots=True)
class Answer:
    """What one stream is told after a group."""

    session: int
    acks: list[Ack] = field(default_factory=list)
    need: NeedCatalogue | None = None
    hold: Hold | None = None
    backlog: bool = False
    """The newest frame of the group was old on arrival: the stream belongs to the backlog lane."""
