"""Replays of a running collector: one at a time, on a thread of its own, with a deadline. Asked by the control socket.

Judging is pure Python: the thread rests as long as it worked, so that intake keeps at least half of its time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import structlog

from hardcase_collector.domain.errors import CollectorError, IllegalAction, NotFound
from hardcase_collector.domain.replay import ReplayOrder, ReplayReport, ReplayState
from hardcase_collector.replay.running import Present, Stopped, book_of, check_span, run

log = structlog.stdlib.get_logger("hardcase_collector")

DEADLINE_S = 1800.0
"""A month of a hundred machines takes minutes; who asks for more than this asks for less at once."""
KEPT = 5
"""Reports of so many replays can be asked for."""
LONGEST_REST_S = 0.25
STOP_S = 5.0


@dataclass(slots=True)
class _Job:
    report: ReplayReport
    cancelled: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None


class Replays:
    """May be called from any thread."""

    def __init__(self, present: Present, *, monotonic: Callable[[], float], rest: Callable[[float], None]) -> None:
        """`monotonic`: seconds; `rest`: waits that many."""
        self._present = present
        self._monotonic = monotonic
        self._rest = rest
        self._jobs: dict[str, _Job] = {}
        self._lock = threading.Lock()
        self._count = 0

    def start(self, order: ReplayOrder) -> ReplayReport:
        """Raises SheetError, and IllegalAction for no time or too long a one, and while another replay runs."""
        check_span(order)
        book_of(order)
        with self._lock:
            running = next((job for job in self._jobs.values() if job.report.state is ReplayState.RUNNING), None)
            if running is not None:
                raise IllegalAction("replay {report} runs; wait for it or cancel it", report=running.report.id)
            self._count += 1
            report = ReplayReport(
                id=str(self._count),
                state=ReplayState.RUNNING,
                from_ms=order.from_ms,
                until_ms=order.until_ms,
                customer=order.customer,
            )
            job = self._jobs[report.id] = _Job(report)
            for old in list(self._jobs)[:-KEPT]:
                del self._jobs[old]
        job.thread = threading.Thread(target=self._work, args=(job, order), name="replay", daemon=True)
        job.thread.start()
        return report

    def report(self, id: str) -> ReplayReport:
        """Raises NotFound."""
        return self._job(id).report

    def cancel(self, id: str) -> ReplayReport:
        """It ends at its next step. Raises NotFound."""
        job = self._job(id)
        job.cancelled.set()
        return job.report

    def stop(self) -> None:
        """The collector stops: cancels what runs, and waits a little for it."""
        for job in list(self._jobs.values()):
            job.cancelled.set()
            if job.thread is not None:
                job.thread.join(STOP_S)

    def _job(self, id: str) -> _Job:
        found = self._jobs.get(id)
        if found is None:
            raise NotFound("there is no replay {id}", id=id)
        return found

    def _work(self, job: _Job, order: ReplayOrder) -> None:
        began = worked = self._monotonic()

        def stop() -> None:
            nonlocal worked
            if job.cancelled.is_set():
                raise Stopped("cancelled")
            now = self._monotonic()
            if now - began > DEADLINE_S:
                raise Stopped(f"it took over {DEADLINE_S:.0f} s; ask for fewer days, a customer or an asset")
            self._rest(min(now - worked, LONGEST_REST_S))
            worked = self._monotonic()

        def progress(report: ReplayReport) -> None:
            job.report = report

        try:
            job.report = run(self._present, order, job.report, progress=progress, stop=stop)
        except Stopped as stopped:
            state = ReplayState.CANCELLED if job.cancelled.is_set() else ReplayState.FAILED
            job.report = replace(job.report, state=state, error=str(stopped))
        except CollectorError as error:
            job.report = replace(job.report, state=ReplayState.FAILED, error=str(error))
        except Exception as error:
            # The thread ends here: whoever asks must hear that it did.
            log.exception("a replay broke", replay=job.report.id)
            job.report = replace(job.report, state=ReplayState.FAILED, error=f"{type(error).__name__}: see the journal")
