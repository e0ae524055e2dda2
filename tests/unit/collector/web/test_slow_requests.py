"""Connections that never finish a request are cut; those that do are not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from unittest.mock import Mock

import pytest
import uvicorn
from fastapi import FastAPI
from hardcase_collector import servers
from uvicorn.server import ServerState

HEAD = b"GET / HTTP/1.1\r\nHost: c\r\n"


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(servers, "REQUEST_S", 0.2)
    app = FastAPI()

    @app.get("/")
    async def slow() -> str:
        await asyncio.sleep(0.5)
        return "there"

    @app.post("/")
    async def echo(body: dict[str, str]) -> dict[str, str]:
        return body

    config = uvicorn.Config(app, log_config=None, lifespan="off", ws="none", timeout_keep_alive=1)
    config.load()
    server = await asyncio.get_running_loop().create_server(
        lambda: servers.BoundedProtocol(config, ServerState(), {}), "127.0.0.1", 0
    )
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


async def told(port: int, *pieces: bytes) -> bytes:
    """What is answered until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    try:
        async with asyncio.timeout(90):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    "sent",
    [b"", HEAD, b"POST / HTTP/1.1\r\nHost: c\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{"],
    ids=["nothing", "half a header", "half a body"],
)
async def test_what_never_becomes_a_request_is_cut(port: int, sent: bytes) -> None:
    assert b"200" not in await told(port, sent)


async def test_a_request_that_is_whole_may_take_its_time_to_be_answered(port: int) -> None:
    answer = await told(port, HEAD, b"Connection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b'"there"')


async def test_a_second_request_on_the_connection_is_bounded_as_the_first(port: int) -> None:
    answer = await told(port, HEAD + b"\r\n", HEAD)

    assert answer.count(b"HTTP/1.1 200") == 1


class Clock:
    """An event loop's time, by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def time(self) -> float:
        return self.now

    def call_at(self, at: float, done: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.TimerHandle(at, done, (), asyncio.get_event_loop())


async def test_a_body_that_flows_has_longer_and_one_that_trickles_or_stops_has_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(servers, "REQUEST_S", 10.0)
    clock = Clock()
    protocol = servers.BoundedProtocol.__new__(servers.BoundedProtocol)
    protocol.loop = clock  # type: ignore[assignment]  # as much of a loop as is asked here
    protocol.transport = Mock()

    def cut_at(received: int) -> float:
        assert protocol._cut is not None
        protocol._extend(protocol._cut, received)
        return protocol._cut.when()

    protocol._cut = clock.call_at(110.0, protocol.transport.abort)
    assert cut_at(servers.FLOW // 2) == 110.0
    clock.now = 105.0
    assert cut_at(servers.FLOW // 2) == 111.0
    assert cut_at(1000 * servers.FLOW) == 115.0
    assert cut_at(1000 * servers.FLOW) == 115.0
    clock.now = 114.0
    assert cut_at(100) == 115.0
    assert cut_at(2 * servers.FLOW) == 117.0
