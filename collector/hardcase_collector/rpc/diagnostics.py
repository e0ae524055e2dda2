"""Diagnostics on the wire: requests to messages, reports to values, and the way from the event loop to who decides.

`service.py` sends what comes of it down the stream; `writer.py` hands up what agents report. Files are `upload.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from hardcase_protos.v1 import diagnostics_pb2, telemetry_pb2

from hardcase_collector.domain.diagnostic import (
    ID_BYTES,
    LARGEST_ANSWER,
    AgentReport,
    DiagnosticKind,
    DiagnosticRequest,
    RequestState,
    ToldFile,
)
from hardcase_collector.domain.errors import BadRecord, CollectorError

log = logging.getLogger(__name__)

THREADS = 2
"""Beside the writer's: what is asked here is a read of one index, and a commit where a person asked for something."""
MOST_FILES_TOLD = 64
_NUMBERS = {kind: diagnostics_pb2.DiagnosticKind.Value(f"DIAGNOSTIC_KIND_{kind.name}") for kind in DiagnosticKind}
_KINDS: dict[int, DiagnosticKind] = {number: kind for kind, number in _NUMBERS.items()}
_REPORTED = (
    RequestState.ACCEPTED,
    RequestState.AWAITS_CONSENT,
    RequestState.DONE,
    RequestState.REFUSED,
    RequestState.FAILED,
    RequestState.EXPIRED,
)
_STATES: dict[int, RequestState] = {
    diagnostics_pb2.DiagnosticReport.State.Value(f"STATE_{state.name}"): state for state in _REPORTED
}


class Desk(Protocol):
    """Who decides; see `diagnostics/telling.py`. Blocking."""

    def greeted(self, agent: int, kinds: Sequence[DiagnosticKind], *, now_ms: int) -> Sequence[DiagnosticRequest]: ...
    def owed(self, agent: int, *, now_ms: int) -> Sequence[DiagnosticRequest]: ...
    def waiting(self) -> Sequence[int]: ...
    def take(self, agent: int, report: AgentReport, *, now_ms: int) -> None: ...
    def again(self, *, now_ms: int) -> None: ...


class NoDesk:
    """Where nothing is asked of agents."""

    def greeted(self, agent: int, kinds: Sequence[DiagnosticKind], *, now_ms: int) -> Sequence[DiagnosticRequest]:
        return ()

    def owed(self, agent: int, *, now_ms: int) -> Sequence[DiagnosticRequest]:
        return ()

    def waiting(self) -> Sequence[int]:
        return ()

    def take(self, agent: int, report: AgentReport, *, now_ms: int) -> None:
        return None

    def again(self, *, now_ms: int) -> None:
        return None


class Requests:
    """Asks the desk on threads of its own, so that the event loop never waits for a commit."""

    def __init__(self, desk: Desk, wall_ms: Callable[[], int]) -> None:
        self._desk = desk
        self._wall_ms = wall_ms
        self._threads = ThreadPoolExecutor(THREADS, "diagnostics")

    async def greeted(self, agent: int, kinds: Iterable[int]) -> list[bytes]:
        """What an agent with a new stream is told; `kinds`: the numbers in its Hello."""
        allowed = tuple(dict.fromkeys(_KINDS[number] for number in kinds if number in _KINDS))
        return await self._ask(lambda now_ms: self._desk.greeted(agent, allowed, now_ms=now_ms))

    async def owed(self, agent: int) -> list[bytes]:
        return await self._ask(lambda now_ms: self._desk.owed(agent, now_ms=now_ms))

    async def _ask(self, work: Callable[[int], Sequence[DiagnosticRequest]]) -> list[bytes]:
        def messages() -> list[bytes]:
            now_ms = self._wall_ms()
            return [request_message(request, sent_ms=now_ms) for request in work(now_ms)]

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, messages)
        except asyncio.CancelledError:
            raise
        except (CollectorError, RuntimeError) as error:
            # They are asked for again with the next tick, or the next stream; a stopped pool is the end of all streams.
            log.error("requests for diagnostics could not be read: %s", error)
            return []

    def tick(self) -> Sequence[int]:
        """On the writer's thread. Agents that are to be told of something."""
        try:
            self._desk.again(now_ms=self._wall_ms())
            return self._desk.waiting()
        except CollectorError as error:
            log.error("requests for diagnostics could not be read: %s", error)
            return ()

    def take(self, agent: int, report: AgentReport) -> None:
        """On the writer's thread. A fault of our own ends nothing else."""
        try:
            self._desk.take(agent, report, now_ms=self._wall_ms())
        except Exception:
            log.exception("a report on diagnostics could not be kept")

    def stop(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def request_message(request: DiagnosticRequest, *, sent_ms: int) -> bytes:
    message = diagnostics_pb2.DiagnosticRequest(
        id=request.id,
        kind=_NUMBERS[request.kind],
        arguments=dict(request.arguments),
        expires_ms=request.expires_ms,
        asked_by=request.asked_by,
        reason=request.reason,
        asked_ms=request.asked_ms,
        sent_ms=sent_ms,
        consented=request.consented,
        asset=request.serial,
    )
    return telemetry_pb2.CollectorMessage(diagnostic=message).SerializeToString()


def report_of(report: diagnostics_pb2.DiagnosticReport) -> AgentReport:
    """Raises BadRecord for what no agent says."""
    state = _STATES.get(report.state)
    if len(report.id) != ID_BYTES or state is None:
        raise BadRecord("a report on diagnostics needs a 16-byte id and a state")
    if len(report.answer) > LARGEST_ANSWER:
        raise BadRecord(f"an answer of {len(report.answer)} bytes: over {LARGEST_ANSWER} it is uploaded")
    if len(report.files) > MOST_FILES_TOLD:
        raise BadRecord(f"a report on diagnostics with {len(report.files)} files")
    return AgentReport(
        id=report.id,
        state=state,
        detail=report.detail,
        answer=report.answer,
        files=tuple(told_file(file) for file in report.files),
    )


def told_file(begin: diagnostics_pb2.UploadBegin) -> ToldFile:
    return ToldFile(request=begin.id, name=begin.name, size=begin.bytes, sha256=begin.sha256)
