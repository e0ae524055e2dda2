"""Puts a backup into an empty data directory, or in the place of what is there. No collector runs meanwhile.

Called by the `restore` command, under the lock of the data directory. Everything is unpacked and checked beside what
is there before anything is replaced; the CA comes last, and without it `serve` does not start: a restore that was cut
off is seen, and is simply begun again with the same file: rows that are in PostgreSQL already stay there (`begun.py`).
"""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, select, text
from sqlalchemy.engine import URL

from hardcase_collector.domain.errors import ConfigError, IllegalAction, StoreFailed
from hardcase_collector.storage.backup import archive
from hardcase_collector.storage.backup.archive import About, Manifest
from hardcase_collector.storage.backup.begun import RESTORED, Begun, begin, begun_in, end
from hardcase_collector.storage.backup.taking import EVIDENCE, PKI, STATE, TELEMETRY
from hardcase_collector.storage.migrations import bring_up, is_known
from hardcase_collector.storage.state.access_store import SqlAccessStore
from hardcase_collector.storage.state.connections import parse_url, plain_engine, writer_engine
from hardcase_collector.storage.state.copying import copy_rows, go_on_counting
from hardcase_collector.storage.state.failures import named
from hardcase_collector.storage.state.models import AgentRow, CaseDayRow, UserRow
from hardcase_collector.storage.state.upserts import table_of, upsert
from hardcase_collector.storage.telemetry.tables import VERSION

STAGE = "restore.tmp"
NUMBERS_LEFT_OUT = 1000
"""Case numbers of the present day that are not given: some of them may have been, after the backup, and told."""

_DAYS = table_of(CaseDayRow)


def check(file: Path) -> Manifest:
    """Reads all of it and writes nothing. Raises FileDamaged, ConfigError (a newer program's), OSError."""
    manifest = archive.unpack(file, None)
    _known(manifest.about)
    return manifest


def restore(file: Path, data_dir: Path, state_url: str, *, replace: bool, now_ms: int) -> Manifest:
    """Raises FileDamaged, ConfigError, IllegalAction (there is a collector and `replace` was not said), StoreFailed."""
    state = parse_url(state_url)
    begun = begun_in(data_dir)
    _refuse_to_overwrite(data_dir, state, replace=replace, begun=begun)
    stage = data_dir / STAGE
    try:
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir(mode=0o700)
        manifest = archive.unpack(file, stage)
        _known(manifest.about)
        _bring_up_to_date(stage / STATE, manifest.about, now_ms)
        placed = _prepare(state, begun, manifest.about)
        aside = data_dir / f"replaced-{now_ms}"
        _put_aside(data_dir, aside, state)
        if not placed:
            begin(data_dir, manifest.about, now_ms)
            _place_state(stage / STATE, state)
        for name in (TELEMETRY, EVIDENCE, PKI):
            (stage / name).mkdir(mode=0o700, exist_ok=True)
            os.rename(stage / name, data_dir / name)
        end(data_dir)
        _sync(data_dir)
    except OSError as error:
        raise StoreFailed(f"restore: {error.filename or data_dir}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return manifest


def _known(about: About) -> None:
    if not is_known(about.schema) or about.telemetry_version > VERSION:
        raise ConfigError(
            (f"this backup was taken by version {about.version}, which is newer: install that one first",)
        )


def _refuse_to_overwrite(data_dir: Path, state: URL, *, replace: bool, begun: Begun | None) -> None:
    if replace or (begun is not None and not (data_dir / PKI / "ca.key").exists()):
        return
    if (data_dir / PKI / "ca.key").exists() or (data_dir / TELEMETRY).exists():
        raise IllegalAction(
            "{folder} holds a collector: say --replace to put it aside there, or name another place", folder=data_dir
        )
    if state.get_backend_name() == "sqlite" and Path(str(state.database)).exists():
        raise IllegalAction("{file} exists: say --replace to put it aside", file=state.database)


def _bring_up_to_date(path: Path, about: About, now_ms: int) -> None:
    """Migrates what was unpacked, and writes down that it was restored."""
    engine = plain_engine(parse_url(f"sqlite:///{path}"))
    try:
        with named("being restored"):
            bring_up(engine)
            with engine.begin() as connection:
                _leave_out_numbers(connection, now_ms)
                SqlAccessStore(connection).audit(
                    at_ms=now_ms,
                    actor="restore",
                    action=RESTORED,
                    subject="",
                    facts={"taken_ms": about.taken_ms, "version": about.version},
                )
    finally:
        engine.dispose()


def _leave_out_numbers(connection: Connection, now_ms: int) -> None:
    day = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%d")
    last = connection.execute(select(_DAYS.c.last).where(_DAYS.c.day == day)).scalar_one_or_none() or 0
    connection.execute(upsert(connection, _DAYS), {"day": day, "last": last + NUMBERS_LEFT_OUT})


def _put_aside(data_dir: Path, aside: Path, state: URL) -> None:
    """The CA first: from here on nothing starts until the new one is there."""
    found = [data_dir / name for name in (PKI, TELEMETRY, EVIDENCE)]
    if state.get_backend_name() == "sqlite":
        found += [Path(f"{state.database}{ending}") for ending in ("", "-wal", "-shm")]
    for path in found:
        if path.exists():
            aside.mkdir(mode=0o700, exist_ok=True)
            shutil.move(path, aside / path.name)


def _prepare(state: URL, begun: Begun | None, about: About) -> bool:
    """A database that cannot take the rows is told of while everything is still where it was. True: it has them."""
    if state.get_backend_name() == "sqlite":
        return False
    engine = writer_engine(state)
    try:
        with named("being restored"):
            bring_up(engine)
            with engine.begin() as connection:
                if begun is not None and begun.left_in(connection):
                    begun.check_same(about)
                    return True
                _refuse_full(connection)
    finally:
        engine.dispose()
    return False


def _place_state(path: Path, state: URL) -> None:
    if state.get_backend_name() == "sqlite":
        target = Path(str(state.database))
        if target.parent.stat().st_dev == path.stat().st_dev:
            os.rename(path, target)
        else:
            shutil.move(path, target)
        _sync(target.parent)
        return
    source, target_engine = plain_engine(parse_url(f"sqlite:///{path}")), writer_engine(state)
    try:
        with named("being restored"), source.connect() as old, target_engine.begin() as new:
            _refuse_full(new)
            copy_rows(old, new)
            go_on_counting(new)
    finally:
        source.dispose()
        target_engine.dispose()


def _refuse_full(connection: Connection) -> None:
    """A database is not put aside by us: an empty one is to be given."""
    for model in (AgentRow, UserRow):
        if connection.execute(select(text("1")).select_from(table_of(model)).limit(1)).first() is not None:
            raise IllegalAction("the state database is not empty: make a new one, and name it in state.url")


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)
