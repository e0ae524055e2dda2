"""The contract of spare parts, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from tests.contracts.spare_store import SpareContract
from tests.contracts.stores import OnPostgresql, OnSqlite


class TestSqlite(OnSqlite, SpareContract):
    pass


class TestPostgresql(OnPostgresql, SpareContract):
    pass
