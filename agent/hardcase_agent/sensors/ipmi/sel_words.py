"""The sensor type and the event state that a tool's words mean.

For `sel_text.py` and the readers of sensor listings; the wordings themselves are in `sel_wordings.py`. Words are
compared by letters and digits alone, so that punctuation, case and line breaks of a tool's version do not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from hardcase_agent.sensors.ipmi.records import THRESHOLD
from hardcase_agent.sensors.ipmi.sel_wordings import AT_LIMITS, GENERIC_WORDS, LIMITS, OWN_WORDS, TYPE_NAMES
from hardcase_agent.sensors.ipmi.states import GENERIC, SENSOR_SPECIFIC, meaning

_REMEMBERED = 4096
"""Texts: a log says the same few things a thousand times."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A state by event/reading type and offset, as in a record's bytes."""

    code: int
    offset: int


@lru_cache(maxsize=_REMEMBERED)
def letters(words: str) -> str:
    """What is compared: letters and digits in lower case."""
    return "".join(char for char in words.lower() if char.isalnum())


def _type_index() -> dict[str, int]:
    return {letters(name): kind for kind, names in TYPE_NAMES.items() for name in names.split("|")}


def _threshold_index() -> dict[str, Stated]:
    index: dict[str, Stated] = {}
    for number, limit in enumerate(LIMITS):
        index[letters(f"{limit} going low")] = Stated(THRESHOLD, 2 * number)
        index[letters(f"{limit} going high")] = Stated(THRESHOLD, 2 * number + 1)
        outwards = 2 * number + (number >= 3)
        index[letters(limit)] = index[letters(AT_LIMITS[number])] = Stated(THRESHOLD, outwards)
    return index


def _own_index() -> dict[tuple[int, str], Stated]:
    index: dict[tuple[int, str], Stated] = {}
    for kind in TYPE_NAMES:
        for offset, state in enumerate(meaning(kind, SENSOR_SPECIFIC).states):
            if state and not state.startswith("offset_"):
                index[kind, letters(state)] = Stated(SENSOR_SPECIFIC, offset)
        for offset, names in OWN_WORDS.get(kind, {}).items():
            for name in names.split("|"):
                index[kind, letters(name)] = Stated(SENSOR_SPECIFIC, offset)
    return index


def _generic_index() -> dict[str, Stated]:
    index: dict[str, Stated] = {}
    for code, states in GENERIC.items():
        if code != THRESHOLD:
            index.update({letters(state): Stated(code, offset) for offset, state in enumerate(states)})
    for code, offsets in GENERIC_WORDS.items():
        for offset, names in offsets.items():
            index.update({letters(name): Stated(code, offset) for name in names.split("|")})
    return index


_TYPES = _type_index()
_THRESHOLDS = _threshold_index()
_OWN = _own_index()
_GENERIC = _generic_index()
_MOST_WORDS = 6
"""Words of the longest type name, signs counted."""


@lru_cache(maxsize=_REMEMBERED)
def sensor_type(words: str) -> tuple[int, str] | None:
    """The sensor type at the beginning of a tool's sensor column, and the rest of it: a name or "#0x3b"."""
    tokens = words.split()
    for count in range(min(len(tokens), _MOST_WORDS), 0, -1):
        kind = _TYPES.get(letters(" ".join(tokens[:count])))
        if kind is not None and tokens[count : count + 1] != ["/"]:
            return kind, " ".join(tokens[count:])
    return None


def state(kind: int | None, words: str) -> Stated | None:
    """The state that a tool prints for a sensor of this type (None = not told)."""
    key = letters(words)
    if not key:
        return None
    if kind is not None and (kind, key) in _OWN:
        return _OWN[kind, key]
    return _THRESHOLDS.get(key) or _GENERIC.get(key)
