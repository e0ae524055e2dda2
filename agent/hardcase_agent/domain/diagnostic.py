"""Diagnostics that a person asks for: requests, how they stand, and the ports through which they are answered.

The uplink hands requests down and reports up; `diagnostics/` decides and keeps the ledger; sources open the doors to
their devices by the protocols below; `workbench.py` joins them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

from hardcase_agent.domain.event import Event
from hardcase_agent.domain.frame import Sweep
from hardcase_agent.domain.part import Asset, Part

ID_BYTES = 16
LARGEST_ANSWER = 65_536
"""Bytes of a report's answer (diagnostics.proto); what is larger goes as a file."""


class DiagnosticKind(StrEnum):
    """Names of `DiagnosticKind` on the wire, and of the switches in agent.toml."""

    READ_SEL = "read_sel"
    READ_SENSORS = "read_sensors"
    INVENTORY = "inventory"
    SELF_TEST = "self_test"
    IDENTIFY = "identify"
    CLEAR_SEL = "clear_sel"
    BUNDLE = "bundle"


class ReportState(StrEnum):
    """Names of `DiagnosticReport.State` on the wire."""

    ACCEPTED = "accepted"
    AWAITS_CONSENT = "awaits_consent"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "expired"

    @property
    def final(self) -> bool:
        return self not in (ReportState.ACCEPTED, ReportState.AWAITS_CONSENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticRequest:
    """As the collector sent it; nothing in it was checked."""

    id: bytes
    kind: DiagnosticKind | None
    """None: a kind of a later collector."""
    arguments: Mapping[str, str]
    expires_ms: int
    """Milliseconds of the collector's Unix time, as the three below."""
    sent_ms: int
    asked_ms: int = 0
    asked_by: str = ""
    reason: str = ""
    consented: bool = False
    asset: str = ""
    """System serial of what it is about; "" = the agent's own host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFile:
    """A file that belongs to an answer."""

    name: str
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticReport:
    """How a request stands."""

    id: bytes
    state: ReportState
    detail: str
    wall_ms: int
    answer: bytes = b""
    files: tuple[AnswerFile, ...] = ()


class DiagnosticDesk(Protocol):
    """What the uplink asks of whoever answers requests. Neither call waits or raises."""

    def allowed(self) -> tuple[DiagnosticKind, ...]:
        """What this agent's own configuration lets a collector ask for."""

    def asked(self, request: DiagnosticRequest) -> None:
        """The collector asks, for the first time or again."""


class Uploader(Protocol):
    """The way of a file to the collector."""

    async def upload(self, request_id: bytes, file: AnswerFile, path: Path, *, deadline_s: float) -> None:
        """Returns when the collector has it on its disk. Waits for a connection and goes on after a broken one.

        Raises CollectorUnreachable at the deadline, UploadRefused where trying again changes nothing.
        """


Lend = Callable[[str, float], AbstractAsyncContextManager[None]]
"""(device, seconds): nobody else's call is in flight on this device inside. Raises DeviceBusy where it does not come
free within that time."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one source said when it was asked out of turn."""

    source: str
    sweep: Sweep | None
    error: str = ""
    """Why it was not read, or could not be."""


AskNow = Callable[[Sequence[str], float], Awaitable[Sequence[Asked]]]
"""(names of sources, seconds): each once, out of turn; what is read also travels as usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeLog:
    """A BMC's event log from its first entry to its last."""

    asset: Asset
    source: str
    entries: tuple[bytes, ...]
    """16 bytes each."""
    events: tuple[Event, ...]
    stamp: tuple[int, int, int]
    """Erasure, addition and count: equal before and after = nothing was added in between."""
    unread: tuple[str, ...] = ()
    """Entries that the BMC does not give, and why."""


@runtime_checkable
class EventLogDoor(Protocol):
    """A source that can read its BMC's whole event log, and clear it."""

    @property
    def name(self) -> str: ...

    @property
    def device(self) -> str: ...

    def watched_asset(self) -> Asset:
        """Raises DeviceAbsent before the BMC was found."""

    async def whole_log(self, lend: Lend) -> WholeLog:
        """Lends the device for a portion at a time. Raises AgentError."""

    async def clear_log(self, stamp: tuple[int, int, int], lend: Lend) -> None:
        """Clears it if it still is what `stamp` says. Raises LogChanged if not, and AgentError."""


@runtime_checkable
class ChassisDoor(Protocol):
    """A source that can light the identify lamp of its chassis."""

    @property
    def name(self) -> str: ...

    @property
    def device(self) -> str: ...

    def watched_asset(self) -> Asset:
        """Raises DeviceAbsent before the BMC was found."""

    async def identify(self, seconds: int) -> None:
        """Lights it for 1 to 255 s; 0 puts it out. Raises AgentError."""


class TestState(StrEnum):
    """What a disk says of its self-tests."""

    __test__ = False

    NONE = "none"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    ABORTED = "aborted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTestStatus:
    """One look at one disk. `newest`: the state of the newest entry of its log, RUNNING while one is under way."""

    part: Part
    asleep: bool = False
    supported: bool = True
    newest: TestState = TestState.NONE
    count: str = ""
    """Tells one entry of the log from the next: hours and type of the newest."""
    remaining_percent: int | None = None
    words: str = ""
    """As the disk words the newest result."""
    minutes: Mapping[str, int] | None = None
    """What the disk itself says that "short" and "long" take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDisk:
    """A disk that has told its name."""

    part: Part
    path: str
    type: str
    """smartctl's -d type."""
    suspended: bool = False


@runtime_checkable
class DiskDoor(Protocol):
    """A source of disks that smartctl reads."""

    @property
    def name(self) -> str: ...

    @property
    def device(self) -> str: ...

    def known_disks(self) -> Sequence[KnownDisk]: ...

    async def raw_report(self, disk: KnownDisk) -> bytes:
        """What smartctl prints. A sleeping disk stays asleep. Raises AgentError."""

    async def self_test_status(self, disk: KnownDisk) -> SelfTestStatus:
        """Raises AgentError."""

    async def self_test(self, disk: KnownDisk, test: str) -> str:
        """Starts "short" or "long", or "abort"s; returns what smartctl says. Raises AgentError."""

    async def identify_bay(self, disk: KnownDisk, seconds: int) -> None:
        """Lights the lamp of its bay; 0 puts it out. Raises DeviceAbsent where there is none, and AgentError."""


@runtime_checkable
class ArrayDoor(Protocol):
    """The source of arrays."""

    @property
    def name(self) -> str: ...

    async def tool_outputs(self) -> Sequence[tuple[str, str, str]]:
        """(tool, view, text) of every installed tool; text of one that failed says so. Raises nothing of a tool's."""

    def work_on(self, disk: KnownDisk) -> str:
        """Which rebuild, resync, check or initialisation a self-test of this disk would disturb, by what the last
        sweep told; "" = none."""


@runtime_checkable
class Refreshable(Protocol):
    """A source that reads something rarely."""

    def refresh(self) -> None:
        """The next sweep reads everything anew."""
