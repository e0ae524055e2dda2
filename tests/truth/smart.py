"""Disks: smartctl's JSON and text against pySMART's parse and a second reading of the same values; verdicts; the fleet.

`compare` holds what is decoded of a capture against what other projects read out of it. `verdicts` takes the symptom
that a capture was chosen for from the front of its name. `fleet` is in `smart_fleet.py`.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hardcase_agent import decoding
from hardcase_agent.domain.capture import Capture, Seen
from hardcase_agent.domain.reading import Gap, Number, Reading, States

from tests.truth.comparison import Comparison, Truth, Verdict
from tests.truth.smart_fleet import fleet

__all__ = ["compare", "fleet", "verdicts"]

DIFFERENCES = Path(__file__).with_name("smart_differences.toml")
_DRIVE_PROBLEMS = (
    "failed-",
    "pending-",
    "uncorrect-187",
    "e2e-184",
    "nvme-media",
    "nvme-cw",
    "nvme-spare-low",
    "selftest-failed",
    "realloc-high",
    "spin-retry-10",
)
"""Symptoms that say the drive itself is bad: README of the captures, and the failure rates the sheet goes by."""
_NO_CASE = ("crc-high", "realloc-low-only", "hot-", "nvme-crit-temp-time", "nvme-behind-scsi")
"""A cable, watch items, heat of the past."""


def readings(capture: Capture) -> dict[str, Reading]:
    """Quantity -> reading of the one disk in it."""
    return {one.sensor.quantity: one.reading for one in decoding.decode("smart", capture) if isinstance(one, Seen)}


def asserted(capture: Capture, quantity: str) -> set[str]:
    for one in decoding.decode("smart", capture):
        if isinstance(one, Seen) and one.sensor.quantity == quantity and isinstance(one.reading, States):
            return {name for place, name in enumerate(one.sensor.states) if one.reading.bits >> place & 1}
    return set()


def compare(folder: Path) -> Iterable[Comparison]:
    yield from _pysmart(folder)
    yield from _derived(folder)
    yield from _second_reading(folder)


def verdicts(folder: Path) -> Iterable[Verdict]:
    smart = folder / "smart"
    for file in sorted([*(smart / "text" / "enterprise").glob("*.txt"), *(smart / "derived_json").rglob("*.json")]):
        yield _by_symptom(folder, file)
    for file in sorted((smart / "json").rglob("*.json")):
        yield _native(folder, file)
    for place in ("text/pysmart", "text/telegraf", "text/glpi", "nvme-cli"):
        for file in sorted((smart / place).rglob("*")):
            if file.is_file() and file.name not in ("device.json", "notes.txt"):
                yield _verdict(folder, file, Truth.UNKNOWN)


# Comparisons


def _comparison(capture: str, what: str, expected: object, got: object) -> Comparison:
    equal = expected == got
    reason = "" if equal else _explanation(capture, what, str(expected), str(got))
    return Comparison(capture=capture, what=what, expected=str(expected), got=str(got), equal=equal, explained=reason)


@cache
def _differences() -> tuple[dict[str, str], ...]:
    return tuple(tomllib.loads(DIFFERENCES.read_text(encoding="utf-8"))["difference"])


def _explanation(capture: str, what: str, expected: str, got: str) -> str:
    """The reviewed reason of a difference: patterns of what is compared and of both values, not of single files."""
    for entry in _differences():
        pairs = (("of", capture), ("what", what), ("expected", expected), ("got", got))
        if all(re.fullmatch(entry.get(key, ".*"), value, re.S) for key, value in pairs):
            return entry["reason"]
    return ""


_PYSMART_NVME = {
    "availableSpare": "disk.spare",
    "percentageUsed": "disk.used",
    "integrityErrors": "disk.media_errors",
}
_PYSMART_ATTRIBUTES = {
    "disk.reallocated": (5,),
    "disk.spin_retry": (10,),
    "disk.end_to_end": (184,),
    "disk.reported_uncorrectable": (187,),
    "disk.command_timeout": (188,),
    "disk.pending": (197,),
    "disk.offline_uncorrectable": (198,),
    "disk.crc_errors": (199,),
}


def _pysmart(folder: Path) -> Iterator[Comparison]:
    for expected in sorted((folder / "smart" / "text" / "pysmart").rglob("device.json")):
        values = json.loads(expected.read_text()).get("values")
        file = _main_output(expected.parent)
        if not isinstance(values, dict) or file is None:
            continue
        capture = Capture(file.name, {"": file.read_bytes()})
        yield from _pysmart_one(str(file.relative_to(folder)), values, capture)


def _main_output(place: Path) -> Path | None:
    """The full report; some are links that became files with the other's name in them."""
    outputs = [file for file in place.glob("*.out") if file.stat().st_size > 600]
    full = [file for file in outputs if "--all" in file.name or "-x" in file.name]
    return max(full, key=lambda file: file.stat().st_size, default=None)


