"""What a RAID tool tells, whichever tool it was: controllers, volumes, disks, cache batteries, enclosure elements.

The parsers of this folder fill a `Report`; `measure.py` turns it into sensors and readings. Several outputs of one
machine may fill the same report: what a second one says of the same thing is added to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from hardcase_agent.domain.capture import Flaw, Undecoded
from hardcase_agent.domain.part import Component

MOST_THINGS = 20_000
"""Of one report. The largest enclosure chains behind one host hold under 1,000 disks."""


class MemberState(StrEnum):
    """A disk as its controller sees it. Order is that of the bits of `disk.member`; new words go to the end."""

    ONLINE = "online"
    HOT_SPARE = "hot_spare"
    UNCONFIGURED = "unconfigured"
    JBOD = "jbod"
    REBUILDING = "rebuilding"
    COPYBACK = "copyback"
    PREDICTED = "predicted"
    FAILED = "failed"
    MISSING = "missing"
    OFFLINE = "offline"
    FOREIGN = "foreign"
    IN_DEGRADED_ARRAY = "in_degraded_array"
    IN_FAILED_ARRAY = "in_failed_array"


LOST = frozenset({MemberState.FAILED, MemberState.MISSING, MemberState.OFFLINE})
"""States in which a disk gives its array nothing."""


class VolumeState(StrEnum):
    """An array, a virtual disk, a pool. Order is that of the bits of `raid.volume`; new words go to the end."""

    DEGRADED = "degraded"
    REBUILDING = "rebuilding"
    FAILED = "failed"
    PARTIALLY_DEGRADED = "partially_degraded"
    OFFLINE = "offline"
    CHECKING = "checking"
    INITIALIZING = "initializing"
    BAD_BLOCKS = "bad_blocks"
    OPTIMAL = "optimal"


class BatteryState(StrEnum):
    """What keeps a controller's write cache alive: a battery or a capacitor. Order is that of the bits."""

    OK = "ok"
    LEARNING = "learning"
    CHARGING = "charging"
    LOW = "low"
    REPLACE = "replace"
    FAILED = "failed"
    MISSING = "missing"
    HOT = "hot"


class Health(StrEnum):
    """The one verdict of a part that tells no more (`<component>.health`). Order is that of the bits."""

    OK = "ok"
    WARNING = "warning"
    DEGRADED = "degraded"
    FAILED = "failed"
    CRITICAL = "critical"
    PREDICTED = "predicted"
    ABSENT = "absent"
    UNKNOWN = "unknown"


NOT_TOLD = "not told"
"""A value that the tool prints as N/A: the device does not measure it."""


@dataclass(slots=True)
class Disk:
    controller: str
    key: str
    """Unique below its controller; what its maker's tool calls its place ("252:3", "1I:1:1", "sdb")."""
    slot: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""
    part_number: str = ""
    wwn: str = ""
    paths: tuple[str, ...] = ()
    state: frozenset[MemberState] | None = None
    """None = not told."""
    word: str = ""
    """The tool's own word where it has no meaning here."""
    alert: bool = False
    """The disk predicts its failure, whatever its state."""
    counts: dict[str, float | str] = field(default_factory=dict)
    """Quantity -> count, or NOT_TOLD."""
    temperature: float | None = None
    progress: float | None = None
    group: str = ""
    """Disk group or array it is a member of; "" = none, or not told."""


@dataclass(slots=True)
class Volume:
    controller: str
    key: str
    name: str = ""
    level: str = ""
    serial: str = ""
    paths: tuple[str, ...] = ()
    state: frozenset[VolumeState] | None = None
    word: str = ""
    progress: float | None = None
    used: float | None = None
    """Per cent of its space in use; only pools tell."""
    group: str = ""
    members: list[str] = field(default_factory=list)
    """Keys of its disks; empty = told by group, or not at all."""
    software: bool = False
    """Linux md: its states have a quantity of their own."""


@dataclass(slots=True)
class Battery:
    controller: str
    key: str = "battery"
    model: str = ""
    serial: str = ""
    state: frozenset[BatteryState] | None = None
    word: str = ""
    charge: float | None = None
    temperature: float | None = None


@dataclass(slots=True)
class Controller:
    key: str
    model: str = ""
    serial: str = ""
    firmware: str = ""
    slot: str = ""
    health: Health | None = None
    word: str = ""
    cache: Health | None = None
    cache_word: str = ""
    temperatures: dict[str, float] = field(default_factory=dict)
    """Name of the place -> Celsius."""
    corrected: float | None = None
    uncorrected: float | None = None


@dataclass(slots=True)
class Element:
    """Something of an enclosure that tells one verdict, or a temperature."""

    controller: str
    component: Component
    key: str
    name: str = ""
    model: str = ""
    serial: str = ""
    health: Health | None = None
    temperature: float | None = None


@dataclass(slots=True)
class Report:
    controllers: dict[str, Controller] = field(default_factory=dict)
    disks: dict[tuple[str, str], Disk] = field(default_factory=dict)
    volumes: dict[tuple[str, str], Volume] = field(default_factory=dict)
    batteries: dict[tuple[str, str], Battery] = field(default_factory=dict)
    elements: dict[tuple[str, Component, str], Element] = field(default_factory=dict)
    flaws: list[Undecoded] = field(default_factory=list)
    host_serial: str = ""
    hostname: str = ""

    @property
    def empty(self) -> bool:
        return not (self.controllers or self.disks or self.volumes or self.batteries or self.elements)

    def controller(self, key: str) -> Controller:
        return self.controllers.setdefault(key, Controller(key))

    def disk(self, controller: str, key: str) -> Disk:
        return self.disks.setdefault((controller, key), Disk(controller, key))

    def volume(self, controller: str, key: str) -> Volume:
        return self.volumes.setdefault((controller, key), Volume(controller, key))

    def battery(self, controller: str, key: str = "battery") -> Battery:
        return self.batteries.setdefault((controller, key), Battery(controller, key))

    def element(self, controller: str, component: Component, key: str) -> Element:
        place = (controller, component, key)
        return self.elements.setdefault(place, Element(controller, component, key))

    def flaw(self, flaw: Flaw, message: str, at: str = "") -> None:
        if len(self.flaws) < MOST_THINGS:
            self.flaws.append(Undecoded(flaw=flaw, message=message[:190], at=at))

    def unknown(self, what: str, word: str, at: str = "") -> None:
        self.flaw(Flaw.UNKNOWN, f"{what}: {word[:60]!r} is not a word known here", at)
