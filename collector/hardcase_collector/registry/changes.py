"""What would be added, changed and removed, and doing it within a transaction. Pure but for the transaction's ports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from hardcase_collector.domain.asset import AssetMode
from hardcase_collector.domain.customer import Contact, Customer, Entitlement, Site
from hardcase_collector.domain.errors import NotAllowed
from hardcase_collector.domain.identity import identify
from hardcase_collector.domain.state_store import Transaction
from hardcase_collector.registry.shown import shown
from hardcase_collector.registry.written import Booked, Books, Entitled, Key, Kind, Line, place_of


class Turn(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of the books that is not as it was."""

    turn: Turn
    kind: Kind
    key: Key
    fields: Mapping[str, tuple[object, object]]
    """Column -> value before, value after. None = there was, or is, no such line."""
    before: Line | None
    after: Line | None


def changes_between(before: Books, after: Books) -> tuple[Change, ...]:
    """In the order in which they are applied: kinds as they depend on each other, then removals backwards."""
    kept = [change for kind in Kind for change in _of_kind(kind, before, after) if change.turn is not Turn.REMOVED]
    gone = [change for kind in Kind for change in _of_kind(kind, before, after) if change.turn is Turn.REMOVED]
    return (*kept, *reversed(gone))


def _of_kind(kind: Kind, before: Books, after: Books) -> list[Change]:
    old, new = before.lines[kind], after.lines[kind]
    found = []
    for key in sorted({*old, *new}):
        was, will = old.get(key), new.get(key)
        if was == will:
            continue
        fields = _fields(was, will)
        turn = Turn.ADDED if was is None else Turn.REMOVED if will is None else Turn.CHANGED
        found.append(Change(turn=turn, kind=kind, key=key, fields=fields, before=was, after=will))
    return found


def _fields(was: Line | None, will: Line | None) -> Mapping[str, tuple[object, object]]:
    old, new = shown(was) if was else {}, shown(will) if will else {}
    pairs = {name: (old.get(name), new.get(name)) for name in {**old, **new}}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1] and pair != (None, "")}


def apply(tx: Transaction, changes: Sequence[Change]) -> tuple[int, ...]:
    """Within the caller's transaction: all, or nothing. Numbers of the agents that went to another customer."""
    writer = _Writer(tx)
    for change in changes:
        line = change.before if change.after is None else change.after
        assert line is not None
        if change.after is None:
            writer.remove(line)
        else:
            writer.save(change.after, fresh=change.before is None)
    return tuple(writer.moved)


class _Writer:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._contacts: dict[str, dict[Key, int]] = {}
        """Customer -> natural key -> number, as it was before."""
        self._numbers: dict[str, int] = {}
        """Key -> number of assets met so far."""
        self.moved: list[int] = []

    def save(self, line: Line, *, fresh: bool) -> None:
        books = self._tx.registry
        match line:
            case Customer():
                books.save_customer(line)
            case Site():
                books.save_site(line)
            case Booked():
                books.save_custody(replace(line.custody, asset=self._asset(line)))
            case Contact():
                books.save_contact(replace(line, id=0 if fresh else self._contact(line)))
            case Entitled():
                number = self._number(line.key)
                known = 0 if fresh else self._entitlement(number, line)
                books.save_entitlement(replace(line.entitlement, asset=number, id=known))

    def remove(self, line: Line) -> None:
        books = self._tx.registry
        match line:
            case Site():
                books.remove_site(customer=line.customer, name=line.name)
            case Booked():
                number = self._number(line.key)
                books.remove_custody(number)
                self._tx.assets.drop_unseen(number)
            case Contact():
                books.remove_contact(self._contact(line))
            case Entitled():
                books.remove_entitlement(self._entitlement(self._number(line.key), line))
            case Customer():
                raise AssertionError("a customer is forgotten, not removed from the books")

    def _asset(self, line: Booked) -> int:
        """Its number. One that no agent has seen yet is added, to be bound when one does; one that moves is moved."""
        known = self._tx.assets.by_key(line.key)
        if known is None:
            basis = identify(line.facts)[1]
            made = self._tx.assets.add(
                key=line.key,
                basis=basis,
                facts=line.facts,
                customer=line.customer,
                mode=AssetMode.LIVE,
                joined_ms=0,
                live_from_ms=0,
            )
            self._numbers[line.key] = made.id
            return made.id
        if known.customer != line.customer:
            if known.joined_ms > 0 and not line.seen:
                # Since the books were looked at. To take it would take his agent too, which nobody asked for.
                raise NotAllowed(
                    "an agent of another customer has seen {asset} meanwhile: look at it, and try again",
                    asset=line.key,
                )
            self._tx.assets.move(known.id, line.customer)
            for number in self._tx.assets.observers(known.id):
                agent = self._tx.agents.by_number(number)
                if agent.customer != line.customer:
                    self._tx.agents.replace(replace(agent, customer=line.customer))
                    self.moved.append(number)
        if not line.seen and known.facts != line.facts:
            self._tx.assets.update_facts(known.id, line.facts)
        return known.id

    def _number(self, key: str) -> int:
        if key not in self._numbers:
            asset = self._tx.assets.by_key(key)
            assert asset is not None, "changes are applied in the order of kinds"
            self._numbers[key] = asset.id
        return self._numbers[key]

    def _contact(self, line: Contact) -> int:
        """0 = not kept yet."""
        if line.customer not in self._contacts:
            mine = self._tx.registry.contacts(customer=line.customer)
            self._contacts[line.customer] = {place_of(one)[1]: one.id for one in mine}
        return self._contacts[line.customer].get(place_of(line)[1], 0)

    def _entitlement(self, asset: int, line: Entitled) -> int:
        return next((one.id for one in self._tx.registry.entitlements(asset) if _same_cover(one, line.entitlement)), 0)


def _same_cover(one: Entitlement, other: Entitlement) -> bool:
    return (one.part, one.plan, one.starts) == (other.part, other.plan, other.starts)
