"""The words of one disk: every quantity with label, kind and unit, and the tools to read them out of smartctl's JSON.

Used by `ata.py`, `nvme.py`, `scsi.py` and `report.py`. The words themselves are the contract in protos/README.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hardcase_agent.domain.part import Part
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Limits, Number, Reading, Sensor, States, Unit

Document = Mapping[str, Any]
"""smartctl's JSON, or a part of it; nothing in it is trusted to have the type it should have."""

_FAILING = 8
"""Bit of the exit status: the disk itself said that it is failing (smartctl(8), EXIT STATUS). Others are no health."""
IMPLAUSIBLE = (1 << 32) - (1 << 16)
"""A sector or error counter from here on is packed, garbage, or fell below nought in 32 bits (4294967290): no disk
counts that far and still answers."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One value of one disk, before it is known which disk."""

    quantity: str
    reading: Reading
    limits: Limits = Limits()


_NUMBERS: dict[str, tuple[str, Kind, Unit]] = {
    "disk.temperature": ("Temperature", Kind.TEMPERATURE, Unit.CELSIUS),
    "disk.used": ("Endurance used", Kind.PERCENTAGE, Unit.PERCENT),
    "disk.spare": ("Available spare", Kind.PERCENTAGE, Unit.PERCENT),
    "disk.reallocated": ("Reallocated sectors", Kind.COUNT, Unit.ONE),
    "disk.pending": ("Pending sectors", Kind.COUNT, Unit.ONE),
    "disk.offline_uncorrectable": ("Offline uncorrectable sectors", Kind.COUNT, Unit.ONE),
    "disk.reported_uncorrectable": ("Reported uncorrectable errors", Kind.COUNT, Unit.ONE),
    "disk.end_to_end": ("End-to-end errors", Kind.COUNT, Unit.ONE),
    "disk.command_timeout": ("Command timeouts", Kind.COUNT, Unit.ONE),
    "disk.spin_retry": ("Spin retries", Kind.COUNT, Unit.ONE),
    "disk.crc_errors": ("Interface CRC errors", Kind.COUNT, Unit.ONE),
    "disk.grown_defects": ("Grown defects", Kind.COUNT, Unit.ONE),
    "disk.media_errors": ("Media errors", Kind.COUNT, Unit.ONE),
    "disk.uncorrected_errors": ("Uncorrected errors", Kind.COUNT, Unit.ONE),
    "disk.error_log": ("Errors in the disk's log", Kind.COUNT, Unit.ONE),
    "disk.recent_uncorrectable": ("Unreadable sectors logged in the last 168 h", Kind.COUNT, Unit.ONE),
    "disk.too_hot": ("Time above its critical temperature", Kind.DURATION, Unit.SECOND),
    "disk.hours": ("Power-on time", Kind.DURATION, Unit.SECOND),
    "disk.written": ("Bytes written", Kind.COUNT, Unit.ONE),
    "disk.read": ("Bytes read", Kind.COUNT, Unit.ONE),
}

STATES: dict[str, tuple[str, tuple[str, ...]]] = {
    "disk.health": ("Overall health", ("failed",)),
    "disk.nvme_warning": (
        "Critical warning",
        ("spare_low", "temperature", "reliability_degraded", "read_only", "backup_failed", "pmr_unreliable"),
    ),
    "disk.scsi_warning": (
        "Informational exception",
        (
            "temperature",
            "enclosure_degraded",
            "selftest_failed",
            "medium_error",
            "cache_volatile",
            "spare_low",
            "worn",
            "other",
        ),
    ),
    "disk.attributes": (
        "Attributes against thresholds",
        (
            "prefailure_now",
            "prefailure_past",
            "old_age_now",
            "old_age_past",
            "worn_now",
            "temperature_now",
            "power_loss_protection_now",
        ),
    ),
    "disk.selftest": ("Newest self-test", ("failed",)),
}

ORDER = {quantity: place for place, quantity in enumerate((*_NUMBERS, *STATES))}
"""Place of each quantity in a disk's sensors: numbers before states, as in a catalogue."""


def sensor_of(measure: Measure, identity: str, part: Part) -> Sensor:
    name = f"{identity}/{measure.quantity.removeprefix('disk.')}"
    if measure.quantity in STATES:
        label, states = STATES[measure.quantity]
        return Sensor(id=name, name=label, kind=Kind.STATE, part=part, states=states, quantity=measure.quantity)
    label, kind, unit = _NUMBERS[measure.quantity]
    limits = measure.limits
    return Sensor(id=name, name=label, kind=kind, unit=unit, part=part, limits=limits, quantity=measure.quantity)


