"""Imports and exports the books, and changes single lines of them by the same way. Called by the control socket.

A dry run and the real one are the same work but for the last step, so what the one says the other does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hardcase_collector.domain.errors import NotAllowed, NotFound, SheetError
from hardcase_collector.domain.state_store import Transaction
from hardcase_collector.registry import csv_text, toml_text
from hardcase_collector.registry.changes import Change, apply, changes_between
from hardcase_collector.registry.checking import Checking, check_the_rest
from hardcase_collector.registry.making import Known, Making
from hardcase_collector.registry.moving import check_moves, check_strangers, watches
from hardcase_collector.registry.reading import read_rows
from hardcase_collector.registry.written import Books, Key, Kind, Row, World, customer_of, place_of, stored_books
from hardcase_collector.sheets.table import Mistakes, Table

TYPED = "as given"
"""In place of a file's name for a line that somebody typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run found. With mistakes nothing is changed, and `changes` is empty."""

    mistakes: tuple[str, ...]
    """One line each: file, line, key, what is wrong."""
    changes: tuple[Change, ...]
    moved_agents: tuple[int, ...] = ()
    """Numbers of agents that belong to another customer now: each must greet the collector again."""
    together: frozenset[str] = frozenset()
    """Keys of assets that take agents with them to another customer: all of them in one transaction, or none."""


class Keeper:
    """`world` is asked anew at each run: plans and calendars may have been reloaded."""

    def run(
        self,
        tx: Transaction,
        files: Mapping[str, str],
        world: World,
        *,
        customer: str | None,
        remove: bool,
        dry_run: bool,
    ) -> Outcome:
        """Imports files (name -> text). `remove`: lines of the same kinds and customers that no file has, go.

        `customer`: the only one whose lines may be there. None = all. A dry run needs no right to write.
        """
        mistakes = Mistakes()
        tables: list[tuple[Kind, Table]] = []
        for name, text in files.items():
            reader = toml_text.tables_of if name.lower().endswith(".toml") else csv_text.tables_of
            tables += reader(name, text, mistakes)
        return self._carry(tx, tables, mistakes, world, customer=customer, remove=remove, dry_run=dry_run)

    def put(
        self,
        tx: Transaction,
        kind: Kind,
        values: Mapping[str, object],
        world: World,
        *,
        customer: str | None,
        fresh: bool | None,
    ) -> Outcome:
        """What adding or changing one line changes. `fresh` True: it must be new; False: there; None: either.

        Raises SheetError, NotAllowed, NotFound.
        """
        mistakes = Mistakes()
        tables = [(kind, Table(TYPED, (kind.value,), dict(values), {}, mistakes))]
        outcome = self._carry(tx, tables, mistakes, world, customer=customer, remove=False, dry_run=True)
        if outcome.mistakes:
            raise SheetError(outcome.mistakes)
        rows = read_rows([(kind, Table(TYPED, (kind.value,), dict(values), {}, Mistakes()))])
        self._hold_to(outcome, rows, kind, fresh)
        return outcome

    @staticmethod
    def _hold_to(outcome: Outcome, rows: Sequence[Row], kind: Kind, fresh: bool | None) -> None:
        added = any(change.before is None and change.kind is kind for change in outcome.changes)
        name = " ".join(filter(None, rows[0].key))
        if fresh is True and not added:
            raise NotAllowed("there is a {kind} {name} already; change it instead", kind=kind, name=name)
        if fresh is False and added:
            raise NotFound("there is no {kind} {name}; add it first", kind=kind, name=name)

    def _carry(
        self,
        tx: Transaction,
        tables: Iterable[tuple[Kind, Table]],
        mistakes: Mistakes,
        world: World,
        *,
        customer: str | None,
        remove: bool,
        dry_run: bool,
    ) -> Outcome:
        tables = list(tables)
        before = stored_books(tx, customer=customer)
        known = {
            asset.key: Known(asset.key, asset.customer, asset.facts, asset.joined_ms > 0)
            for asset in tx.assets.all(customer=customer)
        }
        after, rows = _merged(read_rows(tables), before, known)
        if remove:
            _take_away(before, after, rows, {kind for kind, _ in tables}, customer)
        checking = Checking(after, world, customer)
        for (kind, key), row in rows.items():
            checking.check(after.lines[kind][key], row)
        check_the_rest(before, after, rows, mistakes)
        owners = {key: one.customer for key, one in known.items()}
        check_strangers(tx, after, owners, rows)
        moving = watches(tx, after, owners)
        check_moves(moving, after, owners, rows)
        if mistakes.found:
            return Outcome(mistakes=mistakes.lines(), changes=())
        changes = changes_between(before, after)
        moved = () if dry_run else apply(tx, changes)
        return Outcome(mistakes=(), changes=changes, moved_agents=moved, together=frozenset(moving))


def export(tx: Transaction, *, customer: str | None) -> Books:
    """What `csv_text.texts_of` and `toml_text.text_of` write."""
    return stored_books(tx, customer=customer)


def _merged(
    read: Sequence[Row], before: Books, known: Mapping[str, Known]
) -> tuple[Books, dict[tuple[Kind, Key], Table]]:
    after = before.copy()
    making = Making(after, known)
    rows: dict[tuple[Kind, Key], Table] = {}
    for row in read:
        line = making.line_of(row)
        if line is None:
            continue
        first = rows.setdefault(place_of(line), row.table)
        if first is row.table:
            after.put(line)
        else:
            row.table.wrong("", f"is the same {row.kind} as in {first.file}, line {first.line}")
    return after, rows


def _take_away(
    before: Books,
    after: Books,
    rows: Mapping[tuple[Kind, Key], Table],
    kinds: Iterable[Kind],
    customer: str | None,
) -> None:
    """A customer is never taken away so: he is forgotten, with all that was his."""
    named = {customer_of(after.lines[kind][key], after) for kind, key in rows} | ({customer} if customer else set())
    for kind in set(kinds) - {Kind.CUSTOMER}:
        for key, line in before.lines[kind].items():
            if (kind, key) not in rows and customer_of(line, before) in named:
                del after.lines[kind][key]
