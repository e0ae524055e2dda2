"""One thread for one source's blocking reads, which may never return. Used by `source.py`.

Abandon semantics: a cancelled call goes on in its thread, and until it returns every further call is refused as hung.
The thread is a daemon, so that stopping the agent never waits for a dying device.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar

from hardcase_agent.domain.errors import DeviceHung

T = TypeVar("T")


class Worker:
    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._busy = False

    async def run(self, call: Callable[[], T]) -> T:
        """Raises DeviceHung at once while an abandoned call has not returned; otherwise what `call` raises."""
        if self._busy:
            raise DeviceHung(f"{self._name}: a read that was given up has not returned yet")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            try:
                outcome = call()
            except Exception as error:
                settle = _raising(future, error)
            else:
                settle = _giving(future, outcome)
            # Before the answer is told: who hears it may ask again at once.
            self._busy = False
            try:
                loop.call_soon_threadsafe(settle)
            except RuntimeError:
                # The loop is closed: nobody waits any more.
                return

        self._busy = True
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
            self._thread.start()
        self._jobs.put(work)
        return await future

    def close(self) -> None:
        """The thread ends after what it is doing, if that ever ends."""
        self._jobs.put(None)
        self._thread = None

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


def _giving(future: asyncio.Future[T], outcome: T) -> Callable[[], None]:
    return lambda: None if future.done() else future.set_result(outcome)


def _raising(future: asyncio.Future[T], error: Exception) -> Callable[[], None]:
    return lambda: None if future.done() else future.set_exception(error)
