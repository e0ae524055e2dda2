"""Files of diagnostics to the collector: one at a time, paced, going on where a broken call stopped.

Each upload is a call of its own on the stream's connection, so that readings never wait for it. Asked by the
diagnostics desk through `link.py`; implements `domain.diagnostic.Uploader`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from hardcase_agent.domain.diagnostic import AnswerFile
from hardcase_agent.domain.errors import CollectorUnreachable, UploadRefused
from hardcase_agent.uplink import codec
from hardcase_agent.uplink.answers import UploadDone, UploadFrom, decode_upload
from hardcase_agent.uplink.wire import UPLOAD_PATH, Channel, StreamCall, grpc

log = logging.getLogger(__name__)

CHUNK = 64 * 1024
"""Bytes; the collector takes four times that. Small, so that a batch of readings slips in between two."""
SMALLEST_CHUNK = 1024
CHUNKS_PER_S = 4
"""With a slow cap chunks become smaller, so that bytes trickle instead of coming in bursts."""
ANSWER_S = 60.0
"""For the collector to take a chunk, or to answer; the hash of a large file takes a second."""
PAUSES_S = (1.0, 2.0, 5.0, 15.0, 60.0)
"""After a broken call; afterwards every minute."""
LOOK_S = 0.5
"""How often an open connection is looked for while there is none."""
WRONG_HASHES = 3
"""A file that arrives damaged this often is damaged here."""

_AGAIN = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.OK,
    }
)
"""Statuses after which the same upload may go through: the transport's, a full disk, a second call in flight, a
defect of one moment. Every other says what is wrong with the request itself."""


class Uploads:
    """`channel` gives the open connection or None. `most_bytes_per_s`: this agent's own cap; 0 = none."""

    def __init__(
        self,
        channel: Callable[[], Channel | None],
        most_bytes_per_s: Callable[[], int],
        *,
        pauses_s: Sequence[float] = PAUSES_S,
        look_s: float = LOOK_S,
    ) -> None:
        self._pauses_s = tuple(pauses_s)
        self._look_s = look_s
        self._channel = channel
        self._most_bytes_per_s = most_bytes_per_s
        self._turn = asyncio.Lock()

    async def upload(self, request_id: bytes, file: AnswerFile, path: Path, *, deadline_s: float) -> None:
        """As `Uploader.upload`."""
        why = "no stream to the collector"
        try:
            async with asyncio.timeout(deadline_s), self._turn:
                broken = wrong = 0
                while True:
                    channel = await self._connected()
                    try:
                        await self._attempt(channel, request_id, file, path)
                        return
                    except _WrongHash as error:
                        wrong += 1
                        why = str(error)
                        if wrong >= WRONG_HASHES:
                            raise UploadRefused(why) from error
                    except CollectorUnreachable as error:
                        why = str(error)
                    log.info("upload broken off, it goes on: file=%s reason=%s", file.name, why)
                    await asyncio.sleep(self._pauses_s[min(broken, len(self._pauses_s) - 1)])
                    broken += 1
        except TimeoutError as error:
            raise CollectorUnreachable(f"{file.name} was not taken within {deadline_s:.0f} s: {why}") from error

    async def _connected(self) -> Channel:
        while (channel := self._channel()) is None:  # noqa: ASYNC110  (the uplink has no event for it)
            await asyncio.sleep(self._look_s)
        return channel

    async def _attempt(self, channel: Channel, request_id: bytes, file: AnswerFile, path: Path) -> None:
        # What is uploaded is compressed already.
        call: StreamCall = channel.stream_stream(UPLOAD_PATH)(
            wait_for_ready=False, compression=grpc.Compression.NoCompression
        )
        try:
            await _bounded(call.write(codec.upload_begin(request_id, file)))
            begun = await _read(call)
            if not isinstance(begun, UploadFrom):
                raise CollectorUnreachable("the collector did not say where to begin")
            if begun.offset > file.size:
                raise _WrongHash(f"the collector has {begun.offset} bytes of {file.size}")
            await self._send(call, path, begun, file.size)
            await _bounded(call.done_writing())
            done = await _read(call)
            if not isinstance(done, UploadDone):
                raise CollectorUnreachable("the collector did not confirm the file")
            if done.sha256 != file.sha256:
                raise _WrongHash("the collector has a file of another hash")
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
            raise await _named(call) from error
        finally:
            call.cancel()

    async def _send(self, call: StreamCall, path: Path, begun: UploadFrom, length: int) -> None:
        loop = asyncio.get_running_loop()
        free_at = loop.time()
        with await asyncio.to_thread(path.open, "rb") as opened:
            await asyncio.to_thread(opened.seek, begun.offset)
            left = length - begun.offset
            while left > 0:
                caps = [cap for cap in (begun.bytes_per_second, self._most_bytes_per_s()) if cap > 0]
                size = min(CHUNK, left, *(max(SMALLEST_CHUNK, cap // CHUNKS_PER_S) for cap in caps))
                chunk = await asyncio.to_thread(opened.read, size)
                if not chunk:
                    raise UploadRefused(f"{os.path.basename(path)} is shorter than it was")
                await asyncio.sleep(max(0.0, free_at - loop.time()))
                await _bounded(call.write(codec.upload_chunk(chunk)))
                left -= len(chunk)
                free_at = max(free_at, loop.time() - 1) + (len(chunk) / min(caps) if caps else 0.0)


class _WrongHash(Exception):
    """What the collector holds is not this file."""


async def _bounded(call: object) -> object:
    try:
        async with asyncio.timeout(ANSWER_S):
            return await call  # type: ignore[misc]  # grpc's calls are awaitables of several kinds
    except TimeoutError as error:
        raise CollectorUnreachable(f"the collector took nothing for {ANSWER_S:.0f} s") from error


async def _read(call: StreamCall) -> UploadFrom | UploadDone | None:
    """None: the call ended well and said nothing. Raises what gRPC raises."""
    data = await _bounded(call.read())
    if isinstance(data, bytes):
        return decode_upload(data)
    raise await _named(call)


async def _named(call: StreamCall) -> CollectorUnreachable | UploadRefused:
    """How the call ended: the name of the refusal travels as metadata, its sentence as the status's details."""
    code, details, name = grpc.StatusCode.UNAVAILABLE, "", ""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1.0):
            code, details = await call.code(), await call.details() or ""
            trailing = await call.trailing_metadata() or ()
            name = next((str(value) for key, value in trailing if key == "hardcase-refusal"), "")
    words = " ".join(details.split())[:300] or "the call ended"
    if code is grpc.StatusCode.DATA_LOSS:
        raise _WrongHash(words)
    if code in _AGAIN:
        return CollectorUnreachable(f"{code.name}: {words}")
    named = name or code.name.lower().replace("_", "-")
    return UploadRefused(f"the collector does not take it ({named}): {words}", name)
