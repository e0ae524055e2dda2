"""A night at the desk for the tests of pages: made once, copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hardcase_collector.domain.case import Case
from hardcase_collector.storage.state import SqlStateStore
from hardcase_collector.web.passwords import hash_password

from tests.fakes.empty_store import quick_store
from tests.unit.collector.web.browsing import PASSWORD
from tests.unit.collector.web.night import Night


@pytest.fixture(scope="session")
def hashed() -> str:
    return hash_password(PASSWORD)


@pytest.fixture(scope="session")
def first_night(tmp_path_factory: pytest.TempPathFactory, hashed: str) -> tuple[Path, list[int], list[Case]]:
    """The file of its store, closed; its assets and cases."""
    path = tmp_path_factory.mktemp("night") / "state.sqlite"
    store = SqlStateStore.open(f"sqlite:///{path}", migrate=True)
    made = Night(store, hashed)
    store.close()
    return path, made.assets, made.cases


@pytest.fixture
def night(tmp_path: Path, hashed: str, first_night: tuple[Path, list[int], list[Case]]) -> Iterator[Night]:
    path, assets, cases = first_night
    for file in path.parent.glob(f"{path.name}*"):
        shutil.copy(file, tmp_path / file.name)
    store = quick_store(f"sqlite:///{tmp_path / path.name}")
    yield Night(store, hashed, assets=list(assets), cases=list(cases))
    store.close()
