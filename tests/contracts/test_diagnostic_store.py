"""The contract of requests for diagnostics, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from tests.contracts.diagnostic_store import DiagnosticContract
from tests.contracts.stores import OnPostgresql, OnSqlite


class TestSqlite(OnSqlite, DiagnosticContract):
    pass


class TestPostgresql(OnPostgresql, DiagnosticContract):
    pass