def _pysmart_one(name: str, values: dict[str, Any], capture: Capture) -> Iterator[Comparison]:
    told = readings(capture)
    parts = [one.sensor.part for one in decoding.decode("smart", capture) if isinstance(one, Seen)]
    if parts:
        yield _comparison(name, "model", " ".join((values.get("model") or "").split()), parts[0].model)
        yield _comparison(name, "firmware", values.get("firmware") or "", parts[0].firmware)
        yield _comparison(name, "serial", values.get("serial") or "", parts[0].serial)
    assessment = values.get("assessment")
    health = told.get("disk.health")
    if assessment in ("PASS", "WARN", "FAIL"):
        yield _comparison(name, "assessment", assessment != "FAIL", health == States(0))
    temperature = values.get("temperature")
    if isinstance(temperature, int):
        yield _comparison(name, "temperature", temperature, _said(told.get("disk.temperature")))
    attributes = {row["num"]: row for row in values.get("attributes") or [] if row}
    for quantity, numbers in _PYSMART_ATTRIBUTES.items():
        found = [attributes[number] for number in numbers if number in attributes]
        if found and quantity in told and isinstance(found[0].get("raw_int"), int):
            yield _comparison(name, quantity, found[0].get("raw_int"), _said(told[quantity]))
    yield from _pysmart_nvme(name, values.get("if_attributes") or {}, told)


def _pysmart_nvme(name: str, special: dict[str, Any], told: Mapping[str, Reading]) -> Iterator[Comparison]:
    for key, quantity in _PYSMART_NVME.items():
        if isinstance(special.get(key), int):
            yield _comparison(name, quantity, special[key], _said(told.get(quantity)))
    if isinstance(special.get("powerOnHours"), int):
        hours = told.get("disk.hours")
        yield _comparison(name, "disk.hours", special["powerOnHours"] * 3600, _said(hours))
    for key in ("dataUnitsRead", "dataUnitsWritten"):
        quantity = "disk.read" if key.endswith("Read") else "disk.written"
        if isinstance(special.get(key), int):
            yield _comparison(name, quantity, special[key] * 512_000, _said(told.get(quantity)))
    if isinstance(special.get("criticalWarning"), int):
        bits = told.get("disk.nvme_warning")
        yield _comparison(
            name, "disk.nvme_warning", special["criticalWarning"], bits.bits if isinstance(bits, States) else None
        )


def _said(reading: Reading | None) -> object:
    if isinstance(reading, Number):
        return int(reading.value) if reading.value == int(reading.value) else reading.value
    return f"gap {reading.detail}" if isinstance(reading, Gap) else None


_NOT_DERIVED = frozenset({"disk.recent_uncorrectable", "disk.selftest"})
"""The text tells them in logs that the derived JSON leaves out, as it does device statistics."""


def _derived(folder: Path) -> Iterator[Comparison]:
    """The text of a drive and the JSON that was made of it by other hands must tell the same."""
    text_folder = folder / "smart" / "text" / "enterprise"
    for file in sorted((folder / "smart" / "derived_json").rglob("*.json")):
        text = text_folder / f"{file.stem}.txt"
        if not text.is_file():
            continue
        from_json = readings(Capture(file.name, {"": file.read_bytes()}))
        from_text = readings(Capture(text.name, {"": text.read_bytes()}))
        name = str(text.relative_to(folder))
        statistics = b"Percentage Used Endurance Indicator" in text.read_bytes()
        for quantity, reading in from_json.items():
            if quantity in _NOT_DERIVED or (quantity == "disk.used" and statistics):
                continue
            expected = reading.bits if isinstance(reading, States) else _said(reading)
            got = from_text.get(quantity)
            yield _comparison(name, quantity, expected, got.bits if isinstance(got, States) else _said(got))


