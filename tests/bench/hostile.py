"""How much an agent with a valid certificate slows the others by what it may not do: streams by the ten thousand,
messages of a gigabyte, bombs, connections that never shake hands, frames replayed without end.

Live agents send at their pace; what is compared is the time from reading to commit, alone and under each attack, of
the same collector in one run. The attacker is a process of its own with the lowest priority: its work is not theirs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc

from tests.bench.load import AgentLoad, Orders, channel_of, encode, hello_of
from tests.bench.processes import Child, Row, collector, load

FLEET = 50
BEATS = 30
PACE_MS = 1_000
STREAMS = 10_000
GIANT = 1 << 30
"""Bytes of one message; the collector's side gives up at the length that precedes them."""
BOMB = 128 << 20
"""Zeros, a thousandth of it on the wire."""
IDLE_CONNECTIONS = 1_000
STREAM_PATH = "/hardcase_protos.v1.Telemetry/Stream"


def run() -> list[Row]:
    rows = []
    with collector(FLEET * (len(ATTACKS) + 1) + 1) as (process, address, folder):
        hostile = FLEET * (len(ATTACKS) + 1)
        alone = _fleet(address, folder, 0)
        for at, name in enumerate(ATTACKS, 1):
            attacker = Child("tests.bench.hostile", name, address, str(folder), str(hostile))
            try:
                attacker.answer()
                under = _fleet(address, folder, at * FLEET)
                did = attacker.ask("stop")
            finally:
                attacker.stop()
            ratio = under["latency_p50_s"] / alone["latency_p50_s"]
            rows.append(
                Row(
                    f"reading -> commit of {FLEET} live agents under {name}",
                    f"p50 {under['latency_p50_s']:.3f} s, alone {alone['latency_p50_s']:.3f} s: ratio {ratio:.2f};"
                    f" p99 {under['latency_p99_s']:.3f} s; {did['did']}",
                    "ratio <= 1.1",
                    ratio <= 1.1,
                )
            )
        facts = process.ask("recount")
    rows.append(Row("collector after all of it", f"RSS {facts['rss_mb']:.0f} MB", "printed"))
    return rows


def _fleet(address: str, folder: Path, first: int) -> dict[str, float]:
    orders = Orders(
        address=address, folder=str(folder), agents=FLEET, first_agent=first, frames=BEATS, period_ms=PACE_MS,
        pace_ms=PACE_MS,
    )  # fmt: skip
    with load(orders) as fleet:
        return fleet.ask("")


# ---------------------------------------------------------------------- the attacker's process


class Attack:
    """What one attacker does until it is told to stop."""

    def __init__(self, address: str, folder: str, number: int) -> None:
        self.orders = Orders(address=address, folder=folder, agents=1, first_agent=number, frames=200)
        self.number = number
        self.load: AgentLoad = encode(self.orders, number)
        self.done = 0

    async def streams(self) -> None:
        """Opens them as fast as it can, fifty at a time."""

        async def one(channel: grpc.aio.Channel) -> None:
            call = channel.stream_stream(STREAM_PATH)()
            with contextlib.suppress(grpc.RpcError, asyncio.InvalidStateError):
                await call.write(hello_of(self.load, held=self.load.newest))
                await call.read()
            call.cancel()
            self.done += 1

        while self.done < STREAMS:
            channel = channel_of(self.orders, self.number)
            await asyncio.gather(*(one(channel) for _ in range(50)))
            await channel.close()

    async def giants(self) -> None:
        await self._oversized(GIANT, grpc.Compression.NoCompression)

    async def bombs(self) -> None:
        await self._oversized(BOMB, grpc.Compression.Gzip)

    async def _oversized(self, size: int, compression: grpc.Compression) -> None:
        content = bytes(size)
        while True:
            channel = channel_of(self.orders, self.number)
            call = channel.stream_stream(STREAM_PATH)(compression=compression)
            with contextlib.suppress(grpc.RpcError, asyncio.InvalidStateError, asyncio.CancelledError):
                await call.write(hello_of(self.load, held=self.load.newest))
                await call.write(content)
                await call.read()
            call.cancel()
            await channel.close()
            self.done += 1
            await asyncio.sleep(0.1)

    async def half_open(self) -> None:
        host, _, port = self.orders.address.rpartition(":")
        held: list[socket.socket] = []
        while True:
            while len(held) < IDLE_CONNECTIONS:
                held.append(socket.create_connection((host, int(port)), timeout=30))
                self.done += 1
                await asyncio.sleep(0.001)
            for one in held[:100]:
                one.close()
            del held[:100]
            await asyncio.sleep(1.0)

    async def replays(self) -> None:
        """The same frames, acknowledged long ago, again and again."""
        while True:
            channel = channel_of(self.orders, self.number)
            call = channel.stream_stream(STREAM_PATH)()
            with contextlib.suppress(grpc.RpcError, asyncio.InvalidStateError):
                await call.write(hello_of(self.load, held=self.load.newest))
                await call.read()
                for _ in range(50):
                    for message in self.load.messages:
                        await call.write(message)
                        self.done += 1
                    await call.read()
            call.cancel()
            await channel.close()
            await asyncio.sleep(1.0)


ATTACKS: dict[str, Callable[[Attack], Awaitable[None]]] = {
    "10,000 streams": Attack.streams,
    "giant messages": Attack.giants,
    "zip bombs": Attack.bombs,
    "half-open connections": Attack.half_open,
    "replayed frames": Attack.replays,
}


async def main(name: str, address: str, folder: str, number: int) -> None:
    os.nice(19)
    attack = Attack(address, folder, number)
    print("{}", flush=True)
    began = time.monotonic()
    working = asyncio.ensure_future(ATTACKS[name](attack))
    await asyncio.to_thread(sys.stdin.readline)
    working.cancel()
    took = time.monotonic() - began
    print(f'{{"did": "{attack.done:,} in {took:.0f} s"}}', flush=True)
    await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
