"""Proof of a repair: the new part's serial is seen in inventory, and nothing fires for the soak time of its class.

Called by the desk's tick. A part without a serial is proven by the engineer's entry. What is not seen in time, and a
serial that nobody named, is told on the case; then a person looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hardcase_collector.cases.case_file import CaseFile, Occasion
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.case import Case, Outcome
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.ports import Announcer, Transaction
from hardcase_collector.domain.spares import OrderState, PartOrder, Sighting

LOOKED_FOR_MS = 30 * 86_400_000
"""After this an unseen part is not looked for any more: its case was closed by a person, or never will be by this."""
_EACH_MINUTE_MS = 60_000
_EACH_TEN_MINUTES_MS = 600_000
_AT_ONCE = 200
_SHORTEST_CUT = 8
"""Characters of a serial that are still one part's own; some controllers cut what they tell."""
_PROVEN = frozenset({Sighting.SEEN, Sighting.ENTERED})
_UNDER_WAY = frozenset({OrderState.REQUESTED, OrderState.RESERVED, OrderState.SHIPPED, OrderState.RECEIVED})
"""Another part is still to come: what a dead one is replaced by has an order of its own."""

Inventory = Sequence[tuple[str, Part, int]]
"""(source, part, when it was seen last)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What inventory says of a replaced part now."""

    sighting: Sighting
    serial: str = ""
    seen_ms: int = 0
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A case that closes by itself, and why."""

    case: Case
    facts: Mapping[str, Fact]
    outcome: Outcome


def sight_of(order: PartOrder, inventory: Inventory, *, now_ms: int, seen_within_ms: int) -> Sight:
    """`inventory`: of the order's asset, every source's rows."""
    mine = [row for row in inventory if row[1].component == order.component or not order.component]
    if order.new_serial:
        named = [row for row in mine if same_serial(row[1].serial, order.new_serial) and row[2] >= order.requested_ms]
        if named:
            return _told(Sighting.SEEN, max(named, key=_when))
    elif not order.old_serial:
        return Sight(sighting=Sighting.ENTERED, seen_ms=order.installed_ms)
    later = [row for row in mine if row[2] > order.installed_ms and row[1].serial]
    there = [row for row in later if order.slot and row[1].place() == _place(order)]
    newest = max(there, key=_when, default=None)
    if newest is not None and not same_serial(newest[1].serial, order.old_serial):
        # Where the engineer named none, the machine's own word is the new serial.
        return _told(Sighting.WRONG_SERIAL if order.new_serial else Sighting.SEEN, newest)
    if now_ms - order.installed_ms < seen_within_ms:
        return Sight(sighting=Sighting.WAITING)
    still = [row for row in later if same_serial(row[1].serial, order.old_serial)]
    if still:
        return _told(Sighting.OLD_STILL_THERE, max(still, key=_when))
    return Sight(sighting=Sighting.NOT_SEEN)


def same_serial(one: str, other: str) -> bool:
    """Also where one of the two observers cuts serials short."""
    short, long = sorted(("".join(one.split()).casefold(), "".join(other.split()).casefold()), key=len)
    return bool(short) and (short == long or (len(short) >= _SHORTEST_CUT and long.startswith(short)))


def _told(sighting: Sighting, row: tuple[str, Part, int]) -> Sight:
    return Sight(sighting=sighting, serial=row[1].serial, seen_ms=row[2], source=row[0])


def _when(row: tuple[str, Part, int]) -> int:
    return row[2]


def _place(order: PartOrder) -> str:
    return f"{order.component}@{order.slot}"


class Proof:
    """Looks for replaced parts, and tells which cases are proven."""

    def __init__(self, announcer: Announcer, *, seen_within_ms: int) -> None:
        self._announcer = announcer
        self._seen_within_ms = seen_within_ms

    def look(self, tx: Transaction, *, now_ms: int) -> None:
        """Looks for every new part that is due to be looked for, and tells what was found out about it."""
        for order in tx.spares.to_look_for(now_ms, limit=_AT_ONCE):
            inventory = tx.assets.inventory(order.asset)
            sight = sight_of(order, inventory, now_ms=now_ms, seen_within_ms=self._seen_within_ms)
            told = sight.sighting is not order.sighting and sight.sighting is not Sighting.WAITING
            kept = sight.sighting if told else order.sighting
            looked = replace(order, sighting=kept, look_ms=_next_look(order, kept, now_ms))
            if told:
                looked = replace(looked, sighted_ms=sight.seen_ms, sighted_serial=sight.serial)
                if kept is Sighting.SEEN and not order.new_serial:
                    looked = replace(looked, new_serial=sight.serial)
            tx.spares.save_order(looked, was=order.state)
            if told:
                self._tell(tx, looked, sight, now_ms)

    def _tell(self, tx: Transaction, order: PartOrder, sight: Sight, now_ms: int) -> None:
        facts: dict[str, Fact] = {
            "order": order.id,
            "sighting": str(sight.sighting),
            "expected": order.new_serial,
            "found": sight.serial,
            "seen_ms": sight.seen_ms,
            "source": sight.source,
        }
        code = "part_seen" if sight.sighting in _PROVEN else "part_not_seen"
        told = {name: value for name, value in facts.items() if value}
        CaseFile(tx, self._announcer).change(tx.cases.get(order.case), code, Occasion(now_ms=now_ms), told)

    def endings(self, tx: Transaction, *, now_ms: int, limit: int) -> Iterator[Ending]:
        """The cases that close by themselves now: proven repairs, and what may clear by itself and did.

        A case whose replaced part is not proven stays: a person closes it.
        """
        for case in tx.cases.soaked(now_ms=now_ms, limit=limit):
            ending = ending_of(case, tx.spares.orders_of(case.id), now_ms=now_ms)
            if ending is not None:
                yield ending


def ending_of(case: Case, orders: Iterable[PartOrder], *, now_ms: int) -> Ending | None:
    """`orders`: all of the case's."""
    orders = tuple(orders)
    replaced = [order for order in orders if order.installed_ms]
    since_ms = max((case.clear_since_ms, *(order.installed_ms for order in replaced)))
    if not case.clear_since_ms or now_ms - since_ms < case.soak_s * 1000:
        return None
    if not replaced:
        soaked: dict[str, Fact] = {"cause": "soaked", "soak_s": case.soak_s}
        by_itself = case.self_clearing or case.rehearsal
        return Ending(case=case, facts=soaked, outcome=Outcome.UNKNOWN) if by_itself else None
    if any(order.state in _UNDER_WAY for order in orders) or any(one.sighting not in _PROVEN for one in replaced):
        return None
    newest = max(replaced, key=lambda one: (one.installed_ms, one.id))
    proof: dict[str, Fact] = {
        "cause": "proof",
        "proof": str(newest.sighting),
        "soak_s": case.soak_s,
        "clear_since_ms": case.clear_since_ms,
        "parts": len(replaced),
        "new_serial": ", ".join(one.new_serial for one in replaced if one.new_serial),
        "old_serial": ", ".join(one.old_serial for one in replaced if one.old_serial),
        "seen_ms": newest.sighted_ms,
    }
    return Ending(case=case, facts={k: v for k, v in proof.items() if v}, outcome=Outcome.REPAIRED)


def _next_look(order: PartOrder, sighting: Sighting, now_ms: int) -> int:
    """Often while a repair is fresh, seldom later, and no more once it is proven or long ago."""
    if sighting in _PROVEN or now_ms - order.installed_ms > LOOKED_FOR_MS:
        return 0
    fresh = now_ms - order.installed_ms < 4 * 3_600_000
    return now_ms + (_EACH_MINUTE_MS if fresh else _EACH_TEN_MINUTES_MS)
