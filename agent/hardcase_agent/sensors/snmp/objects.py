"""What a device showed, in OID order: rows of a column without reading everything. Pure.

Made by `decoding.py` and `look.py`, read by `layout.py` and `identity.py`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping

from hardcase_agent.sensors.snmp.values import Missing, Oid, Value


class Objects(Mapping[Oid, Value]):
    """A mapping that also knows what stands below an OID. What is `Missing` is in the mapping, but below nothing."""

    def __init__(self, values: Mapping[Oid, Value]) -> None:
        self._values = values
        self._order = sorted(oid for oid, value in values.items() if not isinstance(value, Missing))

    def __getitem__(self, oid: Oid) -> Value:
        return self._values[oid]

    def __iter__(self) -> Iterator[Oid]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def below(self, root: Oid) -> Iterator[Oid]:
        """OIDs below `root` (not itself), in order."""
        depth = len(root)
        for position in range(bisect_left(self._order, root), len(self._order)):
            oid = self._order[position]
            if oid[:depth] != root:
                return
            if len(oid) > depth:
                yield oid

    def rows(self, column: Oid) -> list[Oid]:
        """Indexes of a column's rows."""
        return [oid[len(column) :] for oid in self.below(column)]

    def has_below(self, root: Oid) -> bool:
        """Whether `root` itself or anything below it is there."""
        position = bisect_left(self._order, root)
        return position < len(self._order) and self._order[position][: len(root)] == root

    def told(self, oid: Oid) -> bool:
        return not isinstance(self._values.get(oid, Missing.NO_SUCH_OBJECT), Missing)


def indexed(values: Mapping[Oid, Value]) -> Objects:
    return values if isinstance(values, Objects) else Objects(values)
