"""What an ATA attribute means, by the name the drive database gives it. Pure; used by `ata.py`.

Names are those of smartmontools' drivedb.h up to 2025, with its variants by maker and controller. A number alone says
nothing: 201 is soft read errors with one maker and the state of a capacitor with another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

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
    )
    """Not Lifetime_UECC_Ct: it also counts what the drive's own redundancy recovered."""
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
"""Quantity, meaning, and whether makers pack several 16-bit counters into it, the lowest of which counts most.

Seagate's command timeouts: all, over 5 s, over 7.5 s.
"""
_RAW_TOO = re.compile(r"SSD_Life_Left|Remaining_Lifetime_Perc|Percent_Life_Remaining|Lifetime_Left|Remaining_Life")
"""Makers disagree here whether raw or normalised value counts: taken only where both say the same."""
_USED_UP = 1
"""A normalised value does not fall below 1 with most makers."""
_WESTERN_DIGITAL_WEAR = 230
"""Its normalised value climbs with use (2 = 2 %) with some firmware and stands at 100 with other. The lowest word of
the raw value has per cents in one byte and their hundredths in the other, and the third word about the same again."""
_BYTES = re.compile(r"(?P<way>Writes|Wts|Written|Reads|Rds|Read)(_Fr\w_H\w+)?_(?P<unit>32MiB|GiB|GB)$")
_UNITS = {"32MiB": 32 << 20, "GiB": 1 << 30, "GB": 10**9}

_PHANTOM_PENDING = re.compile(r"(Crucial_)?CT\d+MX500SSD\d")
"""It shows one pending sector for minutes at a time that no read ever finds; the database calls it bogus by now."""
_HEAT = re.compile(r"temp", re.I)
_ONE_WORD = 0xFFFF
_DIGITS = re.compile(r"\d{1,20}")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,12}")


@dataclass(frozen=True, slots=True)
class Attribute:
    """One row of the table, with what its name means."""

    number: float | None
    name: str
    meanings: frozenset[Meaning]
    raw: int | None
    """First number of the raw value as smartctl prints it: the rest is what the drive database unpacked."""
    value: float | None
    """Normalised; higher is better."""
    threshold: float | None
    failed: str
    """ "now", "past" or ""."""
    prefailure: bool

    @property
    def is_heat(self) -> bool:
        """190 and 194 are temperatures with every maker that has them, also where the database knows no name."""
        return bool(_HEAT.search(self.name)) or (self.name.startswith("Unknown") and self.number in (190, 194))


def read(document: Document) -> list[Attribute]:
    """The rows that have a name."""
    rows = measure.rows(document, "ata_smart_attributes", "table")
    return [_attribute(row, name) for row in rows if (name := measure.text(row, "name"))]


def _attribute(row: Document, name: str) -> Attribute:
    failed = measure.text(row, "when_failed").lower()
    return Attribute(
        number=measure.number(row, "id"),
        name=name,
        meanings=_meanings(name[:60]),
        raw=_raw(row),
        value=measure.number(row, "value"),
        threshold=measure.number(row, "thresh"),
        failed=next((word for word in ("now", "past") if failed.endswith(word)), ""),
        prefailure=measure.table(row, "flags").get("prefailure") is True,
    )


@lru_cache(maxsize=2048)
def _meanings(name: str) -> frozenset[Meaning]:
    return frozenset(meaning for meaning in Meaning if meaning.names.fullmatch(name))


def _raw(row: Document) -> int | None:
    printed = measure.text(row, "raw", "string")
    found = _DIGITS.match(printed)
    value = measure.number(row, "raw", "value")
    if found is None:
        return int(value) if value is not None and value >= 0 else None
    if value is not None and value <= _ONE_WORD and found[0] == printed:
        # Nothing is packed into one word, so that both are the same number; of a document that was edited, the worse.
        return max(int(found[0]), int(value))
    return int(found[0])


def first(rows: list[Attribute], meaning: Meaning) -> Attribute | None:
    return next((row for row in rows if meaning in row.meanings), None)


