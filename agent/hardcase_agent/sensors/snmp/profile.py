"""From a profile's TOML to a `Profile`; every mistake is told with its place. Called by `family.py`, `decoding.py` and
tests. The keys are described in profiles/README.md.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from hardcase_agent.domain.errors import ConfigError
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.reading import GapReason, Kind, Unit
from hardcase_agent.domain.settings import read_settings
from hardcase_agent.sensors.snmp.reference import Reference, parse_reference
from hardcase_agent.sensors.snmp.specs import (
    HEALTH,
    LIMITS,
    Among,
    AssetSpec,
    LimitSpec,
    PartSpec,
    Profile,
    SensorSpec,
    Told,
    TrapSpec,
    Variant,
    Wording,
)
from hardcase_agent.sensors.snmp.values import Oid, Value, parse_oid

_UNITS = {
    Kind.TEMPERATURE: Unit.CELSIUS,
    Kind.VOLTAGE: Unit.VOLT,
    Kind.CURRENT: Unit.AMPERE,
    Kind.POWER: Unit.WATT,
    Kind.ENERGY: Unit.JOULE,
    Kind.FAN: Unit.RPM,
    Kind.HUMIDITY: Unit.PERCENT,
    Kind.PERCENTAGE: Unit.PERCENT,
    Kind.COUNT: Unit.ONE,
    Kind.DURATION: Unit.SECOND,
    Kind.FREQUENCY: Unit.HERTZ,
    Kind.STATE: Unit.NONE,
}
_VERDICTS = ("raid.controller",)
"""Quantities with the states of health that do not end in ".health"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _PartTable:
    id: str
    component: Component
    oid: str
    labels: tuple[str, ...] = ()
    index_names: tuple[str, ...] = ()
    trim: str = ""
    label_words: tuple[str, ...] = ()
    slot: str = "{label}"
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    serial: tuple[str, ...] = ()
    part_number: tuple[str, ...] = ()
    firmware: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _SensorTable:
    id: str
    oid: str
    name: str = ""
    kind: Kind = Kind.STATE
    unit: Unit | None = None
    row: bool | None = None
    collect: bool = False
    labels: tuple[str, ...] = ()
    index_names: tuple[str, ...] = ()
    trim: str = ""
    label_words: tuple[str, ...] = ()
    scale: float = 1.0
    offset: float = 0.0
    quantity: str = ""
    component: Component = Component.NONE
    slot: str = ""
    part: str = ""
    part_at: str = ""
    lowest: float | None = None
    highest: float | None = None
    lowest_raw: int | None = None
    highest_raw: int | None = None
    states: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    map: str = ""
    flags: tuple[str, ...] = ()
    otherwise: str | None = None
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
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    unset: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        told = bool(self.values or self.map or self.flags)
        if (self.kind is Kind.STATE) != told or (self.states and not told):
            raise ValueError('kind "state" goes with states and values, map or flags, and only with them')
        if self.row is not None and self.name and self.row != bool(_SLOTS.search(self.name)):
            raise ValueError("a name has {label} or {index} where row is true, and only there")
        if len(self.states) > 32:
            raise ValueError("states: at most 32")
        if self.pattern and re.compile(self.pattern).groups != 1:
            raise ValueError("pattern: one group, for the number")


@dataclass(frozen=True, slots=True, kw_only=True)
class _TrapTable:
    oid: str
    name: str
    code: str = ""
    ends: bool = False
    component: Component | None = None
    slot: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _AssetTable:
    vendor: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    serial: tuple[str, ...] = ()
    firmware: tuple[str, ...] = ()
    hostname: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _ProfileTable:
    name: str
    title: str
    present: tuple[str, ...]
    object_ids: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    generic: bool = False
    asset_kind: str = ""
    component: Component = Component.NONE
    asset: _AssetTable = _AssetTable()
    part: tuple[_PartTable, ...] = ()
    sensor: tuple[_SensorTable, ...] = ()
    trap: tuple[_TrapTable, ...] = ()


