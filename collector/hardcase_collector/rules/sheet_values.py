"""Reads one TOML table key by key and collects mistakes: file, line, key, what is wrong. Used by `sheet_reader`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hardcase_collector.domain.finding import Severity
from hardcase_collector.rules.sheet import Count, Flap, Levels, Words
from hardcase_collector.rules.sheet_lines import line_of

MAX_SWEEPS = 8
"""Debounce looks back at most this far: the history of a finding is eight levels in one integer."""
MAX_EVENTS = 64
"""n of "n events in a window": that many times are kept per finding."""
LANGUAGES = ("en", "zh")
_OPENING = {severity.word: severity for severity in Severity if severity is not Severity.CLEARED}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,6})([smhd])")
_COUNT = re.compile(r"(\d+) of (\d+)")
_FLAP = re.compile(r"(\d+) in (\d{1,6}[smhd])")


@dataclass(slots=True)
class Mistakes:
    """What is wrong in all sheets so far, one line each."""

    found: list[tuple[str, int, str, str]] = field(default_factory=list)

    def add(self, file: str, line: int, key: str, message: str) -> None:
        self.found.append((file, line, key, message))

    def lines(self) -> tuple[str, ...]:
        return tuple(f"{file}:{line}: {key}: {message}" for file, line, key, message in sorted(set(self.found)))


@dataclass(slots=True)
class Table:
    """One table of a sheet. Every getter reports a wrong type and gives its default; `done` reports unknown keys."""

    file: str
    path: tuple[str, ...]
    values: Mapping[str, object]
    lines: dict[tuple[str, ...], int]
    mistakes: Mistakes
    used: set[str] = field(default_factory=set)

    @property
    def line(self) -> int:
        return line_of(self.lines, self.path)

    def wrong(self, key: str, message: str) -> None:
        path = (*self.path, *key.split(".")) if key else self.path
        self.mistakes.add(self.file, line_of(self.lines, path), ".".join(path), message)

    def take(self, key: str) -> object:
        self.used.add(key)
        return self.values.get(key)

    def done(self) -> None:
        for key in self.values:
            if key not in self.used:
                self.wrong(key, "unknown key")

    def text(self, key: str, *, required: bool = False, default: str = "") -> str:
        value = self.take(key)
        if value is None:
            if required:
                self.wrong(key, "is missing")
            return default
        if not isinstance(value, str) or (required and not value.strip()):
            self.wrong(key, "must be a text that is not empty" if required else "must be a text")
            return default
        return value

    def flag(self, key: str, *, required: bool = False) -> bool:
        value = self.take(key)
        if isinstance(value, bool):
            return value
        if value is not None or required:
            self.wrong(key, "is missing" if value is None else "must be true or false")
        return False

    def number(self, key: str, *, default: int, low: int, high: int) -> int:
        value = self.take(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.wrong(key, f"must be a whole number from {low} to {high}")
            return default
        return value

    def seconds(self, key: str, *, required: bool = False, default: int = 0) -> int:
        value = self.take(key)
        if value is None:
            if required:
                self.wrong(key, "is missing")
            return default
        match = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            self.wrong(key, 'must be a duration such as "90s", "30m", "24h" or "7d"')
            return default
        return int(match[1]) * _SECONDS[match[2]]

    def words(self, key: str) -> tuple[str, ...]:
        value = self.take(key)
        if value is None:
            return ()
        if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(v, str) for v in value):
            self.wrong(key, "must be a list of texts")
            return ()
        return tuple(str(v) for v in value)

    def count(self, key: str) -> Count | None:
        value = self.take(key)
        if value is None:
            return None
        match = _COUNT.fullmatch(value) if isinstance(value, str) else None
        if match is None or not 1 <= int(match[1]) <= int(match[2]) <= MAX_SWEEPS:
            self.wrong(key, f'must be such as "2 of 3", at most {MAX_SWEEPS} sweeps')
            return None
        return Count(int(match[1]), int(match[2]))

    def flap(self, key: str) -> Flap | None:
        value = self.take(key)
        if value is None:
            return None
        match = _FLAP.fullmatch(value) if isinstance(value, str) else None
        if match is None or not 2 <= int(match[1]) <= MAX_SWEEPS:
            self.wrong(key, f'must be such as "3 in 1h", 2 to {MAX_SWEEPS} raises')
            return None
        return Flap(int(match[1]), int(match[2][:-1]) * _SECONDS[match[2][-1]])

    def severity(self, key: str, default: Severity) -> Severity:
        value = self.take(key)
        if value is None:
            return default
        if not isinstance(value, str) or value not in _OPENING:
            self.wrong(key, f"must be one of {', '.join(_OPENING)}")
            return default
        return _OPENING[value]

    def translations(self, key: str) -> Mapping[str, str]:
        value = self.take(key)
        if not isinstance(value, Mapping):
            self.wrong(key, f"needs a text in each of {', '.join(LANGUAGES)}")
            return dict.fromkeys(LANGUAGES, "")
        for word in value:
            if word not in LANGUAGES:
                self.wrong(f"{key}.{word}", "unknown language")
        texts = {language: value.get(language) for language in LANGUAGES}
        for language, text in texts.items():
            if not isinstance(text, str) or not text.strip():
                self.wrong(f"{key}.{language}", "translation is missing")
        return {language: text if isinstance(text, str) else "" for language, text in texts.items()}

    def listed(self, key: str) -> Mapping[str, tuple[str, ...]]:
        """Texts in their order, as many in each language."""
        value = self.take(key)
        found: dict[str, tuple[str, ...]] = {}
        for language in LANGUAGES:
            texts = value.get(language) if isinstance(value, Mapping) else None
            good = isinstance(texts, list) and all(isinstance(text, str) and text.strip() for text in texts)
            if not good or not texts:
                self.wrong(f"{key}.{language}", "needs a list of texts that are not empty")
            found[language] = tuple(texts) if good and texts else ()
        if len({len(texts) for texts in found.values()}) > 1:
            self.wrong(key, "has not as many texts in each language")
        return found

    def by_severity(self, key: str) -> list[tuple[Severity, object]] | None:
        """The entries of a table keyed by severity, mildest first; None where the key is not given."""
        value = self.take(key)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            self.wrong(key, "must be a table by severity")
            return []
        for word in value:
            if word not in _OPENING:
                self.wrong(f"{key}.{word}", f"must be one of {', '.join(_OPENING)}")
        return [(severity, value[word]) for word, severity in _OPENING.items() if word in value]

    def levels(self, key: str, *, falling: bool) -> Levels | None:
        """Numbers by severity; refused unless each worse severity lies further out."""
        entries = self.by_severity(key)
        if entries is None:
            return None
        levels: list[tuple[Severity, float]] = []
        for severity, value in entries:
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                self.wrong(f"{key}.{severity.word}", "must be a number")
                continue
            if levels and (value >= levels[-1][1] if falling else value <= levels[-1][1]):
                order = "below" if falling else "above"
                self.wrong(key, f"{severity.word} {value:g} must lie {order} {levels[-1][0].word} {levels[-1][1]:g}")
            levels.append((severity, float(value)))
        return tuple(levels)

    def words_by_severity(self, key: str) -> Words:
        found: list[tuple[Severity, tuple[str, ...]]] = []
        for severity, value in self.by_severity(key) or []:
            if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
                self.wrong(f"{key}.{severity.word}", "must be a list of texts that is not empty")
                continue
            found.append((severity, tuple(value)))
        return tuple(found)
