"""What is known of each request: in memory, in the ledger, and told. Made by `desk.py`, which decides what comes of it.

Nothing is told before it is written down, and what cannot be written is told all the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from hardcase_agent.diagnostics.acceptance import plain
from hardcase_agent.diagnostics.ledger import Entry, Ledger, Stage, prunable
from hardcase_agent.domain.diagnostic import DiagnosticReport, ReportState
from hardcase_agent.domain.ports import Clock

log = logging.getLogger("hardcase_agent.diagnostics.desk")

Say = Callable[[DiagnosticReport], None]


class Book:
    """`say` sends a report if there is a stream; else the collector asks again."""

    def __init__(self, ledger: Ledger, say: Say, clock: Clock) -> None:
        self.ledger = ledger
        self.entries: dict[bytes, Entry] = {}
        self.progress: dict[bytes, str] = {}
        self.taken_back: set[bytes] = set()
        """To be let go of by the task that works on them, before it begins or where it would wait for consent."""
        self._say = say
        self._clock = clock
        self._writing = asyncio.Lock()

    def wall_ms(self) -> int:
        return self._clock.now().wall_ms

    async def load(self) -> None:
        """Raises OSError."""
        self.entries = await asyncio.to_thread(self.ledger.load)

    async def keep(self, entry: Entry) -> None:
        """On disk when it returns, whatever becomes of the caller meanwhile. Raises OSError."""
        self.entries[entry.id] = entry
        async with self._writing:
            writing = asyncio.ensure_future(asyncio.to_thread(self.ledger.write, entry))
            try:
                await asyncio.shield(writing)
            except asyncio.CancelledError:
                # What is written of it next must not be overtaken.
                await asyncio.wait({writing})
                raise

    def finished(self, entry: Entry, state: ReportState, detail: str) -> Entry:
        keeps = state is ReportState.DONE
        return replace(
            entry,
            stage=Stage.FINAL,
            state=state,
            detail=detail[:500],
            answer=entry.answer if keeps else b"",
            files=entry.files if keeps else (),
            wall_ms=self.wall_ms(),
        )

    async def finish(self, entry: Entry, state: ReportState, detail: str) -> None:
        """The last word, kept and told. A disk that refuses it does not make it untrue."""
        ended = self.finished(entry, state, detail)
        self.entries[ended.id] = ended
        self.taken_back.discard(ended.id)
        try:
            await self.keep(ended)
            await asyncio.to_thread(self.ledger.drop_files, ended)
        except OSError as error:
            log.error("how a request ended cannot be written: id=%s reason=%s", ended.name, error.strerror)
        self.audit(state.value, ended)
        self.tell(ended)

    async def prune(self, collector_ms: int) -> Sequence[bytes]:
        """Forgets what expired long ago; ids of what went."""
        gone = list(prunable(self.entries, collector_ms))
        for entry in gone:
            del self.entries[entry.id]
            await asyncio.to_thread(self.ledger.forget, entry)
        return [entry.id for entry in gone]

    def tell(self, entry: Entry) -> None:
        report = entry.report()
        detail = self.progress.get(entry.id, "") if not report.state.final else ""
        self._say(replace(report, detail=detail) if detail else report)

    def tell_progress(self, request_id: bytes, said: str) -> None:
        self.progress[request_id] = said[:200]
        self.tell(self.entries[request_id])

    def audit(self, what: str, entry: Entry) -> None:
        log.info(
            "audit: diagnostics %s: id=%s kind=%s by=%s asset=%s detail=%s",
            what,
            entry.name,
            entry.kind or "unknown",
            plain(entry.asked_by),
            plain(entry.asset) or "host",
            plain(entry.detail or entry.reason),
        )
