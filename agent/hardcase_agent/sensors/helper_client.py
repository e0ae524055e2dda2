"""The agent's side of the helper's socket: a `CommandRunner` and an `IpmiDevice` for a process without device rights.

Made by `app.py`. One connection, made at the first call and again after a loss; every call has a deadline of its own
here, a little after the helper's.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from collections.abc import Sequence

from hardcase_agent.domain.errors import (
    AccessDenied,
    AgentError,
    DeviceFailed,
    DeviceHung,
    MalformedAnswer,
)
from hardcase_agent.domain.ports import CommandResult, Controller, IpmiAnswers, IpmiRequest
from hardcase_agent.helper import wire

GRACE_S = 2.0
"""The helper answers at the deadline; what it says then is better than our own guess, so we wait this much longer."""
CONNECT_S = 2.0
REQUEST_S = 5.0
"""Deadline of one request of many: a BMC writing its flash answers after 2 to 3 s."""
AT_ONCE = 64
"""Requests in one crossing: a sensor's takes 5 bytes, of the 2 kB that the helper takes."""


class HelperClient:
    """`CommandRunner` over the helper; `ipmi()` gives the BMC through the same connection."""

    def __init__(self, path: str, *, request_s: float = REQUEST_S) -> None:
        self._path = path
        self._request_s = request_s
        self._connecting = asyncio.Lock()
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._pending: dict[int, asyncio.Future[bytes]] = {}
        self._last_request = 0

    async def run(self, tool: str, arguments: Sequence[str], *, deadline_s: float) -> CommandResult:
        """Raises what the helper names (see `helper/table.py`), or DeviceFailed where the helper cannot be reached."""
        payload = wire.pack_tool(_milliseconds(deadline_s), tool, arguments)
        body = await self._call(wire.TOOL, payload, deadline_s, tool)
        try:
            status, length = wire.RESULT_HEAD.unpack_from(body)
        except struct.error as error:
            raise MalformedAnswer(f"the helper's answer to {tool} cannot be read") from error
        output = body[wire.RESULT_HEAD.size :]
        return CommandResult(status, output[:length], output[length:])

    def ipmi(self) -> HelperIpmi:
        """The BMC behind /dev/ipmi0; closing it does not close this client."""
        return HelperIpmi(self)

    async def request(self, netfn: int, command: int, data: bytes, *, lun: int, deadline_s: float) -> bytes:
        head = wire.IPMI_HEAD.pack(_milliseconds(deadline_s), netfn, lun, command)
        return await self._call(wire.IPMI, head + data, deadline_s, f"IPMI 0x{netfn:02x}/0x{command:02x}")

    async def request_behind(self, controller: Controller, request: IpmiRequest, *, deadline_s: float) -> bytes:
        head = wire.BEHIND_HEAD.pack(
            _milliseconds(deadline_s),
            controller.channel,
            controller.address,
            request.netfn,
            request.lun,
            request.command,
        )
        what = f"IPMI 0x{request.netfn:02x}/0x{request.command:02x} to 0x{controller.address:02x}"
        return await self._call(wire.IPMI_BEHIND, head + request.data, deadline_s, what)

    async def request_many(self, requests: Sequence[IpmiRequest], *, deadline_s: float) -> IpmiAnswers:
        asked = [(request.netfn, request.lun, request.command, request.data) for request in requests]
        payload = wire.pack_many(_milliseconds(deadline_s), _milliseconds(self._request_s), asked)
        body = await self._call(wire.IPMI_MANY, payload, deadline_s + self._request_s, f"{len(asked)} IPMI requests")
        return IpmiAnswers(*wire.unpack_answers(body))

    async def close(self) -> None:
        """Lets go of the socket; calls in flight fail with DeviceFailed."""
        self._lose(DeviceFailed("the helper's connection was closed"))

    async def _call(self, kind: int, payload: bytes, deadline_s: float, what: str) -> bytes:
        if len(payload) > wire.REQUEST_LIMIT:
            raise AccessDenied(f"{what}: a request of {len(payload)} bytes; the limit is {wire.REQUEST_LIMIT}")
        writer = await self._connection()
        self._last_request = self._last_request % 0xFFFF_FFFF + 1
        request = self._last_request
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._pending[request] = answer
        try:
            writer.write(wire.pack(kind, request, payload))
            async with asyncio.timeout(deadline_s + GRACE_S):
                return wire.outcome_of(await answer)
        except TimeoutError as error:
            raise DeviceHung(f"{what}: the helper gave no answer by the deadline") from error
        finally:
            self._pending.pop(request, None)

    async def _connection(self) -> asyncio.StreamWriter:
        async with self._connecting:
            if self._writer is not None:
                return self._writer
            try:
                async with asyncio.timeout(CONNECT_S):
                    reader, writer = await asyncio.open_unix_connection(self._path)
            except PermissionError as error:
                raise AccessDenied(f"{self._path}: no right to reach the helper; check its socket's user") from error
            except (OSError, TimeoutError) as error:
                why = getattr(error, "strerror", None) or "no answer"
                raise DeviceFailed(f"{self._path}: {why}; start hardcase-helper.socket") from error
            self._writer = writer
            self._reading = asyncio.create_task(self._read(reader), name="helper answers")
            return writer

    async def _read(self, reader: asyncio.StreamReader) -> None:
        error: AgentError
        try:
            while True:
                header = await reader.readexactly(wire.HEADER.size)
                length, _, request = wire.check_header(header, wire.REPLY_LIMIT)
                payload = await reader.readexactly(length)
                if request == 0:
                    wire.outcome_of(payload)
                answer = self._pending.get(request)
                if answer is not None and not answer.done():
                    answer.set_result(payload)
        except (OSError, EOFError):
            error = DeviceFailed("the helper went away")
        except AgentError as told:
            error = told
        self._lose(error)

    def _lose(self, error: AgentError) -> None:
        writer, self._writer = self._writer, None
        reading, self._reading = self._reading, None
        if writer is not None:
            with contextlib.suppress(OSError):
                writer.close()
        if reading is not None and reading is not asyncio.current_task():
            reading.cancel()
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(error)