def counters(document: Document, rows: list[Attribute]) -> Iterator[Measure]:
    for quantity, meaning, packed in _COUNTERS:
        row = first(rows, meaning)
        if row is None or row.raw is None:
            continue
        value = _lowest_word(row.raw) if packed else row.raw
        phantom = meaning is Meaning.PENDING and _PHANTOM_PENDING.match(measure.text(document, "model_name"))
        if phantom and value == 1:
            yield Measure(quantity, Gap(GapReason.ERROR, "this model shows one pending sector that does not exist"))
        else:
            yield from measure.counter(quantity, float(value), f"attribute {row.name}")


def _lowest_word(value: int) -> int:
    """Lowest 16-bit counter that is not nought: HGST counts spin retries in the second (65536 is one)."""
    value &= (1 << 48) - 1
    while value and not value & 0xFFFF:
        value >>= 16
    return value & 0xFFFF


def wear(document: Document, rows: list[Attribute]) -> Iterator[Measure]:
    """Per cent of what the maker rated. Device statistics tell it in one byte that wraps with some makers (292 is 36):
    an attribute that is used up counts then."""
    used = measure.endurance(document)
    if (measure.number(document, "rotation_rate") or 0) > 0:
        yield from measure.count("disk.used", used)
        return
    for row in rows:
        if row.value is None or Meaning.WEAR not in row.meanings:
            continue
        if row.number == _WESTERN_DIGITAL_WEAR:
            used = _western_digital(document) if used is None else used
            continue
        if not 0 <= row.value <= 100:
            continue
        if _RAW_TOO.fullmatch(row.name) and row.raw != row.value:
            continue
        if used is None or (row.value <= _USED_UP and used < 100 - row.value):
            used = 100.0 - row.value
        break
    yield from measure.count("disk.used", used)


def _western_digital(document: Document) -> float | None:
    """None where the raw value is of another form."""
    for row in measure.rows(document, "ata_smart_attributes", "table"):
        if measure.number(row, "id") != _WESTERN_DIGITAL_WEAR:
            continue
        printed = measure.text(row, "raw", "string")
        value = int(printed, 16) if _HEX.fullmatch(printed) else int(measure.number(row, "raw", "value") or 0)
        whole, hundredths, again = value >> 8 & 0xFF, value & 0xFF, value >> 40 & 0xFF
        known = value >> 32 and hundredths < 100 and abs(whole - again) <= 1
        return whole + hundredths / 100 if known else None
    return None


def spare(rows: list[Attribute]) -> Iterator[Measure]:
    """Reserve blocks of an SSD in percent, where the maker states the threshold."""
    for row in rows:
        if row.value is None or row.threshold is None or Meaning.SPARE not in row.meanings:
            continue
        if 0 <= row.value <= 100 and 0 < row.threshold < 50:
            # At the threshold the attribute has failed (ATA8-ACS 7.52).
            yield Measure("disk.spare", Number(row.value), Limits(lower_critical=row.threshold, source="smart"))
            return


def volume(document: Document, rows: list[Attribute]) -> Iterator[Measure]:
    done: set[str] = set()
    sector = measure.number(document, "logical_block_size") or 512
    for row in rows:
        name = row.name
        if row.raw is None or not name.startswith(("Host_", "Lifetime_", "Total_")) or "NAND" in name or "Fl" in name:
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
            yield Measure(quantity, Number(row.raw * size))


def thresholds(rows: list[Attribute]) -> Iterator[str]:
    """States of `disk.attributes`: what stands at or below the maker's threshold now, or did once, by what it means."""
    for row in rows:
        if not row.failed:
            continue
        now = row.failed == "now"
        kind = "prefailure" if row.prefailure else "old_age"
        if row.is_heat:
            kind = "temperature" if now else ""
        elif now and Meaning.WEAR in row.meanings:
            kind = "worn"
        elif now and Meaning.POWER_LOSS_PROTECTION in row.meanings:
            kind = "power_loss_protection"
        if kind:
            yield f"{kind}_{row.failed}"
