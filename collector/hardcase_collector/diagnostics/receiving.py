"""Files of answers: which are taken, how they go on where they stopped, and when they belong to their request.

Called by `rpc/upload.py`, on threads. Bytes go to the `PartialStore` port, beside the evidence, and become evidence
when they are whole and their hash is right. A file is never opened, unpacked or shown, only given out as a download.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from hardcase_collector.cases.attachments import Attachments
from hardcase_collector.diagnostics.chronicle import Chronicle
from hardcase_collector.diagnostics.settings import MOST_FILES, DiagnosticLimits
from hardcase_collector.domain.diagnostic import DiagnosticFile, DiagnosticRequest, RequestState, ToldFile
from hardcase_collector.domain.errors import UploadHeld, UploadRefused
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.ports import Announcer, StateStore, Transaction
from hardcase_collector.domain.report import Partial, PartialStore

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
_TAKING = frozenset({RequestState.SENT, RequestState.ACCEPTED, RequestState.AWAITS_CONSENT})
_FORGOTTEN_AT_ONCE = 200


@dataclass(slots=True)
class Received:
    """Since start."""

    files: int = 0
    bytes: int = 0
    refused: int = 0


class Receipt:
    """One file on its way. From any thread; `pause` ends it whatever happened, after what is under way."""

    def __init__(self, desk: Receiving, told: ToldFile, agent: int, partial: Partial | None) -> None:
        self._desk = desk
        self._partial = partial
        self._turn = threading.Lock()
        self.told = told
        self.agent = agent

    @property
    def offset(self) -> int:
        """Bytes that are here."""
        return self.told.size if self._partial is None else self._partial.size

    def write(self, chunk: bytes) -> None:
        """Raises UploadRefused (longer-than-said), DiskFull, StoreFailed."""
        with self._turn:
            if self._partial is None or self._partial.size + len(chunk) > self.told.size:
                told = f"{self.told.name} is longer than the {self.told.size} bytes told"
                raise UploadRefused("longer-than-said", told)
            self._partial.write(chunk)

    def finish(self, *, now_ms: int) -> bytes:
        """The hash, with the file on disk and on its request.

        Raises UploadHeld (cut-short), UploadRefused (hash-mismatch: all of it has to come again; and as `begin`),
        DiskFull, StoreFailed.
        """
        with self._turn:
            if self._partial is not None:
                self._desk.keep(self, self._partial, now_ms=now_ms)
                self._partial = None
        return self.told.sha256

    def pause(self) -> None:
        with self._turn:
            if self._partial is not None:
                self._partial.pause()


class Receiving:
    """Safe to use from any thread."""

    def __init__(
        self,
        store: StateStore,
        partials: PartialStore,
        files: Attachments,
        announcer: Announcer,
        limits: DiagnosticLimits,
    ) -> None:
        self._store = store
        self._partials = partials
        self._files = files
        self._chronicle = Chronicle(announcer)
        self.limits = limits
        self.counts = Received()

    @property
    def bytes_per_second(self) -> int:
        """Of one upload."""
        return self.limits.bytes_per_second

    def turned_away(self) -> None:
        """Counts a refusal."""
        self.counts.refused += 1

    def begin(self, agent: int | None, told: ToldFile) -> Receipt:
        """`agent` None: whoever knows the request's id is believed (plain text on loopback).

        Raises UploadRefused (unknown-request, not-open, name-invalid, name-taken, hash-invalid, too-large,
        request-too-large, too-many-files), UploadHeld (not-consented, too-many-uploads), DiskFull, StoreFailed.
        """
        self._check_told(told)
        with self._store.read() as tx:
            request = _request(tx, told, agent)
            known = tx.diagnostics.files(told.request)
        if any(_same(file, told) for file in known):
            return Receipt(self, told, request.agent, None)
        self._check_room(known, told)
        partial = self._partials.resume(told.request.hex(), told.sha256.hex())
        if partial.size > told.size:
            partial.drop()
            partial = self._partials.resume(told.request.hex(), told.sha256.hex())
        return Receipt(self, told, request.agent, partial)

    def keep(self, receipt: Receipt, partial: Partial, *, now_ms: int) -> None:
        """Called by `Receipt.finish`."""
        told = receipt.told
        if partial.size < told.size:
            raise UploadHeld("cut-short", f"{told.name} ended after {partial.size} of {told.size} bytes")
        if partial.digest() != told.sha256.hex():
            partial.drop()
            raise UploadRefused("hash-mismatch", f"what came of {told.name} has another hash; send all of it again")

        def record(tx: Transaction, sha256: str) -> None:
            request = _request(tx, told, receipt.agent)
            self._check_room(tx.diagnostics.files(told.request), told)
            file = DiagnosticFile(
                id=0, request=told.request, name=told.name, size=told.size, sha256=sha256, at_ms=now_ms
            )
            tx.diagnostics.add_file(file)
            actor = f"agent:{tx.agents.by_number(request.agent).id}"
            facts: dict[str, Fact] = {"name": told.name, "size": told.size, "sha256": sha256}
            self._chronicle.audit(tx, request, "file_received", actor=actor, now_ms=now_ms, facts=facts)

        self._files.refer(partial, record)
        self.counts.files += 1
        self.counts.bytes += told.size

    def _check_told(self, told: ToldFile) -> None:
        if not _NAME.fullmatch(told.name):
            raise UploadRefused("name-invalid", "a file's name is 1 to 100 of A-Z a-z 0-9 . _ - and begins with no dot")
        if len(told.sha256) != 32:
            raise UploadRefused("hash-invalid", "a SHA-256 has 32 bytes")
        if told.size > self.limits.file_bytes:
            most = self.limits.file_bytes >> 20
            raise UploadRefused("too-large", f"{told.name}: {told.size} bytes; at most {most} MiB are taken")

    def _check_room(self, known: Iterable[DiagnosticFile], told: ToldFile) -> None:
        others = [file for file in known if not _same(file, told)]
        if any(file.name == told.name for file in others):
            raise UploadRefused("name-taken", f"another {told.name} came with this request before")
        if len(others) >= MOST_FILES:
            raise UploadRefused("too-many-files", f"at most {MOST_FILES} files are taken for one request")
        if sum(file.size for file in others) + told.size > self.limits.request_bytes:
            most = self.limits.request_bytes >> 20
            raise UploadRefused("request-too-large", f"at most {most} MiB are taken for one request")

    # ------------------------------------------------------------------ time

    def expire(self, now_ms: int) -> int:
        """Lets go of old answers with their files, and of what came of files whose request is over. How many files."""
        with self._store.write() as tx:
            gone = tx.diagnostics.forget_before(now_ms - self.limits.kept_ms, limit=_FORGOTTEN_AT_ONCE)
        return self._files.sweep(gone) + self.tidy()

    def tidy(self) -> int:
        """Drops what came of files whose request is not open any more. How many."""
        owners = self._partials.owners()
        if not owners:
            return 0
        with self._store.read() as tx:
            over = [name for name in owners if not _open(tx.diagnostics.request(bytes.fromhex(name)))]
        for name in over:
            self._partials.drop(name)
        return len(over)


def _open(request: DiagnosticRequest | None) -> bool:
    return request is not None and not request.state.final


def _same(file: DiagnosticFile, told: ToldFile) -> bool:
    return file.name == told.name and file.sha256 == told.sha256.hex()


def _request(tx: Transaction, told: ToldFile, agent: int | None) -> DiagnosticRequest:
    """Raises UploadRefused. Another agent's request is as unknown as one that nobody made."""
    request = tx.diagnostics.request(told.request)
    if request is None or agent not in (None, request.agent):
        raise UploadRefused("unknown-request", "no request of this agent has this id")
    if tx.agents.by_number(request.agent).revoked:
        raise UploadRefused("agent-revoked", "this identity was revoked")
    if request.state not in _TAKING:
        raise UploadRefused("not-open", f"the request is {request.state}: no file of it is taken")
    if request.state is RequestState.AWAITS_CONSENT and not request.consented:
        # What says that somebody agreed may still be on its way.
        raise UploadHeld("not-consented", "the customer has not agreed to the sending")
    return request
