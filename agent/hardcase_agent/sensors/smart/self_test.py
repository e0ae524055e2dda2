"""What one `smartctl --json` answer says of a disk's self-tests: running, how far, how the newest ended. Pure.

Called by `source.py` when a person asked for a test; the sensor `disk.selftest` is the protocols' own modules' matter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from hardcase_agent.domain.diagnostic import SelfTestStatus, TestState
from hardcase_agent.domain.part import Part
from hardcase_agent.domain.reading import GapReason
from hardcase_agent.sensors.smart import measure, report
from hardcase_agent.sensors.smart.measure import Document

_IN_PROGRESS = 0xF
_ATA = {0: TestState.PASSED, 1: TestState.ABORTED, 2: TestState.ABORTED, 3: TestState.UNKNOWN, 0xF: TestState.RUNNING}
"""High nibble of the execution status (ACS-4 9.6.2.8); 4 to 8 are kinds of failure."""
_NVME = {0: TestState.PASSED, **dict.fromkeys((1, 2, 3, 4, 8, 9), TestState.ABORTED), 5: TestState.FAILED}
"""Self-test result (NVMe 1.4, figure 201); 6 and 7 are failed segments."""
_SCSI = {0: TestState.PASSED, 1: TestState.ABORTED, 2: TestState.ABORTED, 0xF: TestState.RUNNING}
"""Self-test results of log page 10h (SPC-5 7.3.17); 3 to 7 are failures."""
NVME_SHORT_MINUTES = 2
"""NVMe 1.4, 8.11: a short test takes two minutes or less."""


def status_of(output: str, *, path: str) -> SelfTestStatus:
    """Raises MalformedAnswer, ToolMissing."""
    document = report.parse_document(output)
    told = report.report_of(document, path=path)
    if told.trouble is not None and told.trouble.reason is GapReason.ASLEEP:
        return SelfTestStatus(part=told.part, asleep=True)
    match told.protocol:
        case "ata":
            return _ata(document, told.part)
        case "nvme":
            return _nvme(document, told.part)
        case "scsi":
            return _scsi(document, told.part)
        case _:
            return SelfTestStatus(part=told.part, supported=False, words="smartctl does not know this kind of disk")


def refusal(output: str) -> str:
    """Why smartctl did not start a test; "" = it says nothing of the kind."""
    try:
        document = report.parse_document(output)
    except Exception:
        return ""
    messages = [measure.text(row, "string") for row in measure.rows(document, "smartctl", "messages")]
    status = int(measure.number(document, "smartctl", "exit_status") or 0)
    # Bits 0 to 2: the command line, the device, the command itself (smartctl(8), EXIT STATUS).
    return ("; ".join(filter(None, messages)) or f"exit status {status}")[:300] if status & 7 else ""


def _ata(document: Document, part: Part) -> SelfTestStatus:
    data = measure.table(document, "ata_smart_data")
    tests = measure.table(data, "self_test")
    value = int(measure.number(tests, "status", "value") or 0)
    log = measure.table(document, "ata_smart_self_test_log")
    entries = [row for kind in ("extended", "standard") for row in measure.rows(log, kind, "table")]
    running = value >> 4 == _IN_PROGRESS
    newest, words = TestState.NONE, ""
    if running:
        newest = TestState.RUNNING
    elif entries:
        newest = _ATA.get(int(measure.number(entries[0], "status", "value") or 0) >> 4, TestState.FAILED)
        words = measure.text(entries[0], "status", "string")
        lba = measure.number(entries[0], "lba")
        words += f", first at sector {lba:.0f}" if newest is TestState.FAILED and lba is not None else ""
    left = measure.number(tests, "status", "remaining_percent")
    minutes = measure.table(tests, "polling_minutes")
    return SelfTestStatus(
        part=part,
        supported=data.get("capabilities", {}).get("self_tests_supported") is not False and bool(tests),
        newest=newest,
        count=_fingerprint(log, (data.get("self_test"),)) if not running else "",
        remaining_percent=int(left if left is not None else (value & 0xF) * 10) if running else None,
        words=words,
        minutes=_minutes(minutes.get("short"), minutes.get("extended")),
    )


def _nvme(document: Document, part: Part) -> SelfTestStatus:
    log = measure.table(document, "nvme_self_test_log")
    if not log:
        # smartctl reads this log, and starts tests, from 7.4 on; before that, nobody could tell how it ended.
        words = "this smartctl tells of no NVMe self-tests (7.4 does), or the disk has none"
        return SelfTestStatus(part=part, supported=False, words=words)
    running = bool(measure.number(log, "current_self_test_operation", "value"))
    done = measure.number(log, "current_self_test_completion_percent")
    entries = list(measure.rows(log, "table"))
    newest, words = TestState.RUNNING if running else TestState.NONE, ""
    if entries and not running:
        newest = _NVME.get(int(measure.number(entries[0], "self_test_result", "value") or 0), TestState.FAILED)
        words = measure.text(entries[0], "self_test_result", "string")
    return SelfTestStatus(
        part=part,
        newest=newest,
        count=_fingerprint(log.get("table"), ()) if not running else "",
        remaining_percent=100 - int(done or 0) if running else None,
        words=words,
        minutes=_minutes(NVME_SHORT_MINUTES, None),
    )


def _scsi(document: Document, part: Part) -> SelfTestStatus:
    entries = [measure.table(document, f"scsi_self_test_{index}") for index in range(20)]
    entries = [entry for entry in entries if entry]
    newest, words = TestState.NONE, ""
    if entries:
        newest = _SCSI.get(int(measure.number(entries[0], "result", "value") or 0), TestState.FAILED)
        words = measure.text(entries[0], "result", "string")
    running = newest is TestState.RUNNING
    seconds = measure.number(document, "scsi_extended_self_test_seconds")
    return SelfTestStatus(
        part=part,
        newest=newest,
        count=_fingerprint(entries, ()) if not running else "",
        words=words,
        minutes=_minutes(None, None if seconds is None else seconds / 60),
    )


def _minutes(short: object, long: object) -> Mapping[str, int]:
    told = {"short": short, "long": long}
    return {name: int(value) for name, value in told.items() if isinstance(value, int | float) and value > 0}


def _fingerprint(log: object, more: tuple[object, ...]) -> str:
    return hashlib.sha256(json.dumps([log, more], sort_keys=True, default=str).encode()).hexdigest()[:16]
