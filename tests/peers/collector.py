"""A real collector as a process of its own, founded in a fresh directory, for tests of commands, pages and signals."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.demo.ports import free_port

PROGRAM = (sys.executable, "-m", "hardcase_collector")
STARTS_WITHIN_S = 150
STOPS_WITHIN_S = 90
NO_RESERVE = "[disk]\nreserve_percent = 0.0\nreserve_mb = 1\n"


def wait_until(true: Callable[[], bool], *, within_s: float, what: str) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, f"{what}: not within {within_s:g} s"
        time.sleep(0.1)


@dataclass
class CollectorProcess:
    folder: Path
    ports: dict[str, int]
    tables: str = ""
    password: str = ""
    fingerprint: str = ""
    process: subprocess.Popen[bytes] | None = None
    _said_before: int = 0
    """Characters of the log that are of an earlier start."""

    @property
    def configuration(self) -> Path:
        return self.folder / "collector.toml"

    @property
    def socket(self) -> Path:
        return self.folder / "run" / "control.sock"

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.ports['web']}"

    @property
    def log(self) -> str:
        written = self.folder / "collector.log"
        return written.read_text(errors="replace") if written.exists() else ""

    def configure(self, tables: str) -> None:
        listen = "".join(f'{name} = "127.0.0.1:{port}"\n' for name, port in self.ports.items())
        self.configuration.write_text(
            f'data_dir = "{self.folder / "data"}"\nlog_format = "json"\n'
            f'[listen]\n{listen}socket = "{self.socket}"\n{tables}',
            encoding="utf-8",
        )

    def run(self, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        command = [*PROGRAM, "--config", str(self.configuration), *arguments]
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, check=False)

    def ask(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def found(self) -> None:
        # One that init makes has to be changed at the first sign-in.
        self.password = secrets.token_urlsafe(12)
        kept = self.folder / "administrator.password"
        kept.touch(mode=0o600)
        kept.write_text(self.password)
        told = self.ask("init", "--name", "localhost", "--password-file", str(kept))
        self.fingerprint = told["ca_fingerprint"]

    def start(self, *, environment: dict[str, str] | None = None) -> None:
        self._said_before = len(self.log)
        with (self.folder / "collector.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*PROGRAM, "--config", str(self.configuration), "serve"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(environment or {})},
            )
        wait_until(self._ready, within_s=STARTS_WITHIN_S, what="the collector is ready")

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        return '"ready"' in self.log[self._said_before :]

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=STOPS_WITHIN_S)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=STOPS_WITHIN_S)


@contextmanager
def collector(
    folder: Path, *, tables: str = "[disk]\nreserve_percent = 0.0\nreserve_mb = 1\n"
) -> Iterator[CollectorProcess]:
    """Founded, not yet started; ended by its own id."""
    ports = {name: free_port() for name in ("telemetry", "enrolment", "web")}
    made = CollectorProcess(folder, ports)
    made.configure(tables)
    made.found()
    try:
        yield made
    finally:
        made.end()
