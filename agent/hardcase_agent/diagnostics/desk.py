"""Takes requests, decides by the site's switches, has them carried out once, and reports. Made by `workbench.py`.

A request is in the ledger before anything is done for it, and is never begun twice: one that was begun when the agent
ended is reported as interrupted. Only sending an answer that is already made goes on after a restart.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from hardcase_agent.diagnostics import acceptance, listing
from hardcase_agent.diagnostics.answering import answered
from hardcase_agent.diagnostics.bench import Bench, Made, Work
from hardcase_agent.diagnostics.book import Book, Say
from hardcase_agent.diagnostics.kinds import IN_TURN, carry_out
from hardcase_agent.diagnostics.ledger import MOST, Entry, Ledger, Stage, interrupted
from hardcase_agent.diagnostics.settings import DiagnosticsSettings
from hardcase_agent.domain.diagnostic import (
    ID_BYTES,
    DiagnosticKind,
    DiagnosticRequest,
    ReportState,
    Uploader,
)
from hardcase_agent.domain.errors import AccessDenied, AgentError, DiagnosticRefused
from hardcase_agent.sampling.breaker import describe

log = logging.getLogger(__name__)

UPLOAD_S = 24 * 3600.0
CONSENT_MS = 7 * 24 * 3600 * 1000
"""A bundle nobody agreed to is thrown away after this."""
NOBODY_AGREED = "nobody agreed to its sending within 7 days"
TAKEN_BACK = "taken back at the collector"
REQUEST_OVER = "not-open"
"""The collector's name for a file of a request that is over (`UploadRefused.refusal`)."""
STOP_S = 0.8
"""To put lamps out at the end; the whole stop of the agent takes under 5 s."""


