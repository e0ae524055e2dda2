"""Joins the diagnostics desk with this agent's sources, doors, log and uplink; and makes bundles without any of them.

Made by `app.py`. The desk itself is imported when the first request comes, or where one is left from before: an agent
that is asked nothing pays nothing for it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hardcase_agent import __version__, logs
from hardcase_agent.diagnostics.settings import DiagnosticsSettings
from hardcase_agent.domain.diagnostic import (
    Asked,
    AskNow,
    DiagnosticKind,
    DiagnosticReport,
    DiagnosticRequest,
    Lend,
    ReportState,
    Uploader,
    WholeLog,
)
from hardcase_agent.domain.errors import ConfigError
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.ports import Clock, CommandRunner, Source
from hardcase_agent.sampling.breaker import describe

if TYPE_CHECKING:
    from hardcase_agent.diagnostics.bench import Bench
    from hardcase_agent.diagnostics.desk import Desk

log = logging.getLogger(__name__)

FOLDER = "diagnostics"
MOST_WAITING = 32
"""Requests that come while the ledger is being read."""


class Workbench:
    """`DiagnosticDesk` for the uplink. `say` sends a report up where there is a stream."""

    def __init__(
        self,
        *,
        state_dir: Path,
        settings: Callable[[], DiagnosticsSettings],
        bench: Callable[[], Bench],
        uploader: Uploader,
        say: Callable[[DiagnosticReport], None],
    ) -> None:
        self._folder = state_dir / FOLDER
        self._settings = settings
        self._bench = bench
        self._uploader = uploader
        self._say = say
        self._desk: Desk | None = None
        self._opening: asyncio.Task[None] | None = None
        self._waiting: list[DiagnosticRequest] = []

    def start(self) -> None:
        """Where requests are left from before, what they stand at is settled now."""
        if self._folder.is_dir() and any(self._folder.iterdir()):
            self._open()

    async def stop(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
        if self._desk is not None:
            await self._desk.stop()

    def allowed(self) -> tuple[DiagnosticKind, ...]:
        return self._settings().allowed()

    def asked(self, request: DiagnosticRequest) -> None:
        if self._desk is not None:
            self._desk.asked(request)
            return
        if len(self._waiting) < MOST_WAITING:
            # One that finds no room is sent again with the next stream.
            self._waiting.append(request)
        self._open()

    async def here(self, request: Mapping[str, Any], user: str) -> Mapping[str, Any]:
        """What somebody asks on the control socket: list, show, consent, refuse. Raises ConfigError,
        DiagnosticRefused."""
        if self._desk is None and self._folder.is_dir():
            self._open()
        if self._opening is not None:
            await asyncio.wait({self._opening})
        desk, which = self._desk, str(request.get("id", ""))
        match request.get("what"):
            case "list":
                allowed = [kind.value for kind in self.allowed()]
                return {"requests": desk.listed() if desk else [], "allowed": allowed}
            case "show" if desk is not None:
                return desk.shown(which)
            case "consent" if desk is not None:
                return {"id": await desk.consent(which, user)}
            case "refuse" if desk is not None:
                return {"id": await desk.refuse(which, user)}
            case "show" | "consent" | "refuse":
                raise ConfigError(("nothing was asked of this agent",))
            case _:
                raise ConfigError(("this agent does not know the request",))

    def _open(self) -> None:
        if self._desk is None and (self._opening is None or self._opening.done()):
            self._opening = asyncio.create_task(self._begin(), name="diagnostics desk")

    async def _begin(self) -> None:
        from hardcase_agent.diagnostics.desk import Desk
        from hardcase_agent.diagnostics.ledger import Ledger

        desk = Desk(
            bench=self._bench(),
            settings=self._settings,
            ledger=Ledger(self._folder),
            uploader=self._uploader,
            say=self._say,
        )
        waiting, self._waiting = self._waiting, []
        try:
            await desk.start()
        except OSError as error:
            log.error("requests for diagnostics cannot be kept, none is taken: %s", error)
            for request in waiting:
                self._say(_refused(request, f"the ledger cannot be read: {error.strerror or error}"))
            return
        self._desk = desk
        for request in [*waiting, *self._waiting]:
            desk.asked(request)
        self._waiting = []


def _refused(request: DiagnosticRequest, why: str) -> DiagnosticReport:
    return DiagnosticReport(id=request.id, state=ReportState.REFUSED, detail=why, wall_ms=0)


def make_bench(
    *,
    host: Asset,
    clock: Clock,
    commands: CommandRunner,
    sources: Callable[[], Sequence[Source]],
    assets_of: Callable[[str], Sequence[Asset]],
    lend: Lend,
    ask_now: AskNow,
    config_path: Path,
    facts: Callable[[], Mapping[str, Any]],
) -> Bench:
    from hardcase_agent.diagnostics.bench import Bench

    return Bench(
        host=host,
        clock=clock,
        commands=commands,
        sources=sources,
        assets_of=assets_of,
        lend=lend,
        ask_now=ask_now,
        log_lines=log_lines,
        recent_log=logs.recent,
        configuration=lambda: config_path.read_text(encoding="utf-8", errors="replace"),
        facts=lambda: {**versions(), **facts()},
    )


def log_lines(whole: WholeLog) -> Sequence[Mapping[str, Any]]:
    from hardcase_agent.decoding import line_of
    from hardcase_agent.domain.capture import Recorded

    return [line_of(Recorded(asset=whole.asset, source=whole.source, event=event)) for event in whole.events]


def versions() -> dict[str, Any]:
    return {
        "agent": __version__,
        "python": sys.version,
        "kernel": " ".join(os.uname()),
    }


class Alone:
    """Sources without a running agent, for `hardcase-agent bundle`: asked when wanted, one after the other."""

    def __init__(self, sources: Sequence[Source], clock: Clock) -> None:
        self.sources = sources
        self._clock = clock
        self._held: dict[str, asyncio.Lock] = {}
        self._assets: dict[str, tuple[Asset, ...]] = {}

    @asynccontextmanager
    async def lend(self, device: str, within_s: float) -> AsyncIterator[None]:
        async with self._held.setdefault(device, asyncio.Lock()):
            yield

    async def ask_now(self, names: Sequence[str], within_s: float) -> Sequence[Asked]:
        by_name = {source.name: source for source in self.sources}
        return [await self._ask(by_name[name]) for name in names]

    def assets_of(self, name: str) -> Sequence[Asset]:
        return self._assets.get(name, ())

    async def know_disks(self) -> None:
        """The disks tell their names in their first sweep."""
        for source in self.sources:
            if source.name.startswith("smart."):
                await self._ask(source)

    async def _ask(self, source: Source) -> Asked:
        try:
            async with self.lend(source.device, 0), asyncio.timeout(source.deadline_s):
                sweep = await source.sweep(self._clock.now())
        except Exception as error:
            # As in `probing.py`: whatever one source does, the others are asked.
            return Asked(source.name, None, describe(error))
        self._assets[source.name] = (sweep.asset,)
        return Asked(source.name, sweep)
