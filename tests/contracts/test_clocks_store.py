"""The contract of terms, clocks, queue and duty, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hardcase_collector.domain.ports import StateStore
from hardcase_collector.storage.state import SqlStateStore

from tests.contracts.clocks_store import DutyContract, QueueContract, TermsContract, WatchedContract
from tests.fakes.empty_store import empty_store
from tests.peers.postgres import Postgres, postgres

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


class TestSqlite(TermsContract, WatchedContract, QueueContract, DutyContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[StateStore]:
        opened = empty_store(tmp_path / "state.db")
        yield opened
        opened.close()


@pytest.mark.xdist_group("postgres")
class TestPostgresql(TermsContract, WatchedContract, QueueContract, DutyContract):
    @pytest.fixture
    def store(self, server: Postgres) -> Iterator[StateStore]:
        opened = SqlStateStore.open(server.new_database(f"clocks{next(_NUMBERS)}"), migrate=True)
        yield opened
        opened.close()
