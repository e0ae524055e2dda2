"""Values inside text columns: parts, sensors and facts as JSON. Read and written by the stores beside it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.observation import Limits, Sensor


def dump_part(part: Part) -> str:
    return json.dumps({name: value for name, value in asdict(part).items() if value}, separators=(",", ":"))


def load_part(text: str) -> Part:
    return _part(json.loads(text))


def dump_facts(facts: Mapping[str, Fact]) -> str:
    """A number that is none (NaN, infinity) becomes null: JSON has no word for it."""
    clean = {key: _finite(value) for key, value in facts.items()}
    return json.dumps(clean, separators=(",", ":"), allow_nan=False)


def load_facts(text: str) -> dict[str, Fact]:
    facts: dict[str, Fact] = json.loads(text)
    return facts


def dump_words(words: Sequence[str]) -> str:
    return json.dumps(list(words), separators=(",", ":"))


def load_words(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


def dump_numbers(numbers: Sequence[int]) -> str:
    return json.dumps(list(numbers), separators=(",", ":"))


def load_numbers(text: str) -> tuple[int, ...]:
    return tuple(json.loads(text))


def dump_sensors(sensors: Sequence[Sensor]) -> str:
    return json.dumps([_slim(asdict(sensor)) for sensor in sensors], separators=(",", ":"))


def load_sensors(text: str) -> tuple[Sensor, ...]:
    return tuple(_sensor(stored) for stored in json.loads(text))


def _finite(value: Fact) -> Fact:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _slim(stored: dict[str, Any]) -> dict[str, Any]:
    """Leaves out what equals the default: a catalogue of 126 sensors is mostly empty fields."""
    slim: dict[str, Any] = {}
    for name, value in stored.items():
        kept = _slim(value) if isinstance(value, dict) else value
        if not _empty(kept):
            slim[name] = kept
    return slim


def _empty(value: Any) -> bool:
    """Not `not value`: a limit of 0.0 is a limit."""
    return value is None or value is False or (isinstance(value, str | tuple | list | dict) and not value)


_SENSOR_WORDS = frozenset(field.name for field in fields(Sensor)) - {"part", "limits", "states"}


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
