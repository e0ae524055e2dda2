"""ATA and SATA disks: attributes with their thresholds, error and self-test logs, wear of SSDs. Pure.

Attribute numbers mean different things with different makers, so an attribute is taken by the name that smartctl's
drive database gives it (`attributes.py`); what the database does not know ("Unknown_Attribute") is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hardcase_agent.domain.reading import Limits, Number
from hardcase_agent.sensors.smart import attributes, measure
from hardcase_agent.sensors.smart.attributes import Attribute, Meaning
from hardcase_agent.sensors.smart.measure import Document, Measure

_EXTENDED = re.compile(r"extended", re.I)
"""Tests that read the whole medium; what a maker's own (0xff) reads is not told."""
_SELF_TEST_EXTENDED = (0x02, 0x82)
RECENT_HOURS = 168
"""An unreadable sector logged within a week of the disk's own time is today's matter; older ones are history."""
_UNREADABLE = re.compile(r"\bUNC\b")
_LONGEST_LIFE = 30 * 8766
"""Hours: who says more counts in another unit."""


def measures(document: Document) -> Iterator[Measure]:
    rows = attributes.read(document)
    # An ATA disk's own limits (SCT) are left alone: many state their present temperature or nought.
    yield from _temperature(document, rows)
    hours = _hours(document, rows)
    if hours is not None:
        yield Measure("disk.hours", Number(hours * 3600))
    yield from measure.health(document)
    yield from attributes.counters(document, rows) if rows else _farm(document)
    yield from _statistics(document, rows)
    yield from attributes.wear(document, rows)
    yield from attributes.spare(rows)
    yield from attributes.volume(document, rows)
    if rows:
        yield measure.states("disk.attributes", attributes.thresholds(rows))
    yield from _errors(document, hours)
    yield from _self_test(document)


_FARM = {
    "disk.reallocated": "number_of_reallocated_sectors",
    "disk.pending": "number_of_reallocated_candidate_sectors",
    "disk.reported_uncorrectable": "number_of_unrecoverable_read_errors",
    "disk.spin_retry": "attr_spin_retry_count",
    "disk.end_to_end": "number_of_ioedc_errors",
    "disk.command_timeout": "command_time_out_count_total",
    "disk.crc_errors": "total_crc_errors",
}


def _farm(document: Document) -> Iterator[Measure]:
    """Seagate's own log (smartctl 7.4, -l farm), where it is all that was asked for."""
    for quantity, key in _FARM.items():
        value = measure.number(document, "seagate_farm_log", "page_3_error_statistics", key)
        yield from measure.counter(quantity, value, key)


_ERROR_STATISTICS, _REPORTED = 4, 8
"""Page of general errors, and the offset of "Number of Reported Uncorrectable Errors" in it (ACS-4, 9.5.5)."""


def _statistics(document: Document, rows: list[Attribute]) -> Iterator[Measure]:
    """What the disk counts in its device statistics and in no attribute: most SSDs, and every disk of some makers."""
    told = attributes.first(rows, Meaning.REPORTED)
    if (told is not None and told.raw is not None) or (not rows and "seagate_farm_log" in document):
        return
    for page in measure.rows(document, "ata_device_statistics", "pages"):
        if measure.number(page, "number") != _ERROR_STATISTICS:
            continue
        for row in measure.rows(page, "table"):
            if measure.number(row, "offset") == _REPORTED and measure.table(row, "flags").get("valid") is not False:
                value = measure.number(row, "value")
                yield from measure.counter("disk.reported_uncorrectable", value, "device statistics")
                return


def _temperature(document: Document, rows: list[Attribute]) -> Iterator[Measure]:
    told = list(measure.temperature(document, Limits()))
    if told:
        yield from told
        return
    row = attributes.first(rows, Meaning.TEMPERATURE)
    if row is None or row.raw is None:
        return
    # Packed with the lowest and highest where the database did not unpack it.
    value = row.raw if row.raw < 256 else row.raw & 0xFF
    if 0 < value < 110:
        yield Measure("disk.temperature", Number(float(value)))


def _hours(document: Document, rows: list[Attribute]) -> float | None:
    told = [entry for entry in measure.power_on(document) if isinstance(entry.reading, Number)]
    hours = told[0].reading.value / 3600 if told and isinstance(told[0].reading, Number) else None
    if hours is None and not rows:
        hours = measure.number(document, "seagate_farm_log", "page_1_drive_information", "poh")
    elif hours is None:
        row = attributes.first(rows, Meaning.HOURS)
        hours = float(row.raw) if row is not None and row.raw is not None else None
    return hours if hours is not None and 0 <= hours <= _LONGEST_LIFE else None


def _errors(document: Document, hours: float | None) -> Iterator[Measure]:
    """Every refused command stands in the log, so that its length is no fault; unreadable sectors are told apart."""
    for log in ("extended", "summary"):
        count = measure.number(document, "ata_smart_error_log", log, "count")
        if count is None:
            continue
        yield from measure.counter("disk.error_log", count, "error log")
        if hours is not None:
            recent = 0
            for row in measure.rows(document, "ata_smart_error_log", log, "table"):
                at = measure.number(row, "lifetime_hours")
                unreadable = _UNREADABLE.search(measure.text(row, "error_description"))
                recent += bool(unreadable and at is not None and 0 <= hours - at <= RECENT_HOURS)
            yield Measure("disk.recent_uncorrectable", Number(float(recent)))
        return


def _self_test(document: Document) -> Iterator[Measure]:
    """Status by its high nibble (ATA8-ACS 7.52): 0 passed, 3 to 8 failed; the rest was ended from outside or runs."""
    for log in ("extended", "standard"):
        tests = []
        for row in measure.rows(document, "ata_smart_self_test_log", log, "table"):
            status = int(measure.number(row, "status", "value") or 0) >> 4
            if status == 0 or 3 <= status <= 8:
                extended = measure.number(row, "type", "value") in _SELF_TEST_EXTENDED
                extended = extended or _EXTENDED.match(measure.text(row, "type", "string")) is not None
                tests.append(measure.SelfTest(status != 0, extended))
        if tests:
            yield from measure.self_test(tests)
            return
