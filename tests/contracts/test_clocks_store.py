"""The contract of terms, clocks, queue and duty, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from tests.contracts.clocks_store import DutyContract, QueueContract, TermsContract, WatchedContract
from tests.contracts.stores import OnPostgresql, OnSqlite


class TestSqlite(OnSqlite, TermsContract, WatchedContract, QueueContract, DutyContract):
    pass


class TestPostgresql(OnPostgresql, TermsContract, WatchedContract, QueueContract, DutyContract):
    pass
