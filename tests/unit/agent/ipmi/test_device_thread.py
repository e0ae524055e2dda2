"""One thread per device: one call at a time, deadlines that abandon, closing that never waits."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hardcase_agent.domain.errors import DeviceAbsent, DeviceFailed, DeviceHung
from hardcase_agent.sensors.device_thread import DeviceThread
from hardcase_agent.sensors.devices import LocalIpmi


class Stuck:
    """Work that returns when told."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.may_return = threading.Event()

    def __call__(self) -> None:
        self.begun.set()
        assert self.may_return.wait(timeout=90)


async def until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < ends, "did not come true in time"
        await asyncio.sleep(0.01)


def nothing() -> None:
    return None


def open_files() -> set[str]:
    return {os.path.realpath(f"/proc/self/fd/{descriptor}") for descriptor in os.listdir("/proc/self/fd")}


async def test_work_runs_on_the_devices_own_daemon_thread() -> None:
    device = DeviceThread("x", nothing)
    seen: list[threading.Thread] = []
    for _ in range(3):
        await device.call(lambda: seen.append(threading.current_thread()), 10)
    assert len(set(seen)) == 1
    assert seen[0].daemon
    assert seen[0] is not threading.current_thread()
    device.close()


async def test_what_the_work_raises_reaches_the_caller() -> None:
    device = DeviceThread("x", nothing)

    def fail() -> None:
        raise DeviceFailed("no")

    with pytest.raises(DeviceFailed, match="no"):
        await device.call(fail, 10)
    await device.call(nothing, 10)
    device.close()


async def test_a_deadline_abandons_and_the_device_stays_hung_until_the_call_returns() -> None:
    device, stuck = DeviceThread("x", nothing), Stuck()
    with pytest.raises(DeviceHung, match="no answer within"):
        await device.call(stuck, 0.05)
    for _ in range(3):
        with pytest.raises(DeviceHung, match="earlier request"):
            await device.call(nothing, 10)
    stuck.may_return.set()

    async def free() -> bool:
        try:
            await device.call(nothing, 10)
        except DeviceHung:
            return False
        return True

    ends = time.monotonic() + 20
    while not await free():
        assert time.monotonic() < ends
        await asyncio.sleep(0.01)
    device.close()


async def test_a_cancelled_caller_leaves_the_device_hung_and_no_second_call_in_flight() -> None:
    device, stuck = DeviceThread("x", nothing), Stuck()
    task = asyncio.create_task(device.call(stuck, 30))
    await until(stuck.begun.is_set)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(DeviceHung):
        await device.call(nothing, 10)
    stuck.may_return.set()
    device.close()


async def test_closing_does_not_wait_and_releases_when_the_stuck_call_returns() -> None:
    released = threading.Event()
    device, stuck = DeviceThread("x", released.set), Stuck()
    with pytest.raises(DeviceHung):
        await device.call(stuck, 0.05)
    device.close()
    device.close()
    assert not released.is_set()
    with pytest.raises(DeviceFailed, match="closed"):
        await device.call(nothing, 10)
    stuck.may_return.set()
    await until(released.is_set)


async def test_a_device_that_was_never_used_starts_no_thread() -> None:
    before = set(threading.enumerate())
    DeviceThread("x", nothing).close()
    assert set(threading.enumerate()) <= before


def test_a_call_that_outlives_its_loop_harms_nothing() -> None:
    device, stuck = DeviceThread("x", nothing), Stuck()

    async def give_up() -> None:
        with pytest.raises(DeviceHung):
            await device.call(stuck, 0.05)

    asyncio.run(give_up())
    stuck.may_return.set()
    device.close()


async def test_a_machine_without_the_driver_is_named() -> None:
    device = LocalIpmi("/nonexistent/ipmi0")
    with pytest.raises(DeviceAbsent, match="ipmi_devintf"):
        await device.request(0x06, 0x01, b"", deadline_s=5)
    await device.close()


async def test_what_is_no_ipmi_device_is_named_and_leaves_no_open_file(tmp_path: Path) -> None:
    plain = tmp_path / "ipmi0"
    plain.touch()
    device = LocalIpmi(str(plain))
    for _ in range(3):
        with pytest.raises(DeviceFailed):
            await device.request(0x06, 0x01, b"", deadline_s=5)
    assert str(plain) not in open_files()
    await device.close()
