"""One open stream: Hello and Welcome, then three loops (send, receive, heartbeat) until something ends it.

Made by `client.py` for each connection. Every wait has a deadline: a collector that takes nothing, answers nothing
or acknowledges nothing ends the stream.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

from hardcase_agent.domain.diagnostic import DiagnosticReport, DiagnosticRequest
from hardcase_agent.domain.errors import CollectorUnreachable
from hardcase_agent.domain.event import LossCause
from hardcase_agent.domain.frame import Moment
from hardcase_agent.domain.ports import Clock
from hardcase_agent.domain.stream import Backlog, Stored
from hardcase_agent.uplink import codec
from hardcase_agent.uplink.answers import Ack, Answer, Close, CloseCause, Hold, NeedCatalogue, Trust, Welcome
from hardcase_agent.uplink.call import EOF, Call
from hardcase_agent.uplink.flow import BATCH_OVERHEAD, RECORD_OVERHEAD, Flow, Suspects
from hardcase_agent.uplink.terms import Broken, Closed, Ended, Tally, Timing
from hardcase_agent.uplink.wire import Channel, grpc

log = logging.getLogger(__name__)

STEP_MS = 1_000
"""The wall clock was set if it moved this much against CLOCK_BOOTTIME within a tick; slewing is 2.5 ms."""
HEARTBEAT_S = 60
MOST_REPORTS = 64
"""Reports on diagnostics that wait for the stream; the oldest goes, because the collector asks again."""
LONGEST_HOLD_MS = 300_000
"""A collector that asks for a longer pause is asked again after five minutes."""


class _CloseReceived(Exception):
    def __init__(self, close: Close) -> None:
        super().__init__(close.detail)
        self.close = close


class Stream:
    """`suspects` and `tally` outlive it."""

    def __init__(
        self,
        channel: Channel,
        *,
        backlog: Backlog,
        clock: Clock,
        introduction: codec.Introduction,
        suspects: Suspects,
        tally: Tally,
        timing: Timing,
        ask: Callable[[DiagnosticRequest], None] = lambda request: None,
        trust: Callable[[Trust], None] = lambda told: None,
    ) -> None:
        """`ask` takes the collector's requests for diagnostics, `trust` what it says of its CAs."""
        self._channel = channel
        self._ask = ask
        self._trust = trust
        self._reports: deque[bytes] = deque()
        self._backlog = backlog
        self._clock = clock
        self._introduction = introduction
        self._suspects = suspects
        self._tally = tally
        self._timing = timing
        self._waking = asyncio.Event()
        self._finish = ""
        self._finish_at: float | None = None
        self._held_until_ms = 0
        self._progress_ms = 0
        self.welcomed = False
        self.useful = False
        """Something was acknowledged: the next failure starts its backoff anew."""

    def wake(self) -> None:
        self._waking.set()

    def say(self, report: DiagnosticReport) -> None:
        """Sent before further records; lost with the stream, and asked for again then."""
        if len(self._reports) >= MOST_REPORTS:
            self._reports.popleft()
            self._tally.reports_dropped += 1
        self._reports.append(codec.report(report))
        self.wake()

    def finish(self, reason: str) -> None:
        """Say goodbye when everything is acknowledged, or after `Timing.drain_s`."""
        self._finish = reason
        self._finish_at = asyncio.get_running_loop().time() + self._timing.drain_s
        self.wake()

    async def run(self) -> Ended:
        """Raises CollectorUnreachable if no Welcome comes."""
        self._call = call = Call(self._channel, write_s=self._timing.write_s)
        try:
            welcome = await self._greet()
            self.welcomed = True
            self._progress_ms = self._clock.now().boot_ms
            released = await self._backlog.release(welcome.kinds)
            if released:
                log.info("withheld records are sent now: records=%d", released)
            self._flow = Flow(await self._backlog.held(), welcome, self._suspects)
            log.info("stream open: collector=%s", welcome.collector_id)
            return await self._converse(welcome)
        except _CloseReceived as told:
            return Closed(told.close.cause, told.close.detail)
        finally:
            call.cancel()

    async def _greet(self) -> Welcome:
        try:
            async with asyncio.timeout(self._timing.welcome_s):
                held = await self._backlog.held()
                await self._call.write(codec.hello(self._introduction, held, self._clock.now()))
                answer = await self._call.read()
        except TimeoutError as error:
            raise CollectorUnreachable(f"no answer within {self._timing.welcome_s:.0f} s") from error
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
            raise CollectorUnreachable(await self._call.why()) from error
        if isinstance(answer, Close):
            raise _CloseReceived(answer)
        if not isinstance(answer, Welcome):
            raise CollectorUnreachable(f"the collector answered Hello with {type(answer).__name__}")
        if not codec.OLDEST_PROTOCOL <= answer.protocol <= codec.PROTOCOL:
            close = Close(CloseCause.PROTOCOL, f"the collector speaks protocol {answer.protocol}: update it first")
            raise _CloseReceived(close)
        return answer

    async def _converse(self, welcome: Welcome) -> Ended:
        tasks = {
            asyncio.create_task(self._receive(), name="uplink receive"),
            asyncio.create_task(self._send(welcome), name="uplink send"),
            asyncio.create_task(self._beat(welcome), name="uplink heartbeat"),
        }
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        results = await asyncio.gather(*done, *pending, return_exceptions=True)
        for result in results:
            if isinstance(result, _CloseReceived):
                raise result
        for result in results:
            known = (grpc.aio.AioRpcError, asyncio.InvalidStateError, CollectorUnreachable, asyncio.CancelledError)
            if isinstance(result, BaseException) and not isinstance(result, known):
                raise result
        for result in results:
            if isinstance(result, CollectorUnreachable):
                return Broken(str(result))
        if self._finish and not self._call.done():
            return Broken(self._finish)
        reason = await self._call.why()
        await self._judge_end()
        return Broken(self._finish or reason)

    async def _judge_end(self) -> None:
        """A stream that ended by an error of its own may have met a record that does it every time."""
        if not await self._call.ended_by_content():
            return
        culprit = self._flow.blame()
        if culprit is not None:
            epoch, sequence = culprit
            log.error(
                "record quarantined: its sending ended three streams: epoch=%s sequence=%d", epoch.hex(), sequence
            )
            await self._backlog.give_up(epoch, sequence, LossCause.QUARANTINED)

    # Sending

    async def _send(self, welcome: Welcome) -> None:
        while True:
            self._waking.clear()
            while self._reports:
                await self._call.write(self._reports.popleft())
            if await self._finished():
                return
            if not await self._send_next(welcome):
                await self._wait()

    async def _send_next(self, welcome: Welcome) -> bool:
        """True = go on at once."""
        flow = self._flow
        records, size = flow.room()
        if self._clock.now().boot_ms < self._held_until_ms or not records:
            return False
        epoch, first, generation = flow.epoch, flow.next_sequence, flow.generation
        stored = await self._backlog.read(epoch, first, max_records=records, max_bytes=size)
        if (flow.generation, flow.epoch, flow.next_sequence) != (generation, epoch, first):
            return True
        if not stored:
            if flow.last_epoch:
                return False
            flow.finished_epoch()
            return True
        payloads = await self._payloads(stored, welcome)
        if payloads and flow.generation == generation:
            sent = sum(len(payload) + RECORD_OVERHEAD for _, payload in payloads) + BATCH_OVERHEAD
            if not flow.in_flight:
                self._progress_ms = self._clock.now().boot_ms
            flow.sent(epoch, payloads[0][0], payloads[-1][0], sent)
            await self._call.write(codec.batch(payloads, epoch))
        return True

    async def _payloads(self, stored: Sequence[Stored], welcome: Welcome) -> list[tuple[int, bytes]]:
        """Contiguous sequences with what stands for each on the wire; ends before a record that is given up."""
        found: list[tuple[int, bytes]] = []
        for record in stored:
            if record.kind not in welcome.kinds:
                await self._withhold(record)
                found.append((record.sequence, codec.placeholder()))
                continue
            payload = codec.payload_for(record, self._introduction.boot_id)
            if len(payload) + RECORD_OVERHEAD + BATCH_OVERHEAD > self._flow.allowed_bytes:
                if not found:
                    log.error("record too large for this collector: kind=%s bytes=%d", record.kind, len(payload))
                    await self._backlog.give_up(record.epoch, record.sequence, LossCause.TOO_LARGE)
                    self._flow.skip(record.epoch, record.sequence)
                break
            found.append((record.sequence, payload))
        return found

    async def _withhold(self, record: Stored) -> None:
        if not self._tally.withheld:
            log.warning("the collector does not take %s records; they are kept", record.kind)
        self._tally.withheld += 1
        await self._backlog.withhold(codec.with_boot(record))

    async def _wait(self) -> None:
        """Until something is new, a hold is over, or the drain of a stop has lasted long enough."""
        timeout = None
        left_ms = self._held_until_ms - self._clock.now().boot_ms
        if left_ms > 0:
            timeout = left_ms / 1000
        if self._finish_at is not None:
            left = max(0.01, self._finish_at - asyncio.get_running_loop().time())
            timeout = left if timeout is None else min(timeout, left)
        try:
            async with asyncio.timeout(timeout):
                await self._waking.wait()
        except TimeoutError:
            return

    async def _finished(self) -> bool:
        """Goodbye is said once everything is acknowledged, or when the drain has lasted long enough."""
        if self._finish_at is None:
            return False
        if asyncio.get_running_loop().time() < self._finish_at and not await self._drained():
            return False
        await self._call.write(codec.goodbye(self._finish))
        await self._call.done_writing()
        return True

    async def _drained(self) -> bool:
        return (await self._backlog.state()).records == 0

    # Receiving

    async def _receive(self) -> None:
        while True:
            answer = await self._call.read()
            if answer is EOF:
                return
            await self._take(answer)
            self.wake()

    async def _take(self, answer: Answer | object | None) -> None:
        if isinstance(answer, Ack):
            await self._take_ack(answer)
        elif isinstance(answer, NeedCatalogue):
            await self._take_need(answer)
        elif isinstance(answer, Hold):
            delay_ms = min(answer.retry_after_ms, LONGEST_HOLD_MS)
            log.warning("collector holds: cause=%s detail=%s delay_ms=%d", answer.cause, answer.detail, delay_ms)
            now_ms = self._clock.now().boot_ms
            self._held_until_ms = now_ms + delay_ms
            self._progress_ms = self._held_until_ms
            self._flow.rewind()
        elif isinstance(answer, DiagnosticRequest):
            self._ask(answer)
        elif isinstance(answer, Trust):
            self._trust(answer)
        elif isinstance(answer, Close):
            raise _CloseReceived(answer)

    async def _take_ack(self, ack: Ack) -> None:
        if not self._flow.acknowledged(ack):
            return
        self.useful = True
        self._progress_ms = max(self._progress_ms, self._clock.now().boot_ms)
        for one in ack.rejected:
            self._tally.rejected += 1
            log.error("record rejected: sequence=%d status=%s detail=%s", one.sequence, one.status, one.detail)
        await self._backlog.acknowledge(ack.epoch, ack.through)

    async def _take_need(self, need: NeedCatalogue) -> None:
        payload = await self._backlog.catalogue(need.catalogue_id)
        if payload is None:
            # Its frame can never be read by anybody: a stated loss, not an endless question.
            log.error("catalogue is gone: id=%s sequence=%d", need.catalogue_id.hex(), need.sequence)
            await self._backlog.give_up(need.epoch, need.sequence, LossCause.UNREADABLE)
        else:
            await self._call.write(codec.catalogue_answer(payload))
        self._flow.needs(need)
        self._progress_ms = self._clock.now().boot_ms

    # Heartbeat and deadlines

    async def _beat(self, welcome: Welcome) -> None:
        period_ms = 1000 * (welcome.heartbeat_s or HEARTBEAT_S)
        last = self._clock.now()
        offset = last.wall_ms - last.boot_ms
        while True:
            now = self._clock.now()
            stepped = abs(now.wall_ms - now.boot_ms - offset) > STEP_MS
            if stepped:
                log.warning("wall clock was set: step_ms=%d", now.wall_ms - now.boot_ms - offset)
                offset = now.wall_ms - now.boot_ms
            if stepped or now.boot_ms - last.boot_ms >= period_ms:
                await self._heartbeat(now)
                last = now
            self._check_progress(now)
            await asyncio.sleep(min(self._timing.tick_s, max(0.01, (last.boot_ms + period_ms - now.boot_ms) / 1000)))

    async def _heartbeat(self, now: Moment) -> None:
        state = await self._backlog.state()
        await self._call.write(codec.heartbeat(now, state.records, state.bytes))

    def _check_progress(self, now: Moment) -> None:
        if self._flow.in_flight and now.boot_ms - self._progress_ms > self._timing.progress_s * 1000:
            raise CollectorUnreachable(f"no acknowledgement for {self._timing.progress_s:.0f} s")
