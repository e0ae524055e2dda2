"""Correlation inside one asset: which open case a finding belongs to. Pure; the desk and offline judging ask it.

That what one repair cures is one case is the repair group's matter. Joins are for faults of other parts that follow
from it: a fan that stands still and the temperatures it lets rise, a power supply and the redundancy that is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Protocol, TypeVar

from hardcase_collector.domain.asset import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """What follows from what. Patterns of fault classes ("fan.*"); from the sheets."""

    name: str
    reason: Mapping[str, str]
    cause: tuple[str, ...]
    effect: tuple[str, ...]

    def is_cause(self, fault_class: str) -> bool:
        return any(fnmatchcase(fault_class, pattern) for pattern in self.cause)

    def is_effect(self, fault_class: str) -> bool:
        return any(fnmatchcase(fault_class, pattern) for pattern in self.effect)


class Relation(StrEnum):
    """Why a finding belongs to a case."""

    SAME_PART = "same_part"
    SAME_PLACE = "same_place"
    """One of the two tells no serial, and they sit in one slot."""
    EFFECT = "effect"
    """It follows from what the case is about."""
    CAUSE = "cause"
    """All that the case tells so far follows from it: the case becomes one about this part."""


class Opened(Protocol):
    """What is asked of an open case."""

    @property
    def part(self) -> Part: ...
    @property
    def repair_group(self) -> str: ...
    @property
    def fault_classes(self) -> tuple[str, ...]: ...


C = TypeVar("C", bound=Opened)
_CUT_SERIAL = 8
"""Characters of a serial number that are still one disk's own: what Seagate prints on its labels."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A finding, as far as its place among cases goes."""

    part: Part
    repair_group: str
    fault_class: str


def case_of(subject: Subject, cases: Sequence[C], joins: Sequence[Join]) -> tuple[C, Relation] | None:
    """`cases`: the open ones of the asset, oldest first. Where several would do, the closest and then the oldest."""
    return _of_part(subject, cases) or _of_cause(subject, cases, joins)


def _of_part(subject: Subject, cases: Sequence[C]) -> tuple[C, Relation] | None:
    same_group = [case for case in cases if case.repair_group == subject.repair_group]
    for case in same_group:
        if case.part.key() == subject.part.key():
            return case, Relation.SAME_PART
    for case in same_group:
        if _one_serial(case.part, subject.part):
            return case, Relation.SAME_PART
    place = subject.part.place()
    if not subject.part.slot:
        return None
    there = [
        case for case in same_group if case.part.place() == place and not (case.part.serial and subject.part.serial)
    ]
    return (there[0], Relation.SAME_PLACE) if len(there) == 1 else None


def _one_serial(one: Part, other: Part) -> bool:
    """One part by two observers: a RAID controller cuts a SATA disk's model at 16 characters (SCSI inquiry) and a SAS
    disk's serial number at 8 or 12, and tells the model without or with its maker."""
    if one.component != other.component or not (one.serial and other.serial):
        return False
    serials, models = (
        sorted(("".join(a.split()).lower(), "".join(b.split()).lower()), key=len)
        for a, b in ((one.serial, other.serial), (one.model, other.model))
    )
    same = serials[0] == serials[1] or (len(serials[0]) >= _CUT_SERIAL and serials[1].startswith(serials[0]))
    return same and (models[1].startswith(models[0]) or models[1].endswith(models[0]))


def _of_cause(subject: Subject, cases: Sequence[C], joins: Sequence[Join]) -> tuple[C, Relation] | None:
    for join in joins:
        if join.is_effect(subject.fault_class):
            for case in cases:
                if any(join.is_cause(told) for told in case.fault_classes):
                    return case, Relation.EFFECT
    for join in joins:
        if join.is_cause(subject.fault_class):
            for case in cases:
                if case.fault_classes and all(join.is_effect(told) for told in case.fault_classes):
                    return case, Relation.CAUSE
    return None
