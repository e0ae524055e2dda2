"""The contract of IPMI devices, kept by LAN sessions of both kinds against a real ipmi_sim, and by the tests' fake."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hardcase_agent.domain.ports import IpmiDevice
from hardcase_agent.sensors.devices import LanInterface, LanIpmi, LanTarget

from tests.contracts.ipmi_device import IpmiDeviceContract
from tests.fakes.bmc import FakeBmc
from tests.fakes.secrets import FileSecrets
from tests.peers.ipmi_sim import IpmiSim


@pytest.fixture(scope="module")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IpmiSim]:
    with IpmiSim(tmp_path_factory.mktemp("bmc")) as running:
        yield running


async def lan(sim: IpmiSim, interface: LanInterface, path: Path) -> AsyncIterator[IpmiDevice]:
    target = LanTarget(
        host="127.0.0.1",
        port=sim.lan_port,
        interface=interface,
        user=sim.user,
        password=f"file:{sim.password_file}",
    )
    device = LanIpmi(target, FileSecrets())
    yield device
    await device.close()


class TestRmcpPlus(IpmiDeviceContract):
    @pytest.fixture
    async def device(self, sim: IpmiSim, tmp_path: Path) -> AsyncIterator[IpmiDevice]:
        async for device in lan(sim, LanInterface.RMCPPLUS, tmp_path):
            yield device


class TestRmcp(IpmiDeviceContract):
    @pytest.fixture
    async def device(self, sim: IpmiSim, tmp_path: Path) -> AsyncIterator[IpmiDevice]:
        async for device in lan(sim, LanInterface.RMCP, tmp_path):
            yield device


class TestFake(IpmiDeviceContract):
    @pytest.fixture
    def device(self) -> IpmiDevice:
        return FakeBmc()
