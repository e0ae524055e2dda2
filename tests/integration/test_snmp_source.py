"""The SNMP family from its settings to sweeps, against real agents."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hardcase_agent.domain.errors import ConfigError, CredentialsRefused, DeviceHung
from hardcase_agent.domain.event import CoverageStatus
from hardcase_agent.domain.frame import Moment, Sweep
from hardcase_agent.domain.ports import Source
from hardcase_agent.domain.reading import Gap, GapReason, Number, Reading, States
from hardcase_agent.sensors.snmp import family

from tests.peers import snmpd as net_snmp
from tests.peers.snmpd import Snmpd, snmpd
from tests.peers.snmpsim import Snmpsim, entity_rows, snmpsim


class RealClock:
    def now(self) -> Moment:
        return Moment(wall_ms=int(time.time() * 1000), boot_ms=int(time.monotonic() * 1000))


@dataclass
class Secrets:
    known: dict[str, str]

    def read(self, reference: str) -> str:
        if reference not in self.known:
            raise ConfigError((f"{reference}: there is no such secret",))
        return self.known[reference]


SECRETS = Secrets(
    {
        "credential:public": net_snmp.COMMUNITY,
        "credential:ups": "ups",
        "credential:rack": "rack",
        "credential:plain": "plain",
        "credential:auth": net_snmp.AUTH_SECRET,
        "credential:priv": net_snmp.PRIV_SECRET,
        "credential:wrong": "wrong-password",
    }
)
V3 = {"user": net_snmp.USER, "auth": "SHA", "auth_secret": "credential:auth", "priv_secret": "credential:priv"}


@asynccontextmanager
async def source_of(port: int, profile: dict[str, str], **options: Any) -> AsyncIterator[Source]:
    device = {"name": "x", "host": "127.0.0.1", "port": port, "profile": "p"}
    mistakes: list[str] = []
    settings = family.parse({"device": [device], "profiles": {"p": profile}, **options}, mistakes)
    assert mistakes == []
    doors: Any = SimpleNamespace(secrets=SECRETS, clock=RealClock())
    (source,) = family.build(settings, doors)
    try:
        yield source
    finally:
        await source.close()


def v2c(community: str) -> dict[str, str]:
    return {"version": "2c", "community": f"credential:{community}"}


def read(sweep: Sweep) -> dict[str, Reading]:
    return {sensor.id: reading for sensor, reading in zip(sweep.sensors, sweep.readings, strict=True)}


def now() -> Moment:
    return RealClock().now()


async def swept(source: Source) -> Sweep:
    """Of a device that answers; a busy machine may take longer than the deadline, and is asked again."""
    async with asyncio.timeout(90):
        while True:
            with contextlib.suppress(DeviceHung):
                return await source.sweep(now())


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpsim]:
    with snmpsim(tmp_path_factory.mktemp("snmpsim")) as peer:
        yield peer


async def test_a_ups_is_read_whole(simulated: Snmpsim) -> None:
    async with source_of(simulated.port, v2c("ups")) as source:
        sweep = await source.sweep(now())
    readings = read(sweep)
    assert source.name == "snmp@x"
    assert (sweep.asset.vendor, sweep.asset.model, sweep.asset.kind) == ("EATON", "9PX 3000", "ups")
    assert sweep.asset.address == f"snmp:127.0.0.1:{simulated.port}"
    assert readings["ups-mib/runtime"] == Number(1260.0)
    assert readings["ups-mib/output"] == States(1 << 4)
    assert readings["ups-mib/alarm"] == States(1 << 1 | 1 << 5)
    assert [line.status for line in sweep.coverage or ()] == [CoverageStatus.WATCHED]
    assert {part.component.value for part in sweep.parts or ()} == {"battery"}


async def test_a_chassis_with_sensors_is_read_with_its_gaps(simulated: Snmpsim) -> None:
    async with source_of(simulated.port, v2c("rack")) as source:
        sweep = await source.sweep(now())
    readings = read(sweep)
    assert (sweep.asset.vendor, sweep.asset.model, sweep.asset.serial) == ("Arista", "DCS-7050", "JPE12345678")
    assert readings["entity-sensor/value/1001"] == Number(23.4)
    assert readings["entity-sensor/value/1003"] == Number(229.8)
    absent = readings["entity-sensor/value/1004"]
    assert isinstance(absent, Gap)
    assert absent.reason is GapReason.ABSENT


async def test_a_device_that_answers_and_knows_nothing_is_not_called_healthy(simulated: Snmpsim) -> None:
    async with source_of(simulated.port, v2c("plain")) as source:
        sweep = await source.sweep(now())
    assert sweep.sensors == ()
    (line,) = sweep.coverage or ()
    assert line.status is CoverageStatus.UNREADABLE
    assert "Some appliance" in line.reason
    assert "not watched" in line.cure


async def test_the_second_sweep_asks_only_for_what_moves_and_keeps_the_catalogue(simulated: Snmpsim) -> None:
    async with source_of(simulated.port, v2c("rack")) as source:
        first = await source.sweep(now())
        second = await source.sweep(now())
    assert second.sensors is first.sensors
    assert second.coverage is None
    assert second.parts is None
    assert read(second) == read(first)


async def test_a_value_that_changes_is_seen_at_the_next_sweep(tmp_path: Path) -> None:
    rows = entity_rows()
    value = "1.3.6.1.2.1.99.1.1.1.4.1001"
    # snmpsim's numeric variation: from 10 tenths, 5000 a second, so that two sweeps cannot see the same.
    rows[value] = ("2:numeric", "min=10,max=1000000000,rate=5000,initial=10,cumulative=0")
    with snmpsim(tmp_path, {"rack": rows}) as peer:
        async with source_of(peer.port, v2c("rack")) as source:
            seen = {read(await source.sweep(now()))["entity-sensor/value/1001"] for _ in range(5)}
    assert len(seen) > 1


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    with snmpd(tmp_path_factory.mktemp("snmpd")) as peer:
        yield peer


@pytest.mark.parametrize("profile", [pytest.param(v2c("public"), id="v2c"), pytest.param(V3, id="v3")])
async def test_a_linux_host_shows_its_file_systems(agent: Snmpd, profile: dict[str, str]) -> None:
    async with source_of(agent.port, profile) as source:
        sweep = await source.sweep(now())
    assert sweep.asset.hostname == "lab-host"
    ucd = [sensor for sensor in sweep.sensors if sensor.id.startswith("ucd/")]
    assert ucd
    for sensor in ucd:
        if sensor.quantity == "filesystem.used":
            reading = read(sweep)[sensor.id]
            assert isinstance(reading, Number)
            assert 0 <= reading.value <= 100


async def test_refused_credentials_end_the_sweep_with_their_name(agent: Snmpd) -> None:
    async with source_of(agent.port, {**V3, "auth_secret": "credential:wrong"}) as source:
        with pytest.raises(CredentialsRefused, match="wrong authentication password"):
            await source.sweep(now())


async def test_a_secret_that_cannot_be_read_is_told_at_the_first_sweep(agent: Snmpd) -> None:
    async with source_of(agent.port, v2c("nowhere")) as source:
        with pytest.raises(ConfigError, match="no such secret"):
            await source.sweep(now())


async def test_a_stopped_device_is_hung_by_the_deadline_and_read_again_when_it_goes_on(tmp_path: Path) -> None:
    with snmpd(tmp_path) as peer:
        async with source_of(peer.port, v2c("public"), deadline_s=3.0) as source:
            before = await swept(source)
            peer.hang()
            with pytest.raises(DeviceHung):
                await source.sweep(now())
            peer.go_on()
            after = await swept(source)
    assert [sensor.id for sensor in after.sensors] == [sensor.id for sensor in before.sensors]


async def test_doctor_warns_of_plain_text_and_tells_what_is_watched(agent: Snmpd) -> None:
    async with source_of(agent.port, v2c("public")) as source:
        lines = await source.doctor()
    assert "plain text" in lines[0].reason
    assert any(line.status is CoverageStatus.WATCHED and "UCD" in line.reason for line in lines)


async def test_doctor_of_a_device_that_refuses_says_why_and_what_to_do(agent: Snmpd) -> None:
    async with source_of(agent.port, {**V3, "user": "nobody"}) as source:
        (line,) = await source.doctor()
    assert line.status is CoverageStatus.UNREADABLE
    assert "does not know SNMPv3 user" in line.reason
    assert line.cure
