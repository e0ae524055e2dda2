"""Outputs of RAID tools below a folder, and what they decode to. Used by `arrays.py` and `arrays_verdicts.py`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from hardcase_agent.domain.capture import Capture
from hardcase_agent.sensors.arrays.decoding import decode


def raid_files(folder: Path) -> Iterator[Path]:
    for path in sorted((folder / "raid").rglob("*")):
        if path.is_file():
            yield path


@cache
def decoded(path: Path) -> tuple[object, ...]:
    return tuple(decode(Capture(path.name, {"": path.read_bytes()})))
