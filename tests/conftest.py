"""What every test shares: the environment is scrubbed, and captured hardware data is found or its absence is said."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
# A proxy of the machine must never see loopback traffic of a test; who runs the tests may speak another language, have
# another terminal, and be a service of systemd himself.
for name in (
    *("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"),
    *("LANG", "LANGUAGE", "LC_MESSAGES", "COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "PYTHONWARNINGS"),
    # Images of containers set it; every program that is started would compile all of the project anew.
    "PYTHONDONTWRITEBYTECODE",
    *("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "CREDENTIALS_DIRECTORY"),
    *(name for name in os.environ if name.startswith("PG")),
):
    os.environ.pop(name, None)
os.environ["LC_ALL"] = "C.UTF-8"


_NUMBERS = itertools.count()


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pytest's own is called like its test: of the 107 bytes that a Unix socket's path may have, 31 would be gone."""
    folder = tmp_path_factory.getbasetemp() / f"t{next(_NUMBERS)}"
    folder.mkdir(mode=0o700)
    return folder


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
    if getattr(config.option, "loadgroup", False):
        from tests.spread import arrange

        arrange(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    if config.option.dist != "loadgroup":
        return None
    from tests.spread import Spread

    # Not by the number of tests in a group: what takes longest has few.
    config.option.loadscopereorder = False
    return Spread(config, log)
