"""Ways to damage a capture: flipped bytes, cuts, swapped and repeated pieces, numbers out of all bounds. Pure."""

from __future__ import annotations

import random
import re

_ODD = (
    b"-1", b"0", b"", b"99999999999999999999999999", b"1e999", b"-1e999", b"NaN", b"Infinity", b"0x", b"\x00", b"null",
    b"\xff\xfe", b"\xe2\x80\xae", b"[]", b"{}", b'"', b"%s", b"1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9",
)  # fmt: skip
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_WORD = re.compile(rb"[^\s,:|=]+")


def mutate(data: bytes, chance: random.Random) -> bytes:
    """One to four kinds of damage."""
    for _ in range(chance.randint(1, 4)):
        data = chance.choice(_WAYS)(data, chance)
    return data


def _flip(data: bytes, chance: random.Random) -> bytes:
    if not data:
        return data
    made = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        made[chance.randrange(len(made))] ^= 1 << chance.randrange(8)
    return bytes(made)


def _truncate(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _cut(data: bytes, chance: random.Random) -> bytes:
    first, last = _span(data, chance)
    return data[:first] + data[last:]


def _repeat(data: bytes, chance: random.Random) -> bytes:
    first, last = _span(data, chance)
    return data[:last] + data[first:last] * chance.randint(1, 3) + data[last:]


def _insert(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.randbytes(chance.randint(1, 40)) + data[at:]


def _odd_number(data: bytes, chance: random.Random) -> bytes:
    return _replace(data, _NUMBER, chance)


def _odd_word(data: bytes, chance: random.Random) -> bytes:
    return _replace(data, _WORD, chance)


def _swap_lines(data: bytes, chance: random.Random) -> bytes:
    return _swap(data, b"\n", chance)


def _swap_fields(data: bytes, chance: random.Random) -> bytes:
    return _swap(data, chance.choice((b"|", b":", b",", b" ")), chance)


def _span(data: bytes, chance: random.Random) -> tuple[int, int]:
    first = chance.randrange(len(data) + 1)
    return first, min(len(data), first + chance.randint(1, 200))


def _replace(data: bytes, pattern: re.Pattern[bytes], chance: random.Random) -> bytes:
    # From a place by chance on: to list every match of a large capture costs more than decoding it.
    found = pattern.search(data, chance.randrange(len(data) + 1))
    return data if found is None else data[: found.start()] + chance.choice(_ODD) + data[found.end() :]


def _swap(data: bytes, mark: bytes, chance: random.Random) -> bytes:
    pieces = data.split(mark)
    if len(pieces) < 2:
        return data
    one, other = chance.randrange(len(pieces)), chance.randrange(len(pieces))
    pieces[one], pieces[other] = pieces[other], pieces[one]
    return mark.join(pieces)


_WAYS = (_flip, _truncate, _cut, _repeat, _insert, _odd_number, _odd_word, _swap_lines, _swap_fields)
