"""Diagnostics that people ask of agents: requests, how they stand, what came of them.

The store's port is `diagnostic_store.py`. Who may ask for what, and what happens then, is `diagnostics/`; how it
travels, `rpc/diagnostics.py` and `rpc/upload.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hardcase_collector.domain.actor import Role

ID_BYTES = 16
LARGEST_ANSWER = 65_536
"""Bytes of a report's answer (diagnostics.proto); larger ones come as files."""


class DiagnosticKind(StrEnum):
    """Words of `DiagnosticKind` in diagnostics.proto: the closed list."""

    READ_SEL = "read_sel"
    READ_SENSORS = "read_sensors"
    INVENTORY = "inventory"
    SELF_TEST = "self_test"
    IDENTIFY = "identify"
    CLEAR_SEL = "clear_sel"
    BUNDLE = "bundle"


class RequestState(StrEnum):
    """In the order in which a request goes; the last five are final and never change."""

    ASKED = "asked"
    """Kept here; the agent has not been told yet."""
    SENT = "sent"
    ACCEPTED = "accepted"
    """The agent has it on its disk."""
    AWAITS_CONSENT = "awaits_consent"
    """A bundle was made; the customer has not agreed to its sending yet."""
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"

    @property
    def final(self) -> bool:
        return self in _FINAL

    @property
    def rank(self) -> int:
        """Reports move a request on, never back."""
        return 4 if self.final else _ORDER.index(self)


_ORDER = (RequestState.ASKED, RequestState.SENT, RequestState.ACCEPTED, RequestState.AWAITS_CONSENT)
_FINAL = frozenset(RequestState) - frozenset(_ORDER)
OPEN = frozenset(_ORDER)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticRequest:
    """One request of one agent. Times are ms of Unix time; 0 = not yet."""

    id: bytes
    """16 random bytes."""
    agent: int
    asset: int
    kind: DiagnosticKind
    arguments: Mapping[str, str]
    target: str
    """What of the asset it is about, as a disk; of one kind and target one request is open at a time."""
    serial: str
    """System serial that the agent is told; "" = its own host."""
    asked_by: str
    role: Role
    """With which he asked."""
    reason: str
    case: int | None
    asked_ms: int
    expires_ms: int
    """Not begun at or after it."""
    state: RequestState = RequestState.ASKED
    detail: str = ""
    """One line for people; names the cause where refused or failed."""
    changed_ms: int = 0
    sent_ms: int = 0
    """When the agent was told first."""
    owed: bool = True
    """The agent is told again with every new stream: no final report of its own came."""
    consented_by: str = ""
    consented_ms: int = 0

    @property
    def consented(self) -> bool:
        return self.consented_ms > 0

    @property
    def name(self) -> str:
        """As people name it: the id in hex."""
        return self.id.hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticFile:
    """A file that came with an answer; its bytes lie in the evidence store. Never executed, never shown inline."""

    id: int
    request: bytes
    name: str
    size: int
    sha256: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldFile:
    """A file as the agent names it, before it was checked."""

    request: bytes
    name: str
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReport:
    """How a request stands, as the agent says."""

    id: bytes
    state: RequestState
    detail: str
    answer: bytes = b""
    files: tuple[ToldFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What an agent's own configuration allows, as its last Hello said."""

    agent: int
    kinds: tuple[DiagnosticKind, ...]
    told_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFilter:
    """Which requests, newest first. `customer` None = all of them."""

    customer: str | None
    asset: int | None = None
    case: int | None = None
    open_only: bool = False
    kinds: frozenset[DiagnosticKind] = field(default_factory=lambda: frozenset(DiagnosticKind))
    limit: int = 200
