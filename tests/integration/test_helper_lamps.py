"""Lamps of drive bays through the real helper: each that was lit goes out again, whoever is killed meanwhile."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hardcase_agent.domain.errors import DeviceAbsent
from hardcase_agent.sensors.helper_client import HelperClient

from tests.contracts.command_runner import until
from tests.peers.fake_smartctl import FakeSmartctl
from tests.peers.helper_process import HelperProcess


@pytest.fixture
def fake(tmp_path: Path) -> FakeSmartctl:
    return FakeSmartctl(tmp_path)


def bay(sysfs: Path, name: str = "Slot 01") -> Path:
    """The lamp of a bay of an enclosure with /dev/sda in it, as the kernel's SES driver shows it."""
    here = sysfs / "devices" / "enclosure" / "0:0:8:0" / name
    device = sysfs / "devices" / "target"
    here.mkdir(parents=True)
    device.mkdir(exist_ok=True)
    (here / "locate").write_text("0")
    for folder, link, target in (
        (sysfs / "class" / "enclosure", "0:0:8:0", here.parent),
        (sysfs / "class" / "block" / "sda", "device", device),
        (device, f"enclosure_device:{name}", here),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / link).symlink_to(target)
    return here / "locate"


def burns(lamp: Path) -> bool:
    return lamp.read_text() == "1"


async def until_lit(client: HelperClient, bay_or_disk: str, lamp: Path) -> None:
    for _ in range(20):
        await client.run("identify-bay", (bay_or_disk, "4"), deadline_s=60.0)
        if burns(lamp):
            return
    raise AssertionError("the lamp was never lit")


async def test_a_lamp_goes_out_though_the_asker_and_then_the_helper_are_killed(tmp_path: Path) -> None:
    lamp, lit = bay(tmp_path / "sys"), tmp_path / "lit"
    words = ("--allow-identify", "--sysfs", str(tmp_path / "sys"), "--lit", str(lit))
    with HelperProcess(tmp_path, *words) as first:
        client = HelperClient(str(first.socket))
        # Again and again: a machine may stand still for longer than the lamp burns.
        await until_lit(client, "/dev/sda", lamp)
        await client.close()
        await until(lambda: lamp.read_text() == "0")
        again = HelperClient(str(first.socket))
        await again.run("identify-bay", ("0:0:8:0/Slot 01", "10"), deadline_s=60.0)
        os.kill(first.pid, signal.SIGKILL)
        await again.close()
    assert lamp.read_text() == "1"
    with HelperProcess(tmp_path, *words):
        await until(lambda: lamp.read_text() == "0")
    assert lit.read_text() == ""


async def test_a_disk_in_a_bay_without_ses_is_lit_by_ledctl_and_put_out_again(
    fake: FakeSmartctl, tmp_path: Path
) -> None:
    calls, tool, disk = tmp_path / "calls-of-ledctl", tmp_path / "ledctl", fake.disk("nvme0n1")
    tool.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n')
    tool.chmod(0o755)
    words = ("--allow-identify", "--sysfs", str(tmp_path / "sys"), "--device-root", str(fake.devices))
    for tools in ((f"--tool=ledctl={tmp_path}/nothing",), (f"--tool=ledctl={tool}",)):
        with HelperProcess(tmp_path, *words, *tools) as process:
            client = HelperClient(str(process.socket))
            if tools[0].endswith("nothing"):
                with pytest.raises(DeviceAbsent, match="SES"):
                    await client.run("identify-bay", (disk, "1"), deadline_s=60.0)
            else:
                await client.run("identify-bay", (disk, "1"), deadline_s=60.0)
                await until(lambda: calls.exists() and "locate_off" in calls.read_text())
            await client.close()
    assert calls.read_text().splitlines() == [f"--listed-only locate={disk}", f"--listed-only locate_off={disk}"]


async def test_a_helper_that_is_stopped_leaves_no_lamp_lit(tmp_path: Path) -> None:
    lamp = bay(tmp_path / "sys")
    with HelperProcess(tmp_path, "--allow-identify", "--sysfs", str(tmp_path / "sys")) as process:
        client = HelperClient(str(process.socket))
        await client.run("identify-bay", ("/dev/sda", "3600"), deadline_s=60.0)
        await client.close()
        assert lamp.read_text() == "1"
    assert lamp.read_text() == "0"
