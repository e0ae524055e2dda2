"""Plays recorded observations through the judge: offline judging and the test sheets use it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hardcase_collector.domain.finding import Transition
from hardcase_collector.domain.observation import Event, Frame, Inventory, SourceStatus
from hardcase_collector.domain.ports import FeedState, Judge


@dataclass(frozen=True, slots=True)
class Tick:
    """The ticker looked at this time (ms)."""

    now_ms: int
    silent: bool = False


Step = Frame | Event | Inventory | SourceStatus | Tick


def play(judge: Judge, state: FeedState, step: Step) -> Sequence[Transition]:
    """One observation."""
    match step:
        case Frame():
            return judge.frame(state, step)
        case Event():
            return judge.event(state, step, history=False)
        case Inventory():
            return judge.inventory(state, step)
        case SourceStatus():
            return judge.status(state, step)
        case Tick():
            return judge.tick(state, now_ms=step.now_ms, silent=step.silent)


def replay(judge: Judge, state: FeedState, steps: Iterable[Step]) -> list[tuple[int, Transition]]:
    """(index of the step, what it changed), in order."""
    return [(index, made) for index, step in enumerate(steps) for made in play(judge, state, step)]
