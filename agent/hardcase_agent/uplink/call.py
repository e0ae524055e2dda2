"""One gRPC call of a stream: writes with a deadline, reads decoded answers, and tells how it ended.

`stream.py` makes one for each stream and holds the conversation on it.
"""

from __future__ import annotations

import asyncio

from hardcase_agent.domain.errors import CollectorUnreachable
from hardcase_agent.uplink.answers import Answer, decode
from hardcase_agent.uplink.wire import STREAM_PATH, Channel, StreamCall, grpc

EOF = object()
"""The collector ended its side."""
EOF_S = 0.5
"""How long an end may take to be told."""

_TRANSPORT = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.OK,
    }
)
"""Statuses that say nothing about a record. Blaming one for a restarting collector would lose good readings."""


class Call:
    """Begins at once. `write_s`: a message that the transport does not take by then ends the stream."""

    def __init__(self, channel: Channel, *, write_s: float) -> None:
        self._call: StreamCall = channel.stream_stream(STREAM_PATH)(wait_for_ready=False)
        self._write_s = write_s
        self._writing = asyncio.Lock()

    async def write(self, message: bytes) -> None:
        """One at a time. Raises CollectorUnreachable at the deadline, and what gRPC raises."""
        async with self._writing:
            try:
                async with asyncio.timeout(self._write_s):
                    await self._call.write(message)
            except TimeoutError as error:
                raise CollectorUnreachable(f"the collector took nothing for {self._write_s:.0f} s") from error

    async def read(self) -> Answer | object | None:
        """The next answer, None for one this agent does not know, `EOF` at the end."""
        data = await self._call.read()
        return decode(data) if isinstance(data, bytes) else EOF

    async def done_writing(self) -> None:
        """Nothing more is sent; the collector has a moment to take note."""
        await self._call.done_writing()
        await asyncio.sleep(EOF_S)

    def done(self) -> bool:
        return self._call.done()

    def cancel(self) -> None:
        self._call.cancel()

    async def ended_by_content(self) -> bool:
        """True = by a status that may mean a record; False = the transport, the collector's stop, or a deadline."""
        return await self._code() not in _TRANSPORT

    async def why(self) -> str:
        """One line: status and what the other side said."""
        code = await self._code()
        try:
            async with asyncio.timeout(EOF_S):
                detail = await self._call.details()
        except TimeoutError:
            detail = ""
        return f"{code.name}: {' '.join((detail or 'the stream ended').split())[:300]}"

    async def _code(self) -> grpc.StatusCode:
        try:
            async with asyncio.timeout(EOF_S):
                return await self._call.code()
        except TimeoutError:
            return grpc.StatusCode.CANCELLED
