"""What an ATA attribute means, by the name the drive database gives it. Pure; used by `ata.py`.

Names are those of smartmontools' drivedb.h up to 2025, with its variants by maker and controller. A number alone says
nothing: 201 is soft read errors with one maker and the state of a capacitor with another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

from hardcase_agent.domain.reading import Gap, GapReason, Limits, Number
from hardcase_agent.sensors.smart import measure
from hardcase_agent.sensors.smart.measure import Document, Measure


class Meaning(Enum):
    """Meanings with a pattern of the names they go by, the surest name first."""

    REALLOCATED = (
        r"Reallocated_Sector_(Ct|Count)|Reallocate_NAND_Blk_Cnt|Retired_Block_Count|Grown_Failing_Block_Ct"
        r"|Grown_Bad_Block(s|_Ct)|Later_Bad_Block(_Count)?"
    )
    PENDING = r"(Current_|Total_)?Pending_(Sectors?|Sector_Count|ECC_Cnt)"
    OFFLINE = r"Off-?line_Uncorrectable|Offline_Scan_UNC_Sect(or)?_Ct|Total_Offl_Uncorrectabl|Uncorrectable_Sector_Ct"
    REPORTED = (
        r"Reported_Uncorrect|Reported_UE_Counts|Uncorrectable_Error_(Cnt|Ct)|Uncorrectable_ECC_Ct|Uncor_Read_Error_Ct"
        r"|Lifetime_UECC_Ct"
    )
    END_TO_END = r"End-to-End_Error(_Count)?|End_to_End_Err_Detect|IO_Error_Detect_Code_Ct"
    TIMEOUT = r"Command_Timeout"
    SPIN_RETRY = r"Spin_Retry_Count"
    CRC = r"((UDMA|SATA|Ultra_DMA|Interface)_)?CRC_Err(or)?(_Count|_Rate|_Cnt)?"
    TEMPERATURE = (
        r"Temperature_Celsius|Temperature_Internal|Drive_Temperature|Airflow_Temperature_Cel|Temperature_Case"
        r"|Case_Temperature|Internal_Temperature"
    )
    HOURS = r"Power_On_(Hours(_and_Msec)?|Minutes|Half_Minutes|Seconds)"
    """smartctl prints each of them in hours."""
    WEAR = (
        r"Media_Wearout_Indicator|Percent_Lifetime_(Remain|Used)|Perc_Rated_Life_(Used|Remain)|Wear_Leveling_Count"
        r"|SSD_Life_Left(_Perc)?|SSD_LifeLeft\(0\.01%\)|Remaining_Lifetime_Perc|Percent_Life_Remaining|Lifetime_Left"
        r"|Drive_Life_Remaining%|Remaining_Life"
    )
    """The normalised value falls from 100 (new) to 0 (worn), whatever the name says."""
    SPARE = (
        r"Perc_Avail_Resrvd_Space|Available_Reservd_Space|Reserved_Block_Pct|Spares_Remaining_Perc"
        r"|Unused_Rsvd_Blk_Cnt_Tot"
    )
    POWER_LOSS_PROTECTION = (
        r"Power_Loss_Cap_Test|Capacitor_Health|Super-?[Cc]ap_(Health|Status)|Power_Fail_Health|PLP_Failure"
        r"|PwrLoss_ProtectionFail"
    )

    def __init__(self, names: str) -> None:
        self.names = re.compile(names)


_COUNTERS: tuple[tuple[str, Meaning, bool], ...] = (
    ("disk.reallocated", Meaning.REALLOCATED, False),
    ("disk.pending", Meaning.PENDING, False),
    ("disk.offline_uncorrectable", Meaning.OFFLINE, False),
    ("disk.reported_uncorrectable", Meaning.REPORTED, False),
    ("disk.end_to_end", Meaning.END_TO_END, True),
    ("disk.command_timeout", Meaning.TIMEOUT, True),
    ("disk.spin_retry", Meaning.SPIN_RETRY, True),
    ("disk.crc_errors", Meaning.CRC, False),
)
"""Quantity, meaning, and whether makers pack several 16-bit counters into it, the lowest of which counts all.

