"""Columns: what sampling makes of sweeps, and what the spool and the wire carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hardcase_agent.domain.event import CoverageLine, Event, Inventory, Loss, Maintenance, SourceStatus
from hardcase_agent.domain.part import Asset, Part
from hardcase_agent.domain.reading import Reading, Sensor


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time by both clocks: Unix ms (may be wrong, may jump) and CLOCK_BOOTTIME ms (never jumps)."""

    wall_ms: int
    boot_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What one call of a source brought home. `readings[i]` belongs to `sensors[i]`.

    `sensors` keeps its order and objects between sweeps as long as nothing changed, so that framing can recognise
    the catalogue by identity (`is`) without hashing it anew.
    """

    asset: Asset
    sensors: tuple[Sensor, ...] = ()
    readings: Sequence[Reading] = ()
    offsets_ms: Sequence[int] = ()
    """Per sensor, ms since the start of the sweep; empty where the sweep took under 1 s."""
    events: tuple[Event, ...] = ()
    parts: tuple[Part, ...] | None = None
    """All parts this source sees; None = this sweep did not look."""
    coverage: tuple[CoverageLine, ...] | None = None
    complete: bool = True
    """False: the source stopped at its time budget and goes on from there at the next sweep."""
    wide: bool = False
    """True: some numbers are exact counters above 2^24, so columns are doubles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The ordered sensors of one source on one asset: numbers first, then states."""

    asset: Asset
    source: str
    period_ms: int
    value_width: int
    sensors: tuple[Sensor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One sweep as columns, in the catalogue's order. See `Frame` in reading.proto for the byte layouts."""

    catalogue_id: bytes
    values: bytes
    states: bytes
    gap_index: bytes = b""
    gap_reason: bytes = b""
    gap_age_s: bytes = b""
    offsets_ms: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcedEvent:
    """An event with where it came from."""

    asset: Asset
    source: str
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What one source can and cannot see of an asset."""

    asset: Asset
    source: str
    lines: tuple[CoverageLine, ...] = ()


Body = Catalogue | Frame | SourcedEvent | Inventory | Coverage | SourceStatus | Loss | Maintenance
"""What a spooled record may hold; one wire field each."""
