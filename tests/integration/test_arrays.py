"""The arrays source over real processes: tools with their fixed arguments, directly and through the real helper."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hardcase_agent.domain.ports import CommandRunner
from hardcase_agent.domain.reading import Gap, GapReason
from hardcase_agent.helper.table import Table
from hardcase_agent.sensors.arrays.source import ArraysSource
from hardcase_agent.sensors.command import DirectCommands
from hardcase_agent.sensors.helper_client import HelperClient

from tests.fakes.clock import FakeClock
from tests.peers.helper_process import HelperProcess
from tests.unit.agent.arrays import outputs
from tests.unit.agent.arrays.machine import HOST, Swept

pytestmark = pytest.mark.timeout(900)

# A shell begins at once on the busiest machine.
_TOOL = """#!/bin/sh
cd '{folder}' || exit
echo "$*" >> calls
[ -e hang ] && exec sleep 600
told=${{1#/}}
case $told in */*) ;; *) [ -e "$told" ] && exec cat "$told" ;; esac
"""
TOOLS = ("storcli", "ssacli", "zpool")


class Tools:
    """Programs that print the file named after their first argument, and write down how they were called."""

    def __init__(self, folder: Path) -> None:
        self.paths: dict[str, str] = {}
        self.folder = folder
        for tool in TOOLS:
            (folder / tool).mkdir(parents=True)
            program = folder / tool / "program"
            program.write_text(_TOOL.format(folder=folder / tool))
            program.chmod(0o755)
            self.paths[tool] = str(program)

    def answer(self, tool: str, view: str, text: str) -> None:
        (self.folder / tool / view).write_text(text)

    def calls(self, tool: str) -> list[str]:
        calls = self.folder / tool / "calls"
        return calls.read_text().splitlines() if calls.exists() else []


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    made = Tools(tmp_path / "tools")
    made.answer("storcli", "call", outputs.storcli(outputs.storcli_degraded()))
    made.answer("ssacli", "ctrl", outputs.ssacli(volume="Interim Recovery Mode", drive="Failed"))
    made.answer("zpool", "status", outputs.ZPOOL_STATUS)
    return made


@pytest.fixture(params=["direct", "helper"])
async def runner(request: pytest.FixtureRequest, tools: Tools, tmp_path: Path) -> AsyncIterator[CommandRunner]:
    if request.param == "direct":
        commands = DirectCommands(table=Table(tools=tools.paths))
        yield commands
        await commands.close()
        return
    options = (f"--tool={name}={path}" for name, path in tools.paths.items())
    with HelperProcess(tmp_path, *options) as helper:
        client = HelperClient(str(helper.socket))
        yield client
        await client.close()


def source(runner: CommandRunner, sysfs: Path, *, command_s: float = 60.0) -> ArraysSource:
    return ArraysSource(host=HOST, commands=runner, sysfs=sysfs, clock=FakeClock(), tools=TOOLS, command_s=command_s)


async def test_every_installed_tool_is_asked_and_told_of(runner: CommandRunner, tools: Tools, tmp_path: Path) -> None:
    swept = Swept(await source(runner, tmp_path).sweep(FakeClock().now()))
    assert swept.states("disk.member", "Z1Z00002") == {"failed", "in_degraded_array"}
    assert swept.states("disk.member", "KSJ00002") == {"failed", "in_degraded_array"}
    assert swept.states("raid.volume", "tank") == {"degraded"}
    assert tools.calls("storcli") == [
        "/call show all J nolog",
        "/call/eall/sall show all J nolog",
        "/call/sall show all J nolog",
    ]
    assert tools.calls("ssacli") == ["ctrl all show config detail"]


async def test_a_tool_that_hangs_costs_its_own_sensors_only(
    runner: CommandRunner, tools: Tools, tmp_path: Path
) -> None:
    arrays = source(runner, tmp_path, command_s=6.0)
    await arrays.sweep(FakeClock().now())
    (tools.folder / "storcli" / "hang").touch()
    for _ in range(10):
        swept = Swept(await arrays.sweep(FakeClock().now()))
        if not isinstance(swept.states("raid.volume", "tank"), Gap):
            break  # else the machine itself stood still for as long as a tool is given
    gap = swept.states("disk.member", "Z1Z00002")
    assert isinstance(gap, Gap)
    assert gap.reason is GapReason.HUNG
    assert swept.states("raid.volume", "tank") == {"degraded"}