Seagate's command timeouts: all, over 5 s, over 7.5 s.
"""
_RAW_TOO = re.compile(r"SSD_Life_Left|Remaining_Lifetime_Perc|Percent_Life_Remaining|Lifetime_Left|Remaining_Life")
"""Makers disagree here whether raw or normalised value counts: taken only where both say the same."""
_BYTES = re.compile(r"(?P<way>Writes|Wts|Written|Reads|Rds|Read)(_Fr\w_H\w+)?_(?P<unit>32MiB|GiB|GB)$")
_UNITS = {"32MiB": 32 << 20, "GiB": 1 << 30, "GB": 10**9}

_PHANTOM_PENDING = re.compile(r"(Crucial_)?CT\d+(MX500|BX500)SSD\d")
"""These show one pending sector for minutes at a time that no read ever finds; the database calls it bogus by now."""
_HEAT = re.compile(r"temp", re.I)


def name(row: Document) -> str:
    return measure.text(row, "name")


def raw(row: Document) -> int | None:
    """First number of the raw value as smartctl prints it: the rest is what the drive database unpacked."""
    found = re.match(r"\d+", measure.text(row, "raw", "string"))
    if found:
        return int(found[0][:20])
    value = measure.number(row, "raw", "value")
    return int(value) if value is not None and value >= 0 else None


def first(rows: list[Document], meaning: Meaning) -> float | None:
    """Raw value of the attribute with the surest name of this meaning."""
    row = _first(rows, meaning)
    value = None if row is None else raw(row)
    return None if value is None else float(value)


def counters(document: Document, rows: list[Document]) -> Iterator[Measure]:
    for quantity, meaning, packed in _COUNTERS:
        row = _first(rows, meaning)
        value = None if row is None else raw(row)
        if row is None or value is None:
            continue
        if packed:
            value &= 0xFFFF
        phantom = meaning is Meaning.PENDING and _PHANTOM_PENDING.match(measure.text(document, "model_name"))
        if phantom and value == 1:
            yield Measure(quantity, Gap(GapReason.ERROR, "this model shows one pending sector that does not exist"))
        else:
            yield from measure.counter(quantity, float(value), f"attribute {name(row)}")


def wear(document: Document, rows: list[Document]) -> Iterator[Measure]:
    used = measure.endurance(document)
    if used is not None:
        yield from measure.count("disk.used", used)
        return
    if (measure.number(document, "rotation_rate") or 0) > 0:
        return
    for row in rows:
        value = measure.number(row, "value")
        if value is None or not 0 <= value <= 100 or not Meaning.WEAR.names.fullmatch(name(row)):
            continue
        if _RAW_TOO.fullmatch(name(row)) and raw(row) != value:
            continue
        yield Measure("disk.used", Number(100.0 - value))
        return


def spare(rows: list[Document]) -> Iterator[Measure]:
    """Reserve blocks of an SSD in percent, where the maker states the threshold."""
    for row in rows:
        value, threshold = measure.number(row, "value"), measure.number(row, "thresh")
        if value is None or threshold is None or not Meaning.SPARE.names.fullmatch(name(row)):
            continue
        if 0 <= value <= 100 and 0 < threshold < 50:
            # At the threshold the attribute has failed (ATA8-ACS 7.52); one above it, the spare has not.
            yield Measure("disk.spare", Number(value), Limits(lower_critical=threshold, source="smart"))
            return


def volume(document: Document, rows: list[Document]) -> Iterator[Measure]:
    done: set[str] = set()
    sector = measure.number(document, "logical_block_size") or 512
    for row in rows:
        label, value = name(row), raw(row)
        if value is None or not label.startswith(("Host_", "Lifetime_", "Total_")) or "NAND" in label or "Fl" in label:
            continue
        unit = _BYTES.search(label)
        if unit:
            way, size = unit["way"], float(_UNITS[unit["unit"]])
        elif label in ("Total_LBAs_Written", "Total_LBAs_Read") and document.get("in_smartctl_database") is True:
            way, size = label.removeprefix("Total_LBAs_"), sector
        else:
            continue
        quantity = "disk.written" if way.startswith("W") else "disk.read"
        if quantity not in done:
            done.add(quantity)
            yield Measure(quantity, Number(value * size))


def thresholds(rows: list[Document]) -> Iterator[str]:
    """States of `disk.attributes`: what stands at or below the maker's threshold now, or did once, by what it means."""
    for row in rows:
        failed = measure.text(row, "when_failed").lower()
        if not failed.endswith(("now", "past")):
            continue
        now = failed.endswith("now")
        prefailure = "prefailure" if measure.table(row, "flags").get("prefailure") is True else "old_age"
        if _is_heat(row):
            kind = "temperature" if now else ""
        elif now and Meaning.WEAR.names.fullmatch(name(row)):
            kind = "worn"
        elif now and Meaning.POWER_LOSS_PROTECTION.names.fullmatch(name(row)):
            kind = "power_loss_protection"
        else:
            kind = prefailure
        if kind:
            yield f"{kind}_{'now' if now else 'past'}"


def _is_heat(row: Document) -> bool:
    """190 and 194 are temperatures with every maker that has them, also where the database knows no name."""
    label = name(row)
    return bool(_HEAT.search(label)) or (label.startswith("Unknown") and measure.number(row, "id") in (190, 194))


def _first(rows: list[Document], meaning: Meaning) -> Document | None:
    """The row whose name stands earliest in the pattern; of equals the first."""
    found = [row for row in rows if meaning.names.fullmatch(name(row))]
    return found[0] if found else None
