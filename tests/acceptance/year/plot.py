"""What goes wrong in the year, decided beforehand from a seed: faults, storms, maintenance, drills. Times are ms."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from hardcase_collector.domain.finding import Severity

from tests.acceptance.year.fleet import BEGINS, Machine

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START_MS = int(datetime(BEGINS.year, BEGINS.month, BEGINS.day, tzinfo=UTC).timestamp()) * 1000
FAULTS = 300
STORM_MACHINES = 12


class Cure(StrEnum):
    """What makes a fault go away."""

    PART = "part"
    VISIT = "visit"
    ITSELF = "itself"


@dataclass(frozen=True, slots=True)
class Kind:
    fault_class: str
    component: str
    group: str
    severity: Severity
    cure: Cure
    soak_s: int
    slots: tuple[str, ...]


KINDS = (
    Kind("disk.failed", "disk", "disk", Severity.MAJOR, Cure.PART, 1800, ("Bay 1", "Bay 2", "Bay 3", "Bay 4")),
    Kind("disk.predicted", "disk", "disk", Severity.MINOR, Cure.PART, 1800, ("Bay 5", "Bay 6")),
    Kind("psu.failed", "psu", "psu", Severity.MAJOR, Cure.PART, 600, ("PSU1", "PSU2")),
    Kind("psu.input_lost", "psu", "psu", Severity.MAJOR, Cure.ITSELF, 600, ("PSU1", "PSU2")),
    Kind("fan.failed", "fan", "fan", Severity.MAJOR, Cure.PART, 600, ("FAN1", "FAN2", "FAN3")),
    Kind("memory.uncorrectable", "memory", "memory", Severity.CRITICAL, Cure.PART, 3600, ("A1", "B1")),
    Kind("thermal.critical", "thermal", "thermal", Severity.CRITICAL, Cure.VISIT, 900, ("Inlet",)),
)
INPUT_LOST = KINDS[3]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, from `at_ms` on. `lasts_ms`: for those that go away by themselves."""

    number: int
    machine: int
    kind: Kind
    slot: str
    at_ms: int
    lasts_ms: int = 0
    storm: int = 0
    unseen: bool = False
    """It comes and goes within maintenance: nobody is to hear of it."""

    @property
    def place(self) -> tuple[int, str, str]:
        return self.machine, self.kind.component, self.slot


@dataclass(frozen=True, slots=True)
class Maintenance:
    site: str
    from_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Plot:
    faults: tuple[Fault, ...]
    maintenance: tuple[Maintenance, ...]
    drills_ms: tuple[int, ...]
    restarts_ms: tuple[int, ...]
    calendar_known_ms: int
    deliveries_ms: tuple[int, ...]
    come_back: frozenset[int]
    """Numbers of faults whose repair does not hold."""
    ends_ms: int


def plot(fleet: list[Machine], rng: random.Random) -> Plot:
    maintenance = tuple(
        Maintenance(site, at, at + 4 * HOUR)
        for month, site in ((2, "beijing"), (5, "berlin"), (9, "chengdu"))
        for at in (START_MS + month * 30 * DAY + 22 * HOUR,)
    )
    faults: list[Fault] = []
    for storm, month in ((1, 3), (2, 8)):
        faults += _storm(fleet, storm, START_MS + month * 30 * DAY + 5 * HOUR, len(faults))
    for one in maintenance:
        faults += _in_maintenance(fleet, one, len(faults))
    busy = {(fault.place, fault.at_ms // (30 * DAY)) for fault in faults}
    while sum(not fault.unseen for fault in faults) < FAULTS:
        fault = _fault(fleet, rng, len(faults) + 1)
        # Far enough apart in one place that each is a fault of its own; some come back within the reopen window.
        month = fault.at_ms // (30 * DAY)
        near = {(fault.place, month + off) for off in (-1, 0, 1)}
        if near & busy or _maintained(fleet, fault, maintenance):
            continue
        busy.add((fault.place, month))
        faults.append(fault)
    return Plot(
        faults=tuple(sorted(faults, key=lambda fault: fault.at_ms)),
        maintenance=maintenance,
        drills_ms=tuple(START_MS + month * 30 * DAY + 9 * HOUR for month in (1, 4, 7, 10)),
        restarts_ms=(START_MS + 100 * DAY + 1234, START_MS + 250 * DAY + 4321),
        calendar_known_ms=START_MS + 140 * DAY,
        deliveries_ms=tuple(START_MS + month * 31 * DAY for month in range(1, 13)),
        come_back=frozenset(
            fault.number
            for fault in faults[60::40]
            if fault.kind.cure is Cure.PART and fault.at_ms < START_MS + 330 * DAY
        ),
        ends_ms=START_MS + 395 * DAY,
    )


def _fault(fleet: list[Machine], rng: random.Random, number: int) -> Fault:
    kind = rng.choice(KINDS)
    at_ms = START_MS + DAY + rng.randrange(360 * DAY)
    lasts = rng.randrange(20 * MINUTE, 9 * HOUR) if kind.cure is Cure.ITSELF else 0
    return Fault(number, rng.randrange(len(fleet)), kind, rng.choice(kind.slots), at_ms, lasts)


def _storm(fleet: list[Machine], storm: int, at_ms: int, before: int) -> list[Fault]:
    """A rack loses a feed: the same supply of every machine in it."""
    site = fleet[storm].site
    rack = [at for at, one in enumerate(fleet) if one.rack == f"R{storm:02d}" and one.site == site][:STORM_MACHINES]
    return [
        Fault(before + nth + 1, at, INPUT_LOST, "PSU1", at_ms + nth * 700, 2 * HOUR, storm=storm)
        for nth, at in enumerate(rack)
    ]


def _in_maintenance(fleet: list[Machine], one: Maintenance, before: int) -> list[Fault]:
    """Three come and go while people are at work, one stays."""
    here = [at for at, machine in enumerate(fleet) if machine.site == one.site][20:24]
    return [
        Fault(before + nth + 1, at, INPUT_LOST, "PSU2", one.from_ms + (nth + 1) * 10 * MINUTE,
              8 * HOUR if nth == 3 else HOUR, unseen=nth != 3)
        for nth, at in enumerate(here)
    ]  # fmt: skip


def _maintained(fleet: list[Machine], fault: Fault, maintenance: tuple[Maintenance, ...]) -> bool:
    site = fleet[fault.machine].site
    return any(one.site == site and one.from_ms - HOUR <= fault.at_ms < one.until_ms + HOUR for one in maintenance)
