"""What is due: one period per source, spread phases, one call in flight per device, stretched periods.

`sampler.py` asks and reports; times are milliseconds of CLOCK_BOOTTIME, which never jumps.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

FIRST_SWEEPS_MS = 10_000
"""All sources are asked once within this time of the start; a fleet started at once does not ask in step."""
SWEEP_SHARE = 5
"""A sweep may take up to 1/5 of its period; a longer one stretches it (design 2.2)."""
EASE_SHARE = 10
"""The period shrinks again only below 1/10, so that it does not swing at the edge."""
LONGEST_STRETCH = 16
"""A period grows to 16 times its own at most: beyond that the device is broken, not slow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A source as the schedule sees it."""

    name: str
    device: str
    period_ms: int


@dataclass(slots=True)
class _Entry:
    planned: Planned
    phase: float
    due_ms: int
    period_ms: int


def spread(seed: str, name: str) -> float:
    """Same host and source, same share of the period: 0 <= share < 1."""
    return zlib.crc32(f"{seed}/{name}".encode()) / 2**32


class Schedule:
    """Mutable, single-threaded; `now_ms` never goes back."""

    def __init__(self, sources: Iterable[Planned], *, seed: str, now_ms: int) -> None:
        self._seed = seed
        self._entries: dict[str, _Entry] = {}
        self._busy: dict[str, str] = {}
        self._lent: set[str] = set()
        self.replan(sources, kept=(), now_ms=now_ms)

    def replan(self, sources: Iterable[Planned], *, kept: Collection[str], now_ms: int) -> None:
        """A new set of sources; those named in `kept` keep their instants, and the devices they occupy."""
        entries = {}
        for planned in sources:
            if planned.name in kept:
                entries[planned.name] = self._entries[planned.name]
                continue
            phase = spread(self._seed, planned.name)
            first = now_ms + int(phase * min(planned.period_ms, FIRST_SWEEPS_MS))
            entries[planned.name] = _Entry(planned, phase, first, planned.period_ms)
        self._busy = {device: name for device, name in self._busy.items() if name in kept}
        self._entries = entries

    def due(self, now_ms: int) -> Sequence[str]:
        """Sources to ask now, the longest overdue first, one per idle device."""
        taken = set(self._busy) | self._lent
        chosen = []
        for entry in sorted(self._entries.values(), key=lambda entry: (entry.due_ms, entry.planned.name)):
            if entry.due_ms > now_ms:
                break
            if entry.planned.device not in taken:
                taken.add(entry.planned.device)
                chosen.append(entry.planned.name)
        return chosen

    def started(self, name: str, now_ms: int) -> None:
        """The device is busy until `returned`. The next instant is on the source's own grid, so that phases hold."""
        entry = self._entries[name]
        self._busy[entry.planned.device] = name
        entry.due_ms = _next_on_grid(now_ms, entry.period_ms, entry.phase)

    def returned(self, name: str) -> None:
        """The call of this source is over, answered or abandoned-and-come-back: its device may be asked again."""
        device = self._entries[name].planned.device
        if self._busy.get(device) == name:
            del self._busy[device]

    def lend(self, device: str) -> bool:
        """No source of this device is due until `give_back`. False: it is busy, or lent already."""
        if device in self._busy or device in self._lent:
            return False
        self._lent.add(device)
        return True

    def give_back(self, device: str) -> None:
        self._lent.discard(device)

    def measured(self, name: str, started_ms: int, took_ms: int) -> bool:
        """Fit the period to how long the sweep took; True = the period changed."""
        entry = self._entries[name]
        own = entry.planned.period_ms
        before = entry.period_ms
        if took_ms * SWEEP_SHARE > entry.period_ms:
            entry.period_ms = min(_whole_multiple(took_ms * SWEEP_SHARE, own), own * LONGEST_STRETCH)
        elif entry.period_ms > own and took_ms * EASE_SHARE <= entry.period_ms:
            entry.period_ms = min(entry.period_ms, _whole_multiple(took_ms * SWEEP_SHARE, own))
        if entry.period_ms != before:
            entry.due_ms = _next_on_grid(started_ms, entry.period_ms, entry.phase)
        return entry.period_ms != before

    def postpone(self, name: str, until_ms: int) -> None:
        """Not before `until_ms`: the breaker is open."""
        entry = self._entries[name]
        entry.due_ms = max(entry.due_ms, until_ms)

    def hasten(self, name: str, now_ms: int) -> None:
        """Due at once: the sweep stopped half-way and goes on, or somebody asked."""
        self._entries[name].due_ms = now_ms

    def period_ms(self, name: str) -> int:
        return self._entries[name].period_ms

    def stretched(self, name: str) -> bool:
        entry = self._entries[name]
        return entry.period_ms > entry.planned.period_ms

    def next_due_ms(self) -> int | None:
        """Earliest instant an idle device has something due; None while every device is busy or nothing is planned."""
        taken = set(self._busy) | self._lent
        idle = [entry.due_ms for entry in self._entries.values() if entry.planned.device not in taken]
        return min(idle, default=None)


def _whole_multiple(wanted_ms: int, own_ms: int) -> int:
    return max(1, -(-wanted_ms // own_ms)) * own_ms


def _next_on_grid(now_ms: int, period_ms: int, phase: float) -> int:
    """First grid instant at least half a period ahead: a late sweep is not followed by another at once."""
    offset = int(phase * period_ms)
    earliest = now_ms + period_ms // 2
    return offset + -(-(earliest - offset) // period_ms) * period_ms
