"""Reads one TOML table key by key and collects mistakes: file, line, key, what is wrong.

Used by the readers of rules and of plans; what only rules have in their tables is in `rules/sheet_values.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hardcase_collector.sheets.lines import line_of

LANGUAGES = ("en", "zh")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,6})([smhd])")


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
        return int(match[1]) * SECONDS[match[2]]

    def words(self, key: str) -> tuple[str, ...]:
        value = self.take(key)
        if value is None:
            return ()
        if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(v, str) for v in value):
            self.wrong(key, "must be a list of texts")
            return ()
        return tuple(str(v) for v in value)

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
