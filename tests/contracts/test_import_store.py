"""The contract of imported files, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hardcase_collector.domain.ports import StateStore

from tests.contracts.import_store import ImportContract
from tests.fakes.empty_store import emptied_store, empty_store
from tests.peers.postgres import Postgres, postgres


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


class TestSqlite(ImportContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[StateStore]:
        opened = empty_store(tmp_path / "state.db")
        yield opened
        opened.close()


@pytest.mark.xdist_group("postgres")
class TestPostgresql(ImportContract):
    @pytest.fixture
    def store(self, server: Postgres) -> Iterator[StateStore]:
        opened = emptied_store(server)
        yield opened
        opened.close()
