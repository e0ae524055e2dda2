"""Each right to a device that is missing, told with how to give it; against a tree that stands for a machine."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
from hardcase_agent.doctor import devices
from hardcase_agent.doctor.place import Account, Place
from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.part import Component

HELPER = Account(name="hardcase-helper", uid=64001, gids=frozenset((64002,)))
ALL = frozenset(("ipmi", "smart", "arrays", "kernel", "host"))


def node(root: Path, name: str, mode: int = 0o600) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    path.chmod(mode)


def told(
    root: Path, opener: Account = HELPER, *, wanted: frozenset[str] = ALL, helped: bool = True
) -> list[CoverageLine]:
    return list(devices.lines(Place(root=root), opener, wanted=wanted, helped=helped))


def only(lines: list[CoverageLine], status: CoverageStatus) -> CoverageLine:
    (line,) = [line for line in lines if line.status is status]
    return line


@pytest.mark.parametrize(
    ("name", "component", "cure"),
    [
        ("ipmi0", Component.BMC, "udevadm trigger"),
        ("nvme0", Component.DISK, "60-hardcase-helper.rules"),
        ("sda", Component.DISK, "SupplementaryGroups=disk"),
    ],
)
def test_a_node_that_is_closed_to_the_helper_is_told_with_its_owner_and_what_opens_it(
    name: str, component: Component, cure: str, tmp_path: Path
) -> None:
    node(tmp_path, f"dev/{name}")
    line = only(told(tmp_path), CoverageStatus.UNREADABLE)
    assert line.component is component
    assert f"/dev/{name} (" in line.reason
    assert "0600" in line.reason
    assert "hardcase-helper" in line.reason
    assert cure in line.cure


def test_without_a_helper_the_cure_is_the_helper(tmp_path: Path) -> None:
    node(tmp_path, "dev/sda")
    own = Account(name="this user", uid=64009)
    assert "hardcase-helper.socket" in only(told(tmp_path, own, helped=False), CoverageStatus.UNREADABLE).cure


def test_a_node_that_its_group_may_open_is_open(tmp_path: Path) -> None:
    for name in ("sda", "sdb", "nvme0", "ipmi0"):
        node(tmp_path, f"dev/{name}", 0o660)
    member = dataclasses.replace(HELPER, gids=frozenset((os.getegid(),)))
    lines = told(tmp_path, member)
    assert [line.status for line in lines] == [CoverageStatus.WATCHED] * 3
    assert "2 of /dev/sd" in lines[-1].reason


def test_a_bmc_is_both_read_and_written_a_disk_is_only_read(tmp_path: Path) -> None:
    node(tmp_path, "dev/ipmi0", 0o640)
    node(tmp_path, "dev/sda", 0o640)
    member = dataclasses.replace(HELPER, gids=frozenset((os.getegid(),)))
    assert "/dev/ipmi0" in only(told(tmp_path, member), CoverageStatus.UNREADABLE).reason


def test_root_may_open_everything(tmp_path: Path) -> None:
    node(tmp_path, "dev/ipmi0", 0o000)
    assert only(told(tmp_path, Account(name="root", uid=0)), CoverageStatus.WATCHED)


def test_partitions_and_namespaces_are_not_examined(tmp_path: Path) -> None:
    for name in ("sda1", "nvme0n1", "nvme0n1p1", "ipmi", "sdx-old"):
        node(tmp_path, f"dev/{name}")
    assert [line.status for line in told(tmp_path)] == [CoverageStatus.NOT_PRESENT]


@pytest.mark.parametrize(
    ("there", "why", "cure"),
    [
        (("sys/module/ipmi_si",), "ipmi_devintf is not loaded", "modprobe ipmi_devintf"),
        (("sys/bus/acpi/devices/IPI0001:00",), "ipmi_si is not loaded", "modprobe ipmi_si"),
        (("sys/firmware/dmi/entries/38-0",), "ipmi_si is not loaded", "/etc/modules-load.d/ipmi.conf"),
        (
            ("sys/module/ipmi_si", "sys/module/ipmi_devintf", "sys/firmware/dmi/entries/38-0"),
            "no BMC that answers",
            "dmesg",
        ),
    ],
)
def test_a_bmc_without_a_node_is_told_with_the_module_that_is_missing(
    there: tuple[str, ...], why: str, cure: str, tmp_path: Path
) -> None:
    for path in there:
        (tmp_path / path).mkdir(parents=True)
    line = only(told(tmp_path), CoverageStatus.UNREADABLE)
    assert why in line.reason
    assert cure in line.cure


def test_a_machine_without_a_bmc_is_no_fault_and_one_that_is_not_asked_for_is_not_told(tmp_path: Path) -> None:
    assert only(told(tmp_path), CoverageStatus.NOT_PRESENT).component is Component.BMC
    (tmp_path / "sys/module/ipmi_si").mkdir(parents=True)
    assert told(tmp_path, wanted=frozenset(("smart",))) == []


def test_a_controller_whose_node_is_roots_is_told_as_what_needs_user_root(tmp_path: Path) -> None:
    node(tmp_path, "dev/megaraid_sas_ioctl_node")
    lines = [line for line in told(tmp_path) if "MegaRAID" in line.reason]
    assert [(line.status, "User=root" in line.cure) for line in lines] == [(CoverageStatus.WATCHED, True)]
    assert not [line for line in told(tmp_path, Account(name="root", uid=0)) if "MegaRAID" in line.reason]


@pytest.mark.parametrize(
    ("restrict", "uid", "helped", "faults"),
    [("1", 64001, False, 1), ("1", 64001, True, 0), ("1", 0, False, 0), ("0", 64001, False, 0)],
)
def test_a_kernel_that_shows_its_log_to_root_alone_is_told_to_who_is_not_root_and_has_no_helper(
    restrict: str, uid: int, helped: bool, faults: int, tmp_path: Path
) -> None:
    path = tmp_path / "proc/sys/kernel/dmesg_restrict"
    path.parent.mkdir(parents=True)
    path.write_text(f"{restrict}\n")
    opener = Account(name="x", uid=uid)
    found = [line for line in told(tmp_path, opener, helped=helped) if "dmesg_restrict" in line.reason]
    assert len(found) == faults
    assert all("kernel.dmesg_restrict=0" in line.cure for line in found)


def test_users_and_their_groups_come_from_the_files_of_the_place(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nhardcase-helper:x:901:902::/:/usr/sbin/nologin\nbad\n")
    (tmp_path / "etc/group").write_text("disk:x:6:\nextra:x:70:hardcase-helper,other\nother:x:71:other\n")
    place = Place(root=tmp_path)
    assert place.account("hardcase-helper", "disk") == Account(
        name="hardcase-helper", uid=901, gids=frozenset((902, 6, 70))
    )
    assert place.account("nobody-here") is None
