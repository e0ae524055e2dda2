"""Both ways to run a tool are held to one contract: in this process, and in the real helper."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hardcase_agent.domain.ports import CommandRunner
from hardcase_agent.helper.table import Table
from hardcase_agent.sensors.command import DirectCommands
from hardcase_agent.sensors.helper_client import HelperClient

from tests.contracts.command_runner import CommandRunnerContract
from tests.peers.fake_smartctl import FakeSmartctl
from tests.peers.helper_process import HelperProcess


@pytest.fixture
def fake(tmp_path: Path) -> FakeSmartctl:
    return FakeSmartctl(tmp_path)


class TestDirectCommands(CommandRunnerContract):
    @pytest.fixture
    async def runner(self, fake: FakeSmartctl) -> AsyncIterator[CommandRunner]:
        commands = DirectCommands(table=Table(tools=fake.tools, device_root=str(fake.devices)))
        yield commands
        await commands.close()

    @pytest.fixture
    async def bare(self, tmp_path: Path) -> AsyncIterator[CommandRunner]:
        commands = DirectCommands(table=Table(tools={"smartctl": str(tmp_path / "nothing")}))
        yield commands
        await commands.close()


class TestHelper(CommandRunnerContract):
    @pytest.fixture
    async def runner(self, fake: FakeSmartctl, tmp_path: Path) -> AsyncIterator[CommandRunner]:
        tools = (f"--tool={name}={path}" for name, path in fake.tools.items())
        with HelperProcess(tmp_path, *tools, "--device-root", str(fake.devices)) as helper:
            client = HelperClient(str(helper.socket))
            yield client
            await client.close()

    @pytest.fixture
    async def bare(self, tmp_path: Path) -> AsyncIterator[CommandRunner]:
        with HelperProcess(tmp_path, f"--tool=smartctl={tmp_path}/nothing") as helper:
            client = HelperClient(str(helper.socket))
            yield client
            await client.close()
