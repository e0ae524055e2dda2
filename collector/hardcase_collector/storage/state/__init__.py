"""The state store: assets, rule state, findings, cases, outbox and access, on SQLite or PostgreSQL.

`app.py` opens `SqlStateStore`; everything else sees only the ports of `domain/ports.py`.
"""

from hardcase_collector.storage.state.lock import StoreLock
from hardcase_collector.storage.state.store import SqlStateStore

__all__ = ["SqlStateStore", "StoreLock"]
