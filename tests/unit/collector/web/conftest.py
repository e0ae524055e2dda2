"""A night at the desk for the tests of pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hardcase_collector.storage.state import SqlStateStore
from hardcase_collector.web.access import hash_password

from tests.unit.collector.web.browsing import PASSWORD
from tests.unit.collector.web.night import Night


@pytest.fixture(scope="session")
def hashed() -> str:
    return hash_password(PASSWORD)


@pytest.fixture
def night(tmp_path: Path, hashed: str) -> Iterator[Night]:
    store = SqlStateStore.open(f"sqlite:///{tmp_path / 'state.sqlite'}", migrate=True)
    yield Night(store, hashed)
    store.close()
