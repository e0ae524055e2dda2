"""The live source: tools that are not there, that hang, that say nothing; disks that a controller drops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hardcase_agent.domain.errors import AccessDenied, DeviceHung
from hardcase_agent.domain.event import CoverageStatus
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.reading import Gap, GapReason, Number
from hardcase_agent.sensors.arrays import family

from tests.unit.agent.arrays import outputs
from tests.unit.agent.arrays.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def storcli_of(*disks: tuple[str, str, str], volume: str = "Optl", topology: str = "") -> str:
    """(place, state, serial) of each disk of one RAID 1."""
    data: dict[str, Any] = {
        "Basics": {"Controller": 0, "Model": "AVAGO", "Serial Number": "SR1"},
        "VD LIST": [{"DG/VD": "0/0", "TYPE": "RAID1", "State": volume, "Name": ""}],
        "PD LIST": [outputs.storcli_row(place, state) for place, state, _ in disks],
    }
    if topology:
        data["TOPOLOGY"] = [{"DG": 0, "Arr": 0, "Row": 1, "EID:Slot": "-", "Type": "DRIVE", "State": topology}]
    for place, _, serial in disks:
        path = "Drive /c0/e{}/s{} - Detailed Information".format(*place.split(":"))
        data[path] = outputs.storcli_detail(place, serial)
    return outputs.storcli(data)


WELL = storcli_of(("8:0", "Onln", "A1"), ("8:1", "Onln", "B2"))


async def test_without_any_tool_nothing_is_told_and_nothing_is_wrong(machine: Machine) -> None:
    swept = (await machine.sweep(machine.source())).sweep
    assert (swept.sensors, swept.parts) == ((), ())
    assert [line.status for line in swept.coverage or ()] == [CoverageStatus.NOT_PRESENT]


async def test_a_controller_whose_tool_is_not_installed_is_said_to_be_unseen(machine: Machine) -> None:
    (machine.sysfs / "bus/pci/drivers/megaraid_sas/0000:03:00.0").mkdir(parents=True)
    swept = (await machine.sweep(machine.source())).sweep
    (line,) = swept.coverage or ()
    assert line.status is CoverageStatus.UNREADABLE
    assert "0000:03:00.0" in line.reason
    assert "install storcli" in line.cure


async def test_a_tool_that_tells_of_the_controller_makes_it_seen(machine: Machine) -> None:
    (machine.sysfs / "bus/pci/drivers/megaraid_sas/0000:03:00.0").mkdir(parents=True)
    machine.answers["storcli", "controllers"] = WELL
    swept = await machine.sweep(machine.source())
    assert [line.status for line in swept.sweep.coverage or ()] == [CoverageStatus.WATCHED]
    assert swept.states("disk.member", "A1") == {"online"}


async def test_of_three_tools_for_one_controller_only_the_first_is_asked(machine: Machine) -> None:
    machine.answers["storcli", "controllers"] = WELL
    machine.answers["perccli", "controllers"] = WELL
    machine.answers["megacli", "disks"] = "Adapter #0\n"
    await machine.sweep(machine.source())
    assert {call[0] for call in machine.asked} == {"storcli"}


async def test_a_tool_that_finds_no_controller_lets_the_next_one_speak(machine: Machine) -> None:
    nothing = outputs.storcli({}, status="Failure", description="No Controller found")
    machine.answers["storcli", "controllers"] = nothing
    machine.answers["perccli", "controllers"] = WELL
    swept = await machine.sweep(machine.source())
    assert swept.states("raid.volume", "VD 0") == {"optimal"}
    assert [line.status for line in swept.sweep.coverage or ()] == [CoverageStatus.WATCHED]


async def test_a_tool_that_hangs_makes_gaps_of_its_sensors_and_the_others_are_read(machine: Machine) -> None:
    machine.answers["storcli", "controllers"] = WELL
    machine.answers["zpool", "status"] = outputs.ZPOOL_STATUS
    source = machine.source()
    before = (await machine.sweep(source)).sweep
    machine.answers["storcli", "controllers"] = DeviceHung("storcli did not end by its deadline")
    swept = await machine.sweep(source)
    assert swept.sweep.sensors is before.sensors
    assert swept.sweep.parts is before.parts
    gap = swept.states("disk.member", "A1")
    assert isinstance(gap, Gap)
    assert gap.reason is GapReason.HUNG
    assert swept.states("raid.volume", "tank") == {"degraded"}


async def test_a_refusal_is_told_with_its_cure(machine: Machine) -> None:
    machine.answers["ssacli", "config"] = AccessDenied("no right")
    swept = (await machine.sweep(machine.source())).sweep
    assert any("User=root" in line.cure for line in swept.coverage or ())


async def test_sensors_stay_the_same_objects_while_nothing_changed(machine: Machine) -> None:
    machine.answers["storcli", "controllers"] = WELL
    source = machine.source()
    first, second = (await machine.sweep(source)).sweep, (await machine.sweep(source)).sweep
    assert first.sensors is second.sensors
    kinds = [bool(sensor.states) for sensor in first.sensors]
    assert kinds == sorted(kinds)


async def test_a_member_that_the_controller_calls_missing_is_the_disk_that_was_there(machine: Machine) -> None:
    source = machine.source()
    machine.answers["storcli", "controllers"] = WELL
    await machine.sweep(source)
    machine.answers["storcli", "controllers"] = storcli_of(("8:0", "Onln", "A1"), volume="Dgrd", topology="Msng")
    swept = await machine.sweep(source)
    assert swept.states("disk.member", "B2") == {"missing", "in_degraded_array"}
    assert swept.disk("B2").slot == "8:1"
    assert swept.disk("B2").model == "SEAGATE ST4000NM0023"


async def test_a_member_that_is_told_no_more_at_all_is_still_that_disk(machine: Machine) -> None:
    source = machine.source()
    machine.answers["storcli", "controllers"] = WELL
    await machine.sweep(source)
    machine.answers["storcli", "controllers"] = storcli_of(("8:0", "Onln", "A1"), volume="Dgrd")
    for _ in range(3):
        swept = await machine.sweep(source)
        assert swept.states("disk.member", "B2") == {"missing", "in_degraded_array"}


async def test_after_the_repair_the_new_disk_is_the_member_and_the_old_one_is_forgotten(machine: Machine) -> None:
    source = machine.source()
    machine.answers["storcli", "controllers"] = WELL
    await machine.sweep(source)
    machine.answers["storcli", "controllers"] = storcli_of(("8:0", "Onln", "A1"), volume="Dgrd")
    await machine.sweep(source)
    machine.answers["storcli", "controllers"] = storcli_of(("8:0", "Onln", "A1"), ("8:1", "Onln", "C3"))
    swept = await machine.sweep(source)
    assert {part.serial for part in swept.sweep.parts or () if part.component is Component.DISK} == {"A1", "C3"}


async def test_a_disk_that_leaves_a_sound_array_is_not_put_back(machine: Machine) -> None:
    source = machine.source()
    machine.answers["storcli", "controllers"] = storcli_of(
        ("8:0", "Onln", "A1"), ("8:1", "Onln", "B2"), ("8:2", "DHS", "C3")
    )
    await machine.sweep(source)
    machine.answers["storcli", "controllers"] = WELL
    swept = await machine.sweep(source)
    assert {part.serial for part in swept.sweep.parts or () if part.component is Component.DISK} == {"A1", "B2"}


async def test_a_lost_disk_without_a_slot_is_found_by_where_the_others_are(machine: Machine) -> None:
    machine.answers["storcli", "controllers"] = storcli_of(("8:0", "Onln", "A1"), volume="Dgrd", topology="Msng")
    swept = (await machine.sweep(machine.source())).sweep
    (line,) = [line for line in swept.coverage or () if line.component is Component.DISK]
    assert "slot unknown" in line.reason
    assert "8:0: A1" in line.cure


async def test_tools_that_number_their_controllers_are_asked_for_each(machine: Machine) -> None:
    machine.answers["arcconf", "list"] = "Controllers found: 2\n"
    machine.answers["arcconf", "config"] = outputs.ARCCONF.format(battery="Optimal", stripes="No")
    machine.answers["sas2ircu", "list"] = "   0     SAS2008     1000h    72h   00h:05h:00h:00h      1028h   1f1eh\n"
    machine.answers["sas2ircu", "display"] = outputs.IRCU.format(volume="Okay (OKY)", disk="Ready (RDY)")
    swept = await machine.sweep(machine.source())
    assert [call for call in machine.asked if call[0] == "arcconf"] == [
        ("arcconf", "list"),
        ("arcconf", "config", "1"),
        ("arcconf", "config", "2"),
    ]
    assert ("sas2ircu", "display", "0") in machine.asked
    assert swept.states("raid.volume", "volume 1") == {"optimal"}


async def test_a_sweep_that_ran_out_of_time_goes_on_where_it_stopped(machine: Machine) -> None:
    machine.answers["ssacli", "config"] = outputs.ssacli()
    machine.answers["zpool", "status"] = outputs.ZPOOL_STATUS
    machine.takes_ms = 130_000
    source = machine.source()
    first = (await machine.sweep(source)).sweep
    assert not first.complete
    assert {call[0] for call in machine.asked} == {"ssacli"}
    machine.takes_ms = 0
    await machine.sweep(source)
    assert {call[0] for call in machine.asked} == {"ssacli", "zpool"}


async def test_a_pool_of_kernel_names_tells_which_disks_these_are(machine: Machine) -> None:
    device = machine.sysfs / "block" / "sda" / "device"
    device.mkdir(parents=True)
    designator = b"ATA     " + b"ST4000NM0033-9ZM170".ljust(40) + b"Z1Z00001".ljust(20)
    page = bytes((0, 0x83, 0, len(designator) + 4, 2, 1, 0, len(designator))) + designator
    (device / "vpd_pg83").write_bytes(page)
    (device / "model").write_text("ST4000NM0033-9ZM\n")
    (device / "wwid").write_text("naa.5000c5008ec959c4\n")
    (device / "enclosure_device:Slot 07").mkdir()
    machine.answers["zpool", "status"] = outputs.ZPOOL_STATUS.replace("sdd1", "sda1")
    swept = await machine.sweep(machine.source())
    part = swept.disk("Z1Z00001")
    assert (part.model, part.slot, part.wwn) == ("ST4000NM0033-9ZM170", "Slot 07", "5000c5008ec959c4")
    assert swept.states("disk.member", "Z1Z00001") == {"failed", "in_degraded_array"}


def test_settings_name_their_mistakes() -> None:
    mistakes: list[str] = []
    family.parse({"tools": ["rm"]}, mistakes)
    assert mistakes
    assert "rm is none of" in mistakes[0]


def test_defaults_ask_every_tool() -> None:
    settings = family.parse({}, [])
    assert settings.tools == family.TOOLS


async def test_how_far_a_rebuild_is_is_asked_only_while_one_runs(machine: Machine) -> None:
    source = machine.source()
    machine.answers["storcli", "controllers"] = WELL
    await machine.sweep(source)
    assert ("storcli", "rebuild") not in machine.asked
    machine.answers["storcli", "controllers"] = storcli_of(("8:0", "Onln", "A1"), ("8:1", "Rbld", "B2"), volume="Dgrd")
    machine.answers["storcli", "rebuild"] = outputs.storcli(
        {"Rebuild": [{"Drive-ID": "/c0/e8/s1", "Progress%": 42, "Status": "In progress"}]}
    )
    swept = (await machine.sweep(source)).sweep
    progress = [
        reading
        for sensor, reading in zip(swept.sensors, swept.readings, strict=True)
        if sensor.quantity == "raid.progress"
    ]
    assert progress == [Number(42.0)]


async def test_a_view_that_a_controller_refuses_is_no_gap_in_what_is_seen(machine: Machine) -> None:
    machine.answers["storcli", "controllers"] = WELL
    machine.answers["storcli", "direct-drives"] = outputs.storcli({}, status="Failure", description="No drive found!")
    swept = (await machine.sweep(machine.source())).sweep
    assert [line.status for line in swept.coverage or ()] == [CoverageStatus.WATCHED]
