"""A collector's telemetry port on loopback: real gRPC, scripted behaviour, everything it was sent kept for recounting.

It acknowledges what it is sent in order, like the real one, until a test changes `answer`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from hardcase_agent.uplink.wire import STREAM_PATH, grpc
from hardcase_protos.v1 import reading_pb2 as reading
from hardcase_protos.v1 import telemetry_pb2 as telemetry

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
        self._credentials = credentials
        self._changed = asyncio.Condition()
        self._port = 0

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
        service, method = STREAM_PATH.strip("/").split("/")
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
        address = f"127.0.0.1:{self._port}"
        if self._credentials is None:
            self._port = self._server.add_insecure_port(address)
        else:
            self._port = self._server.add_secure_port(address, self._credentials)
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(grace=None)

    async def until(self, true: Callable[[], bool], *, within_s: float = 60) -> None:
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
        try:
            async for message in requests:
                for answer in await self._take(session, message):
                    if isinstance(answer, grpc.StatusCode):
                        await context.abort(answer, "scripted")
                    yield answer
                await self._tell()
        finally:
            session.ended = True
            asyncio.get_running_loop().create_task(self._tell())

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
