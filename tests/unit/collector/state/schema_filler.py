"""A row of each of two customers in every table of the schema, made from the schema: no table can be left out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from hardcase_collector.storage.state.belonging import belongs, kind_of, tables, target_of
from hardcase_collector.storage.state.models import Model
from sqlalchemy import Column, Connection, Table, insert, select

Said = Callable[[Column[Any]], object]
"""What stands in a column, or None for what the filler would put there."""
Row = Mapping[str, object]


class Filler:
    """Rows of `north` and of `south`; in tables without customers' rows one of everybody."""

    def __init__(self, connection: Connection, said: Said = lambda column: None) -> None:
        self._connection = connection
        self._said = said
        self._numbers = itertools.count(1000)
        self._rows: dict[tuple[str, str], Row] = {}

    def fill(self) -> None:
        for table in tables():
            owners = ("north", "south") if belongs(table) is not None else ("everybody",)
            for owner in owners:
                row = {column.name: self._value(column, owner) for column in table.columns}
                self._connection.execute(insert(table).values(row))
                self._rows[table.name, owner] = row

    def _value(self, column: Column[Any], owner: str) -> object:
        chosen = self._said(column)
        if chosen is not None:
            return chosen
        if column.name == "customer":
            return owner
        target = target_of(column)
        if target is not None and target.table is not column.table:
            rows = self._rows
            return rows.get((target.table.name, owner), rows.get((target.table.name, "everybody"), {})).get(target.name)
        if target is not None:
            return None
        return self._plain(column, owner)

    def _plain(self, column: Column[Any], owner: str) -> object:
        mark = f"{owner}mark {column.table.name} {column.name}"
        if column.table.name == "customers" and column.name == "name":
            return owner
        kind = kind_of(column)
        if kind is bool:
            return False
        if column.name == "sensor_numbers":
            # What telemetry is read by, and says nothing.
            return "[1]"
        if kind is bytes:
            return mark.encode()
        if kind in (int, float):
            return next(self._numbers) if column.primary_key or column.unique else 0
        return mark


def dump(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    return {table.name: _rows(connection, table) for table in Model.metadata.sorted_tables}


def _rows(connection: Connection, table: Table) -> list[tuple[object, ...]]:
    return sorted((tuple(row) for row in connection.execute(select(table))), key=repr)


def holds(row: tuple[object, ...], word: str) -> bool:
    return any(word in str(cell) or (isinstance(cell, bytes) and word.encode() in cell) for cell in row)
