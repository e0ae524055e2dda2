"""Traps and informs of net-snmp's own senders over loopback, from the settings to the sweep."""

from __future__ import annotations

import asyncio
import shutil
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from hardcase_agent.domain.errors import ConfigError, DeviceFailed, DeviceHung
from hardcase_agent.domain.event import CoverageStatus, Event
from hardcase_agent.domain.frame import Moment
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.ports import Source
from hardcase_agent.domain.reading import Number
from hardcase_agent.sensors.snmp import family
from hardcase_agent.sensors.snmp.trap_listener import TrapListener
from hardcase_agent.sensors.snmp.trap_source import StrangerSource, TrapSource

from tests.peers.snmp_peer import free_udp_port

pytestmark = pytest.mark.skipif(shutil.which("snmptrap") is None, reason="needs the package snmp")

ON_BATTERY = "1.3.6.1.2.1.33.2.1"
ALARM_ADDED = ("1.3.6.1.2.1.33.2.3", "1.3.6.1.2.1.33.1.6.2.1.2.1", "o", "1.3.6.1.2.1.33.1.6.3.1")
USER = {"user": "trapper", "auth": "SHA", "auth_secret": "credential:auth", "priv_secret": "credential:priv"}
LATE_MS = 10_000_000
"""After this a device that was never polled is told by its address."""


class RealClock:
    def now(self) -> Moment:
        return Moment(wall_ms=int(time.time() * 1000), boot_ms=int(time.monotonic() * 1000))


@dataclass
class Secrets:
    def read(self, reference: str) -> str:
        known = {"credential:public": "public", "credential:auth": "authpass123", "credential:priv": "privpass123"}
        if reference not in known:
            raise ConfigError((f"{reference}: there is no such secret",))
        return known[reference]


@dataclass
class Rig:
    device: TrapSource
    strangers: StrangerSource
    listener: TrapListener
    folder: Path

    async def send(self, *arguments: str, tool: str = "snmptrap") -> int:
        """Exit status: of an inform, whether it was answered."""
        head, rest = arguments[:-1], arguments[-1:]
        if tool == "snmpinform":
            # Asked for once: an answer that is late would have it sent, and counted, again.
            head = (*head, "-r", "0", "-t", "80")
        environment = {"PATH": "/usr/bin:/bin", "MIBS": "", "SNMP_PERSISTENT_DIR": str(self.folder)}
        target = f"127.0.0.1:{self.listener.port}"
        process = await asyncio.create_subprocess_exec(
            tool, *head, target, *rest[0].split(), stdout=-3, stderr=-3, env=environment
        )
        async with asyncio.timeout(90):
            return await process.wait()

    async def events(self, count: int) -> list[Event]:
        """The next `count`, waited for."""
        found: list[Event] = []
        await self.until(lambda: self.listener.inbox("x").received >= count)
        found += (await self.device.sweep(Moment(wall_ms=0, boot_ms=LATE_MS))).events
        return found

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(90):
            while not holds():  # noqa: ASYNC110  # what is awaited happens in another process
                await asyncio.sleep(0.02)


@asynccontextmanager
async def rig(folder: Path, profile: dict[str, str], host: str = "127.0.0.1", **traps: object) -> AsyncIterator[Rig]:
    device = {"name": "x", "host": host, "profile": "p", "vendor": "APC"}
    table = {
        "device": [device],
        "profiles": {"p": profile},
        "traps": {"address": "127.0.0.1", "port": free_udp_port(), **traps},
    }
    mistakes: list[str] = []
    settings = family.parse(table, mistakes)
    assert mistakes == []
    doors = SimpleNamespace(clock=RealClock(), secrets=Secrets(), host=Asset(hostname="here", machine_id="m"))
    sources: list[Source] = list(family.build(settings, doors))  # type: ignore[arg-type]  # only these doors are used
    strangers = next(source for source in sources if isinstance(source, StrangerSource))
    own = next(source for source in sources if isinstance(source, TrapSource))
    try:
        await strangers.sweep(Moment(wall_ms=0, boot_ms=0))
        with pytest.raises(DeviceHung, match="not polled yet"):
            await own.sweep(Moment(wall_ms=0, boot_ms=1))
        yield Rig(own, strangers, own._listener, folder)
    finally:
        for source in sources:
            await source.close()


V2C = {"version": "2c", "community": "credential:public"}
V3 = ("-v3", "-u", "trapper", "-l", "authPriv", "-a", "SHA", "-A", "authpass123", "-x", "AES", "-X", "privpass123")


async def test_a_trap_of_version_2c_is_an_event_of_the_listed_device(tmp_path: Path) -> None:
    async with rig(tmp_path, V2C) as peer:
        assert await peer.send("-v2c", "-c", "public", f"100 {ON_BATTERY}") == 0
        (event,) = await peer.events(1)
        assert (event.log, event.code, event.asserted) == ("trap", "ups.on_battery", True)


