"""A service desk on an empty store, by plan. The schema is made once; each test has its own copy of the file."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hardcase_collector.storage.state import SqlStateStore

from tests.unit.collector.service.bench import ServiceBench

Benches = Callable[..., ServiceBench]


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("schema") / "state.db"
    SqlStateStore.open(f"sqlite:///{file}", migrate=True).close()
    return file


@pytest.fixture
def store(empty: Path, tmp_path: Path) -> Iterator[SqlStateStore]:
    shutil.copy(empty, tmp_path / "state.db")
    opened = SqlStateStore.open(f"sqlite:///{tmp_path}/state.db", migrate=False)
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
