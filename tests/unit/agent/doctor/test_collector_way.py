"""The way to the collector: each thing that can be wrong on it, by name, against real sockets on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hardcase_agent.config import CollectorSettings
from hardcase_agent.doctor import collector_way
from hardcase_agent.doctor.collector_way import DAY_MS, certificate_lines, clock_lines, reach_lines
from hardcase_agent.domain.event import CoverageStatus
from hardcase_agent.uplink.identity import Identity
from hardcase_agent.uplink.wire import grpc

from tests.fakes.authority import Signed, make
from tests.unit.agent.uplink.test_enrol import Desk

BAD, FINE = CoverageStatus.UNREADABLE, CoverageStatus.WATCHED
BEGAN = 1_700_000_000_000
LIFE = 397 * DAY_MS


def held(ca_pem: str = "") -> Identity:
    return Identity(
        agent_id="a1",
        enrolment="collector:7443",
        server_name="",
        ca_pem=ca_pem,
        certificate_pem="",
        key_pem="",
        not_before_ms=BEGAN,
        not_after_ms=BEGAN + LIFE,
    )


@pytest.mark.parametrize(
    ("after_days", "status", "word"),
    [
        (-1, BAD, "clock is off"),
        (10, FINE, "holds 387 days"),
        (270, FINE, "holds 127 days"),
        (290, FINE, "should have been renewed"),
        (392, BAD, "ends in 5 days"),
        (400, BAD, "ended 3 days ago"),
    ],
)
def test_a_certificate_is_judged_by_the_clock(after_days: int, status: CoverageStatus, word: str) -> None:
    (line,) = certificate_lines(held(), BEGAN + after_days * DAY_MS)
    assert (line.status, word in line.reason) == (status, True), line.reason
    assert bool(line.cure) == ("holds 387" not in word and "holds 127" not in word)


@contextlib.asynccontextmanager
async def listening(context: ssl.SSLContext | None) -> AsyncIterator[int]:
    """Says nothing, whatever comes."""

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
def authority() -> Signed:
    return make("ca")


def server_context(authority: Signed, folder: Path) -> ssl.SSLContext:
    """For the address 127.0.0.1."""
    server = make("collector", authority)
    both = folder / "server.pem"
    both.write_bytes(server.pem + server.key_pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(both)
    return context


async def told(port: int, identity: Identity | None, host: str = "127.0.0.1") -> tuple[CoverageStatus, str, str]:
    (line,) = await reach_lines(CollectorSettings(address=f"{host}:{port}"), identity)
    return line.status, line.reason, line.cure


async def test_a_collector_with_a_certificate_of_the_known_ca_is_good(authority: Signed, tmp_path: Path) -> None:
    async with listening(server_context(authority, tmp_path)) as port:
        status, reason, _ = await told(port, held(authority.pem.decode()))
    assert (status, "known CA" in reason) == (FINE, True), reason


async def test_a_stranger_in_the_collectors_place_is_told(authority: Signed, tmp_path: Path) -> None:
    async with listening(server_context(make("other"), tmp_path)) as port:
        status, reason, cure = await told(port, held(authority.pem.decode()))
    assert (status, "not the known collector" in reason) == (BAD, True), reason
    assert "enroll" in cure


async def test_a_certificate_for_another_name_is_told(authority: Signed, tmp_path: Path) -> None:
    async with listening(server_context(authority, tmp_path)) as port:
        settings = CollectorSettings(address=f"127.0.0.1:{port}", server_name="collector.example")
        (line,) = await reach_lines(settings, held(authority.pem.decode()))
    assert (line.status, "collector.example" in line.reason) == (BAD, True), line.reason
    assert "server_name" in line.cure


async def test_a_port_that_speaks_no_tls_is_told(authority: Signed) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail ready\r\n")
        with contextlib.suppress(OSError):
            await reader.read(1)
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        status, reason, cure = await told(server.sockets[0].getsockname()[1], held(authority.pem.decode()))
    assert (status, "TLS 1.3" in reason) == (BAD, True), reason
    assert "telemetry port" in cure


async def test_a_port_where_nobody_listens_is_told() -> None:
    async with listening(None) as port:
        pass
    status, reason, cure = await told(port, None)
    assert (status, "cannot be reached" in reason) == (BAD, True)
    assert "firewalls" in cure


async def test_a_port_that_swallows_everything_is_told(monkeypatch: pytest.MonkeyPatch, authority: Signed) -> None:
    monkeypatch.setattr(collector_way, "CONNECT_S", 0.3)
    async with listening(None) as port:
        status, reason, _ = await told(port, held(authority.pem.decode()))
    assert (status, "does not answer" in reason) == (BAD, True), reason


async def test_a_name_that_is_not_known_is_told() -> None:
    status, reason, cure = await told(1, None, host="no-such-host.invalid")
    assert (status, "no-such-host.invalid is not resolved" in reason) == (BAD, True)
    assert "resolv.conf" in cure


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    made = Desk()
    await made.start()
    yield made
    await made.stop()


@pytest.mark.parametrize(
    ("off_ms", "status", "word", "curable"),
    [
        (0, FINE, "within a second", False),
        (-30_000, FINE, "30 seconds behind the collector's", False),
        (180_000, FINE, "3 minutes ahead of the collector's", True),
        (-3 * DAY_MS, BAD, "3.0 days behind the collector's: it refuses to renew", True),
    ],
)
async def test_the_clock_is_compared_with_the_collectors(
    desk: Desk, off_ms: int, status: CoverageStatus, word: str, curable: bool
) -> None:
    desk.wall_ms = BEGAN
    identity = replace(held(desk.ca.pem.decode()), enrolment=desk.server.target)
    (line,) = await clock_lines(CollectorSettings(), identity, lambda: BEGAN + off_ms)
    assert (line.status, word in line.reason, bool(line.cure)) == (status, True, curable), line.reason
    assert desk.tokens == []


async def test_a_collector_that_tells_no_time_is_told_and_one_that_is_away_too(desk: Desk) -> None:
    identity = replace(held(desk.ca.pem.decode()), enrolment=desk.server.target)
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    desk.refuse = grpc.StatusCode.UNAUTHENTICATED
    (line,) = await clock_lines(CollectorSettings(), identity, lambda: now_ms)
    assert "could not be asked" in line.reason
    await desk.stop()
    (line,) = await clock_lines(CollectorSettings(), identity, lambda: now_ms)
    assert ("could not be asked" in line.reason, line.status) == (True, FINE)
    await desk.start()
    assert await clock_lines(CollectorSettings(), replace(identity, enrolment=""), lambda: now_ms) == []


async def test_a_clock_by_which_the_collectors_certificate_does_not_hold_is_told(desk: Desk) -> None:
    identity = replace(held(desk.ca.pem.decode()), enrolment=desk.server.target)
    stranger = replace(identity, ca_pem=make("other").pem.decode())
    (line,) = await clock_lines(CollectorSettings(), stranger, lambda: BEGAN - 400 * DAY_MS * 20)
    assert (line.status, "behind the collector's, at least" in line.reason) == (BAD, True), line.reason


async def test_plain_text_is_named() -> None:
    async with listening(None) as port:
        status, reason, _ = await told(port, None)
    assert (status, "plain text" in reason) == (FINE, True)
