"""The books' contract, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from tests.contracts.registry_store import RegistryContract
from tests.contracts.stores import OnPostgresql, OnSqlite


class TestSqlite(OnSqlite, RegistryContract):
    pass


class TestPostgresql(OnPostgresql, RegistryContract):
    pass
