"""The host family on this very machine, and on a tree with a file that blocks as a dying device does."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from hardcase_agent.domain.errors import DeviceHung
from hardcase_agent.domain.frame import Moment
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.reading import Gap, GapReason, Number, States
from hardcase_agent.helper.table import Table
from hardcase_agent.sensors.command import DirectCommands
from hardcase_agent.sensors.host import family
from hardcase_agent.sensors.host.identity import read_host_asset

from tests.golden.host.trees import write_files

CHIP = "class/hwmon/hwmon0"


class RealClock:
    def now(self) -> Moment:
        return Moment(wall_ms=int(time.time() * 1000), boot_ms=int(time.monotonic() * 1000))


def sources(sysfs: Path, **options: object) -> dict[str, Any]:
    mistakes: list[str] = []
    settings = family.parse(options, mistakes)
    assert mistakes == []
    doors: Any = SimpleNamespace(
        host=Asset(hostname="h"), sysfs=sysfs, clock=RealClock(), commands=DirectCommands(table=Table())
    )
    built = {source.name: source for source in family.build(settings, doors)}
    for source in built.values():
        source.deadline_s = 90.0
    return built


async def test_this_machine_is_read_without_an_error_and_without_a_right() -> None:
    for name, source in sources(Path("/sys")).items():
        sweep = await source.sweep(RealClock().now())
        lines = await source.doctor()
        await source.close()
        assert len(sweep.sensors) == len(sweep.readings), name
        assert sweep.coverage, name
        assert lines, name
        for reading in sweep.readings:
            assert isinstance(reading, Number | States) or reading.detail


async def test_file_systems_are_as_full_as_psutil_says() -> None:
    source = sources(Path("/sys"))["host.filesystems@local"]
    sweep = await source.sweep(RealClock().now())
    await source.close()
    for sensor, reading in zip(sweep.sensors, sweep.readings, strict=True):
        if isinstance(reading, Gap):
            assert reading.detail, "a mount that this machine does not let anybody look at says so"
            continue
        assert isinstance(reading, Number)
        assert reading.value == pytest.approx(psutil.disk_usage(sensor.part.slot).percent, abs=5.0)


def test_this_machine_is_known_by_what_systemd_and_the_kernel_say() -> None:
    asset = read_host_asset(Path("/sys"), Path("/etc"))
    machine_id = Path("/etc/machine-id")
    assert asset.machine_id == (machine_id.read_text().strip() if machine_id.exists() else "")
    assert asset.hostname
    assert not asset.rehearsal


async def test_a_file_that_blocks_hangs_its_own_source_and_no_other(tmp_path: Path) -> None:
    """A FIFO without a writer blocks in open() as sysfs does when its device is gone mad."""
    write_files(tmp_path / CHIP, {"name": "pmbus", "temp1_input": "40000"})
    write_files(tmp_path / "devices/system/edac/mc/mc0/dimm0", {"dimm_ce_count": "5", "dimm_ue_count": "0"})
    found = sources(tmp_path)
    hwmon, memory = found["host.hwmon@local"], found["host.memory@local"]
    await hwmon.sweep(RealClock().now())
    hwmon.deadline_s = 0.2
    blocked = tmp_path / CHIP / "temp1_input"
    blocked.unlink()
    os.mkfifo(blocked)

    with pytest.raises(DeviceHung):
        await hwmon.sweep(RealClock().now())
    with pytest.raises(DeviceHung, match="has not returned"):
        await hwmon.sweep(RealClock().now())
    assert Number(5.0) in (await memory.sweep(RealClock().now())).readings

    with blocked.open("w") as writer:
        writer.write("41000\n")
    blocked.unlink()
    blocked.write_text("42000\n")
    hwmon.deadline_s = 90.0
    assert await until_answered(hwmon) == Number(42.0)
    for source in found.values():
        await source.close()


async def until_answered(source: Any) -> object:
    async with asyncio.timeout(90):
        while True:
            try:
                (reading,) = (await source.sweep(RealClock().now())).readings
            except DeviceHung:
                await asyncio.sleep(0.01)
                continue
            return reading


async def test_a_source_with_a_stuck_read_is_closed_without_waiting(tmp_path: Path) -> None:
    (tmp_path / CHIP).mkdir(parents=True)
    os.mkfifo(tmp_path / CHIP / "name")
    source = sources(tmp_path)["host.hwmon@local"]
    source.deadline_s = 0.1
    with pytest.raises(DeviceHung):
        await source.sweep(RealClock().now())
    async with asyncio.timeout(60):
        await source.close()
    # Both ends at once: it waits for nobody, also where the read has not even begun.
    writer = os.open(tmp_path / CHIP / "name", os.O_RDWR)
    os.write(writer, b"x\n")
    os.close(writer)


async def test_a_sensor_that_goes_between_two_looks_is_a_gap(tmp_path: Path) -> None:
    write_files(tmp_path / CHIP, {"name": "pmbus", "temp1_input": "40000"})
    source = sources(tmp_path)["host.hwmon@local"]
    await source.sweep(RealClock().now())
    (tmp_path / CHIP / "temp1_input").unlink()
    (reading,) = (await source.sweep(RealClock().now())).readings
    await source.close()
    assert isinstance(reading, Gap)
    assert reading.reason is GapReason.ABSENT
