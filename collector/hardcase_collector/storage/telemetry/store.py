"""The telemetry store: appends frames durably, answers series and recounts, keeps itself small.

One writer appends; pages read through their own cursors; `maintain` runs beside both on a thread of its own. Sealing
is in `sealing.py`, reading in `queries.py`, the shape of tables in `tables.py`.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import duckdb
import pyarrow as pa

from hardcase_collector.domain.errors import StoreFailed
from hardcase_collector.domain.observation import Catalogue, Frame
from hardcase_collector.domain.ports import EpochKey, Mark, Recount, Sample
from hardcase_collector.domain.stored_frame import StoredFrame
from hardcase_collector.storage.telemetry import frames as stored_frames
from hardcase_collector.storage.telemetry import queries, sealing
from hardcase_collector.storage.telemetry.engine import Engine
from hardcase_collector.storage.telemetry.snapshot import TelemetrySnapshot
from hardcase_collector.storage.telemetry.tables import (
    DAY_MS,
    FRAMES,
    SCHEMA,
    VERSION,
    OpenTable,
    RetentionClass,
    class_of,
    frame_table,
    open_table_of,
)
from hardcase_collector.storage.telemetry.upkeep import Upkeep

MARKS_KEPT = 100_000
"""Rows of the append-only marks table before it is rewritten with the newest of each epoch."""

RECOUNT_S = 3600.0

Result = TypeVar("Result")


class DuckTelemetryStore:
    """DuckDB tables per UTC day, sealed to Parquet. `step` is told each step of sealing (tests stop there)."""

    def __init__(
        self,
        folder: Path,
        *,
        memory_mb: int = 512,
        temp_mb: int = 2048,
        retention_days: Mapping[RetentionClass, int] | None = None,
        query_s: float = 20.0,
        step: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._folder = folder
        self._sealed = folder / "sealed"
        self._memory_mb, self._temp_mb, self._query_s = memory_mb, temp_mb, query_s
        self._retention = dict(sealing.RETENTION_DAYS if retention_days is None else retention_days)
        self._step = step
        self._lock = threading.RLock()
        self._trouble = ""
        self._open()

    # ------------------------------------------------------------------ opening

    def _open(self) -> None:
        """Opens the file and learns what it holds. Raises StoreFailed, saying why."""
        self._sealed.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._engine = Engine(self._folder / "telemetry.duckdb", memory_mb=self._memory_mb, temp_mb=self._temp_mb)
            self._db = self._engine.writer
            self._db.execute(SCHEMA)
            self._check_version()
            self._load()
        except duckdb.Error as error:
            self._trouble = f"telemetry store does not open: {error}"
            raise StoreFailed(self._trouble) from error
        self._trouble = ""

    def _check_version(self) -> None:
        found = self._db.execute("SELECT version FROM about").fetchone()
        if found is None:
            self._db.execute("INSERT INTO about VALUES (?)", [VERSION])
        elif found[0] != VERSION:
            raise StoreFailed(f"telemetry store has version {found[0]}, this release reads {VERSION}")

    def _load(self) -> None:
        rows = self._db.execute("SELECT agent, epoch, max(through), max(last_time_ms) FROM marks GROUP BY ALL")
        self._marks = {
            (agent, bytes(epoch)): Mark(through=through, last_time_ms=last)
            for agent, epoch, through, last in rows.fetchall()
        }
        found = self._db.execute("SELECT count(*) FROM marks").fetchone()
        self._mark_rows = int(found[0]) if found else 0
        self._catalogues = {number for (number,) in self._db.execute("SELECT number FROM catalogues").fetchall()}
        self._tables = [open_table_of(name) for name in queries.open_table_names(self._db)]
        self._tables.sort(key=lambda table: (table.day, table.part))
        for table in self._tables:
            counted = self._db.execute(f"SELECT count(*) FROM {table.name}").fetchone()
            table.rows = int(counted[0]) if counted else 0
        self._active = {table.day: table for table in self._tables}
        self._reserved: dict[int, int] = {}
        sealing.delete_unlisted(self._db, self._sealed)

    def _reopen(self, error: Exception) -> None:
        """After an error that spoils the connection the store starts again; the process goes on."""
        with contextlib.suppress(duckdb.Error):
            self._engine.close()
        with contextlib.suppress(StoreFailed):
            self._open()
        if not self._trouble:
            return
        self._trouble = f"{self._trouble}; before that: {error}"

    # ------------------------------------------------------------------ appending

    def append(self, frames: Sequence[Frame], marks: Mapping[EpochKey, Mark]) -> None:
        """One transaction, synced on return. Frames at or below the store's own mark are passed over.

        Raises StoreFailed; then nothing was kept and the store has been opened again or says why it cannot.
        """
        with self._lock:
            if self._trouble:
                self._open()
            fresh = self._fresh(frames)
            moved = {
                (key.agent, key.epoch): mark
                for key, mark in marks.items()
                if mark.through > self._through(key.agent, key.epoch)
            }
            if not fresh and not moved:
                return
            try:
                self._fold_log()
                self._commit(fresh, moved)
            except (duckdb.Error, pa.ArrowException, OverflowError) as error:
                self._reopen(error)
                raise StoreFailed(f"telemetry store refused a write: {error}") from error

    def _through(self, agent: int, epoch: bytes) -> int:
        mark = self._marks.get((agent, epoch))
        return 0 if mark is None else mark.through

    def _fresh(self, frames: Sequence[Frame]) -> Sequence[Frame]:
        known = {key: self._through(*key) for key in {(frame.agent, frame.epoch) for frame in frames}}
        if not any(known.values()):
            return frames
        return [frame for frame in frames if frame.sequence > known[frame.agent, frame.epoch]]

    def _commit(self, frames: Sequence[Frame], marks: Mapping[tuple[int, bytes], Mark]) -> None:
        catalogues = {frame.catalogue.number: frame.catalogue for frame in frames}
        new = [catalogue for number, catalogue in catalogues.items() if number not in self._catalogues]
        db = self._db
        db.begin()
        try:
            self._insert_catalogues(new)
            for day, of_day in by_day(frames):
                table = self._active.get(day)
                if table is None:
                    table = self._make_table(day)
                columns = frame_table(of_day)  # noqa: F841  DuckDB finds the Arrow table by its name
                db.execute(f"INSERT INTO {table.name} SELECT * FROM columns")
                table.rows += len(of_day)
                table.last_received_ms = of_day[-1].received_ms
            self._insert_marks(marks)
            db.commit()
        except BaseException:
            # The lists of tables are read again from the file by `_reopen`.
            with contextlib.suppress(duckdb.Error):
                db.rollback()
            raise
        self._catalogues.update(catalogue.number for catalogue in new)
        self._marks.update(marks)
        self._mark_rows += len(marks)

    def _make_table(self, day: int) -> OpenTable:
        taken = [table.part for table in self._tables if table.day == day]
        listed = queries.count(self._db, f"SELECT coalesce(max(part), 0) FROM parts WHERE day = {day}")
        table = OpenTable(day, max([*taken, listed, self._reserved.get(day, 0)]) + 1)
        self._db.execute(f"CREATE TABLE {table.name} {FRAMES}")
        self._tables.append(table)
        self._active[day] = table
        return table

    def _insert_catalogues(self, catalogues: Iterable[Catalogue]) -> None:
        for one in catalogues:
            self._db.execute(
                "INSERT INTO catalogues VALUES (?, ?, ?, ?, ?, ?, ?)",
                [one.number, one.feed, one.source, one.value_width, one.numbers, class_of(one).value,
                 list(one.sensor_numbers)],
            )  # fmt: skip

    def _insert_marks(self, marks: Mapping[tuple[int, bytes], Mark]) -> None:
        """Appended, never updated in place: an index would cost more than the frames of the same transaction."""
        if not marks:
            return
        columns = pa.table(  # noqa: F841  DuckDB finds the Arrow table by its name
            [
                pa.array([agent for agent, _ in marks], pa.int32()),
                pa.array([epoch for _, epoch in marks], pa.binary()),
                pa.array([mark.through for mark in marks.values()], pa.int64()),
                pa.array([mark.last_time_ms for mark in marks.values()], pa.int64()),
            ],
            names=["agent", "epoch", "through", "last_time_ms"],
        )
        self._db.execute("INSERT INTO marks SELECT * FROM columns")

    def _fold_log(self) -> None:
        if not self._engine.log_is_long:
            return
        if self._mark_rows > MARKS_KEPT:
            self._rewrite_marks()
        self._engine.fold_log()

    def _rewrite_marks(self) -> None:
        self._db.begin()
        self._db.execute(
            "CREATE TABLE newest AS SELECT agent, epoch, max(through) AS through, max(last_time_ms) AS last_time_ms"
            " FROM marks GROUP BY ALL; DROP TABLE marks; ALTER TABLE newest RENAME TO marks"
        )
        self._db.commit()
        self._mark_rows = len(self._marks)

    # ------------------------------------------------------------------ reading

    def marks(self, agent: int) -> Mapping[bytes, Mark]:
        with self._lock:
            return {epoch: mark for (of, epoch), mark in self._marks.items() if of == agent}

    def series(self, sensor_number: int, *, from_ms: int, until_ms: int, limit: int) -> Sequence[Sample]:
        """Samples of one sensor, oldest first, from_ms <= time < until_ms. Raises StoreFailed, also for lateness."""
        return self._read(
            lambda db: queries.series(db, self._sealed, sensor_number, from_ms=from_ms, until_ms=until_ms, limit=limit),
            self._query_s,
        )

    def frames(self, feed: int, *, from_ms: int, until_ms: int) -> Sequence[StoredFrame]:
        """Whole sweeps of one feed, oldest first, from_ms <= time < until_ms; a day at most. Raises StoreFailed."""
        return self._read(
            lambda db: stored_frames.frames(db, self._sealed, feed, from_ms=from_ms, until_ms=until_ms), self._query_s
        )

    def recount(self) -> Recount:
        """Counted from the data, not from the marks; reads everything, so it may take an hour. Raises StoreFailed."""
        return self._read(lambda db: queries.recount(db, self._sealed), RECOUNT_S)

    def _read(self, query: Callable[[duckdb.DuckDBPyConnection], Result], deadline_s: float) -> Result:
        for attempt in (1, 2):
            with closing(self._cursor()) as cursor:
                alarm = threading.Timer(deadline_s, cursor.interrupt)
                alarm.daemon = True
                alarm.start()
                try:
                    return query(cursor)
                except duckdb.InterruptException as error:
                    raise StoreFailed(
                        f"the query took over {deadline_s:.0f} s and was stopped; ask for less"
                    ) from error
                except duckdb.IOException as error:
                    # A file this query was about to open has just been merged into another: the list has changed.
                    if attempt == 2:
                        raise StoreFailed(f"telemetry store cannot be read: {error}") from error
                except duckdb.Error as error:
                    raise StoreFailed(f"telemetry store cannot be read: {error}") from error
                finally:
                    alarm.cancel()
        raise AssertionError("unreachable")

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            if self._trouble:
                raise StoreFailed(self._trouble)
            return self._engine.cursor()

    # ------------------------------------------------------------------ upkeep

    def maintain(self, now_ms: int) -> None:
        """Seals one finished table, or merges the parts of one day, or drops what is past its retention.

        Raises StoreFailed; then the same work is found again at the next call.
        """
        with self._lock:
            if self._trouble:
                return
            upkeep = Upkeep(
                engine=self._engine,
                lock=self._lock,
                sealer=sealing.Sealer(self._sealed, self._step),
                tables=self._tables,
                active=self._active,
                reserved=self._reserved,
                retention_days=self._retention,
                step=self._step,
            )
        try:
            upkeep.work(now_ms)
        except (duckdb.Error, OSError, pa.ArrowException) as error:
            self._delete_leftovers()
            raise StoreFailed(f"upkeep of the telemetry store failed: {error}") from error

    def _delete_leftovers(self) -> None:
        with contextlib.suppress(duckdb.Error, OSError, StoreFailed), closing(self._cursor()) as cursor:
            sealing.delete_unlisted(cursor, self._sealed)

    def freeze(self, folder: Path) -> TelemetrySnapshot:
        """Everything as it is now, kept below `folder` (on the same file system) while the store goes on.

        Raises StoreFailed, OSError.
        """
        with self._lock:
            return TelemetrySnapshot(self._cursor(), self._sealed, folder)

    def healthy(self) -> str:
        """ "" or one line saying what is wrong."""
        return self._trouble

    def close(self) -> None:
        with self._lock:
            self._engine.close()


def by_day(frames: Sequence[Frame]) -> Iterable[tuple[int, Sequence[Frame]]]:
    """Frames by UTC day of their corrected time; mostly there is one."""
    if not frames:
        return ()
    first = min(frames, key=lambda frame: frame.time_ms).time_ms // DAY_MS
    last = max(frames, key=lambda frame: frame.time_ms).time_ms // DAY_MS
    if first == last:
        return ((first, frames),)
    days: dict[int, list[Frame]] = {}
    for frame in frames:
        days.setdefault(frame.time_ms // DAY_MS, []).append(frame)
    return sorted(days.items())
