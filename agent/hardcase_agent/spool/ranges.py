"""Sequences that will never be served, as merged inclusive ranges. Used by recovery and by the spool."""

from __future__ import annotations

from bisect import bisect_right


class Ranges:
    """Sorted, disjoint, not touching."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._throughs: list[int] = []

    def add(self, first: int, through: int) -> None:
        if first > through:
            return
        at = 0
        while at < len(self._firsts) and self._throughs[at] + 1 < first:
            at += 1
        while at < len(self._firsts) and self._firsts[at] <= through + 1:
            first = min(first, self._firsts.pop(at))
            through = max(through, self._throughs.pop(at))
        self._firsts.insert(at, first)
        self._throughs.insert(at, through)

    def __contains__(self, sequence: int) -> bool:
        at = bisect_right(self._firsts, sequence) - 1
        return at >= 0 and sequence <= self._throughs[at]

    def covers(self, first: int, through: int) -> bool:
        at = bisect_right(self._firsts, first) - 1
        return at >= 0 and through <= self._throughs[at]

    def count(self, first: int, through: int) -> int:
        """How many sequences of first..through are in here."""
        return sum(
            max(0, min(through, own_through) - max(first, own_first) + 1)
            for own_first, own_through in zip(self._firsts, self._throughs, strict=True)
        )

    def outside(self, first: int, through: int) -> list[tuple[int, int]]:
        """The parts of first..through that are not in here."""
        left = []
        for own_first, own_through in zip(self._firsts, self._throughs, strict=True):
            if own_through < first or own_first > through:
                continue
            if own_first > first:
                left.append((first, own_first - 1))
            first = own_through + 1
        if first <= through:
            left.append((first, through))
        return left
