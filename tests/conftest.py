"""What every test shares: the environment is scrubbed, and captured hardware data is found or its absence is said."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.peers.postgres import Postgres, postgres

ROOT = Path(__file__).resolve().parent.parent

# How long an example takes is the machine's matter, and no test's. What decides whether a change lands must not depend
# on luck either; everywhere else each run tries new examples.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", settings.get_profile("patient"), derandomize=True)
settings.load_profile("repeatable" if os.environ.get("CI") else "patient")

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


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """A real PostgreSQL server, one a worker. Whoever makes a database on it gives it a name of his own."""
    with postgres() as running:
        yield running


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keeps the tests of one `xdist_group` on one worker.

    pytest-xdist 3.8 marks a test's group in an attribute that pytest does not read any more since 9.2, so that
    `--dist loadgroup` is silently without effect there.
    """
    if not getattr(config.option, "loadgroup", False):
        return
    for item in items:
        group = "_".join(sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")}))
        if group and not item.nodeid.endswith(f"@{group}"):
            item._id = item.id.parse(f"{item.nodeid}@{group}")  # type: ignore[attr-defined]  # see above