_PRESENT = re.compile(r"^present\s*=\s*(\"[^\"]*\"|\[[^]]*])", re.MULTILINE)
_QUOTED_OID = re.compile(r'"([\d.]+)"')
_SLOTS = re.compile(r"\{(label|index|i\d)\}")


def parse_profile(text: str, *, path: str) -> Profile:
    """Raises ConfigError with every mistake."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError((f"{path}: {error}",)) from error
    mistakes: list[str] = []
    maps = _maps(table.pop("map", {}), path, mistakes)
    if isinstance(table.get("present"), str):
        table["present"] = [table["present"]]
    read = read_settings(_ProfileTable, table, path=path, mistakes=mistakes)
    if mistakes:
        raise ConfigError(tuple(mistakes))
    parts, sensors = [], []
    wordings: dict[str, Wording] = {}
    for index, part in enumerate(read.part):
        try:
            parts.append(_part(part))
            wordings[part.id] = parts[-1].wording
        except ValueError as error:
            mistakes.append(f"{path}.part[{index}] ({part.id}): {error}")
    for index, entry in enumerate(read.sensor):
        try:
            sensors.append(_sensor(entry, maps, wordings))
        except ValueError as error:
            mistakes.append(f"{path}.sensor[{index}] ({entry.id}): {error}")
    for what, names in (("sensor", [entry.id for entry in read.sensor]), ("part", [entry.id for entry in read.part])):
        mistakes += [f"{path}: {what} id {n!r} is there twice" for n in sorted(set(names)) if names.count(n) > 1]
    if mistakes:
        raise ConfigError(tuple(mistakes))
    return _profile(read, tuple(parts), tuple(sensors))


def _profile(read: _ProfileTable, parts: tuple[PartSpec, ...], sensors: tuple[SensorSpec, ...]) -> Profile:
    return Profile(
        name=read.name,
        title=read.title,
        present=tuple(parse_oid(text) for text in read.present),
        object_ids=tuple(parse_oid(text) for text in read.object_ids),
        replaces=read.replaces,
        generic=read.generic,
        asset_kind=read.asset_kind,
        component=read.component,
        asset=AssetSpec(
            vendor=_places(read.asset.vendor),
            model=_places(read.asset.model),
            serial=_places(read.asset.serial),
            firmware=_places(read.asset.firmware),
            hostname=_places(read.asset.hostname),
        ),
        parts=parts,
        sensors=sensors,
        traps=tuple(_trap(entry, read.component) for entry in read.trap),
    )


def _trap(entry: _TrapTable, component: Component) -> TrapSpec:
    return TrapSpec(
        oid=parse_oid(entry.oid),
        name=entry.name,
        code=entry.code,
        asserted=not entry.ends,
        component=component if entry.component is None else entry.component,
        slot=entry.slot,
    )


def shipped_profiles() -> tuple[Profile, ...]:
    """Those of this package, by file name."""
    return tuple(_shipped(name) for name in _texts())


def shipped_profiles_where(shown: Callable[[Oid], bool]) -> tuple[Profile, ...]:
    """Those of which one of the OIDs in `present` is shown; the others' files are not parsed, which takes ten times as
    long as the rest of decoding a walk."""
    return tuple(_shipped(name) for name, text in _texts().items() if any(map(shown, _present(text))))


@cache
def _texts() -> dict[str, str]:
    folder = resources.files(__package__) / "profiles"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return {file.name: file.read_text(encoding="utf-8") for file in files}


@cache
def _shipped(name: str) -> Profile:
    return parse_profile(_texts()[name], path=name)


@cache
def _present(text: str) -> tuple[Oid, ...]:
    """What a file says of `present`, without parsing the rest."""
    found = _PRESENT.search(text)
    return tuple(parse_oid(oid) for oid in _QUOTED_OID.findall(found[1])) if found else ()


@cache
def makers() -> dict[int, str]:
    """Maker by IANA's private enterprise number."""
    text = (resources.files(__package__) / "enterprises.toml").read_text(encoding="utf-8")
    return {int(number): name for number, name in _pairs(tomllib.loads(text)["makers"])}


