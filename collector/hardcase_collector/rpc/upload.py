"""`Diagnostics.Upload`: one file of one request an agent sends, beside its stream and no faster than it may.

Bytes are parsed and written on threads of their own; the event loop only moves them. What is taken is decided by
`diagnostics/receiving.py`. A refusal carries its name as metadata `hardcase-refusal`, so that no agent reads sentences.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

import grpc
from google.protobuf.message import DecodeError
from hardcase_protos.v1 import diagnostics_pb2

from hardcase_collector.domain.diagnostic import ToldFile
from hardcase_collector.domain.errors import (
    CollectorError,
    DiskFull,
    NotAllowed,
    TemporaryError,
    UploadHeld,
    UploadRefused,
)
from hardcase_collector.rpc.diagnostics import told_file

log = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[bytes, bytes]
Code = grpc.StatusCode

LARGEST_CHUNK = 262_144
BEGIN_S = 20.0
SILENT_S = 60.0
"""A sender that says nothing for so long is gone; what came of its file stays."""
UPLOAD_S = 3_600.0
"""Of one call; a file that takes longer goes on with the next."""
SEND_S = 30.0
STOP_S = 5.0
MOST_AT_ONCE = 4
"""Files that are received at once, of all agents; others come later. With the rate of each this bounds them all."""
MOST_CALLS = 64
"""Calls that have not said yet what they bring."""
THREADS = 2
BURST_S = 1.0
"""Of unused rate is kept for a sender that stood still."""
_CODES = {
    "unknown-request": Code.NOT_FOUND,
    "agent-revoked": Code.PERMISSION_DENIED,
    "not-allowed": Code.PERMISSION_DENIED,
    "name-invalid": Code.INVALID_ARGUMENT,
    "hash-invalid": Code.INVALID_ARGUMENT,
    "malformed": Code.INVALID_ARGUMENT,
    "too-large": Code.OUT_OF_RANGE,
    "request-too-large": Code.OUT_OF_RANGE,
    "too-many-files": Code.OUT_OF_RANGE,
    "longer-than-said": Code.OUT_OF_RANGE,
    "hash-mismatch": Code.DATA_LOSS,
    "cut-short": Code.ABORTED,
    "stalled": Code.DEADLINE_EXCEEDED,
}
"""Names of refusals that are neither FAILED_PRECONDITION (permanent) nor UNAVAILABLE (temporary)."""

_T = TypeVar("_T")


class Receipt(Protocol):
    """See `diagnostics/receiving.py`. Blocking, from any thread."""

    told: ToldFile

    @property
    def offset(self) -> int: ...
    def write(self, chunk: bytes) -> None: ...
    def finish(self, *, now_ms: int) -> bytes: ...
    def pause(self) -> None: ...


class Receiving(Protocol):
    """See `diagnostics/receiving.py`."""

    @property
    def bytes_per_second(self) -> int:
        """Of one upload."""

    def begin(self, agent: int | None, told: ToldFile) -> Receipt: ...
    def turned_away(self) -> None:
        """Counts a refusal."""


class UploadService:
    """`who`: whose certificate a call came with, blocking; raises NotAllowed, StoreFailed. None: plain text on
    loopback, where the request's id is believed. `streaming`: whether this agent has an open stream: who has none sends
    no files.
    """

    def __init__(
        self,
        receiving: Receiving,
        *,
        who: Callable[[Context], int] | None,
        streaming: Callable[[int], bool],
        wall_ms: Callable[[], int],
    ) -> None:
        self._receiving = receiving
        self._who = who
        self._streaming = streaming
        self._wall_ms = wall_ms
        self._threads = ThreadPoolExecutor(THREADS, "upload")
        self._stopping = False
        self._calls: set[asyncio.Task[object]] = set()
        self._ending: dict[asyncio.Task[object], UploadRefused | UploadHeld] = {}
        """Calls that are ended from here, and why."""
        self._waiting = 0
        self._agents: dict[int, asyncio.Task[object] | None] = {}
        self._receiving_now: set[bytes] = set()
        """Ids of requests of which a file is coming."""

    def handler(self) -> grpc.GenericRpcHandler:
        method: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(self.upload)
        return grpc.method_handlers_generic_handler("hardcase_protos.v1.Diagnostics", {"Upload": method})

    def revoke(self, agent: int) -> None:
        """Ends what this agent sends, if anything. On the event loop."""
        task = self._agents.get(agent)
        if task is not None:
            self._end_call(task, UploadRefused("agent-revoked", "this identity was revoked"))

    async def stop(self) -> None:
        """Ends every call; what came of the files stays. On the event loop."""
        self._stopping = True
        calls = list(self._calls)
        for call in calls:
            self._end_call(call, UploadHeld("draining", "the collector stops; come again later"))
        if calls:
            await asyncio.wait(calls, timeout=STOP_S)
        await asyncio.to_thread(self._threads.shutdown)

    def _end_call(self, call: asyncio.Task[object], refusal: UploadRefused | UploadHeld) -> None:
        self._ending[call] = refusal
        call.cancel()

    # ------------------------------------------------------------------ one call

    async def upload(self, _requests: AsyncIterator[bytes], context: Context) -> None:
        call = asyncio.current_task()
        assert call is not None  # a coroutine always runs in a task
        self._calls.add(call)
        try:
            async with asyncio.timeout(UPLOAD_S):
                await self._serve(context)
        except asyncio.CancelledError:
            ended = self._ending.get(call)
            if ended is None:
                raise
            # gRPC tells a peer nothing of a handler that was cancelled.
            await self._refuse(context, ended.name, str(ended), temporary=isinstance(ended, UploadHeld))
        except (UploadRefused, UploadHeld) as refusal:
            await self._refuse(context, refusal.name, str(refusal), temporary=isinstance(refusal, UploadHeld))
        except NotAllowed as refusal:
            await self._refuse(context, "not-allowed", str(refusal))
        except DiskFull as error:
            await self._refuse(context, "disk-full", str(error), temporary=True)
        except TemporaryError as error:
            await self._refuse(context, "store-failed", str(error), temporary=True)
        except TimeoutError:
            await self._refuse(context, "stalled", f"nothing came for {SILENT_S:.0f} s, or it took too long")
        except CollectorError as error:
            await self._refuse(context, "refused", str(error))
        finally:
            self._calls.discard(call)
            self._ending.pop(call, None)

    async def _refuse(self, context: Context, name: str, detail: str, *, temporary: bool = False) -> None:
        self._receiving.turned_away()
        code = _CODES.get(name, Code.UNAVAILABLE if temporary else Code.FAILED_PRECONDITION)
        await context.abort(code, detail, (("hardcase-refusal", name),))

    async def _serve(self, context: Context) -> None:
        if self._waiting >= MOST_CALLS or self._stopping:
            raise UploadHeld("busy", "no further call is taken now; come again later")
        self._waiting += 1
        try:
            agent = None if self._who is None else await self._run(self._who, context)
            if agent is None:
                told = await self._begun(context)
            else:
                if agent in self._agents:
                    raise UploadHeld("one-at-a-time", "this agent sends a file already")
                if not self._streaming(agent):
                    raise UploadHeld("no-stream", "files come beside an open stream only")
                self._agents[agent] = asyncio.current_task()
                try:
                    told = await self._begun(context)
                except BaseException:
                    del self._agents[agent]
                    raise
        finally:
            self._waiting -= 1
        await self._receive(context, agent, told)

    async def _begun(self, context: Context) -> ToldFile:
        async with asyncio.timeout(BEGIN_S):
            first = await context.read()
        message = _parsed(first)
        if message is None or not message.HasField("begin"):
            raise UploadRefused("malformed", "the first message must be UploadBegin")
        return told_file(message.begin)

    async def _receive(self, context: Context, agent: int | None, told: ToldFile) -> None:
        receipt: Receipt | None = None
        mine = False
        try:
            if told.request in self._receiving_now:
                raise UploadHeld("one-at-a-time", "a file of this request is on its way already")
            if len(self._receiving_now) >= MOST_AT_ONCE:
                raise UploadHeld("busy", f"{MOST_AT_ONCE} files are on their way here; come again later")
            self._receiving_now.add(told.request)
            mine = True
            receipt = await self._begin(agent, told)
            await self._take(context, receipt)
        finally:
            self._end(agent, told.request if mine else None, receipt)

    async def _begin(self, agent: int | None, told: ToldFile) -> Receipt:
        opening = asyncio.get_running_loop().run_in_executor(self._threads, self._receiving.begin, agent, told)
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            # Who hangs up meanwhile leaves no open file behind.
            opening.add_done_callback(_let_go)
            raise

    def _end(self, agent: int | None, request: bytes | None, receipt: Receipt | None) -> None:
        """Lets go of the file after what a thread still does with it, and only then of the agent's turn."""

        def free(_: object = None) -> None:
            if request is not None:
                self._receiving_now.discard(request)
            if agent is not None:
                self._agents.pop(agent, None)

        if receipt is None:
            free()
            return
        if agent is not None:
            self._agents[agent] = None
        asyncio.get_running_loop().run_in_executor(self._threads, receipt.pause).add_done_callback(free)

    async def _take(self, context: Context, receipt: Receipt) -> None:
        rate, size = self._receiving.bytes_per_second, receipt.told.size
        await self._say(context, _from(receipt.offset, rate))
        loop = asyncio.get_running_loop()
        free_at = loop.time()
        here = receipt.offset
        while here < size:
            async with asyncio.timeout(SILENT_S):
                message = await context.read()
            if not isinstance(message, bytes):
                raise UploadHeld("cut-short", f"{receipt.told.name} ended after {here} of {size} bytes")
            here += await self._run(_write, receipt, message)
            # Not reading is what slows the sender: gRPC takes nothing more from him then.
            free_at = max(free_at, loop.time() - BURST_S) + len(message) / rate
            await asyncio.sleep(max(0.0, free_at - loop.time()))
        sha256 = await self._run(lambda: receipt.finish(now_ms=self._wall_ms()))
        done = diagnostics_pb2.UploadReply(done=diagnostics_pb2.UploadDone(sha256=sha256))
        await self._say(context, done.SerializeToString())

    async def _say(self, context: Context, message: bytes) -> None:
        async with asyncio.timeout(SEND_S):
            await context.write(message)

    async def _run(self, work: Callable[..., _T], *given: object) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *given)


def _let_go(opening: asyncio.Future[Receipt]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().pause()


def _parsed(message: object) -> diagnostics_pb2.UploadMessage | None:
    try:
        return diagnostics_pb2.UploadMessage.FromString(message) if isinstance(message, bytes) else None
    except DecodeError:
        return None


def _write(receipt: Receipt, message: bytes) -> int:
    """How many bytes of the file it held."""
    parsed = _parsed(message)
    chunk = parsed.chunk if parsed is not None and parsed.HasField("chunk") else b""
    if not 0 < len(chunk) <= LARGEST_CHUNK:
        raise UploadRefused("malformed", f"a chunk holds 1 to {LARGEST_CHUNK} bytes")
    receipt.write(chunk)
    return len(chunk)


def _from(offset: int, bytes_per_second: int) -> bytes:
    reply = diagnostics_pb2.UploadReply()
    getattr(reply, "from").offset = offset
    getattr(reply, "from").bytes_per_second = bytes_per_second
    return reply.SerializeToString()
