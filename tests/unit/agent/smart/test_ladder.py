"""Disks that smartctl does not find by itself: each type is tried once, and what answered is remembered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hardcase_agent.domain.event import CoverageStatus
from hardcase_agent.helper.table import Table
from hardcase_agent.sensors.smart import ladder
from hardcase_agent.sensors.smart.blockdevices import BlockDevice, Bus

from tests.unit.agent.smart.documents import ata, document, sas
from tests.unit.agent.smart.machine import Machine
from tests.unit.agent.smart.test_source import sweep


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def volume() -> dict[str, Any]:
    return document("SCSI", status=4, messages=("Device does not support SMART",))


@pytest.mark.parametrize(
    ("driver", "ways", "slots"),
    [
        ("hpsa", ("/dev/sda cciss,0", "/dev/sda cciss,5"), ["cciss 0", "cciss 5"]),
        ("smartpqi", ("/dev/sda cciss,1", "/dev/sda cciss,2"), ["cciss 1", "cciss 2"]),
        ("megaraid_sas", ("/dev/sda megaraid,8", "/dev/sda megaraid,11"), ["megaraid 8", "megaraid 11"]),
        ("aacraid", ("/dev/sda aacraid,0,0,1", "/dev/sda aacraid,0,0,2"), ["aacraid 0,0,1", "aacraid 0,0,2"]),
        ("3w-9xxx", ("/dev/twa0 3ware,0", "/dev/twa0 3ware,3"), ["3ware 0", "3ware 3"]),
        ("arcmsr", ("/dev/sg7 areca,1", "/dev/sg7 areca,4"), ["areca 1", "areca 4"]),
        ("sssraid", ("/dev/sda sssraid,0,1", "/dev/sda sssraid,0,2"), ["sssraid 0,1", "sssraid 0,2"]),
    ],
)
async def test_disks_behind_a_raid_volume_are_found_by_the_type_of_its_driver(
    machine: Machine, driver: str, ways: tuple[str, str], slots: list[str]
) -> None:
    machine.plug("sda", volume(), kind="scsi")
    machine.drive_by("sda", driver)
    machine.add_processor("sg7", host=0)
    for serial, way in zip("AB", ways, strict=True):
        machine.answers[way] = sas(serial)
    source = machine.source()
    swept = [await sweep(source, machine) for _ in range(12)][-1]
    assert sorted((part.serial, part.slot) for part in swept.parts or ()) == list(zip("AB", slots, strict=True))
    assert not any(line.status is CoverageStatus.UNREADABLE for line in swept.coverage)
    machine.asked.clear()
    await sweep(source, machine)
    assert sorted(f"{path} {kind}" for path, kind in machine.asked) == sorted(ways), "nothing is tried twice"


async def test_every_type_of_the_ladder_is_in_the_table_of_the_helper() -> None:
    for driver in ("megaraid_sas", "hpsa", "cciss", "smartpqi", "aacraid", "arcmsr", "3w-9xxx", "sssraid", "ahci"):
        device = BlockDevice(path="/dev/sda", bus=Bus.SCSI, signature="", address="SCSI 0:0:0:0", driver=driver)
        for rung in ladder.rungs(device):
            Table.check_type(rung.kind)


async def test_a_few_rungs_are_tried_in_a_sweep(machine: Machine) -> None:
    machine.plug("sda", volume(), kind="scsi")
    machine.drive_by("sda", "hpsa")
    source = machine.source()
    await sweep(source, machine)
    machine.asked.clear()
    await sweep(source, machine)
    assert [kind for _, kind in machine.asked if kind.startswith("cciss")] == [
        f"cciss,{slot}" for slot in range(ladder.AT_ONCE)
    ]


async def test_what_the_ladder_found_is_remembered_over_a_restart(machine: Machine, tmp_path: Path) -> None:
    machine.plug("sda", volume(), kind="scsi")
    machine.drive_by("sda", "hpsa")
    machine.answers["/dev/sda cciss,5"] = sas("A")
    source = machine.source(machine.shelf(kept_in=tmp_path / "smart.json"))
    for _ in range(12):
        await sweep(source, machine)
    machine.asked.clear()
    again = machine.source(machine.shelf(kept_in=tmp_path / "smart.json"))
    swept = await sweep(again, machine)
    assert machine.asked == [("/dev/sda", "cciss,5")]
    assert [part.serial for part in swept.parts or ()] == ["A"]


async def test_a_bridge_that_takes_only_short_commands_is_read_by_the_type_that_does(machine: Machine) -> None:
    machine.plug("sda", volume(), kind="scsi")
    machine.answers["/dev/sda sat"] = volume()
    machine.answers["/dev/sda sat,12"] = ata("A")
    source = machine.source()
    for _ in range(4):
        swept = await sweep(source, machine)
    assert [part.serial for part in swept.parts or ()] == ["A"]
    machine.asked.clear()
    await sweep(source, machine)
    assert machine.asked == [("/dev/sda", "sat,12")]


async def test_where_no_type_reads_a_disk_it_is_said_and_asked_as_before(machine: Machine) -> None:
    machine.plug("sda", volume(), kind="scsi")
    for kind in ("sat", "sat,12"):
        machine.answers[f"/dev/sda {kind}"] = volume()
    source = machine.source()
    for _ in range(6):
        swept = await sweep(source, machine)
    machine.asked.clear()
    await sweep(source, machine)
    assert machine.asked == [("/dev/sda", "scsi")]
    assert [line.status for line in swept.coverage] == [CoverageStatus.UNREADABLE]


async def test_with_a_usb_disk_there_the_scan_opens_nothing(machine: Machine) -> None:
    machine.plug("sda", ata("A"), kind="scsi")
    machine.list_disk("sdu", usb=True)
    machine.types["/dev/sdu"] = "scsi"
    swept = await sweep(machine.source(), machine)
    assert (machine.scans, machine.quiet_scans) == (1, 1)
    assert machine.asked == [("/dev/sda", "auto")], "the scan without opening does not know SATA from SAS"
    assert [part.serial for part in swept.parts or ()] == ["A"]


async def test_without_usb_disks_the_scan_finds_out_types(machine: Machine) -> None:
    machine.plug("sda", ata("A"), kind="sat")
    await sweep(machine.source(), machine)
    assert (machine.scans, machine.quiet_scans) == (1, 0)
