"""Captured sysfs trees written out as files: tables of this folder's tests, and the JSON of the fixtures folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

FIXTURES = Path(os.environ.get("HARDCASE_FIXTURES", Path(__file__).parents[3] / ".." / "shared" / "fixtures")).resolve()


def fixture(name: str) -> Path:
    path = FIXTURES / name
    if not path.exists():
        pytest.skip(f"the captured hardware data is not here ({path}); set HARDCASE_FIXTURES")
    return path


def write_files(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


def write_capture(root: Path, capture: Path) -> Path:
    """A capture of {path: {content | symlink}} below `root`; returns its sys folder."""
    entries: dict[str, dict[str, str]] = json.loads(capture.read_text())
    for name, entry in entries.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if "symlink" in entry:
            path.symlink_to(entry["symlink"])
        elif "content" in entry:
            path.write_text(entry["content"])
    return root / "sys"
