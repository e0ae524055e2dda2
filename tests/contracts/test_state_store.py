"""The state store's contract, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from tests.contracts.report_store import ReportContract
from tests.contracts.state_store import AccessContract, CaseContract, OutboxContract, StateStoreContract
from tests.contracts.stores import OnPostgresql, OnSqlite


class TestSqlite(OnSqlite, StateStoreContract, CaseContract, OutboxContract, AccessContract, ReportContract):
    pass


class TestPostgresql(OnPostgresql, StateStoreContract, CaseContract, OutboxContract, AccessContract, ReportContract):
    pass
