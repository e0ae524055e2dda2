"""A real state store with nothing in it yet, for tests that do not ask how it came to be.

Three things take longer than most of those tests, and none is what they test: bringing up the schema (with SQLite done
once in a process, each has a copy of the file; on PostgreSQL once a server, each has the tables emptied), waiting for
the disk at each commit (left out), and turning statements into SQL (kept from store to store). Tests of the schema, of
durability and of connections open theirs by `SqlStateStore.open`.
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import psycopg
from hardcase_collector.storage.state import SqlStateStore
from hardcase_collector.storage.state.connections import parse_url, reader_engine, writer_engine
from sqlalchemy import Dialect, Engine, event

from tests.peers.postgres import Postgres

_EMPTIED = "emptied"
_TABLES = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
_compiled: dict[Any, Any] = {}
_dialects: dict[tuple[str, str], Dialect] = {}


def empty_store(file: Path) -> SqlStateStore:
    """Opens `file`, which is made where it is absent; whoever asks closes it."""
    if not file.exists():
        file.write_bytes(_schema())
    return quick_store(f"sqlite:///{file}")


def quick_store(url: str) -> SqlStateStore:
    """Opens what has this program's schema."""
    parsed = parse_url(url)
    return SqlStateStore(_quick(writer_engine(parsed), "writer"), _quick(reader_engine(parsed), "reader"))


def _quick(engine: Engine, role: str) -> Engine:
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _no_sync(connection: Any, record: object) -> None:
            connection.execute("PRAGMA synchronous=OFF")

    kind = engine.dialect.name, role
    if kind not in _dialects:
        # A dialect knows its database from the first connection on.
        engine.connect().close()
        _dialects[kind] = engine.dialect
    # What is compiled is kept by dialect.
    engine.dialect = _dialects[kind]
    return engine.execution_options(compiled_cache=_compiled)


@functools.cache
def _schema() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "state.db"
        SqlStateStore.open(f"sqlite:///{file}", migrate=True).close()
        return file.read_bytes()


def emptied_store(server: Postgres) -> SqlStateStore:
    """Opens the one database that these tests share, without a row and with every number at its start.

    Whoever had it open before has closed it; migrations bring no rows of their own.
    """
    if _EMPTIED not in server.databases():
        return SqlStateStore.open(server.new_database(_EMPTIED), migrate=True)
    url = server.url(_EMPTIED)
    with psycopg.connect(url, autocommit=True) as session:
        # The audit log refuses to be emptied, and tables know each other; a superuser may leave such triggers out.
        session.execute("SET session_replication_role = replica")
        tables = [str(name) for (name,) in session.execute(_TABLES)]
        # Emptying all of them, of which most are empty, takes four times as long as looking.
        looks = " UNION ALL ".join(f"(SELECT '{name}' FROM {name} LIMIT 1)" for name in tables)
        for (name,) in session.execute(looks).fetchall():  # type: ignore[arg-type]  # names, quoted
            session.execute(f"DELETE FROM {name}")
        session.execute("SELECT setval(quote_ident(sequencename)::regclass, start_value, false) FROM pg_sequences")
    return quick_store(url)
