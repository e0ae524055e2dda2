"""INSERT ... ON CONFLICT for both databases. Used by the stores beside it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from sqlalchemy import Connection, Dialect, FromClause, Table
from sqlalchemy.dialects import postgresql, sqlite

from hardcase_collector.storage.state.models import Model

Insert = sqlite.Insert | postgresql.Insert


def table_of(model: type[Model]) -> Table:
    table: FromClause = model.__table__
    assert isinstance(table, Table)
    return table


def insert_into(dialect: str, table: Table) -> Insert:
    """An INSERT that may say ON CONFLICT; `dialect`: name of the connection's dialect."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def upsert(connection: Connection, table: Table, *, keep: tuple[str, ...] = ()) -> Insert:
    """Inserts, or overwrites every column but the key and `keep`."""
    return _upsert(connection.dialect.name, table, keep)


def upsert_many(connection: Connection, table: Table, rows: Sequence[tuple[object, ...]]) -> None:
    """The hot path's upsert: values in the order of the table's columns, as the driver takes them.

    Compiled once and handed to the driver as it is: binding each row through the expression language costs twice as
    much as SQLite needs to write it.
    """
    connection.exec_driver_sql(_upsert_text(connection.dialect.name, table), list(rows))


@cache
def _upsert_text(dialect: str, table: Table) -> str:
    # Not the engine's own dialect: the driver takes positions, the expression language compiles names.
    if dialect == "postgresql":
        plain: Dialect = postgresql.dialect(paramstyle="format")  # type: ignore[no-untyped-call]  # untyped upstream
    else:
        plain = sqlite.dialect(paramstyle="qmark")
    return str(
        _upsert(dialect, table, ()).compile(dialect=plain, column_keys=[column.name for column in table.columns])
    )


@cache
def _upsert(dialect: str, table: Table, keep: tuple[str, ...]) -> Insert:
    # Made once: building the statement costs more than running it for one row.
    statement = insert_into(dialect, table)
    key = [column.name for column in table.primary_key]
    changed = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if column.name not in key and column.name not in keep
    }
    return statement.on_conflict_do_update(index_elements=key, set_=changed)
