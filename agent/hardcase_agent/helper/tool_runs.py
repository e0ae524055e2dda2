"""The tools that wait and run: four at a time, one a device, each ended at its deadline.

Made and turned by `server.py`, which owns the selector. How one is run is `process.py`'s matter.
"""

from __future__ import annotations

import selectors
from collections import deque
from collections.abc import Callable

from hardcase_agent.domain.errors import AgentError, DeviceBusy, DeviceHung, OutputFlood
from hardcase_agent.helper.process import Run
from hardcase_agent.helper.table import Command, Output

RUNNING = 4
"""Tools at a time; those that were killed and have not let go are not counted."""
_REAP_S = 0.02
_STUCK_S = 1.0

Answer = Callable[["Output | AgentError"], None]


class Job:
    """One call: waiting (run is None) or running. It waits for half its time at most: what is started is given a fair
    chance, and a disk is not called hung for the queue before it."""

    __slots__ = ("answer", "command", "deadline", "owner", "run", "start_by")

    def __init__(self, command: Command, owner: object, answer: Answer, now: float, seconds: float) -> None:
        self.command = command
        self.owner = owner
        self.answer = answer
        self.start_by = now + seconds / 2
        self.deadline = now + seconds
        self.run: Run | None = None


class ToolRuns:
    def __init__(self, selector: selectors.BaseSelector, tell: Callable[[str], None]) -> None:
        self._selector = selector
        self._tell = tell
        self._waiting: deque[Job] = deque()
        self._running: list[Job] = []
        self._stuck: dict[str, Run] = {}

    def __len__(self) -> int:
        return len(self._waiting) + len(self._running)

    def submit(self, job: Job) -> None:
        """Raises DeviceHung, DeviceBusy."""
        device = job.command.device
        stuck = self._stuck.get(device)
        if stuck is not None:
            raise DeviceHung(f"{device}: process {stuck.pid} of an earlier call has not ended")
        if any(other.command.device == device for other in (*self._running, *self._waiting)):
            raise DeviceBusy(f"{device} is being asked")
        self._waiting.append(job)

    def forget(self, owner: object) -> None:
        """What waits for this owner is not begun; what runs for it runs to its end or deadline."""
        self._waiting = deque(job for job in self._waiting if job.owner is not owner)

    def pump(self, job: Job, fd: int) -> None:
        if job.run is None or fd not in job.run.pipes:
            return
        if job.run.pump(fd):
            self._selector.unregister(fd)
            job.run.close_pipe(fd)

    def next_deadline(self, now: float) -> float | None:
        times = [job.deadline for job in self._running] + [job.start_by for job in self._waiting]
        times += [now + _REAP_S for job in self._running if job.run is not None and not job.run.pipes]
        times += [now + _STUCK_S] if self._stuck else []
        return min(times, default=None)

    def tick(self, now: float) -> None:
        for device in [device for device, run in self._stuck.items() if run.gone()]:
            del self._stuck[device]
            self._tell(f"{device} let go of its process")
        for job in list(self._running):
            self._check(job, now)
        for job in [job for job in self._waiting if now >= job.start_by]:
            self._waiting.remove(job)
            job.answer(DeviceBusy("every place to run a tool was taken for too long"))
        while self._waiting and len(self._running) < RUNNING:
            self._start(self._waiting.popleft())

    def end(self) -> None:
        """Kills what runs; waits for nothing."""
        for job in self._running:
            if job.run is not None:
                job.run.abandon()

    def _start(self, job: Job) -> None:
        try:
            job.run = Run(job.command)
        except AgentError as error:
            job.answer(error)
            return
        self._running.append(job)
        for fd in job.run.pipes:
            self._selector.register(fd, selectors.EVENT_READ, job)

    def _check(self, job: Job, now: float) -> None:
        run = job.run
        if run is None:
            return
        if run.flooded:
            self._abandon(job, run, OutputFlood(f"{job.command.argv[0]} printed more than its limit"))
        elif run.settle():
            self._running.remove(job)
            job.answer((run.status, bytes(run.stdout), bytes(run.stderr)))
        elif now >= job.deadline:
            why = f"{job.command.device}: {job.command.argv[0]} did not end by its deadline"
            self._abandon(job, run, DeviceHung(why))

    def _abandon(self, job: Job, run: Run, error: AgentError) -> None:
        for fd in run.pipes:
            self._selector.unregister(fd)
        self._running.remove(job)
        run.abandon()
        self._stuck[job.command.device] = run
        self._tell(str(error))
        job.answer(error)
