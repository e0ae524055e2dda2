"""Which present and which replayed cases are one and the same. Pure; called by `running.py`.

What is compared are openings: a case that was opened again is there twice. Two are the same where they are of one part
and repair group and their times overlap: a changed limit may open a case earlier, and two present ones may be one where
nobody closed the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hardcase_collector.domain.case import Case, CaseState, TimelineEntry
from hardcase_collector.domain.correlation import Subject, case_of_part
from hardcase_collector.domain.replay import Compared, Untold, Verdict

_ENDS = (CaseState.CLOSED.value, CaseState.CANCELLED.value)
SLACK_MS = 5 * 60_000
"""A case that ended in the replay a tick later, or began a sweep earlier, is still the same."""


@dataclass(frozen=True, slots=True)
class Known:
    """An opening of a case, of the present or of the replay."""

    case: Case
    since_ms: int
    ended_ms: int
    """0 = it stands."""
    rules: tuple[str, ...]
    untold: Untold | None = None

    @property
    def key(self) -> tuple[int, int]:
        return self.case.id, self.since_ms


def openings(case: Case, timeline: Sequence[TimelineEntry]) -> Sequence[tuple[int, int]]:
    """(since, ended) of each time that the case was opened; ended 0 = it stands."""
    found: list[tuple[int, int]] = [(case.since_ms, 0)]
    for entry in timeline:
        if entry.code in _ENDS:
            found[-1] = (found[-1][0], entry.at_ms)
        elif entry.code == "reopened" or (entry.code == "moved" and entry.parameters.get("from") in _ENDS):
            told = entry.parameters.get("time_ms")
            found.append((told if isinstance(told, int) else entry.at_ms, 0))
    return found


def compare(
    present: Sequence[Known], replayed: Sequence[Known], *, from_ms: int, until_ms: int
) -> tuple[Compared, ...]:
    """What differs first, then by time. What began before `from_ms` counts only where it has its like."""
    lines: list[Compared] = []
    olds, news = _by_asset(present), _by_asset(replayed)
    matched: set[tuple[int, int]] = set()
    for new in replayed:
        old = _like(new, olds, until_ms)
        if old is not None:
            matched.add(old.key)
        elif from_ms <= new.since_ms < until_ms:
            verdict = Verdict.ONLY_NEW if new.untold is None else Verdict.NOT_COMPARED
            lines.append(_line(verdict, new, ""))
    for old in present:
        if old.key in matched or _like(old, news, until_ms) is not None:
            lines.append(_line(Verdict.SAME, old, old.case.number))
        elif from_ms <= old.since_ms < until_ms:
            verdict = Verdict.ONLY_OLD if old.untold is None else Verdict.NOT_COMPARED
            lines.append(_line(verdict, old, old.case.number))
    order = (Verdict.ONLY_NEW, Verdict.ONLY_OLD, Verdict.NOT_COMPARED, Verdict.SAME)
    return tuple(sorted(lines, key=lambda one: (order.index(one.verdict), one.since_ms, one.asset, one.number)))


def _by_asset(cases: Sequence[Known]) -> Mapping[int, list[Known]]:
    found: dict[int, list[Known]] = {}
    for one in cases:
        found.setdefault(one.case.asset, []).append(one)
    return found


def _like(one: Known, others: Mapping[int, list[Known]], until_ms: int) -> Known | None:
    near = {
        other.case.id: other
        for other in others.get(one.case.asset, ())
        if one.since_ms - SLACK_MS <= (other.ended_ms or until_ms)
        and other.since_ms - SLACK_MS <= (one.ended_ms or until_ms)
    }
    case = one.case
    found = case_of_part(Subject(case.part, case.repair_group, ""), [other.case for other in near.values()])
    return None if found is None else near[found[0].id]


def _line(verdict: Verdict, known: Known, number: str) -> Compared:
    case = known.case
    return Compared(
        verdict=verdict,
        number=number,
        asset=case.asset,
        part=case.part,
        repair_group=case.repair_group,
        fault_classes=case.fault_classes,
        rules=known.rules,
        severity=case.severity,
        since_ms=known.since_ms,
        untold=known.untold if verdict is Verdict.NOT_COMPARED else None,
    )
