"""Files on cases: received in pieces within bounds, kept once by content, listed, read back, let go of.

Called by the pages and the control socket (an `Upload` for each file), by upkeep and by `forget`. Bytes go through the
`EvidenceStore` port. A file is kept and referred to, or looked at and removed, under one lock: else a file that one
case lets go of could vanish just as another takes it.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

from hardcase_collector.cases.actions import NOTE_KEPT, allowed
from hardcase_collector.cases.attachment_types import HEAD, media_of, safe_name
from hardcase_collector.cases.case_file import COLLECTOR, CaseFile, Occasion
from hardcase_collector.cases.workflow import Deed, may
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.case import Case
from hardcase_collector.domain.errors import IllegalAction, NotFound, TooLarge
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.ports import Announcer, StateStore, Transaction
from hardcase_collector.domain.report import Attachment, AttachmentKind, EvidenceStore, Incoming

_MIB = 1 << 20
_DAY_MS = 86_400_000
_EXPIRED_AT_ONCE = 200
_SWEPT_AT_ONCE = 500

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentLimits:
    file_bytes: int = 32 * _MIB
    case_bytes: int = 256 * _MIB
    """All files of one case."""
    bundle_bytes: int = 512 * _MIB
    """All that vendors' own tools collected for one case, apart from the other files."""
    kept_ms: int = 1095 * _DAY_MS
    """After the case ended."""


class Upload:
    """One file on its way. Used by one thread at a time; `finish` or `abandon` ends it."""

    def __init__(
        self,
        desk: Attachments,
        incoming: Incoming,
        number: str,
        name: str,
        room: int,
        *,
        by: Actor,
        internal: bool,
        kind: AttachmentKind = AttachmentKind.FILE,
    ) -> None:
        self._desk = desk
        self._incoming = incoming
        self._room = room
        self._head = b""
        self.number = number
        self.name = name
        self.by = by
        self.internal = internal
        self.kind = kind

    def write(self, chunk: bytes) -> None:
        """Raises TooLarge beyond the limit, IllegalAction for a kind of file not taken; DiskFull, StoreFailed."""
        if self._incoming.size + len(chunk) > self._room:
            raise TooLarge(
                "{name} is larger than the {room} MiB that may be attached", name=self.name, room=self._room // _MIB
            )
        if len(self._head) < HEAD:
            self._head += chunk[: HEAD - len(self._head)]
            if len(self._head) == HEAD:
                self._media()
        self._incoming.write(chunk)

    def finish(self, *, now_ms: int) -> Attachment:
        """On the case from now on. Raises as `write`, and NotFound."""
        try:
            return self._desk.keep(self, self._incoming, self._media(), now_ms=now_ms)
        finally:
            self._incoming.drop()

    def _media(self) -> str:
        return media_of(self.name, self._head, bundle=self.kind is AttachmentKind.VENDOR_BUNDLE)

    def abandon(self) -> None:
        """Nothing of it stays."""
        self._incoming.drop()


