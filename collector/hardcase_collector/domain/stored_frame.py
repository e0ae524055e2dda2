"""One sweep as the telemetry store gives it back: what replay judges again. Values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class StoredFrame:
    """Byte layouts as in `Frame` of reading.proto. Not frozen: there may be thousands a chunk.

    Of a sealed day the ages of gaps are not kept, and when a frame came is not kept at all.
    """

    catalogue: int
    """`Catalogue.number`."""
    agent: int
    epoch: bytes
    sequence: int
    time_ms: int
    wall_ms: int
    flag: int
    values: bytes
    states: bytes
    gap_index: bytes
    gap_reason: bytes
    gap_age_s: bytes
    offsets_ms: bytes
