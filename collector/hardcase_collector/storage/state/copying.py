"""Copies every row of one state store into another of the same schema, whichever database each is.

Used by `storage/backup`: a backup always holds SQLite, also where the collector uses PostgreSQL.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Connection, Integer, Table, func, insert, select

from hardcase_collector.storage.state.models.columns import Model

ROWS = 2000
"""Rows held in memory at once."""


def copy_rows(source: Connection, target: Connection) -> None:
    """`target` has the schema and no rows of its own worth keeping."""
    tables = Model.metadata.sorted_tables
    for table in reversed(tables):
        # Only what a migration put there: nobody else may have written yet, and some tables refuse to be emptied.
        if target.execute(select(table).limit(1)).first() is not None:
            target.execute(table.delete())
    for table in tables:
        _copy(source, target, table)


def count_rows(connection: Connection) -> int:
    """Of all tables."""
    counts = (select(func.count()).select_from(table) for table in Model.metadata.sorted_tables)
    return sum(connection.execute(count).scalar_one() for count in counts)


def _copy(source: Connection, target: Connection, table: Table) -> None:
    found = source.execution_options(yield_per=ROWS).execute(select(table))
    for rows in found.mappings().partitions(ROWS):
        target.execute(insert(table), [dict(row) for row in rows])


def go_on_counting(target: Connection) -> None:
    """PostgreSQL numbers new rows after the copied ones; SQLite does so by itself."""
    if target.dialect.name != "postgresql":
        return
    for table in Model.metadata.sorted_tables:
        for column in table.primary_key.columns:
            if len(table.primary_key.columns) > 1 or not isinstance(column.type, BigInteger | Integer):
                continue
            sequence = target.execute(select(func.pg_get_serial_sequence(table.name, column.name))).scalar_one()
            if sequence:
                newest = target.execute(select(func.max(column))).scalar_one()
                target.execute(select(func.setval(sequence, newest or 1, newest is not None)))
