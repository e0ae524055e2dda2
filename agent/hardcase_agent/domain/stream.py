"""Records on their way: what the codec seals, the spool keeps and the uplink sends; and the port between the two.

The spool never looks into a payload; the uplink never looks into a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from hardcase_agent.domain.event import LossCause

EPOCH_BYTES = 16
"""Random bytes drawn at every start of the agent (design: Words, epoch)."""


class RecordKind(StrEnum):
    """Names of `RecordKind` on the wire."""

    CATALOGUE = "catalogue"
    FRAME = "frame"
    EVENT = "event"
    INVENTORY = "inventory"
    COVERAGE = "coverage"
    SOURCE_STATUS = "source_status"
    LOSS = "loss"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """One record as wire bytes, ready for the spool."""

    kind: RecordKind
    payload: bytes
    """Serialised `Record`, boot_id left out: the spool knows the boot of each segment."""
    catalogue_id: bytes = b""
    """Of a frame: the catalogue it is read by. Of a catalogue: its own id."""
    slot: str = ""
    """Of a catalogue: what it replaces, one per source and asset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One record as the spool holds it."""

    epoch: bytes
    sequence: int
    kind: RecordKind
    payload: bytes
    boot_id: bytes
    """Kernel boot the payload's boot_ms counts from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An epoch with unacknowledged records; newest 0 = none yet (the present epoch only)."""

    epoch: bytes
    oldest: int
    newest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolState:
    """What the spool says of itself."""

    records: int
    """Unacknowledged."""
    bytes: int
    """On disk, acknowledged records of unfinished segments included."""
    lost: int
    """Records counted as lost since the agent started."""
    pending: int
    """Records that wait in memory because the disk refuses writes."""
    failing: str = ""
    """Why the last write failed; "" = it did not."""


class Backlog(Protocol):
    """What the uplink asks of the spool. Only records that are synced to disk are shown."""

    async def held(self) -> tuple[Held, ...]:
        """Oldest epoch first, the present one last."""

    async def read(self, epoch: bytes, first: int, *, max_records: int, max_bytes: int) -> Sequence[Stored]:
        """Contiguous records from the first one held at or after `first`; one at least where there is one."""

    async def acknowledge(self, epoch: bytes, through: int) -> None:
        """The collector has everything through this sequence; never goes back."""

    async def catalogue(self, catalogue_id: bytes) -> bytes | None:
        """The serialised `Record` that holds this catalogue."""

    async def give_up(self, epoch: bytes, sequence: int, cause: LossCause) -> None:
        """Quarantine one record: it is kept aside, counted, and replaced by a loss record."""

    async def withhold(self, record: Stored) -> None:
        """Keep a record of a kind this collector does not take until one comes that does."""

    async def release(self, kinds: frozenset[RecordKind]) -> int:
        """Append withheld records of these kinds again, as new records; returns how many."""

    async def state(self) -> SpoolState: ...
