"""Profiles: what a family of devices shows by SNMP, as data. One TOML file each in profiles/.

Loaded by `family.py`; `layout.py` turns a profile and one look at a device into sensors. A new vendor is a new file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from hardcase_agent.domain.errors import ConfigError
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.reading import GapReason, Kind, Unit
from hardcase_agent.domain.settings import read_settings
from hardcase_agent.sensors.snmp.values import Oid, Value, parse_oid

LIMITS = (
    "lower_non_recoverable",
    "lower_critical",
    "lower_non_critical",
    "upper_non_critical",
    "upper_critical",
    "upper_non_recoverable",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What a row of a mixed table is, by its type column."""

    kind: Kind
    unit: Unit
    scale: float = 1.0
    """Times the scale of the row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorSpec:
    """One object (`row` False: its instance .0) or one column (a sensor for each row; `collect`: one for all rows)."""

    id: str
    name: str
    oid: Oid
    row: bool
    collect: bool
    labels: tuple[Oid, ...]
    """Columns that name the row, the first non-empty one wins; it stands for {label} in the name. None: its index."""
    kind: Kind
    unit: Unit
    scale: float
    quantity: str
    component: Component
    slot: str
    lowest: float | None
    highest: float | None
    """Outside these (in the unit) the device has no measurement and says so with a number."""
    lowest_raw: int | None
    highest_raw: int | None
    states: tuple[str, ...]
    values: Mapping[Value, int]
    """State bits by value; a text (bytes) in small letters."""
    pattern: re.Pattern[str] | None
    """Where the number stands in a text, as its first group."""
    absent: tuple[int, ...]
    """Raw values that mean "there is none"."""
    kind_oid: Oid | None
    kinds: Mapping[int | str, Variant]
    """By the number or the text (in small letters) of the kind column."""
    exponent_oid: Oid | None
    exponents: Mapping[int, int]
    precision_oid: Oid | None
    status_oid: Oid | None
    gaps: Mapping[int, GapReason]
    """By the value of the status column."""
    needs: Oid | None
    """The sensor exists only where this object does: an empty table and a missing one look the same."""
    unless: Oid | None
    """The sensor is left out where this object (of the row, in a table) tells the same more exactly."""
    skip_oid: Oid | None
    skip: tuple[str, ...]
    """Rows whose text in this column is one of these are left out."""
    limits: Mapping[str, Oid]
    """Limit name -> object (or column) in the raw unit of the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetSpec:
    vendor: tuple[Oid, ...] = ()
    model: tuple[Oid, ...] = ()
    serial: tuple[Oid, ...] = ()
    firmware: tuple[Oid, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    name: str
    title: str
    present: Oid
    """The device has this when anything answers below."""
    asset_kind: str
    component: Component
    asset: AssetSpec
    sensors: tuple[SensorSpec, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _SensorTable:
    id: str
    name: str
    oid: str
    kind: Kind
    unit: Unit = Unit.NONE
    row: bool = False
    collect: bool = False
    labels: tuple[str, ...] = ()
    scale: float = 1.0
    quantity: str = ""
    component: Component = Component.NONE
    slot: str = ""
    lowest: float | None = None
    highest: float | None = None
    lowest_raw: int | None = None
    highest_raw: int | None = None
    states: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    pattern: str = ""
    absent: tuple[int, ...] = ()
    kind_oid: str | None = None
    kinds: tuple[str, ...] = ()
    exponent_oid: str | None = None
    exponents: tuple[str, ...] = ()
    precision_oid: str | None = None
    status_oid: str | None = None
    gaps: tuple[str, ...] = ()
    needs: str | None = None
    unless: str | None = None
    skip_oid: str | None = None
    skip: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (self.kind is Kind.STATE) == bool(self.states) == bool(self.values):
            raise ValueError('kind "state" goes with states and values, and only with them')
        if self.row != ("{label}" in self.name):
            raise ValueError("a name has {label} where row is true, and only there")
        if len(self.states) > 32:
            raise ValueError("states: at most 32")
        if self.pattern and re.compile(self.pattern).groups != 1:
            raise ValueError("pattern: one group, for the number")


@dataclass(frozen=True, slots=True, kw_only=True)
class _AssetTable:
    vendor: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    serial: tuple[str, ...] = ()
    firmware: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _ProfileTable:
    name: str
    title: str
    present: str
    asset_kind: str = ""
    component: Component = Component.NONE
    asset: _AssetTable = _AssetTable()
    sensor: tuple[_SensorTable, ...] = ()


def parse_profile(text: str, *, path: str) -> Profile:
    """Raises ConfigError with every mistake."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError((f"{path}: {error}",)) from error
    mistakes: list[str] = []
    read = read_settings(_ProfileTable, table, path=path, mistakes=mistakes)
    if mistakes:
        raise ConfigError(tuple(mistakes))
    sensors = []
    for index, entry in enumerate(read.sensor):
        try:
            sensors.append(_spec(entry))
        except ValueError as error:
            mistakes.append(f"{path}.sensor[{index}] ({entry.id}): {error}")
    names = [entry.id for entry in read.sensor]
    mistakes += [f"{path}: sensor id {name!r} is there twice" for name in sorted(set(names)) if names.count(name) > 1]
    if mistakes:
        raise ConfigError(tuple(mistakes))
    return Profile(
        name=read.name,
        title=read.title,
        present=parse_oid(read.present),
        asset_kind=read.asset_kind,
        component=read.component,
        asset=AssetSpec(
            vendor=_oids(read.asset.vendor),
            model=_oids(read.asset.model),
            serial=_oids(read.asset.serial),
            firmware=_oids(read.asset.firmware),
        ),
        sensors=tuple(sensors),
    )


def shipped_profiles() -> tuple[Profile, ...]:
    """Those of this package, by file name."""
    folder = resources.files(__package__) / "profiles"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return tuple(parse_profile(file.read_text(encoding="utf-8"), path=file.name) for file in files)


def makers() -> dict[int, str]:
    """Maker by IANA's private enterprise number."""
    text = (resources.files(__package__) / "enterprises.toml").read_text(encoding="utf-8")
    return {int(number): name for number, name in _pairs(tomllib.loads(text)["makers"])}


def _spec(entry: _SensorTable) -> SensorSpec:
    return SensorSpec(
        id=entry.id,
        name=entry.name,
        oid=parse_oid(entry.oid),
        row=entry.row,
        collect=entry.collect,
        labels=_oids(entry.labels),
        kind=entry.kind,
        unit=entry.unit,
        scale=entry.scale,
        quantity=entry.quantity,
        component=entry.component,
        slot=entry.slot,
        lowest=entry.lowest,
        highest=entry.highest,
        lowest_raw=entry.lowest_raw,
        highest_raw=entry.highest_raw,
        states=entry.states,
        values={_value(key): _bits(name, entry.states) for key, name in _pairs(entry.values)},
        pattern=re.compile(entry.pattern, re.ASCII) if entry.pattern else None,
        absent=entry.absent,
        kind_oid=_oid(entry.kind_oid),
        kinds={_kind_key(key): _variant(words) for key, words in _pairs(entry.kinds)},
        exponent_oid=_oid(entry.exponent_oid),
        exponents={int(key): int(power) for key, power in _pairs(entry.exponents)},
        precision_oid=_oid(entry.precision_oid),
        status_oid=_oid(entry.status_oid),
        gaps={int(key): GapReason(reason) for key, reason in _pairs(entry.gaps)},
        needs=_oid(entry.needs),
        unless=_oid(entry.unless),
        skip_oid=_oid(entry.skip_oid),
        skip=entry.skip,
        limits={_limit_name(name): parse_oid(oid) for name, oid in _pairs(entry.limits)},
    )


def _oids(texts: Sequence[str]) -> tuple[Oid, ...]:
    return tuple(parse_oid(text) for text in texts)


def _oid(text: str | None) -> Oid | None:
    return None if text is None else parse_oid(text)


def _pairs(lines: Sequence[str]) -> list[tuple[str, str]]:
    """ "8 temperature Cel" as ("8", "temperature Cel")."""
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]


def _value(text: str) -> Value:
    """A number, an OID, or a text with "_" for its blanks."""
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if re.fullmatch(r"\d+(\.\d+)+", text):
        return parse_oid(text)
    return text.casefold().replace("_", " ").encode()


def _kind_key(text: str) -> int | str:
    return int(text) if re.fullmatch(r"-?\d+", text) else text.casefold().replace("_", " ")


def _bits(names: str, states: Sequence[str]) -> int:
    """States of one value: none, one, or several apart by blanks."""
    unknown = [name for name in names.split() if name not in states]
    if unknown:
        raise ValueError(f"values: no state {', '.join(map(repr, unknown))}")
    return sum(1 << states.index(name) for name in names.split())


def _variant(words: str) -> Variant:
    kind, unit, scale = (*words.split(), "1", "1")[:3]
    return Variant(kind=Kind(kind), unit=Unit(unit), scale=float(scale))


def _limit_name(name: str) -> str:
    if name not in LIMITS:
        raise ValueError(f"limits: {name!r} is none of {', '.join(LIMITS)}")
    return name
