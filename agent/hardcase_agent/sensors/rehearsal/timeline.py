"""A fire drill as data: an asset, its sources and sensors, and what happens when. Read from TOML, all mistakes at once.

Read by `family.py` and `load.py`; played by `playback.py`. A drill can never be taken for real hardware: the asset is
always marked, has no UUID or machine-id, and its serial begins with DRILL-.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from hardcase_agent.domain.errors import ConfigError
from hardcase_agent.domain.event import Event
from hardcase_agent.domain.part import Asset, Part
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Limits, Number, Reading, Sensor, States, Unit
from hardcase_agent.domain.settings import read_settings
from hardcase_agent.domain.toml_tree import tree_of

SERIAL_PREFIX = "DRILL-"
_MAX_STATES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """From `at_ms` a sensor says `target`; a number gets there linearly within `over_ms`."""

    at_ms: int
    target: Reading
    over_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillSensor:
    sensor: Sensor
    start: Reading
    wander: float = 0.0
    """Half the swing of a slow sine around the value, in the sensor's unit."""
    changes: tuple[Change, ...] = ()
    """By time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillEvent:
    at_ms: int
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillSource:
    name: str
    period_s: float
    sensors: tuple[DrillSensor, ...]
    events: tuple[DrillEvent, ...]
    """By time."""
    wide: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    asset: Asset
    sources: tuple[DrillSource, ...]
    repeat_ms: int = 0
    """0: played once, its end lasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _AssetTable:
    vendor: str
    model: str
    serial: str
    hostname: str = ""
    kind: str = "server"

    def __post_init__(self) -> None:
        if not self.serial.startswith(SERIAL_PREFIX):
            raise ValueError(f"serial must begin with {SERIAL_PREFIX}, so that no drill is taken for real hardware")


