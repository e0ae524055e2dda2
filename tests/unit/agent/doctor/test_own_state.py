"""Container, virtual machine, clock, and the disk under the spool."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from hardcase_agent.doctor import own_state
from hardcase_agent.doctor.place import Place
from hardcase_agent.domain.event import CoverageStatus

BAD, FINE = CoverageStatus.UNREADABLE, CoverageStatus.WATCHED
NOW_S = 1_800_000_000


@pytest.mark.parametrize(
    ("path", "text", "kind"),
    [
        ("run/systemd/container", "systemd-nspawn\n", "systemd-nspawn"),
        (".dockerenv", "", "docker"),
        ("run/.containerenv", "", "podman"),
        ("proc/1/environ", "PATH=/bin\0container=lxc\0", "lxc"),
    ],
)
def test_a_container_is_named_with_what_it_hides(path: str, text: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(text)
    (line,) = own_state.container_lines(Place(root=tmp_path))
    assert (line.status, f"({kind})" in line.reason) == (BAD, True)
    assert "host itself" in line.cure


def test_a_virtual_machine_is_a_hint_and_a_machine_is_nothing(tmp_path: Path) -> None:
    assert list(own_state.container_lines(Place(root=tmp_path))) == []
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("flags\t\t: fpu hypervisor lahf_lm\n")
    (line,) = own_state.container_lines(Place(root=tmp_path))
    assert line.status is FINE
    assert "virtual machine" in line.reason


@pytest.mark.parametrize(
    ("wall_s", "synchronised", "status", "word"),
    [
        (NOW_S, True, FINE, "is synchronised"),
        (NOW_S, False, FINE, "not synchronised"),
        (86_400, False, BAD, "years behind"),
        (86_400, True, BAD, "years behind"),
    ],
)
def test_a_clock_that_is_off_or_that_nothing_keeps_right_is_told(
    wall_s: float, synchronised: bool, status: CoverageStatus, word: str
) -> None:
    (line,) = own_state.clock_lines(wall_s, synchronised)
    assert (line.status, word in line.reason) == (status, True)
    assert ("timedatectl" in line.cure) == (word != "is synchronised")


def test_a_clock_that_was_not_asked_is_not_told() -> None:
    assert list(own_state.clock_lines(NOW_S, None)) == []


def test_the_kernel_is_asked_for_the_state_of_its_clock() -> None:
    assert own_state.clock_state() in (True, False)


def disk(monkeypatch: pytest.MonkeyPatch, *, free_mib: int, inodes: int = 9) -> None:
    told = SimpleNamespace(f_bavail=free_mib * 256, f_frsize=4096, f_files=100, f_favail=inodes)
    monkeypatch.setattr(os, "statvfs", lambda path: told)


@pytest.mark.parametrize(("free_mib", "status"), [(319, BAD), (320, FINE)])
def test_a_disk_must_hold_what_the_spool_may_grow_to(
    free_mib: int, status: CoverageStatus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk(monkeypatch, free_mib=free_mib)
    (line,) = own_state.disk_lines(tmp_path, 256)
    assert line.status is status
    assert f"{free_mib} MiB are free" in line.reason
    assert ("spool.max_mib" in line.cure) == (status is BAD)


def test_what_the_spool_already_takes_is_not_wanted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "spool").mkdir()
    with (tmp_path / "spool" / "1.seg").open("wb") as file:
        file.truncate(200 << 20)
    disk(monkeypatch, free_mib=130)
    (line,) = own_state.disk_lines(tmp_path, 256)
    assert line.status is FINE


def test_a_disk_without_inodes_and_a_folder_that_is_not_there_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk(monkeypatch, free_mib=5000, inodes=0)
    (line,) = own_state.disk_lines(tmp_path, 256)
    assert "inode" in line.reason
    (line,) = own_state.disk_lines(tmp_path / "gone", 256)
    assert "does not exist" in line.reason
    assert "systemd-tmpfiles" in line.cure


def test_a_folder_of_somebody_else_is_told(tmp_path: Path) -> None:
    closed = tmp_path / "state"
    closed.mkdir(mode=0o000)
    own = os.geteuid()
    try:
        if own == 0:  # root may write anywhere
            os.seteuid(65534)
        (line,) = own_state.disk_lines(closed, 4)
    finally:
        os.seteuid(own)
    assert (line.status, "cannot be written by this user" in line.reason) == (BAD, True)
