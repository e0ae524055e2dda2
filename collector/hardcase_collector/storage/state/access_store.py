"""AccessStore over SQL: people, the audit log and joining in one. Made by the transaction of `store.py`.

People are `people_store.py`, the audit log is `audit_store.py`, enrolment tokens are `joining_store.py`.
"""

from __future__ import annotations

from sqlalchemy import Connection

from hardcase_collector.storage.state.audit_store import SqlAuditStore
from hardcase_collector.storage.state.joining_store import SqlJoining
from hardcase_collector.storage.state.people_store import SqlPeopleStore


class SqlAccessStore(SqlPeopleStore, SqlAuditStore, SqlJoining):
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def probe(self) -> None:
        """Writes a row and takes it back: proves that the store can write."""
        self.add_session(hash="probe", user="", expires_ms=0)
        self.end_session("probe")
