"""A desk on an empty store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.empty_store import empty_store
from tests.unit.collector.cases.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    store = empty_store(tmp_path / "state.db")
    yield Bench(store)
    store.close()
