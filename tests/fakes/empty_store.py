"""A real state store on SQLite with nothing in it yet, for tests that do not ask how it came to be.

Bringing up the schema takes longer than most of those tests: it is done once in a process, and each has a copy of the
file. Tests of the schema itself open theirs with `migrate=True`.
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from hardcase_collector.storage.state import SqlStateStore


def empty_store(file: Path) -> SqlStateStore:
    """Opens `file`, which is made where it is absent; whoever asks closes it."""
    if not file.exists():
        file.write_bytes(_schema())
    return SqlStateStore.open(f"sqlite:///{file}", migrate=False)


@functools.cache
def _schema() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "state.db"
        SqlStateStore.open(f"sqlite:///{file}", migrate=True).close()
        return file.read_bytes()