async def test_a_trap_of_version_1_is_the_same_and_its_community_goes_no_further(tmp_path: Path) -> None:
    async with rig(tmp_path, V2C) as peer:
        words = "1.3.6.1.4.1.318 127.0.0.1 6 5 100 1.3.6.1.4.1.318.2.3.3.0 s battery"
        assert await peer.send("-v1", "-c", "public", words) == 0
        (event,) = await peer.events(1)
        assert event.code == "ups.on_battery"
        assert "battery" in event.text
        assert "public" not in event.text


async def test_an_inform_is_answered(tmp_path: Path) -> None:
    async with rig(tmp_path, V2C) as peer:
        assert await peer.send("-v2c", "-c", "public", f"100 {' '.join(ALARM_ADDED)}", tool="snmpinform") == 0
        (event,) = await peer.events(1)
        assert event.code == "ups.battery_bad"


async def test_a_trap_of_version_3_is_believed_whatever_engine_sends_it(tmp_path: Path) -> None:
    async with rig(tmp_path, USER) as peer:
        for engine in ("0x8000000001020304", "0x80001f8880aabbccdd"):
            assert await peer.send(*V3, "-e", engine, f"100 {ON_BATTERY} 1.3.6.1.2.1.33.1.2.3.0 i {len(engine)}") == 0
        assert [event.code for event in await peer.events(2)] == ["ups.on_battery"] * 2


async def test_an_inform_of_version_3_finds_our_engine_and_is_answered(tmp_path: Path) -> None:
    async with rig(tmp_path, USER) as peer:
        assert await peer.send(*V3, f"100 {ON_BATTERY}", tool="snmpinform") == 0
        assert [event.code for event in await peer.events(1)] == ["ups.on_battery"]


async def test_wrong_secrets_are_refused_and_counted_and_told(tmp_path: Path) -> None:
    wrong = [word.replace("authpass123", "wrongpass123") for word in V3]
    async with rig(tmp_path, USER) as peer:
        await peer.send(*wrong, "-e", "0x8000000001020304", f"100 {ON_BATTERY}")
        await peer.send("-v2c", "-c", "public", f"100 {ON_BATTERY}")
        await peer.until(lambda: peer.listener.inbox("x").refused == 2)
        sweep = await peer.device.sweep(Moment(wall_ms=0, boot_ms=LATE_MS))
        assert sweep.events == ()
        (line,) = sweep.coverage or ()
        assert line.status is CoverageStatus.UNREADABLE
        assert "refused" in line.reason


async def test_a_flood_is_bounded_and_what_is_left_out_is_counted(tmp_path: Path) -> None:
    async with rig(tmp_path, V2C, per_second=0.001, burst=3) as peer:
        for uptime in range(6):
            await peer.send("-v2c", "-c", "public", f"{uptime + 1} {ON_BATTERY}")
        await peer.until(lambda: peer.listener.inbox("x").dropped == 3)
        sweep = await peer.device.sweep(Moment(wall_ms=0, boot_ms=LATE_MS))
        assert len(sweep.events) == 3
        assert [reading.value for reading in sweep.readings if isinstance(reading, Number)] == [3.0, 3.0, 0.0]


async def test_senders_that_are_in_no_device_list_are_named_and_counted(tmp_path: Path) -> None:
    async with rig(tmp_path, V2C, host="192.0.2.7") as peer:
        await peer.send("-v2c", "-c", "public", f"100 {ON_BATTERY}")
        await peer.until(lambda: peer.listener.strangers["127.0.0.1"] == 1)
        sweep = await peer.strangers.sweep(Moment(wall_ms=0, boot_ms=0))
        assert any("127.0.0.1 (1)" in line.reason for line in sweep.coverage or ())
        assert sweep.readings[0] == Number(1.0)


async def test_garbage_is_counted_and_ends_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path, V2C) as peer:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for datagram in (b"", b"\x30\x03", b"x" * 1000, bytes.fromhex("30820200020101")):
                sender.sendto(datagram, ("127.0.0.1", peer.listener.port))
        await peer.until(lambda: peer.listener.unread == 4)
        await peer.send("-v2c", "-c", "public", f"100 {ON_BATTERY}")
        assert len(await peer.events(1)) == 1


async def test_a_taken_port_is_a_named_error(tmp_path: Path) -> None:
    async with rig(tmp_path, V2C) as peer:
        with pytest.raises(DeviceFailed, match=str(peer.listener.port)):
            async with rig(tmp_path, V2C, port=peer.listener.port):
                pass


async def test_the_device_is_known_by_what_polling_found(tmp_path: Path) -> None:
    async with rig(tmp_path, V2C) as peer:
        late = await peer.device.sweep(Moment(wall_ms=0, boot_ms=LATE_MS))
        assert (late.asset.vendor, late.asset.address) == ("APC", "snmp:127.0.0.1")
