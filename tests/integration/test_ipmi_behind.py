"""Sensors of controllers behind the BMC, over LAN, against a real ipmi_sim with a second controller on its bus."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hardcase_agent.domain.event import CoverageStatus
from hardcase_agent.domain.ports import Controller, IpmiRequest
from hardcase_agent.domain.reading import Gap, GapReason, Number
from hardcase_agent.sensors.devices import LanIpmi
from hardcase_agent.sensors.lan_session import LanInterface, LanTarget

from tests.fakes.secrets import FileSecrets
from tests.integration.ipmi_rig import Sources, by_name, lan_sources, states, sweep
from tests.peers.ipmi_sim import IpmiSim, demo

ME, SATELLITE, NOBODY = 0x2C, 0x82, 0x30
READ = IpmiRequest(0x04, 0x2D, b"\x01")
BEHIND = (
    demo.Analogue(
        number=1, name="ME Temp", type=1, unit=1, entity=7, instance=9, reading=51, limits={"uc": 95}, owner=ME
    ),
    demo.Analogue(number=1, name="Node Inlet", type=1, unit=1, entity=55, reading=24, owner=SATELLITE),
    demo.Discrete(
        number=2, name="Node PSU", type=8, entity=10, instance=7, bits=(0, 1, 3), asserted=(0,), owner=SATELLITE
    ),
)
SILENT = demo.Analogue(number=1, name="Gone Temp", type=1, unit=1, entity=7, instance=8, reading=1, owner=NOBODY)


class SimWithGaps(IpmiSim):
    """The BMC's records name sensors of a controller that is not on the bus."""

    def _write(self) -> None:
        super()._write()
        emulated = self.directory / "bmc.emu"
        lines = emulated.read_text().splitlines(keepends=True)
        emulated.write_text("".join(line for line in lines if f" {NOBODY:#04x}" not in line or "_sdr_add" in line))


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[IpmiSim]:
    with IpmiSim(tmp_path / "bmc", [*demo.server_sensors(4), *BEHIND]) as running:
        yield running


@pytest.fixture(params=["rmcpplus", "rmcp"])
async def sources(sim: IpmiSim, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Sources]:
    built = lan_sources(sim.lan_port, sim.password_file, tmp_path / "state", interface=request.param)
    yield built
    await built.close()


def device_of(sim: IpmiSim) -> LanIpmi:
    target = LanTarget(
        host="127.0.0.1",
        port=sim.lan_port,
        interface=LanInterface.RMCPPLUS,
        user=sim.user,
        password=f"file:{sim.password_file}",
    )
    return LanIpmi(target, FileSecrets())


async def test_sensors_of_each_controller_are_read_through_the_bmc(sim: IpmiSim, sources: Sources) -> None:
    read = await sweep(sources.behind)
    assert by_name(read) | {"Node PSU": None} == {"ME Temp": Number(51.0), "Node Inlet": Number(24.0), "Node PSU": None}
    assert states(read, "Node PSU") == ["present"]
    assert [sensor.id for sensor in read.sensors] == ["2c.0.1/7.9", "82.0.1/55.1", "82.0.2/10.7"]
    assert read.sensors[0].limits.upper_critical == 95
    assert read.complete
    sim.command(f"sensor_set_value {ME:#x} 0 1 97 0")
    assert by_name(await sweep(sources.behind))["ME Temp"] == Number(97.0)
    assert "ME Temp" not in by_name(await sweep(sources.analogue))


async def test_a_controller_that_is_not_there_is_a_named_gap_and_asked_again_only_later(tmp_path: Path) -> None:
    with SimWithGaps(tmp_path / "bmc", [*demo.server_sensors(4), *BEHIND, SILENT]) as sim:
        sources = lan_sources(sim.lan_port, sim.password_file, tmp_path / "state")
        read = await sweep(sources.behind)
        gap = by_name(read)["Gone Temp"]
        assert isinstance(gap, Gap)
        assert gap.reason in (GapReason.HUNG, GapReason.ABSENT)
        assert by_name(read)["ME Temp"] == Number(51.0)
        assert by_name(read)["Node Inlet"] == Number(24.0)
        (line,) = [line for line in read.coverage or () if line.status is CoverageStatus.UNREADABLE]
        assert "1 sensors of the controller at 30h on channel 0" in line.reason
        assert line.cure
        # The BMC itself is as well as before, and so is the session.
        assert by_name(await sweep(sources.analogue))["CPU 1 Temp"] == Number(44.0)
        assert by_name(await sweep(sources.behind))["Gone Temp"] == gap
        await sources.close()


async def test_a_bmc_without_such_sensors_is_asked_nothing_and_says_nothing(tmp_path: Path) -> None:
    with IpmiSim(tmp_path / "bmc", 4) as sim:
        sources = lan_sources(sim.lan_port, sim.password_file, tmp_path / "state")
        read = await sweep(sources.behind)
        assert (read.sensors, read.readings) == ((), ())
        await sources.close()


async def test_silence_behind_the_bmc_is_an_answer_and_the_session_lives(sim: IpmiSim) -> None:
    device = device_of(sim)
    answer = await device.request_behind(Controller(0, ME), READ, deadline_s=60.0)
    assert answer[:2] == b"\x00\x33"
    nobody = await device.request_behind(Controller(0, NOBODY), READ, deadline_s=60.0)
    assert nobody[0] in (0x83, 0xC3, 0xD3)
    again = await device.request_behind(Controller(0, ME), READ, deadline_s=60.0)
    assert again == answer
    await device.close()
