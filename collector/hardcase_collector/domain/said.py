"""A sentence that is put into words where somebody reads it: its English, with named places, and what fills them.

Errors carry one (`errors.py`); everything that sees no reader (logs, the API's programs) takes its English. Catalogues
and the words of closed sets are `web/refusals.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Said:
    """`sentence` is the message's id in the catalogues; without values it is taken as it is, braces and all.

    A value is a text, a number, a member of a closed set, another `Said`, or several of these.
    """

    sentence: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        if not self.values:
            return self.sentence
        return self.sentence.format(**{name: _english(value) for name, value in self.values.items()})


@dataclass(frozen=True, slots=True)
class Coded:
    """A member of a closed set that English tells by its code, as programs print and people type it."""

    member: StrEnum

    def __str__(self) -> str:
        return self.member.value


def _english(value: object) -> object:
    if isinstance(value, StrEnum):
        return value.value.replace("_", " ")
    if isinstance(value, tuple | list):
        return ", ".join(str(_english(one)) for one in value)
    return value if isinstance(value, int | float | str) else str(value)
