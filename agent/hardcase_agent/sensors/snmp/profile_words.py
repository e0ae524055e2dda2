"""The little languages inside a profile's strings: places, columns, values, limits. Each raises ValueError with what is
wrong. Called by `profile.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hardcase_agent.domain.reading import LIMIT_NAMES, Kind, Unit
from hardcase_agent.sensors.snmp.reference import Reference, parse_reference
from hardcase_agent.sensors.snmp.specs import Among, LimitSpec, Told, Variant
from hardcase_agent.sensors.snmp.values import Value, parse_oid


def read_places(texts: Sequence[str]) -> tuple[Told, ...]:
    return tuple(read_place(text) for text in texts)


def read_place(text: str) -> Told:
    if text.startswith("="):
        return Told(word=text[1:])
    if text.endswith(".*"):
        return Told(oid=parse_oid(text[:-2]), column=True)
    return Told(oid=parse_oid(text))


def read_references(texts: Sequence[str]) -> tuple[Reference, ...]:
    return tuple(parse_reference(text) for text in texts)


def read_reference(text: str | None) -> Reference | None:
    return None if text is None else parse_reference(text)


def read_part_at(text: str) -> tuple[Reference | None, slice | None]:
    """ "[0:2]" cuts the row's index; a column holds the index."""
    if not text:
        return None, None
    if text.startswith("["):
        (step,) = parse_reference(f"0{text}").steps
        return None, step.part
    return parse_reference(text), None


def read_among(lines: Sequence[str]) -> tuple[Among, ...]:
    """ "COLUMN one|other"; a blank in a text is written as "_"."""
    read = []
    for line in lines:
        column, _, words = line.rpartition(" ")
        if not column:
            raise ValueError(f"{line!r} is not COLUMN and values apart by |")
        texts = tuple(word.replace("_", " ").casefold() for word in words.split("|"))
        read.append(Among(column=parse_reference(column), words=texts))
    return tuple(read)


def read_pairs(lines: Sequence[str]) -> list[tuple[str, str]]:
    return [read_pair(line) for line in lines]


def read_pair(line: str) -> tuple[str, str]:
    """ "8 temperature Cel" as ("8", "temperature Cel"); a key with blanks stands in single quotes."""
    if line.startswith("'"):
        key, _, rest = line[1:].partition("'")
        return key, rest.strip()
    key, _, rest = line.partition(" ")
    return key.replace("_", " "), rest.strip()


def read_values(lines: Sequence[str], states: Sequence[str]) -> tuple[dict[Value, int], tuple[tuple[str, int], ...]]:
    plain: dict[Value, int] = {}
    patterns: list[tuple[str, int]] = []
    for key, names in read_pairs(lines):
        bits = read_bits(names, states)
        if "*" in key:
            patterns.append((key.casefold(), bits))
        else:
            plain[read_value(key)] = bits
    return plain, tuple(patterns)


def read_value(text: str) -> Value:
    """A number, an OID, or a text."""
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if re.fullmatch(r"\d+(\.\d+)+", text):
        return parse_oid(text)
    return text.casefold().encode()


def read_word_key(text: str) -> int | str:
    return int(text) if re.fullmatch(r"-?\d+", text) else text.casefold()


def read_bits(names: str, states: Sequence[str]) -> int:
    """States of one value: none, one, or several apart by blanks."""
    unknown = [name for name in names.split() if name not in states]
    if unknown:
        raise ValueError(f"values: no state {', '.join(map(repr, unknown))}")
    return sum(1 << states.index(name) for name in set(names.split()))


def read_variant(words: str) -> Variant:
    kind, unit, scale = (*words.split(), "1", "1")[:3]
    return Variant(kind=Kind(kind), unit=Unit(unit), scale=float(scale))


def read_limit(line: str, row: bool) -> tuple[str, LimitSpec]:
    """ "upper_critical COLUMN" or "upper_critical COLUMN x0.1"; of a single object, an instance."""
    name, _, rest = line.partition(" ")
    if name not in LIMIT_NAMES:
        raise ValueError(f"limits: {name!r} is none of {', '.join(LIMIT_NAMES)}")
    place, _, factor = rest.strip().partition(" x")
    return name, LimitSpec(
        column=parse_reference(place.strip() if row or place.strip().endswith("!") else f"{place.strip()}!"),
        scale=float(factor) if factor else None,
    )
