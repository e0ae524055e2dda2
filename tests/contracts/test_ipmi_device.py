"""The contract of IPMI devices, kept by LAN sessions of both kinds against a real ipmi_sim, by the helper-backed device
in front of a driver of memory (a real /dev/ipmi0 is test_helper_guest.py's matter), and by the tests' fake."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from hardcase_agent.domain.errors import AccessDenied, DeviceHung
from hardcase_agent.domain.ports import IpmiDevice, IpmiRequest
from hardcase_agent.helper.ipmi import LocalIpmi as HelperDevice
from hardcase_agent.helper.server import Server
from hardcase_agent.helper.table import Table
from hardcase_agent.sensors.devices import LanIpmi
from hardcase_agent.sensors.helper_client import HelperClient
from hardcase_agent.sensors.lan_session import LanInterface, LanTarget

from tests.contracts.ipmi_device import IpmiDeviceContract
from tests.fakes.bmc import FakeBmc
from tests.fakes.ipmi_driver import DriverOverBmc
from tests.fakes.secrets import FileSecrets
from tests.peers.ipmi_sim import IpmiSim


@pytest.fixture(scope="module")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IpmiSim]:
    with IpmiSim(tmp_path_factory.mktemp("bmc")) as running:
        yield running


@contextlib.contextmanager
def serving(folder: Path, answer: Callable[[IpmiRequest], bytes | None]) -> Iterator[Path]:
    """The helper's own loop on a thread, in front of this BMC; ends when its listener does."""
    driver = DriverOverBmc(folder / "ipmi0", answer)
    path = folder / "helper.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(4)
        device = HelperDevice(str(driver.node), ioctl=driver.ioctl)
        server = Server(listener, uids=frozenset({os.geteuid()}), table=Table(), device=device)
        stopped = threading.Event()
        thread = threading.Thread(target=serve_until, args=(server, stopped), name="helper loop")
        thread.start()
        try:
            yield path
        finally:
            stopped.set()
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as nudge:
                nudge.connect(str(path))
            thread.join(60.0)
            assert not thread.is_alive()
            device.close()


def serve_until(server: Server, stopped: threading.Event) -> None:
    while not stopped.is_set():
        server.turn()


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


class TestHelper(IpmiDeviceContract):
    @pytest.fixture
    async def device(self, tmp_path: Path) -> AsyncIterator[IpmiDevice]:
        bmc = FakeBmc()
        with serving(tmp_path, lambda request: bmc.answer(request)) as path:
            client = HelperClient(str(path))
            yield client.ipmi()
            await client.close()

    async def test_many_are_one_crossing_and_end_where_the_bmc_falls_silent(self, tmp_path: Path) -> None:
        bmc = FakeBmc()
        with serving(tmp_path, lambda request: None if request.data == b"\x20" else bmc.answer(request)) as path:
            client = HelperClient(str(path), request_s=3.0)
            device = client.ipmi()
            requests = [IpmiRequest(0x04, 0x2D, bytes((number,))) for number in (1, 0x11, 0x20, 0x30)]
            outcome = await device.request_many(requests, deadline_s=60.0)
            assert len(outcome.answers) == 2
            assert isinstance(outcome.error, DeviceHung)
            assert (await device.request_many(requests, deadline_s=0.0)).answers == ()
            await client.close()

    async def test_one_request_that_is_not_in_the_list_refuses_them_all(self, tmp_path: Path) -> None:
        asked: list[IpmiRequest] = []

        def note(request: IpmiRequest) -> bytes:
            asked.append(request)
            return b"\0"

        with serving(tmp_path, note) as path:
            client = HelperClient(str(path))
            outcome = await client.ipmi().request_many(
                [IpmiRequest(0x04, 0x2D, b"\1"), IpmiRequest(0x00, 0x02, b"\0")], deadline_s=60.0
            )
            assert isinstance(outcome.error, AccessDenied)
            assert asked == []
            await client.close()
