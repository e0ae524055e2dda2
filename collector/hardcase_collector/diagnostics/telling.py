"""What agents are told, what they report, and what time ends. Called by `rpc/` on threads, by the tick and by upkeep.

Nothing that an agent says is believed beyond its own requests; what is refused is counted, and audited at most once a
minute for each agent, so that no agent can fill the log.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from hardcase_collector.diagnostics.chronicle import Chronicle, one_line
from hardcase_collector.diagnostics.settings import MOST_OPEN, DiagnosticLimits
from hardcase_collector.domain.diagnostic import (
    AgentReport,
    Allowed,
    DiagnosticKind,
    DiagnosticRequest,
    RequestState,
)
from hardcase_collector.domain.errors import CollectorError, TemporaryError
from hardcase_collector.domain.ports import Announcer, StateStore, Transaction

log = logging.getLogger(__name__)

COLLECTOR = "collector"
ON_THE_SPOT = "on_the_spot"
"""Who agreed to a bundle's sending, where somebody did at the machine itself."""
_TOLD_AT_ONCE = 4 * MOST_OPEN
_ENDED_AT_ONCE = 200
_REPORTS_PER_MINUTE = 240
"""Of one agent: 16 requests with a step each and a progress of each every few seconds stay below."""
_PROGRESS_MS = 5_000
_WAITING_REPORTS = 1_000
_REMEMBERED_AGENTS = 10_000

_T = TypeVar("_T")


@dataclass(slots=True)
class Counts:
    """Since start."""

    ignored: int = 0
    """Reports of requests that are not the agent's, or that say what cannot be."""
    dropped: int = 0
    """Reports that waited for the store and found too many before them: their agents are asked again."""


