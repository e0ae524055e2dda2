"""A request that comes again with its idempotency key is done once (draft-ietf-httpapi-idempotency-key-header).

The key is written in the transaction that does what is asked, so that neither a crash nor a lost answer can have it
done twice; the answer is filled in afterwards. What was refused wrote nothing, and may be tried again. Services that
open transactions of their own are given this view of the store too.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from hardcase_collector.domain.people import KeptAnswer
from hardcase_collector.domain.ports import StateStore, Transaction
from hardcase_collector.web.api.problems import Problem

KEPT_MS = 86_400_000
MAX_KEY = 255
MAX_ANSWER = 1 << 20
"""A longer answer is not kept; that it was done is."""
_NOT_KEPT = "this was done already; what it answered is not kept: look for what it made"


@dataclass(slots=True, kw_only=True)
class Call:
    """The request that is being answered."""

    name: str
    token: int
    path: str
    address: str
    keyed: KeptAnswer | None = None
    """Where it brought a key."""


calling: ContextVar[Call | None] = ContextVar("calling", default=None)


@contextmanager
def in_parts(*, first: bool, last: bool) -> Iterator[None]:
    """What is written within is one of several parts of the request: which token it was is written with the first and
    the last one, its key with the last one alone."""
    call = calling.get()
    if last or call is None:
        yield
        return
    before = calling.set(replace(call, keyed=None) if first else None)
    try:
        yield
    finally:
        calling.reset(before)


def unfinished() -> None:
    """The request was answered before its last part: with its key it may come again, and goes on."""
    if (call := calling.get()) is not None:
        call.keyed = None


class CallStore:
    """The state store, as the API's routes have it: whatever they write, the key of the request is written with it, and
    which token it was.
    """

    def __init__(self, store: StateStore, *, clock_ms: Callable[[], int]) -> None:
        self._store = store
        self._clock_ms = clock_ms

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with self._store.write() as tx:
            yield tx
            call = calling.get()
            if call is None:
                return
            if call.keyed is not None:
                tx.access.keep_answer(call.keyed)
            tx.access.audit(
                at_ms=self._clock_ms(),
                actor=call.name,
                action="api.called",
                subject=call.path,
                facts={"token": call.token, "address": call.address},
            )

    def read(self) -> AbstractContextManager[Transaction]:
        return self._store.read()

    def healthy(self) -> str:
        return self._store.healthy()

    def close(self) -> None:
        self._store.close()


@dataclass(frozen=True, slots=True)
class Told:
    """What was answered the first time."""

    status: int
    body: str


class Keys:
    """Of all tokens. Blocking: called on threads."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._running: set[tuple[int, str]] = set()
        self._lock = threading.Lock()

    def begin(self, token: int, key: str, fingerprint: str, *, now_ms: int) -> KeptAnswer | Told:
        """What is to be written with it; or what was answered before. Raises Problem. `end` follows a KeptAnswer."""
        if not 0 < len(key) <= MAX_KEY or not key.isascii() or not key.isprintable():
            raise Problem("bad-key", f"an idempotency key has 1 to {MAX_KEY} printable ASCII characters")
        hashed = hashlib.sha256(key.encode("ascii")).hexdigest()
        with self._lock:
            if (token, hashed) in self._running:
                raise Problem("still-running", "the same request is still running", Retry_After="1")
            self._running.add((token, hashed))
        try:
            with self._store.read() as tx:
                known = tx.access.kept_answer(token, hashed)
            if known is not None and known.at_ms > now_ms - KEPT_MS:
                told = _again(known, fingerprint)
                self.end(token, hashed)
                return told
        except BaseException:
            self.end(token, hashed)
            raise
        return KeptAnswer(token=token, key=hashed, fingerprint=fingerprint, status=0, body="", at_ms=now_ms)

    def keep(self, asked: KeptAnswer, *, status: int, body: str) -> None:
        """What was answered. Status 0: only that it was done."""
        with self._store.write() as tx:
            tx.access.keep_answer(replace(asked, status=status, body=body))

    def end(self, token: int, hashed: str) -> None:
        with self._lock:
            self._running.discard((token, hashed))


def _again(known: KeptAnswer, fingerprint: str) -> Told:
    if known.fingerprint != fingerprint:
        raise Problem("key-used-otherwise", "this idempotency key was used for another request within a day")
    if not known.status:
        raise Problem("answer-not-kept", _NOT_KEPT)
    return Told(known.status, known.body)


def fingerprint_of(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
