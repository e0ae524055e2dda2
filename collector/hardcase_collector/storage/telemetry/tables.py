"""Tables and file names of the telemetry store: what `store.py` appends to and `sealing.py` turns into files.

A row of an open table is one frame, its columns the bytes that travelled; sealed files have one row per sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

import pyarrow as pa

from hardcase_collector.domain.observation import Catalogue, Frame

VERSION = 1
DAY_MS = 86_400_000

SCHEMA = """
CREATE TABLE IF NOT EXISTS about(version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS marks(agent INTEGER NOT NULL, epoch BLOB NOT NULL, through BIGINT NOT NULL,
    last_time_ms BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS catalogues(number INTEGER NOT NULL, feed INTEGER NOT NULL, source VARCHAR NOT NULL,
    value_width UTINYINT NOT NULL, numbers INTEGER NOT NULL, class VARCHAR NOT NULL, sensors INTEGER[] NOT NULL);
CREATE TABLE IF NOT EXISTS parts(day INTEGER NOT NULL, part INTEGER NOT NULL, class VARCHAR NOT NULL,
    samples_file VARCHAR NOT NULL, frames_file VARCHAR NOT NULL, samples BIGINT NOT NULL, frames BIGINT NOT NULL,
    bytes BIGINT NOT NULL);
"""

FRAMES = """(catalogue INTEGER NOT NULL, agent INTEGER NOT NULL, epoch BLOB NOT NULL, sequence BIGINT NOT NULL,
    time_ms BIGINT NOT NULL, wall_ms BIGINT NOT NULL, flag UTINYINT NOT NULL, numbers BLOB NOT NULL,
    states BLOB NOT NULL, gap_index BLOB NOT NULL, gap_reason BLOB NOT NULL, gap_age_s BLOB NOT NULL,
    offsets_ms BLOB NOT NULL)"""

FRAME_COLUMNS = (
    "catalogue", "agent", "epoch", "sequence", "time_ms", "wall_ms", "flag", "numbers", "states", "gap_index",
    "gap_reason", "gap_age_s", "offsets_ms",
)  # fmt: skip


class RetentionClass(StrEnum):
    """How long samples are kept: what wears is compared over years, what wobbles is not."""

    SENSORS = "sensors"
    COUNTERS = "counters"


COUNTER_SOURCES = ("smart", "edac", "ecc", "mce", "kernel", "counters", "nic")
"""First word of a source whose numbers only grow or wear."""


def class_of(catalogue: Catalogue) -> RetentionClass:
    """Counters: a source of that name, or one whose numbers need eight bytes (counters above 2^24)."""
    word = catalogue.source.partition("@")[0].partition(".")[0]
    if word in COUNTER_SOURCES or catalogue.value_width == 8:
        return RetentionClass.COUNTERS
    return RetentionClass.SENSORS


@dataclass(slots=True)
class OpenTable:
    """One table of one UTC day that takes frames, or waits for sealing."""

    day: int
    """Days since 1970-01-01."""
    part: int
    frozen: bool = False
    rows: int = 0
    last_received_ms: int = 0

    @property
    def name(self) -> str:
        return f"frames_{day_name(self.day)}_{self.part}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedPart:
    """One sealed part as listed; a file that no row names does not exist for queries."""

    day: int
    part: int
    kind: RetentionClass
    samples_file: str
    frames_file: str
    samples: int
    frames: int
    bytes: int


@dataclass(slots=True)
class StoredCatalogue:
    """What is needed to read the frames of a catalogue again."""

    number: int
    feed: int
    value_width: int
    numbers: int
    kind: RetentionClass
    sensors: tuple[int, ...] = field(default=())


def day_name(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=day)).strftime("%Y%m%d")


def day_of_name(name: str) -> int:
    return (datetime.strptime(name, "%Y%m%d").replace(tzinfo=UTC).date() - date(1970, 1, 1)).days


def open_table_of(name: str) -> OpenTable:
    """The inverse of `OpenTable.name`."""
    _, day, part = name.split("_")
    return OpenTable(day_of_name(day), int(part))


def frame_table(frames: Sequence[Frame]) -> pa.Table:
    """Frames as columns; the bytes are copied once, no reading becomes an object."""
    binary = pa.binary()
    return pa.table(
        [
            pa.array([frame.catalogue.number for frame in frames], pa.int32()),
            pa.array([frame.agent for frame in frames], pa.int32()),
            pa.array([frame.epoch for frame in frames], binary),
            pa.array([frame.sequence for frame in frames], pa.int64()),
            pa.array([frame.time_ms for frame in frames], pa.int64()),
            pa.array([frame.wall_ms for frame in frames], pa.int64()),
            pa.array([int(frame.flag) for frame in frames], pa.uint8()),
            pa.array([frame.values for frame in frames], binary),
            pa.array([frame.states for frame in frames], binary),
            pa.array([frame.gap_index for frame in frames], binary),
            pa.array([frame.gap_reason for frame in frames], binary),
            pa.array([frame.gap_age_s for frame in frames], binary),
            pa.array([frame.offsets_ms for frame in frames], binary),
        ],
        names=list(FRAME_COLUMNS),
    )
