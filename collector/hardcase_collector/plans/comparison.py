"""Plans side by side: for each promise and priority, what each plan says, beside coverage and prices. Pure values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hardcase_collector.domain.priority import Priority
from hardcase_collector.plans.plan import ClockKind, Plan, Promise


@dataclass(frozen=True, slots=True)
class Line:
    """One promise for the priorities for which no plan of the comparison says different things."""

    clock: ClockKind
    priorities: tuple[Priority, ...]
    promises: tuple[Promise | None, ...]
    """One for each plan, in their order; None: it promises nothing of the kind."""


def compare(plans: Sequence[Plan]) -> tuple[Line, ...]:
    """A line for each clock that any of them has, several where the priorities differ."""
    lines: list[Line] = []
    for clock in ClockKind:
        for priority in Priority:
            row = tuple(plan.promise(clock, priority) for plan in plans)
            last = lines[-1] if lines and lines[-1].clock is clock else None
            if last is not None and last.promises == row:
                lines[-1] = Line(clock, (*last.priorities, priority), row)
            elif any(row):
                lines.append(Line(clock, (priority,), row))
    return tuple(lines)
