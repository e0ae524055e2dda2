"""`Telemetry.Stream`: one coroutine a stream, which greets, then only moves bytes into the queue and answers out.

Bytes are parsed on the writer's thread; a message costs this side one read and one append.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import grpc
from hardcase_protos.v1 import telemetry_pb2

from hardcase_collector.domain.errors import Cloned, NotBound, TemporaryError
from hardcase_collector.domain.joining import RefusalName
from hardcase_collector.domain.pace import Pace
from hardcase_collector.domain.ports import StateStore
from hardcase_collector.ingest.intake import Intake
from hardcase_collector.ingest.ticking import Ticker
from hardcase_collector.rpc import codec, identity
from hardcase_collector.rpc.diagnostics import Desk, NoDesk, Requests
from hardcase_collector.rpc.door import TWO_MACHINES, Door, Handlers, Refusal, close_message
from hardcase_collector.rpc.fair_queue import FairQueue, Waiting
from hardcase_collector.rpc.gate import Gate, TrustSource
from hardcase_collector.rpc.open_stream import Stream
from hardcase_collector.rpc.upload import Receiving, UploadService
from hardcase_collector.rpc.welcome import welcome_message
from hardcase_collector.rpc.writer import GroupDone, Writer

log = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[bytes, bytes]
Close = telemetry_pb2.Close

SEND_S = 30.0
"""A peer that takes no answer for so long is gone."""
GREETINGS_PER_MINUTE = 60
"""Of one certificate, and so many at once. Each costs the writer a look at both stores: an agent that reconnects,
however badly its network does, stays below; one that opens streams by the thousand is turned away unread."""
REMEMBERED_CERTIFICATES = 16_384


class TelemetryService:
    """The streams of this collector. `insecure` believes Hello instead of a certificate (loopback only).

    `tick` runs on the writer's thread every few seconds. `enrolment_of` gives the enrolment a certificate was issued
    for (ms), where it says so; without it only the newest certificate of an agent is taken. `diagnostics` decides what
    agents are asked, `receiving` what files they send; without it there is no such call.
    """

    def __init__(
        self,
        state: StateStore,
        intake: Intake,
        *,
        collector_id: str,
        insecure: bool = False,
        tick: Callable[[], None] = lambda: None,
        enrolment_of: identity.EnrolmentOf = lambda _: None,
        trust: TrustSource | None = None,
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        diagnostics: Desk | None = None,
        receiving: Receiving | None = None,
    ) -> None:
        self._state = state
        self._intake = intake
        self._collector_id = collector_id
        self._gate = Gate(state, enrolment_of=enrolment_of, trust=trust, insecure=insecure)
        self._door = Door(self._gate, wall_ms)
        self._wall_ms = wall_ms
        self._streams: dict[int, Stream] = {}
        self._draining = False
        self._greetings = Pace(GREETINGS_PER_MINUTE, remembered=REMEMBERED_CERTIFICATES)
        self.queue = FairQueue()
        self._ticker = Ticker(intake)
        self._app_tick = tick
        self._requests = Requests(diagnostics or NoDesk(), wall_ms)
        self._offers: set[asyncio.Task[None]] = set()
        self._uploads = None if receiving is None else self._upload_service(receiving)
        self.writer = Writer(
            intake,
            self.queue,
            done=self._group_done,
            tick=self._tick,
            reported=self._requests.take,
            wall_ms=wall_ms,
        )

    @property
    def open_streams(self) -> int:
        return len(self._streams)

    def start(self) -> None:
        """On the event loop. From here on the collector of cyclic garbage looks less often: frames come and go by the
        thousand without a cycle among them, and its default would walk every book and catalogue several times a group.
        """
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        self._loop = asyncio.get_running_loop()
        self.writer.submit(self._ticker.start)
        self.writer.start(self._loop)

    def _tick(self) -> None:
        now_ms = self._wall_ms()
        self._ticker.tick(now_ms=now_ms, monotonic_ms=time.monotonic_ns() // 1_000_000)
        for agent in self._intake.stuck(now_ms):
            self._loop.call_soon_threadsafe(self._start_over, agent)
        for agent in self._requests.tick():
            self.ask(agent)
        self._app_tick()

    def _start_over(self, agent: int) -> None:
        """The agent never came back to what was not taken: a new stream agrees anew on where to go on."""
        stream = self._streams.get(agent)
        if stream is not None:
            self.end(stream, Refusal(Close.CAUSE_DRAINING, "what was not acknowledged did not come again; reconnect"))

    def revoke(self, agent: int) -> None:
        """Ends the agent's stream, if it has one. On the event loop."""
        stream = self._streams.get(agent)
        if stream is not None:
            self.end(stream, Refusal(Close.CAUSE_REVOKED, "this identity was revoked", RefusalName.REVOKED))
        if self._uploads is not None:
            self._uploads.revoke(agent)

    def hold_to(self, standing: Mapping[int, tuple[int, bool]]) -> None:
        """Ends the streams of agents that were revoked or enrolled anew by whoever shares the store; `standing`: as
        `AgentStore.standing` gives it. On the event loop."""
        for number, stream in list(self._streams.items()):
            enrolled_ms, revoked = standing.get(number, (stream.agent.enrolled_ms, False))
            if revoked:
                self.revoke(number)
            elif enrolled_ms > stream.agent.enrolled_ms:
                why = Refusal(Close.CAUSE_REVOKED, "this host was enrolled anew", RefusalName.ENROLLED_ANEW)
                self.end(stream, why)

    def tell_trust(self, *, retired: str = "") -> None:
        """CAs have changed: tells every stream that must know. Those that came by the retired one end, and may come
        back. On the event loop."""
        for stream in list(self._streams.values()):
            peer = stream.entered.peer
            self._tell_trust(stream)
            if retired and peer is not None and peer.issuer == retired:
                self.end(stream, Refusal(Close.CAUSE_DRAINING, "the CA of this agent's certificate has retired"))

    def _tell_trust(self, stream: Stream) -> None:
        message = self._gate.trust_message(stream.entered, stream.roots, streams=len(self._streams))
        if message is not None:
            stream.outbox.append(message)
            self._send(stream)

    def greet_again(self, agent: int) -> None:
        """Ends the agent's stream, if it has one, with a reason to come back. On the event loop."""
        stream = self._streams.get(agent)
        if stream is not None:
            self.end(stream, Refusal(Close.CAUSE_DRAINING, "what this agent belongs to has changed"))

    async def stop(self) -> None:
        """Ends every stream with Close DRAINING, finishes what the writer holds."""
        self._draining = True
        for stream in list(self._streams.values()):
            self.end(stream, Refusal(Close.CAUSE_DRAINING, "the collector stops"))
        if self._uploads is not None:
            await self._uploads.stop()
        await self.writer.stop()
        self._requests.stop()
        gc.unfreeze()

    def handler(self) -> grpc.GenericRpcHandler:
        """The generic handler to register: bytes in, bytes out."""
        method: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(self.stream)
        telemetry = grpc.method_handlers_generic_handler("hardcase_protos.v1.Telemetry", {"Stream": method})
        return telemetry if self._uploads is None else Handlers(telemetry, self._uploads.handler())

    def _upload_service(self, receiving: Receiving) -> UploadService:
        return UploadService(
            receiving,
            who=None if self._gate.insecure else lambda context: self._gate.agent_of(context.auth_context()).number,
            streaming=lambda agent: agent in self._streams,
            wall_ms=self._wall_ms,
        )

    # ------------------------------------------------------------------ diagnostics

    def ask(self, agent: int) -> None:
        """There is something that this agent is to be told, if it is connected. From any thread; returns at once."""
        if self._streams.get(agent) is not None:
            self._loop.call_soon_threadsafe(self._offer, agent, None)

    def _offer(self, agent: int, allowed: Sequence[int] | None) -> None:
        """On the event loop. `allowed`: of a new stream, what its Hello lists."""
        stream = self._streams.get(agent)
        if stream is not None and stream.ending is None and not self._draining:
            task = asyncio.create_task(self._tell(stream, allowed))
            self._offers.add(task)
            task.add_done_callback(self._offers.discard)

    async def _tell(self, stream: Stream, allowed: Sequence[int] | None) -> None:
        agent = stream.agent.number
        messages = await (self._requests.owed(agent) if allowed is None else self._requests.greeted(agent, allowed))
        if self._streams.get(agent) is stream and stream.ending is None:
            stream.outbox.extend(messages)
            self._send(stream)

    # ------------------------------------------------------------------ one stream

    async def stream(self, _requests: AsyncIterator[bytes], context: Context) -> None:
        stream: Stream | None = None
        said_all = False
        try:
            stream, hello, copied = await self._greet(context)
            await self._begin(stream, hello, copied=copied)
            await self._read(stream)
            said_all = True
        except Refusal as refusal:
            await self._door.refuse(context, refusal)
        except asyncio.CancelledError:
            if stream is None or stream.ending is None:
                raise
            await self._door.refuse(context, stream.ending, already_told=True)
        finally:
            if stream is not None:
                # What came before a clean end, a goodbye above all, still waits for the writer and never comes again.
                if not said_all:
                    self.queue.drop(stream.waiting)
                if self._streams.get(stream.agent.number) is stream:
                    del self._streams[stream.agent.number]

    async def _greet(self, context: Context) -> tuple[Stream, telemetry_pb2.Hello, bool]:
        """True: the agent's stream until now was of a copy of its identity."""
        if self._draining:
            raise Refusal(Close.CAUSE_DRAINING, "the collector stops")
        certificate = identity.single(context.auth_context(), "x509_pem_cert")
        if certificate and self._greetings.wait_s(certificate, now_ms=time.monotonic_ns() // 1_000_000):
            await context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED, "this identity opens streams too often; wait a minute"
            )
        hello = await self._door.hello(context)
        entered = await self._door.enter(context, hello)
        agent = entered.agent
        greeting = codec.greeting_of(hello)
        received_ms = self._wall_ms()
        try:
            admission = await asyncio.wrap_future(
                self.writer.submit(lambda: self._intake.admit(agent, greeting, received_ms=received_ms))
            )
        except Cloned as clone:
            raise await self._door.turned_away(
                context, agent.id, Close.CAUSE_CLONED, clone, RefusalName.CLONED
            ) from clone
        except NotBound as refusal:
            name = RefusalName.OTHER_CUSTOMER
            raise await self._door.turned_away(context, agent.id, Close.CAUSE_REVOKED, refusal, name) from refusal
        except TemporaryError as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        waiting = Waiting(agent.number, admission.session, admission.behind)
        task = asyncio.current_task()
        assert task is not None  # a coroutine always runs in a task
        stream = Stream(entered, tuple(hello.roots), waiting, task, context)
        older = self._streams.get(agent.number)
        self._streams[agent.number] = stream
        cloned = self._gate.held_by(agent, hello.boot_id)
        if older is not None:
            newer = Refusal(Close.CAUSE_SUPERSEDED, "a newer stream of this identity was opened")
            copied = Refusal(Close.CAUSE_CLONED, TWO_MACHINES, RefusalName.CLONED)
            self.end(older, copied if cloned else newer)
        stream.outbox.append(welcome_message(admission, self._collector_id, hello.protocol))
        return stream, hello, cloned

    async def _begin(self, stream: Stream, hello: telemetry_pb2.Hello, *, copied: bool) -> None:
        agent = stream.agent
        if copied:
            await asyncio.to_thread(self._gate.keep_copies, agent.number, self._gate.copies(agent))
            cause, name = Close.CAUSE_CLONED, RefusalName.CLONED
            await self._door.turned_away(stream.context, agent.id, cause, TWO_MACHINES, name)
        self._tell_trust(stream)
        self._send(stream)
        self._offer(agent.number, hello.diagnostics)

    async def _read(self, stream: Stream) -> None:
        read, put, waiting, wall_ms = stream.context.read, self.queue.put, stream.waiting, self._wall_ms
        while True:
            message = await read()
            if not isinstance(message, bytes):
                return
            if not put(waiting, message, wall_ms()):
                stream.room.clear()
                while not self.queue.has_room(waiting):
                    # The writer drains without a word to streams it took nothing from; a second is soon enough then.
                    try:
                        async with asyncio.timeout(1.0):
                            await stream.room.wait()
                    except TimeoutError:
                        continue
                    stream.room.clear()

    # ------------------------------------------------------------------ answers

    def _group_done(self, done: GroupDone) -> None:
        for waiting, messages in done.answers:
            stream = self._streams.get(waiting.agent)
            if stream is not None and stream.waiting is waiting:
                stream.outbox.extend(messages)
                self._send(stream)
        for waiting in done.taken:
            stream = self._streams.get(waiting.agent)
            if stream is not None and stream.waiting is waiting:
                stream.room.set()
        for broken in done.broken:
            stream = self._streams.get(broken.stream.agent)
            if stream is not None and stream.waiting is broken.stream:
                self.end(stream, Refusal(Close.CAUSE_PROTOCOL, broken.reason))

    def _send(self, stream: Stream) -> None:
        if stream.outbox and (stream.sender is None or stream.sender.done()):
            stream.sender = asyncio.create_task(self._drain(stream))

    async def _drain(self, stream: Stream) -> None:
        try:
            while stream.outbox:
                async with asyncio.timeout(SEND_S):
                    await stream.context.write(stream.outbox.popleft())
        except (grpc.RpcError, grpc.aio.UsageError, grpc.aio.InternalError, asyncio.InvalidStateError, TimeoutError):
            stream.outbox.clear()
            stream.task.cancel()

    def end(self, stream: Stream, refusal: Refusal) -> None:
        """Tells the agent why and ends the stream; returns at once."""
        if stream.ending is not None:
            return
        stream.ending = refusal
        self.queue.drop(stream.waiting)
        stream.outbox.append(close_message(refusal))
        self._send(stream)
        ending = asyncio.create_task(self._finish(stream))
        ending.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def _finish(self, stream: Stream) -> None:
        if stream.sender is not None:
            await asyncio.wait([stream.sender], timeout=SEND_S)
        stream.task.cancel()
