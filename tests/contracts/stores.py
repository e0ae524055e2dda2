"""What a contract of stores is kept by: SQLite, and a real PostgreSQL. A class of tests inherits one of them, first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hardcase_collector.storage.state import SqlStateStore

from tests.fakes.empty_store import emptied_store, empty_store
from tests.peers.postgres import Postgres


class OnSqlite:
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqlStateStore]:
        opened = empty_store(tmp_path / "state.db")
        yield opened
        opened.close()


class OnPostgresql:
    @pytest.fixture
    def store(self, server: Postgres) -> Iterator[SqlStateStore]:
        opened = emptied_store(server)
        yield opened
        opened.close()
