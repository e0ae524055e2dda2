"""What pages say, in English and Chinese: messages by key, times and numbers for people. Templates use `Reader`.

A new word: say its key in a template or module (`r.say("case.title")`), run `make texts`, fill in what it added to
`hardcase_collector/locale/{en,zh}/LC_MESSAGES/pages.po`, and run it again; keys put together while running
(`"state." ~ state`) are added to both files by hand first.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hardcase_collector import tongue

LANGUAGES = tongue.LANGUAGES


@functools.cache
def messages(language: str) -> dict[str, str]:
    """Every message of a language by its dotted key."""
    found = tongue.catalogue(tongue.PAGES, language)
    return found.entries() if found else {}


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


def component_title(component: str, language: str) -> str:
    """What a component is called; itself where it has no word."""
    return messages(language).get(f"component.{component}", component)


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

    def left(self, ms: int) -> str:
        """How much time that is, to the minute: "2 d 4 h", "3 h 20 min", "5 min"; without a sign."""
        minutes = abs(ms) // 60_000
        days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
        told = [(days, "time.d"), (hours, "time.h"), (rest, "time.m")]
        shown = next((told[at : at + 2] for at, (n, _) in enumerate(told) if n), told[2:])
        return " ".join(self.say(key, n=n) for n, key in shown if n or len(shown) == 1)

    def hour(self, at_ms: int) -> str:
        """When, as one says it today: the hour, with its day or also its year where it is another."""
        at, now = (datetime.fromtimestamp(ms / 1000, self.zone) for ms in (at_ms, self.now_ms))
        if at.date() == now.date():
            return at.strftime("%H:%M")
        return at.strftime("%m-%d %H:%M" if at.year == now.year else "%Y-%m-%d %H:%M")

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
