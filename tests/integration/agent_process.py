"""A real agent process on a drill, for the tests of this folder: starts, kills, asks, and never leaves one behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

DRILL = """
[asset]
vendor = "Hardcase Rehearsal"
model = "Drill"
serial = "DRILL-TEST"
"""
SOURCE = """
[[source]]
name = "s{number}"
period_s = {period_s}
[[source.sensor]]
id = "t{number}"
name = "Temp {number}"
kind = "temperature"
unit = "Cel"
value = 40.0
wander = 5.0
part = {{ component = "cpu", slot = "CPU{number}" }}
"""


def drill(sources: int, period_s: float = 0.05) -> str:
    return DRILL + "".join(SOURCE.format(number=number, period_s=period_s) for number in range(sources))


class AgentProcess:
    """`hardcase-agent run --insecure` against a target, with a drill as its hardware."""

    def __init__(self, folder: Path, target: str, *, sources: int = 3, wrap: Sequence[str] = ()) -> None:
        self.folder = folder
        self.config = folder / "agent.toml"
        self.state = folder / "state"
        self.timeline = folder / "drill.toml"
        self.log = folder / "agent.log"
        self.target = target
        self.wrap = tuple(wrap)
        self.process: asyncio.subprocess.Process | None = None
        self.environment = {
            key: value for key, value in os.environ.items() if key not in ("NOTIFY_SOCKET", "WATCHDOG_USEC")
        }
        self.timeline.write_text(drill(sources))
        self.configure()

    def configure(self, extra: str = "") -> None:
        self.config.write_text(
            f'state_dir = "{self.state}"\nmode = "drill"\n[collector]\naddress = "{self.target}"\n'
            f'[rehearsal]\ntimeline = "{self.timeline}"\n{extra}'
        )

    def arguments(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "hardcase_agent", "--config", str(self.config), *words]

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.wrap, *self.arguments("run", "--insecure"), stdout=log, stderr=log, env=self.environment
            )

    async def ask(self, *words: str) -> tuple[int, str, str]:
        """Another command of the same configuration: status, output, errors."""
        process = await asyncio.create_subprocess_exec(
            *self.arguments(*words),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.environment,
        )
        async with asyncio.timeout(90):
            out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def kill(self) -> None:
        """As the out-of-memory killer would."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()

    async def stop(self, *, within_s: float = 90) -> int:
        """SIGTERM; returns the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(within_s):
            return await self.process.wait()

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    async def until_said(self, text: str, *, within_s: float = 90) -> None:
        """Until its log holds this text; bounded."""
        async with asyncio.timeout(within_s):
            while text not in self.said():
                assert self.process is None or self.process.returncode is None, self.said()
                await asyncio.sleep(0.02)
