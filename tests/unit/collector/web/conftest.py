"""A night at the desk for the tests of pages: made once, copied for each test; passwords that cost next to nothing.

Each check of a real one takes a fifth of a second of a core; what a real one costs is tested in `test_access.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import argon2
import pytest
from hardcase_collector.domain.case import Case
from hardcase_collector.storage.state import SqlStateStore
from hardcase_collector.web import passwords

from tests.fakes.empty_store import quick_store
from tests.unit.collector.web.browsing import PASSWORD
from tests.unit.collector.web.night import Night

_CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=16, parallelism=1)


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "real_cost" not in request.fixturenames:
        monkeypatch.setattr(passwords, "_HASHER", _CHEAP)


@pytest.fixture
def real_cost() -> None:
    """Passwords are hashed as the collector hashes them."""


@pytest.fixture(scope="session")
def hashed() -> str:
    return _CHEAP.hash(PASSWORD)


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
