"""The repair store's contract, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from tests.contracts.repair_store import RepairContract
from tests.contracts.stores import OnPostgresql, OnSqlite


class TestSqlite(OnSqlite, RepairContract):
    pass


class TestPostgresql(OnPostgresql, RepairContract):
    pass
