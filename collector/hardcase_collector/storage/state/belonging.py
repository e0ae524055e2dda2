"""Which rows of which table are a customer's: by what the row says itself, else by what it refers to.

Read from the schema, so that a new table is nobody's exception. Used by `erasing.py` and `pseudonyms.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, TypeDecorator, bindparam, or_, select

from hardcase_collector.storage.state.models import Model

# Columns that refer to a row without saying so to the database: the hot path names only what is known.
_BY_NAME = {
    "asset": "assets.id",
    "agent": "agents.number",
    "feed": "feeds.number",
    "case_id": "cases.id",
    "order_id": "part_orders.id",
    "user_name": "users.name",
}
# A depot stays ours when the customer it was kept for goes.
_NOT_THEIRS = frozenset({("depots", "customer")})

Condition = ColumnElement[bool]


@cache
def tables() -> tuple[Table, ...]:
    """Those that are referred to before those that refer to them, also where the database is not told of it."""
    graph: TopologicalSorter[Table] = TopologicalSorter()
    for table in Model.metadata.sorted_tables:
        targets = (target_of(column) for column in table.columns)
        graph.add(table, *(target.table for target in targets if target is not None and target.table is not table))
    return tuple(graph.static_order())


@cache
def belongs(table: Table) -> Condition | None:
    """True for rows of the customer in the parameter `of_customer`. None: a table that no customer has rows in."""
    found = list(_conditions(table))
    return or_(*found) if found else None


def _conditions(table: Table) -> Iterator[Condition]:
    if table.name == "customers":
        yield table.c.name == bindparam("of_customer")
    for column in table.columns:
        if (table.name, column.name) in _NOT_THEIRS:
            continue
        if column.name == "customer":
            yield column == bindparam("of_customer")
            continue
        target = target_of(column)
        if target is None or target.table is table or target.table.name == "customers":
            continue
        theirs = belongs(target.table)
        if theirs is not None:
            yield column.in_(select(target).where(theirs))


def target_of(column: Column[Any]) -> Column[Any] | None:
    """What this column refers to."""
    for key in column.foreign_keys:
        return key.column
    named = _BY_NAME.get(column.name)
    if named is None:
        return None
    table, _, name = named.partition(".")
    found: Column[Any] = Model.metadata.tables[table].c[name]
    # "feed" is a number of the hot path in one table, the name of a power feed in another.
    return found if found.table is not column.table and _is_number(found) == _is_number(column) else None


def _is_number(column: Column[Any]) -> bool:
    return kind_of(column) is int


def kind_of(column: Column[Any]) -> type:
    """int, str, bytes, bool or float."""
    kind = column.type
    found: type = (kind.impl_instance if isinstance(kind, TypeDecorator) else kind).python_type
    return found
