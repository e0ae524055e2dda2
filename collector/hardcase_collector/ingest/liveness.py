"""Which agents are silent. Pure: times are those of one monotonic clock, in ms; intake's ticker asks.

Silence is judged by receive time, and only over time in which this collector was serving: time in which it did not
run, or could not take anything, counts for nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

SILENT_AFTER_MS = 90_000
"""Six heartbeats of 15 s: a reconnect with its longest usual backoff fits in."""

LARGEST_STEP_MS = 10_000
"""A longer pause between two looks means that this process did not run; it counts as this much."""


class Condition(StrEnum):
    """What `Judge.status` is told of an agent."""

    OK = "ok"
    SILENT = "silent"
    STOPPED = "stopped"
    CLOCK_OFF = "clock_off"


@dataclass(slots=True)
class _Agent:
    quiet_ms: int = 0
    stopped: bool = False
    clock_off: bool = False
    heard: bool = False
    """Since this start. What was told before it is known to the findings alone."""
    told: Condition | None = None
    by_file: bool = False
    """Heard of last by a file: it has no network, and nobody waits for it."""


class Liveness:
    """Adds up served time without a word from each agent."""

    def __init__(self, *, silent_after_ms: int = SILENT_AFTER_MS) -> None:
        self._silent_after_ms = silent_after_ms
        self._agents: dict[int, _Agent] = {}
        self._looked_ms: int | None = None

    def watch(self, agent: int, *, stopped: bool = False, by_file: bool = False) -> None:
        """An agent that should be heard of; known from the store at start. Its silence counts from now."""
        # Of one by file it is told at once that it is well: the import may have been the last thing before the end.
        self._agents.setdefault(agent, _Agent(stopped=stopped, by_file=by_file, heard=by_file))

    def heard(self, agent: int, *, clock_off: bool) -> None:
        """Anything at all came from the agent."""
        known = self._agents.setdefault(agent, _Agent())
        known.quiet_ms = 0
        known.stopped = known.by_file = False
        known.heard = True
        known.clock_off = clock_off

    def carried(self, agent: int, *, clock_off: bool) -> bool:
        """A file of it was imported. False: it speaks by itself as well, and is waited for as before."""
        known = self._agents.setdefault(agent, _Agent(quiet_ms=self._silent_after_ms + 1))
        if not known.by_file and not known.stopped and known.heard and known.quiet_ms <= self._silent_after_ms:
            return False
        known.by_file = known.heard = True
        known.stopped = False
        known.clock_off = clock_off
        return True

    def stopped(self, agent: int) -> None:
        """The agent said goodbye: its silence is no fault."""
        self._agents.setdefault(agent, _Agent()).stopped = True

    def drop(self, agent: int) -> None:
        """The agent was revoked: nobody waits for it."""
        self._agents.pop(agent, None)

    def silent(self, agent: int) -> bool:
        known = self._agents.get(agent)
        return known is None or known.stopped or known.by_file or known.quiet_ms > self._silent_after_ms

    def is_stopped(self, agent: int) -> bool:
        known = self._agents.get(agent)
        return known is not None and known.stopped

    def is_by_file(self, agent: int) -> bool:
        known = self._agents.get(agent)
        return known is not None and known.by_file

    def count_silent(self) -> int:
        return sum(self._condition(known) is Condition.SILENT for known in self._agents.values())

    def look(self, now_ms: int, *, serving: bool) -> Iterable[tuple[int, Condition]]:
        """Counts the time since the last look, and gives the agents whose condition changed."""
        passed = 0 if self._looked_ms is None else min(max(now_ms - self._looked_ms, 0), LARGEST_STEP_MS)
        self._looked_ms = now_ms
        changed: list[tuple[int, Condition]] = []
        for agent, known in self._agents.items():
            if serving:
                known.quiet_ms += passed
            condition = self._condition(known)
            # The first word after a start is told, too: a finding from before it may wait for its end.
            waited_for = condition is Condition.OK and not known.heard
            if condition is not known.told and not waited_for:
                changed.append((agent, condition))
                known.told = condition
        return changed

    def untell(self, agents: Iterable[int]) -> None:
        """What was given last could not be stored: it is given again."""
        for agent in agents:
            if agent in self._agents:
                self._agents[agent].told = None

    def _condition(self, known: _Agent) -> Condition:
        if known.stopped:
            return Condition.STOPPED
        if not known.by_file and known.quiet_ms > self._silent_after_ms:
            return Condition.SILENT
        return Condition.CLOCK_OFF if known.clock_off else Condition.OK
