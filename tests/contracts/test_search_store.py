"""Searching's contract, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from tests.contracts.search_store import SearchContract
from tests.contracts.stores import OnPostgresql, OnSqlite


class TestSqlite(OnSqlite, SearchContract):
    pass


class TestPostgresql(OnPostgresql, SearchContract):
    pass
