"""Builders for tests of the judge: sensors, catalogues, frames, records, and a judge over the shipped sheets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.observation import (
    Catalogue,
    Event,
    Frame,
    GapReason,
    Inventory,
    Limits,
    Sensor,
    SourceStatus,
    Stamp,
)
from hardcase_collector.domain.ports import Feed
from hardcase_collector.rules.engine import Engine
from hardcase_collector.rules.sheet_reader import load_sheets
from hardcase_collector.rules.vocabulary import STATES

START_MS = 1_790_000_000_000
BOOK = load_sheets()

Reading = float | tuple[str, ...] | GapReason


def engine() -> Engine:
    return Engine(BOOK)


def temperature(sensor_id: str = "t1", *, comparison: int | None = None, **limits: float) -> Sensor:
    return Sensor(
        id=sensor_id,
        name=f"Temp {sensor_id}",
        kind="temperature",
        unit="Cel",
        part=Part(component="board", slot=sensor_id),
        limits=Limits(source="bmc", **limits),
        comparison=comparison,
    )


def counter(quantity: str, sensor_id: str = "c1", *, serial: str = "S1") -> Sensor:
    part = Part(component=quantity.partition(".")[0], slot="Bay 1", model="M", serial=serial)
    return Sensor(id=sensor_id, name=quantity, kind="count", unit="1", quantity=quantity, part=part)


def states(quantity: str, sensor_id: str = "s1", *, component: str = "psu", slot: str = "PSU1") -> Sensor:
    return Sensor(
        id=sensor_id,
        name=quantity,
        kind="state",
        quantity=quantity,
        states=STATES[quantity],
        part=Part(component=component, slot=slot),
    )


def catalogue(
    sensors: Sequence[Sensor],
    *,
    number: int = 1,
    numbers: Sequence[int] | None = None,
    source: str = "ipmi.analogue@local",
    period_ms: int = 60_000,
    width: int = 4,
    rehearsal: bool = False,
) -> Catalogue:
    """Number sensors first, as the wire wants it; sensor numbers by id, so that they are stable across catalogues."""
    ordered = sorted(sensors, key=lambda sensor: bool(sensor.states))
    return Catalogue(
        number=number,
        id=number.to_bytes(16, "big"),
        feed=7,
        asset=3,
        source=source,
        period_ms=period_ms,
        value_width=width,
        sensors=tuple(ordered),
        sensor_numbers=tuple(numbers or [stable_number(sensor.id) for sensor in ordered]),
        rehearsal=rehearsal,
    )


def stable_number(sensor_id: str) -> int:
    return sum(ord(char) * 131**place for place, char in enumerate(sensor_id)) % 1_000_003


def feed(source: str = "ipmi.analogue@local") -> Feed:
    return Feed(number=7, agent=1, asset=3, source=source)


def frame(
    of: Catalogue,
    readings: dict[str, Reading],
    *,
    at_s: float,
    backlog: bool = False,
    offsets_ms: Sequence[int] = (),
    ages_s: Sequence[int] | None = None,
) -> Frame:
    """Readings by sensor id; a sensor that is not named is a gap NOT_SWEPT."""
    values, bits, gaps = [], [], []
    for index, sensor in enumerate(of.sensors):
        reading = readings.get(sensor.id, GapReason.NOT_SWEPT)
        if isinstance(reading, GapReason):
            gaps.append((index, reading))
        if sensor.states:
            named = reading if isinstance(reading, tuple) else ()
            bits.append(sum(1 << sensor.states.index(name) for name in named))
        else:
            values.append(
                reading if isinstance(reading, int | float) and not isinstance(reading, GapReason) else np.nan
            )
    at_ms = START_MS + round(at_s * 1000)
    return Frame(
        catalogue=of,
        agent=1,
        epoch=bytes(16),
        sequence=1,
        time_ms=at_ms,
        wall_ms=at_ms,
        received_ms=at_ms,
        flag=0,
        backlog=backlog,
        values=np.array(values, dtype="<f8" if of.value_width == 8 else "<f4").tobytes(),
        states=np.array(bits, dtype="<u4").tobytes(),
        gap_index=np.array([index for index, _ in gaps], dtype="<u2").tobytes(),
        gap_reason=bytes(int(reason) for _, reason in gaps),
        gap_age_s=np.array(ages_s if ages_s is not None else [0] * len(gaps), dtype="<u4").tobytes(),
        offsets_ms=np.array(offsets_ms, dtype="<u4").tobytes(),
    )


def stamp(
    at_s: float, source: str = "ipmi.sel@local", *, backlog: bool = False, received_s: float | None = None
) -> Stamp:
    at_ms = START_MS + round(at_s * 1000)
    received_ms = at_ms if received_s is None else START_MS + round(received_s * 1000)
    return Stamp(
        agent=1,
        asset=3,
        source=source,
        epoch=bytes(16),
        sequence=1,
        time_ms=at_ms,
        received_ms=received_ms,
        flag=0,
        backlog=backlog,
    )


def event(code: str, at_s: float, *, asserted: bool = True, slot: str = "A1", backlog: bool = False) -> Event:
    return Event(
        stamp=stamp(at_s, backlog=backlog),
        log="sel",
        erase_stamp=0,
        record_id=round(at_s),
        raw=b"",
        device_ms=0,
        part=Part(component=code.partition(".")[0], slot=slot, paths=("/dev/x",)),
        code=code,
        asserted=asserted,
        sensor="",
        text="",
    )


def inventory(parts: Sequence[Part], at_s: float, source: str = "smart.ata@local") -> Inventory:
    return Inventory(stamp=stamp(at_s, source), parts=tuple(parts))


def status(state: str, at_s: float, source: str = "ipmi.analogue@local") -> SourceStatus:
    return SourceStatus(stamp=stamp(at_s, source), state=state, detail="", period_ms=60_000, failures=3)


def disk(serial: str, slot: str = "") -> Part:
    return Part(component="disk", model="M", serial=serial, slot=slot)


def renumbered(of: Catalogue, number: int) -> Catalogue:
    return replace(of, number=number, id=number.to_bytes(16, "big"))


def readings_of(of: Frame) -> dict[str, Reading]:
    """What a frame says, by sensor id."""
    width = "<f8" if of.catalogue.value_width == 8 else "<f4"
    values = np.frombuffer(of.values, width).tolist()
    bits = np.frombuffer(of.states, "<u4").tolist()
    gaps = dict(zip(np.frombuffer(of.gap_index, "<u2").tolist(), of.gap_reason, strict=True))
    found: dict[str, Reading] = {}
    for index, sensor in enumerate(of.catalogue.sensors):
        if index in gaps:
            found[sensor.id] = GapReason(gaps[index])
        elif sensor.states:
            mask = bits[index - len(values)]
            found[sensor.id] = tuple(name for place, name in enumerate(sensor.states) if mask >> place & 1)
        else:
            found[sensor.id] = values[index]
    return found
