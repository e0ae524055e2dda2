"""Starts and asks the two processes of a benchmark: the collector's and the load's. Used by every module here."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from tests.bench.load import Orders

ANSWER_S = 900.0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    measured: str
    bar: str = ""
    reached: bool | None = None


class Child:
    """A child process that answers every line with one JSON line."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def tell(self, line: str) -> None:
        stream: IO[str] | None = self.process.stdin
        assert stream is not None
        stream.write(line + "\n")
        stream.flush()

    def answer(self) -> dict[str, Any]:
        stream: IO[str] | None = self.process.stdout
        assert stream is not None
        line = stream.readline()
        if not line:
            raise RuntimeError(f"{self.process.args} ended with {self.process.wait(30)}")
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(self, line: str) -> dict[str, Any]:
        self.tell(line)
        return self.answer()

    def stop(self) -> None:
        if self.process.poll() is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(30)


@contextmanager
def collector(agents: int, webhook: str = "") -> Iterator[tuple[Child, str, Path]]:
    """A collector with so many agents enrolled: the process, its address, its folder."""
    with tempfile.TemporaryDirectory(prefix="hardcase-bench-") as name:
        child = Child("tests.bench.collector_process", name, str(agents), webhook)
        try:
            yield child, f"localhost:{child.answer()['port']}", Path(name)
        finally:
            child.stop()


@contextmanager
def load(orders: Orders) -> Iterator[Child]:
    """Agents with open streams; told an empty line they begin, and their answer comes at the last acknowledgement."""
    child = Child("tests.bench.load")
    try:
        child.tell(json.dumps(asdict(orders)))
        child.answer()
        yield child
    finally:
        child.stop()


def check_recount(facts: dict[str, Any], *, frames: int, records: int) -> None:
    """What was acknowledged must be in both stores, once. Raises AssertionError."""
    assert facts["telemetry"]["frames"] == frames, facts
    assert facts["telemetry"]["doubled"] == 0, facts
    assert facts["state_through"] == records, facts
