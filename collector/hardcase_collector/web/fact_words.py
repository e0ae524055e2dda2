"""Parameters of timeline entries and evidence in the reader's words: names, times, codes of closed sets.

For templates by `rendering.py`, for tables of commands by `commands/talk.py`; hence nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Mapping

from hardcase_collector.domain.finding import Fact
from hardcase_collector.web.texts import Reader

_TIME_FROM_MS = 10**11
"""Below it a number of milliseconds is a length, not a time of day (1973)."""
_TABLES: Mapping[str, tuple[str, ...]] = {
    "severity": ("severity",),
    "from": ("state", "severity", "priority"),
    "to": ("state", "severity", "priority"),
    "state": ("state",),
    "limit_name": ("limit",),
    "limit_source": ("limit_source",),
    "reason": ("why", "because"),
    "because": ("escalation",),
    "action": ("action",),
    "cause": ("timeline",),
    "clock": ("clock",),
    "channel": ("consent", "channel"),
    "manner": ("manner",),
    "origin": ("origin",),
    "outcome": ("outcome",),
    "purpose": ("link.title",),
    "priority": ("priority",),
    "service": ("service",),
    "result": ("result",),
    "freight": ("freight",),
    "sighting": ("sighting",),
    "proof": ("sighting",),
    "moment": ("moment",),
    "uncovered": ("quote_line",),
    "waiting": ("waiting",),
    "component": ("component",),
    "diagnostic": ("diagnostic.kind",),
    "ended": ("diagnostic.state",),
    "detail": ("diagnostic.cause",),
    "test": ("diagnostic.test",),
    "target": ("diagnostic.target",),
    "attachment": ("attachment",),
}


def fact_name(reader: Reader, key: str, code: str = "") -> str:
    """What a parameter is called; in an entry of this code, where it means something of its own there."""
    own = f"fact.{code}.{key}"
    return reader.say(own if code and reader.has(own) else f"fact.{key}")


def is_time(key: str, value: Fact) -> bool:
    return key.endswith("_ms") and isinstance(value, int | float) and value > _TIME_FROM_MS


def show_fact(reader: Reader, key: str, value: Fact) -> str:
    """One parameter for people: times as times, codes in words, numbers short."""
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, int | float):
        if is_time(key, value):
            return reader.time(int(value))
        if key.endswith("_ms") and not value:
            return "–"
        if key == "duration_s":
            return reader.left(int(value) * 1000)
        return reader.number(value)
    return ", ".join(_in_words(reader, key, one) for one in str(value).split(", ")) if key in _TABLES else str(value)


def _in_words(reader: Reader, key: str, code: str) -> str:
    for table in _TABLES[key]:
        if reader.has(f"{table}.{code}"):
            return reader.say(f"{table}.{code}")
    return code
