"""Read model of diagnostics: what was asked about an asset or for a case, how it stands, what may be asked now.

Used by the pages and the control socket. One snapshot each; the asset was found in the asker's scope before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hardcase_collector.cases.workflow import Deed, may
from hardcase_collector.diagnostics.asking import Diagnostics, seen_kinds
from hardcase_collector.diagnostics.choosing import Watcher, disks_of, watchers
from hardcase_collector.diagnostics.kinds import KINDS
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.asset import Agent, Asset
from hardcase_collector.domain.case import Case
from hardcase_collector.domain.diagnostic import DiagnosticFile, DiagnosticKind, DiagnosticRequest, RequestState
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.web.answer_tables import Answer, answer_of

SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """On the page of an asset, or of a case."""

    asset: Asset
    case: str
    requests: tuple[DiagnosticRequest, ...]
    """Newest first."""
    watchers: tuple[Watcher, ...]
    """Empty for those who may not see what agents allow."""
    offers: tuple[DiagnosticKind, ...]
    """What this person may ask for, and some agent that stands allows."""
    missing: tuple[DiagnosticKind, ...]
    """What he may ask for, and no agent allows."""
    disks: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """One request with all that came of it."""

    request: DiagnosticRequest
    asset: Asset
    agent: Agent
    case: str
    answer: Answer
    raw: bytes
    files: tuple[DiagnosticFile, ...]
    """Empty for those who may not have them."""
    may_withdraw: bool
    may_consent: bool


def panel(tx: Transaction, desk: Diagnostics, asset: Asset, *, case: Case | None = None, by: Actor) -> Panel | None:
    """None: nothing of it is for him."""
    if not seen_kinds(by):
        return None
    of_case = case.id if case is not None else None
    requests = desk.listed(tx, by=by, asset=asset.id, case=of_case, limit=SHOWN)
    sees = may(by.role, Deed.SEE_DIAGNOSTICS)
    watching = tuple(watchers(tx, asset)) if sees else ()
    allowed = {kind for one in watching if not one.agent.revoked for kind in one.kinds}
    mine = [kind for kind in DiagnosticKind if may(by.role, KINDS[kind].deed)] if watching else []
    offers = tuple(kind for kind in mine if kind in allowed)
    needs_disk = {DiagnosticKind.SELF_TEST, DiagnosticKind.IDENTIFY} & set(offers)
    if not requests and not watching:
        return None
    return Panel(
        asset=asset,
        case=case.number if case is not None else "",
        requests=tuple(requests),
        watchers=watching,
        offers=offers,
        missing=tuple(kind for kind in mine if kind not in allowed),
        disks=tuple(disks_of(tx, asset.id)) if needs_disk else (),
    )


def whole(tx: Transaction, desk: Diagnostics, name: str, *, by: Actor) -> Whole:
    """Raises NotFound, also for what he may not see."""
    request = desk.find(tx, name, by=by)
    raw = tx.diagnostics.answer(request.id)
    awaits = request.state is RequestState.AWAITS_CONSENT and not request.consented
    files: Sequence[DiagnosticFile] = ()
    if may(by.role, Deed.DOWNLOAD_DIAGNOSTIC):
        files = tx.diagnostics.files(request.id)
    return Whole(
        request=request,
        asset=tx.assets.by_number(request.asset),
        agent=tx.agents.by_number(request.agent),
        case=tx.cases.get(request.case).number if request.case is not None else "",
        answer=answer_of(raw),
        raw=raw,
        files=tuple(files),
        may_withdraw=not request.state.final and may(by.role, Deed.WITHDRAW_DIAGNOSTIC),
        may_consent=awaits and may(by.role, Deed.CONSENT_BUNDLE),
    )
