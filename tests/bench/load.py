"""The load: agents that send what was encoded beforehand, as fast as credit allows or at the pace of live ones.

Run as a process of its own (`python -m tests.bench.load`), told what to do by one JSON line on stdin, answering with
JSON lines on stdout. Agents are real gRPC clients over mTLS, one connection each. Values wander; one frame in a hundred
changes a level, one in twenty holds a gap, and each gap lasts one sweep: the harder reading of "5 % hold a gap", since
every gap is news when it comes and again when it goes.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import numpy as np
from hardcase_protos.v1 import reading_pb2, telemetry_pb2
from numpy.random import Generator

GAP_SHARE = 0.05
"""Frames that hold a gap: one sensor was busy for this sweep."""
LEVEL_SHARE = 0.01
LIMIT = 85.0
TRIPPED = 99.0
"""Above the critical limit of 95, which opens a case at the first reading."""


@dataclass(slots=True, kw_only=True)
class Orders:
    """What the load process is told."""

    address: str
    folder: str
    """Holds ca.crt and agent-<n>.crt/.key."""
    agents: int
    first_agent: int = 0
    frames: int
    per_message: int = 1
    sensors: int = 100
    period_ms: int = 1000
    ends_ms: int = 0
    """Time of the newest frame, ms; 0 = now."""
    pace_ms: int = 0
    """0: as fast as credit allows. Otherwise one message of each agent in this time, stamped as it is sent."""
    compression: bool = False
    trips: bool = False
    """Each agent's first sensor crosses its critical limit once, at a frame of its own, and stays there."""
    until_told: bool = False
    """Live agents stop at the next line on stdin; `frames` is then the most each sends."""
    idle: bool = False
    """Streams that only greet, and stay open until told otherwise."""


def asset_of(agent: int) -> reading_pb2.Asset:
    return reading_pb2.Asset(
        vendor="Dell Inc.", model="PowerEdge R750", serial=f"BENCH{agent:05d}", machine_id=f"{agent:032x}",
        hostname=f"bench{agent:05d}", kind="server",
    )  # fmt: skip


def catalogue_of(agent: int, sensors: int, period_ms: int) -> reading_pb2.Catalogue:
    """Temperatures with the limits of a BMC, as many as asked."""
    catalogue = reading_pb2.Catalogue(
        asset=asset_of(agent), source="ipmi.analogue@local", period_ms=period_ms, value_width=4
    )
    for at in range(sensors):
        sensor = catalogue.sensors.add(id=f"20.0.{at}/{7}.{at}", name=f"Temp {at}", kind="temperature", unit="Cel")
        sensor.part.component = "board"
        sensor.part.slot = f"zone {at}"
        limits = sensor.limits
        limits.upper_non_critical, limits.upper_critical, limits.upper_non_recoverable = LIMIT, 95.0, 105.0
        limits.lower_non_critical, limits.lower_critical = 5.0, 0.0
        limits.hysteresis_rising = limits.hysteresis_falling = 2.0
        limits.source = "bmc"
    catalogue.id = hashlib.sha256(catalogue.SerializeToString(deterministic=True)).digest()[:16]
    return catalogue


def wander(rng: Generator, frames: int, sensors: int) -> np.ndarray:
    """Temperatures that wander by whole degrees; in one frame of a hundred one sensor goes over a limit or back."""
    steps = rng.choice(np.array([-1, 0, 0, 0, 0, 0, 0, 1], np.float32), size=(frames, sensors))
    walk = 45 + np.cumsum(steps, axis=0)
    values = 25 + np.abs((walk - 25) % 80 - 40).astype(np.float32)
    over = -1
    for at in np.flatnonzero(rng.random(frames) < LEVEL_SHARE):
        if over < 0:
            over, since = int(rng.integers(sensors)), at
        else:
            values[since:at, over] = LIMIT + 3
            over = -1
    return values


def gaps_of(rng: Generator, frames: int, sensors: int) -> np.ndarray:
    """Per frame the sensor that has a gap, or -1."""
    return np.where(rng.random(frames) < GAP_SHARE, rng.integers(0, sensors, frames), -1)


@dataclass(slots=True)
class AgentLoad:
    """One agent and its messages."""

    number: int
    epoch: bytes
    messages: list[bytes]
    newest: int
    records: int
    acked: int = 0
    refused: int = 0
    held: int = 0
    need: list[str] = field(default_factory=list)
    moved: asyncio.Event = field(default_factory=asyncio.Event)


