"""A storehouse on an empty store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.empty_store import empty_store
from tests.unit.collector.cases.bench import Bench
from tests.unit.collector.parts.bench import Storehouse


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Storehouse]:
    store = empty_store(tmp_path / "state.db")
    yield Storehouse(Bench(store))
    store.close()
