"""From lines of `hardcase-agent decode` to observations that the judge can be played with. Pure.

`offline.py` plays them. The form of the lines is in protos/README.md; a line that is not of it is told and left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.observation import Catalogue, Event, Frame, GapReason, Limits, Sensor, Stamp

Line = Mapping[str, Any]

UNTOLD_START_MS = 946_684_800_000
"""2000-01-01: where the time of captures begins that tell none. Never printed."""
UNTOLD_STEP_MS = 3_600_000
"""Between two captures that tell no time."""
PERIOD_MS = 60_000
MOST_STATES = 32


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was left out, and why."""

    message: str
    at: str


@dataclass(frozen=True, slots=True)
class AssetName:
    """What the lines say of an asset; two lines with the same words are of one asset."""

    vendor: str = ""
    model: str = ""
    serial: str = ""

    @property
    def untold(self) -> bool:
        return not (self.vendor or self.model or self.serial)


@dataclass(slots=True)
class Sweep:
    """Readings of one capture: sensor id -> what it said. `told`: the capture tells its time."""

    time_ms: int
    told: bool
    readings: dict[str, Line] = field(default_factory=dict)


@dataclass(slots=True)
class Feeding:
    """Everything one source says of one asset."""

    source: str
    sensors: dict[str, Sensor] = field(default_factory=dict)
    sweeps: list[Sweep] = field(default_factory=list)
    events: list[Line] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)


@dataclass(slots=True)
class Machine:
    """One asset and its sources."""

    name: AssetName
    feeds: dict[str, Feeding] = field(default_factory=dict)

    def feed(self, source: str) -> Feeding:
        return self.feeds.setdefault(source, Feeding(source))


def gather(lines: Iterable[tuple[str, Line]]) -> tuple[list[Machine], list[BadLine]]:
    """Machines in the order first seen. Each line comes with its place ("file:12").

    A sensor that speaks again on the same source begins the next sweep. Lines that name no asset are of the only
    asset that is named, or of one asset without a name.
    """
    machines: dict[AssetName, Machine] = {}
    bad: list[BadLine] = []
    for place, line in lines:
        try:
            _take(machines, line)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            bad.append(BadLine(f"not a line of `hardcase-agent decode`: {type(error).__name__}: {error}"[:200], place))
    return _merged(machines), bad


def _merged(machines: dict[AssetName, Machine]) -> list[Machine]:
    nameless = machines.get(AssetName())
    named = [machine for machine in machines.values() if not machine.name.untold]
    if nameless is None or len(named) != 1:
        return list(machines.values())
    (only,) = named
    for source, feed in nameless.feeds.items():
        own = only.feed(source)
        own.sensors.update(feed.sensors)
        own.sweeps += feed.sweeps
        own.events += feed.events
        own.parts += feed.parts
    return [only]


def _take(machines: dict[AssetName, Machine], line: Line) -> None:
    kind = line["type"]
    if kind == "error":
        return
    told = line["asset"]
    name = AssetName(str(told.get("vendor", "")), str(told.get("model", "")), str(told.get("serial", "")))
    feed = machines.setdefault(name, Machine(name)).feed(str(line.get("source", "")))
    if kind == "reading":
        _take_reading(feed, line)
    elif kind == "event":
        part_of(line["part"])
        str(line["code"]), bool(line["asserted"]), bytes.fromhex(line.get("raw", "")), int(line.get("record_id", 0))
        time_of(line)
        feed.events.append(line)
    elif kind == "part":
        feed.parts.append(part_of(line))
    else:
        raise ValueError(f"type {kind!r} is none of reading, event, part, error")


def _take_reading(feed: Feeding, line: Line) -> None:
    sensor = sensor_of(line)
    if sensor.id not in feed.sensors or len(feed.sensors[sensor.id].states) != len(sensor.states):
        feed.sensors[sensor.id] = sensor
    _check_said(line)
    time_ms = time_of(line)
    if not feed.sweeps or sensor.id in feed.sweeps[-1].readings:
        last = feed.sweeps[-1].time_ms if feed.sweeps else UNTOLD_START_MS - UNTOLD_STEP_MS
        feed.sweeps.append(Sweep(time_ms if time_ms is not None else last + UNTOLD_STEP_MS, time_ms is not None))
    feed.sweeps[-1].readings[sensor.id] = line


def _check_said(line: Line) -> None:
    if "value" in line:
        if not math.isfinite(float(line["value"])):
            raise ValueError("a value must be finite")
    elif "states" in line:
        tuple(line["states"])
    else:
        GapReason[str(line["gap"]["reason"]).upper()]


