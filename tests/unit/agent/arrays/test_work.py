"""Which disks an array is at work on, so that nobody tests them meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest
from hardcase_agent.domain.diagnostic import KnownDisk
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.arrays.model import Disk, MemberState, Report, Volume, VolumeState
from hardcase_agent.sensors.arrays.work import work_on


def disk(serial: str = "S1", *, path: str = "/dev/sda", kind: str = "sat") -> KnownDisk:
    return KnownDisk(part=Part(component=Component.DISK, model="M", serial=serial), path=path, type=kind)


def md(sysfs: Path, action: str, *members: str) -> None:
    folder = sysfs / "block" / "md0" / "md"
    folder.mkdir(parents=True)
    (folder / "sync_action").write_text(action + "\n")
    for member in members:
        (folder / f"dev-{member}").mkdir()


def raid(state: VolumeState, *, member: bool = True, moving: bool = False, serial: str = "S1") -> dict[str, Report]:
    report = Report()
    one = Disk("c0", "252:1", serial=serial, group="0")
    if moving:
        one.state = frozenset({MemberState.REBUILDING})
    report.disks["c0", "252:1"] = one
    report.volumes["c0", "0/0"] = Volume("c0", "0/0", state=frozenset({state}), group="0" if member else "1")
    return {"storcli": report}


@pytest.mark.parametrize("action", ["resync", "recover", "reshape", "check", "repair"])
def test_md_at_work_on_one_of_its_partitions(tmp_path: Path, action: str) -> None:
    md(tmp_path, action, "sda2", "sdb2")
    assert action in work_on(disk(), tmp_path, {}, {})
    assert work_on(disk("S9", path="/dev/sdc"), tmp_path, {}, {}) == ""


@pytest.mark.parametrize("action", ["idle", "frozen"])
def test_md_at_rest(tmp_path: Path, action: str) -> None:
    md(tmp_path, action, "sda2")
    assert work_on(disk(), tmp_path, {}, {}) == ""


def test_md_on_a_namespace_of_an_nvme_controller(tmp_path: Path) -> None:
    md(tmp_path, "recover", "nvme0n1p3")
    assert work_on(disk(path="/dev/nvme0"), tmp_path, {}, {})
    assert work_on(disk("S9", path="/dev/nvme1"), tmp_path, {}, {}) == ""


@pytest.mark.parametrize("state", [VolumeState.REBUILDING, VolumeState.CHECKING, VolumeState.INITIALIZING])
def test_a_controllers_array_at_work(tmp_path: Path, state: VolumeState) -> None:
    behind = disk(kind="megaraid,1")
    assert state.value in work_on(behind, tmp_path, raid(state), {})
    assert work_on(behind, tmp_path, raid(state, member=False), {}) == ""
    assert work_on(behind, tmp_path, raid(VolumeState.OPTIMAL), {}) == ""


def test_a_disk_that_is_being_rebuilt(tmp_path: Path) -> None:
    assert "rebuilt" in work_on(disk(), tmp_path, raid(VolumeState.DEGRADED, moving=True), {})


def test_a_serial_the_controller_prints_with_something_before_it(tmp_path: Path) -> None:
    behind = disk("Z1D5ABCD", kind="megaraid,1")
    assert work_on(behind, tmp_path, raid(VolumeState.REBUILDING, serial="ST1000 Z1D5ABCD"), {})


def test_behind_a_controller_a_disk_that_its_tool_does_not_name_may_be_in_any_array(tmp_path: Path) -> None:
    behind = disk("UNTOLD", kind="megaraid,1")
    assert work_on(behind, tmp_path, raid(VolumeState.REBUILDING, serial="OTHER"), {})
    assert work_on(disk("UNTOLD"), tmp_path, raid(VolumeState.REBUILDING, serial="OTHER"), {}) == ""


def test_behind_a_controller_without_a_tool_that_tells_nothing_is_known(tmp_path: Path) -> None:
    behind = disk(kind="megaraid,1")
    assert "not known" in work_on(behind, tmp_path, {}, {})
    assert "hangs" in work_on(behind, tmp_path, {}, {"storcli": "hangs"})
    assert work_on(disk(), tmp_path, {}, {"storcli": "hangs"}) == ""


def test_the_disks_a_new_member_is_filled_from(tmp_path: Path) -> None:
    reports = raid(VolumeState.DEGRADED)
    new = Disk("c0", "252:2", serial="NEW", group="0", state=frozenset({MemberState.REBUILDING}))
    reports["storcli"].disks["c0", "252:2"] = new
    behind = disk(kind="megaraid,1")
    assert "rebuilt in its array" in work_on(behind, tmp_path, reports, {})
    new.group = "1"
    assert work_on(behind, tmp_path, reports, {}) == ""
    new.group = ""
    assert work_on(behind, tmp_path, reports, {})
    new.controller = "c1"
    assert work_on(behind, tmp_path, reports, {}) == ""


def test_members_told_by_name(tmp_path: Path) -> None:
    report = Report()
    for key, serial in (("a", "S1"), ("b", "S2"), ("c", "S3")):
        report.disks["tank", key] = Disk("tank", key, serial=serial)
    report.volumes["tank", "m0"] = Volume("tank", "m0", members=["a", "b"])
    report.volumes["tank", "m1"] = Volume("tank", "m1", members=["c"])
    report.disks["tank", "b"].state = frozenset({MemberState.REBUILDING})
    assert work_on(disk("S1"), tmp_path, {"zpool": report}, {})
    assert work_on(disk("S3"), tmp_path, {"zpool": report}, {}) == ""
