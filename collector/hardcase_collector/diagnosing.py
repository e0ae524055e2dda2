"""Joins the desk of diagnostics: settings, stores, files below data_dir. Called by `app.py`."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from hardcase_collector.cases.attachments import Attachments
from hardcase_collector.config import Settings
from hardcase_collector.diagnostics.desk import DiagnosticDesk, diagnostic_desk
from hardcase_collector.diagnostics.settings import DiagnosticLimits
from hardcase_collector.domain.diagnostic import ID_BYTES
from hardcase_collector.domain.ports import Announcer
from hardcase_collector.storage.evidence import EvidenceFiles
from hardcase_collector.storage.partials import PartialFiles
from hardcase_collector.storage.state.store import SqlStateStore
from hardcase_collector.vitals import DiskReserve

HOUR_MS = 3_600_000


def diagnostics(
    settings: Settings,
    state: SqlStateStore,
    announcer: Announcer,
    files: Attachments,
    disk: DiskReserve,
    *,
    nudge: Callable[[int], None],
) -> DiagnosticDesk:
    """Requests to agents and the files of their answers, below data_dir. Raises StoreFailed."""
    given = settings.diagnostics
    evidence = EvidenceFiles(settings.data_dir / "evidence", trouble=disk.trouble)
    return diagnostic_desk(
        state,
        evidence,
        PartialFiles(evidence),
        files,
        announcer,
        DiagnosticLimits(
            expiry_ms=given.expiry_minutes * 60_000,
            give_up_ms=given.give_up_hours * HOUR_MS,
            file_bytes=given.max_file_mb << 20,
            request_bytes=given.max_request_mb << 20,
            bytes_per_second=given.upload_kb_per_second << 10,
            kept_ms=given.keep_days * 24 * HOUR_MS,
        ),
        fresh_id=lambda: secrets.token_bytes(ID_BYTES),
        nudge=nudge,
    )
