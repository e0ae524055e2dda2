"""Whether a request may be begun, and what of it is kept. Pure; called by `desk.py` for whatever a collector sends."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from hardcase_agent.diagnostics.kinds import ALONE
from hardcase_agent.diagnostics.ledger import MOST, Entry, Stage
from hardcase_agent.domain.diagnostic import DiagnosticKind, DiagnosticRequest, ReportState

OPEN_AT_ONCE = 16
"""Requests that are not finished; each may hold a bundle on the disk."""
MOST_ARGUMENTS, LONGEST_ARGUMENT, LONGEST_NAME = 16, 500, 200


def entry_of(request: DiagnosticRequest, wall_ms: int) -> Entry:
    """What is kept of it, within bounds."""
    arguments = list(request.arguments.items())[:MOST_ARGUMENTS]
    return Entry(
        id=request.id,
        kind=request.kind,
        arguments={name[:LONGEST_NAME]: value[:LONGEST_ARGUMENT] for name, value in arguments},
        asset=request.asset[:LONGEST_NAME],
        asked_by=request.asked_by[:LONGEST_NAME],
        reason=request.reason[:LONGEST_ARGUMENT],
        expires_ms=request.expires_ms,
        taken_ms=wall_ms,
        wall_ms=wall_ms,
    )


def why_not(
    request: DiagnosticRequest, allowed: Collection[DiagnosticKind], running: Iterable[Entry]
) -> tuple[ReportState, str] | None:
    """None = it may be begun. Expiry is judged by the collector's clock alone. `running`: other requests under way."""
    if request.sent_ms >= request.expires_ms:
        late_s = (request.sent_ms - request.expires_ms) // 1000
        return ReportState.EXPIRED, f"it came {late_s} s after its expiry, by the collector's clock"
    if request.kind is None:
        return ReportState.REFUSED, "this agent does not know the kind; a newer one may"
    if request.kind not in allowed:
        return ReportState.REFUSED, f"switched off at the site: diagnostics.{request.kind} in agent.toml"
    arguments = request.arguments
    if len(arguments) > MOST_ARGUMENTS or any(len(value) > LONGEST_ARGUMENT for value in arguments.values()):
        return ReportState.REFUSED, "more arguments than any kind has"
    if request.kind in ALONE and not _aborts(arguments) and any(_is_like(request, one) for one in running):
        return ReportState.REFUSED, f"another {request.kind} is under way on this host"
    return None


def taken_back(request: DiagnosticRequest, known: Entry) -> bool:
    """Withdrawn, or its consent refused. A copy with the first one's expiry has only grown old, as one that waits for
    consent over days does."""
    return request.expires_ms != known.expires_ms and request.expires_ms <= request.sent_ms


def plain(text: str) -> str:
    """For a log line, which stays one whatever was sent."""
    return "".join(character if character.isprintable() else "?" for character in text)[:200]


def _is_like(request: DiagnosticRequest, other: Entry) -> bool:
    return other.kind is request.kind and not _aborts(other.arguments)


def _aborts(arguments: Mapping[str, str]) -> bool:
    return arguments.get("test") == "abort"


def no_room(entries: Collection[Entry]) -> str:
    """ "" = another request may be taken."""
    if len(entries) >= MOST:
        return f"{MOST} requests are kept here and too few have expired"
    if sum(one.stage is not Stage.FINAL for one in entries) >= OPEN_AT_ONCE:
        return f"{OPEN_AT_ONCE} requests are under way here"
    return ""
