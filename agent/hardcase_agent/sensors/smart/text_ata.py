"""Attributes and logs in smartctl's text of an ATA disk, put where its JSON has them. Called by `text.py`. Pure."""

from __future__ import annotations

import re
from typing import Any

from hardcase_agent.sensors.smart.figures import integer, tidy

_ATTRIBUTE = re.compile(
    r"^\s{0,4}(?P<id>\d{1,3}) (?P<name>\S{1,40})\s+(?P<flags>0x[0-9a-f]{4}|[POSRCK+-]{6,8})\s+"
    r"(?P<value>\d{3}|---)\s+(?P<worst>\d{3}|---)\s+(?P<thresh>\d{3}|---)\s+"
    r"(?:(?:Pre-fail|Old_age)\s+(?:Always|Offline)\s+)?(?P<failed>-|NOW|[Pp]ast|FAILING_NOW|In_the_past)\s+(?P<raw>.*?)\s*$"
)
_ERRORS = re.compile(r"^(?:ATA|Device) Error Count: (\d{1,10})\b")
_ERROR = re.compile(r"^Error (\d{1,10}) (?:\[\d+\] )?occurred at disk power-on lifetime: (\d{1,10}) hours")
_DESCRIPTION = re.compile(r"\b(Error: .{1,80}?)\s*$")
_TEST = re.compile(
    r"^# ?(?P<number>\d{1,2})\s+(?P<type>\S.{0,24}?)\s{2,}(?P<status>[A-Z]\S?.{2,40}?)\s+"
    r"(?P<remaining>\d{1,3})%\s+(?P<hours>\d{1,7})\s+(?P<lba>\S+)"
)
_TEST_STATUS = (
    "completed without error",
    "aborted by host",
    "interrupted (host reset)",
    "fatal or unknown error",
    "completed: unknown failure",
    "completed: electrical failure",
    "completed: servo/seek failure",
    "completed: read failure",
    "completed: handling damage",
)
"""In the order of the status nibble (ATA8-ACS 7.52.6.2)."""
_RUNNING = 15
_SCT = re.compile(r"^Current Temperature:\s+(-?\d{1,3}) Celsius")
_STATISTIC = re.compile(
    r"^0x(?P<page>[0-9a-f]{2})\s+0x(?P<offset>[0-9a-f]{3})\s+(?P<size>\d)\s+(?P<value>-?\d{1,20})\s"
)
_ENDURANCE, _REPORTED = ("07", "008"), ("04", "008")
_MOST = 1024
"""Attributes, errors and self-tests each: a disk has 30, keeps 100 errors and 21 tests."""


def read(document: dict[str, Any], lines: list[str]) -> None:
    attributes: list[dict[str, Any]] = []
    tests: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for line in lines:
        if len(line) > 400 or not line:
            continue
        if line[0] in " 0123456789":
            _take(attributes, _attribute(line))
            _statistic(document, line)
            if errors and "error_description" not in errors[-1]:
                _describe(errors[-1], line)
        elif line[0] == "#":
            _take(tests, _test(line))
        else:
            _counters(document, line)
            _take(errors, _error(line))
    if attributes:
        document["ata_smart_attributes"] = {"table": attributes}
    if tests:
        document["ata_smart_self_test_log"] = {"standard": {"table": tests}}
    if errors:
        document.setdefault("ata_smart_error_log", {}).setdefault("extended", {})["table"] = errors


def _take(rows: list[dict[str, Any]], row: dict[str, Any] | None) -> None:
    if row is not None and len(rows) < _MOST:
        rows.append(row)


def _attribute(line: str) -> dict[str, Any] | None:
    found = _ATTRIBUTE.match(line)
    if found is None:
        return None
    flags = found["flags"]
    prefailure = bool(int(flags, 16) & 1) if flags.startswith("0x") else flags.startswith("P")
    failed = found["failed"].lower()
    row: dict[str, Any] = {
        "id": int(found["id"]),
        "name": found["name"],
        "flags": {"prefailure": prefailure},
        "when_failed": "now" if failed.endswith("now") else "past" if failed.endswith("past") else "",
        "raw": {"string": found["raw"]},
    }
    for key in ("value", "worst", "thresh"):
        if found[key].isdigit():
            row[key] = int(found[key])
    raw = integer(found["raw"])
    if raw is not None:
        row["raw"]["value"] = raw
    return row


def _test(line: str) -> dict[str, Any] | None:
    found = _TEST.match(line)
    if found is None:
        return None
    status = tidy(found["status"]).lower()
    value = next((code for code, words in enumerate(_TEST_STATUS) if status.startswith(words)), None)
    if value is None:
        value = _RUNNING if "in progress" in status else 3
    return {
        "type": {"string": tidy(found["type"])},
        "status": {"value": value << 4, "string": tidy(found["status"])},
        "lifetime_hours": int(found["hours"]),
    }


def _counters(document: dict[str, Any], line: str) -> None:
    count = _ERRORS.match(line)
    if count:
        document.setdefault("ata_smart_error_log", {}).setdefault("extended", {})["count"] = int(count[1])
    elif line.startswith("No Errors Logged"):
        document.setdefault("ata_smart_error_log", {}).setdefault("extended", {}).setdefault("count", 0)
    elif line.startswith("No self-tests have been logged"):
        document.setdefault("ata_smart_self_test_log", {}).setdefault("standard", {})["count"] = 0
    sct = _SCT.match(line)
    if sct:
        document["temperature"] = {"current": int(sct[1])}


def _error(line: str) -> dict[str, Any] | None:
    found = _ERROR.match(line)
    return {"error_number": int(found[1]), "lifetime_hours": int(found[2])} if found else None


def _describe(error: dict[str, Any], line: str) -> None:
    found = _DESCRIPTION.search(line)
    if found:
        error["error_description"] = found[1]


def _statistic(document: dict[str, Any], line: str) -> None:
    """Device Statistics: percentage used (page 7, offset 8) and reported errors (page 4, offset 8; ACS-4 9.5)."""
    found = _STATISTIC.match(line)
    if found is None or not found["value"].isdigit():
        return
    place = (found["page"], found["offset"])
    if place == _ENDURANCE:
        document["endurance_used"] = {"current_percent": int(found["value"])}
    elif place == _REPORTED:
        row = {"offset": 8, "value": int(found["value"])}
        document["ata_device_statistics"] = {"pages": [{"number": 4, "table": [row]}]}
