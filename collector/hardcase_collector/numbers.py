"""The numbers of /metrics and `status`, gathered from intake, stores, outbox and certificates. Built by `app.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from hardcase_collector import pki
from hardcase_collector.diagnostics.desk import DiagnosticDesk
from hardcase_collector.domain.errors import CollectorError
from hardcase_collector.domain.ports import CaseFilter, StateStore
from hardcase_collector.inlet import Inlet
from hardcase_collector.vitals import DiskReserve

ALL_CASES = 100_000


class Delivered(Protocol):
    """Whoever sends notifications."""

    @property
    def delivered(self) -> int:
        """Since start."""


class Numbers:
    """Read at every scrape. What cannot be read is left out, never 0."""

    def __init__(
        self,
        *,
        state: StateStore,
        inlet: Inlet,
        delivering: Delivered,
        disk: DiskReserve,
        diagnostics: DiagnosticDesk,
        certificate: Path,
        ca: Path,
        clock_ms: Callable[[], int],
        unreadable_terms: Callable[[], int],
    ) -> None:
        self._state = state
        self._inlet = inlet
        self._delivering = delivering
        self._disk = disk
        self._diagnostics = diagnostics
        self._certificates = {"certificate_days": certificate, "ca_certificate_days": ca}
        self._clock_ms = clock_ms
        self._unreadable_terms = unreadable_terms

    def read(self) -> Mapping[str, float]:
        now_ms = self._clock_ms()
        numbers = {
            **self._of_intake(now_ms),
            "delivered": float(self._delivering.delivered),
            "unreadable_terms": float(self._unreadable_terms()),
            **self._diagnostics.numbers(),
        }
        for part in (self._of_stores, self._of_machine):
            try:
                numbers |= part(now_ms)
            except (CollectorError, OSError):
                # /readyz says what is wrong with the store or the disk.
                continue
        return numbers

    def _of_intake(self, now_ms: int) -> dict[str, float]:
        intake = self._inlet.intake
        counts = intake.counts
        # Books belong to the writer's thread; a copy of the values is taken in one step.
        books = list(intake.books.values())
        newest = [
            max((mark.last_time_ms for mark in list(book.state_marks.values())), default=0)
            for book in books
            if not intake.liveness.silent(book.agent)
        ]
        ages = [(now_ms - at_ms) / 1000 for at_ms in newest if at_ms]
        return {
            "acknowledged": counts.acknowledged,
            "duplicates": counts.duplicates,
            "rejected": counts.rejected,
            "lost": counts.lost,
            "frames": counts.frames,
            "samples": counts.samples,
            "streams": self._inlet.service.open_streams,
            "silent_agents": intake.liveness.count_silent(),
            "commit_seconds": self._inlet.writer.last_group_s,
            **({"spool_age_seconds": max(0.0, max(ages))} if ages else {}),
            **({"clock_offset_seconds": max(abs(book.clock.skew_ms) for book in books) / 1000} if books else {}),
        }

    def _of_stores(self, now_ms: int) -> dict[str, float]:
        with self._state.read() as tx:
            counts = tx.outbox.counts()
            oldest_ms = tx.outbox.oldest_owed_ms()
            cases = tx.cases.list(CaseFilter(customer=None, open_only=True, rehearsal=False, limit=ALL_CASES))
            requests = tx.diagnostics.counts()
        return {
            "outbox_owed": counts.get("owed", 0),
            "outbox_dead": counts.get("dead", 0),
            "outbox_age_seconds": max(0.0, (now_ms - oldest_ms) / 1000) if oldest_ms is not None else 0.0,
            "open_cases": len(cases),
            **{f"diagnostics_{state}": number for state, number in requests.items()},
        }

    def _of_machine(self, now_ms: int) -> dict[str, float]:
        now = datetime.fromtimestamp(now_ms / 1000, UTC)
        days = {name: pki.days_left(pki.load_certificate(path), now=now) for name, path in self._certificates.items()}
        return {**days, "disk_free_bytes": self._disk.free_bytes()}
