"""SAS and SCSI disks: informational exceptions, defects, error counters, endurance, self-tests (SPC-5, SBC-4). Pure."""

from __future__ import annotations

from collections.abc import Iterator

from hardcase_agent.domain.reading import Limits
from hardcase_agent.sensors.smart import measure
from hardcase_agent.sensors.smart.measure import Document, Measure, table

_SELF_TESTS = 20
"""Results in the self-test log page (SPC-5 7.3.18)."""

_WARNING, _PREDICTION = 0x0B, 0x5D
"""Additional sense codes of an informational exception (SPC-5 annex F): a warning, a predicted failure."""
_WARNINGS = {
    0x01: "temperature",
    0x02: "enclosure_degraded",
    0x03: "selftest_failed",
    0x04: "medium_error",
    0x05: "medium_error",
    0x06: "cache_volatile",
    0x07: "cache_volatile",
    0x08: "cache_volatile",
    0x0A: "temperature",
    0x0B: "temperature",
    0x0C: "temperature",
    0x0D: "temperature",
}
_PREDICTIONS = {0x03: "spare_low", 0x73: "worn"}
"""What is no broken part but used up; all other qualifiers name the part that is about to fail."""
_TEST = 0xFF
"""FAILURE PREDICTION THRESHOLD EXCEEDED (FALSE): the drive was told to rehearse (mode page 1Ch, TEST bit)."""
_LENGTH_IN_BYTES = ((7, 0), (7, 1))
"""These smartctl print the length of the grown list in JSON, not its elements (fixed in 7.2)."""
_DEFECT_BYTES, _SHORT_DEFECT_BYTES = 8, 4
"""One defect in all formats but the short block format (SBC-4 6.2)."""


def measures(document: Document) -> Iterator[Measure]:
    trip = measure.celsius_limit(document, "temperature", "drive_trip")
    trip = trip or measure.celsius_limit(document, "scsi_temperature", "drive_trip")
    limits = Limits(upper_critical=trip, source="smart") if trip else Limits()
    # Drives with the environmental reporting page (SPC-5 7.3.7) tell it there, and some there alone.
    reported = table(document, "scsi_environmental_reports", "temperature_1")
    told = document if "temperature" in document else {"temperature": reported}
    yield from measure.temperature(told, limits)
    yield from measure.power_on(document)
    yield from _health(document)
    yield from measure.counter("disk.grown_defects", _grown(document), "grown defect list")
    yield from measure.counter("disk.uncorrected_errors", _uncorrected(document), "uncorrected errors")
    pending = measure.number(document, "scsi_pending_defects", "count")
    yield from measure.counter("disk.pending", pending, "pending defects")
    used = measure.endurance(document)
    if used is None:
        used = measure.number(document, "scsi_percentage_used_endurance_indicator")
    yield from measure.count("disk.used", used)
    for quantity, way in (("disk.written", "write"), ("disk.read", "read")):
        yield from measure.count(quantity, _bytes(document, way))
    yield from _self_test(document)


def _health(document: Document) -> Iterator[Measure]:
    """smartctl says "not passed" of every exception, also of heat and of a rehearsal: told apart by their codes."""
    asc = measure.number(document, "smart_status", "scsi", "asc")
    ascq = measure.number(document, "smart_status", "scsi", "ascq")
    if asc is None or ascq is None:
        yield from measure.health(document)
        return
    told = _WARNINGS.get(int(ascq), "other") if asc == _WARNING else ""
    if asc == _PREDICTION:
        told = _PREDICTIONS.get(int(ascq), "")
    failing = asc == _PREDICTION and not told and ascq != _TEST
    yield measure.flag("disk.health", failing)
    yield measure.states("disk.scsi_warning", [told] if told else [])


def _grown(document: Document) -> float | None:
    value = measure.number(document, "scsi_grown_defect_list")
    version = table(document, "smartctl").get("version")
    if value is None or table(document, "smartctl").get("text") is True or not isinstance(version, list):
        return value
    if tuple(version) not in _LENGTH_IN_BYTES:
        return value
    return value // (_DEFECT_BYTES if value % _DEFECT_BYTES == 0 else _SHORT_DEFECT_BYTES)


def _uncorrected(document: Document) -> float | None:
    counts = [
        measure.number(document, "scsi_error_counter_log", way, "total_uncorrected_errors")
        for way in ("read", "write", "verify")
    ]
    known = [value for value in counts if value is not None]
    return sum(known) if known else None


def _bytes(document: Document, way: str) -> float | None:
    """`gigabytes_processed` is printed as text, in units of 10^9 bytes."""
    printed = measure.text(document, "scsi_error_counter_log", way, "gigabytes_processed").replace(",", ".")
    try:
        return round(float(printed) * 1e9) if printed else None
    except (ValueError, OverflowError):
        return None


def _self_test(document: Document) -> Iterator[Measure]:
    """0 passed, 3 to 7 failed, 1 and 2 aborted, 15 running. Codes 2 and 6 are the extended tests."""
    tests = []
    for index in range(_SELF_TESTS):
        test = table(document, f"scsi_self_test_{index}")
        result = measure.number(test, "result", "value")
        if result == 0 or result in (3, 4, 5, 6, 7):
            words = measure.text(test, "code", "string").lower()
            extended = measure.number(test, "code", "value") in (2, 6) or "long" in words or "extended" in words
            tests.append(measure.SelfTest(result != 0, extended))
    yield from measure.self_test(tests)
