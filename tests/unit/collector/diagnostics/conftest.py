"""One desk of diagnostics a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.empty_store import empty_store
from tests.unit.collector.diagnostics.bench import DiagnosticBench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[DiagnosticBench]:
    store = empty_store(tmp_path / "state.db")
    yield DiagnosticBench(store, tmp_path)
    store.close()
