"""Tells systemd how the service is: READY, WATCHDOG, RELOADING, STOPPING. Called by `app.py`.

sd_notify(3): one datagram to the socket named in NOTIFY_SOCKET; without one, nothing happens.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping


class Notifier:
    """One per process; never raises, because a supervisor that does not listen must not stop the service."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        name = environment.get("NOTIFY_SOCKET", "")
        # A name that begins with "@" lies in the abstract name space (unix(7)).
        self._address = "\0" + name[1:] if name.startswith("@") else name
        self._watchdog_us = int(environment.get("WATCHDOG_USEC", "0") or 0)
        watched = environment.get("WATCHDOG_PID", "")
        if watched and watched != str(os.getpid()):
            self._watchdog_us = 0

    @property
    def watchdog_s(self) -> float | None:
        """How often to call `alive`: a third of systemd's limit; None where no watchdog waits."""
        return self._watchdog_us / 3_000_000 if self._watchdog_us else None

    def ready(self, status: str) -> None:
        self._send(f"READY=1\nSTATUS={status}")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        self._send(f"STATUS={text}")

    def reloading(self) -> None:
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        self._send("STOPPING=1\nSTATUS=Draining")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.settimeout(1.0)
                channel.sendto(message.encode("utf-8"), self._address)
        except OSError:
            return
