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
from hardcase_agent.diagnostics.acceptance import plain
from hardcase_agent.diagnostics.answering import answered
from hardcase_agent.diagnostics.bench import Bench, Made, Work
from hardcase_agent.diagnostics.kinds import IN_TURN, carry_out
from hardcase_agent.diagnostics.ledger import MOST, Entry, Ledger, Stage, interrupted, prunable
from hardcase_agent.diagnostics.settings import DiagnosticsSettings
from hardcase_agent.domain.diagnostic import (
    ID_BYTES,
    DiagnosticKind,
    DiagnosticReport,
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
STOP_S = 0.8
"""To put lamps out at the end; the whole stop of the agent takes under 5 s."""

Say = Callable[[DiagnosticReport], None]


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
        self._ledger = ledger
        self._uploader = uploader
        self._say = say
        self._entries: dict[bytes, Entry] = {}
        self._tasks: dict[bytes, asyncio.Task[None]] = {}
        self._expires_boot_ms: dict[bytes, int] = {}
        """By this agent's boot clock, from how long the collector gave when it last asked."""
        self._progress: dict[bytes, str] = {}
        self._accepting: set[bytes] = set()
        """Being written down; nothing is said of them yet."""
        self._taken_back: set[bytes] = set()
        """To be let go of by the task that works on them, before it begins or where it would wait for consent."""
        self._taking: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        self._writing = asyncio.Lock()

    async def start(self) -> None:
        """Reads the ledger; what was under way is told as interrupted, what only had to be sent goes on. Raises
        OSError."""
        self._entries = await asyncio.to_thread(self._ledger.load)
        for entry in list(self._entries.values()):
            if entry.stage is Stage.BEGUN:
                ended = interrupted(entry, self._wall_ms())
                self._audit("interrupted", ended)
                await self._keep(ended)
                await asyncio.to_thread(self._ledger.drop_files, ended)
            elif entry.stage is Stage.MADE:
                self._run(entry.id, self._deliver(entry.id))
            elif entry.stage is Stage.AWAITS and self._waited_too_long(entry):
                await self._finish(entry, ReportState.FAILED, NOBODY_AGREED)

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
        if len(self._entries) >= MOST:
            await self._prune(request.sent_ms)
        known = self._entries.get(request.id)
        if known is not None:
            await self._again(known, request)
            return
        entry = acceptance.entry_of(request, self._wall_ms())
        refused = acceptance.no_room(self._entries.values())
        if refused:
            # Not kept: nothing was done for it.
            turned_away = self._finished(entry, ReportState.REFUSED, refused)
            self._audit("refused", turned_away)
            self._tell(turned_away)
            return
        # Before the first await: the same request may come again at any time.
        self._entries[entry.id] = entry
        self._accepting.add(entry.id)
        try:
            await self._accept(entry, request)
        finally:
            self._accepting.discard(entry.id)
        await self._prune(request.sent_ms)

    async def _accept(self, entry: Entry, request: DiagnosticRequest) -> None:
        self._audit("asked", entry)
        refusal = self._why_not(request)
        if refusal is not None:
            await self._finish(entry, *refusal)
            return
        self._note_expiry(request)
        try:
            await self._keep(entry)
        except OSError as error:
            del self._entries[entry.id]
            why = f"it cannot be written down first: {error.strerror or error}"
            self._tell(self._finished(entry, ReportState.REFUSED, why))
            return
        self._tell(entry)
        self._run(entry.id, self._work(entry.id))

    async def _again(self, entry: Entry, request: DiagnosticRequest) -> None:
        """Asked before: nothing is begun again, but what never was begun may be now, and consent may have come."""
        if acceptance.taken_back(request, entry):
            await self._take_back(entry)
            return
        if entry.id in self._accepting:
            return
        if entry.stage is Stage.AWAITS and request.consented and entry.id not in self._tasks:
            self._audit("consented at the collector", entry)
            await self._consented(entry)
        elif entry.stage is Stage.AWAITS and self._waited_too_long(entry):
            await self._finish(entry, ReportState.FAILED, NOBODY_AGREED)
        elif entry.stage is Stage.ACCEPTED and entry.id not in self._tasks:
            refusal = self._why_not(request)
            if refusal is not None:
                await self._finish(entry, *refusal)
                return
            self._note_expiry(request)
            self._run(entry.id, self._work(entry.id))
        else:
            self._tell(entry)

    async def _take_back(self, entry: Entry) -> None:
        """What has not begun never is, a bundle that awaits consent is dropped; all else ends by itself."""
        task = self._tasks.get(entry.id)
        if entry.id in self._accepting or (task is not None and not task.done()):
            self._taken_back.add(entry.id)
            self._tell(entry)
        elif entry.stage is Stage.AWAITS:
            await self._finish(entry, ReportState.REFUSED, f"not sent: {TAKEN_BACK}")
        elif entry.stage is Stage.ACCEPTED:
            await self._finish(entry, ReportState.EXPIRED, f"not begun: {TAKEN_BACK}")
        else:
            self._tell(entry)

    def _why_not(self, request: DiagnosticRequest) -> tuple[ReportState, str] | None:
        running = [self._entries[one] for one in self._tasks if one != request.id]
        return acceptance.why_not(request, self.allowed(), running)

    def _note_expiry(self, request: DiagnosticRequest) -> None:
        left_ms = request.expires_ms - request.sent_ms
        self._expires_boot_ms[request.id] = self._bench.clock.now().boot_ms + left_ms

    # Carrying out

    def _run(self, request_id: bytes, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=f"diagnostics {request_id.hex()[:12]}")
        self._tasks[request_id] = task
        task.add_done_callback(lambda done: self._ran(request_id, done))

    def _ran(self, request_id: bytes, task: asyncio.Task[None]) -> None:
        if self._tasks.get(request_id) is task:
            del self._tasks[request_id]
        self._progress.pop(request_id, None)
        if not task.cancelled() and task.exception() is not None:
            log.error("diagnostics failed: id=%s", request_id.hex(), exc_info=task.exception())

    async def _work(self, request_id: bytes) -> None:
        entry = self._entries[request_id]
        try:
            async with self._turn if entry.kind in IN_TURN else contextlib.nullcontext():
                if request_id in self._taken_back:
                    await self._finish(entry, ReportState.EXPIRED, f"not begun: {TAKEN_BACK}")
                    return
                if self._bench.clock.now().boot_ms >= self._expires_boot_ms.get(request_id, 0):
                    await self._finish(entry, ReportState.EXPIRED, "its time was over before it could be begun")
                    return
                entry = replace(entry, stage=Stage.BEGUN)
                await self._keep(entry)
                made = await self._carry_out(entry)
            await self._take_made(entry, made)
        except (DiagnosticRefused, AccessDenied) as error:
            # No right to a device is the site's decision too: the helper's switches are off.
            await self._finish(entry, ReportState.REFUSED, describe(error))
        except TimeoutError:
            await self._finish(entry, ReportState.FAILED, "it did not end by its deadline")
        except (AgentError, OSError) as error:
            await self._finish(entry, ReportState.FAILED, describe(error))
        except Exception as error:
            # The one catch-all of a request: its defect is told to who asked, and readings go on.
            log.exception("diagnostics failed: kind=%s", entry.kind)
            await self._finish(entry, ReportState.FAILED, describe(error))

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
            folder=await asyncio.to_thread(self._ledger.folder_of, entry),
            tell=lambda said: self._tell_progress(entry.id, said),
        )
        return await carry_out(entry.kind, work, self._uploader)

    async def _take_made(self, entry: Entry, made: Made) -> None:
        self._progress.pop(entry.id, None)
        entry = await asyncio.to_thread(answered, entry, made, self._wall_ms())
        if entry.files and not made.sent:
            await asyncio.to_thread(self._ledger.keep_files, entry)
            await self._keep(entry)
        else:
            self._entries[entry.id] = entry
        if entry.stage is Stage.AWAITS and entry.id in self._taken_back:
            await self._finish(entry, ReportState.REFUSED, f"not sent: {TAKEN_BACK}")
        elif entry.stage is Stage.AWAITS:
            self._audit("awaits consent", entry)
            self._tell(entry)
        elif made.sent:
            await self._finish(entry, ReportState.DONE, entry.detail)
        else:
            await self._deliver(entry.id)

    async def _deliver(self, request_id: bytes) -> None:
        """Sends the files of a made answer, however often it takes, and says that it is done."""
        entry = self._entries[request_id]
        folder = await asyncio.to_thread(self._ledger.folder_of, entry)
        try:
            for file in entry.files:
                self._tell_progress(request_id, f"sending {file.name}")
                await self._uploader.upload(entry.id, file, folder / file.name, deadline_s=UPLOAD_S)
        except (AgentError, OSError) as error:
            await self._finish(entry, ReportState.FAILED, f"its answer did not reach the collector: {describe(error)}")
            return
        await self._finish(entry, ReportState.DONE, entry.detail)

    # Consent on the spot

    def listed(self) -> list[dict[str, Any]]:
        return listing.listed(self._entries.values(), self._progress)

    def shown(self, prefix: str) -> Mapping[str, Any]:
        """Raises DiagnosticRefused."""
        return listing.shown(listing.named(self._entries.values(), prefix))

    async def consent(self, prefix: str, user: str) -> str:
        """Raises DiagnosticRefused where nothing of that id waits."""
        entry = self._waiting(prefix)
        self._audit(f"consented by {user} here", entry)
        await self._consented(entry)
        return entry.name

    async def refuse(self, prefix: str, user: str) -> str:
        """Raises DiagnosticRefused where nothing of that id waits."""
        entry = self._waiting(prefix)
        await self._finish(entry, ReportState.REFUSED, f"not sent: refused at the site by {user}")
        return entry.name

    def _waiting(self, prefix: str) -> Entry:
        entry = listing.named(self._entries.values(), prefix)
        if entry.stage is not Stage.AWAITS or entry.id in self._tasks:
            raise DiagnosticRefused(f"{entry.name[:12]} waits for nobody's consent: it is {entry.state}")
        return entry

    async def _consented(self, entry: Entry) -> None:
        made = replace(entry, stage=Stage.MADE, state=ReportState.ACCEPTED, wall_ms=self._wall_ms())
        self._entries[entry.id] = made
        self._run(entry.id, self._send_consented(made))

    async def _send_consented(self, entry: Entry) -> None:
        await self._keep(entry)
        self._tell(entry)
        await self._deliver(entry.id)

    # The ledger

    def _finished(self, entry: Entry, state: ReportState, detail: str) -> Entry:
        keeps = state is ReportState.DONE
        return replace(
            entry,
            stage=Stage.FINAL,
            state=state,
            detail=detail[:500],
            answer=entry.answer if keeps else b"",
            files=entry.files if keeps else (),
            wall_ms=self._wall_ms(),
        )

    async def _finish(self, entry: Entry, state: ReportState, detail: str) -> None:
        """The last word, kept and told. A disk that refuses it does not make it untrue."""
        ended = self._finished(entry, state, detail)
        self._entries[ended.id] = ended
        self._taken_back.discard(ended.id)
        try:
            await self._keep(ended)
            await asyncio.to_thread(self._ledger.drop_files, ended)
        except OSError as error:
            log.error("how a request ended cannot be written: id=%s reason=%s", ended.name, error.strerror)
        self._audit(state.value, ended)
        self._tell(ended)

    async def _keep(self, entry: Entry) -> None:
        """On disk when it returns, whatever becomes of the caller meanwhile. Raises OSError."""
        self._entries[entry.id] = entry
        async with self._writing:
            await asyncio.shield(asyncio.to_thread(self._ledger.write, entry))

    async def _prune(self, collector_ms: int) -> None:
        for entry in prunable(self._entries, collector_ms):
            del self._entries[entry.id]
            self._expires_boot_ms.pop(entry.id, None)
            await asyncio.to_thread(self._ledger.forget, entry)

    # Telling

    def _tell(self, entry: Entry) -> None:
        report = entry.report()
        detail = self._progress.get(entry.id, "") if not report.state.final else ""
        self._say(replace(report, detail=detail) if detail else report)

    def _tell_progress(self, request_id: bytes, said: str) -> None:
        self._progress[request_id] = said[:200]
        self._tell(self._entries[request_id])

    def _audit(self, what: str, entry: Entry) -> None:
        log.info(
            "audit: diagnostics %s: id=%s kind=%s by=%s asset=%s detail=%s",
            what,
            entry.name,
            entry.kind or "unknown",
            plain(entry.asked_by),
            plain(entry.asset) or "host",
            plain(entry.detail or entry.reason),
        )

    def _waited_too_long(self, entry: Entry) -> bool:
        return self._wall_ms() - entry.wall_ms > CONSENT_MS

    def _wall_ms(self) -> int:
        return self._bench.clock.now().wall_ms
