"""Which refusals of joining are written down: the first of an address for a reason, then how often it came again.

Pure; used by `enrolment.py`. Whoever is refused all day, and whoever refuses to stop, makes two entries a window; all
addresses together make a bounded number, above which they are counted without being named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hardcase_collector.domain.finding import Fact

WINDOW_MS = 3_600_000
MOST_GROUPS = 100
"""Addresses and reasons that are told apart within a window: with it at most 201 entries an hour."""
SEVERAL = "several addresses"


@dataclass(frozen=True, slots=True)
class Entry:
    """To be written into the audit log."""

    address: str
    name: str
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(slots=True)
class _Group:
    since_ms: int
    last: Entry
    more: int = 0


class RefusalLog:
    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], _Group] = {}
        self._others = 0
        self._others_since_ms = 0

    def note(self, peer: str, entry: Entry, *, now_ms: int) -> list[Entry]:
        """Counts one of this peer (`domain/pace.py`: group_of). What is to be written now, oldest first."""
        ended = self.due(now_ms=now_ms)
        key = (peer, entry.name)
        if (group := self._groups.get(key)) is not None:
            group.last, group.more = entry, group.more + 1
            return ended
        if len(self._groups) >= MOST_GROUPS:
            self._others_since_ms = self._others_since_ms if self._others else now_ms
            self._others += 1
            return ended
        self._groups[key] = _Group(now_ms, entry)
        return [*ended, entry]

    def due(self, *, now_ms: int, all: bool = False) -> list[Entry]:
        """Counts of windows that are over; with `all` of every one."""
        ended: list[Entry] = []
        # A clock that was set back ends them too.
        over = [key for key, one in self._groups.items() if all or not 0 <= now_ms - one.since_ms < WINDOW_MS]
        for key in over:
            group = self._groups.pop(key)
            if group.more:
                last = group.last
                ended.append(Entry(last.address, last.name, {**last.facts, "count": group.more}))
        if self._others and (all or not 0 <= now_ms - self._others_since_ms < WINDOW_MS):
            ended.append(Entry(SEVERAL, "several", {"count": self._others}))
            self._others = 0
        return ended
