"""Engines of the state store: one writer and a few snapshot readers, each set up as its database needs.

Called by `store.py` alone.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from hardcase_collector.domain.errors import ConfigError

# A statement that waits longer than this for a lock of another process fails and is told; the caller's batch is tried
# again. Well under the 60 s after which an unacknowledged agent reconnects.
LOCK_WAIT_S = 10
# Enough for pages, API, metrics and outbox at once; each SQLite connection holds its own page cache of about 2 MB.
READERS = 8
READER_WAIT_S = 10
# 16 MB: with batches of 1.3 MB a checkpoint every twelfth commit instead of every third.
_CHECKPOINT_PAGES = 4000
# One writer at a time also across processes: any constant will do as long as it never changes.
WRITER_KEY = 0x4843_5374_6174_65


def parse_url(url: str) -> URL:
    """Raises ConfigError for a URL this store cannot use. The password never appears in the message."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError(("the state store's URL cannot be read: give sqlite:///PATH or postgresql://...",)) from error
    kind = parsed.get_backend_name()
    if kind == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if kind != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise ConfigError((f"the state store cannot be {kind} here: give sqlite:///PATH (a file) or postgresql://...",))
    return parsed.set(drivername="sqlite+pysqlite")


def writer_engine(url: URL) -> Engine:
    """One connection; every transaction is exclusive among writers from its first statement on."""
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, read_only=False)
    engine = create_engine(
        url, pool_size=1, max_overflow=0, pool_timeout=LOCK_WAIT_S, pool_pre_ping=True, hide_parameters=True
    )

    @event.listens_for(engine, "begin")
    def _one_writer(connection: Connection) -> None:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_WAIT_S}s'")
        # An administrator's synchronous_commit=off would acknowledge what a power cut can take back.
        connection.exec_driver_sql("SET LOCAL synchronous_commit = on")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_KEY})")

    return engine


def reader_engine(url: URL) -> Engine:
    """Snapshots that refuse writes."""
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, read_only=True)
    return create_engine(
        url,
        pool_size=READERS,
        max_overflow=0,
        pool_timeout=READER_WAIT_S,
        pool_pre_ping=True,
        hide_parameters=True,
        isolation_level="REPEATABLE READ",
    ).execution_options(postgresql_readonly=True)


def plain_engine(url: URL) -> Engine:
    """Of a SQLite file that nobody else opens: a backup's. Its journal is gone when it is closed."""
    return create_engine(url, pool_size=1, max_overflow=0, hide_parameters=True)


def _sqlite_engine(url: URL, *, read_only: bool) -> Engine:
    engine = create_engine(
        url,
        pool_size=READERS if read_only else 1,
        max_overflow=0,
        pool_timeout=READER_WAIT_S if read_only else LOCK_WAIT_S,
        hide_parameters=True,
        connect_args={"check_same_thread": False, "timeout": LOCK_WAIT_S},
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, record: object) -> None:
        _set_up_sqlite(connection, read_only=read_only)

    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)
        if read_only:
            # A deferred transaction takes its snapshot at the first read, not at BEGIN.
            connection.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1").close()

    return engine


def _set_up_sqlite(connection: sqlite3.Connection, *, read_only: bool) -> None:
    # The driver must not begin transactions by itself: it would begin deferred ones, which can fail half way.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # FULL: in WAL mode NORMAL would lose the last commits at a power cut, after they were acknowledged.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
    cursor.execute(f"PRAGMA query_only={int(read_only)}")
    cursor.close()