class Telling:
    """Safe to use from any thread but for `take`, which belongs to one."""

    def __init__(self, store: StateStore, announcer: Announcer, limits: DiagnosticLimits) -> None:
        self._store = store
        self._chronicle = Chronicle(announcer)
        self._limits = limits
        self._allowed: dict[int, tuple[DiagnosticKind, ...]] = {}
        self._minutes: dict[int, tuple[int, int]] = {}
        self._audited: dict[int, int] = {}
        self._waiting: deque[tuple[int, AgentReport]] = deque()
        self.counts = Counts()

    # ------------------------------------------------------------------ down

    def greeted(self, agent: int, kinds: Sequence[DiagnosticKind], *, now_ms: int) -> Sequence[DiagnosticRequest]:
        """A new stream: keeps what the agent allows, gives what it is to be told. Raises StoreFailed."""
        said = tuple(kinds)
        if self._allowed.get(agent) != said:
            with self._store.read() as tx:
                known = tx.diagnostics.allowed(agent)
            if known is None or known.kinds != said:
                with self._store.write() as tx:
                    tx.diagnostics.allow(Allowed(agent=agent, kinds=said, told_ms=now_ms))
            _bound(self._allowed, _REMEMBERED_AGENTS)
            self._allowed[agent] = said
        return self.owed(agent, now_ms=now_ms)

    def owed(self, agent: int, *, now_ms: int) -> Sequence[DiagnosticRequest]:
        """What this agent is told now, sent from here on: marked so before it is. Raises StoreFailed."""
        with self._store.read() as tx:
            if not tx.diagnostics.owed(agent, limit=1):
                return ()
        with self._store.write() as tx:
            told = []
            for request in tx.diagnostics.owed(agent, limit=_TOLD_AT_ONCE):
                if request.state is RequestState.ASKED and request.expires_ms <= now_ms:
                    continue
                if request.state is RequestState.WITHDRAWN and request.expires_ms + self._limits.give_up_ms <= now_ms:
                    tx.diagnostics.save(replace(request, owed=False))
                    continue
                told.append(self._send(tx, request, now_ms))
        return told

    def _send(self, tx: Transaction, request: DiagnosticRequest, now_ms: int) -> DiagnosticRequest:
        if request.state is RequestState.WITHDRAWN:
            # Nothing begins at or after its expiry: so it is taken back (diagnostics.proto).
            return replace(request, expires_ms=now_ms)
        if request.state is not RequestState.ASKED:
            return request
        sent = replace(request, state=RequestState.SENT, sent_ms=now_ms, changed_ms=now_ms)
        tx.diagnostics.save(sent)
        self._chronicle.audit(tx, sent, "sent", actor=COLLECTOR, now_ms=now_ms)
        return sent

    def waiting(self) -> Sequence[int]:
        """Agents that have not been told of a request yet. Raises StoreFailed."""
        with self._store.read() as tx:
            return tx.diagnostics.agents_waiting()

    # ------------------------------------------------------------------ up

    def take(self, agent: int, report: AgentReport, *, now_ms: int) -> None:
        """One report of one agent. What cannot be kept now is tried again by `tick`."""
        if self._too_many(agent, now_ms):
            self.counts.ignored += 1
            return
        try:
            self._take(agent, report, now_ms)
        except TemporaryError:
            if len(self._waiting) >= _WAITING_REPORTS:
                self._waiting.popleft()
                self.counts.dropped += 1
            self._waiting.append((agent, report))

    def _take(self, agent: int, report: AgentReport, now_ms: int) -> None:
        with self._store.read() as tx:
            request = tx.diagnostics.request(report.id)
        if request is None or request.agent != agent:
            self._ignore(agent, report, "unknown-request" if request is None else "another-agents-request", now_ms)
            return
        if not _news(request, report, now_ms):
            return
        with self._store.write() as tx:
            # As it is now: a person may have withdrawn it a moment ago.
            request = tx.diagnostics.request(report.id)
            if request is not None and _news(request, report, now_ms):
                self._step(tx, request, report, now_ms)

    def _step(self, tx: Transaction, request: DiagnosticRequest, report: AgentReport, now_ms: int) -> None:
        actor = f"agent:{tx.agents.by_number(request.agent).id}"
        detail = one_line(report.detail)
        if request.state.final:
            # What is over stays as it ended; but the agent needs not be told again.
            tx.diagnostics.save(replace(request, owed=False))
            late = {"reported": str(report.state), "detail": detail}
            self._chronicle.audit(tx, request, "late_report", actor=actor, now_ms=now_ms, facts=late)
            return
        state = report.state
        if state is RequestState.DONE and (missing := _missing(tx, report)):
            state, detail = RequestState.FAILED, one_line(f"file_missing, {missing}, {detail}")
        moved = replace(request, state=state, detail=detail, changed_ms=now_ms, owed=not state.final)
        if _agreed_there(request, report) and not request.consented:
            moved = replace(moved, consented_by=ON_THE_SPOT, consented_ms=now_ms)
            self._chronicle.consented(tx, moved, actor=actor)
        tx.diagnostics.save(moved)
        if report.answer:
            tx.diagnostics.keep_answer(request.id, report.answer)
        if state.final:
            self._chronicle.ended(tx, moved, actor=actor)
        elif state is not request.state:
            self._chronicle.audit(tx, moved, str(state), actor=actor, now_ms=now_ms)

    def _ignore(self, agent: int, report: AgentReport, why: str, now_ms: int) -> None:
        self.counts.ignored += 1
        last_ms = self._audited.get(agent)
        if last_ms is not None and now_ms - last_ms < 60_000:
            return
        _bound(self._audited, _REMEMBERED_AGENTS)
        self._audited[agent] = now_ms
        with self._store.write() as tx:
            name = tx.agents.by_number(agent).id
            facts = {"cause": why, "request": report.id.hex(), "reported": str(report.state)}
            tx.access.audit(
                at_ms=now_ms, actor=f"agent:{name}", action="diagnostic.report_refused", subject=name, facts=facts
            )

    def _too_many(self, agent: int, now_ms: int) -> bool:
        minute, seen = self._minutes.get(agent, (0, 0))
        if minute != now_ms // 60_000:
            minute, seen = now_ms // 60_000, 0
            _bound(self._minutes, _REMEMBERED_AGENTS)
        self._minutes[agent] = (minute, seen + 1)
        return seen >= _REPORTS_PER_MINUTE

    # ------------------------------------------------------------------ time

    def again(self, *, now_ms: int) -> None:
        """What reports could not be kept before."""
        for _ in range(len(self._waiting)):
            agent, report = self._waiting.popleft()
            try:
                self._take(agent, report, now_ms)
            except TemporaryError:
                self._waiting.appendleft((agent, report))
                return
            except CollectorError as error:
                log.error("a report on diagnostics could not be kept: agent=%d reason=%s", agent, error)

    def tick(self, tx: Transaction, *, now_ms: int) -> None:
        """Ends what expired before its agent was told, and what nobody answered for too long."""
        out = tx.diagnostics.run_out(
            asked_before_ms=now_ms, sent_before_ms=now_ms - self._limits.give_up_ms, limit=_ENDED_AT_ONCE
        )
        for request in out:
            unheard = request.state in (RequestState.ASKED, RequestState.SENT)
            ended = replace(
                request,
                state=RequestState.EXPIRED if unheard else RequestState.FAILED,
                detail="not_sent" if request.state is RequestState.ASKED else "no_report",
                changed_ms=now_ms,
                owed=False,
            )
            tx.diagnostics.save(ended)
            self._chronicle.ended(tx, ended, actor=COLLECTOR)


def _news(request: DiagnosticRequest, report: AgentReport, now_ms: int) -> bool:
    """The same once more, or a step back, is none. A step within a state is its progress, every few seconds."""
    if request.state.final:
        return request.owed and report.state.final
    if request.state is RequestState.ASKED:
        return False
    if report.state is RequestState.AWAITS_CONSENT and request.kind is not DiagnosticKind.BUNDLE:
        return False
    if report.state is request.state:
        progress = one_line(report.detail) != request.detail and now_ms - request.changed_ms >= _PROGRESS_MS
        return progress and report.state is RequestState.ACCEPTED
    return report.state.rank > request.state.rank or _agreed_there(request, report)


def _agreed_there(request: DiagnosticRequest, report: AgentReport) -> bool:
    """It awaited consent and goes on: somebody agreed, here or at the machine itself."""
    return request.state is RequestState.AWAITS_CONSENT and report.state is RequestState.ACCEPTED


def _missing(tx: Transaction, report: AgentReport) -> str:
    """The name of a file that the answer lists and that did not come; "" = all are here."""
    here = {(file.name, file.sha256) for file in tx.diagnostics.files(report.id)}
    return next((told.name for told in report.files if (told.name, told.sha256.hex()) not in here), "")


def _bound(remembered: dict[int, _T], most: int) -> None:
    """The oldest goes."""
    while len(remembered) >= most:
        del remembered[next(iter(remembered))]
