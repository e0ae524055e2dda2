"""What the telemetry store does beside appending: sealing, compacting, dropping. One unit of work a call.

Runs on a thread of its own with its own cursor; the appender's lock is held only for the moments in which a table
stops taking frames and in which files take its place.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from hardcase_collector.storage.telemetry.engine import Engine
from hardcase_collector.storage.telemetry.sealing import Sealer
from hardcase_collector.storage.telemetry.tables import DAY_MS, OpenTable, RetentionClass, SealedPart

SETTLED_MS = 3_600_000
"""A day is sealed an hour after it ended: what agents held back for a short outage still finds it open."""
QUIET_MS = 600_000
"""A table that took a frame within ten minutes is being caught up on; sealing it now would make needless parts."""
LARGEST_ROWS = 2_000_000
"""Frames in one table before it is sealed even so: about a gigabyte of open rows."""
MOST_PARTS = 4


@dataclass(slots=True)
class Upkeep:
    """Shares the store's lock and its lists of tables."""

    engine: Engine
    lock: threading.RLock
    sealer: Sealer
    tables: list[OpenTable]
    active: MutableMapping[int, OpenTable]
    reserved: MutableMapping[int, int]
    """Day -> part number taken for a merge."""
    retention_days: Mapping[RetentionClass, int]
    step: Callable[[str], None]

    def work(self, now_ms: int) -> bool:
        """One unit: False where there was nothing to do. Raises duckdb.Error or OSError; then nothing changed."""
        return self._seal(now_ms) or self._compact() or self._drop(now_ms)

    # ------------------------------------------------------------------ sealing

    def _seal(self, now_ms: int) -> bool:
        with self.lock:
            table = next((one for one in self.tables if finished(one, now_ms)), None)
            if table is None:
                return False
            # From here on the day's frames go to a further table: this one no longer changes under the sealer.
            if self.active.get(table.day) is table:
                del self.active[table.day]
            table.frozen = True
        cursor = self.engine.cursor()
        try:
            parts = self.sealer.write(cursor, table)
        finally:
            cursor.close()
        self._replace(listing=parts, dropping=table)
        self.step("listed")
        return True

    def _replace(
        self, *, listing: list[SealedPart], dropping: OpenTable | None = None, unlisting: list[SealedPart] | None = None
    ) -> None:
        """The one transaction in which files come and tables or other files go."""
        with self.lock:
            cursor = self.engine.cursor()
            cursor.begin()
            try:
                for part in unlisting or ():
                    cursor.execute("DELETE FROM parts WHERE samples_file = ?", [part.samples_file])
                for part in listing:
                    cursor.execute(
                        "INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        [part.day, part.part, part.kind.value, part.samples_file, part.frames_file, part.samples,
                         part.frames, part.bytes],
                    )  # fmt: skip
                if dropping is not None:
                    cursor.execute(f"DROP TABLE {dropping.name}")
                self.step("listing")
                cursor.commit()
            except BaseException:
                with contextlib.suppress(duckdb.Error):
                    cursor.rollback()
                raise
            finally:
                cursor.close()
            if dropping is not None:
                self.tables.remove(dropping)

    # ------------------------------------------------------------------ files

    def _parts(self) -> list[SealedPart]:
        cursor = self.engine.cursor()
        rows = cursor.execute(
            "SELECT day, part, class, samples_file, frames_file, samples, frames, bytes FROM parts ORDER BY day, part"
        ).fetchall()
        cursor.close()
        return [
            SealedPart(
                day=day,
                part=part,
                kind=RetentionClass(kind),
                samples_file=samples_file,
                frames_file=frames_file,
                samples=samples,
                frames=frames,
                bytes=size,
            )
            for day, part, kind, samples_file, frames_file, samples, frames, size in rows
        ]

    def _compact(self) -> bool:
        grouped: dict[tuple[int, RetentionClass], list[SealedPart]] = {}
        for part in self._parts():
            grouped.setdefault((part.day, part.kind), []).append(part)
        crowded = next((parts for parts in grouped.values() if len(parts) > MOST_PARTS), None)
        if crowded is None:
            return False
        day = crowded[0].day
        with self.lock:
            # The number is taken before the files are: a late frame's table must not come to bear it too.
            numbers = [part.part for part in self._parts() if part.day == day]
            numbers += [table.part for table in self.tables if table.day == day]
            number = self.reserved[day] = max([*numbers, self.reserved.get(day, 0)]) + 1
        cursor = self.engine.cursor()
        try:
            merged = self.sealer.merge(cursor, crowded, number)
        finally:
            cursor.close()
        self._replace(listing=[merged], unlisting=crowded)
        self.step("listed")
        self._unlink(crowded)
        return True

    def _drop(self, now_ms: int) -> bool:
        today = now_ms // DAY_MS
        old = [part for part in self._parts() if part.day < today - self.retention_days[part.kind]]
        if not old:
            return False
        self._replace(listing=[], unlisting=old)
        self._unlink(old)
        return True

    def _unlink(self, parts: list[SealedPart]) -> None:
        for part in parts:
            for name in (part.samples_file, part.frames_file):
                (self.folder / name).unlink(missing_ok=True)

    @property
    def folder(self) -> Path:
        return self.sealer.folder


def finished(table: OpenTable, now_ms: int) -> bool:
    """Whether a table takes no more frames worth waiting for."""
    if table.rows >= LARGEST_ROWS or table.frozen:
        return True
    over = now_ms >= (table.day + 1) * DAY_MS + SETTLED_MS
    return over and now_ms - table.last_received_ms >= QUIET_MS
