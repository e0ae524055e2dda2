"""What pages say, in English and Chinese: message tables by key, times and numbers for people.

The tables are `locale/en.toml` and `locale/zh.toml`; a test holds them to the same keys. Used by the templates through
`Reader`.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from importlib import resources
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LANGUAGES = ("en", "zh")


@functools.cache
def messages(language: str) -> dict[str, str]:
    """Every message of a language by its dotted key."""
    text = resources.files("hardcase_collector.web").joinpath(f"locale/{language}.toml").read_text(encoding="utf-8")
    flat: dict[str, str] = {}
    _flatten(tomllib.loads(text), "", flat)
    return flat


def choose_language(*wishes: str, accept: str, default: str) -> str:
    """The first spoken wish, else the best of an Accept-Language header (RFC 9110 12.5.4), else the default."""
    for wish in wishes:
        if wish in LANGUAGES:
            return wish
    ranked: list[tuple[float, int, str]] = []
    for position, item in enumerate(accept.split(",")[:20]):
        tag, _, weight = item.strip().partition(";q=")
        ranked.append((-_weight(weight), position, tag.strip().lower().split("-")[0]))
    for quality, _, tag in sorted(ranked):
        if tag in LANGUAGES and quality < 0:
            return tag
    return default


@dataclass(frozen=True, slots=True)
class Reader:
    """One reader's language and clock; the templates call it for every word."""

    language: str
    zone: tzinfo
    now_ms: int

    def say(self, key: str, **parameters: object) -> str:
        """The message; a key without one is shown as itself, so that nothing is hidden."""
        text = messages(self.language).get(key)
        if text is None:
            return key.rpartition(".")[2].replace("_", " ")
        try:
            return text.format(**parameters) if parameters else text
        except (KeyError, IndexError):
            return text

    def has(self, key: str) -> bool:
        return key in messages(self.language)

    def time(self, at_ms: int) -> str:
        """Date and time with the zone; 0 = not yet."""
        if not at_ms:
            return self.say("time.never")
        return datetime.fromtimestamp(at_ms / 1000, self.zone).strftime("%Y-%m-%d %H:%M:%S %Z")

    def month(self, at_ms: int) -> str:
        """Year and month: as exact as a forecast is."""
        return datetime.fromtimestamp(at_ms / 1000, self.zone).strftime("%Y-%m")

    def iso(self, at_ms: int) -> str:
        return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")

    def ago(self, at_ms: int) -> str:
        """ "3 min ago" """
        if not at_ms:
            return self.say("time.never")
        if at_ms > self.now_ms + 1000:
            return self.say("time.in", span=self.span((at_ms - self.now_ms) / 1000))
        return self.say("time.ago", span=self.span((self.now_ms - at_ms) / 1000))

    def span(self, seconds: float) -> str:
        """A length of time in its largest fitting unit."""
        for unit, length in (("day", 172_800.0), ("hour", 7_200.0), ("minute", 120.0)):
            if seconds >= length:
                return self.say(f"time.{unit}", n=int(seconds / _UNITS[unit]))
        return self.say("time.second", n=max(0, int(seconds)))

    def number(self, value: float | int | None) -> str:
        """At most four significant decimals, thousands kept together."""
        if value is None:
            return "–"
        if float(value).is_integer() and abs(value) < 1e15:
            return f"{int(value):,}".replace(",", "\u202f")
        return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.1f}".replace(",", "\u202f")


_UNITS = {"day": 86_400.0, "hour": 3_600.0, "minute": 60.0}


def zone(name: str) -> tzinfo:
    """UTC where the name is unknown here."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0


def _flatten(table: dict[str, object], prefix: str, into: dict[str, str]) -> None:
    for key, value in table.items():
        name = f"{prefix}.{key}" if prefix else key
        if isinstance(value, dict):
            _flatten(value, name, into)
        else:
            into[name] = str(value)
