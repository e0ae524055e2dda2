"""DiagnosticStore: the port of the store that keeps requests for diagnostics; part of `Transaction`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from hardcase_collector.domain.diagnostic import (
    Allowed,
    DiagnosticFile,
    DiagnosticKind,
    DiagnosticRequest,
    RequestFilter,
    RequestState,
)


class DiagnosticStore(Protocol):
    def allow(self, allowed: Allowed) -> None:
        """Replaces what was known of this agent."""

    def allowed(self, agent: int) -> Allowed | None:
        """None: it never said."""

    def add(self, request: DiagnosticRequest) -> None: ...
    def save(self, request: DiagnosticRequest) -> None:
        """State, detail and all that changes. Raises NotFound."""

    def request(self, id: bytes) -> DiagnosticRequest | None: ...
    def find(self, name: str, *, customer: str | None) -> DiagnosticRequest:
        """By its id in hex, or a beginning that only one has. Raises NotFound, also for another customer's."""

    def listed(self, which: RequestFilter) -> Sequence[DiagnosticRequest]: ...
    def open_for(self, agent: int, asset: int, kind: DiagnosticKind, target: str) -> DiagnosticRequest | None: ...
    def open_count(self, agent: int) -> int: ...
    def owed(self, agent: int, *, limit: int) -> Sequence[DiagnosticRequest]:
        """What this agent is told with a new stream, oldest first; also what was withdrawn since."""

    def agents_waiting(self) -> Sequence[int]:
        """Agents that have not been told of a request yet."""

    def run_out(self, *, asked_before_ms: int, sent_before_ms: int, limit: int) -> Sequence[DiagnosticRequest]:
        """Not told to their agent and expired at or before the first time, or open and expired by the second."""

    def answer(self, id: bytes) -> bytes:
        """What the agent answered, as it came; b"" = nothing."""

    def keep_answer(self, id: bytes, answer: bytes) -> None: ...
    def add_file(self, file: DiagnosticFile) -> DiagnosticFile:
        """Gives the id. The same name and content of one request is there once: the first is returned."""

    def files(self, request: bytes) -> Sequence[DiagnosticFile]:
        """In the order in which they came."""

    def file(self, id: int, *, customer: str | None) -> DiagnosticFile:
        """Raises NotFound, also for another customer's."""

    def forget_before(self, before_ms: int, *, limit: int) -> Sequence[str]:
        """Lets go of requests that ended before then, with their files: the hashes of these."""

    def counts(self) -> Mapping[RequestState, int]:
        """How many requests are in each state now."""
