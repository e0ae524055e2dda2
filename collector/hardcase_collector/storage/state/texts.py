"""Values inside text columns: parts, sensors and facts as JSON. Read and written by the stores beside it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.observation import Limits, Sensor


def dump_part(part: Part) -> str:
    return _json(_given(part, _PART_WORDS))


def load_part(text: str) -> Part:
    return _part(json.loads(text))


def dump_facts(facts: Mapping[str, Fact]) -> str:
    """A number that is none (NaN, infinity) becomes null: JSON has no word for it."""
    clean = {key: _finite(value) for key, value in facts.items()}
    return _finite_json(clean)


def load_facts(text: str) -> dict[str, Fact]:
    facts: dict[str, Fact] = json.loads(text)
    return facts


def dump_words(words: Sequence[str]) -> str:
    return _json(list(words))


def load_words(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


def dump_numbers(numbers: Sequence[int]) -> str:
    return _json(list(numbers))


def load_numbers(text: str) -> tuple[int, ...]:
    return tuple(json.loads(text))


def dump_sensors(sensors: Sequence[Sensor]) -> str:
    return _json([_stored(sensor) for sensor in sensors])


def load_sensors(text: str) -> tuple[Sensor, ...]:
    return tuple(_sensor(stored) for stored in json.loads(text))


def _finite(value: Fact) -> Fact:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _words(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


_PART_WORDS, _LIMIT_WORDS = _words(Part), _words(Limits)
_PLAIN_WORDS = tuple(word for word in _words(Sensor) if word not in ("part", "limits"))
# Made once: `json.dumps` with separators makes an encoder at every call.
_json = json.JSONEncoder(separators=(",", ":")).encode
_finite_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def _given(value: Part | Limits | Sensor, words: Sequence[str]) -> dict[str, Any]:
    """Leaves out what is empty: a catalogue of 126 sensors is mostly empty fields. A limit of 0.0 is a limit."""
    return {word: told for word in words if (told := getattr(value, word)) or type(told) in (int, float)}


def _stored(sensor: Sensor) -> dict[str, Any]:
    stored = _given(sensor, _PLAIN_WORDS)
    if part := _given(sensor.part, _PART_WORDS):
        stored["part"] = part
    if limits := _given(sensor.limits, _LIMIT_WORDS):
        stored["limits"] = limits
    return stored


_SENSOR_WORDS = frozenset(_PLAIN_WORDS) - {"states"}


def _sensor(stored: dict[str, Any]) -> Sensor:
    plain = {name: value for name, value in stored.items() if name in _SENSOR_WORDS}
    plain.setdefault("name", "")
    plain.setdefault("kind", "")
    plain.setdefault("id", "")
    return Sensor(
        part=_part(stored.get("part", {})),
        limits=Limits(**stored.get("limits", {})),
        states=tuple(stored.get("states", ())),
        **plain,
    )


def _part(stored: dict[str, Any]) -> Part:
    return Part(**{**stored, "paths": tuple(stored.get("paths", ()))})
