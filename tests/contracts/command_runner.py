"""What every `CommandRunner` must keep; run by `test_command_runner.py` against the direct one and the real helper."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hardcase_agent.domain.errors import (
    AccessDenied,
    DeviceAbsent,
    DeviceBusy,
    DeviceHung,
    OutputFlood,
    ToolMissing,
)
from hardcase_agent.domain.ports import CommandRunner

from tests.peers.fake_smartctl import FakeSmartctl, can_make_unkillable

PATIENCE_S = 60.0
"""Deadline of calls that are expected to end by themselves; a loaded machine takes its time."""


async def until(holds: Callable[[], bool], *, within_s: float = 60.0) -> None:
    """Waits until it holds, with a bound."""
    ends = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < ends, "did not come true in time"
        await asyncio.sleep(0.02)


class CommandRunnerContract:
    """Subclasses give the fixtures `runner` (with the fake's tools and devices) and `bare` (without any tool)."""

    async def test_output_and_status_come_back_as_the_tool_gave_them(
        self, runner: CommandRunner, fake: FakeSmartctl
    ) -> None:
        disk = fake.disk("sda", b'{"a": "\xff\x00"}', status=216)
        result = await runner.run("smartctl-report", (disk, "sat"), deadline_s=PATIENCE_S)
        assert (result.status, result.stdout) == (216, b'{"a": "\xff\x00"}')

    async def test_the_environment_is_clean_and_stderr_is_kept_apart(
        self, runner: CommandRunner, fake: FakeSmartctl, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HARDCASE_SECRET", "hidden")
        result = await runner.run("smartctl-report", (fake.disk("sda", "x"), "sat"), deadline_s=PATIENCE_S)
        assert result.stdout == b"x"
        assert result.stderr in (b"said on stderr LC_ALL PATH", b"said on stderr LC_ALL LC_CTYPE PATH")

    async def test_a_tool_that_prints_megabytes_within_the_limit_is_heard_out(
        self, runner: CommandRunner, fake: FakeSmartctl
    ) -> None:
        disk = fake.disk("sda", b"y" * (4 << 20))
        result = await runner.run("smartctl-report", (disk, "sat"), deadline_s=PATIENCE_S)
        assert len(result.stdout) == 4 << 20

    async def test_a_tool_that_floods_is_stopped_and_named(self, runner: CommandRunner, fake: FakeSmartctl) -> None:
        disk = fake.disk("sda", behaviour="flood")
        with pytest.raises(OutputFlood):
            await runner.run("smartctl-report", (disk, "sat"), deadline_s=PATIENCE_S)
        await until(lambda: not fake.processes())

    async def test_a_tool_ended_by_a_signal_gives_its_number(self, runner: CommandRunner, fake: FakeSmartctl) -> None:
        disk = fake.disk("sda", behaviour="signal", status=signal.SIGKILL)
        result = await runner.run("smartctl-report", (disk, "sat"), deadline_s=PATIENCE_S)
        assert result.status == -signal.SIGKILL

    async def test_a_tool_that_sleeps_past_its_deadline_is_hung_and_killed_with_its_group(
        self, runner: CommandRunner, fake: FakeSmartctl
    ) -> None:
        disk = fake.disk("sda", behaviour="sleep")
        with pytest.raises(DeviceHung):
            await runner.run("smartctl-report", (disk, "sat"), deadline_s=0.5)
        await until(lambda: not fake.processes())
        fake.disk("sda", "well again")

        async def answers() -> bytes:
            return (await runner.run("smartctl-report", (disk, "sat"), deadline_s=PATIENCE_S)).stdout

        assert await when_not_hung(answers) == b"well again"

    async def test_what_a_tool_leaves_in_its_group_ends_with_it(
        self, runner: CommandRunner, fake: FakeSmartctl
    ) -> None:
        disk = fake.disk("sda", behaviour="orphan")
        with pytest.raises(DeviceHung):
            await runner.run("smartctl-report", (disk, "sat"), deadline_s=1.0)
        await until(lambda: not fake.processes())

    async def test_a_process_in_uninterruptible_wait_holds_up_nobody(
        self, runner: CommandRunner, fake: FakeSmartctl
    ) -> None:
        stuck, well = fake.disk("sda", behaviour="vfork"), fake.disk("sdb", "well")
        waiting = asyncio.create_task(runner.run("smartctl-report", (stuck, "sat"), deadline_s=15.0))
        await until(lambda: "D" in {state_of(pid) for pid in fake.processes()}, within_s=14.5)
        result = await runner.run("smartctl-report", (well, "sat"), deadline_s=PATIENCE_S)
        assert result.stdout == b"well"
        with pytest.raises(DeviceHung):
            await waiting
        await until(lambda: not fake.processes())

    async def test_a_process_that_outlives_its_kill_keeps_its_device_hung_and_only_that(
        self, runner: CommandRunner, fake: FakeSmartctl
    ) -> None:
        if not can_make_unkillable():
            pytest.skip("no right to make a pid namespace")
        stuck, well = fake.disk("sda", behaviour="unkillable"), fake.disk("sdb", "well")
        try:
            with pytest.raises(DeviceHung):
                await runner.run("smartctl-report", (stuck, "sat"), deadline_s=8.0)
            calls = len(fake.calls())
            fake.disk("sda", "well again")
            with pytest.raises(DeviceHung, match="earlier call"):
                await runner.run("smartctl-report", (stuck, "sat"), deadline_s=PATIENCE_S)
            assert len(fake.calls()) == calls, "a second process was started for a hung device"
            result = await runner.run("smartctl-report", (well, "sat"), deadline_s=PATIENCE_S)
            assert result.stdout == b"well"
        finally:
            fake.release()

        async def answers() -> bytes:
            return (await runner.run("smartctl-report", (stuck, "sat"), deadline_s=PATIENCE_S)).stdout

        assert await when_not_hung(answers) == b"well again"

    async def test_one_device_is_asked_by_one_at_a_time(self, runner: CommandRunner, fake: FakeSmartctl) -> None:
        disk = fake.disk("sda", behaviour="sleep")
        first = asyncio.create_task(runner.run("smartctl-report", (disk, "sat"), deadline_s=2 * PATIENCE_S))
        await until(lambda: len(fake.calls()) == 1)
        with pytest.raises(DeviceBusy):
            await runner.run("smartctl-report", (disk, "sat"), deadline_s=PATIENCE_S)
        end(fake)
        assert (await first).status == -signal.SIGKILL
        assert len(fake.calls()) == 1

    async def test_four_run_at_a_time_and_the_fifth_that_gets_no_place_is_busy_and_not_hung(
        self, runner: CommandRunner, fake: FakeSmartctl
    ) -> None:
        slow = [fake.disk(f"sd{letter}", behaviour="sleep") for letter in "abcd"]
        running = [
            asyncio.create_task(runner.run("smartctl-report", (disk, "sat"), deadline_s=2 * PATIENCE_S))
            for disk in slow
        ]
        await until(lambda: len(fake.calls()) == 4)
        with pytest.raises(DeviceBusy):
            await runner.run("smartctl-report", (fake.disk("sde", "e"), "sat"), deadline_s=0.1)
        end(fake)
        assert [result.status for result in await asyncio.gather(*running)] == [-signal.SIGKILL] * 4
        await until(lambda: not fake.processes())

    async def test_a_cancelled_call_leaves_no_process_behind(self, runner: CommandRunner, fake: FakeSmartctl) -> None:
        disk = fake.disk("sda", behaviour="sleep")
        call = asyncio.create_task(runner.run("smartctl-report", (disk, "sat"), deadline_s=8.0))
        await until(lambda: len(fake.calls()) == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: not fake.processes())

    async def test_a_missing_tool_is_named(self, bare: CommandRunner) -> None:
        with pytest.raises(ToolMissing, match="smartctl"):
            await bare.run("smartctl-version", (), deadline_s=PATIENCE_S)

    async def test_what_is_not_in_the_table_is_refused(self, runner: CommandRunner, fake: FakeSmartctl) -> None:
        disk = fake.disk("sda", "x")
        (fake.devices / "sdz").write_text("a file, not a device")
        for tool, arguments in (
            ("sh", ("-c", "id")),
            ("smartctl-report", ()),
            ("smartctl-report", (disk, "sat", "-s off")),
            ("smartctl-report", (disk, "--smart=off")),
            ("smartctl-report", (disk, "sat; id")),
            ("smartctl-report", (f"{fake.devices}/../dev/sda", "sat")),
            ("smartctl-report", ("/etc/passwd", "sat")),
            ("smartctl-report", (f"{disk}\n", "sat")),
            ("smartctl-report", (str(fake.devices / "sdz"), "sat")),
            ("smartctl-scan", ("--all",)),
            ("dmidecode", ("--from-dump",)),
        ):
            with pytest.raises(AccessDenied):
                await runner.run(tool, arguments, deadline_s=PATIENCE_S)
        assert fake.calls() == []

    async def test_a_disk_that_is_not_there_is_absent(self, runner: CommandRunner, fake: FakeSmartctl) -> None:
        with pytest.raises(DeviceAbsent):
            await runner.run("smartctl-report", (str(fake.devices / "sdq"), "sat"), deadline_s=PATIENCE_S)

    async def test_every_call_that_touches_a_disk_carries_no_check_in_standby(
        self, runner: CommandRunner, fake: FakeSmartctl
    ) -> None:
        await runner.run("smartctl-report", (fake.disk("sda", "x"), "sat"), deadline_s=PATIENCE_S)
        await runner.run("smartctl-report", (fake.disk("nvme0", "x"),), deadline_s=PATIENCE_S)
        await runner.run("smartctl-scan", (), deadline_s=PATIENCE_S)
        for call in fake.calls():
            assert call[call.index("-n") + 1] == "standby,3"
        assert len(fake.calls()) == 3

    async def test_dmidecode_gives_the_types_asked_for(self, runner: CommandRunner, fake: FakeSmartctl) -> None:
        fake.answer("17", "Memory Device")
        result = await runner.run("dmidecode", ("1", "17"), deadline_s=PATIENCE_S)
        assert (fake.calls(), result.stdout) == ([["-t", "1", "-t", "17"]], b"Memory Device")


async def when_not_hung(ask: Callable[[], object], *, within_s: float = 60.0) -> object:
    """The answer, once the device has let go of its earlier process."""
    ends = time.monotonic() + within_s
    while True:
        try:
            return await ask()  # type: ignore[misc]  # a coroutine function
        except DeviceHung:
            assert time.monotonic() < ends, "stayed hung"
            await asyncio.sleep(0.05)


def end(fake: FakeSmartctl) -> None:
    """Every process of the tool, in place of a deadline that a busy machine would reach too early."""
    for pid in fake.processes():
        os.kill(pid, signal.SIGKILL)


def state_of(pid: int) -> str:
    try:
        return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