class Attachments:
    """Blocking: call from a thread."""

    def __init__(
        self, store: StateStore, evidence: EvidenceStore, announcer: Announcer, limits: AttachmentLimits
    ) -> None:
        self._store = store
        self._evidence = evidence
        self._announcer = announcer
        self.limits = limits
        self._settling = threading.Lock()

    def over(self, store: StateStore) -> Attachments:
        """The same, writing through another view of its store."""
        other = copy.copy(self)
        other._store = store
        return other

    def receive(
        self,
        number: str,
        *,
        by: Actor,
        name: str,
        internal: bool = False,
        kind: AttachmentKind = AttachmentKind.FILE,
    ) -> Upload:
        """For a file of this case. Raises NotAllowed, NotFound, IllegalAction (no room left), DiskFull, StoreFailed."""
        safe = safe_name(name)
        with self._store.read() as tx:
            case = self._case(tx, number, by, internal=internal)
            room = self._room(tx, case, kind)
        return Upload(self, self._evidence.receive(), number, safe, room, by=by, internal=internal, kind=kind)

    def keep(self, upload: Upload, incoming: Incoming, media: str, *, now_ms: int) -> Attachment:
        """Called by `Upload.finish`."""
        size = incoming.size

        def attach(tx: Transaction, sha256: str) -> Attachment:
            case = self._case(tx, upload.number, upload.by, internal=upload.internal)
            return self._attach(tx, case, upload, sha256, size, media, now_ms)

        return self.refer(incoming, attach)

    def refer(self, incoming: Incoming, record: Callable[[Transaction, str], _T]) -> _T:
        """Keeps a file, and in one transaction what refers to its hash. Where that fails the file goes again.

        For everything that keeps evidence: nothing may sweep in between. Raises StoreFailed, and what `record` raises.
        """
        with self._settling:
            sha256 = incoming.keep()
            try:
                with self._store.write() as tx:
                    return record(tx, sha256)
            except BaseException:
                self._sweep((sha256,))
                raise

    def listed(self, tx: Transaction, case: Case, *, by: Actor) -> Sequence[Attachment]:
        allowed(tx, case, by, Deed.SEE)
        return tx.reports.attachments(case.id, internal=may(by.role, Deed.SEE_INTERNAL))

    def open(self, id: int, *, by: Actor) -> tuple[Attachment, Iterator[bytes]]:
        """Its content in chunks. Raises NotFound, also for what he may not see."""
        with self._store.read() as tx:
            found = tx.reports.attachment(id, customer=by.customer)
        if not may(by.role, Deed.SEE) or (found.internal and not may(by.role, Deed.SEE_INTERNAL)):
            raise NotFound("there is no attachment {id}", id=id)
        return found, self._evidence.read(found.sha256)

    def remove(self, id: int, *, by: Actor, reason: str, now_ms: int) -> Attachment:
        """From its case, with an entry that says why. Raises NotAllowed, NotFound, IllegalAction without a reason."""
        because = reason.strip()[:NOTE_KEPT]
        if not because:
            raise IllegalAction("say why it goes")
        with self._store.write() as tx:
            found = tx.reports.attachment(id, customer=by.customer)
            case = tx.cases.get(found.case)
            allowed(tx, case, by, Deed.DETACH)
            self._detach(tx, found, Occasion(now_ms=now_ms, actor=by.name), because)
        self.sweep((found.sha256,))
        return found

    def expire(self, now_ms: int) -> int:
        """Lets go of what is past its time, a bounded number at once. How many."""
        before_ms = now_ms - self.limits.kept_ms
        with self._store.read() as tx:
            if not tx.reports.expired_attachments(before_ms=before_ms, limit=1):
                return 0
        with self._store.write() as tx:
            gone = tx.reports.expired_attachments(before_ms=before_ms, limit=_EXPIRED_AT_ONCE)
            for one in gone:
                self._detach(tx, one, Occasion(now_ms=now_ms, actor=COLLECTOR, quiet=True), "expired")
        self.sweep(one.sha256 for one in gone)
        return len(gone)

    def sweep(self, hashes: Iterable[str]) -> int:
        """Removes the files of these that no case has any more. How many. Raises StoreFailed."""
        with self._settling:
            return self._sweep(hashes)

    def tidy(self) -> int:
        """At the start: what was being received, and files nobody refers to. How many files. Raises StoreFailed."""
        gone, found = self._evidence.tidy(), iter(list(self._evidence.hashes()))
        while some := list(islice(found, _SWEPT_AT_ONCE)):
            gone += self.sweep(some)
        return gone

    def _sweep(self, hashes: Iterable[str]) -> int:
        asked = set(hashes)
        with self._store.read() as tx:
            orphans = asked - tx.reports.referenced(asked)
        for sha256 in orphans:
            self._evidence.remove(sha256)
        return len(orphans)

    def _case(self, tx: Transaction, number: str, by: Actor, *, internal: bool) -> Case:
        case = tx.cases.by_number(number, customer=by.customer)
        allowed(tx, case, by, Deed.ATTACH)
        if internal:
            allowed(tx, case, by, Deed.NOTE_INTERNAL)
        return case

    def _room(self, tx: Transaction, case: Case, kind: AttachmentKind) -> int:
        bundle = kind is AttachmentKind.VENDOR_BUNDLE
        most = self.limits.bundle_bytes if bundle else self.limits.case_bytes
        room = most - tx.reports.attached_bytes(case.id, kind)
        if room <= 0:
            raise IllegalAction("case {case} has all the {most} MiB it may have", case=case.number, most=most // _MIB)
        return room if bundle else min(room, self.limits.file_bytes)

    def _attach(
        self, tx: Transaction, case: Case, upload: Upload, sha256: str, size: int, media: str, now_ms: int
    ) -> Attachment:
        # By content, not by name: the same log attached twice is one attachment and one entry.
        for before in tx.reports.attachments(case.id, internal=True):
            if before.sha256 == sha256:
                if upload.internal or not before.internal:
                    return before
                tx.reports.detach((before.id,))
        if size > self._room(tx, case, upload.kind):
            raise IllegalAction("case {case} has no room left for {upload}", case=case.number, upload=upload.name)
        made = tx.reports.attach(
            Attachment(
                id=0,
                case=case.id,
                sha256=sha256,
                name=upload.name,
                media=media,
                size=size,
                attached_by=upload.by.name,
                at_ms=now_ms,
                internal=upload.internal,
                kind=upload.kind,
            )
        )
        told: dict[str, Fact] = {"name": made.name, "size": size, "media": media, "sha256": sha256}
        if made.internal:
            told["internal"] = True
        if made.kind is not AttachmentKind.FILE:
            told["attachment"] = str(made.kind)
        occasion = Occasion(now_ms=now_ms, actor=upload.by.name, quiet=made.internal)
        CaseFile(tx, self._announcer).change(case, "attached", occasion, told)
        return made

    def _detach(self, tx: Transaction, attachment: Attachment, occasion: Occasion, reason: str) -> None:
        tx.reports.detach((attachment.id,))
        told: dict[str, Fact] = {"name": attachment.name, "sha256": attachment.sha256, "reason": reason}
        if attachment.internal:
            told["internal"] = True
        occasion = replace(occasion, quiet=occasion.quiet or attachment.internal)
        CaseFile(tx, self._announcer).change(tx.cases.get(attachment.case), "detached", occasion, told)
