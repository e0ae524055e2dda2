"""A real state store with nothing in it yet, for tests that do not ask how it came to be.

Bringing up the schema takes longer than most of those tests: with SQLite it is done once in a process, and each has a
copy of the file; on PostgreSQL once a server, and each has the tables emptied. Tests of the schema itself open theirs
with `migrate=True`.
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import psycopg
from hardcase_collector.storage.state import SqlStateStore

from tests.peers.postgres import Postgres

_EMPTIED = "emptied"
_TABLES = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"


def empty_store(file: Path) -> SqlStateStore:
    """Opens `file`, which is made where it is absent; whoever asks closes it."""
    if not file.exists():
        file.write_bytes(_schema())
    return SqlStateStore.open(f"sqlite:///{file}", migrate=False)


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
        # The audit log refuses to be emptied; a superuser may leave triggers out.
        session.execute("SET session_replication_role = replica")
        tables = [str(name) for (name,) in session.execute(_TABLES)]
        session.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY")  # type: ignore[arg-type]  # names, quoted
    return SqlStateStore.open(url, migrate=False)
