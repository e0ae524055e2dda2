"""How an entry of the audit log is sealed, and why one may change at all. Used by the store and by whoever checks."""

from __future__ import annotations

import hashlib
import json

PERSON_FORGOTTEN = "person forgotten"
CUSTOMER_FORGOTTEN = "customer forgotten"
KEPT_LONG_ENOUGH = "kept long enough"


def seal_of(salt: str, at_ms: int, actor: str, action: str, subject: str, facts: str) -> str:
    """SHA-256 of an entry as it is stored; the salt keeps a forgotten name from being guessed by trying names."""
    told = json.dumps([salt, at_ms, actor, action, subject, facts], separators=(",", ":"))
    return hashlib.sha256(told.encode("ascii")).hexdigest()


def digest_of(before: str, seal: str) -> str:
    """`before`: the digest of the entry before this one; "" for the first."""
    return hashlib.sha256(f"{before}{seal}".encode("ascii")).hexdigest()
