"""A collector's telemetry port on loopback: real gRPC, scripted behaviour, everything it was sent kept for recounting.

It acknowledges what it is sent in order, like the real one, until a test changes `answer`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from hardcase_agent.uplink.wire import STREAM_PATH, UPLOAD_PATH, grpc
from hardcase_protos.v1 import diagnostics_pb2 as diagnostics
from hardcase_protos.v1 import reading_pb2 as reading
from hardcase_protos.v1 import telemetry_pb2 as telemetry

from deploy.demo.ports import free_port

Answers = list[telemetry.CollectorMessage]


@dataclass
class Session:
    """One stream as the collector saw it."""

    number: int
    hello: telemetry.Hello = field(default_factory=telemetry.Hello)
    batches: list[telemetry.Batch] = field(default_factory=list)
    catalogues: list[reading.Catalogue] = field(default_factory=list)
    heartbeats: list[telemetry.Heartbeat] = field(default_factory=list)
    goodbye: str = ""
    ended: bool = False
    outgoing: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    """What goes down; None = the agent has ended its side."""


class FakeCollector:
    """`answer(session, batch)` gives what to send for a batch; None = store and acknowledge it."""

    def __init__(self, *, kinds: list[int] | None = None, credentials: grpc.ServerCredentials | None = None) -> None:
        self.kinds = reading.RecordKind.values()[1:] if kinds is None else kinds
        self.credit_records = 1000
        self.credit_bytes = 4 << 20
        self.max_message_bytes = 2 << 20
        self.heartbeat_s = 60
        self.sessions: list[Session] = []
        self.marks: dict[bytes, int] = {}
        self.records: dict[tuple[bytes, int], reading.Record] = {}
        self.order: list[tuple[bytes, int]] = []
        self.duplicates = 0
        self.tls_versions: set[str] = set()
        self.answer: Callable[[Session, telemetry.Batch], Answers | None] = lambda session, batch: None
        self.greet: Callable[[Session], Awaitable[Answers]] | None = None
        self.reports: list[diagnostics.DiagnosticReport] = []
        self.files: dict[tuple[bytes, str], bytes] = {}
        """Uploaded whole, by request and name."""
        self.partial: dict[tuple[bytes, str], bytearray] = {}
        self.upload_rate = 0
        self.upload_calls = 0
        self.break_uploads_after: list[int] = []
        """Bytes after which the next calls are broken off, one after the other."""
        self.refuse_uploads: tuple[grpc.StatusCode, str] | None = None
        self._credentials = credentials
        self._changed = asyncio.Condition()
        # One that no connection goes out from: it must be free again where the collector is away for a while.
        self._port = free_port()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self._port}"

    async def start(self) -> None:
        """The same port as before, if it was started before."""
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        handler: Any = grpc.stream_stream_rpc_method_handler(
            self._stream,
            request_deserializer=telemetry.AgentMessage.FromString,
            response_serializer=telemetry.CollectorMessage.SerializeToString,
        )
        uploads: Any = grpc.stream_stream_rpc_method_handler(
            self._upload,
            request_deserializer=diagnostics.UploadMessage.FromString,
            response_serializer=diagnostics.UploadReply.SerializeToString,
        )
        for path, served in ((STREAM_PATH, handler), (UPLOAD_PATH, uploads)):
            service, method = path.strip("/").split("/")
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: served}),))
        address = f"127.0.0.1:{self._port}"
        if self._credentials is None:
            self._server.add_insecure_port(address)
        else:
            self._server.add_secure_port(address, self._credentials)
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(grace=None)

    async def until(self, true: Callable[[], bool], *, within_s: float = 90) -> None:
        """Bounded wait for something that messages bring about."""
        async with asyncio.timeout(within_s), self._changed:
            await self._changed.wait_for(true)

    def payloads(self, kind: str) -> list[reading.Record]:
        """Stored records of one kind, in the order of storing."""
        return [self.records[key] for key in self.order if self.records[key].WhichOneof("body") == kind]

    def store(self, batch: telemetry.Batch) -> telemetry.CollectorMessage:
        """As intake does: duplicates counted, a jump kept as it is; returns the acknowledgement."""
        mark = self.marks.get(batch.epoch, 0)
        for offset, record in enumerate(batch.records):
            sequence = batch.first_sequence + offset
            if sequence <= mark:
                self.duplicates += 1
                continue
            self.records[batch.epoch, sequence] = record
            self.order.append((batch.epoch, sequence))
            mark = sequence
        self.marks[batch.epoch] = mark
        return telemetry.CollectorMessage(ack=telemetry.Ack(epoch=batch.epoch, through=mark))

    async def _stream(self, requests: AsyncIterator[telemetry.AgentMessage], context: Any) -> AsyncIterator[Any]:
        session = Session(number=len(self.sessions) + 1)
        self.sessions.append(session)
        self.tls_versions |= {one.decode() for one in context.auth_context().get("ssl_tls_version", ())}
        reading_on = asyncio.create_task(self._read(session, requests))
        try:
            while (answer := await session.outgoing.get()) is not None:
                if isinstance(answer, grpc.StatusCode):
                    await context.abort(answer, "scripted")
                yield answer
            await reading_on
        finally:
            reading_on.cancel()
            session.ended = True
            asyncio.get_running_loop().create_task(self._tell())

    async def _read(self, session: Session, requests: AsyncIterator[telemetry.AgentMessage]) -> None:
        try:
            async for message in requests:
                for answer in await self._take(session, message):
                    session.outgoing.put_nowait(answer)
                await self._tell()
        finally:
            session.outgoing.put_nowait(None)

    def ask(self, request: diagnostics.DiagnosticRequest) -> None:
        """On the newest stream."""
        self.sessions[-1].outgoing.put_nowait(telemetry.CollectorMessage(diagnostic=request))

    def last_report(self, request_id: bytes) -> diagnostics.DiagnosticReport | None:
        return next((one for one in reversed(self.reports) if one.id == request_id), None)

    async def _upload(self, requests: AsyncIterator[diagnostics.UploadMessage], context: Any) -> AsyncIterator[Any]:
        self.upload_calls += 1
        if self.refuse_uploads is not None:
            code, name = self.refuse_uploads
            context.set_trailing_metadata((("hardcase-refusal", name),))
            await context.abort(code, f"scripted {name}")
        begin = (await anext(requests)).begin
        kept = self.partial.setdefault((begin.id, begin.name), bytearray())
        reply = diagnostics.UploadReply()
        getattr(reply, "from").offset = len(kept)
        getattr(reply, "from").bytes_per_second = self.upload_rate
        yield reply
        stop_at = len(kept) + self.break_uploads_after.pop(0) if self.break_uploads_after else None
        async for message in requests:
            kept += message.chunk
            await self._tell()
            if stop_at is not None and len(kept) >= stop_at:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "scripted break")
        digest = hashlib.sha256(kept).digest()
        if digest != begin.sha256 or len(kept) != begin.bytes:
            kept.clear()
            await context.abort(grpc.StatusCode.DATA_LOSS, "another hash")
        self.files[begin.id, begin.name] = bytes(kept)
        yield diagnostics.UploadReply(done=diagnostics.UploadDone(sha256=digest))
        await self._tell()

    async def _take(self, session: Session, message: telemetry.AgentMessage) -> list[Any]:
        kind = message.WhichOneof("message")
        if kind == "hello":
            session.hello = message.hello
            if self.greet is not None:
                return await self.greet(session)
            return [telemetry.CollectorMessage(welcome=self.welcome(session))]
        if kind == "batch":
            session.batches.append(message.batch)
            answers = self.answer(session, message.batch)
            return [self.store(message.batch)] if answers is None else answers
        if kind == "catalogue":
            session.catalogues.append(message.catalogue)
        elif kind == "heartbeat":
            session.heartbeats.append(message.heartbeat)
        elif kind == "diagnostic":
            self.reports.append(message.diagnostic)
        elif kind == "goodbye":
            session.goodbye = message.goodbye.reason
        return []

    def welcome(self, session: Session) -> telemetry.Welcome:
        return telemetry.Welcome(
            protocol=1,
            session=session.number,
            resume=[
                telemetry.ResumePoint(epoch=held.epoch, through=self.marks.get(held.epoch, 0))
                for held in session.hello.epochs
            ],
            credit_records=self.credit_records,
            credit_bytes=self.credit_bytes,
            max_message_bytes=self.max_message_bytes,
            record_kinds=self.kinds,
            heartbeat_s=self.heartbeat_s,
            collector_id="fake",
        )

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
