"""Import and export of the site's data on spares: every mistake at once, what would change, and then the change.

Called by the control socket within the caller's transaction; a dry run takes a reading one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from hardcase_collector.cases.workflow import Deed, require
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.errors import IllegalAction, NotAllowed, SheetError
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.spares import Depot, Service, Spare, SpareFit
from hardcase_collector.parts.sheet import Counted, Key, Kind, Line, SpareBooks, World, line_of, place_of, stored
from hardcase_collector.parts.sheet_text import MAX_TEXT, csv_texts, tables_of, toml_text
from hardcase_collector.parts.stock import Stock
from hardcase_collector.sheets.table import Mistakes, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line that is, or would be, added, changed or dropped."""

    turn: str
    kind: Kind
    key: Key
    line: Line


class SpareSheets:
    def __init__(self, stock: Stock, components: Collection[str]) -> None:
        """`components`: what a part may be, as the rules know it."""
        self._stock = stock
        self._components = components

    def plan(self, tx: Transaction, texts: Mapping[str, str], *, by: Actor) -> tuple[Change, ...]:
        """What these files (name -> text) would change.

        Raises SheetError with every mistake of every file, NotAllowed, IllegalAction for more text than anybody has.
        """
        require(by, Deed.STOCK)
        if by.customer is not None:
            raise NotAllowed("depots and the catalogue of spares are of all customers: ask who may see them all")
        if sum(map(len, texts.values())) > MAX_TEXT:
            raise IllegalAction("more than {most} characters at once: give fewer files", most=MAX_TEXT)
        mistakes = Mistakes()
        books, changes = stored(tx, customer=None), {}
        world = World(
            components=self._components,
            sites={(site.customer, site.name) for site in tx.registry.sites(customer=None)},
            customers={one.name for one in tx.registry.customers(customer=None)},
        )
        rows: dict[tuple[Kind, Key], Table] = {}
        for kind, table in tables_of(texts, mistakes):
            change = _change(kind, table, books, world, rows)
            if change is not None:
                changes[kind, change.key] = change
        if mistakes.found:
            raise SheetError(mistakes.lines())
        return tuple(changes.values())

    def apply(self, tx: Transaction, changes: Collection[Change], *, by: Actor, now_ms: int) -> None:
        """Raises IllegalAction, NotAllowed where the depot's books say otherwise by now."""
        require(by, Deed.STOCK)
        for change in changes:
            self._put(tx, change, by, now_ms)
        counts = {kind: sum(change.kind is kind for change in changes) for kind in Kind}
        facts = {str(kind): count for kind, count in counts.items() if count}
        tx.access.audit(at_ms=now_ms, actor=by.name, action="spares.imported", subject="", facts=facts)

    def _put(self, tx: Transaction, change: Change, by: Actor, now_ms: int) -> None:
        match change.line:
            case Depot():
                tx.spares.save_depot(change.line)
            case Service():
                if change.turn == "dropped":
                    tx.spares.drop_service(change.line)
                else:
                    tx.spares.save_service(change.line)
            case Spare():
                tx.spares.save_spare(change.line)
            case SpareFit():
                if change.turn == "dropped":
                    tx.spares.drop_fit(change.line)
                else:
                    tx.spares.save_fit(change.line)
            case Counted():
                self._count(tx, change.line, by, now_ms)

    def _count(self, tx: Transaction, line: Counted, by: Actor, now_ms: int) -> None:
        marks = {"minimum": line.minimum, "reorder_point": line.reorder_point}
        self._stock.mark(tx, line.depot, line.part_number, **marks, by=by, now_ms=now_ms)
        self._stock.count(tx, line.depot, line.part_number, free=line.free, serials=line.serials, by=by, now_ms=now_ms)

    def export(self, tx: Transaction, *, by: Actor, form: str) -> Mapping[str, str]:
        """File name -> text, within his scope. `form`: "csv" or "toml"."""
        require(by, Deed.EXPORT)
        books = stored(tx, customer=by.customer)
        return csv_texts(books) if form == "csv" else {"spares.toml": toml_text(books)}


def _change(
    kind: Kind, table: Table, books: SpareBooks, world: World, rows: dict[tuple[Kind, Key], Table]
) -> Change | None:
    found = line_of(kind, table, books, world)
    if found is None:
        return None
    line, dropped = found
    key = place_of(line)[1]
    first = rows.setdefault((kind, key), table)
    if first is not table:
        table.wrong("", f"says again what {first.file}:{first.line} says")
        return None
    was = books.lines[kind].get(key)
    if dropped:
        books.lines[kind].pop(key, None)
        return None if was is None else Change(turn="dropped", kind=kind, key=key, line=line)
    if was == line:
        return None
    books.put(line)
    return Change(turn="added" if was is None else "changed", kind=kind, key=key, line=line)