def _second_reading(folder: Path) -> Iterator[Comparison]:
    """Native JSON: every key that has one meaning, read by its path."""
    for file in sorted((folder / "smart" / "json").rglob("*.json")):
        document = json.loads(file.read_text(errors="replace"))
        if not isinstance(document, dict) or "device" not in document:
            continue
        told = readings(Capture(file.name, {"": file.read_bytes()}))
        name = str(file.relative_to(folder))
        for quantity, expected in _by_path(document).items():
            got = told.get(quantity)
            yield _comparison(name, quantity, expected, got.bits if isinstance(got, States) else _said(got))


def _by_path(document: dict[str, Any]) -> dict[str, object]:
    log = document.get("nvme_smart_health_information_log", {})
    hours = document.get("power_on_time", {})
    told: dict[str, object] = {
        "disk.temperature": document.get("temperature", {}).get("current"),
        "disk.hours": hours.get("hours", 0) * 3600 + hours.get("minutes", 0) * 60 if "hours" in hours else None,
        "disk.grown_defects": document.get("scsi_grown_defect_list"),
        "disk.used": log.get("percentage_used"),
        "disk.spare": log.get("available_spare"),
        "disk.media_errors": log.get("media_errors"),
        "disk.nvme_warning": log.get("critical_warning"),
    }
    passed = document.get("smart_status", {}).get("passed")
    if passed is not None:
        told["disk.health"] = int(not passed)
    for row in document.get("ata_smart_attributes", {}).get("table", []):
        for quantity, numbers in _PYSMART_ATTRIBUTES.items():
            if row["id"] in numbers and not row["name"].startswith("Unknown"):
                found = re.match(r"\d+", row["raw"]["string"])
                plain = row["raw"]["value"] <= 0xFFFF and row["raw"]["string"].isdigit()
                told[quantity] = row["raw"]["value"] if plain or found is None else int(found[0])
    return {quantity: value for quantity, value in told.items() if value is not None}


# Verdicts


def _verdict(folder: Path, file: Path, truth: Truth, classes: tuple[str, ...] = (), why: str = "") -> Verdict:
    name = str(file.relative_to(folder))
    captures = (("smart", Capture(file.name, {"": file.read_bytes()})),)
    return Verdict(name=name, truth=truth, captures=captures, classes=classes, why=why)


def _by_symptom(folder: Path, file: Path) -> Verdict:
    symptom = file.name.partition("__")[0]
    why = f"chosen for the symptom {symptom}"
    if symptom.startswith("healthy"):
        return _verdict(folder, file, Truth.HEALTHY, why=why)
    if _cured(file) or _impossible(file):
        return _verdict(folder, file, Truth.UNKNOWN, why=f"{why}, which a newer test cured or no disk can reach")
    if symptom.startswith(_DRIVE_PROBLEMS):
        return _verdict(folder, file, Truth.FAULT, ("disk",), why)
    if symptom.startswith(_NO_CASE) and not _other_signs(file):
        return _verdict(folder, file, Truth.FALSE_ALARM, why=why)
    if symptom in ("attr-in-past", "passed-but-attr-now") and _only_heat(file) and not _other_signs(file):
        return _verdict(folder, file, Truth.FALSE_ALARM, why=f"{why} of attribute 190 or 194: temperature history")
    return _verdict(folder, file, Truth.UNKNOWN, why=why)


_PASSED = re.compile(r"^# ?\d+ +Extended \S+ +Completed without error", re.M)
_FAILED = re.compile(r"^# ?\d+ .*Completed: \w+ failure", re.M)
_MEDIA = re.compile(r'(?:"media_errors"|Media and Data Integrity Errors): *([\d,]+)')


