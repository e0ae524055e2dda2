"""A desk on an empty store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hardcase_collector.storage.state import SqlStateStore

from tests.unit.collector.cases.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    store = SqlStateStore.open(f"sqlite:///{tmp_path}/state.db", migrate=True)
    yield Bench(store)
    store.close()