@dataclass(frozen=True, slots=True, kw_only=True)
class _SensorTable:
    id: str
    name: str
    kind: Kind
    unit: Unit = Unit.NONE
    quantity: str = ""
    part: Part = Part()
    limits: Limits = Limits()
    states: tuple[str, ...] = ()
    value: float | None = None
    on: tuple[str, ...] | None = None
    gap: GapReason | None = None
    wander: float = 0.0

    def __post_init__(self) -> None:
        if (self.kind is Kind.STATE) != bool(self.states):
            raise ValueError('kind "state" and a list of states go together')
        if len(self.states) > _MAX_STATES:
            raise ValueError(f"states: at most {_MAX_STATES}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _SourceTable:
    name: str
    period_s: float
    wide: bool = False
    sensor: tuple[_SensorTable, ...] = ()

    def __post_init__(self) -> None:
        if not self.period_s > 0:
            raise ValueError("period_s must be above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class _ChangeTable:
    at: float
    """Seconds since the drill began."""
    sensor: str
    value: float | None = None
    on: tuple[str, ...] | None = None
    gap: GapReason | None = None
    over: float = 0.0

    def __post_init__(self) -> None:
        if self.at < 0 or self.over < 0:
            raise ValueError("at and over must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class _EventTable:
    at: float
    source: str
    code: str
    log: str = "sel"
    sensor: str = ""
    part: Part = Part()
    asserted: bool = True
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _DrillTable:
    asset: _AssetTable
    source: tuple[_SourceTable, ...]
    change: tuple[_ChangeTable, ...] = ()
    event: tuple[_EventTable, ...] = ()
    repeat_s: float = 0.0


def parse_timeline(text: str, *, path: str) -> Timeline:
    """Raises ConfigError with every mistake; `path` only names the file in them."""
    try:
        table: Mapping[str, object] = tree_of(text)
    except ValueError as error:
        raise ConfigError((f"{path}: {error}",)) from error
    mistakes: list[str] = []
    drill = read_settings(_DrillTable, table, path=path, mistakes=mistakes)
    if mistakes:
        raise ConfigError(tuple(mistakes))
    _check_names(drill, path, mistakes)
    timeline = _timeline(drill, path, mistakes)
    if mistakes:
        raise ConfigError(tuple(mistakes))
    return timeline


def _check_names(drill: _DrillTable, path: str, mistakes: list[str]) -> None:
    sources = [source.name for source in drill.source]
    sensors = [sensor.id for source in drill.source for sensor in source.sensor]
    mistakes += [f"{path}: source {name!r} is there twice" for name in _repeated(sources)]
    mistakes += [f"{path}: sensor {name!r} is there twice; ids are unique in a timeline" for name in _repeated(sensors)]
    for index, change in enumerate(drill.change):
        if change.sensor not in sensors:
            mistakes.append(f"{path}.change[{index}].sensor: no sensor {change.sensor!r}")
    for index, event in enumerate(drill.event):
        if event.source not in sources:
            mistakes.append(f"{path}.event[{index}].source: no source {event.source!r}")
        if event.sensor and event.sensor not in sensors:
            mistakes.append(f"{path}.event[{index}].sensor: no sensor {event.sensor!r}")


def _repeated(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [name for name in names if name in seen or seen.add(name)]  # type: ignore[func-returns-value]  # add() returns None on purpose


def _timeline(drill: _DrillTable, path: str, mistakes: list[str]) -> Timeline:
    changes: dict[str, list[tuple[int, _ChangeTable]]] = {}
    for index, change in enumerate(drill.change):
        changes.setdefault(change.sensor, []).append((index, change))
    events = sorted(enumerate(drill.event, start=1), key=lambda numbered: numbered[1].at)
    sources = []
    for place, source in enumerate(drill.source):
        sensors = tuple(
            _sensor(entry, changes.get(entry.id, []), path, f"{path}.source[{place}].sensor[{index}]", mistakes)
            for index, entry in enumerate(source.sensor)
        )
        own = tuple(_event(number, event) for number, event in events if event.source == source.name)
        sources.append(
            DrillSource(name=source.name, period_s=source.period_s, sensors=sensors, events=own, wide=source.wide)
        )
    asset = Asset(
        vendor=drill.asset.vendor,
        model=drill.asset.model,
        serial=drill.asset.serial,
        hostname=drill.asset.hostname,
        kind=drill.asset.kind,
        rehearsal=True,
        address=f"rehearsal:{drill.asset.serial}",
    )
    return Timeline(asset=asset, sources=tuple(sources), repeat_ms=round(drill.repeat_s * 1000))


def _sensor(
    entry: _SensorTable, changes: list[tuple[int, _ChangeTable]], path: str, key: str, mistakes: list[str]
) -> DrillSensor:
    limits = replace(entry.limits, source=entry.limits.source or "rehearsal")
    sensor = Sensor(
        id=entry.id,
        name=entry.name,
        kind=entry.kind,
        unit=entry.unit,
        part=entry.part,
        limits=limits if limits != Limits(source="rehearsal") else Limits(),
        states=entry.states,
        quantity=entry.quantity,
    )
    start = _reading(sensor, entry.value, entry.on, entry.gap, key, mistakes)
    made = [
        Change(
            at_ms=round(change.at * 1000),
            over_ms=round(change.over * 1000),
            target=_reading(sensor, change.value, change.on, change.gap, f"{path}.change[{index}]", mistakes),
        )
        for index, change in changes
    ]
    made.sort(key=lambda change: change.at_ms)
    return DrillSensor(sensor=sensor, start=start, wander=entry.wander, changes=tuple(made))


def _reading(
    sensor: Sensor,
    value: float | None,
    on: tuple[str, ...] | None,
    gap: GapReason | None,
    key: str,
    mistakes: list[str],
) -> Reading:
    broken = Gap(GapReason.ERROR)
    if sum(given is not None for given in (value, on, gap)) != 1:
        mistakes.append(f"{key}: exactly one of value, on (a list of states) and gap")
        return broken
    if gap is not None:
        return Gap(gap, "drill")
    if value is not None:
        if sensor.states:
            mistakes.append(f"{key}.value: {sensor.id!r} is a state sensor; say on = [...]")
        elif math.isfinite(value):
            return Number(value)
        else:
            mistakes.append(f"{key}.value: must be finite")
        return broken
    unknown = [name for name in on or () if name not in sensor.states]
    if unknown:
        mistakes.append(f"{key}.on: {sensor.id!r} has no state {', '.join(map(repr, unknown))}")
        return broken
    return States(sum(1 << sensor.states.index(name) for name in on or ()))


def _event(number: int, entry: _EventTable) -> DrillEvent:
    raw = f"drill {number} {entry.code} {'asserted' if entry.asserted else 'deasserted'}".encode()
    return DrillEvent(
        at_ms=round(entry.at * 1000),
        event=Event(
            log=entry.log,
            record_id=number,
            raw=raw,
            part=entry.part,
            code=entry.code,
            asserted=entry.asserted,
            sensor=entry.sensor,
            text=entry.text,
        ),
    )
