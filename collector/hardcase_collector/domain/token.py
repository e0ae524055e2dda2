"""How secrets that the collector must recognise are stored: enrolment tokens and web sessions, by their hash only."""

from __future__ import annotations

import hashlib


def secret_hash(secret: str) -> str:
    """SHA-256, hex. The secrets are 192 random bits or more, so a fast hash gives nothing away."""
    return hashlib.sha256(secret.encode("utf-8")).hexdigest()
