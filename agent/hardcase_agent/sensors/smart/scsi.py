"""SAS and SCSI disks: grown defects, error counters, endurance, self-tests (SPC-5, SBC-4 log pages). Pure."""

from __future__ import annotations

from collections.abc import Iterator

from hardcase_agent.domain.reading import Limits
from hardcase_agent.sensors.smart import measure
from hardcase_agent.sensors.smart.measure import Document, Measure

_SELF_TESTS = 20
"""Results in the self-test log page (SPC-5 7.3.18)."""


def measures(document: Document) -> Iterator[Measure]:
    trip = measure.celsius_limit(document, "temperature", "drive_trip")
    yield from measure.temperature(document, Limits(upper_critical=trip, source="smart") if trip else Limits())
    yield from measure.power_on(document)
    yield from measure.health(document)
    yield from measure.count("disk.grown_defects", measure.number(document, "scsi_grown_defect_list"))
    yield from measure.count("disk.uncorrected_errors", _uncorrected(document))
    used = measure.endurance(document)
    if used is None:
        used = measure.number(document, "scsi_percentage_used_endurance_indicator")
    yield from measure.count("disk.used", used)
    for quantity, way in (("disk.written", "write"), ("disk.read", "read")):
        yield from measure.count(quantity, _bytes(document, way))
    yield from _self_test(document)


def _uncorrected(document: Document) -> float | None:
    counts = [
        measure.number(document, "scsi_error_counter_log", way, "total_uncorrected_errors")
        for way in ("read", "write", "verify")
    ]
    known = [value for value in counts if value is not None]
    return sum(known) if known else None


def _bytes(document: Document, way: str) -> float | None:
    """`gigabytes_processed` is printed as text, in units of 10^9 bytes."""
    printed = measure.text(document, "scsi_error_counter_log", way, "gigabytes_processed")
    try:
        return round(float(printed) * 1e9) if printed else None
    except (ValueError, OverflowError):
        return None


def _self_test(document: Document) -> Iterator[Measure]:
    """Newest result that concluded: 0 passed, 3 to 7 failed, 1 and 2 aborted, 15 running."""
    for index in range(_SELF_TESTS):
        result = measure.number(document, f"scsi_self_test_{index}", "result", "value")
        if result == 0 or result in (3, 4, 5, 6, 7):
            yield measure.flag("disk.selftest", result != 0)
            return
