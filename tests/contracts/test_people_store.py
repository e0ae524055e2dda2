"""The state store against what people's sessions, API tokens and the audit log promise: on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hardcase_collector.storage.state.store import SqlStateStore

from tests.contracts.people_store import AuditContract, PeopleContract
from tests.fakes.empty_store import emptied_store, empty_store
from tests.peers.postgres import Postgres, postgres


class TestSqlite(PeopleContract, AuditContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqlStateStore]:
        opened = empty_store(tmp_path / "state.db")
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.mark.xdist_group("postgres")
class TestPostgres(PeopleContract, AuditContract):
    @pytest.fixture
    def store(self, server: Postgres) -> Iterator[SqlStateStore]:
        opened = emptied_store(server)
        yield opened
        opened.close()
