"""The real helper as a process of its own, in the foreground, on a socket in a folder of the test."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

START_S = 120.0
STOP_S = 60.0


class HelperProcess:
    """A context manager; `socket` is ready when it is entered. Stopped by its pid, with a bound."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.socket: Path = folder / "helper.sock"
        self._log = folder / "helper.log"
        self._options: Sequence[str] = options
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> str:
        return self._log.read_text()

    def __enter__(self) -> HelperProcess:
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hardcase_agent.helper", "--socket", str(self.socket), *self._options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
            )
        ends = time.monotonic() + START_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > ends:
                self.__exit__(None, None, None)
                raise RuntimeError(f"the helper did not start: {self.log}")
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(STOP_S)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def memory_kb(self) -> dict[str, int]:
        """VmRSS and RssAnon, in kB."""
        lines = Path("/proc", str(self.pid), "status").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        return {name: int(fields[name].split()[0]) for name in ("VmRSS", "RssAnon")}
