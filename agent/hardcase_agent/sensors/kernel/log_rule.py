"""How one kind of log line is recognised, and what is made of it. The tables are in the *_lines modules of this folder;
`log_reader.py` applies them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from hardcase_agent.domain.part import Component, Part


@dataclass(frozen=True, slots=True)
class Found:
    """A hardware event that a line tells of."""

    code: str
    """Table in protos/README.md; "" = told, and no fault."""
    part: Part
    asserted: bool = True


@dataclass(frozen=True, slots=True)
class Counted:
    """A line that tells the level of a counter rather than an event: "8 Currently unreadable sectors"."""

    quantity: str
    part: Part
    value: float


Outcome = Found | Counted
Make = Callable[[re.Match[str]], Iterable[Outcome]]


@dataclass(frozen=True, slots=True)
class LineRule:
    needle: str
    """Stands in every line of this kind; looked for first, because almost no line is of any kind. Lower case."""
    pattern: re.Pattern[str]
    make: Make


M = TypeVar("M")


def rule(needle: str, pattern: str, make: Make) -> LineRule:
    return LineRule(needle.lower(), re.compile(pattern, re.IGNORECASE), make)


def event(code: str, component: Component, group: int | str = "", *, slot: str = "") -> Make:
    """An event of a part whose slot a group of the pattern tells, or is always the same."""

    def make(match: re.Match[str]) -> Iterable[Outcome]:
        place = (match[group] or "") if group != "" else slot
        yield Found(code, Part(component=component, slot=place.strip()))

    return make


def nothing(_: re.Match[str]) -> Iterable[Outcome]:
    """A line that has the words of a fault and is none: later rules do not see it."""
    return ()
