"""The sweeps over a machine's disks: each disk's trouble stays its own, and no sleeping disk is woken."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hardcase_agent.domain.errors import (
    AccessDenied,
    DeviceBusy,
    DeviceFailed,
    DeviceHung,
    OutputFlood,
    ToolMissing,
)
from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.frame import Sweep
from hardcase_agent.domain.reading import Gap, GapReason, Number, Reading
from hardcase_agent.sensors.smart.source import SmartSource

from tests.unit.agent.smart.documents import asleep, ata, attribute, document, nvme, sas
from tests.unit.agent.smart.machine import HOST, Extra, Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


async def sweep(source: SmartSource, machine: Machine, *, after_ms: int = 600_000) -> Sweep:
    return await source.sweep(machine.clock.advance(after_ms))


def of(swept: Sweep, serial: str) -> dict[str, Reading]:
    return {
        sensor.quantity: reading
        for sensor, reading in zip(swept.sensors, swept.readings, strict=True)
        if sensor.part.serial == serial
    }


def reasons(swept: Sweep, serial: str) -> set[GapReason | None]:
    return {reading.reason if isinstance(reading, Gap) else None for reading in of(swept, serial).values()}


def lines(coverage: tuple[CoverageLine, ...] | None) -> str:
    return "\n".join(f"{line.status.value}: {line.reason} | {line.cure}" for line in coverage or ())


async def test_a_sweep_brings_every_disk_home(machine: Machine) -> None:
    machine.plug("sda", ata("A"))
    machine.plug("sdb", sas("B"), kind="scsi")
    swept = await sweep(machine.source(), machine)
    assert swept.asset == HOST
    assert of(swept, "A")["disk.temperature"] == Number(31)
    assert of(swept, "B")["disk.grown_defects"] == Number(0)
    assert [part.serial for part in swept.parts or ()] == ["B", "A"]
    assert lines(swept.coverage) == "watched: 2 disks | "
    assert swept.wide
    assert swept.complete
    kinds = [bool(sensor.states) for sensor in swept.sensors]
    assert kinds == sorted(kinds)


async def test_nvme_and_other_disks_belong_to_two_sources_over_one_scan(machine: Machine) -> None:
    machine.plug("sda", ata("A"))
    machine.plug("nvme0", nvme("N"), kind="nvme")
    shelf = machine.shelf()
    fast, slow = machine.source(shelf, nvme=True), machine.source(shelf)
    assert (fast.name, slow.name) == ("smart.nvme", "smart.ata")
    assert {part.serial for part in (await sweep(fast, machine)).parts or ()} == {"N"}
    assert {part.serial for part in (await sweep(slow, machine)).parts or ()} == {"A"}
    assert machine.scans == 1


async def test_sensors_stay_the_same_object_while_nothing_changed(machine: Machine) -> None:
    machine.plug("sda", ata("A"))
    source = machine.source()
    first, second = await sweep(source, machine), await sweep(source, machine)
    assert first.sensors is second.sensors


async def test_every_disk_is_asked_by_the_type_that_the_scan_found(machine: Machine) -> None:
    # smartctl(8): without a type, finding it out may spin a disk up.
    machine.plug("sda", ata("A"), kind="sat")
    machine.plug("sdb", sas("B"), kind="scsi")
    await sweep(machine.source(), machine)
    assert sorted(machine.asked) == [("/dev/sda", "sat"), ("/dev/sdb", "scsi")]


async def test_a_disk_that_fell_asleep_is_a_gap_with_everything_and_stays_in_the_inventory(machine: Machine) -> None:
    machine.plug("sda", ata("A"))
    machine.plug("sdb", ata("B"))
    source = machine.source()
    before = await sweep(source, machine)
    machine.answers["/dev/sda"] = asleep()
    swept = await sweep(source, machine)
    assert reasons(swept, "A") == {GapReason.ASLEEP}
    assert reasons(swept, "B") == {None}
    assert swept.sensors is before.sensors
    assert swept.parts == before.parts


async def test_a_disk_asleep_since_the_start_is_told_and_not_missed(machine: Machine) -> None:
    machine.plug("sda", asleep())
    machine.plug("sdb", ata("B"))
    swept = await sweep(machine.source(), machine)
    assert swept.parts is None, "a list without the sleeping disk would say that it is gone"
    assert "unreadable: /dev/sda: in standby; left asleep | none needed" in lines(swept.coverage)


async def test_a_disk_that_the_kernel_suspended_is_neither_scanned_nor_asked(machine: Machine) -> None:
    machine.plug("sda", ata("A"))
    machine.plug("sdb", ata("B"))
    source = machine.source()
    await sweep(source, machine)
    machine.suspend("sda")
    machine.asked.clear()
    swept = await sweep(source, machine, after_ms=2 * 3600 * 1000)
    assert reasons(swept, "A") == {GapReason.ASLEEP}
    assert machine.asked == [("/dev/sdb", "sat")]
    assert machine.scans == 1
    machine.suspend("sda", "active")
    await sweep(source, machine, after_ms=600_000)
    assert machine.scans == 2


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DeviceHung("sda"), GapReason.HUNG),
        (DeviceBusy("sda"), GapReason.BUSY),
        (OutputFlood("sda"), GapReason.ERROR),
        (AccessDenied("sda"), GapReason.DENIED),
    ],
)
async def test_one_disks_trouble_is_its_own(machine: Machine, error: Exception, reason: GapReason) -> None:
    machine.plug("sda", ata("A"))
    machine.plug("sdb", ata("B"))
    source = machine.source()
    await sweep(source, machine)
    machine.answers["/dev/sda"] = error  # type: ignore[assignment]  # each of the four is an AgentError
    swept = await sweep(source, machine)
    assert reasons(swept, "A") == {reason}
    assert reasons(swept, "B") == {None}
    assert len(swept.parts or ()) == 2


async def test_junk_from_one_disk_is_a_gap_with_an_error(machine: Machine) -> None:
    machine.plug("sda", ata("A"))
    source = machine.source()
    await sweep(source, machine)
    machine.answers["/dev/sda"] = "\x00\xffSegmentation fault"
    assert reasons(await sweep(source, machine), "A") == {GapReason.ERROR}


async def test_hung_disks_alone_are_gaps_and_no_failed_sweep(machine: Machine) -> None:
    machine.plug("sda", DeviceHung("never came back"))
    swept = await sweep(machine.source(), machine)
    assert swept.sensors == ()
    assert swept.parts is None
    assert "never came back | look for resets" in lines(swept.coverage)


async def test_a_disk_behind_two_paths_is_one_disk_asked_once(machine: Machine) -> None:
    machine.plug("sda", sas("A"), kind="scsi")
    machine.plug("sdb", sas("A"), kind="scsi")
    source = machine.source()
    first = await sweep(source, machine)
    assert [part.paths for part in first.parts or ()] == [("/dev/sda", "/dev/sdb")]
    assert len(first.sensors) == len({sensor.id for sensor in first.sensors})
    machine.asked.clear()
    second = await sweep(source, machine)
    assert len(machine.asked) == 1
    assert second.parts == first.parts
    assert reasons(second, "A") == {None}


async def test_a_disk_whose_first_path_fails_is_read_by_the_other(machine: Machine) -> None:
    machine.plug("sda", sas("A"), kind="scsi")
    machine.plug("sdb", sas("A"), kind="scsi")
    source = machine.source()
    await sweep(source, machine)
    machine.answers["/dev/sda"] = DeviceHung("sda")
    assert reasons(await sweep(source, machine), "A") == {None}


async def test_a_sleeping_disk_is_not_tried_by_its_other_path(machine: Machine) -> None:
    machine.plug("sda", sas("A"), kind="scsi")
    machine.plug("sdb", sas("A"), kind="scsi")
    source = machine.source()
    await sweep(source, machine)
    machine.answers.update({"/dev/sda": asleep(), "/dev/sdb": asleep()})
    machine.asked.clear()
    assert reasons(await sweep(source, machine), "A") == {GapReason.ASLEEP}
    assert len(machine.asked) == 1


async def test_a_pulled_disk_leaves_the_inventory(machine: Machine) -> None:
    machine.plug("sda", ata("A"))
    machine.plug("sdb", ata("B"))
    source = machine.source()
    await sweep(source, machine)
    machine.pull("sda")
    swept = await sweep(source, machine)
    assert [part.serial for part in swept.parts or ()] == ["B"]
    assert of(swept, "A") == {}


async def test_a_plugged_disk_is_found_without_waiting_for_the_hour(machine: Machine) -> None:
    machine.plug("sda", ata("A"))
    source = machine.source()
    await sweep(source, machine)
    machine.plug("sdb", ata("B"))
    swept = await sweep(source, machine)
    assert {part.serial for part in swept.parts or ()} == {"A", "B"}
    assert machine.scans == 2


async def test_another_disk_under_the_same_name_is_not_taken_for_the_first(machine: Machine) -> None:
    machine.plug("sda", ata("OLD"))
    source = machine.source()
    await sweep(source, machine)
    machine.pull("sda")
    machine.plug("sda", asleep())
    swept = await sweep(source, machine)
    assert swept.sensors == ()
    assert swept.parts is None
    machine.answers["/dev/sda"] = ata("NEW")
    assert [part.serial for part in (await sweep(source, machine)).parts or ()] == ["NEW"]


async def test_a_value_missing_from_one_answer_is_a_gap_and_no_new_catalogue(machine: Machine) -> None:
    machine.plug("sda", ata("A", attributes=(attribute(5, "Reallocated_Sector_Ct", "8"),)))
    source = machine.source()
    first = await sweep(source, machine)
    machine.answers["/dev/sda"] = ata("A")
    second = await sweep(source, machine)
    assert second.sensors is first.sensors
    gap = of(second, "A")["disk.reallocated"]
    assert isinstance(gap, Gap)
    assert gap.reason is GapReason.ERROR
    assert of(second, "A")["disk.temperature"] == Number(31)


async def test_a_scan_is_made_once_an_hour(machine: Machine) -> None:
    machine.plug("sda", ata("A"))
    source = machine.source()
    for _ in range(12):
        await sweep(source, machine, after_ms=600_000)
    assert machine.scans == 2


async def test_where_the_scan_hangs_the_kernels_list_is_asked_disk_by_disk(machine: Machine) -> None:
    machine.plug("sda", ata("A"))
    machine.plug("sdb", DeviceHung("sdb"))
    machine.scan_error = DeviceHung("tool:smartctl-scan")
    source = machine.source()
    swept = await sweep(source, machine)
    assert reasons(swept, "A") == {None}
    assert ("/dev/sda", "auto") in machine.asked
    machine.scan_error = None
    await sweep(source, machine, after_ms=299_000)
    assert machine.scans == 1
    await sweep(source, machine, after_ms=2_000)
    assert machine.scans == 2


async def test_disks_behind_a_controller_are_found_by_the_scan_and_keep_their_slots(machine: Machine) -> None:
    machine.list_disk("sda")
    machine.answers["/dev/sda"] = document("SCSI", status=4, messages=("Device does not support SMART",))
    for number in (8, 9):
        machine.answers[f"/dev/bus/0 megaraid,{number}"] = sas(f"R{number}")
    source = machine.source(machine.shelf(extra=[Extra(path="/dev/bus/0", type=f"megaraid,{n}") for n in (8, 9)]))
    swept = await sweep(source, machine)
    assert [(part.serial, part.slot) for part in swept.parts or ()] == [("R8", "megaraid 8"), ("R9", "megaraid 9")]
    assert "unreadable: /dev/sda: Device does not support SMART | name the disks behind" in lines(swept.coverage)


async def test_a_usb_disk_is_asked_only_by_hand(machine: Machine) -> None:
    machine.list_disk("sdu", usb=True)
    machine.types["/dev/sdu"] = "sat"
    machine.answers["/dev/sdu"] = ata("U")
    swept = await sweep(machine.source(), machine)
    assert machine.asked == []
    assert "unreadable: /dev/sdu: USB bridges often cannot tell" in lines(swept.coverage)
    by_hand = await sweep(machine.source(machine.shelf(extra=[Extra(path="/dev/sdu", type="sat")])), machine)
    assert [part.serial for part in by_hand.parts or ()] == ["U"]


async def test_include_and_exclude_choose_by_path(machine: Machine) -> None:
    for name in ("sda", "sdb", "sdc"):
        machine.plug(name, ata(name))
    shelf = machine.shelf(include=["/dev/sd[ab]"], exclude=["/dev/sdb"])
    await sweep(machine.source(shelf), machine)
    assert machine.asked == [("/dev/sda", "sat")]


async def test_a_machine_without_disks_says_so(machine: Machine) -> None:
    shelf = machine.shelf()
    for is_nvme in (True, False):
        swept = await sweep(machine.source(shelf, nvme=is_nvme), machine)
        assert (swept.sensors, swept.parts) == ((), ())
        assert [line.status for line in swept.coverage or ()] == [CoverageStatus.NOT_PRESENT]


async def test_virtual_disks_are_not_present_and_cards_are_unreadable(machine: Machine) -> None:
    for name in ("vda", "mmcblk0", "loop0", "dm-0", "md0", "sr0", "zram0"):
        machine.list_disk(name)
    swept = await sweep(machine.source(), machine)
    assert lines(swept.coverage).splitlines() == [
        "unreadable: /dev/mmcblk0: smartctl does not know this kind of disk | ",
        "not_present: /dev/vda: a virtual disk has no SMART | ",
    ]


@pytest.mark.parametrize("error", [ToolMissing("smartctl"), AccessDenied("no right"), DeviceFailed("no helper")])
async def test_where_no_disk_can_be_asked_at_all_the_sweep_fails_by_name(machine: Machine, error: Exception) -> None:
    machine.plug("sda", error)  # type: ignore[arg-type]  # each of the three is an AgentError
    machine.plug("sdb", error)  # type: ignore[arg-type]
    with pytest.raises(type(error)):
        await sweep(machine.source(), machine)


async def test_where_there_is_no_disk_no_tool_is_missing(machine: Machine) -> None:
    machine.scan_error = ToolMissing("smartctl is not installed")
    swept = await sweep(machine.source(), machine)
    assert swept.readings == ()
    assert "not_present" in lines(tuple(swept.coverage or ()))


async def test_a_missing_smartctl_is_said_even_before_a_disk_is_asked(machine: Machine) -> None:
    machine.plug("sda", ata("A"))
    machine.scan_error = ToolMissing("smartctl is not installed")
    with pytest.raises(ToolMissing):
        await sweep(machine.source(), machine)


async def test_no_more_than_four_disks_are_asked_at_once(machine: Machine) -> None:
    for letter in "abcdefghij":
        machine.plug(f"sd{letter}", ata(letter))
    await sweep(machine.source(), machine)
    assert machine.most_at_once == 4
    assert len(machine.asked) == 10


async def test_disks_that_the_time_did_not_reach_are_said_and_come_first_next_time(machine: Machine) -> None:
    for letter in "abcdef":
        machine.plug(f"sd{letter}", ata(letter))
    source = machine.source(disk_deadline_s=0.02)
    await sweep(source, machine)
    for letter in "abcd":
        machine.answers[f"/dev/sd{letter}"] = None
    stopped = await sweep(source, machine)
    assert not stopped.complete
    assert reasons(stopped, "a") == reasons(stopped, "f") == {GapReason.NOT_SWEPT}
    assert machine.at_once == 0, "a call was left in flight"
    machine.asked.clear()
    went_on = await sweep(source, machine)
    assert {path for path, _ in machine.asked[:2]} == {"/dev/sde", "/dev/sdf"}
    assert reasons(went_on, "e") == reasons(went_on, "f") == {None}


async def test_a_cancelled_sweep_leaves_no_call_in_flight(machine: Machine) -> None:
    machine.plug("sda", None)
    task = asyncio.create_task(sweep(machine.source(), machine))
    await machine.asking.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert machine.at_once == 0


async def test_a_long_sweep_says_when_each_value_was_read(machine: Machine) -> None:
    machine.takes_ms = 700
    machine.plug("sda", ata("A"))
    machine.plug("sdb", ata("B"))
    swept = await sweep(machine.source(), machine)
    by_disk = {sensor.part.serial: offset for sensor, offset in zip(swept.sensors, swept.offsets_ms, strict=True)}
    assert sorted(by_disk.values()) == [700, 1400]


async def test_a_short_sweep_has_no_offsets(machine: Machine) -> None:
    machine.plug("sda", ata("A"))
    assert (await sweep(machine.source(), machine)).offsets_ms == ()


async def test_doctor_says_what_each_disk_tells_or_why_not(machine: Machine) -> None:
    machine.plug("sda", ata("A"))
    machine.plug("sdb", document("", status=2, messages=("open /dev/sdb failed: Permission denied",)))
    machine.plug("sdc", asleep())
    said = lines(tuple(await machine.source().doctor()))
    assert "watched: /dev/sda: ST8000NM0055 A" in said
    assert "unreadable: /dev/sdb: open /dev/sdb failed: Permission denied | read disks through the helper" in said
    assert "unreadable: /dev/sdc: in standby; left asleep" in said


async def test_a_hung_scan_leaves_time_to_ask_the_disks_within_the_sweeps_deadline(machine: Machine) -> None:
    machine.plug("sda", ata("A"))
    machine.plug("sdb", None)
    machine.scan_hangs = True
    source = machine.source(disk_deadline_s=0.5)
    async with asyncio.timeout(source.deadline_s):
        swept = await sweep(source, machine)
    assert any(isinstance(reading, Number) for reading in swept.readings)


async def test_doctor_names_a_missing_tool_with_its_cure(machine: Machine) -> None:
    machine.plug("sda", ata("A"))
    machine.scan_error = ToolMissing("smartctl is not installed")
    said = lines(tuple(await machine.source().doctor()))
    assert said == "unreadable: smartctl is not installed | install smartmontools 7.0 or newer"


async def test_a_disk_that_is_busy_for_a_moment_is_asked_once_more(machine: Machine) -> None:
    machine.plug("sda", ata("A"))
    source = machine.source()
    await sweep(source, machine)
    machine.busy_once = True
    assert reasons(await sweep(source, machine), "A") == {None}


# Over restarts of the agent


async def test_a_disk_asleep_at_a_restart_is_still_known_and_stays_asleep(machine: Machine, tmp_path: Path) -> None:
    kept = tmp_path / "smart.json"
    machine.plug("sda", sas("A"), kind="scsi")
    machine.plug("sdb", ata("B"))
    before = await sweep(machine.source(machine.shelf(kept_in=kept)), machine)
    machine.answers["/dev/sda"] = asleep()
    after = await sweep(machine.source(machine.shelf(kept_in=kept)), machine)
    assert after.sensors == before.sensors
    assert after.parts == before.parts
    assert reasons(after, "A") == {GapReason.ASLEEP}
    assert reasons(after, "B") == {None}


async def test_what_was_kept_of_another_disk_under_the_name_is_forgotten(machine: Machine, tmp_path: Path) -> None:
    kept = tmp_path / "smart.json"
    machine.plug("sda", ata("OLD"))
    await sweep(machine.source(machine.shelf(kept_in=kept)), machine)
    machine.pull("sda")
    machine.plug("sda", asleep())
    swept = await sweep(machine.source(machine.shelf(kept_in=kept)), machine)
    assert (swept.sensors, swept.parts) == ((), None)


async def test_what_is_known_is_written_only_when_it_changed(machine: Machine, tmp_path: Path) -> None:
    kept = tmp_path / "smart.json"
    machine.plug("sda", ata("A"))
    source = machine.source(machine.shelf(kept_in=kept))
    await sweep(source, machine)
    kept.unlink()
    await sweep(source, machine)
    assert not kept.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"version": 9, "disks": []}', b'{"version": 1, "disks": [{"part": 5}]}', b"\xff\x00"],
)
async def test_a_broken_memory_is_as_none(machine: Machine, tmp_path: Path, content: bytes) -> None:
    kept = tmp_path / "smart.json"
    kept.write_bytes(content)
    machine.plug("sda", ata("A"))
    assert reasons(await sweep(machine.source(machine.shelf(kept_in=kept)), machine), "A") == {None}


async def test_a_memory_that_cannot_be_written_disturbs_nothing(machine: Machine, tmp_path: Path) -> None:
    machine.plug("sda", ata("A"))
    shelf = machine.shelf(kept_in=tmp_path / "no such folder" / "smart.json")
    assert reasons(await sweep(machine.source(shelf), machine), "A") == {None}
