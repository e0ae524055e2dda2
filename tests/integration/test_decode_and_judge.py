"""The two commands that need no device, as support engineers use them: captures in, JSON lines and findings out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(900)

SEL = """\
   1 | 11/02/2026 | 09:00:01 | Power Supply PS2 Status | Failure detected | Asserted
   2 | 11/02/2026 | 09:00:02 | Power Supply PS Redundancy | Redundancy Lost | Asserted
   3 | 11/02/2026 | 09:05:00 | Memory DIMM_A1 | Uncorrectable ECC | Asserted
"""


def ran(program: str, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "LC_ALL": "C"}
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=120, env=environment)


def lines(output: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_a_customers_event_log_is_decoded_and_judged_with_advice() -> None:
    decoded = ran("hardcase-agent", "decode", "sel", "-", stdin=SEL.encode())
    assert decoded.returncode == 0, decoded.stderr
    events = lines(decoded.stdout)
    assert {line["type"] for line in events} == {"event"}
    assert [line["record_id"] for line in events] == [1, 2, 3]
    judged = ran("hardcase-collector", "judge", "-", "--advice", stdin=decoded.stdout)
    assert judged.returncode == 0, judged.stderr
    found = {line["fault_class"]: line for line in lines(judged.stdout)}
    assert {"psu.failed", "psu.redundancy_lost", "memory.uncorrectable"} <= set(found)
    assert found["psu.failed"]["case"] == found["psu.redundancy_lost"]["case"] != found["memory.uncorrectable"]["case"]
    assert found["memory.uncorrectable"]["part"]["slot"].endswith("A1")
    assert found["memory.uncorrectable"]["advice"]["zh"]["steps"]


def test_what_is_broken_is_an_error_line_and_the_rest_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "sel.txt").write_bytes(b"\xff\x00 nothing | of | the kind\n" + SEL.encode())
    decoded = ran("hardcase-agent", "decode", "sel", str(tmp_path / "sel.txt"), str(tmp_path / "missing"))
    assert decoded.returncode == 1
    told = lines(decoded.stdout)
    assert sum(line["type"] == "event" for line in told) == 3
    errors = [line for line in told if line["type"] == "error"]
    assert {line["kind"] for line in errors} >= {"refused"}
    assert all(line["message"] and line["file"] for line in errors)


def test_an_empty_capture_and_a_foreign_one_are_named_errors(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "poem").write_text("The owl and the pussycat went to sea\n")
    for kind in ("smart", "snmp", "ipmi-sdr", "ipmi-emu", "sel", "ipmitool", "fru", "edac", "dmi", "arrays"):
        empty = ran("hardcase-agent", "decode", kind, str(tmp_path / "empty"))
        assert (empty.returncode, lines(empty.stdout)[0]["kind"]) == (1, "empty"), kind
        poem = ran("hardcase-agent", "decode", kind, str(tmp_path / "poem"))
        assert poem.returncode == 1, kind
        assert {line["type"] for line in lines(poem.stdout)} == {"error"}, kind


def test_an_unknown_kind_is_wrong_use_and_names_those_there_are() -> None:
    wrong = ran("hardcase-agent", "decode", "tea-leaves", "x")
    assert wrong.returncode == 2
    assert b"kernel-log" in wrong.stderr


@pytest.mark.parametrize(("machine", "kind"), [("qemu-nvme", "smart"), ("qemu-sata", "smart")])
def test_recorded_disks_decode_to_readings_with_units(root: Path, machine: str, kind: str) -> None:
    folder = root / "tests" / "golden" / "smart" / machine
    files = sorted(str(path) for path in folder.glob("*.json") if "expected" not in path.name)
    decoded = ran("hardcase-agent", "decode", kind, *files)
    readings = [line for line in lines(decoded.stdout) if line["type"] == "reading"]
    assert readings
    for line in readings:
        assert sum(key in line for key in ("value", "states", "gap")) == 1, line
        assert line["sensor"]["id"]
        assert line["part"]["class"] == "disk"


def test_judge_says_why_nothing_was_raised_and_refuses_what_is_no_line() -> None:
    reading = {
        "type": "reading",
        "asset": {"vendor": "V", "model": "M", "serial": "S"},
        "source": "ipmi.analogue",
        "part": {"class": "fan", "slot": "1"},
        "sensor": {"id": "f", "name": "FAN1", "kind": "fan", "unit": "RPM"},
        "value": 5000.0,
        "limits": {"lower_critical": 500.0, "source": "bmc"},
        "time": None,
    }
    text = (json.dumps(reading) + "\nno line\n").encode()
    judged = ran("hardcase-collector", "judge", "-", "--why", stdin=text)
    assert judged.returncode == 1
    told = lines(judged.stdout)
    assert [line["reason"] for line in told if line["type"] == "why"] == ["within_limits"]
    assert [line["at"] for line in told if line["type"] == "error"] == ["-:2"]


def test_a_reader_that_has_seen_enough_ends_the_command_quietly(root: Path) -> None:
    agent = Path(sys.executable).with_name("hardcase-agent")
    many = SEL * 20_000
    with subprocess.Popen(
        [str(agent), "decode", "sel", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(many.encode())
        process.stdin.close()
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        process.wait(timeout=120)


def test_a_folder_of_captures_is_read_in_the_order_people_count_and_growth_is_found(tmp_path: Path) -> None:
    for number, value in ((2, 1), (10, 2500), (1, 0)):
        folder = tmp_path / f"visit-{number}"
        folder.mkdir()
        line = {
            "type": "reading",
            "asset": {"vendor": "", "model": "", "serial": ""},
            "source": "arrays",
            "part": {"class": "disk", "slot": "3", "serial": "ZC1ABCDE"},
            "sensor": {"id": "e", "name": "Other errors", "kind": "count", "unit": "", "quantity": "disk.other_errors"},
            "value": value,
            "time": None,
        }
        (folder / "arrays.jsonl").write_text(json.dumps(line), encoding="utf-8")
    judged = ran("hardcase-collector", "judge", str(tmp_path))
    assert judged.returncode == 0, judged.stderr
    (found,) = lines(judged.stdout)
    assert (found["fault_class"], found["severity"], found["state"]) == ("disk.errors", "minor", "firing")


def test_a_folder_without_captures_is_no_clean_bill(tmp_path: Path) -> None:
    judged = ran("hardcase-collector", "judge", str(tmp_path))
    assert judged.returncode == 1
    assert [line["kind"] for line in lines(judged.stdout)] == ["empty"]


def test_judge_reads_texts_with_odd_line_ends_and_refuses_what_no_parser_can_hold() -> None:
    event = {
        "type": "event",
        "asset": {"vendor": "Dell", "model": "", "serial": "7ABC123"},
        "source": "sel",
        "part": {"class": "memory", "slot": "A1"},
        "code": "memory.uncorrectable_ecc",
        "asserted": True,
        "text": "one\u2028two\u0085three",
        "time": "9999-12-31T23:59:59.999Z",
    }
    text = "\n".join([json.dumps(event, ensure_ascii=False), "[" * 100_000, '{"a":' * 5000 + "1" + "}" * 5000])
    judged = ran("hardcase-collector", "judge", "-", stdin=text.encode())
    assert judged.returncode == 1
    assert [line["type"] for line in lines(judged.stdout)] == ["finding", "error", "error"]
    assert b"Traceback" not in judged.stderr
