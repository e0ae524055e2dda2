"""What the firmware says of supplies and chassis: told in words and in bytes, live and of captures, never invented."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import cast

import pytest
from hardcase_agent.domain.capture import Capture, Seen
from hardcase_agent.domain.frame import Moment
from hardcase_agent.domain.part import Asset, Component
from hardcase_agent.domain.ports import Clock, CommandResult, CommandRunner
from hardcase_agent.domain.reading import States
from hardcase_agent.sensors.kernel import dmi_decoding
from hardcase_agent.sensors.kernel.dmi_source import DmiSource
from hardcase_agent.sensors.kernel.dmi_tables import DmiTables

SUPPLY = """Handle 0x2700, DMI type 39, 22 bytes
System Power Supply
\tLocation: PSU1
\tName: PWR SPLY
\tSerial Number: PS0001
\tStatus: {}
"""
CHASSIS = """Handle 0x0300, DMI type 3, 22 bytes
Chassis Information
\tType: Rack Mount Chassis
\tSerial Number: EX12345
\tBoot-up State: Safe
\tPower Supply State: {}
\tThermal State: {}
"""


def told(data: bytes) -> dict[str, tuple[str, list[str]]]:
    """Quantity to slot and asserted words."""
    found = {}
    for one in dmi_decoding.decode(Capture("dmi", {"": data})):
        if isinstance(one, Seen):
            assert isinstance(one.reading, States)
            words = [word for bit, word in enumerate(one.sensor.states) if one.reading.bits >> bit & 1]
            found[one.sensor.quantity] = (one.sensor.part.slot, words)
    return found


@pytest.mark.parametrize(
    ("status", "word"),
    [("Present, OK", "ok"), ("Present, Non-critical", "warning"), ("Present, Critical", "failed")],
)
def test_a_supplys_status_is_one_word_of_health(status: str, word: str) -> None:
    assert told(SUPPLY.format(status).encode()) == {"psu.health": ("PSU1", [word])}


@pytest.mark.parametrize("status", ["Present, Unknown", "Not Present", "Present, Other", "", "<OUT OF SPEC>"])
def test_what_is_not_told_is_no_reading(status: str) -> None:
    assert told(SUPPLY.format(status).encode()) == {}
    assert told(CHASSIS.format("Unknown", "Other").encode()) == {}


def test_the_chassis_tells_of_supplies_and_heat_as_they_were_at_boot() -> None:
    assert told(CHASSIS.format("Critical", "Warning").encode()) == {
        "power.health": ("chassis", ["failed"]),
        "thermal.health": ("chassis", ["warning"]),
    }
    beyond = told(CHASSIS.format("Non-recoverable", "Safe").encode())
    assert (beyond["power.health"][1], beyond["thermal.health"][1]) == (["critical"], ["ok"])


def raw_structure(kind: int, area: bytes, *texts: str) -> bytes:
    strings = b"".join(text.encode() + b"\0" for text in texts) or b"\0"
    return struct.pack("<BBH", kind, 4 + len(area), kind) + area + strings + b"\0"


SUPPLY_FAILED = raw_structure(
    39, bytes((1, 1, 2, 0, 3, 0, 0, 0)) + struct.pack("<HH", 750, 5 << 7 | 0b10), "PSU2", "PWR SPLY", "PS0002"
)
HOT = raw_structure(3, bytes((1, 0x17, 0, 2, 0, 3, 3, 5, 3)), "Maker", "EX12345")


class Firmware:
    async def run(self, tool: str, arguments: object, *, deadline_s: float) -> CommandResult:
        assert tool == "smbios-table"
        return CommandResult(0, SUPPLY_FAILED + HOT, b"")


class Still:
    def now(self) -> Moment:
        return Moment(1_800_000_000_000, 1_000_000)


async def test_the_live_source_reads_them_from_the_raw_table(tmp_path: Path) -> None:
    (tmp_path / "class/dmi/id").mkdir(parents=True)
    tables = DmiTables(tmp_path, cast(CommandRunner, Firmware()), cast(Clock, Still()))
    sweep = await DmiSource(Asset(), tables, period_s=60.0).sweep(Still().now())
    said = {
        sensor.quantity: [word for bit, word in enumerate(sensor.states) if cast(States, reading).bits >> bit & 1]
        for sensor, reading in zip(sweep.sensors, sweep.readings, strict=True)
    }
    assert said == {"psu.health": ["failed"], "power.health": ["ok"], "thermal.health": ["failed"]}
    (supply,) = [sensor.part for sensor in sweep.sensors if sensor.quantity == "psu.health"]
    assert (supply.component, supply.slot, supply.serial) == (Component.PSU, "PSU2", "PS0002")
    assert supply in (sweep.parts or ())
    (chassis,) = [part for part in sweep.parts or () if part.component is Component.CHASSIS]
    assert (chassis.model, chassis.serial) == ("Rack Mount Chassis", "EX12345"), "in words as dmidecode has them"
