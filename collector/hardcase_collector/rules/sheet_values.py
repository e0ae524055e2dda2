"""The table of a rule: counts, flaps and levels by severity beside what every table has. Used by `sheet_reader`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from hardcase_collector.domain.finding import Severity
from hardcase_collector.rules.sheet import Count, Flap, Levels, Words
from hardcase_collector.sheets.table import LANGUAGES, SECONDS, Mistakes
from hardcase_collector.sheets.table import Table as AnyTable

__all__ = ["LANGUAGES", "MAX_EVENTS", "MAX_SWEEPS", "Mistakes", "Table"]

MAX_SWEEPS = 8
"""Debounce looks back at most this far: the history of a finding is eight levels in one integer."""
MAX_EVENTS = 64
"""n of "n events in a window": that many times are kept per finding."""
_OPENING = {severity.word: severity for severity in Severity if severity is not Severity.CLEARED}
_COUNT = re.compile(r"(\d+) of (\d+)")
_FLAP = re.compile(r"(\d+) in (\d{1,6}[smhd])")


class Table(AnyTable):
    """One table of a sheet of rules."""

    __slots__ = ()

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
        return Flap(int(match[1]), int(match[2][:-1]) * SECONDS[match[2][-1]])

    def severity(self, key: str, default: Severity) -> Severity:
        value = self.take(key)
        if value is None:
            return default
        if not isinstance(value, str) or value not in _OPENING:
            self.wrong(key, f"must be one of {', '.join(_OPENING)}")
            return default
        return _OPENING[value]

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
