"""ATA and SATA disks: attributes with their thresholds, the self-test log, wear of SSDs. Pure.

Attribute numbers mean different things with different makers, so an attribute is taken only where smartctl's drive
database gives it a name we know; what the database does not know ("Unknown_Attribute") is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hardcase_agent.domain.reading import Gap, GapReason, Limits, Number, States
from hardcase_agent.sensors.smart import measure
from hardcase_agent.sensors.smart.measure import Document, Measure

_COUNTERS: dict[int, tuple[str, re.Pattern[str]]] = {
    5: ("disk.reallocated", re.compile(r"Reallocate|Retired_Block")),
    10: ("disk.spin_retry", re.compile(r"Spin_Retry")),
    184: ("disk.end_to_end", re.compile(r"End-to-End_Error")),
    187: ("disk.reported_uncorrectable", re.compile(r"Reported_Uncorrect|Uncorrectable_E")),
    188: ("disk.command_timeout", re.compile(r"Command_Timeout")),
    197: ("disk.pending", re.compile(r"Current_Pending|Pending_Sector|Total_Pending")),
    198: ("disk.offline_uncorrectable", re.compile(r"Off-?line_(Uncorrectable|Scan_UNC)|Total_Offl_Uncorrect")),
    199: ("disk.crc_errors", re.compile(r"CRC_Err")),
}

_PLAUSIBLE = 1 << 32
"""A sector or error counter above this is packed or garbage: no disk counts that far and still answers."""

_REMAINING = re.compile(
    r"Media_Wearout_Indicator|Percent_Lifetime_(Remain|Used)|Perc_Rated_Life_Used|Wear_Leveling_Count"
    r"|SSD_Life_Left|Remaining_Lifetime_Perc|Percent_Life_Remaining"
)
"""Wear attributes whose normalised value falls from 100 (new) to 0 (worn), whatever their name says."""
_RAW_TOO = re.compile(r"SSD_Life_Left|Remaining_Lifetime_Perc|Percent_Life_Remaining")
"""Makers disagree here whether raw or normalised value counts: taken only where both say the same."""

_BYTES = re.compile(r"(?P<way>Writes|Wts|Written|Reads|Rds|Read)(_Fr\w_H\w+)?_(?P<unit>32MiB|GiB|GB)$")
_UNITS = {"32MiB": 32 << 20, "GiB": 1 << 30, "GB": 10**9}


def measures(document: Document) -> Iterator[Measure]:
    # An ATA disk's own limits (SCT) are not in the plain report: the class default judges its temperature.
    yield from measure.temperature(document, Limits())
    yield from measure.power_on(document)
    yield from measure.health(document)
    attributes = [row for row in measure.rows(document, "ata_smart_attributes", "table") if _name(row)]
    for row in attributes:
        yield from _counter(row)
    yield from _wear(document, attributes)
    yield from _volume(document, attributes)
    if attributes:
        yield Measure("disk.attributes", States(_threshold_bits(attributes)))
    yield from _self_test(document)


def _name(row: Document) -> str:
    return measure.text(row, "name")


def _raw(row: Document) -> int | None:
    """First number of the raw value as smartctl prints it: the rest is what the drive database unpacked."""
    found = re.match(r"\d+", measure.text(row, "raw", "string"))
    if found:
        return int(found[0][:20])
    value = measure.number(row, "raw", "value")
    return int(value) if value is not None and value >= 0 else None


def _counter(row: Document) -> Iterator[Measure]:
    number = measure.number(row, "id")
    quantity, names = _COUNTERS.get(int(number or 0), ("", None))
    raw = _raw(row)
    if names is None or raw is None or not names.match(re.sub(r"^(UDMA|SATA|Ultra_DMA)_", "", _name(row))):
        return
    if quantity == "disk.command_timeout":
        # Seagate packs three 16-bit counters: all, over 5 s, over 7.5 s; the lowest counts all.
        raw &= 0xFFFF
    if raw >= _PLAUSIBLE:
        yield Measure(quantity, Gap(GapReason.ERROR, f"attribute {_name(row)}: raw value {raw} is not a counter"))
    else:
        yield Measure(quantity, Number(float(raw)))


def _wear(document: Document, attributes: list[Document]) -> Iterator[Measure]:
    used = measure.endurance(document)
    if used is not None:
        yield from measure.count("disk.used", used)
        return
    if (measure.number(document, "rotation_rate") or 0) > 0:
        return
    for row in attributes:
        value = measure.number(row, "value")
        if value is None or not 0 <= value <= 100 or not _REMAINING.fullmatch(_name(row)):
            continue
        if _RAW_TOO.fullmatch(_name(row)) and _raw(row) != value:
            continue
        yield Measure("disk.used", Number(100.0 - value))
        return


def _volume(document: Document, attributes: list[Document]) -> Iterator[Measure]:
    done: set[str] = set()
    sector = measure.number(document, "logical_block_size") or 512
    for row in attributes:
        name, raw = _name(row), _raw(row)
        if raw is None or not name.startswith(("Host_", "Lifetime_", "Total_")) or "NAND" in name or "Fl" in name:
            continue
        unit = _BYTES.search(name)
        if unit:
            way, size = unit["way"], float(_UNITS[unit["unit"]])
        elif name in ("Total_LBAs_Written", "Total_LBAs_Read") and document.get("in_smartctl_database") is True:
            way, size = name.removeprefix("Total_LBAs_"), sector
        else:
            continue
        quantity = "disk.written" if way.startswith("W") else "disk.read"
        if quantity not in done:
            done.add(quantity)
            yield Measure(quantity, Number(raw * size))


def _threshold_bits(attributes: list[Document]) -> int:
    """prefailure_now, prefailure_past, old_age_now, old_age_past. Heat is judged by the temperature itself."""
    bits = 0
    for row in attributes:
        failed = measure.text(row, "when_failed").lower()
        if "temp" in _name(row).lower() or not failed.endswith(("now", "past")):
            continue
        prefailure = measure.table(row, "flags").get("prefailure") is True
        bits |= 1 << (0 if prefailure else 2) + (0 if failed.endswith("now") else 1)
    return bits


def _self_test(document: Document) -> Iterator[Measure]:
    """Newest result that concluded; status by its high nibble (ATA8-ACS 7.52): 0 passed, 3 to 8 failed."""
    for log in ("extended", "standard"):
        tests = list(measure.rows(document, "ata_smart_self_test_log", log, "table"))
        for test in tests:
            status = int(measure.number(test, "status", "value") or 0) >> 4
            if status == 0 or 3 <= status <= 8:
                yield measure.flag("disk.selftest", status != 0)
                return
        if tests:
            return
