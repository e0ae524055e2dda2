"""A TOML text as a tree that can be walked by recursion and told in a message. For all that reads TOML here."""

from __future__ import annotations

import tomllib

DEEPEST = 64
"""Levels of tables and arrays within each other; books and sheets have under ten."""
LARGEST = (1 << 63) - 1
"""The range every reader of TOML must take (TOML 1.0, Integer)."""


def tree_of(text: str) -> dict[str, object]:
    """Raises ValueError, whose text says what is wrong: of the syntax, of a depth, of a number."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:  # The language's bound on the digits of a number.
        raise ValueError("a number does not fit in 64 bits") from None
    except RecursionError:
        raise ValueError(f"nested more than {DEEPEST} levels deep") from None
    _check(tree)
    return tree


def _check(tree: dict[str, object]) -> None:
    """Level by level, since a dotted key of a thousand names is syntax that `tomllib` takes."""
    level: list[object] = [tree]
    for _ in range(DEEPEST + 1):
        if any(isinstance(one, int) and not -LARGEST - 1 <= one <= LARGEST for one in level):
            raise ValueError("a number does not fit in 64 bits")
        level = [inner for one in level for inner in _within(one)]
        if not level:
            return
    raise ValueError(f"nested more than {DEEPEST} levels deep")


def _within(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
