"""From lines of `hardcase-agent decode` to observations that the judge can be played with. Pure.

`offline.py` plays them. The form of the lines is in protos/README.md; a line that is not of it is told and left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from hardcase_collector.domain.identity import is_placeholder_serial, normalise_serial, normalise_vendor
from hardcase_collector.domain.observation import Catalogue, Event, Frame, GapReason, Sensor, Stamp
from hardcase_collector.rules.captured_line import (
    MOST_STATES,
    Line,
    check_event,
    check_said,
    gap_of,
    part_of,
    sensor_of,
    text,
    time_of,
)
from hardcase_collector.rules.captured_listing import Listing

UNTOLD_START_MS = 946_684_800_000
"""2000-01-01: where the time of captures begins that tell none. Never printed."""
UNTOLD_STEP_MS = 3_600_000
"""Between two captures that tell no time."""
PERIOD_MS = 60_000
LONGEST_CAPTURE_MS = 300_000
"""What is told later than this after a capture's first reading is of the next capture."""


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
    node: str = ""

    @property
    def untold(self) -> bool:
        return not (self.vendor or self.model or self.serial)

    def identity(self) -> tuple[str, str, str]:
        """Equal for one machine by two of its sources: "Dell Inc." and "DELL" with one serial number and node."""
        if is_placeholder_serial(self.serial):
            return (self.vendor, self.model, self.serial + self.node)
        return (normalise_vendor(self.vendor), "", normalise_serial(self.serial) + "|" + self.node)


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
    listings: list[Listing] = field(default_factory=list)
    """Of each file that spoke of it."""

    def listing(self, file: str) -> Listing:
        if not self.listings or self.listings[-1].file != file:
            self.listings.append(Listing(file))
        return self.listings[-1]


@dataclass(slots=True)
class Machine:
    """One asset and its sources."""

    name: AssetName
    feeds: dict[str, Feeding] = field(default_factory=dict)

    def feed(self, source: str) -> Feeding:
        return self.feeds.setdefault(source, Feeding(source))


def gather(lines: Iterable[tuple[str, Line]]) -> tuple[list[Machine], list[BadLine]]:
    """Machines in the order first seen. Each line comes with its place ("file:12").

    A sensor that speaks again on the same source begins the next sweep, and so does a reading told minutes later.
    Lines that name no asset are of the only asset that is named, or of one asset without a name.
    """
    machines: dict[tuple[str, str, str], Machine] = {}
    bad: list[BadLine] = []
    errors: dict[str, set[str]] = {}
    for place, line in lines:
        file = place.rpartition(":")[0]
        try:
            if line["type"] == "error":
                errors.setdefault(file, set()).add(f"{line.get('kind')} {line.get('at')} {line.get('message')}")
            else:
                _take(machines, line, file)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            bad.append(BadLine(f"not a line of `hardcase-agent decode`: {type(error).__name__}: {error}"[:200], place))
            errors.setdefault(file, set()).add(bad[-1].message)
    merged = _merged(machines)
    for listing in (one for machine in merged for feed in machine.feeds.values() for one in feed.listings):
        listing.errors |= errors.get(listing.file, set())
    return merged, bad


def _merged(machines: Mapping[tuple[str, str, str], Machine]) -> list[Machine]:
    nameless = next((machine for machine in machines.values() if machine.name.untold), None)
    named = [machine for machine in machines.values() if not machine.name.untold]
    if nameless is None or len(named) != 1:
        return list(machines.values())
    (only,) = named
    for source, feed in nameless.feeds.items():
        own = only.feed(source)
        own.sensors.update(feed.sensors)
        own.sweeps += feed.sweeps
        own.events += feed.events
        own.listings += feed.listings
    return [only]


def _take(machines: dict[tuple[str, str, str], Machine], line: Line, file: str) -> None:
    kind = line["type"]
    if kind not in ("reading", "event", "part"):
        raise ValueError(f"type {kind!r} is none of reading, event, part, error")
    told = line["asset"]
    name = AssetName(*(text(told, key) for key in ("vendor", "model", "serial", "node")))
    source = text(line, "source")
    # Everything is read before anything is kept: of a line that is refused nothing stays.
    if kind == "reading":
        sensor, time_ms = sensor_of(line), time_of(line)
        check_said(line, sensor)
        feed = _feed(machines, name, source)
        sweep = _take_reading(feed, line, sensor, time_ms)
        listing = feed.listing(file)
        listing.heard.add(sensor.part.key())
        if not listing.time_ms:
            listing.time_ms, listing.told = sweep.time_ms, sweep.told
    elif kind == "event":
        check_event(line)
        _feed(machines, name, source).events.append(line)
    else:
        part = part_of(line)
        _feed(machines, name, source).listing(file).parts[part.key()] = part


def _feed(machines: dict[tuple[str, str, str], Machine], name: AssetName, source: str) -> Feeding:
    return machines.setdefault(name.identity(), Machine(name)).feed(source)


def _take_reading(feed: Feeding, line: Line, sensor: Sensor, time_ms: int | None) -> Sweep:
    known = feed.sensors.get(sensor.id)
    if known is not None and bool(known.states) != bool(sensor.states):
        # Firmware that gives one number to two sensors: neither may hide the other.
        sensor = replace(sensor, id=f"{sensor.id}/{'states' if sensor.states else 'value'}")
        known = feed.sensors.get(sensor.id)
    if known is not None and known.states != sensor.states:
        # Told anew it is as told last, but no state that an earlier capture names is forgotten.
        states = tuple(dict.fromkeys((*known.states, *sensor.states)))
        if len(states) > MOST_STATES:
            raise ValueError(f"more than {MOST_STATES} states")
        sensor = replace(sensor, states=states)
    feed.sensors[sensor.id] = sensor
    last = feed.sweeps[-1] if feed.sweeps else None
    if last is None or sensor.id in last.readings or _later(last, time_ms):
        before = last.time_ms if last is not None else UNTOLD_START_MS - UNTOLD_STEP_MS
        last = Sweep(time_ms if time_ms is not None else before + UNTOLD_STEP_MS, time_ms is not None)
        feed.sweeps.append(last)
    last.readings[sensor.id] = line
    return last


def _later(sweep: Sweep, time_ms: int | None) -> bool:
    return time_ms is not None and sweep.told and abs(time_ms - sweep.time_ms) > LONGEST_CAPTURE_MS


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
        return 0.0, gap_of(line)
    if sensor.states:
        asserted = set(line["states"])
        return float(sum(1 << bit for bit, state in enumerate(sensor.states) if state and state in asserted)), None
    return float(line["value"]), None


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
        log=text(line, "log"),
        erase_stamp=0,
        record_id=int(line.get("record_id", 0)),
        raw=bytes.fromhex(text(line, "raw")),
        device_ms=stamp.time_ms,
        part=part_of(line["part"]),
        code=line["code"],
        asserted=line["asserted"],
        sensor=text(line, "sensor"),
        text=text(line, "text"),
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
