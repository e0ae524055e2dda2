"""Stands for systemd at the other end of $NOTIFY_SOCKET: hears what a service tells of itself, all of it, at any time.

A thread takes each message as it comes: the kernel keeps ten of a socket that nobody reads, and then neither of our
services waits.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

WITHIN_S = 90.0
_LOOKS_EVERY_S = 0.05


class NotifySocket:
    """`told`: every message so far, in order."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "notify")
        self.told: list[str] = []
        self._stopping = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.settimeout(_LOOKS_EVERY_S)
        self._thread = threading.Thread(target=self._hear, name="systemd", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join(timeout=WITHIN_S)
        self._socket.close()

    def _hear(self) -> None:
        while not self._stopping.is_set():
            try:
                self.told.append(self._socket.recv(4096).decode())
            except TimeoutError:
                continue

    def heard(self, text: str) -> bool:
        return any(message.startswith(text) for message in self.told)

    def wait_for(self, text: str) -> None:
        """Until a message that begins so has come, now or before; bounded."""
        until = time.monotonic() + WITHIN_S
        while not self.heard(text):
            assert time.monotonic() < until, f"{text} was not told: {self.told}"
            time.sleep(_LOOKS_EVERY_S)

    async def until(self, text: str) -> None:
        """The same, of asynchronous tests."""
        await asyncio.to_thread(self.wait_for, text)
