"""Whether the audit log is as it was written: every seal against its entry, every digest against the one before it.

What this cannot see is a log that somebody with the database itself made anew from its start: for that, a digest is
noted elsewhere (`audit verify` tells the newest) and given to a later check.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from hardcase_collector.domain.audit import KEPT_LONG_ENOUGH, digest_of
from hardcase_collector.domain.errors import NotAllowed
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.stored import AuditSeal

AT_ONCE = 1000
MOST_TOLD = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCheck:
    good: bool
    entries: int
    first: int
    """Number of the oldest entry; what was before it was kept long enough."""
    head: str
    """"NUMBER:DIGEST" of the newest; to be noted elsewhere."""
    changed: Mapping[str, int]
    """Why entries are gone or other than they were -> how many."""
    troubles: tuple[str, ...]
    """The first of them."""


class _Check:
    def __init__(self, number: int, digest: str, *, trimmed: bool) -> None:
        self.noted = (number, digest)
        self.trimmed = trimmed
        self.found = not number
        self.troubles: list[str] = []
        self.changed: Counter[str] = Counter()
        self.entries = self.first = self.last = 0
        self.digest = ""

    def see(self, seal: AuditSeal) -> None:
        if not self.entries:
            self.first = seal.number
        # What was before the first that is left can no longer be told.
        if (self.entries or not self.trimmed) and digest_of(self.digest, seal.seal) != seal.digest:
            self.tell(f"entry {seal.number} does not follow the one before it")
        if seal.because:
            self.changed[seal.because] += 1
        elif not seal.holds:
            self.tell(f"entry {seal.number} is not as it was written, or is gone")
        if seal.number == self.noted[0]:
            self.found = True
            if seal.digest != self.noted[1]:
                self.tell(f"the digest of entry {seal.number} is not the one that was noted")
        self.entries += 1
        self.last, self.digest = seal.number, seal.digest

    def tell(self, trouble: str) -> None:
        if len(self.troubles) < MOST_TOLD:
            self.troubles.append(trouble)


def check_audit(tx: Transaction, head: str) -> AuditCheck:
    """`head`: what an earlier check told, or "". Raises NotAllowed for what is none."""
    openings = tx.access.audit_openings()
    check = _Check(*_noted(head), trimmed=KEPT_LONG_ENOUGH in openings)
    while seals := tx.access.audit_seals(after=check.last, limit=AT_ONCE):
        for _, seal in seals:
            check.see(seal)
    if not check.found:
        check.tell(f"there is no entry {check.noted[0]} any more")
    unsealed = tx.access.audit_unsealed()
    if unsealed:
        check.tell(f"{unsealed} entries were put in from outside")
    return AuditCheck(
        good=not check.troubles,
        entries=check.entries,
        first=check.first,
        head=f"{check.last}:{check.digest}" if check.entries else "",
        changed=dict(check.changed),
        troubles=tuple(check.troubles),
    )


def _noted(head: str) -> tuple[int, str]:
    if not head:
        return 0, ""
    number, _, digest = head.partition(":")
    if not number.isascii() or not number.isdecimal() or len(number) > 18 or len(digest) != 64:
        raise NotAllowed("a head is NUMBER:DIGEST, as `audit verify` told it")
    return int(number), digest
