"""The tables of a profile's TOML as they are written; keys in profiles/README.md. Read by `profile.py`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hardcase_agent.domain.part import Component
from hardcase_agent.domain.reading import Kind, Unit

SLOTS = re.compile(r"\{(label|index|i\d)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartTable:
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
class SensorTable:
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
        if self.row is not None and self.name and self.row != bool(SLOTS.search(self.name)):
            raise ValueError("a name has {label} or {index} where row is true, and only there")
        if len(self.states) > 32:
            raise ValueError("states: at most 32")
        if self.pattern and re.compile(self.pattern).groups != 1:
            raise ValueError("pattern: one group, for the number")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrapTable:
    oid: str
    name: str
    code: str = ""
    ends: bool = False
    component: Component | None = None
    slot: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetTable:
    vendor: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    serial: tuple[str, ...] = ()
    firmware: tuple[str, ...] = ()
    hostname: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileTable:
    name: str
    title: str
    present: tuple[str, ...]
    object_ids: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    generic: bool = False
    asset_kind: str = ""
    component: Component = Component.NONE
    asset: AssetTable = AssetTable()
    part: tuple[PartTable, ...] = ()
    sensor: tuple[SensorTable, ...] = ()
    trap: tuple[TrapTable, ...] = ()
