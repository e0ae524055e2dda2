"""One daemon thread per device: blocking calls run on it one at a time, and a deadline abandons them, never waits.

`devices.py` uses it. An abandoned call keeps the device "hung": no second call until the first has returned.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable

from hardcase_agent.domain.errors import DeviceFailed, DeviceHung

Work = Callable[[], None]


class DeviceThread:
    """`release` runs on the thread, last, when closed."""

    def __init__(self, name: str, release: Work) -> None:
        self._name = name
        self._release = release
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._busy = False
        self._closed = False

    async def call(self, work: Work, deadline_s: float) -> None:
        """Runs `work` on the thread; re-raises what it raised. Raises DeviceHung at the deadline, and at once while an
        abandoned call has not returned."""
        job = _Job(work, asyncio.get_running_loop())
        with self._lock:
            if self._closed:
                raise DeviceFailed(f"{self._name}: closed")
            if self._busy:
                raise DeviceHung(f"{self._name}: an earlier request has not returned")
            self._busy = True
            self._jobs.put(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"device {self._name}", daemon=True)
                self._thread.start()
        try:
            async with asyncio.timeout(deadline_s):
                await job.done
        except TimeoutError:
            raise DeviceHung(f"{self._name}: no answer within {deadline_s:.1f} s") from None

    def close(self) -> None:
        """Idempotent. What is running is left running; nothing waits for it."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            error: BaseException | None = None
            try:
                job.work()
            except BaseException as raised:
                error = raised
            with self._lock:
                self._busy = False
            job.settle(error)
            del job, error
        self._release()


class _Job:
    """One call and the future its caller waits on."""

    def __init__(self, work: Work, loop: asyncio.AbstractEventLoop) -> None:
        self.work = work
        self.done: asyncio.Future[None] = loop.create_future()
        self._loop = loop

    def settle(self, error: BaseException | None) -> None:
        # The loop may have ended while the call was stuck.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._set, error)

    def _set(self, error: BaseException | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)
