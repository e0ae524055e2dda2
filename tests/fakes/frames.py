"""Makes catalogues and frames for tests of intake and of the telemetry store."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from hardcase_collector.domain.observation import Catalogue, Frame, GapReason, Sensor

EPOCH = b"e" * 16


def catalogue(
    number: int = 1,
    *,
    numbers: int = 3,
    states: int = 1,
    width: int = 4,
    feed: int = 1,
    source: str = "ipmi.analogue@local",
    first_sensor: int | None = None,
    period_ms: int = 60_000,
) -> Catalogue:
    """Sensors are numbered from 100 x catalogue on, unless `first_sensor` says otherwise."""
    sensors = [Sensor(id=f"n{at}", name=f"Number {at}", kind="temperature", unit="Cel") for at in range(numbers)]
    sensors += [Sensor(id=f"s{at}", name=f"State {at}", kind="state", states=("ok", "bad")) for at in range(states)]
    first = 100 * number if first_sensor is None else first_sensor
    return Catalogue(
        number=number,
        id=number.to_bytes(16, "big"),
        feed=feed,
        asset=1,
        source=source,
        period_ms=period_ms,
        value_width=width,
        sensors=tuple(sensors),
        sensor_numbers=tuple(range(first, first + len(sensors))),
    )


def frame(
    of: Catalogue,
    sequence: int,
    time_ms: int,
    values: Sequence[float] | None = None,
    *,
    states: Sequence[int] | None = None,
    gaps: Mapping[int, GapReason] | None = None,
    offsets: Sequence[int] = (),
    agent: int = 1,
    epoch: bytes = EPOCH,
    received_ms: int | None = None,
) -> Frame:
    """A frame whose values default to its sequence, its states to 1."""
    count = of.numbers
    numbers = [float(sequence)] * count if values is None else list(values)
    bits = [1] * (len(of.sensors) - count) if states is None else list(states)
    gaps = dict(sorted((gaps or {}).items()))
    for index in gaps:
        if index < count:
            numbers[index] = float("nan")
        else:
            bits[index - count] = 0
    letter = "f" if of.value_width == 4 else "d"
    return Frame(
        of,
        agent,
        epoch,
        sequence,
        time_ms,
        time_ms,
        time_ms if received_ms is None else received_ms,
        0,
        False,
        struct.pack(f"<{count}{letter}", *numbers),
        struct.pack(f"<{len(bits)}I", *bits),
        struct.pack(f"<{len(gaps)}H", *gaps),
        bytes(gaps.values()),
        struct.pack(f"<{len(gaps)}I", *([60] * len(gaps))),
        struct.pack(f"<{len(offsets)}I", *offsets),
    )
