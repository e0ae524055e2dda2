"""NVMe disks: the health log (NVM Express Base 2.0, 5.16.1.3), temperature limits and the self-test log. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from hardcase_agent.domain.reading import Limits, Number, States
from hardcase_agent.sensors.smart import measure
from hardcase_agent.sensors.smart.measure import Document, Measure

_LOG = "nvme_smart_health_information_log"
_DATA_UNIT = 512_000
"""Bytes: a data unit is 1000 blocks of 512 bytes."""
_WARNINGS = (1 << len(measure.STATES["disk.nvme_warning"][1])) - 1


def measures(document: Document) -> Iterator[Measure]:
    yield from measure.temperature(document, _temperature_limits(document))
    yield from measure.power_on(document)
    warning = measure.number(document, _LOG, "critical_warning")
    bits = None if warning is None or warning < 0 else int(warning) & _WARNINGS
    if not bits:
        # smartctl says FAILED for any bit, also for heat: where there are bits, each is judged as what it says.
        yield from measure.health(document)
    else:
        yield measure.flag("disk.health", False)
    yield from measure.count("disk.used", measure.number(document, _LOG, "percentage_used"))
    yield from _spare(document)
    yield from measure.counter("disk.media_errors", measure.number(document, _LOG, "media_errors"), "media errors")
    hot = measure.number(document, _LOG, "critical_comp_time")
    yield from measure.count("disk.too_hot", None if hot is None else hot * 60)
    for quantity, key in (("disk.written", "data_units_written"), ("disk.read", "data_units_read")):
        units = measure.number(document, _LOG, key)
        yield from measure.count(quantity, None if units is None else units * _DATA_UNIT)
    if bits is not None:
        yield Measure("disk.nvme_warning", States(bits))
    yield from _self_test(document)


def _temperature_limits(document: Document) -> Limits:
    """WCTEMP and CCTEMP; smartctl prints them in JSON since 7.4, under two names."""
    warning = measure.celsius_limit(document, "nvme_composite_temperature_threshold", "warning")
    critical = measure.celsius_limit(document, "nvme_composite_temperature_threshold", "critical")
    warning = warning or measure.celsius_limit(document, "temperature", "op_limit_max")
    critical = critical or measure.celsius_limit(document, "temperature", "critical_limit_max")
    if warning is None and critical is None:
        return Limits()
    return Limits(upper_non_critical=warning, upper_critical=critical, source="smart")


def _spare(document: Document) -> Iterator[Measure]:
    spare = measure.number(document, _LOG, "available_spare")
    threshold = measure.number(document, _LOG, "available_spare_threshold")
    if spare is None or not 0 <= spare <= 100:
        return
    if spare == 0 and threshold == 0 and measure.number(document, _LOG, "percentage_used") == 0:
        return  # a log that the device left empty (QEMU): no spare is left of a disk that was never used
    # A threshold of 0 states none, one of 100 cannot be met by a healthy disk.
    stated = threshold is not None and 0 < threshold < 100
    limits = Limits(lower_critical=threshold, source="smart") if stated else Limits()
    yield Measure("disk.spare", Number(spare), limits)


def _self_test(document: Document) -> Iterator[Measure]:
    """0 passed, 5 to 7 failed; the rest were ended from outside (figure 205). Code 2 is the extended test."""
    tests = []
    for test in measure.rows(document, "nvme_self_test_log", "table"):
        result = measure.number(test, "self_test_result", "value")
        if result == 0 or result in (5, 6, 7):
            tests.append(measure.SelfTest(result != 0, measure.number(test, "self_test_code", "value") == 2))
    yield from measure.self_test(tests)
