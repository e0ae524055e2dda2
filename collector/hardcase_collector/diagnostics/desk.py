"""Everything of diagnostics that the rest of the collector knows, as one. Made by `composition.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hardcase_collector.cases.attachments import Attachments
from hardcase_collector.diagnostics.asking import Diagnostics
from hardcase_collector.diagnostics.receiving import Receiving
from hardcase_collector.diagnostics.settings import DiagnosticLimits
from hardcase_collector.diagnostics.telling import Telling
from hardcase_collector.domain.ports import Announcer, StateStore
from hardcase_collector.domain.report import EvidenceStore, PartialStore


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticDesk:
    asking: Diagnostics
    """What people do."""
    telling: Telling
    """What agents are told and report."""
    receiving: Receiving
    """What files they send."""

    def numbers(self) -> Mapping[str, float]:
        """Since start."""
        received = self.receiving.counts
        return {
            "diagnostic_uploads": received.files,
            "diagnostic_upload_bytes": received.bytes,
            "diagnostic_uploads_refused": received.refused,
            "diagnostic_reports_ignored": self.telling.counts.ignored,
            "diagnostic_reports_dropped": self.telling.counts.dropped,
        }


def diagnostic_desk(
    store: StateStore,
    evidence: EvidenceStore,
    partials: PartialStore,
    files: Attachments,
    announcer: Announcer,
    limits: DiagnosticLimits,
    *,
    fresh_id: Callable[[], bytes],
    nudge: Callable[[int], None],
) -> DiagnosticDesk:
    """`fresh_id` gives 16 random bytes; `nudge` is told an agent that has something to hear, after the commit."""
    return DiagnosticDesk(
        asking=Diagnostics(store, evidence, announcer, limits, fresh_id=fresh_id, nudge=nudge),
        telling=Telling(store, announcer, limits),
        receiving=Receiving(store, partials, files, announcer, limits),
    )
