"""From a profile's TOML to a `Profile`; every mistake is told with its place. Called by `family.py`, `decoding.py` and
tests. The keys are described in profiles/README.md.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import TypedDict

from hardcase_agent.domain.errors import ConfigError
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.reading import GapReason, Kind, Unit
from hardcase_agent.domain.settings import read_settings
from hardcase_agent.domain.toml_tree import tree_of
from hardcase_agent.sensors.snmp.profile_tables import SLOTS, PartTable, ProfileTable, SensorTable, TrapTable
from hardcase_agent.sensors.snmp.profile_words import (
    read_among,
    read_bits,
    read_limit,
    read_pair,
    read_pairs,
    read_part_at,
    read_places,
    read_reference,
    read_references,
    read_values,
    read_variant,
    read_word_key,
)
from hardcase_agent.sensors.snmp.reference import Reference, parse_reference
from hardcase_agent.sensors.snmp.specs import (
    HEALTH,
    Among,
    AssetSpec,
    PartSpec,
    Profile,
    SensorSpec,
    Tables,
    TrapSpec,
    Variant,
    Wording,
)
from hardcase_agent.sensors.snmp.values import Oid, parse_oid

_HERE = Path(__file__).parent
"""Not importlib.resources: it brings zipfile and tempfile, and this package is never zipped."""
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


_PRESENT = re.compile(r"^present\s*=\s*(\"[^\"]*\"|\[[^]]*])", re.MULTILINE)
_QUOTED_OID = re.compile(r'"([\d.]+)"')


def parse_profile(text: str, *, path: str) -> Profile:
    """Raises ConfigError with every mistake."""
    try:
        table = tree_of(text)
    except ValueError as error:
        raise ConfigError((f"{path}: {error}",)) from error
    mistakes: list[str] = []
    maps = _maps(table.pop("map", {}), path, mistakes)
    if isinstance(table.get("present"), str):
        table["present"] = [table["present"]]
    read = read_settings(ProfileTable, table, path=path, mistakes=mistakes)
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
    traps = tuple(_trap(entry, read.component) for entry in read.trap)
    return _profile(read, Tables(parts=tuple(parts), sensors=tuple(sensors), traps=traps))


def _profile(read: ProfileTable, tables: Tables) -> Profile:
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
            vendor=read_places(read.asset.vendor),
            model=read_places(read.asset.model),
            serial=read_places(read.asset.serial),
            firmware=read_places(read.asset.firmware),
            hostname=read_places(read.asset.hostname),
        ),
        tables=lambda: tables,
    )


def _trap(entry: TrapTable, component: Component) -> TrapSpec:
    return TrapSpec(
        oid=parse_oid(entry.oid),
        name=entry.name,
        code=entry.code,
        asserted=not entry.ends,
        component=component if entry.component is None else entry.component,
        slot=entry.slot,
    )


def shipped_profiles() -> tuple[Profile, ...]:
    """Those of this package, by file name; their tables are read when they are asked for."""
    return tuple(_light(file.name) for file in _files())


def shipped_profiles_where(shown: Callable[[Oid], bool]) -> tuple[Profile, ...]:
    """Those of which one of the OIDs in `present` is shown; the others' files are not parsed, which takes ten times as
    long as the rest of decoding a walk."""
    return tuple(_shipped(name) for name, text in _texts().items() if any(map(shown, _present(text))))


def _files() -> Sequence[Path]:
    return sorted((_HERE / "profiles").glob("*.toml"))


def _read(name: str) -> Profile:
    file = _HERE / "profiles" / name
    return parse_profile(file.read_text(encoding="utf-8"), path=name)


@cache
def _light(name: str) -> Profile:
    return replace(_read(name), tables=partial(_tables, name))


@lru_cache(maxsize=32)
def _tables(name: str) -> Tables:
    """As many as one site has kinds of devices; one that is read again costs a few milliseconds."""
    return _read(name).tables()


@cache
def _texts() -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in _files()}


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
    text = (_HERE / "enterprises.toml").read_text(encoding="utf-8")
    return {int(number): name for number, name in read_pairs(tomllib.loads(text)["makers"])}


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


def _part(entry: PartTable) -> PartSpec:
    return PartSpec(
        id=entry.id,
        component=entry.component,
        oid=parse_oid(entry.oid),
        wording=_wording(entry),
        slot=entry.slot,
        keep=read_among(entry.keep),
        drop=read_among(entry.drop),
        model=read_references(entry.model),
        serial=read_references(entry.serial),
        part_number=read_references(entry.part_number),
        firmware=read_references(entry.firmware),
    )


def _sensor(entry: SensorTable, maps: Mapping[str, tuple[str, ...]], wordings: Mapping[str, Wording]) -> SensorSpec:
    if entry.part and entry.part not in wordings:
        raise ValueError(f"part: there is no [[part]] with the id {entry.part!r}")
    row = _is_row(entry)
    names_itself = not entry.part or entry.labels or entry.index_names
    lines = (*entry.values, *_map_lines(entry.map, maps))
    states = _states(entry, lines)
    numbers, patterns = read_values(lines, states)
    at, cut = read_part_at(entry.part_at)
    return SensorSpec(
        id=entry.id,
        name=entry.name or ("{label}" if row else entry.id),
        oid=parse_oid(entry.oid),
        row=row,
        collect=entry.collect,
        wording=_wording(entry) if names_itself else wordings[entry.part],
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
        flags={int(bit): read_bits(name, states) for bit, name in read_pairs(entry.flags)},
        otherwise=None if entry.otherwise is None else read_bits(entry.otherwise, states),
        pattern=re.compile(entry.pattern, re.ASCII) if entry.pattern else None,
        absent=entry.absent,
        **_beside(entry),
        keep=read_among(entry.keep),
        drop=_dropped(entry),
        limits=dict(read_limit(line, row) for line in entry.limits),
        unset=entry.unset,
    )


class _Beside(TypedDict):
    """Fields of `SensorSpec` about other objects that say how the value is to be read, or whether."""

    kind_oid: Reference | None
    kinds: Mapping[int | str, Variant]
    exponent_oid: Reference | None
    exponents: Mapping[int, int]
    precision_oid: Reference | None
    status_oid: Reference | None
    gaps: Mapping[int | str, GapReason]
    needs: Oid | None
    unless: Reference | None


def _beside(entry: SensorTable) -> _Beside:
    return _Beside(
        kind_oid=read_reference(entry.kind_oid),
        kinds={read_word_key(key): read_variant(words) for key, words in read_pairs(entry.kinds)},
        exponent_oid=read_reference(entry.exponent_oid),
        exponents={int(key): int(power) for key, power in read_pairs(entry.exponents)},
        precision_oid=read_reference(entry.precision_oid),
        status_oid=read_reference(entry.status_oid),
        gaps={read_word_key(key): GapReason(reason) for key, reason in read_pairs(entry.gaps)},
        needs=None if entry.needs is None else parse_oid(entry.needs),
        unless=read_reference(entry.unless),
    )


def _is_row(entry: SensorTable) -> bool:
    """One sensor a row of a table, unless the profile says otherwise."""
    if entry.row is not None:
        return entry.row
    in_table = entry.part or entry.labels or entry.index_names or SLOTS.search(entry.name)
    return bool(in_table) and not entry.collect


def _dropped(entry: SensorTable) -> tuple[Among, ...]:
    drop = read_among(entry.drop)
    if entry.skip_oid is None:
        return drop
    return (*drop, Among(column=parse_reference(entry.skip_oid), words=tuple(word.casefold() for word in entry.skip)))


def _map_lines(name: str, maps: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    if name and name not in maps:
        raise ValueError(f"map: there is no [map] {name!r}")
    return maps.get(name, ())


def _states(entry: SensorTable, lines: Sequence[str]) -> tuple[str, ...]:
    """As listed, else those of health, else in the order in which the values name them."""
    if entry.states:
        return entry.states
    if entry.quantity.endswith(".health") or entry.quantity in _VERDICTS:
        return HEALTH
    named = [word for line in (*lines, *entry.flags) for word in read_pair(line)[1].split()]
    states = tuple(dict.fromkeys([*named, *(entry.otherwise or "").split()]))
    if len(states) > 32:
        raise ValueError("states: at most 32")
    return states


def _wording(entry: PartTable | SensorTable) -> Wording:
    return Wording(
        labels=read_references(entry.labels),
        names={parse_oid(index): name for index, name in read_pairs(entry.index_names)},
        trim=re.compile(entry.trim, re.IGNORECASE) if entry.trim else None,
        words=dict(read_pairs(entry.label_words)),
    )
