"""A second agent with a valid certificate of its own turns on the first: what it may not do is refused by name, and the
first one's records go on. How much the first is slowed is `make bench BENCH=hostile`'s to say.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import grpc
import pytest
from hardcase_collector.rpc.service import GREETINGS_PER_MINUTE
from hardcase_protos.v1 import telemetry_pb2

from tests.integration.test_ingest_streams import (
    EPOCH,
    WAIT_S,
    Client,
    Collector,
    batch,
    catalogue,
    frame,
    hello,
    running,
    until,
)

Close = telemetry_pb2.Close
BOMB = 64 << 20
"""Zeros; gzip makes 65 kB of them."""


@pytest.fixture
async def collector(tmp_path: Path) -> AsyncIterator[Collector]:
    async with running(tmp_path) as one:
        yield one


@pytest.fixture
async def first(collector: Collector) -> AsyncIterator[Client]:
    """It streams, with two frames in the stores."""
    client = Client(collector, collector.enroll())
    await client.hello()
    await client.send(batch(1, catalogue(), frame(1, 2), frame(3, 4)))
    await client.acked(3)
    yield client
    await client.leave()


async def goes_on(first: Client, sequence: int = 4) -> None:
    """The first agent's next record is taken as if nobody else were there."""
    await first.send(batch(sequence, frame(5, 6)))
    acks = await first.acked(sequence)
    assert not [one for ack in acks for one in ack.rejected]


async def test_it_cannot_speak_as_the_first_host(collector: Collector, first: Client) -> None:
    second = Client(collector, collector.enroll(machine_id="2" * 32))
    await second.send(hello(machine_id="1" * 32))
    assert (await second.closed()).cause == Close.CAUSE_CLONED
    await second.leave()
    await goes_on(first)


async def test_frames_replayed_under_the_firsts_epoch_move_no_mark_of_the_first(
    collector: Collector, first: Client
) -> None:
    second = Client(collector, collector.enroll(machine_id="2" * 32))
    welcome = await second.hello(machine_id="2" * 32)
    assert [(one.epoch, one.through) for one in welcome.resume] == [(EPOCH, 0)]
    await second.send(batch(1, catalogue(serial="OTHER1"), frame(9, 9), *(frame(9, 9) for _ in range(50))))
    await second.acked(52)
    await second.leave()

    with collector.state.read() as tx:
        assert tx.feeds.marks(1)[EPOCH].through == 3
    await goes_on(first)


async def test_it_cannot_be_an_asset_of_another_customer(collector: Collector, first: Client) -> None:
    second = Client(collector, collector.enroll(machine_id="2" * 32, customer="another"))
    await second.send(hello(machine_id="2" * 32))
    refused = await second.closed()
    await second.leave()

    assert (refused.cause, "another customer" in refused.detail) == (Close.CAUSE_REVOKED, True)
    await goes_on(first)


async def test_it_cannot_write_for_an_asset_of_another_customer(collector: Collector, first: Client) -> None:
    second = Client(collector, collector.enroll(machine_id="2" * 32, customer="another"))
    introduction = hello(machine_id="2" * 32)
    introduction.hello.host.serial = "OTHER1"
    await second.send(introduction)
    await second.receive()
    await second.send(batch(1, catalogue()))
    acks = await second.acked(1)
    await second.leave()

    rejected = [(one.sequence, one.status) for ack in acks for one in ack.rejected]
    assert rejected == [(1, telemetry_pb2.Rejection.STATUS_NOT_BOUND)]
    assert collector.telemetry.recount().frames == 2
    await goes_on(first)


async def test_streams_by_the_hundred_are_turned_away_before_anything_is_read(
    collector: Collector, first: Client
) -> None:
    identity = collector.enroll(machine_id="2" * 32)
    codes: list[grpc.StatusCode] = []
    let_in = 0
    # Over one connection: where each of them shakes hands, a slow machine makes fewer than are let in.
    client = Client(collector, identity)
    while len(codes) < 20:
        answer = None
        # Its stream may be over before it has said anything.
        with suppress(grpc.RpcError, asyncio.InvalidStateError):
            await client.send(hello(machine_id="2" * 32))
            answer = await client.receive()
        if answer is None:
            async with asyncio.timeout(WAIT_S):
                codes.append(await client.call.code())
        else:
            let_in += 1
            assert let_in < 20 * GREETINGS_PER_MINUTE, "nobody is turned away"
        client.call.cancel()
        client.call = client.channel.stream_stream("/hardcase_protos.v1.Telemetry/Stream")()
    await client.leave()

    # Some more are let in while it lasts: one a second.
    assert let_in >= GREETINGS_PER_MINUTE
    assert set(codes) == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    await until(lambda: collector.service.open_streams <= 2)
    await goes_on(first)


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
async def test_a_giant_or_a_bomb_ends_its_own_stream_alone(
    collector: Collector, first: Client, compression: grpc.Compression
) -> None:
    identity = collector.enroll(machine_id="2" * 32)
    credentials = grpc.ssl_channel_credentials(collector.authority.certificate_pem, identity.key, identity.certificate)
    options = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
    channel = grpc.aio.secure_channel(
        f"localhost:{collector.port}", credentials, options=options, compression=compression
    )
    call = channel.stream_stream("/hardcase_protos.v1.Telemetry/Stream")()

    async def to_its_end() -> None:
        await call.write(hello(machine_id="2" * 32).SerializeToString())
        await call.write(bytes(BOMB))
        while await call.read() is not grpc.aio.EOF:
            pass

    async with asyncio.timeout(WAIT_S):
        with suppress(grpc.RpcError, asyncio.InvalidStateError):
            await to_its_end()
        assert await call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    await channel.close()
    await goes_on(first)


async def test_connections_that_never_shake_hands_are_let_go(collector: Collector, first: Client) -> None:
    idle = [socket.create_connection(("127.0.0.1", collector.port), timeout=WAIT_S) for _ in range(100)]
    for one in idle:
        one.setblocking(False)
    await goes_on(first)

    def ended(one: socket.socket) -> bool:
        try:
            return one.recv(1) == b""
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True

    await until(lambda: all(map(ended, idle)))
    for one in idle:
        one.close()
    await goes_on(first, 5)
