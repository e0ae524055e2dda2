"""The state store as it was at one moment, for a backup: held open by a reader while others go on writing."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Self

from sqlalchemy import Connection, Engine, select

from hardcase_collector.storage.migrations import bring_up
from hardcase_collector.storage.state.connections import parse_url, plain_engine
from hardcase_collector.storage.state.copying import copy_rows, count_rows
from hardcase_collector.storage.state.failures import named
from hardcase_collector.storage.state.models import AgentRow


class StateSnapshot:
    """Opened by `SqlStateStore.freeze`; the caller closes it."""

    def __init__(self, connection: Connection, stack: ExitStack) -> None:
        self._connection = connection
        self._stack = stack

    @classmethod
    def of(cls, reader: Engine) -> Self:
        """Raises StoreFailed."""
        with ExitStack() as stack, named("being backed up"):
            connection = stack.enter_context(reader.begin())
            # PostgreSQL takes its snapshot at the first read of a table.
            connection.execute(select(AgentRow.id).limit(1)).all()
            return cls(connection, stack.pop_all())

    def write(self, path: Path) -> int:
        """A fresh SQLite file of the same schema with every row; how many. Raises StoreFailed."""
        engine = plain_engine(parse_url(f"sqlite:///{path}"))
        try:
            with named("being backed up"):
                if self._connection.dialect.name == "sqlite":
                    self._copy_file(path)
                else:
                    bring_up(engine)
                    with engine.begin() as target:
                        copy_rows(self._connection, target)
                with engine.connect() as written:
                    return count_rows(written)
        finally:
            engine.dispose()

    def _copy_file(self, path: Path) -> None:
        """Page by page, and without holding the interpreter; what others commit meanwhile this reader does not see."""
        source = self._connection.connection.driver_connection
        assert isinstance(source, sqlite3.Connection)
        with closing(sqlite3.connect(path)) as target:
            source.backup(target)
            # The reader's mode came with the pages; a backup is one file.
            target.execute("PRAGMA journal_mode=DELETE")

    def close(self) -> None:
        self._stack.close()
