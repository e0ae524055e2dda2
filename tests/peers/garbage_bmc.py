"""A UDP server where a BMC should be: it answers noise, cut packets or nothing that makes sense, never a session."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self

NOISE = (b"", b"\x00", b"\x06\x00\xff\x07", b"\xff" * 64, b"\x06\x00\xff\x07\x06\x11" + b"\x55" * 40, bytes(range(200)))


class GarbageBmc:
    """Answers packet n with `answers[n % len]`; with `truncate` it returns the request's own first bytes instead."""

    def __init__(self, answers: tuple[bytes, ...] = NOISE, *, truncate: int = 0) -> None:
        self._answers = answers
        self._truncate = truncate
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="garbage BMC", daemon=True)
        self.heard = 0

    @property
    def lan_port(self) -> int:
        port: int = self._socket.getsockname()[1]
        return port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=60)
        self._socket.close()

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                packet, peer = self._socket.recvfrom(4096)
            except TimeoutError:
                continue
            answer = packet[: self._truncate] if self._truncate else self._answers[self.heard % len(self._answers)]
            self.heard += 1
            self._socket.sendto(answer, peer)
