"""strace attached to running programs, and its log as an order of what began and what had ended.

Used by the tests of durability: a kill never shows a missing sync, the order of system calls does.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

WITHIN_S = 90.0
CALLS = "fsync,fdatasync,write,writev,pwrite64,pwritev,sendmsg,sendto,recvmsg,recvfrom,read"
_LINE = re.compile(
    r"(?P<pid>\d+) +(?:<\.\.\. \w+ resumed>|(?P<name>\w+)\(\d+<(?P<path>(?:[^>]|(?<=-)>)*)>)(?P<rest>.*)"
)
_RESULT = re.compile(r"= (-?\d+)(?: |$)")


@dataclass(frozen=True, slots=True)
class Call:
    """One system call on a descriptor: where in the log it began and where it had ended."""

    name: str
    path: str
    began: int
    ended: int
    result: int


class Strace:
    """Attached to a process and its threads while it is entered; detached it leaves the process as it was."""

    def __init__(self, pid: int, log: Path) -> None:
        self._pid = pid
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        program = shutil.which("strace")
        if program is None:
            assert os.geteuid() != 0, "strace must be installed: tests/install_packages.sh does it"
            pytest.skip("needs the Debian package strace")
        said = self._log.with_suffix(".said")
        with said.open("wb") as errors:
            self._process = subprocess.Popen(
                [program, "-f", "-yy", "-s", "0", "-o", self._log, "-e", f"trace={CALLS}", "-p", str(self._pid)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        until = time.monotonic() + WITHIN_S
        while "attached" not in said.read_text():
            ended = self._process.poll() is not None
            if ended and os.geteuid() != 0 and "not permitted" in said.read_text():
                pytest.skip("this machine lets only root trace a process (kernel.yama.ptrace_scope)")
            assert not ended, said.read_text()
            assert time.monotonic() < until, "strace does not attach"
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(timeout=WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=WITHIN_S)

    def calls(self) -> Sequence[Call]:
        """Calls that succeeded, in the order in which they began."""
        return sorted(_calls(self._log.read_text(errors="replace").splitlines()), key=lambda call: call.began)


def _calls(lines: Sequence[str]) -> Iterator[Call]:
    open_calls: dict[str, tuple[str, str, int]] = {}
    for at, line in enumerate(lines):
        found = _LINE.match(line)
        if found is None:
            continue
        if found["name"] and found["rest"].endswith("<unfinished ...>"):
            open_calls[found["pid"]] = (found["name"], found["path"], at)
            continue
        if found["name"]:
            name, path, began = found["name"], found["path"], at
        elif found["pid"] in open_calls:
            name, path, began = open_calls.pop(found["pid"])
        else:
            continue
        results = _RESULT.findall(found["rest"])
        if results and int(results[-1]) >= 0:
            yield Call(name, path, began, at, int(results[-1]))
