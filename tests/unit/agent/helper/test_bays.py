"""Lamps of bays: the one that was meant, and out again whatever happens; on a tree as the SES driver shows it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hardcase_agent.domain.errors import AccessDenied, DeviceAbsent, DeviceBusy, DeviceFailed
from hardcase_agent.helper import bays as module
from hardcase_agent.helper.bays import LIT_AT_ONCE, LONGEST_S, Bays

ENCLOSURE = "0:0:8:0"


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    root = tmp_path / "sys"
    there = root / "devices/pci0000:00/host0/enclosure" / ENCLOSURE
    for name in ("Slot 01", "Slot 02"):
        (there / name).mkdir(parents=True)
        (there / name / "locate").write_text("0")
    (there / "Slot 03").mkdir()
    (root / "class/enclosure").mkdir(parents=True)
    (root / "class/enclosure" / ENCLOSURE).symlink_to(there)
    device = root / "devices/target0"
    device.mkdir()
    (device / "enclosure_device:Slot 01").symlink_to(there / "Slot 01")
    (root / "class/block/sda").mkdir(parents=True)
    (root / "class/block/sda/device").symlink_to(device)
    return root


def lamp(sysfs: Path, bay: str = "Slot 01") -> str:
    return (sysfs / "class/enclosure" / ENCLOSURE / bay / "locate").read_text()


@pytest.mark.parametrize("bay", ["/dev/sda", f"{ENCLOSURE}/Slot 01"])
def test_a_bay_is_found_by_its_disk_and_by_its_name(bay: str, sysfs: Path) -> None:
    bays = Bays(sysfs=str(sysfs))
    bays.light(bay, 60, now=100.0)
    assert (lamp(sysfs), lamp(sysfs, "Slot 02")) == ("1", "0")
    assert bays.next_deadline() == 160.0


def test_it_goes_out_when_its_time_is_over_and_not_before(sysfs: Path) -> None:
    bays = Bays(sysfs=str(sysfs))
    bays.light("/dev/sda", 60, now=100.0)
    bays.tick(159.9)
    assert lamp(sysfs) == "1"
    bays.tick(160.0)
    assert (lamp(sysfs), bays.lit) == ("0", ())


def test_asking_again_lengthens_it_and_never_beyond_the_longest(sysfs: Path) -> None:
    bays = Bays(sysfs=str(sysfs))
    bays.light("/dev/sda", 60, now=100.0)
    bays.light(f"{ENCLOSURE}/Slot 01", 10 * LONGEST_S, now=150.0)
    assert bays.next_deadline() == 150.0 + LONGEST_S
    bays.light("/dev/sda", 0, now=151.0)
    assert (lamp(sysfs), bays.lit) == ("0", ())


def test_a_lamp_that_burns_goes_out_also_when_asking_again_failed(
    sysfs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "run"
    kept.mkdir()
    bays = Bays(sysfs=str(sysfs), kept=str(kept / "lit"))
    bays.light("/dev/sda", 60, now=100.0)
    (kept / "lit.new").mkdir()
    with pytest.raises(DeviceFailed):
        bays.light("/dev/sda", 90, now=101.0)
    assert bays.next_deadline() == 160.0
    (kept / "lit.new").rmdir()

    def fails(lamp: str, value: bytes) -> None:
        raise DeviceFailed(f"{lamp}: no answer")

    with monkeypatch.context() as broken:
        broken.setattr(module, "_write", fails)
        with pytest.raises(DeviceFailed):
            bays.light("/dev/sda", 90, now=102.0)
    bays.tick(200.0)
    assert (lamp(sysfs), bays.lit) == ("0", ())


def test_what_another_life_of_the_process_left_lit_is_put_out(sysfs: Path, tmp_path: Path) -> None:
    kept = str(tmp_path / "lit")
    Bays(sysfs=str(sysfs), kept=kept).light("/dev/sda", 60, now=100.0)
    successor = Bays(sysfs=str(sysfs), kept=kept)
    successor.tick(120.0)
    assert lamp(sysfs) == "1", "its time is not over"
    successor.tick(161.0)
    assert lamp(sysfs) == "0"
    assert Bays(sysfs=str(sysfs), kept=kept).lit == ()


def test_at_the_end_of_the_process_every_lamp_goes_out(sysfs: Path, tmp_path: Path) -> None:
    bays = Bays(sysfs=str(sysfs), kept=str(tmp_path / "lit"))
    bays.light("/dev/sda", 3000, now=100.0)
    bays.light(f"{ENCLOSURE}/Slot 02", 3000, now=100.0)
    bays.put_all_out()
    assert (lamp(sysfs), lamp(sysfs, "Slot 02"), bays.lit) == ("0", "0", ())


@pytest.mark.parametrize(
    "bay", [f"{ENCLOSURE}/Slot 09", f"{ENCLOSURE}/Slot 03", f"{ENCLOSURE}/..", "9:9:9:9/Slot 01", "/dev/sdb", "/dev/.."]
)
def test_a_bay_that_is_not_there_or_has_no_lamp_is_absent(bay: str, sysfs: Path) -> None:
    with pytest.raises(DeviceAbsent):
        Bays(sysfs=str(sysfs)).light(bay, 60, now=0.0)


def test_an_enclosure_that_went_away_is_forgotten(sysfs: Path) -> None:
    bays = Bays(sysfs=str(sysfs))
    bays.light("/dev/sda", 60, now=0.0)
    (sysfs / "class/enclosure" / ENCLOSURE / "Slot 01/locate").unlink()
    assert "went away" in bays.tick(61.0)[0]
    assert bays.lit == ()


def test_a_lamp_that_cannot_be_put_out_is_tried_again(sysfs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bays = Bays(sysfs=str(sysfs))
    bays.light("/dev/sda", 60, now=0.0)

    def refuse(*_: object) -> int:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(module.os, "write", refuse)
        assert "Input/output error" in bays.tick(60.0)[0]
        assert bays.next_deadline() == 120.0
    bays.tick(120.0)
    assert lamp(sysfs) == "0"


def test_what_ledctl_lit_is_put_out_by_ledctl_when_its_time_is_over(sysfs: Path, tmp_path: Path) -> None:
    kept = str(tmp_path / "lit")
    put_out: list[str] = []
    bays = Bays(sysfs=str(sysfs), kept=kept)
    bays.put_out = put_out.append
    bays.lit_by_ledctl("/dev/nvme0n1", 60, now=100.0)
    bays.tick(159.0)
    assert put_out == []
    bays.put_all_out()
    assert put_out == [], "the process that ends starts no other one; its successor does"
    successor = Bays(sysfs=str(sysfs), kept=kept)
    successor.put_out = put_out.append
    successor.tick(120.0)
    assert (put_out, successor.lit) == (["/dev/nvme0n1"], ())


def test_lamps_at_once_are_bounded(sysfs: Path) -> None:
    bays = Bays(sysfs=str(sysfs))
    bays._lit = {f"/x/{number}/locate": 1e9 for number in range(LIT_AT_ONCE)}
    with pytest.raises(DeviceBusy):
        bays.light("/dev/sda", 60, now=0.0)


def test_a_lamp_without_the_right_to_write_it_says_what_gives_it(sysfs: Path) -> None:
    path = sysfs / "class/enclosure" / ENCLOSURE / "Slot 01/locate"
    path.chmod(0o444)
    # Another user must come as far as the file: the test's own folders are closed to him.
    for folder in sysfs.parents:
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    own = os.geteuid()
    bays = Bays(sysfs=str(sysfs))
    try:
        if own == 0:
            os.seteuid(65534)
        with pytest.raises(AccessDenied, match=r"README\.md"):
            bays.light("/dev/sda", 60, now=0.0)
    finally:
        os.seteuid(own)
    assert bays.lit == ()


@pytest.mark.parametrize("text", ["", "nonsense", "12 /etc/passwd\n", "x /a/locate\n", "-5 /a/locate\n", "\udcff"])
def test_a_file_that_is_none_lights_and_writes_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "lit").write_bytes(text.encode(errors="surrogateescape"))
    assert Bays(sysfs=str(tmp_path), kept=str(tmp_path / "lit")).lit == ()
