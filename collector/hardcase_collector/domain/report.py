"""What people tell us: reports and attachments, and the port of the store that keeps them.

Reports become cases in `cases/reports.py`. The bytes of attachments lie outside the state store, by their hash, behind
`EvidenceStore` (`storage/evidence.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from hardcase_collector.domain.case import Outcome
from hardcase_collector.domain.finding import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """What people may report; from the sheets."""

    fault_class: str
    """ "disk.reported", "request.upgrade"."""
    group: str
    severity: Severity
    """Where the report tells none."""

    @property
    def component(self) -> str:
        return self.fault_class.partition(".")[0]


class ReportChannel(StrEnum):
    """How it reached us."""

    PHONE = "phone"
    MAIL = "mail"
    CHAT = "chat"
    WEB = "web"
    SYSTEM = "system"
    """A program of the customer or of a ticket system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whom to ask back. Personal data: stands here and in no timeline."""

    name: str = ""
    mail: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report. The first of a case opened it, others joined it. Times are ms of Unix time."""

    id: int
    case: int
    customer: str
    key: str
    """The teller's idempotency key, unique within the customer; "" = none."""
    digest: str
    """SHA-256 of what was told: one key never stands for two things."""
    category: str
    """Fault class, as "disk.reported" or "request.upgrade"."""
    description: str
    channel: ReportChannel
    caller: Caller
    asset_told: str
    """How the caller names the asset, where we do not know it yet."""
    site: str
    occurred_ms: int
    """When it happened, as told; 0 = not told."""
    reported_ms: int
    reported_by: str
    joined: bool


class AttachmentKind(StrEnum):
    FILE = "file"
    VENDOR_BUNDLE = "vendor_bundle"
    """What a vendor's own collection tool made: larger, and archives of more kinds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file on a case. Never executed, never shown inline."""

    id: int
    case: int
    sha256: str
    name: str
    """Sanitised: safe in a header, on a page and in a folder."""
    media: str
    """Media type by content, of the closed list in `cases/attachment_types.py`."""
    size: int
    attached_by: str
    at_ms: int
    internal: bool = False
    """Never shown to the customer."""
    kind: AttachmentKind = AttachmentKind.FILE


@dataclass(frozen=True, slots=True)
class RuleEnding:
    """How many cases that this rule placed a finding in ended so."""

    rule: str
    outcome: Outcome
    cases: int


class ReportStore(Protocol):
    def add(self, report: Report) -> Report:
        """Gives the id."""

    def by_key(self, key: str, *, customer: str) -> Report | None: ...
    def of_case(self, case: int) -> Sequence[Report]:
        """Oldest first."""

    def attach(self, attachment: Attachment) -> Attachment:
        """Gives the id. The same content on the same case is there once: the first is returned."""

    def attachments(self, case: int, *, internal: bool) -> Sequence[Attachment]:
        """Oldest first; `internal`: also what the customer never sees."""

    def attachment(self, id: int, *, customer: str | None) -> Attachment:
        """Raises NotFound, also for another customer's."""

    def attached_bytes(self, case: int, kind: AttachmentKind) -> int: ...
    def detach(self, ids: Iterable[int]) -> None: ...
    def expired_attachments(self, *, before_ms: int, limit: int) -> Sequence[Attachment]:
        """Of cases that ended before then; looks at the oldest attachments only."""

    def referenced(self, hashes: Iterable[str]) -> frozenset[str]:
        """Those of the hashes that some case, or some answer to a request for diagnostics, still has."""

    def endings(self, *, customer: str | None, from_ms: int, until_ms: int) -> Sequence[RuleEnding]:
        """By rule, of cases that ended within [from, until); drills are left out."""


class Incoming(Protocol):
    """A file that is being received: not kept until `keep`."""

    @property
    def size(self) -> int: ...
    def write(self, chunk: bytes) -> None:
        """Raises StoreFailed, DiskFull."""

    def keep(self) -> str:
        """Synced and in its place, once however often it comes: its SHA-256, hex. Raises StoreFailed."""

    def drop(self) -> None:
        """Nothing of it stays; also after `keep`, where it does nothing."""


class EvidenceStore(Protocol):
    """Files by the SHA-256 of their content."""

    def receive(self) -> Incoming:
        """Raises DiskFull below the reserve, StoreFailed."""

    def read(self, sha256: str) -> Iterator[bytes]:
        """In chunks. Raises NotFound before the first."""

    def remove(self, sha256: str) -> None:
        """What is not there is gone already. Raises StoreFailed."""

    def hashes(self) -> Iterator[str]: ...
    def tidy(self) -> int:
        """Removes what was being received when the collector stopped; how many files."""


class Partial(Incoming, Protocol):
    """A file that comes in several attempts: what has come stays until it is kept, dropped or tidied away."""

    def digest(self) -> str:
        """SHA-256 of all that has come, hex, as it lies on the disk. Raises StoreFailed."""

    def pause(self) -> None:
        """Lets go of it for now; also after `keep` and `drop`, where it does nothing."""


class PartialStore(Protocol):
    """Files that come in several attempts, at most one for each owner."""

    def resume(self, owner: str, tag: str) -> Partial:
        """Goes on with the one of this tag (hex, as the owner); another of this owner is let go of.

        Raises DiskFull below the reserve, StoreFailed, UploadHeld where too many are under way.
        """

    def owners(self) -> frozenset[str]: ...
    def drop(self, owner: str) -> None:
        """What is not there is gone already. Raises StoreFailed."""
