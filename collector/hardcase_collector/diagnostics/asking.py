"""What people do with requests: ask, withdraw, agree to a bundle's sending or not, see them. One transaction each.

Called by the pages and the control socket on threads of theirs; `nudge` is told the number of an agent that has
something to hear, after the commit.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hardcase_collector.cases.actions import NOTE_KEPT, allowed
from hardcase_collector.cases.workflow import Deed, may, require
from hardcase_collector.diagnostics.choosing import agent_for, watched_from
from hardcase_collector.diagnostics.chronicle import Chronicle, one_line
from hardcase_collector.diagnostics.kinds import KINDS, checked_arguments, target_of
from hardcase_collector.diagnostics.settings import MOST_OPEN, DiagnosticLimits
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.asset import Asset
from hardcase_collector.domain.diagnostic import (
    DiagnosticFile,
    DiagnosticKind,
    DiagnosticRequest,
    RequestFilter,
    RequestState,
)
from hardcase_collector.domain.errors import DiagnosticRefused, NotFound
from hardcase_collector.domain.ports import Announcer, StateStore, Transaction
from hardcase_collector.domain.report import EvidenceStore
from hardcase_collector.domain.said import Coded

SOONEST_EXPIRY_MS = 60_000
LATEST_EXPIRY_MS = 7 * 24 * 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What somebody asks for."""

    asset: int
    kind: DiagnosticKind
    arguments: Mapping[str, str]
    reason: str = ""
    case: str = ""
    """Number of the case it is for; "" = none."""
    agent: str = ""
    """Id of the agent to ask, where several watch the asset; "" = the one that fits best."""
    expiry_ms: int = 0
    """From now on; 0 = the setting."""


class Diagnostics:
    """Blocking: call from a thread."""

    def __init__(
        self,
        store: StateStore,
        evidence: EvidenceStore,
        announcer: Announcer,
        limits: DiagnosticLimits,
        *,
        fresh_id: Callable[[], bytes],
        nudge: Callable[[int], None],
    ) -> None:
        self._store = store
        self._evidence = evidence
        self._chronicle = Chronicle(announcer)
        self._fresh_id = fresh_id
        self._nudge = nudge
        self.limits = limits

    def over(self, store: StateStore) -> Diagnostics:
        """The same, writing through another view of its store."""
        other = copy.copy(self)
        other._store = store
        return other

    def ask(self, question: Question, *, by: Actor, now_ms: int) -> DiagnosticRequest:
        """Kept, and sent to its agent at once where that is connected.

        Raises NotAllowed, NotFound, DiagnosticRefused (no-agent, agent-revoked, not-allowed-there, already-open,
        too-many-open, no-serial, wrong-argument, reason-needed), StoreFailed.
        """
        kind = question.kind
        require(by, KINDS[kind].deed)
        arguments = checked_arguments(kind, question.arguments)
        reason = question.reason.strip()[:NOTE_KEPT]
        if KINDS[kind].needs_reason and not reason:
            raise DiagnosticRefused(
                "reason-needed", "say why: {kind} is not asked for without a reason", kind=Coded(kind)
            )
        with self._store.write() as tx:
            asset = asset_of(tx, question.asset, by)
            agent = agent_for(tx, asset, kind, wanted=question.agent)
            request = DiagnosticRequest(
                id=self._fresh_id(),
                agent=agent.number,
                asset=asset.id,
                kind=kind,
                arguments=arguments,
                target=target_of(kind, arguments),
                serial=watched_from(agent, asset),
                asked_by=by.name,
                role=by.role,
                reason=reason,
                case=_case_of(tx, question.case, asset, by),
                asked_ms=now_ms,
                changed_ms=now_ms,
                expires_ms=now_ms + self._expiry(question.expiry_ms),
            )
            _refuse_another(tx, request, agent.hostname or agent.id)
            tx.diagnostics.add(request)
            self._chronicle.asked(tx, request)
        self._nudge(request.agent)
        return request

    def _expiry(self, asked_ms: int) -> int:
        if not asked_ms:
            return self.limits.expiry_ms
        if not SOONEST_EXPIRY_MS <= asked_ms <= LATEST_EXPIRY_MS:
            raise DiagnosticRefused("wrong-argument", "a request lasts a minute at least and a week at most")
        return asked_ms

    def withdraw(self, name: str, *, by: Actor, reason: str, now_ms: int) -> DiagnosticRequest:
        """It is not waited for any more, and the agent is told. What it has begun may still end.

        Raises NotAllowed, NotFound, DiagnosticRefused (not-open), StoreFailed.
        """
        require(by, Deed.WITHDRAW_DIAGNOSTIC)
        with self._store.write() as tx:
            request = self._open(tx, name, by)
            if by.role is Role.AUTOMATION and request.asked_by != by.name:
                require(by, KINDS[DiagnosticKind.BUNDLE].deed)
            withdrawn = self._withdraw(tx, request, by, one_line(reason), now_ms)
        self._nudge(withdrawn.agent)
        return withdrawn

    def consent(self, name: str, *, by: Actor, who: str, now_ms: int) -> DiagnosticRequest:
        """The customer has seen the manifest and agrees. `who` of his people, where one of ours says it for him.

        Raises NotAllowed, NotFound, DiagnosticRefused (not-open, not-awaiting-consent, who-needed), StoreFailed.
        """
        with self._store.write() as tx:
            request = self._awaiting(tx, name, by)
            if request.consented:
                return request
            said_by = by.name if by.role is Role.CUSTOMER_CONTACT else one_line(who)
            if not said_by:
                raise DiagnosticRefused("who-needed", "say who of the customer's people agreed")
            agreed = replace(request, consented_by=said_by, consented_ms=now_ms, changed_ms=now_ms)
            tx.diagnostics.save(agreed)
            self._chronicle.consented(tx, agreed, actor=by.name)
        self._nudge(agreed.agent)
        return agreed

    def refuse(self, name: str, *, by: Actor, reason: str, now_ms: int) -> DiagnosticRequest:
        """The customer does not agree: nothing is sent. Raises as `consent`, without who-needed."""
        with self._store.write() as tx:
            request = self._awaiting(tx, name, by)
            detail = one_line(f"consent_refused, {reason}" if reason.strip() else "consent_refused")
            withdrawn = self._withdraw(tx, request, by, detail, now_ms)
        self._nudge(withdrawn.agent)
        return withdrawn

    # ------------------------------------------------------------------ seeing

    def find(self, tx: Transaction, name: str, *, by: Actor) -> DiagnosticRequest:
        """Raises NotFound, also for what he may not see."""
        found = tx.diagnostics.find(name, customer=by.customer)
        if found.kind not in seen_kinds(by):
            raise NotFound("there is no request {request}", request=name)
        return found

    def listed(
        self,
        tx: Transaction,
        *,
        by: Actor,
        asset: int | None = None,
        case: int | None = None,
        open_only: bool = False,
        limit: int,
    ) -> Sequence[DiagnosticRequest]:
        """Newest first, of those that he may see."""
        kinds = seen_kinds(by)
        if not kinds:
            return ()
        which = RequestFilter(
            customer=by.customer, asset=asset, case=case, open_only=open_only, kinds=kinds, limit=limit
        )
        return tx.diagnostics.listed(which)

    def open_file(self, id: int, *, of: str, by: Actor, now_ms: int) -> tuple[DiagnosticFile, Iterator[bytes]]:
        """Its content in chunks; that he took it is in the audit log. Raises NotFound, also for what he may not have.

        StoreFailed.
        """
        if not may(by.role, Deed.DOWNLOAD_DIAGNOSTIC):
            raise NotFound("there is no file {id} of an answer", id=id)
        with self._store.write() as tx:
            file = tx.diagnostics.file(id, customer=by.customer)
            request = tx.diagnostics.request(file.request)
            if request is None or not request.name.startswith(of.strip().lower()):
                raise NotFound("request {request} has no file {id}", request=of, id=id)
            chunks = self._evidence.read(file.sha256)
            self._chronicle.audit(
                tx,
                request,
                "file_downloaded",
                actor=by.name,
                now_ms=now_ms,
                facts={"name": file.name, "sha256": file.sha256},
            )
        return file, chunks

    # ------------------------------------------------------------------ inside

    def _open(self, tx: Transaction, name: str, by: Actor) -> DiagnosticRequest:
        request = self.find(tx, name, by=by)
        if request.state.final:
            raise _refused_as_it_stands("not-open", request)
        return request

    def _awaiting(self, tx: Transaction, name: str, by: Actor) -> DiagnosticRequest:
        require(by, Deed.CONSENT_BUNDLE)
        request = self._open(tx, name, by)
        if request.state is not RequestState.AWAITS_CONSENT:
            raise _refused_as_it_stands("not-awaiting-consent", request)
        return request

    def _withdraw(
        self, tx: Transaction, request: DiagnosticRequest, by: Actor, detail: str, now_ms: int
    ) -> DiagnosticRequest:
        withdrawn = replace(
            request,
            state=RequestState.WITHDRAWN,
            detail=detail,
            changed_ms=now_ms,
            # Who was never told needs not hear of it.
            owed=request.state is not RequestState.ASKED,
        )
        tx.diagnostics.save(withdrawn)
        self._chronicle.ended(tx, withdrawn, actor=by.name)
        return withdrawn


