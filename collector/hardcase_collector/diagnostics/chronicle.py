"""How a request's steps are told: the audit log, and the timeline of the case that it named.

Used by everything beside it that changes a request.
"""

from __future__ import annotations

from collections.abc import Mapping

from hardcase_collector.cases.case_file import CaseFile, Occasion
from hardcase_collector.domain.diagnostic import DiagnosticRequest
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.ports import Announcer, Transaction

DETAIL_KEPT = 500


class Chronicle:
    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer

    def audit(
        self,
        tx: Transaction,
        request: DiagnosticRequest,
        action: str,
        *,
        actor: str,
        now_ms: int,
        facts: Mapping[str, Fact] | None = None,
    ) -> None:
        """About the asset, so that its customer's log has it."""
        told: dict[str, Fact] = {"request": request.name, "kind": str(request.kind), **(facts or {})}
        subject = tx.assets.by_number(request.asset).key
        tx.access.audit(at_ms=now_ms, actor=actor, action=f"diagnostic.{action}", subject=subject, facts=told)

    def asked(self, tx: Transaction, request: DiagnosticRequest) -> None:
        told: dict[str, Fact] = {**request.arguments, "reason": request.reason}
        self._enter(tx, request, "diagnostic_asked", request.asked_by, request.asked_ms, told)
        facts: dict[str, Fact] = {
            **told,
            "role": str(request.role),
            "agent": tx.agents.by_number(request.agent).id,
            "expires_ms": request.expires_ms,
        }
        self.audit(tx, request, "asked", actor=request.asked_by, now_ms=request.asked_ms, facts=facts)

    def consented(self, tx: Transaction, request: DiagnosticRequest, *, actor: str) -> None:
        told: dict[str, Fact] = {"who": request.consented_by}
        self._enter(tx, request, "diagnostic_consented", actor, request.consented_ms, told)
        self.audit(tx, request, "consented", actor=actor, now_ms=request.consented_ms, facts=told)

    def ended(self, tx: Transaction, request: DiagnosticRequest, *, actor: str) -> None:
        files = len(tx.diagnostics.files(request.id))
        told: dict[str, Fact] = {"detail": request.detail}
        if files:
            told["files"] = files
        self._enter(tx, request, "diagnostic_ended", actor, request.changed_ms, {"ended": str(request.state), **told})
        self.audit(tx, request, str(request.state), actor=actor, now_ms=request.changed_ms, facts=told)

    def _enter(
        self, tx: Transaction, request: DiagnosticRequest, code: str, actor: str, at_ms: int, told: Mapping[str, Fact]
    ) -> None:
        """Quietly: it is for those who look at the case, and no news for channels."""
        if request.case is None:
            return
        parameters: dict[str, Fact] = {"diagnostic": str(request.kind), "request": request.name[:8], **told}
        occasion = Occasion(now_ms=at_ms, actor=actor, quiet=True)
        CaseFile(tx, self._announcer).change(tx.cases.get(request.case), code, occasion, parameters)


def one_line(text: str) -> str:
    """What an agent or a person said, as one line of bounded length without anything unprintable."""
    words = "".join(char if char.isprintable() else " " for char in text).split()
    return " ".join(words)[:DETAIL_KEPT]
