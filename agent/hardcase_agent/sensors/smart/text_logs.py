"""Health and self-test logs in smartctl's text of NVMe and SAS disks, put where its JSON has them. Called by `text.py`.

Pure. Label lines that all disks share are in `text.py`.
"""

from __future__ import annotations

import re
from typing import Any

from hardcase_agent.sensors.smart.figures import decimal, hexadecimal, integer, tidy, whole

_NVME_COUNTS = {
    "available spare": "available_spare",
    "available spare threshold": "available_spare_threshold",
    "percentage used": "percentage_used",
    "data units read": "data_units_read",
    "data units written": "data_units_written",
    "power on hours": "power_on_hours",
    "unsafe shutdowns": "unsafe_shutdowns",
    "media and data integrity errors": "media_errors",
    "error information log entries": "num_err_log_entries",
    "warning comp. temperature time": "warning_temp_time",
    "critical comp. temperature time": "critical_comp_time",
}
_NVME_LIMITS = {
    "warning comp. temp. threshold": "op_limit_max",
    "critical comp. temp. threshold": "critical_limit_max",
}
_NVME_TEST = re.compile(
    r"^\s{0,2}\d{1,2}\s{2,}(?P<type>\S.{0,20}?)\s{2,}(?P<status>[A-Z]\S.{2,40}?)\s{2,}(?P<hours>\d{1,9})\s"
)
_NVME_STATUS = (
    "completed without error",
    "aborted: self-test command",
    "aborted: controller reset",
    "aborted: namespace removed",
    "aborted: format nvm command",
    "fatal or unknown test error",
    "completed: unknown failed segment",
    "completed: failed segments",
    "aborted: unknown reason",
    "aborted: sanitize operation",
)
"""In the order of the result (NVM Express Base 2.0, figure 205)."""
_UNKNOWN_RESULT = 15

_SCSI_TEST = re.compile(r"^# ?(?P<number>\d{1,2})\s+(?P<type>\S.{0,20}?)\s{2,}(?P<status>[A-Z]\S.{2,40}?)\s{2,}")
_SCSI_STATUS = (
    ("completed, segment failed", 4),
    ("completed", 0),
    ("aborted (by user", 1),
    ("aborted", 2),
    ("unknown error", 3),
    ("failed in first segment", 5),
    ("failed in second segment", 6),
    ("failed in segment", 7),
    ("self test in progress", 15),
)
"""Result by how smartctl words it (SPC-5 7.3.18)."""
_COUNTER_ROW = re.compile(r"^(read|write|verify):((?:\s+[\d.,]+){7})\s*$")
_POWERED = re.compile(
    r"(?:Accumulated power on time, hours:minutes|number of hours powered up =) (\d{1,8})[:.,](\d{2})"
)
_SCSI_NUMBERS = (
    (re.compile(r"^\s{0,4}Elements in grown defect list: (\d{1,12})"), ("scsi_grown_defect_list",)),
    (re.compile(r"^\s{0,4}Pending defect count: ?(\d{1,12})"), ("scsi_pending_defects", "count")),
    (
        re.compile(r"^\s{0,4}Percentage used endurance indicator: (\d{1,3})%"),
        ("scsi_percentage_used_endurance_indicator",),
    ),
    (re.compile(r"^\s{0,4}Current Drive Temperature:\s+(-?\d{1,3}) C"), ("temperature", "current")),
    (re.compile(r"^\s{0,4}Current temperature = (-?\d{1,3})"), ("temperature", "current")),
    (re.compile(r"^\s{0,4}Drive Trip Temperature:\s+(-?\d{1,3}) C"), ("temperature", "drive_trip")),
    (re.compile(r"^Non-medium error count:\s+(\d{1,12})"), ("scsi_non_medium_errors",)),
)


def read_nvme(document: dict[str, Any], lines: list[str]) -> None:
    log: dict[str, Any] = {}
    tests: list[dict[str, Any]] = []
    in_tests = False
    for line in lines:
        if len(line) > 400:
            continue
        in_tests = (in_tests or "NVMe Log 0x06" in line) and "NVMe Log 0x01" not in line
        label, colon, value = line.partition(":")
        name = tidy(label).lower()
        if colon and name in _NVME_COUNTS:
            _put(log, (_NVME_COUNTS[name],), whole(value))
        elif colon and name in _NVME_LIMITS:
            _put(document, ("temperature", _NVME_LIMITS[name]), integer(value))
        elif name == "critical warning":
            _put(log, ("critical_warning",), hexadecimal(value))
        elif name == "temperature":
            _put(document, ("temperature", "current"), integer(value))
        elif in_tests and len(tests) < 32:
            tests += _nvme_test(line)
    if log:
        document["nvme_smart_health_information_log"] = log
        _put(document, ("power_on_time", "hours"), log.get("power_on_hours"))
    if tests:
        document["nvme_self_test_log"] = {"table": tests}


def _nvme_test(line: str) -> list[dict[str, Any]]:
    found = _NVME_TEST.match(line)
    if found is None:
        return []
    status = tidy(found["status"]).lower()
    result = next((code for code, words in enumerate(_NVME_STATUS) if status.startswith(words)), _UNKNOWN_RESULT)
    code = {"Short": 1, "Extended": 2}.get(found["type"], 14)
    return [
        {
            "self_test_code": {"value": code, "string": found["type"]},
            "self_test_result": {"value": result, "string": tidy(found["status"])},
            "power_on_hours": int(found["hours"]),
        }
    ]


def read_scsi(document: dict[str, Any], lines: list[str]) -> None:
    for line in lines:
        if len(line) > 400:
            continue
        for pattern, place in _SCSI_NUMBERS:
            found = pattern.match(line)
            if found:
                _put(document, place, int(found[1]))
        powered = _POWERED.search(line)
        if powered and "power_on_time" not in document and "Background" not in line:
            # The vendor page's fraction is in hundredths of an hour, the other one in minutes.
            minutes = int(powered[2]) if ":" in powered[0].rpartition("minutes")[2] else int(powered[2]) * 60 // 100
            document["power_on_time"] = {"hours": int(powered[1]), "minutes": minutes}
        _counter_row(document, line)
        test = _SCSI_TEST.match(line)
        if test and int(test["number"]) <= 20:
            document[f"scsi_self_test_{int(test['number']) - 1}"] = _scsi_test(test)
        if line.startswith(("Device does not support SMART", "Device supports SMART and is")):
            support = {"available": "not support" not in line, "enabled": line.rstrip().endswith("Enabled")}
            document.setdefault("smart_support", support)


def _scsi_test(found: re.Match[str]) -> dict[str, Any]:
    status = tidy(found["status"]).lower()
    result = next((code for words, code in _SCSI_STATUS if status.startswith(words)), 3)
    return {"code": {"string": tidy(found["type"])}, "result": {"value": result, "string": tidy(found["status"])}}


def _counter_row(document: dict[str, Any], line: str) -> None:
    """Columns: corrected fast, delayed, by rereads, total corrected, invocations, 10^9 bytes, uncorrected."""
    found = _COUNTER_ROW.match(line)
    if found is None:
        return
    words = found[2].split()
    row = document.setdefault("scsi_error_counter_log", {}).setdefault(found[1], {})
    _put(row, ("total_uncorrected_errors",), integer(words[6]))
    if decimal(words[5]):
        row["gigabytes_processed"] = decimal(words[5])


def _put(document: dict[str, Any], place: tuple[str, ...], value: int | None) -> None:
    """The first of several lines counts."""
    if value is None:
        return
    for key in place[:-1]:
        document = document.setdefault(key, {})
    document.setdefault(place[-1], value)