class Desk:
    """`DiagnosticDesk`. `say` sends a report if there is a stream; else the collector asks again."""

    def __init__(
        self,
        *,
        bench: Bench,
        settings: Callable[[], DiagnosticsSettings],
        ledger: Ledger,
        uploader: Uploader,
        say: Say,
    ) -> None:
        self._bench = bench
        self._settings = settings
        self._book = Book(ledger, say, bench.clock)
        self._uploader = uploader
        self._tasks: dict[bytes, asyncio.Task[None]] = {}
        self._expires_boot_ms: dict[bytes, int] = {}
        """By this agent's boot clock, from how long the collector gave when it last asked."""
        self._accepting: set[bytes] = set()
        """Being written down; nothing is said of them yet."""
        self._taking: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Reads the ledger; what was under way is told as interrupted, what only had to be sent goes on. Raises
        OSError."""
        await self._book.load()
        for entry in list(self._book.entries.values()):
            if entry.stage is Stage.BEGUN:
                ended = interrupted(entry, self._book.wall_ms())
                self._book.audit("interrupted", ended)
                await self._book.keep(ended)
                await asyncio.to_thread(self._book.ledger.drop_files, ended)
            elif entry.stage is Stage.MADE:
                self._run(entry.id, self._deliver(entry.id))
            elif entry.stage is Stage.AWAITS and self._waited_too_long(entry):
                await self._book.finish(entry, ReportState.FAILED, NOBODY_AGREED)

    async def stop(self) -> None:
        """Ends what runs: lamps go out, a self-test goes on in its disk, everything else is begun by nobody again."""
        tasks = {*self._tasks.values(), *self._taking}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_S)

    # Requests

    def allowed(self) -> tuple[DiagnosticKind, ...]:
        return self._settings().allowed()

    def asked(self, request: DiagnosticRequest) -> None:
        task = asyncio.create_task(self._take(request), name="diagnostics taken")
        self._taking.add(task)
        task.add_done_callback(self._taken)

    def _taken(self, task: asyncio.Task[None]) -> None:
        self._taking.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a request for diagnostics was not taken", exc_info=task.exception())

    async def _take(self, request: DiagnosticRequest) -> None:
        if len(request.id) != ID_BYTES:
            log.warning("audit: diagnostics refused: an id of %d bytes", len(request.id))
            return
        if len(self._book.entries) >= MOST:
            await self._prune(request.sent_ms)
        known = self._book.entries.get(request.id)
        if known is not None:
            await self._again(known, request)
            return
        entry = acceptance.entry_of(request, self._book.wall_ms())
        refused = acceptance.no_room(self._book.entries.values())
        if refused:
            # Not kept: nothing was done for it.
            turned_away = self._book.finished(entry, ReportState.REFUSED, refused)
            self._book.audit("refused", turned_away)
            self._book.tell(turned_away)
            return
        # Before the first await: the same request may come again at any time.
        self._book.entries[entry.id] = entry
        self._accepting.add(entry.id)
        try:
            await self._accept(entry, request)
        finally:
            self._accepting.discard(entry.id)
        await self._prune(request.sent_ms)

    async def _accept(self, entry: Entry, request: DiagnosticRequest) -> None:
        self._book.audit("asked", entry)
        refusal = self._why_not(request)
        if refusal is not None:
            await self._book.finish(entry, *refusal)
            return
        self._note_expiry(request)
        try:
            await self._book.keep(entry)
        except OSError as error:
            del self._book.entries[entry.id]
            why = f"it cannot be written down first: {error.strerror or error}"
            self._book.tell(self._book.finished(entry, ReportState.REFUSED, why))
            return
        self._book.tell(entry)
        self._run(entry.id, self._work(entry.id))

    async def _again(self, entry: Entry, request: DiagnosticRequest) -> None:
        """Asked before: nothing is begun again, but what never was begun may be now, and consent may have come."""
        if acceptance.taken_back(request, entry):
            await self._take_back(entry)
            return
        if entry.id in self._accepting:
            return
        if entry.stage is Stage.AWAITS and request.consented and not self._at_work(entry.id):
            self._book.audit("consented at the collector", entry)
            await self._consented(entry)
        elif entry.stage is Stage.AWAITS and self._waited_too_long(entry):
            await self._book.finish(entry, ReportState.FAILED, NOBODY_AGREED)
        elif entry.stage is Stage.ACCEPTED and not self._at_work(entry.id):
            refusal = self._why_not(request)
            if refusal is not None:
                await self._book.finish(entry, *refusal)
                return
            self._note_expiry(request)
            self._run(entry.id, self._work(entry.id))
        else:
            self._book.tell(entry)

    async def _take_back(self, entry: Entry) -> None:
        """What has not begun never is, what awaits consent or is being sent is dropped; all else ends by itself."""
        task = self._tasks.get(entry.id)
        if entry.stage is Stage.MADE and task is not None:
            task.cancel()
            await asyncio.wait({task}, timeout=STOP_S)
            if self._book.entries[entry.id].stage is Stage.MADE:
                await self._book.finish(entry, ReportState.REFUSED, f"not sent: {TAKEN_BACK}")
        elif entry.id in self._accepting or self._at_work(entry.id):
            self._book.taken_back.add(entry.id)
            self._book.tell(entry)
        elif entry.stage is Stage.AWAITS:
            await self._book.finish(entry, ReportState.REFUSED, f"not sent: {TAKEN_BACK}")
        elif entry.stage is Stage.ACCEPTED:
            await self._book.finish(entry, ReportState.EXPIRED, f"not begun: {TAKEN_BACK}")
        else:
            self._book.tell(entry)

    def _why_not(self, request: DiagnosticRequest) -> tuple[ReportState, str] | None:
        running = [self._book.entries[one] for one in self._tasks if one != request.id and self._at_work(one)]
        return acceptance.why_not(request, self.allowed(), running)

    def _note_expiry(self, request: DiagnosticRequest) -> None:
        left_ms = request.expires_ms - request.sent_ms
        self._expires_boot_ms[request.id] = self._bench.clock.now().boot_ms + left_ms

    # Carrying out

    def _run(self, request_id: bytes, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=f"diagnostics {request_id.hex()[:12]}")
        self._tasks[request_id] = task
        task.add_done_callback(lambda done: self._ran(request_id, done))

    def _at_work(self, request_id: bytes) -> bool:
        """A task that has ended is told of a moment later, in which its request may be asked for already."""
        task = self._tasks.get(request_id)
        return task is not None and not task.done()

    def _ran(self, request_id: bytes, task: asyncio.Task[None]) -> None:
        if self._tasks.get(request_id) is task:
            del self._tasks[request_id]
        self._book.progress.pop(request_id, None)
        if not task.cancelled() and task.exception() is not None:
            log.error("diagnostics failed: id=%s", request_id.hex(), exc_info=task.exception())

    async def _work(self, request_id: bytes) -> None:
        entry = self._book.entries[request_id]
        try:
            async with self._turn if entry.kind in IN_TURN else contextlib.nullcontext():
                if request_id in self._book.taken_back:
                    await self._book.finish(entry, ReportState.EXPIRED, f"not begun: {TAKEN_BACK}")
                    return
                if self._bench.clock.now().boot_ms >= self._expires_boot_ms.get(request_id, 0):
                    await self._book.finish(entry, ReportState.EXPIRED, "its time was over before it could be begun")
                    return
                entry = replace(entry, stage=Stage.BEGUN)
                await self._book.keep(entry)
                made = await self._carry_out(entry)
            await self._take_made(entry, made)
        except (DiagnosticRefused, AccessDenied) as error:
            # No right to a device is the site's decision too: the helper's switches are off.
            await self._book.finish(entry, ReportState.REFUSED, describe(error))
        except TimeoutError:
            await self._book.finish(entry, ReportState.FAILED, "it did not end by its deadline")
        except (AgentError, OSError) as error:
            await self._book.finish(entry, ReportState.FAILED, describe(error))
        except Exception as error:
            # The one catch-all of a request: its defect is told to who asked, and readings go on.
            log.exception("diagnostics failed: kind=%s", entry.kind)
            await self._book.finish(entry, ReportState.FAILED, describe(error))

    async def _carry_out(self, entry: Entry) -> Made:
        assert entry.kind is not None
        work = Work(
            bench=self._bench,
            settings=self._settings(),
            id=entry.id,
            arguments=entry.arguments,
            asset=entry.asset,
            asked_by=entry.asked_by,
            reason=entry.reason,
            folder=await asyncio.to_thread(self._book.ledger.folder_of, entry),
            tell=lambda said: self._book.tell_progress(entry.id, said),
        )
        return await carry_out(entry.kind, work, self._uploader)

    async def _take_made(self, entry: Entry, made: Made) -> None:
        self._book.progress.pop(entry.id, None)
        entry = await asyncio.to_thread(answered, entry, made, self._book.wall_ms())
        if entry.files and not made.sent:
            await asyncio.to_thread(self._book.ledger.keep_files, entry)
            await self._book.keep(entry)
        else:
            self._book.entries[entry.id] = entry
        if entry.stage is Stage.AWAITS and entry.id in self._book.taken_back:
            await self._book.finish(entry, ReportState.REFUSED, f"not sent: {TAKEN_BACK}")
        elif entry.stage is Stage.AWAITS:
            self._book.audit("awaits consent", entry)
            self._book.tell(entry)
        elif made.sent:
            await self._book.finish(entry, ReportState.DONE, entry.detail)
        else:
            await self._deliver(entry.id)

    async def _deliver(self, request_id: bytes) -> None:
        """Sends the files of a made answer, however often it takes, and says that it is done."""
        entry = self._book.entries[request_id]
        folder = await asyncio.to_thread(self._book.ledger.folder_of, entry)
        try:
            for file in entry.files:
                self._book.tell_progress(request_id, f"sending {file.name}")
                await self._uploader.upload(entry.id, file, folder / file.name, deadline_s=UPLOAD_S)
        except (AgentError, OSError) as error:
            if getattr(error, "refusal", "") == REQUEST_OVER:
                # It was taken back there; the word of that comes by the stream, and may come later.
                await self._book.finish(entry, ReportState.REFUSED, f"not sent: {describe(error)}")
            else:
                why = f"its answer did not reach the collector: {describe(error)}"
                await self._book.finish(entry, ReportState.FAILED, why)
            return
        await self._book.finish(entry, ReportState.DONE, entry.detail)

    # Consent on the spot

    def listed(self) -> list[dict[str, Any]]:
        return listing.listed(self._book.entries.values(), self._book.progress)

    def shown(self, prefix: str) -> Mapping[str, Any]:
        """Raises DiagnosticRefused."""
        return listing.shown(listing.named(self._book.entries.values(), prefix))

    async def consent(self, prefix: str, user: str) -> str:
        """Raises DiagnosticRefused where nothing of that id waits."""
        entry = self._waiting(prefix)
        self._book.audit(f"consented by {user} here", entry)
        await self._consented(entry)
        return entry.name

    async def refuse(self, prefix: str, user: str) -> str:
        """Raises DiagnosticRefused where nothing of that id waits."""
        entry = self._waiting(prefix)
        await self._book.finish(entry, ReportState.REFUSED, f"not sent: refused at the site by {user}")
        return entry.name

    def _waiting(self, prefix: str) -> Entry:
        entry = listing.named(self._book.entries.values(), prefix)
        if entry.stage is not Stage.AWAITS or self._at_work(entry.id):
            raise DiagnosticRefused(f"{entry.name[:12]} waits for nobody's consent: it is {entry.state}")
        return entry

    async def _consented(self, entry: Entry) -> None:
        made = replace(entry, stage=Stage.MADE, state=ReportState.ACCEPTED, wall_ms=self._book.wall_ms())
        self._book.entries[entry.id] = made
        self._run(entry.id, self._send_consented(made))

    async def _send_consented(self, entry: Entry) -> None:
        await self._book.keep(entry)
        self._book.tell(entry)
        await self._deliver(entry.id)

    async def _prune(self, collector_ms: int) -> None:
        for gone in await self._book.prune(collector_ms):
            self._expires_boot_ms.pop(gone, None)

    def _waited_too_long(self, entry: Entry) -> bool:
        return self._book.wall_ms() - entry.wall_ms > CONSENT_MS