def frame_record(
    catalogue_id: bytes,
    values: np.ndarray,
    gap: int,
    *,
    period_ms: int,
    wall_ms: int,
    boot_ms: int,
    record: reading_pb2.Record,
) -> None:
    record.wall_ms, record.boot_ms = wall_ms, boot_ms
    frame = record.frame
    frame.catalogue_id = catalogue_id
    if gap >= 0:
        values = values.copy()
        values[gap] = np.nan
        frame.gap_index = gap.to_bytes(2, "little")
        frame.gap_reason = bytes([reading_pb2.GAP_REASON_BUSY])
        frame.gap_age_s = (period_ms // 1000).to_bytes(4, "little")
    frame.values = values.tobytes()


def encode(orders: Orders, number: int) -> AgentLoad:
    """All messages of one agent: the catalogue first, then its frames, `per_message` a message."""
    rng = np.random.default_rng(number)
    catalogue = catalogue_of(number, orders.sensors, orders.period_ms)
    values = wander(rng, orders.frames, orders.sensors)
    gaps = gaps_of(rng, orders.frames, orders.sensors)
    if orders.trips:
        values = np.minimum(values, LIMIT - 10)
        values[1 + number % max(1, orders.frames - 2) :, 0] = TRIPPED
        gaps[gaps == 0] = -1
    epoch = rng.bytes(16)
    messages: list[bytes] = []
    boot_now, wall_now = boot_ms(), orders.ends_ms or time.time_ns() // 1_000_000
    first = telemetry_pb2.AgentMessage()
    first.batch.epoch, first.batch.first_sequence = epoch, 1
    record = first.batch.records.add(wall_ms=wall_now, boot_ms=boot_now)
    record.catalogue.CopyFrom(catalogue)
    messages.append(first.SerializeToString())
    age_now = time.time_ns() // 1_000_000 - wall_now
    for at in range(0, orders.frames, orders.per_message):
        message = telemetry_pb2.AgentMessage()
        batch = message.batch
        batch.epoch, batch.first_sequence = epoch, at + 2
        for index in range(at, min(at + orders.per_message, orders.frames)):
            age = (orders.frames - 1 - index) * orders.period_ms
            frame_record(
                catalogue.id,
                values[index],
                int(gaps[index]),
                period_ms=orders.period_ms,
                wall_ms=wall_now - age,
                boot_ms=max(0, boot_now - age_now - age),
                record=batch.records.add(),
            )
        messages.append(message.SerializeToString())
    return AgentLoad(number, epoch, messages, orders.frames + 1, orders.frames + 1)


def boot_ms() -> int:
    """A boot long enough ago that every record of a week's backlog lies in it."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000 + 30 * 86_400_000


def hello_of(load: AgentLoad, *, held: int) -> bytes:
    """`held`: newest record the agent has when it greets; one that claims many is taken for one that catches up."""
    message = telemetry_pb2.AgentMessage()
    hello = message.hello
    hello.protocol = 1
    hello.agent_version, hello.hostname = "bench", f"bench{load.number:05d}"
    hello.machine_id = f"{load.number:032x}"
    hello.boot_id = load.number.to_bytes(16, "big")
    hello.epochs.add(epoch=load.epoch, oldest=1, newest=held)
    hello.wall_ms, hello.boot_ms = time.time_ns() // 1_000_000, boot_ms()
    hello.host.CopyFrom(asset_of(load.number))
    return message.SerializeToString()


def channel_of(orders: Orders, number: int) -> grpc.aio.Channel:
    folder = Path(orders.folder)
    credentials = grpc.ssl_channel_credentials(
        (folder / "ca.crt").read_bytes(),
        (folder / f"agent-{number}.key").read_bytes(),
        (folder / f"agent-{number}.crt").read_bytes(),
    )
    return grpc.aio.secure_channel(
        orders.address,
        credentials,
        options=[("grpc.use_local_subchannel_pool", 1)],
        compression=grpc.Compression.Gzip if orders.compression else None,
    )


class Client:
    """One agent's stream: greets, sends, and takes acknowledgements until the newest record has one."""

    def __init__(self, orders: Orders, load: AgentLoad) -> None:
        self.orders, self.load = orders, load
        self.latencies: list[float] = []
        self.sent_s: dict[int, float] = {}
        self.enough = asyncio.Event()

    async def open(self) -> None:
        self.channel = channel_of(self.orders, self.load.number)
        self.call = self.channel.stream_stream("/hardcase_protos.v1.Telemetry/Stream")()
        await self.call.write(hello_of(self.load, held=1 if self.orders.pace_ms else self.load.newest))
        welcome = telemetry_pb2.CollectorMessage.FromString(await self.call.read()).welcome
        if not welcome.session:
            raise SystemExit(f"agent {self.load.number} was not welcomed")
        self.credit = welcome.credit_records
        self.credit_bytes = welcome.credit_bytes
        self.reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        load = self.load
        while load.acked < load.newest:
            raw = await self.call.read()
            if raw is grpc.aio.EOF:
                raise SystemExit(f"stream of agent {load.number} ended: {await self.call.details()}")
            message = telemetry_pb2.CollectorMessage.FromString(raw)
            if message.HasField("ack"):
                load.acked = message.ack.through
                load.refused += len(message.ack.rejected)
                self._time(message.ack.through)
                self.credit_bytes = message.ack.credit_bytes or self.credit_bytes
                load.moved.set()
            elif message.HasField("hold"):
                load.held += 1
            else:
                raise SystemExit(f"agent {load.number} was told {message}")

    def _time(self, through: int) -> None:
        now = time.perf_counter()
        for sequence in [known for known in self.sent_s if known <= through]:
            self.latencies.append(now - self.sent_s.pop(sequence))

    async def introduce(self) -> None:
        """The catalogue goes first, as it does once in the life of an agent; measuring begins after it."""
        await self.call.write(self.load.messages[0])
        while not self.load.acked:
            self.load.moved.clear()
            await self.load.moved.wait()

    async def flood(self) -> None:
        """Everything as fast as credit allows."""
        load, per = self.load, self.orders.per_message
        size = max(len(message) for message in load.messages[1:] or load.messages)
        sequence = 1
        for message in load.messages:
            while sequence - load.acked > max(per, min(self.credit, self.credit_bytes // size * per)):
                load.moved.clear()
                await load.moved.wait()
            await self.call.write(message)
            sequence += 1 if sequence == 1 else per
        await self.reader

    async def live(self) -> None:
        """One message of one frame a period, each stamped as it is sent, until there is enough."""
        load, pace_s = self.load, self.orders.pace_ms / 1000
        start = time.perf_counter() + pace_s * (load.number % 997) / 997
        for at, raw in enumerate(load.messages[1:]):
            await asyncio.sleep(max(0.0, start + at * pace_s - time.perf_counter()))
            if self.enough.is_set():
                load.records = load.newest = at + 1
                if load.acked == load.newest:
                    self.reader.cancel()
                    return
                break
            message = telemetry_pb2.AgentMessage.FromString(raw)
            for record in message.batch.records:
                record.wall_ms, record.boot_ms = time.time_ns() // 1_000_000, boot_ms()
            self.sent_s[message.batch.first_sequence] = time.perf_counter()
            await self.call.write(message.SerializeToString())
        await self.reader

    async def close(self) -> None:
        await self.call.done_writing()
        self.call.cancel()
        await self.channel.close()


def say(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


async def run(orders: Orders) -> None:
    loads = [encode(orders, orders.first_agent + at) for at in range(orders.agents)]
    clients = [Client(orders, load) for load in loads]
    for at in range(0, len(clients), 50):
        await asyncio.gather(*(client.open() for client in clients[at : at + 50]))
    if orders.pace_ms:
        await asyncio.gather(*(client.introduce() for client in clients))
    say(ready=len(clients))
    await asyncio.to_thread(sys.stdin.readline)
    started, cpu = time.perf_counter(), time.process_time()
    listening = asyncio.create_task(hear_enough(clients)) if orders.until_told else None
    if not orders.idle:
        await asyncio.gather(*((client.live() if orders.pace_ms else client.flood()) for client in clients))
    if listening is not None:
        await listening
    took = time.perf_counter() - started
    frames = sum(load.records - 1 for load in loads)
    latencies = [one for client in clients for one in client.latencies]
    say(
        took_s=took,
        cpu_s=time.process_time() - cpu,
        frames=frames,
        samples=frames * orders.sensors,
        refused=sum(load.refused for load in loads),
        held=sum(load.held for load in loads),
        latency_p50_s=quantile(latencies, 0.5),
        latency_p99_s=quantile(latencies, 0.99),
        rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )
    await asyncio.to_thread(sys.stdin.readline)
    await asyncio.gather(*(client.close() for client in clients))


async def hear_enough(clients: Sequence[Client]) -> None:
    await asyncio.to_thread(sys.stdin.readline)
    for client in clients:
        client.enough.set()


def quantile(values: Sequence[float], share: float) -> float:
    return float(np.quantile(np.asarray(values), share)) if values else 0.0


if __name__ == "__main__":
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    asyncio.run(run(Orders(**json.loads(sys.stdin.readline()))))
