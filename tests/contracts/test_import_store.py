"""The contract of imported files, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from tests.contracts.import_store import ImportContract
from tests.contracts.stores import OnPostgresql, OnSqlite


class TestSqlite(OnSqlite, ImportContract):
    pass


class TestPostgresql(OnPostgresql, ImportContract):
    pass
