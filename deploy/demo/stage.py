"""Puts real Hardcase programs on one machine's loopback: a collector and agents. Used by `make demo`, and by the
acceptance and chaos tests. Everything lives below one directory, every process is ended by its own id.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.demo.ports import free_port

BIN = Path(sys.executable).parent
STOPS_WITHIN_S = 90


class StageError(Exception):
    """A program did not do what it should have, with its last words."""


def wait_until(true: Callable[[], bool], *, within_s: float, what: str, every_s: float = 0.1) -> None:
    """Raises StageError, naming `what`, when it does not become true in time."""
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            raise StageError(f"{what}: not within {within_s:g} s")
        time.sleep(every_s)


class Program:
    """One long-running process with its log file."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, *, environment: dict[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        # A session of its own: Ctrl-C reaches the demo alone, which then stops everything in order.
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def check(self) -> None:
        """Raises StageError with the program's last words if it has ended."""
        if not self.running:
            raise StageError(f"{self.name} has stopped:\n{self.last_words()}")

    def last_words(self, lines: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def kill(self) -> None:
        """kill -9, and waits for the end."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, then kill -9 after 90 s."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            self._process.wait(timeout=STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=STOPS_WITHIN_S)


def call(command: Sequence[str], *, within_s: float = 120, text: str | None = None) -> str:
    """Runs a short command to its end and gives its output. Raises StageError with what it said."""
    done = subprocess.run(list(command), input=text, capture_output=True, text=True, timeout=within_s, check=False)
    if done.returncode:
        raise StageError(f"{' '.join(command[:3])} ...: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


@dataclass
class CollectorStage:
    """A collector with embedded stores, its configuration, and what it told at its founding."""

    directory: Path
    settings: str = ""
    """Further top-level lines of collector.toml; tables go to `tables`."""
    tables: str = ""
    names: tuple[str, ...] = ("localhost", "127.0.0.1")
    """What agents may call it."""
    telemetry_port: int = field(default_factory=free_port)
    enrolment_port: int = field(default_factory=free_port)
    web_port: int = field(default_factory=free_port)
    fingerprint: str = ""
    administrator: str = "admin"
    password: str = ""

    def __post_init__(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.configuration = self.directory / "collector.toml"
        self.program = Program(
            "collector",
            [str(BIN / "hardcase-collector"), "--config", str(self.configuration), "serve"],
            self.directory / "collector.log",
        )

    def found(self) -> None:
        """`init`: data directory, CA, server certificate, administrator."""
        self.configure()
        names = [word for name in self.names for word in ("--name", name)]
        # One that init makes has to be changed at the first sign-in.
        self.password = secrets.token_urlsafe(12)
        kept = self.directory / "administrator.password"
        kept.touch(mode=0o600)
        kept.write_text(self.password)
        told = json.loads(self.command("init", *names, "--password-file", str(kept), "--json"))
        self.fingerprint, self.administrator = told["ca_fingerprint"], told["administrator"]

    def configure(self) -> None:
        """Writes collector.toml alone."""
        self.configuration.write_text(
            f'data_dir = "{self.directory / "data"}"\n{self.settings}\n'
            "[listen]\n"
            f'telemetry = "127.0.0.1:{self.telemetry_port}"\n'
            f'enrolment = "127.0.0.1:{self.enrolment_port}"\n'
            f'web = "127.0.0.1:{self.web_port}"\n'
            f'socket = "{self.directory / "control.sock"}"\n'
            f"{self.tables}\n"
        )

    def start(self, *, within_s: float = 150) -> None:
        """Starts it and waits until its socket answers."""
        self.program.start()

        def answers() -> bool:
            self.program.check()
            try:
                self.ask("agents", "list")
            except StageError:
                return False
            return True

        wait_until(answers, within_s=within_s, what="collector answers")

    def command(self, *arguments: str) -> str:
        return call([str(BIN / "hardcase-collector"), "--config", str(self.configuration), *arguments])

    def ask(self, *arguments: str) -> Any:
        """A command's answer as JSON."""
        return json.loads(self.command(*arguments, "--json"))

    def token(self, *, uses: int = 1) -> str:
        secret: str = self.ask("token", "--uses", str(uses))["token"]
        return secret

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.web_port}/"


@dataclass
class AgentStage:
    """An enrolled agent with its own state directory."""

    name: str
    directory: Path
    collector: CollectorStage
    tables: str
    """Its sources, as tables of agent.toml."""
    mode: str = "normal"
    settings: str = ""
    """Further top-level lines of agent.toml."""

    def __post_init__(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.configuration = self.directory / "agent.toml"
        self.program = Program(
            self.name,
            [str(BIN / "hardcase-agent"), "--config", str(self.configuration), "run"],
            self.directory / "agent.log",
        )

    def enrol(self, token: str) -> None:
        """Writes agent.toml and exchanges the token for a client certificate."""
        self.configuration.write_text(
            f'state_dir = "{self.directory / "state"}"\nmode = "{self.mode}"\n{self.settings}\n'
            "[collector]\n"
            f'address = "127.0.0.1:{self.collector.telemetry_port}"\n'
            f'enrolment = "127.0.0.1:{self.collector.enrolment_port}"\n'
            f"{self.tables}\n"
        )
        call(
            [
                *(str(BIN / "hardcase-agent"), "--config", str(self.configuration), "enroll"),
                *("--ca-fingerprint", self.collector.fingerprint, "--token-file", "-"),
            ],
            text=token + "\n",
        )


def webhook_secret(directory: Path) -> Path:
    """A fresh Standard Webhooks secret in a private file."""
    import base64

    path = directory / "webhook.secret"
    path.touch(mode=0o600)
    path.write_text("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())
    return path


class Stage:
    """Stops everything it was given, last first, whatever happens."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> ExitStack:
        return self._stack.__enter__()

    def __exit__(self, *details: Any) -> bool | None:
        return self._stack.__exit__(*details)
