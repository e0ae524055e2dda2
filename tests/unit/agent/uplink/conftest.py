"""An uplink over a real spool, in one loop with a scripted collector."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import pytest
from hardcase_agent.domain.diagnostic import DiagnosticKind, DiagnosticRequest
from hardcase_agent.domain.event import Loss, LossCause, Maintenance
from hardcase_agent.domain.frame import Body, Catalogue, Frame
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.reading import Kind, Sensor
from hardcase_agent.spool.files import DiskFiles
from hardcase_agent.spool.spool import Spool, SpoolLimits
from hardcase_agent.spool.worker import SpoolWorker
from hardcase_agent.uplink import codec
from hardcase_agent.uplink.client import Uplink
from hardcase_agent.uplink.codec import Introduction
from hardcase_agent.uplink.identity import Identity
from hardcase_agent.uplink.terms import Timing
from hardcase_agent.uplink.upload import Uploads

from tests.fakes.clock import FakeClock
from tests.fakes.collector_stream import FakeCollector

HOST = Asset(machine_id="m" * 32, hostname="host")
CATALOGUE = Catalogue(
    asset=HOST, source="s", period_ms=1000, value_width=4, sensors=(Sensor(id="a", name="a", kind=Kind.FAN),)
)
CATALOGUE_ID = codec.catalogue_id(CATALOGUE)


def window(text: str) -> Maintenance:
    return Maintenance(asset=HOST, window_id=b"w", duration_s=1, reason=text, by="")


def frame(text: bytes = b"abcd") -> Frame:
    return Frame(catalogue_id=CATALOGUE_ID, values=text, states=b"")


def loss(count: int) -> Loss:
    return Loss(epoch=b"e" * 16, first=0, through=0, records=count, cause=LossCause.TOO_OLD)


class Host:
    """One agent's spool and uplink. `restart` is what a new start of the process does."""

    def __init__(self, folder: Path, target: str, identity: Identity | None) -> None:
        self.identity = identity
        self.clock = FakeClock()
        self.folder = folder
        self.target = target
        self.starts = 0
        self.task: asyncio.Task[None] | None = None
        self.limits = SpoolLimits()
        self.asked: list[DiagnosticRequest] = []
        self.allowed: tuple[DiagnosticKind, ...] = ()
        self.most_bytes_per_s = 0
        self.timing = Timing(tick_s=0.01, welcome_s=2.0)
        self.open()

    def open(self) -> None:
        self.starts += 1
        self.files = DiskFiles(self.folder)
        spool = Spool(
            self.files,
            self.limits,
            epoch=self.starts.to_bytes(16, "big"),
            boot_id=b"B" * 16,
            seal_loss=codec.seal_loss,
            now=self.clock.now(),
        )
        self.backlog = SpoolWorker(spool, self.clock)
        self.uplink = Uplink(
            target=self.target,
            server_name="",
            insecure=self.identity is None,
            identity=lambda: self.identity,
            backlog=self.backlog,
            clock=self.clock,
            introduction=Introduction(version="test", host=HOST, boot_id=b"B" * 16, diagnostics=lambda: self.allowed),
            chance=lambda: 0.0,
            timing=self.timing,
            ask=self.asked.append,
        )
        self.uploads = Uploads(self.uplink.channel, lambda: self.most_bytes_per_s, pauses_s=(0.01,), look_s=0.01)

    def connect(self) -> None:
        self.task = asyncio.create_task(self.uplink.run())

    async def keep(self, *bodies: Body) -> None:
        await self.backlog.append([codec.seal(body, self.clock.now()) for body in bodies])
        self.uplink.notify()

    async def drained(self) -> None:
        """Until everything is acknowledged; bounded."""
        async with asyncio.timeout(30):
            while (await self.backlog.state()).records:  # noqa: ASYNC110  the spool has no event for it
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Clean, bounded."""
        self.uplink.stop("test over")
        if self.task is not None:
            await asyncio.wait({self.task}, timeout=30)
            assert self.task.done()
            self.task.result()
            self.task = None
        await self.backlog.close(deadline_s=20)
        self.files.release()

    async def restart(self) -> None:
        """As after kill -9: nothing is said, a new epoch begins."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait({self.task}, timeout=30)
            self.task = None
        await self.backlog.close(deadline_s=20)
        self.files.release()
        self.open()


class Join(Protocol):
    async def __call__(self, collector: FakeCollector, identity: Identity | None = None) -> Host:
        """A host that is to stream to this collector; stopped at the end of the test."""


@pytest.fixture
async def join(tmp_path: Path) -> AsyncIterator[Join]:
    hosts: list[Host] = []

    async def make(collector: FakeCollector, identity: Identity | None = None) -> Host:
        host = Host(tmp_path / f"spool{len(hosts)}", collector.target, identity)
        hosts.append(host)
        return host

    yield make
    for host in hosts:
        await host.stop()


@pytest.fixture
async def collector() -> AsyncIterator[FakeCollector]:
    async with FakeCollector() as fake:
        yield fake