class HelperIpmi:
    """`IpmiDevice`: /dev/ipmi0 through the helper, which passes only the commands of its list."""

    def __init__(self, client: HelperClient) -> None:
        self._client = client
        self._closed = False

    async def request(self, netfn: int, command: int, data: bytes, *, lun: int = 0, deadline_s: float) -> bytes:
        self._expect_open()
        return await self._client.request(netfn, command, data, lun=lun, deadline_s=deadline_s)

    async def request_behind(self, controller: Controller, request: IpmiRequest, *, deadline_s: float) -> bytes:
        """`BridgingIpmiDevice`."""
        self._expect_open()
        return await self._client.request_behind(controller, request, deadline_s=deadline_s)

    async def request_many(self, requests: Sequence[IpmiRequest], *, deadline_s: float) -> IpmiAnswers:
        """`BatchIpmiDevice`: one crossing for up to AT_ONCE requests."""
        until = time.monotonic() + deadline_s
        answers: list[bytes] = []
        try:
            self._expect_open()
            while len(answers) < len(requests) and (left := until - time.monotonic()) > 0:
                batch = requests[len(answers) : len(answers) + AT_ONCE]
                outcome = await self._client.request_many(batch, deadline_s=left)
                answers += outcome.answers
                if outcome.error is not None:
                    raise outcome.error
                if len(outcome.answers) < len(batch):
                    break
        except AgentError as error:
            return IpmiAnswers(tuple(answers), error)
        return IpmiAnswers(tuple(answers))

    async def close(self) -> None:
        """Nothing of its own to let go; the client's connection stays."""
        self._closed = True

    def _expect_open(self) -> None:
        if self._closed:
            raise DeviceFailed("the device was closed")


def _milliseconds(seconds: float) -> int:
    return max(1, min(int(seconds * 1000), wire.DEADLINE_LIMIT_MS))
