"""The one thread that writes: parses what the streams brought, drives intake in groups, runs what else must write.

The event loop never commits and never parses a batch; it is told of a whole group by one callback.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from google.protobuf.message import DecodeError
from hardcase_protos.v1 import telemetry_pb2

from hardcase_collector.domain.diagnostic import AgentReport
from hardcase_collector.domain.errors import BadRecord, StoreFailed
from hardcase_collector.ingest.incoming import (
    Answer,
    Delivery,
    Farewell,
    Heard,
    IncomingBatch,
    OfferedCatalogue,
    Refused,
)
from hardcase_collector.ingest.intake import Intake
from hardcase_collector.rpc import codec, diagnostics, records
from hardcase_collector.rpc.fair_queue import FairQueue, Waiting

log = logging.getLogger(__name__)

GROUP_WEIGHT = 2_000
"""Frames of one group, or what costs as much: about a tenth of a second, and few enough commits for the syncs."""
GROUP_BYTES = 4 << 20
LINGER_S = 0.04
"""How long a group that is not full waits for more: bounds the commits of an idle fleet to 25 a second."""
TICK_S = 5.0

Result = TypeVar("Result")


@dataclass(slots=True)
class Broken:
    """A stream that sent something no agent sends; it is closed with this reason."""

    stream: Waiting
    reason: str


@dataclass(slots=True)
class GroupDone:
    """What the loop is told after a group."""

    answers: list[tuple[Waiting, list[bytes]]]
    taken: list[Waiting]
    broken: list[Broken]


class Writer:
    """Owns the thread. `done` is called on the loop; `tick` on the writer's thread, every five seconds; there too
    `reported`, with each report on diagnostics, after the group that it came with.
    """

    def __init__(
        self,
        intake: Intake,
        queue: FairQueue,
        *,
        done: Callable[[GroupDone], None],
        tick: Callable[[], None] = lambda: None,
        reported: Callable[[int, AgentReport], None] = lambda agent, report: None,
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._intake = intake
        self._queue = queue
        self._done = done
        self._tick = tick
        self._reported = reported
        self._reports: list[tuple[int, AgentReport]] = []
        self._wall_ms = wall_ms
        self._jobs: deque[Callable[[], None]] = deque()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ticked_s = time.monotonic()
        self.groups = 0
        self.busy_s = 0.0
        self.last_group_s = 0.0

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Finishes the group at hand and the jobs waiting, then ends the thread."""
        self._stopping = True
        self._queue.wake()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def submit(self, work: Callable[[], Result]) -> Future[Result]:
        """Runs `work` on the writer's thread between two groups. Any thread may ask."""
        future: Future[Result] = Future()

        def job() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

        self._jobs.append(job)
        self._queue.wake()
        return future

    # ------------------------------------------------------------------ the thread

    def _run(self) -> None:
        while not self._stopping:
            self._queue.wait(1.0)
            while self._jobs:
                self._jobs.popleft()()
            now_s = time.monotonic()
            if now_s - self._ticked_s >= TICK_S:
                self._ticked_s = now_s
                self._guarded_tick()
            self.group()
        while self._jobs:
            self._jobs.popleft()()

    def _guarded_tick(self) -> None:
        try:
            self._tick()
        except Exception:
            log.exception("tick failed; it is tried again")

    def group(self) -> None:
        """Takes, parses and stores one group, and tells the loop."""
        deliveries: list[Delivery] = []
        taken: dict[tuple[int, int], Waiting] = {}
        broken: list[Broken] = []
        self._collect(deliveries, taken, broken)
        if not taken:
            return
        started = time.perf_counter()
        answers = self._process(deliveries) if deliveries else []
        told: list[tuple[Waiting, list[bytes]]] = []
        for agent, answer in answers:
            stream = taken[agent, answer.session]
            stream.backlog = answer.backlog
            told.append((stream, codec.answers_to_bytes(answer, credit_bytes=self._queue.credit(stream))))
        self._tell(GroupDone(told, list(taken.values()), broken))
        # After the readings, which are acknowledged already: a person who waits for an answer can wait for them.
        reports, self._reports = self._reports, []
        for agent, report in reports:
            self._reported(agent, report)
        self.last_group_s = time.perf_counter() - started
        self.busy_s += self.last_group_s
        self.groups += 1

    def _collect(self, deliveries: list[Delivery], taken: dict[tuple[int, int], Waiting], broken: list[Broken]) -> None:
        weight = size = 0
        until = time.monotonic() + LINGER_S
        while weight < GROUP_WEIGHT and size < GROUP_BYTES:
            turn = self._queue.take()
            if turn is None:
                left = until - time.monotonic()
                # Between two messages of a busy fleet the queue is empty for an instant only.
                if not taken or left <= 0 or self._jobs or self._stopping or not self._queue.wait(left):
                    return
                continue
            stream, received_ms, message = turn
            taken[stream.agent, stream.session] = stream
            size += len(message)
            try:
                content = content_of(message)
            except (BadRecord, DecodeError) as error:
                broken.append(Broken(stream, str(error)))
                self._queue.drop(stream)
                continue
            weight += content.weight if type(content) is IncomingBatch else codec.OTHER_WEIGHT
            if isinstance(content, AgentReport):
                self._reports.append((stream.agent, content))
            else:
                deliveries.append(Delivery(stream.agent, stream.session, received_ms, content))

    def _process(self, deliveries: Sequence[Delivery]) -> Sequence[tuple[int, Answer]]:
        try:
            return self._intake.process(deliveries, now_ms=self._wall_ms())
        except Exception as error:
            # A fault of our own must not end the collector, and may not acknowledge anything either.
            log.exception("a group could not be processed and is held")
            return self._intake.hold(
                deliveries, StoreFailed(f"{type(error).__name__}: {error}"), now_ms=self._wall_ms()
            )

    def _tell(self, done: GroupDone) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._done, done)


def content_of(message: bytes) -> IncomingBatch | OfferedCatalogue | Refused | Heard | Farewell | AgentReport:
    """One message after Hello. Raises BadRecord or DecodeError where no agent would send it."""
    parsed = telemetry_pb2.AgentMessage.FromString(message)
    kind = parsed.WhichOneof("message")
    if kind == "batch":
        return codec.batch_of(parsed.batch)
    if kind == "heartbeat":
        return codec.clocks_of(parsed.heartbeat.wall_ms, parsed.heartbeat.boot_ms)
    if kind == "goodbye":
        return Farewell(parsed.goodbye.reason)
    if kind == "catalogue":
        return records.answered_catalogue_of(parsed.catalogue)
    if kind == "diagnostic":
        return diagnostics.report_of(parsed.diagnostic)
    raise BadRecord("a second Hello" if kind == "hello" else "an empty message")
