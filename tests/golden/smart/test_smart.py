"""Golden disks: what smartctl said of a real (emulated) disk, and all that must be read out of it.

A new disk is a new folder with `capture.json`; its `expected.json` is what `rendered` gives, read through by a person.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from hardcase_agent.domain.capture import Capture, Decoded, Listed, Seen
from hardcase_agent.domain.reading import Gap, Number, Reading, States
from hardcase_agent.sensors.smart.decoding import decode
from hardcase_agent.sensors.smart.report import DiskReport, parse_report

HERE = Path(__file__).parent
DISKS = sorted(path.parent.name for path in HERE.glob("*/capture.json"))

TEXTS = sorted(path.parent.name for path in HERE.glob("*/capture.txt"))


def rendered(report: DiskReport) -> dict[str, object]:
    return {
        "identity": report.identity,
        "protocol": report.protocol,
        "part": {name: value for name, value in dataclasses.asdict(report.part).items() if value},
        "readings": {
            sensor.id: [sensor.quantity, sensor.kind.value, sensor.unit.value, said(reading, sensor.states)]
            for sensor, reading in zip(report.sensors, report.readings, strict=True)
        },
        "limits": {
            sensor.quantity: {name: value for name, value in dataclasses.asdict(sensor.limits).items() if value}
            for sensor in report.sensors
            if sensor.limits.source
        },
        "trouble": report.trouble.reason.value if report.trouble else None,
    }


def said(reading: Reading, states: tuple[str, ...]) -> object:
    match reading:
        case Number(value):
            return value
        case States(bits):
            return [name for place, name in enumerate(states) if bits >> place & 1]
        case Gap(reason):
            return f"gap: {reason.value}"


@pytest.mark.parametrize("disk", DISKS)
def test_a_captured_disk_reads_as_expected(disk: str) -> None:
    report = parse_report((HERE / disk / "capture.json").read_text(), path="/dev/disk")
    expected = json.loads((HERE / disk / "expected.json").read_text())
    assert json.loads(json.dumps(rendered(report))) == expected


@pytest.mark.parametrize("disk", TEXTS)
def test_the_text_of_the_same_disk_tells_the_same(disk: str) -> None:
    """smartctl ran twice, with and without --json. Limits are left out: 7.3 prints those of NVMe in text alone."""
    told = [readings_of(decoded(HERE / disk / name)) for name in ("capture.json", "capture.txt")]
    assert told[0] == told[1]
    assert told[0]


@pytest.mark.parametrize("name", ["scan.json", "scan.txt"])
def test_a_scan_lists_the_disks_of_the_machine(name: str) -> None:
    parts = [one.part for one in decoded(HERE / "scans" / name) if isinstance(one, Listed)]
    assert [part.paths for part in parts] == [("/dev/sda",), ("/dev/sdb",), ("/dev/nvme0",)]


def decoded(path: Path) -> list[Decoded]:
    return list(decode(Capture(path.name, {"": path.read_bytes()})))


def readings_of(found: list[Decoded]) -> dict[str, object]:
    return {one.sensor.id: said(one.reading, one.sensor.states) for one in found if isinstance(one, Seen)}


def test_there_are_golden_disks() -> None:
    assert {"qemu-nvme", "qemu-sata", "guest-nvme", "guest-sata", "guest-scsi"} <= set(DISKS)
    assert len(TEXTS) == 3
