"""Limits of requests and of what agents send as answers; from collector.toml by `composition.py`."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1 << 20
_HOUR_MS = 3_600_000
MOST_OPEN = 16
"""Open requests of one agent: more than a person asks for, few enough to be sent again with every stream."""
MOST_FILES = 20
"""Files of one answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticLimits:
    expiry_ms: int = _HOUR_MS
    """A request is not begun later than so long after it was asked."""
    give_up_ms: int = 216 * _HOUR_MS
    """So long after its expiry no answer is waited for: an agent gives a self-test, and a consent, seven days."""
    file_bytes: int = 64 * _MIB
    request_bytes: int = 128 * _MIB
    """All files of one answer."""
    bytes_per_second: int = _MIB
    """Of one upload."""
    kept_ms: int = 365 * 24 * _HOUR_MS
    """Requests, answers and files after they ended."""
