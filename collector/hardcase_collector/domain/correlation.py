"""Correlation inside one asset: which open case a finding belongs to. Pure; the desk and offline judging ask it.

That what one repair cures is one case is the repair group's matter. Joins are for faults of other parts that follow
from it: a fan that stands still and the temperatures it lets rise, a power supply and the redundancy that is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Protocol, TypeVar

from hardcase_collector.domain.asset import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """What follows from what. Patterns of fault classes ("fan.*"); from the sheets."""

    name: str
    reason: Mapping[str, str]
    cause: tuple[str, ...]
    """The likeliest first."""
    effect: tuple[str, ...]
    not_named: tuple[str, ...] = ()
    """Patterns of sensors and slots ("*inlet*") whose like has another cause: the room heats what comes in, no fan."""

    def is_cause(self, fault_class: str) -> bool:
        return any(fnmatchcase(fault_class, pattern) for pattern in self.cause)

    def is_effect(self, fault_class: str, *named: str) -> bool:
        """`named`: sensor and slot."""
        if any(fnmatchcase(name.lower(), pattern) for name in named for pattern in self.not_named):
            return False
        return any(fnmatchcase(fault_class, pattern) for pattern in self.effect)


class Relation(StrEnum):
    """Why a finding belongs to a case."""

    SAME_PART = "same_part"
    SAME_PLACE = "same_place"
    """One of the two tells no serial, and they sit in one slot."""
    ONLY_ONE = "only_one"
    """It names no part, and the case is the only open one of its group that is about such a part."""
    EFFECT = "effect"
    """It follows from what the case is about."""
    CAUSE = "cause"
    """All that the case tells so far follows from it: the case becomes one about this part."""
    REPORTED = "reported"
    """Somebody told of such a part without naming it: the case becomes one about this part."""


class Opened(Protocol):
    """What is asked of an open case."""

    @property
    def part(self) -> Part: ...
    @property
    def repair_group(self) -> str: ...
    @property
    def fault_classes(self) -> tuple[str, ...]: ...


class Told(Opened, Protocol):
    """The same where a person may have told of it."""

    @property
    def loose(self) -> bool:
        """The report names no part."""


C = TypeVar("C", bound=Opened)
T = TypeVar("T", bound=Told)
_NONE = 1_000_000
_CUT_SERIAL = 8
"""Characters of a serial number that are still one disk's own: what Seagate prints on its labels."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A finding, as far as its place among cases goes."""

    part: Part
    repair_group: str
    fault_class: str
    sensor: str = ""
    """Its name, as the device gives it."""


def case_of(subject: Subject, cases: Sequence[C], joins: Sequence[Join]) -> tuple[C, Relation] | None:
    """`cases`: the open ones of the asset, oldest first. Where several would do, the closest and then the oldest."""
    return case_of_part(subject, cases) or _of_cause(subject, cases, joins) or _only_one(subject, cases)


def case_of_part(subject: Subject, cases: Sequence[C]) -> tuple[C, Relation] | None:
    """The case of this very part and group, whatever name it goes by. The first of several that would do."""
    part, key = subject.part, subject.part.key()
    same = [
        case for case in cases if case.repair_group == subject.repair_group and case.part.component == part.component
    ]
    for case in same:
        if case.part.key() == key:
            return case, Relation.SAME_PART
    for case in same:
        if _one_serial(case.part, part):
            return case, Relation.SAME_PART
    if not part.slot:
        return None
    place = part.place()
    there = [case for case in same if not (case.part.serial and part.serial) and case.part.place() == place]
    return (there[0], Relation.SAME_PLACE) if len(there) == 1 else None


def _only_one(subject: Subject, cases: Sequence[C]) -> tuple[C, Relation] | None:
    """A memory error without a module, beside one module that is known to be bad: of two none is guessed."""
    part = subject.part
    if not part.component or part.slot or part.serial or part.wwn or part.paths:
        return None
    group = [case for case in cases if case.repair_group == subject.repair_group]
    alike = len(group) == 1 and group[0].part.component == part.component
    return (group[0], Relation.ONLY_ONE) if alike else None


def told_of(subject: Subject, cases: Sequence[T]) -> tuple[T, Relation] | None:
    """The one open report of such a part: "a disk blinks", and then what telemetry says of bay 3. Of two none."""
    alike = [
        case
        for case in cases
        if case.loose
        and case.repair_group == subject.repair_group
        and subject.part.component in ("", case.part.component)
    ]
    return (alike[0], Relation.REPORTED) if len(alike) == 1 else None


def _one_serial(one: Part, other: Part) -> bool:
    """One part by two observers: a RAID controller cuts a SATA disk's model at 16 characters (SCSI inquiry) and a SAS
    disk's serial number at 8 or 12, and tells the model without or with its maker."""
    if one.component != other.component or not (one.serial and other.serial):
        return False
    serials = sorted((_bare(one.serial), _bare(other.serial)), key=len)
    if serials[0][:_CUT_SERIAL] != serials[1][:_CUT_SERIAL]:
        return False
    models = sorted((_bare(one.model), _bare(other.model)), key=len)
    same = serials[0] == serials[1] or (len(serials[0]) >= _CUT_SERIAL and serials[1].startswith(serials[0]))
    return same and (models[1].startswith(models[0]) or models[1].endswith(models[0]))


@lru_cache(maxsize=4096)
def _bare(text: str) -> str:
    return "".join(text.split()).lower()


def _of_cause(subject: Subject, cases: Sequence[C], joins: Sequence[Join]) -> tuple[C, Relation] | None:
    for join in joins:
        if join.is_effect(subject.fault_class, subject.sensor, subject.part.slot):
            found = _likeliest(join, cases)
            if found is not None:
                return found, Relation.EFFECT
    for join in joins:
        if join.is_cause(subject.fault_class):
            for case in cases:
                if case.fault_classes and all(join.is_effect(told, case.part.slot) for told in case.fault_classes):
                    return case, Relation.CAUSE
    return None


def _likeliest(join: Join, cases: Sequence[C]) -> C | None:
    """A disk that failed degrades an array rather than one that only may fail, however long that is known."""
    ranked = ((_rank(join.cause, case.fault_classes), case) for case in cases)
    _, found = min(ranked, key=lambda one: one[0], default=(_NONE, None))
    return found if found is not None and _rank(join.cause, found.fault_classes) < _NONE else None


@lru_cache(maxsize=4096)
def _rank(patterns: tuple[str, ...], told: tuple[str, ...]) -> int:
    """The place of the first pattern that one of these classes is like."""
    ranks = (rank for rank, pattern in enumerate(patterns) if any(fnmatchcase(name, pattern) for name in told))
    return next(ranks, _NONE)


def part_of_case(known: Part, told: Part, relation: Relation) -> Part:
    """What the case is about: a part known by its slot gets its serial once told, effects get their cause."""
    if relation in (Relation.CAUSE, Relation.REPORTED):
        return told
    return told if relation is not Relation.EFFECT and told.serial and not known.serial else known