def sensor_of(line: Line) -> Sensor:
    """Raises KeyError, TypeError or ValueError."""
    told = line["sensor"]
    limits = dict(line.get("limits", {}))
    states = tuple(str(state) for state in told.get("states", ()))
    if len(states) > MOST_STATES:
        raise ValueError(f"more than {MOST_STATES} states")
    if "states" in line and not states:
        raise ValueError("states are asserted that sensor.states does not name")
    return Sensor(
        id=str(told["id"]),
        name=str(told.get("name", "")),
        kind=str(told["kind"]),
        unit=str(told.get("unit", "")),
        quantity=str(told.get("quantity", "")),
        part=part_of(line["part"]),
        states=states,
        comparison=told.get("comparison"),
        limits=Limits(source=str(limits.pop("source", "")), **{name: float(value) for name, value in limits.items()}),
    )


def part_of(told: Line) -> Part:
    return Part(
        component=str(told.get("class", "")),
        slot=str(told.get("slot", "")),
        model=str(told.get("model", "")),
        serial=str(told.get("serial", "")),
        part_number=str(told.get("part_number", "")),
        firmware=str(told.get("firmware", "")),
        paths=tuple(str(path) for path in told.get("paths", ())),
        wwn=str(told.get("wwn", "")),
    )


def time_of(line: Line) -> int | None:
    """Unix ms of the line's time; None where it tells none. Raises ValueError."""
    told = line.get("time")
    if not told:
        return None
    moment = datetime.fromisoformat(str(told))
    if moment.tzinfo is None:
        raise ValueError(f"time {told!r} has no zone")
    return round(moment.timestamp() * 1000)


def catalogue_of(feed: Feeding, *, number: int, asset: int) -> Catalogue:
    sensors = sorted(feed.sensors.values(), key=lambda sensor: bool(sensor.states))
    return Catalogue(
        number=number,
        id=number.to_bytes(16, "big"),
        feed=number,
        asset=asset,
        source=feed.source,
        period_ms=PERIOD_MS,
        value_width=8,
        sensors=tuple(sensors),
        sensor_numbers=tuple(range(1, len(sensors) + 1)),
    )


def frame_of(catalogue: Catalogue, sweep: Sweep, *, time_ms: int, sequence: int) -> Frame:
    """A sensor that this capture does not hold is a gap."""
    numbers: list[float] = []
    states: list[int] = []
    gaps: list[tuple[int, GapReason]] = []
    for index, sensor in enumerate(catalogue.sensors):
        value, gap = _said(sensor, sweep.readings.get(sensor.id))
        if gap is not None:
            gaps.append((index, gap))
        if sensor.states:
            states.append(int(value))
        else:
            numbers.append(value if gap is None else math.nan)
    return Frame(
        catalogue=catalogue,
        agent=1,
        epoch=bytes(16),
        sequence=sequence,
        time_ms=time_ms,
        wall_ms=time_ms,
        received_ms=time_ms,
        flag=0,
        backlog=False,
        values=np.array(numbers, "<f8").tobytes(),
        states=np.array(states, "<u4").tobytes(),
        gap_index=np.array([index for index, _ in gaps], "<u2").tobytes(),
        gap_reason=bytes(reason for _, reason in gaps),
        gap_age_s=b"",
        offsets_ms=b"",
    )


def _said(sensor: Sensor, line: Line | None) -> tuple[float, GapReason | None]:
    if line is None:
        return 0.0, GapReason.NOT_SWEPT
    if "gap" in line:
        return 0.0, GapReason[str(line["gap"]["reason"]).upper()]
    if sensor.states:
        asserted = set(line.get("states", ()))
        return float(sum(1 << bit for bit, state in enumerate(sensor.states) if state and state in asserted)), None
    return (float(line["value"]), None) if "value" in line else (0.0, GapReason.ERROR)


def stamp_of(source: str, *, asset: int, time_ms: int, sequence: int) -> Stamp:
    return Stamp(
        agent=1,
        asset=asset,
        source=source,
        epoch=bytes(16),
        sequence=sequence,
        time_ms=time_ms,
        received_ms=time_ms,
        flag=0,
        backlog=False,
    )


def event_of(line: Line, stamp: Stamp) -> Event:
    return Event(
        stamp=stamp,
        log=str(line.get("log", "")),
        erase_stamp=0,
        record_id=int(line.get("record_id", 0)),
        raw=bytes.fromhex(line.get("raw", "")),
        device_ms=stamp.time_ms,
        part=part_of(line["part"]),
        code=str(line["code"]),
        asserted=bool(line["asserted"]),
        sensor=str(line.get("sensor", "")),
        text=str(line.get("text", "")),
    )


def times_of(events: Sequence[Line]) -> list[tuple[int, bool]]:
    """(time, told) of each event in the log's order; an untold time is that of the one before it."""
    times: list[tuple[int, bool]] = []
    before = UNTOLD_START_MS
    for line in events:
        told = time_of(line)
        before = before if told is None else told
        times.append((before, told is not None))
    return times
