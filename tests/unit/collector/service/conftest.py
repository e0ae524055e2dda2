"""A service desk on an empty store, by plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hardcase_collector.storage.state import SqlStateStore

from tests.fakes.empty_store import empty_store
from tests.unit.collector.service.bench import ServiceBench

Benches = Callable[..., ServiceBench]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStateStore]:
    opened = empty_store(tmp_path / "state.db")
    yield opened
    opened.close()


@pytest.fixture
def benches(store: SqlStateStore) -> Benches:
    """Of one plan; "" = nothing covers the asset."""

    def make(plan: str = "standard-3y", **more: object) -> ServiceBench:
        return ServiceBench(store, plan=plan, **more)  # type: ignore[arg-type]  # fields by name

    return make


@pytest.fixture
def bench(benches: Benches) -> ServiceBench:
    """Everything covered, nothing consented to beforehand."""
    return benches()