def _maps(value: object, path: str, mistakes: list[str]) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        mistakes.append(f"{path}.map: must be a table of lists")
        return {}
    maps = {}
    for name, lines in value.items():
        if isinstance(lines, list) and all(isinstance(line, str) for line in lines):
            maps[name] = tuple(lines)
        else:
            mistakes.append(f"{path}.map.{name}: must be a list of strings")
    return maps


def _part(entry: _PartTable) -> PartSpec:
    return PartSpec(
        id=entry.id,
        component=entry.component,
        oid=parse_oid(entry.oid),
        wording=_wording(entry),
        slot=entry.slot,
        keep=_among(entry.keep),
        drop=_among(entry.drop),
        model=_references(entry.model),
        serial=_references(entry.serial),
        part_number=_references(entry.part_number),
        firmware=_references(entry.firmware),
    )


def _sensor(entry: _SensorTable, maps: Mapping[str, tuple[str, ...]], wordings: Mapping[str, Wording]) -> SensorSpec:
    if entry.part and entry.part not in wordings:
        raise ValueError(f"part: there is no [[part]] with the id {entry.part!r}")
    row = entry.row
    if row is None:
        row = bool(entry.part or entry.labels or entry.index_names or _SLOTS.search(entry.name))
        row = row and not entry.collect
    wording = _wording(entry)
    if entry.part and not (entry.labels or entry.index_names):
        wording = wordings[entry.part]
    lines = (*entry.values, *_map_lines(entry.map, maps))
    states = _states(entry, lines)
    numbers, patterns = _values(lines, states)
    drop = _among(entry.drop)
    if entry.skip_oid is not None:
        drop = (*drop, Among(column=parse_reference(entry.skip_oid), words=tuple(w.casefold() for w in entry.skip)))
    at, cut = _part_at(entry.part_at)
    return SensorSpec(
        id=entry.id,
        name=entry.name or ("{label}" if row else entry.id),
        oid=parse_oid(entry.oid),
        row=row,
        collect=entry.collect,
        wording=wording,
        kind=entry.kind,
        unit=_UNITS[entry.kind] if entry.unit is None else entry.unit,
        scale=entry.scale,
        offset=entry.offset,
        quantity=entry.quantity,
        component=entry.component,
        slot=entry.slot,
        part=entry.part,
        part_at=at,
        part_cut=cut,
        lowest=entry.lowest,
        highest=entry.highest,
        lowest_raw=entry.lowest_raw,
        highest_raw=entry.highest_raw,
        states=states,
        values=numbers,
        patterns=patterns,
        flags={int(bit): _bits(name, states) for bit, name in _pairs(entry.flags)},
        otherwise=None if entry.otherwise is None else _bits(entry.otherwise, states),
        pattern=re.compile(entry.pattern, re.ASCII) if entry.pattern else None,
        absent=entry.absent,
        kind_oid=_reference(entry.kind_oid),
        kinds={_word_key(key): _variant(words) for key, words in _pairs(entry.kinds)},
        exponent_oid=_reference(entry.exponent_oid),
        exponents={int(key): int(power) for key, power in _pairs(entry.exponents)},
        precision_oid=_reference(entry.precision_oid),
        status_oid=_reference(entry.status_oid),
        gaps={_word_key(key): GapReason(reason) for key, reason in _pairs(entry.gaps)},
        needs=None if entry.needs is None else parse_oid(entry.needs),
        unless=_reference(entry.unless),
        keep=_among(entry.keep),
        drop=drop,
        limits=dict(_limit(line, row) for line in entry.limits),
        unset=entry.unset,
    )


