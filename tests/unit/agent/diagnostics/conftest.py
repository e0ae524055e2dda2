"""A desk over a real ledger, with fake sources behind it and everything it says kept."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hardcase_agent.diagnostics.bench import Bench
from hardcase_agent.diagnostics.desk import Desk
from hardcase_agent.diagnostics.ledger import Ledger
from hardcase_agent.diagnostics.settings import DiagnosticsSettings
from hardcase_agent.domain.diagnostic import (
    AnswerFile,
    Asked,
    DiagnosticKind,
    DiagnosticReport,
    DiagnosticRequest,
)
from hardcase_agent.domain.errors import AgentError, ToolMissing
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.ports import CommandResult, Source
from hardcase_agent.workbench import log_lines

from tests.fakes.clock import FakeClock

HOST = Asset(vendor="Example", model="R1", serial="HOST1", uuid="u-1", machine_id="m" * 32, hostname="box7.example")
COLLECTOR_MS = 1_800_000_000_000


def an_id(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()[:16]


def request(kind: DiagnosticKind | None, number: int = 1, /, **fields: Any) -> DiagnosticRequest:
    arguments = fields.pop("arguments", {})
    told: dict[str, Any] = {
        "id": an_id(number),
        "kind": kind,
        "arguments": arguments,
        "sent_ms": COLLECTOR_MS,
        "expires_ms": COLLECTOR_MS + 60_000,
        "asked_by": "li",
        "reason": "case 7",
    }
    return DiagnosticRequest(**(told | fields))


class FakeUploader:
    """`script`: errors of the next uploads; `gate` cleared, they hang."""

    def __init__(self) -> None:
        self.files: dict[tuple[bytes, str], bytes] = {}
        self.script: list[AgentError] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def upload(self, request_id: bytes, file: AnswerFile, path: Path, *, deadline_s: float) -> None:
        await self.gate.wait()
        if self.script:
            raise self.script.pop(0)
        content = await asyncio.to_thread(path.read_bytes)
        assert hashlib.sha256(content).digest() == file.sha256
        assert len(content) == file.size
        self.files[request_id, file.name] = content


class FakeCommands:
    """`answers` by tool; a missing one is not installed."""

    def __init__(self) -> None:
        self.answers: dict[str, CommandResult | AgentError] = {}
        self.calls: list[tuple[str, ...]] = []

    async def run(self, tool: str, arguments: Sequence[str], *, deadline_s: float) -> CommandResult:
        self.calls.append((tool, *arguments))
        answer = self.answers.get(tool, ToolMissing(f"{tool} is not installed"))
        if isinstance(answer, AgentError):
            raise answer
        return answer


class Bay:
    """Everything around one desk. `restart` is what a new start of the process does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.settings = DiagnosticsSettings(self_test=True, clear_sel=True)
        self.sources: list[Source] = []
        self.commands = FakeCommands()
        self.uploader = FakeUploader()
        self.reports: list[DiagnosticReport] = []
        self.lent: list[str] = []
        self.held: set[str] = set()
        self.pauses: list[float] = []
        self.running = asyncio.Event()
        """Cleared, time stands still for what waits."""
        self.running.set()
        self.facts: Mapping[str, Any] = {}
        self.log = "2026-01-01 INFO agent runs\n"
        self.configuration = 'state_dir = "/var/lib/hardcase-agent"\n'
        self.open()

    def open(self) -> None:
        self.desk = Desk(
            bench=self.bench(),
            settings=lambda: self.settings,
            ledger=Ledger(self.folder),
            uploader=self.uploader,
            say=self.reports.append,
        )

    def bench(self) -> Bench:
        return Bench(
            host=HOST,
            clock=self.clock,
            commands=self.commands,
            sources=lambda: self.sources,
            assets_of=lambda name: [HOST],
            lend=self.lend,
            ask_now=self.ask_now,
            log_lines=log_lines,
            recent_log=lambda: self.log,
            configuration=lambda: self.configuration,
            facts=lambda: self.facts,
            pause=self.pause,
        )

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await self.running.wait()
        self.clock.advance(round(seconds * 1000))
        await asyncio.sleep(0)

    @asynccontextmanager
    async def lend(self, device: str, within_s: float) -> AsyncIterator[None]:
        assert device not in self.held, "a second call on this device"
        self.held.add(device)
        self.lent.append(device)
        try:
            yield
        finally:
            self.held.discard(device)

    async def ask_now(self, names: Sequence[str], within_s: float) -> Sequence[Asked]:
        found = {source.name: source for source in self.sources}
        answers = []
        for name in names:
            try:
                answers.append(Asked(name, await found[name].sweep(self.clock.now())))
            except AgentError as error:
                answers.append(Asked(name, None, str(error)))
        return answers

    def of(self, number: int = 1) -> list[DiagnosticReport]:
        return [report for report in self.reports if report.id == an_id(number)]

    def last(self, number: int = 1) -> DiagnosticReport:
        return self.of(number)[-1]

    async def until(self, true: Callable[[], bool], *, within_s: float = 60) -> None:
        async with asyncio.timeout(within_s):
            while not true():  # noqa: ASYNC110  (a list has no event)
                await asyncio.sleep(0.005)

    async def ended(self, number: int = 1) -> DiagnosticReport:
        await self.until(lambda: bool(self.of(number)) and self.last(number).state.final)
        return self.last(number)

    async def kill(self) -> None:
        """As kill -9: whatever ran is gone, only the ledger is left."""
        await self.desk.stop()
        self.reports.clear()
        self.held.clear()
        self.open()


@pytest.fixture
async def bay(tmp_path: Path) -> AsyncIterator[Bay]:
    made = Bay(tmp_path / "diagnostics")
    await made.desk.start()
    yield made
    await made.desk.stop()