def _cured(file: Path) -> bool:
    """The newest failed self-test is older than an extended one that passed; the derived JSON has no log to tell."""
    if not file.name.startswith("selftest-failed"):
        return False
    text = file.read_text(errors="replace")
    failed, passed = _FAILED.search(text), _PASSED.search(text)
    return failed is None or (passed is not None and passed.start() < failed.start())


def _impossible(file: Path) -> bool:
    """A media error count of 2^32 and more is one that fell out of its place; an MX500's one pending sector is none."""
    if file.name.startswith("pending-low") and "MX500" in file.name:
        return True
    found = _MEDIA.search(file.read_text(errors="replace")) if file.name.startswith("nvme-media") else None
    return found is not None and int(found[1].replace(",", "").strip() or 0) >= 1 << 32


def _rows_of(file: Path) -> list[tuple[int, str, str]]:
    """(number, when it failed, raw value) of the attributes, by the columns of the text or the keys of the JSON."""
    if file.suffix == ".json":
        table = json.loads(file.read_text()).get("ata_smart_attributes", {}).get("table", [])
        return [(row["id"], row["when_failed"], row["raw"]["string"]) for row in table]
    found = re.findall(
        r"^\s*(\d{1,3}) \S+\s+\S+\s+(?:\d{3}|---)\s+(?:\d{3}|---)\s+(?:\d{3}|---)\s+"
        r"(?:Pre-fail\s+\w+\s+|Old_age\s+\w+\s+)?(-|NOW|Past|FAILING_NOW|In_the_past)\s+(\S.*)$",
        file.read_text(errors="replace"),
        re.M,
    )
    return [(int(number), "" if failed == "-" else failed, raw) for number, failed, raw in found]


def _only_heat(file: Path) -> bool:
    failed = {number for number, when, _ in _rows_of(file) if when}
    return bool(failed) and failed <= {190, 194}


def _other_signs(file: Path) -> bool:
    """Sectors pending or reported unreadable, end-to-end errors: signs of their own beside the one chosen for."""
    watched = {10, 184, 187, 197, 198}
    counts = [
        int(found[0]) for number, _, raw in _rows_of(file) if number in watched and (found := re.match(r"\d+", raw))
    ]
    return any(counts)


_PROBLEM = re.compile(
    r"184 End-to-End_Error\S*|187 (Reported_Uncorrect|Uncorrectable_Error_Cnt)|197 (Current_)?Pending_\S+"
    r"|198 Offline_Uncorrectable"
)


def _native(folder: Path, file: Path) -> Verdict:
    document = json.loads(file.read_text(errors="replace"))
    if not isinstance(document, dict) or "smart_status" not in document:
        return _verdict(folder, file, Truth.UNKNOWN)
    signs = {5, 10, 184, 187, 196, 197, 198}
    rows = document.get("ata_smart_attributes", {}).get("table", [])
    counted = [row["raw"]["value"] for row in rows if row["id"] in signs and not row["name"].startswith("Unknown")]
    log = document.get("nvme_smart_health_information_log", {})
    scsi = document.get("scsi_error_counter_log", {})
    uncorrected = [way.get("total_uncorrected_errors", 0) for way in scsi.values() if isinstance(way, dict)]
    if document["smart_status"].get("passed") is False:
        return _verdict(folder, file, Truth.FAULT, ("disk",), "overall status FAILED")
    problems = [row["raw"]["value"] for row in rows if _PROBLEM.fullmatch(f"{row['id']} {row['name']}")]
    if any(problems) or any(uncorrected) or 0 < log.get("media_errors", 0) < 1 << 32:
        return _verdict(folder, file, Truth.FAULT, ("disk",), "unreadable, pending or damaged data though PASSED")
    signless = not any(counted) and not any(uncorrected) and not log.get("media_errors")
    signless = signless and not log.get("critical_warning") and not document.get("scsi_grown_defect_list")
    errors = document.get("ata_smart_error_log", {}).values()
    signless = signless and not any(one.get("count") for one in errors if isinstance(one, dict))
    return _verdict(folder, file, Truth.HEALTHY if signless else Truth.UNKNOWN, why="PASSED without a sign")
