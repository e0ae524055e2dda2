"""Profiles: what a family of devices shows by SNMP, as frozen values. One TOML file each in profiles/, whose README
describes the keys; read by `profile.py`.

`layout.py` turns a profile and one look at a device into sensors and parts. A new vendor is a new file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from hardcase_agent.domain.part import Component
from hardcase_agent.domain.reading import GapReason, Kind, Unit
from hardcase_agent.sensors.snmp.reference import Reference, printable, whole
from hardcase_agent.sensors.snmp.values import Oid, Value

HEALTH = ("ok", "warning", "degraded", "failed", "critical", "predicted", "absent", "unknown")
"""A verdict without its reason, one at a time: the states of every quantity that ends in ".health"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What a row of a mixed table is, by its type column."""

    kind: Kind
    unit: Unit
    scale: float = 1.0
    """Times the scale of the row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Among:
    """Whether a column's value is one of some: numbers, or texts in small letters with * for anything."""

    column: Reference
    words: tuple[str, ...]

    def holds(self, index: Oid, objects: Mapping[Oid, Value]) -> bool:
        value = self.column.value(index, objects)
        number = whole(value)
        if number is not None and str(number) in self.words:
            return True
        text = printable(value).casefold()
        return any(fnmatchcase(text, word) for word in self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How a row is named."""

    labels: tuple[Reference, ...] = ()
    """The first that is not empty stands for {label}; without any the index does."""
    names: Mapping[Oid, str] = field(default_factory=dict)
    """Label by the row's index, or by its last number, where no column names the row."""
    trim: re.Pattern[str] | None = None
    """Left out of a label: what repeats the table's name in every row."""
    words: Mapping[str, str] = field(default_factory=dict)
    """What a label stands for, where it is a number of an enumeration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSpec:
    """A table of parts: each row is one, with what its columns tell of it."""

    id: str
    component: Component
    oid: Oid
    wording: Wording
    slot: str
    keep: tuple[Among, ...]
    drop: tuple[Among, ...]
    model: tuple[Reference, ...]
    serial: tuple[Reference, ...]
    part_number: tuple[Reference, ...]
    firmware: tuple[Reference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSpec:
    column: Reference
    scale: float | None
    """None: that of the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorSpec:
    """One object (`row` False: its instance .0) or one column (a sensor for each row; `collect`: one for all rows)."""

    id: str
    name: str
    oid: Oid
    row: bool
    collect: bool
    wording: Wording
    kind: Kind
    unit: Unit
    scale: float
    offset: float
    quantity: str
    component: Component
    slot: str
    part: str
    """Id of the table of parts whose row this sensor belongs to; "" = none."""
    part_at: Reference | None
    """Column that holds the index of the part's row. None: the row's own index, cut as `part_cut` says."""
    part_cut: slice | None
    lowest: float | None
    highest: float | None
    """Outside these (in the unit) the device has no measurement and says so with a number."""
    lowest_raw: int | None
    highest_raw: int | None
    states: tuple[str, ...]
    values: Mapping[Value, int]
    """State bits by value; a text (bytes) in small letters."""
    patterns: tuple[tuple[str, int], ...]
    """State bits by texts with * in them, in small letters."""
    flags: Mapping[int, int]
    """State bits by bit of the number. Non-empty: the value is a bit mask."""
    otherwise: int | None
    """State bits of every other value. None: such a value is a gap."""
    pattern: re.Pattern[str] | None
    """Where the number stands in a text, as its first group."""
    absent: tuple[int, ...]
    """Raw values that mean "there is none"."""
    kind_oid: Reference | None
    kinds: Mapping[int | str, Variant]
    """By the number or the text (in small letters, with * for anything) of the kind column."""
    exponent_oid: Reference | None
    exponents: Mapping[int, int]
    """Empty: the exponent column holds the power of ten itself."""
    precision_oid: Reference | None
    status_oid: Reference | None
    gaps: Mapping[int | str, GapReason]
    """By the value of the status column."""
    needs: Oid | None
    """The sensor exists only where this object does: an empty table and a missing one look the same."""
    unless: Reference | None
    """The sensor is left out where this object (of the row, in a table) tells the same more exactly."""
    keep: tuple[Among, ...]
    drop: tuple[Among, ...]
    limits: Mapping[str, LimitSpec]
    unset: tuple[int, ...]
    """Raw limits that nobody set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrapSpec:
    """What one notification of the device's MIB says."""

    oid: Oid
    """As snmpTrapOID; one of version 1 is its enterprise, 0 and its number (RFC 3584, 3.1)."""
    name: str
    code: str
    """Event code; "" = told by the states among its objects."""
    asserted: bool
    component: Component
    slot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One place where a device tells of itself: a word of the profile, an instance, or the first row of a column."""

    word: str = ""
    oid: Oid = ()
    column: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetSpec:
    vendor: tuple[Told, ...] = ()
    model: tuple[Told, ...] = ()
    serial: tuple[Told, ...] = ()
    firmware: tuple[Told, ...] = ()
    hostname: tuple[Told, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What a profile reads of a device that it fits."""

    parts: tuple[PartSpec, ...]
    sensors: tuple[SensorSpec, ...]
    traps: tuple[TrapSpec, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    name: str
    title: str
    present: tuple[Oid, ...]
    """The device has this when anything answers below one of them,"""
    object_ids: tuple[Oid, ...]
    """and its sysObjectID, where it tells one, begins with one of these (empty: with anything)."""
    replaces: tuple[str, ...]
    """Profiles that are left out where this one shows sensors: they tell the same less well."""
    generic: bool
    """True: knows a standard, not a device. Alone it does not tell the device's health."""
    asset_kind: str
    component: Component
    asset: AssetSpec
    tables: Callable[[], Tables] = field(repr=False, compare=False)
    """Of a shipped profile they are read from its file when asked for: nearly all of them fit no device here, and
    together they are a tenth of the agent's memory."""

    @property
    def parts(self) -> tuple[PartSpec, ...]:
        return self.tables().parts

    @property
    def sensors(self) -> tuple[SensorSpec, ...]:
        return self.tables().sensors

    @property
    def traps(self) -> tuple[TrapSpec, ...]:
        return self.tables().traps
