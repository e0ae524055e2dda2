"""Every minute of a clock with the reason why it counted or did not. Pure; `clocks.py` asks, exports print it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from hardcase_collector.plans.calendar import Kind, Stretch
from hardcase_collector.plans.moments import Pause
from hardcase_collector.plans.plan import PauseReason


class Because(StrEnum):
    """Why an interval counted or not, where it is not a pause."""

    COUNTED = "counted"
    OVERDUE = "overdue"
    """It counts, and what was promised is used up."""
    OUTSIDE_HOURS = "outside_hours"
    DAY_OFF = "day_off"
    AFTER_CUT_OFF = "after_cut_off"
    """Inside the window, but the start counts as made later."""
    EARLIER_PRIORITY = "earlier_priority"
    """Before the priority was raised to the one whose promise binds now."""


_KINDS = {Kind.OUTSIDE_HOURS: Because.OUTSIDE_HOURS, Kind.DAY_OFF: Because.DAY_OFF}


@dataclass(frozen=True, slots=True)
class Interval:
    """From (included) to (excluded), ms of Unix time."""

    from_ms: int
    to_ms: int
    reason: Because | PauseReason
    actor: str = ""
    """Who paused; "" where nobody did."""
    provisional: bool = False

    @property
    def length_ms(self) -> int:
        return self.to_ms - self.from_ms

    @property
    def counts(self) -> bool:
        return self.reason in (Because.COUNTED, Because.OVERDUE)


def intervals(stretches: Iterable[Stretch], counts_from_ms: int, pauses: Sequence[Pause]) -> Iterator[Interval]:
    """The stretches cut where a pause begins or ends, each with its reason. As long as the stretches last."""
    edges = sorted({counts_from_ms, *(at for pause in pauses for at in (pause.from_ms, pause.to_ms) if at is not None)})
    ordered = sorted(pauses, key=lambda pause: pause.from_ms)
    for stretch in stretches:
        if stretch.kind is not Kind.OPEN:
            yield Interval(stretch.from_ms, stretch.to_ms, _KINDS[stretch.kind], provisional=stretch.provisional)
            continue
        cuts = [edge for edge in edges if stretch.from_ms < edge < stretch.to_ms]
        for begins, ends in zip([stretch.from_ms, *cuts], [*cuts, stretch.to_ms], strict=True):
            if begins < ends:
                yield _open(begins, ends, stretch.provisional, counts_from_ms, ordered)


def _open(begins: int, ends: int, provisional: bool, counts_from_ms: int, pauses: Sequence[Pause]) -> Interval:
    if begins < counts_from_ms:
        return Interval(begins, ends, Because.AFTER_CUT_OFF, provisional=provisional)
    for pause in pauses:
        if pause.from_ms <= begins and (pause.to_ms is None or begins < pause.to_ms):
            return Interval(begins, ends, pause.reason, pause.actor, provisional)
    return Interval(begins, ends, Because.COUNTED, provisional=provisional)


def counted_ms(walk: Iterable[Interval], until_ms: int) -> int:
    """How much counts before `until`."""
    total = 0
    for interval in walk:
        if interval.from_ms >= until_ms:
            break
        if interval.counts:
            total += min(interval.to_ms, until_ms) - interval.from_ms
    return total


def reached_ms(walk: Iterable[Interval], amounts_ms: Sequence[int]) -> tuple[int, ...]:
    """When so much has counted, for each amount in rising order; the end of the walk where it never has."""
    found: list[int] = []
    total = 0
    last = 0
    for interval in walk:
        last = interval.to_ms
        if not interval.counts:
            continue
        while len(found) < len(amounts_ms) and total + interval.length_ms >= amounts_ms[len(found)]:
            found.append(interval.from_ms + amounts_ms[len(found)] - total)
        total += interval.length_ms
        if len(found) == len(amounts_ms):
            return tuple(found)
    return (*found, *[last] * (len(amounts_ms) - len(found)))


def told(walk: Iterable[Interval], until_ms: int, due_ms: int) -> tuple[Interval, ...]:
    """What an export prints: up to `until`, neighbours of one reason joined, what counted after `due` as overdue."""
    lines: list[Interval] = []
    for interval in walk:
        if interval.from_ms >= until_ms:
            break
        cut = replace(interval, to_ms=min(interval.to_ms, until_ms))
        for piece in _at_due(cut, due_ms):
            same = lines and replace(lines[-1], from_ms=piece.from_ms, to_ms=piece.to_ms) == piece
            if same and lines[-1].to_ms == piece.from_ms:
                lines[-1] = replace(lines[-1], to_ms=piece.to_ms)
            else:
                lines.append(piece)
    return tuple(lines)


def _at_due(interval: Interval, due_ms: int) -> Iterator[Interval]:
    if interval.reason is not Because.COUNTED or interval.to_ms <= due_ms:
        yield interval
        return
    if interval.from_ms < due_ms:
        yield replace(interval, to_ms=due_ms)
    yield replace(interval, from_ms=max(interval.from_ms, due_ms), reason=Because.OVERDUE)
