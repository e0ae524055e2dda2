"""What a disk says of its self-tests, in smartctl's JSON of every protocol."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hardcase_agent.domain.diagnostic import TestState
from hardcase_agent.sensors.smart import self_test

S = TestState


def ata(value: int = 0, *, table: list[dict[str, Any]] | None = None, supported: bool = True) -> str:
    entry = {"type": {"value": 1, "string": "Short offline"}, "lifetime_hours": 5}
    rows = [{**entry, **row} for row in table or []]
    return document(
        "ATA",
        ata_smart_data={
            "self_test": {"status": {"value": value, "string": "x"}, "polling_minutes": {"short": 2, "extended": 600}},
            "capabilities": {"self_tests_supported": supported},
        },
        ata_smart_self_test_log={"standard": {"table": rows, "count": len(rows)}},
    )


def nvme(**log: Any) -> str:
    return document("NVMe", nvme_self_test_log=log)


def scsi(*results: int) -> str:
    tests = {
        f"scsi_self_test_{n}": {
            "code": {"value": 2, "string": "Background long"},
            "result": {"value": one, "string": "r"},
        }
        for n, one in enumerate(results)
    }
    return document("SCSI", scsi_extended_self_test_seconds=80400, **tests)


def document(protocol: str, **more: Any) -> str:
    head = {"smartctl": {"version": [7, 4], "exit_status": 0}, "device": {"name": "/dev/sda", "protocol": protocol}}
    return json.dumps({**head, "model_name": "M", "serial_number": "S", **more})


def told(output: str) -> Any:
    return self_test.status_of(output, path="/dev/sda")


@pytest.mark.parametrize(
    ("status", "state"), [(0x00, S.PASSED), (0x19, S.ABORTED), (0x20, S.ABORTED), (0x79, S.FAILED), (0x30, S.UNKNOWN)]
)
def test_ata_results(status: int, state: TestState) -> None:
    said = told(ata(table=[{"status": {"value": status, "string": "words"}, "lba": 77}]))
    assert said.newest is state
    assert said.words.startswith("words")
    assert ("sector 77" in said.words) == (state is S.FAILED)
    assert said.minutes == {"short": 2, "long": 600}


def test_ata_under_way_with_what_is_left() -> None:
    said = told(ata(0xF6))
    assert (said.newest, said.remaining_percent) == (S.RUNNING, 60)


def test_a_disk_that_never_tested_and_one_that_cannot() -> None:
    assert told(ata()).newest is S.NONE
    assert told(ata(supported=False)).supported is False
    assert told(document("ATA")).supported is False


def test_a_second_test_of_the_same_kind_is_told_from_the_first() -> None:
    row = {"status": {"value": 0, "string": "ok"}}
    counts = {told(ata(table=[row] * number)).count for number in range(4)}
    assert len(counts) == 4


def test_nvme() -> None:
    running = told(nvme(current_self_test_operation={"value": 1}, current_self_test_completion_percent=30))
    assert (running.newest, running.remaining_percent) == (S.RUNNING, 70)
    results = {
        value: told(
            nvme(
                current_self_test_operation={"value": 0},
                table=[{"self_test_code": {"value": 1}, "self_test_result": {"value": value, "string": "w"}}],
            )
        ).newest
        for value in (0, 1, 5, 7)
    }
    assert results == {0: S.PASSED, 1: S.ABORTED, 5: S.FAILED, 7: S.FAILED}


def test_nvme_under_an_older_smartctl_is_not_tested_because_nobody_could_tell_the_end() -> None:
    said = told(document("NVMe"))
    assert (said.supported, "7.4" in said.words) == (False, True)


def test_scsi() -> None:
    assert [told(scsi(value)).newest for value in (0, 1, 3, 7, 15)] == [
        S.PASSED, S.ABORTED, S.FAILED, S.FAILED, S.RUNNING,
    ]  # fmt: skip
    assert told(scsi(0)).minutes == {"long": 1340}
    assert told(scsi()).newest is S.NONE


def test_a_sleeping_disk_is_told_asleep() -> None:
    messages = [{"string": "Device is in STANDBY mode, exit(3)", "severity": "information"}]
    output = json.dumps({"smartctl": {"version": [7, 3], "exit_status": 3, "messages": messages}, "device": {}})
    assert told(output).asleep


def test_why_smartctl_started_nothing() -> None:
    messages = [{"string": "Command failed: aborted", "severity": "error"}]
    refused = json.dumps({"smartctl": {"version": [7, 4], "exit_status": 4, "messages": messages}})
    assert "aborted" in self_test.refusal(refused)
    # Bits above 2 tell of the disk's health, not of the command.
    fine = json.dumps({"smartctl": {"version": [7, 4], "exit_status": 64}})
    assert self_test.refusal(fine) == ""
    assert self_test.refusal("Testing has begun.") == ""
