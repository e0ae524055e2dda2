"""The state store against what people's sessions, API tokens and the audit log promise: on SQLite and PostgreSQL."""

from __future__ import annotations

from tests.contracts.people_store import AuditContract, PeopleContract
from tests.contracts.stores import OnPostgresql, OnSqlite


class TestSqlite(OnSqlite, PeopleContract, AuditContract):
    pass


class TestPostgres(OnPostgresql, PeopleContract, AuditContract):
    pass
