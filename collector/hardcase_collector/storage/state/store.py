"""SqlStateStore: the StateStore port over SQLAlchemy, for SQLite and PostgreSQL. Opened by app.py under StoreLock.

The tables are in `models/`, one class per aggregate in the `*_store.py` beside this file.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Self, TypeVar

from sqlalchemy import Connection, Engine

from hardcase_collector.domain.errors import StoreFailed, TryAgain
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.storage.migrations import bring_up, schema_trouble
from hardcase_collector.storage.state.access_store import SqlAccessStore
from hardcase_collector.storage.state.agent_store import SqlAgentStore
from hardcase_collector.storage.state.asset_store import SqlAssetStore
from hardcase_collector.storage.state.case_store import SqlCaseStore
from hardcase_collector.storage.state.clock_store import SqlClockStore
from hardcase_collector.storage.state.connections import parse_url, reader_engine, writer_engine
from hardcase_collector.storage.state.diagnostic_store import SqlDiagnosticStore
from hardcase_collector.storage.state.failures import named
from hardcase_collector.storage.state.feed_store import SqlFeedStore
from hardcase_collector.storage.state.finding_store import SqlFindingStore
from hardcase_collector.storage.state.forgetting_store import SqlForgettingStore
from hardcase_collector.storage.state.import_store import SqlImportStore
from hardcase_collector.storage.state.noise_store import SqlNoiseStore
from hardcase_collector.storage.state.outbox_store import SqlOutboxStore
from hardcase_collector.storage.state.registry_store import SqlRegistryStore
from hardcase_collector.storage.state.repair_store import SqlRepairStore
from hardcase_collector.storage.state.report_store import SqlReportStore
from hardcase_collector.storage.state.retention import forget
from hardcase_collector.storage.state.search_store import SqlSearchStore
from hardcase_collector.storage.state.snapshot import StateSnapshot
from hardcase_collector.storage.state.spare_store import SqlSpareStore

# A batch commits in milliseconds; a writer that holds the turn this long is stuck, and waiting longer helps nobody.
TURN_WAIT_S = 30.0
# Deadlocks come from other sessions on the same database; five losses in a row are no longer bad luck.
TRIES = 5

T = TypeVar("T")


class SqlTransaction:
    """One transaction; its stores share one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @cached_property
    def agents(self) -> SqlAgentStore:
        return SqlAgentStore(self._connection)

    @cached_property
    def assets(self) -> SqlAssetStore:
        return SqlAssetStore(self._connection)

    @cached_property
    def feeds(self) -> SqlFeedStore:
        return SqlFeedStore(self._connection)

    @cached_property
    def findings(self) -> SqlFindingStore:
        return SqlFindingStore(self._connection)

    @cached_property
    def cases(self) -> SqlCaseStore:
        return SqlCaseStore(self._connection)

    @cached_property
    def outbox(self) -> SqlOutboxStore:
        return SqlOutboxStore(self._connection)

    @cached_property
    def access(self) -> SqlAccessStore:
        return SqlAccessStore(self._connection)

    @cached_property
    def registry(self) -> SqlRegistryStore:
        return SqlRegistryStore(self._connection)

    @cached_property
    def forgetting(self) -> SqlForgettingStore:
        return SqlForgettingStore(self._connection)

    @cached_property
    def clocks(self) -> SqlClockStore:
        return SqlClockStore(self._connection)

    @cached_property
    def reports(self) -> SqlReportStore:
        return SqlReportStore(self._connection)

    @cached_property
    def repairs(self) -> SqlRepairStore:
        return SqlRepairStore(self._connection)

    @cached_property
    def spares(self) -> SqlSpareStore:
        return SqlSpareStore(self._connection)

    @cached_property
    def noise(self) -> SqlNoiseStore:
        return SqlNoiseStore(self._connection)

    @cached_property
    def search(self) -> SqlSearchStore:
        return SqlSearchStore(self._connection)

    @cached_property
    def imports(self) -> SqlImportStore:
        return SqlImportStore(self._connection)

    @cached_property
    def diagnostics(self) -> SqlDiagnosticStore:
        return SqlDiagnosticStore(self._connection)

    def forget(self, *, now_ms: int, limit: int) -> int:
        """See `retention.py`."""
        return forget(self._connection, now_ms=now_ms, limit=limit)


class SqlStateStore:
    """See `StateStore`. Safe to use from any thread: writers take turns, readers have their own connections."""

    def __init__(self, writer: Engine, reader: Engine, *, turn_wait_s: float = TURN_WAIT_S) -> None:
        self._writer = writer
        self._reader = reader
        self._turn_wait_s = turn_wait_s
        self._turn = threading.Lock()

    @classmethod
    def open(cls, url: str, *, migrate: bool) -> Self:
        """Opens, and brings the schema up where `migrate`.

        Raises ConfigError for an unusable URL; StoreFailed where the schema is not this program's, saying what to do.
        """
        parsed = parse_url(url)
        writer = writer_engine(parsed)
        try:
            with named("being opened"):
                if migrate:
                    bring_up(writer)
                elif trouble := schema_trouble(writer):
                    raise StoreFailed(trouble)
        except StoreFailed:
            writer.dispose()
            raise
        return cls(writer, reader_engine(parsed))

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        if not self._turn.acquire(timeout=self._turn_wait_s):
            raise StoreFailed(f"the state store's writer has been busy for {self._turn_wait_s:g} s: see the journal")
        try:
            with named("writing"), self._writer.begin() as connection:
                yield SqlTransaction(connection)
        finally:
            self._turn.release()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        with named("reading"), self._reader.begin() as connection:
            yield SqlTransaction(connection)

    def run(self, work: Callable[[Transaction], T]) -> T:
        """`write`, tried again where PostgreSQL asks for it (deadlock, serialization); `work` may run several times."""
        for attempt in range(1, TRIES + 1):
            try:
                with self.write() as tx:
                    return work(tx)
            except TryAgain:
                if attempt == TRIES:
                    raise
        raise AssertionError("unreachable")

    def freeze(self) -> StateSnapshot:
        """Everything as it is now, for a backup. Raises StoreFailed."""
        return StateSnapshot.of(self._reader)

    def healthy(self) -> str:
        """Writes and takes back one row: a full disk or a lost server shows here before a batch meets it."""
        try:
            with self.write() as tx:
                tx.access.probe()
        except StoreFailed as error:
            return str(error)
        return ""

    def close(self) -> None:
        """Waits for the writer's turn; SQLite folds its write-ahead log into the file as the last connection closes."""
        got = self._turn.acquire(timeout=self._turn_wait_s)
        try:
            self._reader.dispose()
            self._writer.dispose()
        finally:
            if got:
                self._turn.release()
