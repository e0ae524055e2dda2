"""How the collector is: disk reserve, readiness with its reasons, the loop's heartbeat, numbers for /metrics.

Built by `app.py`; asked by the pages' port, the control socket and the watchdog.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

from hardcase_collector.config import Disk

CHECK_EVERY_S = 2.0  # A probe writes to the disk; whoever asks more often gets the last answer.
LOOP_STANDS_S = 10.0
WRITER_STANDS_S = 60.0  # Longer than any commit, sealing step or slow disk's sync.
BEAT_S = 1.0


class DiskReserve:
    """Free space of one directory's file system against the reserve."""

    def __init__(self, folder: Path, settings: Disk) -> None:
        self._folder = folder
        self._settings = settings

    def free_bytes(self) -> int:
        room = os.statvfs(self._folder)
        return room.f_bavail * room.f_frsize

    def trouble(self) -> str:
        """ "" or why nothing may be acknowledged now. Never raises: a disk that cannot be asked is trouble, too."""
        try:
            room = os.statvfs(self._folder)
        except OSError as error:
            return f"{self._folder} cannot be asked for its free space: {error.strerror}"
        total, free = room.f_blocks * room.f_frsize, room.f_bavail * room.f_frsize
        reserve = max(int(total * self._settings.reserve_percent / 100), self._settings.reserve_mb << 20)
        if free >= reserve:
            return ""
        return (
            f"{self._folder} has {free >> 20} MiB free and the reserve is {reserve >> 20} MiB: "
            "free some space or make retention shorter"
        )


class Heartbeat:
    """Proof that the event loop turns and the writer's thread answers."""

    def __init__(self, submit: Callable[[Callable[[], None]], Future[None]]) -> None:
        self._submit = submit
        self._loop_s = time.monotonic()
        self._asked_s: float | None = None

    async def beat(self) -> None:
        """Runs until cancelled."""
        waiting: Future[None] | None = None
        while True:
            self._loop_s = time.monotonic()
            if waiting is None or waiting.done():
                self._asked_s = time.monotonic()
                waiting = self._submit(_nothing)
                waiting.add_done_callback(self._answered)
            await asyncio.sleep(BEAT_S)

    def _answered(self, _: Future[None]) -> None:
        self._asked_s = None

    def alive(self) -> bool:
        return time.monotonic() - self._loop_s < LOOP_STANDS_S

    def writer_trouble(self) -> str:
        asked_s = self._asked_s
        if asked_s is None or time.monotonic() - asked_s < WRITER_STANDS_S:
            return ""
        return f"the writer's thread has not answered for {time.monotonic() - asked_s:.0f} s; see the journal"


class Readiness:
    """Why this collector is not ready. Probes are cached for two seconds and made by one thread at a time."""

    def __init__(self, checks: Sequence[Callable[[], str]]) -> None:
        self._checks = checks
        self._lock = threading.Lock()
        self._checked_s = float("-inf")
        self._reasons: tuple[str, ...] = ()
        self.draining = False

    def reasons(self) -> tuple[str, ...]:
        with self._lock:
            if time.monotonic() - self._checked_s >= CHECK_EVERY_S:
                self._reasons = tuple(reason for reason in (check() for check in self._checks) if reason)
                self._checked_s = time.monotonic()
        return ("draining: the collector is stopping", *self._reasons) if self.draining else self._reasons


def _nothing() -> None:
    return None
