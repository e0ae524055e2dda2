"""A real PostgreSQL server on loopback, thrown away afterwards. Debian package: postgresql.

The server refuses to run as root, so as root it runs as the package's user `postgres`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from deploy.demo.ports import free_port

_START_S = 120
_STOP_S = 60


@dataclass(frozen=True, slots=True)
class Postgres:
    port: int

    def new_database(self, name: str) -> str:
        """Makes an empty database and gives its URL."""
        with self._admin() as admin:
            admin.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def databases(self) -> set[str]:
        with self._admin() as admin:
            return {str(name) for (name,) in admin.execute("SELECT datname FROM pg_database")}

    def url(self, name: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def _admin(self) -> psycopg.Connection:
        return psycopg.connect(self.url("postgres"), autocommit=True)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Starts a server and stops it; skips the test where the package is missing."""
    binaries = _binaries()
    # Under /tmp itself: the user postgres may not search the private folders that pytest makes.
    folder = Path(tempfile.mkdtemp(prefix="hardcase-pg-"))
    try:
        data = folder / "data"
        data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
            os.chown(data, owner.pw_uid, owner.pw_gid)
        _run(
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        )
        port = free_port()
        # Durability is the server's own business and not under test here: no fsync, or every test waits for the disk.
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        _run(binaries / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "-t", str(_START_S), "-o", options, "start")
        try:
            yield Postgres(port)
        finally:
            _run(binaries / "pg_ctl", "-D", data, "-w", "-t", str(_STOP_S), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if found:
        return found[-1].parent
    if on_path := shutil.which("pg_ctl"):
        return Path(on_path).parent
    pytest.skip("needs the Debian package postgresql")


def _run(program: Path, *arguments: object) -> None:
    as_postgres = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(
        [str(program), *map(str, arguments)],
        # pg_ctl hands its output on to the server, which would keep a pipe open for as long as it runs.
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        timeout=_START_S + _STOP_S,
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        check=False,
        **as_postgres,
    )
    if done.returncode != 0:
        said = next((Path(str(one)) for one in arguments if str(one).endswith("/log")), None)
        words = said.read_text(errors="replace")[-2000:] if said is not None and said.exists() else ""
        raise RuntimeError(f"{program.name} {arguments[-1]} ended with {done.returncode}\n{words}")
