"""What a disk source opens to diagnostics: its disks by name, reports, self-tests, lamps; a sleeping disk sleeps on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hardcase_agent.domain.diagnostic import DiskDoor, TestState
from hardcase_agent.domain.errors import DeviceBusy, DeviceFailed
from hardcase_agent.domain.ports import CommandResult
from hardcase_agent.sensors.smart.shelf import Shelf
from hardcase_agent.sensors.smart.source import SmartSource

from tests.unit.agent.smart.documents import as_text, asleep, ata, document, nvme
from tests.unit.agent.smart.machine import HOST, Machine


class Tools(Machine):
    """Also starts tests and lights lamps; `started` is what smartctl prints for the next test."""

    def __init__(self, sysfs: Path) -> None:
        super().__init__(sysfs)
        self.asked_else: list[tuple[str, ...]] = []
        self.started = CommandResult(0, b'{"smartctl": {"version": [7, 4], "exit_status": 0}}', b"")

    async def run(self, tool: str, arguments: Sequence[str], *, deadline_s: float) -> CommandResult:
        if tool in ("smartctl-selftest", "identify-bay"):
            self.asked_else.append((tool, *arguments))
            return self.started
        return await super().run(tool, arguments, deadline_s=deadline_s)


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    made = Tools(tmp_path)
    made.plug("sda", ata("A1", ata_smart_data={"self_test": {"status": {"value": 0}}}))
    made.plug("nvme0", nvme("N1"), kind="nvme")
    return made


def source(tools: Tools, *, is_nvme: bool = False) -> SmartSource:
    shelf = Shelf(tools, tools.sysfs)
    return SmartSource(
        host=HOST, shelf=shelf, commands=tools, clock=tools.clock, nvme=is_nvme, period_s=60.0, disk_deadline_s=6.0,
        busy_wait_s=0.0,
    )  # fmt: skip


async def test_disks_are_known_after_they_told_their_names_each_source_its_own(tools: Tools) -> None:
    for is_nvme, serial in ((False, "A1"), (True, "N1")):
        smart = source(tools, is_nvme=is_nvme)
        assert isinstance(smart, DiskDoor)
        assert list(smart.known_disks()) == []
        await smart.sweep(tools.clock.now())
        assert [disk.part.serial for disk in smart.known_disks()] == [serial]


async def test_a_report_is_what_smartctl_prints_and_a_busy_disk_is_asked_once_more(tools: Tools) -> None:
    smart = source(tools)
    await smart.sweep(tools.clock.now())
    (disk,) = smart.known_disks()
    tools.busy_once = True
    assert b'"A1"' in await smart.raw_report(disk)

    async def busy(tool: str, arguments: Sequence[str], *, deadline_s: float) -> CommandResult:
        raise DeviceBusy("somebody else asks")

    tools.run = busy  # type: ignore[method-assign]
    with pytest.raises(DeviceBusy):
        await smart.raw_report(disk)


async def test_a_sleeping_disk_says_so_and_one_the_kernel_suspended_is_not_even_asked(tools: Tools) -> None:
    smart = source(tools)
    await smart.sweep(tools.clock.now())
    tools.answers["/dev/sda"] = asleep()
    (disk,) = smart.known_disks()
    assert (await smart.self_test_status(disk)).asleep
    tools.suspend("sda")
    await smart.sweep(tools.clock.now())
    (disk,) = smart.known_disks()
    assert disk.suspended
    before = len(tools.asked)
    assert (await smart.self_test_status(disk)).asleep
    assert len(tools.asked) == before


async def test_a_test_is_started_by_the_way_the_disk_is_reached(tools: Tools) -> None:
    smart = source(tools)
    await smart.sweep(tools.clock.now())
    (disk,) = smart.known_disks()
    assert (await smart.self_test_status(disk)).newest is TestState.NONE
    await smart.self_test(disk, "long")
    await smart.identify_bay(disk, 60)
    assert tools.asked_else == [
        ("smartctl-selftest", "/dev/sda", "sat", "long"),
        ("identify-bay", "/dev/sda", "60"),
    ]


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (CommandResult(4, as_text(document("ATA", status=4, messages=("Command failed",))).encode(), b""), "failed"),
        (CommandResult(-9, b"", b""), "signal 9"),
    ],
)
async def test_a_test_that_smartctl_did_not_start_fails(tools: Tools, result: CommandResult, words: str) -> None:
    smart = source(tools)
    await smart.sweep(tools.clock.now())
    (disk,) = smart.known_disks()
    tools.started = result
    with pytest.raises(DeviceFailed, match=words):
        await smart.self_test(disk, "short")
