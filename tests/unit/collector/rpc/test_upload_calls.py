"""Calls that end where nobody expects it: what a thread has opened for them meanwhile is closed."""

from __future__ import annotations

import asyncio
import threading
from typing import cast

import pytest
from hardcase_collector.domain.diagnostic import ToldFile
from hardcase_collector.rpc import upload
from hardcase_protos.v1 import diagnostics_pb2

BEGIN = diagnostics_pb2.UploadBegin(id=b"i" * 16, name="sel.bin", bytes=10, sha256=b"h" * 32)


class Opened:
    def __init__(self, told: ToldFile) -> None:
        self.told = told
        self.offset = 0
        self.paused = threading.Event()

    def write(self, chunk: bytes) -> None:
        raise AssertionError("nobody sent anything")

    def finish(self, *, now_ms: int) -> bytes:
        raise AssertionError("nobody sent anything")

    def pause(self) -> None:
        self.paused.set()


class SlowStore:
    """`Receiving` whose `begin` takes until it is let."""

    bytes_per_second = 1000

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.opened: Opened | None = None

    def begin(self, agent: int | None, told: ToldFile) -> Opened:
        self.begun.set()
        assert self.go_on.wait(60)
        self.opened = Opened(told)
        return self.opened

    def turned_away(self) -> None:
        raise AssertionError("nothing is refused here")


class Caller:
    """A call that says what it brings, and is silent then."""

    async def read(self) -> bytes:
        return diagnostics_pb2.UploadMessage(begin=BEGIN).SerializeToString()


async def test_a_file_that_was_being_opened_when_its_sender_hung_up_is_closed() -> None:
    store = SlowStore()
    service = upload.UploadService(store, who=None, streaming=lambda _: True, wall_ms=lambda: 0)
    call = asyncio.create_task(service.upload(None, cast(upload.Context, Caller())))  # type: ignore[arg-type]  # unused
    assert await asyncio.to_thread(store.begun.wait, 60)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    store.go_on.set()
    async with asyncio.timeout(60):
        while store.opened is None or not store.opened.paused.is_set():  # noqa: ASYNC110  (of another thread)
            await asyncio.sleep(0.005)
    await service.stop()