def _map_lines(name: str, maps: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    if name and name not in maps:
        raise ValueError(f"map: there is no [map] {name!r}")
    return maps.get(name, ())


def _states(entry: _SensorTable, lines: Sequence[str]) -> tuple[str, ...]:
    """As listed, else those of health, else in the order in which the values name them."""
    if entry.states:
        return entry.states
    if entry.quantity.endswith(".health") or entry.quantity in _VERDICTS:
        return HEALTH
    named = [word for line in (*lines, *entry.flags) for word in _pair(line)[1].split()]
    states = tuple(dict.fromkeys([*named, *(entry.otherwise or "").split()]))
    if len(states) > 32:
        raise ValueError("states: at most 32")
    return states


def _wording(entry: _PartTable | _SensorTable) -> Wording:
    return Wording(
        labels=_references(entry.labels),
        names={parse_oid(index): name for index, name in _pairs(entry.index_names)},
        trim=re.compile(entry.trim, re.IGNORECASE) if entry.trim else None,
        words=dict(_pairs(entry.label_words)),
    )


def _places(texts: Sequence[str]) -> tuple[Told, ...]:
    return tuple(_place(text) for text in texts)


def _place(text: str) -> Told:
    if text.startswith("="):
        return Told(word=text[1:])
    if text.endswith(".*"):
        return Told(oid=parse_oid(text[:-2]), column=True)
    return Told(oid=parse_oid(text))


def _references(texts: Sequence[str]) -> tuple[Reference, ...]:
    return tuple(parse_reference(text) for text in texts)


def _reference(text: str | None) -> Reference | None:
    return None if text is None else parse_reference(text)


def _part_at(text: str) -> tuple[Reference | None, slice | None]:
    """ "[0:2]" cuts the row's index; a column holds the index."""
    if not text:
        return None, None
    if text.startswith("["):
        (step,) = parse_reference(f"0{text}").steps
        return None, step.part
    return parse_reference(text), None


def _among(lines: Sequence[str]) -> tuple[Among, ...]:
    """ "COLUMN one|other"; a blank in a text is written as "_"."""
    read = []
    for line in lines:
        column, _, words = line.rpartition(" ")
        if not column:
            raise ValueError(f"{line!r} is not COLUMN and values apart by |")
        texts = tuple(word.replace("_", " ").casefold() for word in words.split("|"))
        read.append(Among(column=parse_reference(column), words=texts))
    return tuple(read)


def _pairs(lines: Sequence[str]) -> list[tuple[str, str]]:
    return [_pair(line) for line in lines]


def _pair(line: str) -> tuple[str, str]:
    """ "8 temperature Cel" as ("8", "temperature Cel"); a key with blanks stands in single quotes."""
    if line.startswith("'"):
        key, _, rest = line[1:].partition("'")
        return key, rest.strip()
    key, _, rest = line.partition(" ")
    return key.replace("_", " "), rest.strip()


def _values(lines: Sequence[str], states: Sequence[str]) -> tuple[dict[Value, int], tuple[tuple[str, int], ...]]:
    plain: dict[Value, int] = {}
    patterns: list[tuple[str, int]] = []
    for key, names in _pairs(lines):
        bits = _bits(names, states)
        if "*" in key:
            patterns.append((key.casefold(), bits))
        else:
            plain[_value(key)] = bits
    return plain, tuple(patterns)


def _value(text: str) -> Value:
    """A number, an OID, or a text."""
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if re.fullmatch(r"\d+(\.\d+)+", text):
        return parse_oid(text)
    return text.casefold().encode()


def _word_key(text: str) -> int | str:
    return int(text) if re.fullmatch(r"-?\d+", text) else text.casefold()


def _bits(names: str, states: Sequence[str]) -> int:
    """States of one value: none, one, or several apart by blanks."""
    unknown = [name for name in names.split() if name not in states]
    if unknown:
        raise ValueError(f"values: no state {', '.join(map(repr, unknown))}")
    return sum(1 << states.index(name) for name in set(names.split()))


def _variant(words: str) -> Variant:
    kind, unit, scale = (*words.split(), "1", "1")[:3]
    return Variant(kind=Kind(kind), unit=Unit(unit), scale=float(scale))


def _limit(line: str, row: bool) -> tuple[str, LimitSpec]:
    """ "upper_critical COLUMN" or "upper_critical COLUMN x0.1"; of a single object, an instance."""
    name, _, rest = line.partition(" ")
    if name not in LIMITS:
        raise ValueError(f"limits: {name!r} is none of {', '.join(LIMITS)}")
    place, _, factor = rest.strip().partition(" x")
    return name, LimitSpec(
        column=parse_reference(place.strip() if row or place.strip().endswith("!") else f"{place.strip()}!"),
        scale=float(factor) if factor else None,
    )