def _refused_as_it_stands(cause: str, request: DiagnosticRequest) -> DiagnosticRefused:
    return DiagnosticRefused(
        cause, "request {request} is {state}", request=request.name[:8], state=Coded(request.state)
    )


def seen_kinds(by: Actor) -> frozenset[DiagnosticKind]:
    """A customer's contact sees what he may consent to, and nothing else."""
    if may(by.role, Deed.SEE_DIAGNOSTICS):
        return frozenset(DiagnosticKind)
    return frozenset({DiagnosticKind.BUNDLE}) if may(by.role, Deed.CONSENT_BUNDLE) else frozenset()


def asset_of(tx: Transaction, number: int, by: Actor) -> Asset:
    """Raises NotFound, also for another customer's."""
    asset = tx.assets.by_number(number)
    if by.customer is not None and asset.customer != by.customer:
        raise NotFound("no asset {number}", number=number)
    return asset


def _case_of(tx: Transaction, number: str, asset: Asset, by: Actor) -> int | None:
    if not number:
        return None
    case = tx.cases.by_number(number, customer=by.customer)
    allowed(tx, case, by, Deed.SEE)
    if case.asset != asset.id:
        raise DiagnosticRefused("wrong-argument", "case {case} is of another asset", case=number)
    return case.id


def _refuse_another(tx: Transaction, request: DiagnosticRequest, agent: str) -> None:
    other = tx.diagnostics.open_for(request.agent, request.asset, request.kind, request.target)
    if other is not None:
        raise DiagnosticRefused(
            "already-open",
            "{who} asked for the same ({request}, {state}): wait for it or withdraw it",
            who=other.asked_by,
            request=other.name[:8],
            state=Coded(other.state),
        )
    if tx.diagnostics.open_count(request.agent) >= MOST_OPEN:
        raise DiagnosticRefused(
            "too-many-open", "{most} requests of {agent} are open: withdraw some", most=MOST_OPEN, agent=agent
        )
