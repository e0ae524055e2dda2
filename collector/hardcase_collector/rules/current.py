"""What a feed shows now, from its stored row: the readings that pages list. No judging happens here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.observation import Catalogue, GapReason, Limits, Sensor
from hardcase_collector.domain.ports import FeedRow
from hardcase_collector.rules.feed_row import decode


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentReading:
    """One sensor's newest reading: exactly one of value, states and gap is given."""

    sensor: Sensor
    value: float | None = None
    states: tuple[str, ...] | None = None
    """Names of the set bits; a bit without a name is "bit 7"."""
    gap: GapReason | None = None
    gap_since_ms: int = 0
    """Time of the last value before the gap; 0 = no gap, or never a value."""
    level: Severity = Severity.CLEARED
    """Worst severity told of this sensor."""
    limits: Limits = Limits()
    """The device's own."""
    time_ms: int = 0
    earlier: tuple[int, float] | None = None
    """Time and value of a sample from long ago, of sensors of wear."""


def current_readings(row: FeedRow, catalogue: Catalogue) -> Sequence[CurrentReading]:
    """In catalogue order; empty where the row's last frame is of another catalogue. Raises RowUnreadable."""
    if not row.state:
        return ()
    decoded = decode(row.state, catalogue, row.catalogue, 0)
    last = decoded.last
    if last is None:
        return ()
    values = np.frombuffer(last.values, "<f8" if catalogue.value_width == 8 else "<f4")
    bits = np.frombuffer(last.states, "<u4")
    reasons = dict(
        zip(np.frombuffer(last.gap_index, "<u2").tolist(), np.frombuffer(last.gap_reason, "u1").tolist(), strict=True)
    )
    numbers = len(values)
    readings = []
    for index, sensor in enumerate(catalogue.sensors):
        gap = reasons.get(index)
        worn = decoded.worn.get(catalogue.sensor_numbers[index])
        number = float(values[index]) if index < numbers else math.nan
        readings.append(
            CurrentReading(
                sensor=sensor,
                value=number if gap is None and math.isfinite(number) else None,
                states=_names(sensor, int(bits[index - numbers])) if gap is None and index >= numbers else None,
                gap=_gap(gap, index >= numbers or math.isfinite(number)),
                gap_since_ms=int(decoded.columns.gap_since[index]) if decoded.columns.seen[index] else 0,
                level=Severity(decoded.levels.get(catalogue.sensor_numbers[index], 0)),
                limits=sensor.limits,
                time_ms=last.time_ms,
                earlier=(worn.older_ms, worn.older) if worn is not None else None,
            )
        )
    return readings


def _gap(reason: int | None, has_reading: bool) -> GapReason | None:
    if reason is None:
        # Not a number and no reason told: an answer without a value.
        return None if has_reading else GapReason.ERROR
    return GapReason(reason) if reason in set(GapReason) else GapReason.ERROR


def _names(sensor: Sensor, bits: int) -> tuple[str, ...]:
    return tuple(
        (sensor.states[bit] if bit < len(sensor.states) else "") or f"bit {bit}" for bit in range(32) if bits >> bit & 1
    )
