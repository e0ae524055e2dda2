"""Golden disks: what smartctl said of a real (emulated) disk, and all that must be read out of it.

A new disk is a new folder with `capture.json`; its `expected.json` is what `rendered` gives, read through by a person.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from hardcase_agent.domain.reading import Gap, Number, Reading, States
from hardcase_agent.sensors.smart.report import DiskReport, parse_report

HERE = Path(__file__).parent
DISKS = sorted(path.parent.name for path in HERE.glob("*/capture.json"))


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


def test_there_are_golden_disks() -> None:
    assert {"qemu-nvme", "qemu-sata"} <= set(DISKS)
