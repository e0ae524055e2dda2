"""What SQLite alone must do: durable settings, errors that say what to do, the lock of the data directory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.errors import ConfigError, StoreFailed, StoreLocked
from hardcase_collector.domain.observation import Limits, Sensor
from hardcase_collector.storage.state import SqlStateStore, StoreLock, texts
from hardcase_collector.storage.state.connections import parse_url
from hardcase_collector.storage.state.models.columns import Unsigned, Words, fold
from sqlalchemy import text

from tests.contracts.state_store import an_asset


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStateStore]:
    opened = SqlStateStore.open(f"sqlite:///{tmp_path}/state.db", migrate=True)
    yield opened
    opened.close()


@pytest.mark.parametrize("engine", ["_writer", "_reader"])
def test_every_connection_is_durable_and_checks_references(store: SqlStateStore, engine: str) -> None:
    with getattr(store, engine).begin() as connection:
        settings = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "query_only")
        }
    # synchronous 2 = FULL.
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 10_000,
        "query_only": 1 if engine == "_reader" else 0,
    }


def test_closing_folds_the_log_into_the_file(tmp_path: Path) -> None:
    store = SqlStateStore.open(f"sqlite:///{tmp_path}/state.db", migrate=True)
    with store.write() as tx:
        an_asset(tx)
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == ["state.db"]


def test_a_reader_does_not_wait_for_the_writer(store: SqlStateStore) -> None:
    with store.write() as tx:
        an_asset(tx)
        with store.read() as seen:
            assert seen.assets.all(customer=None) == []


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/db", "no url at all", ""])
def test_a_url_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="give sqlite:///PATH"):
        SqlStateStore.open(url, migrate=True)


def test_a_password_in_a_bad_url_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as refused:
        SqlStateStore.open("mysql://user:S3CRET@host/db", migrate=True)
    assert "S3CRET" not in str(refused.value)


def test_postgresql_is_spoken_by_psycopg() -> None:
    assert parse_url("postgresql://user@host/db").drivername == "postgresql+psycopg"
    assert parse_url("postgresql+psycopg://user@host/db").drivername == "postgresql+psycopg"


def test_a_folder_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match="folder exists"):
        SqlStateStore.open(f"sqlite:///{tmp_path}/absent/state.db", migrate=True)


def test_a_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"this is no database" * 1000)
    with pytest.raises(StoreFailed, match="restore a backup"):
        SqlStateStore.open(f"sqlite:///{tmp_path}/state.db", migrate=True)


def test_a_writer_held_by_another_process_is_told_and_ends(store: SqlStateStore) -> None:
    path = store._writer.url.database
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sqlite3,sys\n"
            f"c=sqlite3.connect({path!r},isolation_level=None)\n"
            "c.execute('BEGIN IMMEDIATE')\nprint('held',flush=True)\nsys.stdin.read()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with store._writer.connect() as connection:
            connection.connection.execute("PRAGMA busy_timeout=50")  # type: ignore[attr-defined]  # sqlite3's own
            connection.rollback()
        trouble = store.healthy()
        assert "find the other process" in trouble
    finally:
        holder.communicate(timeout=60)
    assert store.healthy() == ""


def test_a_writer_that_never_gives_up_its_turn_is_told(store: SqlStateStore) -> None:
    impatient = SqlStateStore(store._writer, store._reader, turn_wait_s=0.05)
    with impatient.write():
        assert "has been busy" in impatient.healthy()
    assert impatient.healthy() == ""


def test_a_full_disk_says_what_to_do(store: SqlStateStore) -> None:
    with store._writer.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        connection.rollback()
    with pytest.raises(StoreFailed, match="free space"), store.write() as tx:  # noqa: PT012  # all of it is undone
        for number in range(10_000):
            an_asset(tx, key=f"k{number}")
    with store.read() as seen:
        assert seen.assets.all(customer=None) == []


def test_one_process_holds_the_lock_and_the_next_is_told_who(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with StoreLock(path), pytest.raises(StoreLocked, match=str(os.getpid())), StoreLock(path):
        pass
    with StoreLock(path):
        pass


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    program = (
        "import sys\nfrom pathlib import Path\nfrom hardcase_collector.storage.state.lock import StoreLock\n"
        f"StoreLock(Path({str(path)!r})).acquire()\nprint('held',flush=True)\nsys.stdin.read()"
    )
    holder = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreLocked, match=str(holder.pid)):
            StoreLock(path).acquire()
    finally:
        holder.kill()
        holder.communicate(timeout=60)
    with StoreLock(path):
        pass


@pytest.mark.parametrize("value", [0, 1, 2**63 - 1, 2**63, 2**64 - 1])
def test_a_uint64_comes_back_as_it_went(value: int) -> None:
    column = Unsigned()
    stored = column.process_bind_param(value, None)  # type: ignore[arg-type]  # the dialect is not asked
    assert stored == fold(value)
    assert -(2**63) <= fold(value) < 2**63
    assert column.process_result_value(stored, None) == value  # type: ignore[arg-type]  # the dialect is not asked


def test_text_no_database_takes_is_cleaned() -> None:
    words = Words()
    clean = [words.process_bind_param(text, None) for text in ("a\x00b", "\ud800x", "\u7535", "", None)]  # type: ignore[arg-type]
    assert clean == ["ab", "?x", "\u7535", "", None]


def test_a_limit_of_zero_is_a_limit() -> None:
    sensor = Sensor(id="s", name="", kind="", limits=Limits(lower_critical=0.0), comparison=0)
    assert texts.load_sensors(texts.dump_sensors([sensor])) == (sensor,)
    assert texts.load_part(texts.dump_part(Part())) == Part()
