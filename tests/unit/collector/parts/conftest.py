"""A storehouse on an empty store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hardcase_collector.storage.state import SqlStateStore

from tests.unit.collector.cases.bench import Bench
from tests.unit.collector.parts.bench import Storehouse


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Storehouse]:
    store = SqlStateStore.open(f"sqlite:///{tmp_path}/state.db", migrate=True)
    yield Storehouse(Bench(store))
    store.close()
