"""What a disk's wear was long ago, kept in its feed's state, so that a forecast knows how fast it goes of late.

Two samples a sensor: the newer becomes the older after SPAN, so that the older is half a year to a year old. Written by
`engine`, stored by `feed_row`, read by `forecast`. Pure.
"""

from __future__ import annotations

import numpy as np

from hardcase_collector.domain.observation import Catalogue, Frame
from hardcase_collector.rules.feed_state import NEVER_MS, FeedState, Worn

USED = "disk.used"
SPAN_MS = 180 * 86_400_000
MOST = 256
"""Disks of one feed of which this is kept."""


def places(catalogue: Catalogue) -> tuple[int, ...]:
    """Where a catalogue has wear; nowhere in almost all."""
    numbers = enumerate(catalogue.sensors[: catalogue.numbers])
    return tuple(index for index, sensor in numbers if sensor.quantity == USED)[:MOST]


def note(state: FeedState, frame: Frame) -> int:
    """Keeps this frame's wear where it is due. When it will be due again: a time of a frame, ms."""
    assert state.compiled is not None
    values = np.frombuffer(frame.values, state.compiled.dtype)
    numbers = state.columns.numbers
    due_ms = NEVER_MS
    for index in state.wearing:
        number, value = numbers[index], float(values[index])
        known = state.worn.get(number)
        if known is None or frame.time_ms - known.newer_ms >= SPAN_MS:
            if state.columns.gaps[index] or not np.isfinite(value):
                # Asleep or not told: with the next frame, whichever that is.
                due_ms = 0
                continue
            older_ms, older = (known.newer_ms, known.newer) if known is not None else (frame.time_ms, value)
            known = state.worn[number] = Worn(older_ms, older, frame.time_ms, value)
            state.stable = None
        due_ms = min(due_ms, known.newer_ms + SPAN_MS)
    return due_ms


def forget(state: FeedState) -> None:
    """Sensors that left the catalogue, beyond what may be kept: a disk that sleeps at a start comes back."""
    gone = [number for number in state.worn if number not in set(state.columns.numbers)]
    for number in gone[: max(0, len(state.worn) - MOST)]:
        del state.worn[number]
