"""What every test shares: the environment is scrubbed, and captured hardware data is found or its absence is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

for name in list(os.environ):
    if name.startswith("HARDCASE_") and name != "HARDCASE_FIXTURES":
        del os.environ[name]
# A proxy of the machine must never see loopback traffic of a test.
for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
    os.environ.pop(name, None)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root folder."""
    return ROOT


@pytest.fixture(scope="session")
def captures() -> Path:
    """Captured data of real hardware, which is kept outside the project."""
    folder = Path(os.environ.get("HARDCASE_FIXTURES", ROOT.parent / "shared" / "fixtures"))
    if not folder.is_dir():
        pytest.skip(f"no captures at {folder}: set HARDCASE_FIXTURES")
    return folder