def table(document: Document, *keys: str) -> Document:
    """The object at this place, or an empty one."""
    here: Any = document
    for key in keys:
        here = here.get(key) if isinstance(here, Mapping) else None
    return here if isinstance(here, Mapping) else {}


def rows(document: Document, *keys: str) -> Iterator[Document]:
    """The objects of the list at this place."""
    found = table(document, *keys[:-1]).get(keys[-1])
    for row in found if isinstance(found, list) else ():
        if isinstance(row, Mapping):
            yield row


def number(document: Document, *keys: str) -> float | None:
    """The finite number at this place, or None."""
    found = (document if len(keys) == 1 else table(document, *keys[:-1])).get(keys[-1])
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    # 128-bit NVMe counters are far inside a double's range; an absurd integer is not.
    return float(found) if abs(found) < 1e300 and math.isfinite(found) else None


def text(document: Document, *keys: str) -> str:
    """The text at this place without doubled or outer spaces, or ""."""
    found = (document if len(keys) == 1 else table(document, *keys[:-1])).get(keys[-1])
    return " ".join(found.split()) if isinstance(found, str) else ""


def count(quantity: str, value: float | None) -> Iterator[Measure]:
    """A counter; nothing where there is none or it is below zero."""
    if value is not None and value >= 0:
        yield Measure(quantity, Number(value))


def states(quantity: str, asserted: Iterable[str]) -> Measure:
    """A state sensor of these named states."""
    names = STATES[quantity][1]
    return Measure(quantity, States(sum(1 << names.index(name) for name in set(asserted))))


def flag(quantity: str, asserted: bool) -> Measure:
    return Measure(quantity, States(1 if asserted else 0))


def temperature(document: Document, limits: Limits) -> Iterator[Measure]:
    """`temperature.current`, in Celsius. SCSI drives without a sensor print 0 or 255 with a trip point of 0."""
    current = number(document, "temperature", "current")
    if current is None or not -60 < current < 150:
        return
    if current == 0 and number(document, "temperature", "drive_trip") == 0:
        return
    yield Measure("disk.temperature", Number(current), limits)


def counter(quantity: str, value: float | None, told: str) -> Iterator[Measure]:
    """A counter of sectors or errors; one that no disk could reach is a gap. `told`: what it is called there."""
    if value is None or value < 0:
        return
    if value >= IMPLAUSIBLE:
        yield Measure(quantity, Gap(GapReason.ERROR, f"{told}: {value:.0f} is not a counter"))
    else:
        yield Measure(quantity, Number(value))


def celsius_limit(document: Document, *keys: str) -> float | None:
    """A temperature limit that can be one: 0 is how drives say that they state none."""
    value = number(document, *keys)
    return value if value is not None and 20 <= value < 150 else None


def power_on(document: Document) -> Iterator[Measure]:
    hours = number(document, "power_on_time", "hours")
    if hours is not None and hours >= 0:
        yield Measure("disk.hours", Number(hours * 3600 + (number(document, "power_on_time", "minutes") or 0) * 60))


def health(document: Document) -> Iterator[Measure]:
    passed = table(document, "smart_status").get("passed")
    if isinstance(passed, bool):
        yield flag("disk.health", not passed)
    elif int(number(document, "smartctl", "exit_status") or 0) & _FAILING:
        yield flag("disk.health", True)


def endurance(document: Document) -> float | None:
    """smartctl 7.4 and later: percentage used, from device statistics, log pages or the NVMe health log."""
    return number(document, "endurance_used", "current_percent")


@dataclass(frozen=True, slots=True)
class SelfTest:
    """One self-test that concluded."""

    failed: bool
    extended: bool
    """It read the whole medium."""


def self_test(newest_first: Iterable[SelfTest]) -> Iterator[Measure]:
    """Failed until a test of the same reach passes: a short one says nothing of what an extended one found."""
    passed = passed_extended = False
    for test in newest_first:
        if test.failed and not passed_extended and (test.extended or not passed):
            yield flag("disk.selftest", True)
            return
        passed = passed or not test.failed
        passed_extended = passed_extended or (test.extended and not test.failed)
    if passed:
        yield flag("disk.selftest", False)
