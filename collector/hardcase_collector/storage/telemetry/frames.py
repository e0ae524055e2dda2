"""Reading whole frames back, of one feed in the order of their times: for replay. On a cursor of the caller's thread.

An open table has the bytes that travelled. A sealed day has one row per sample, and a list of its frames: a sample
belongs to the newest frame with its sensor that began before it, because sweeps of one source do not overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from hardcase_collector.domain.observation import GapReason
from hardcase_collector.domain.stored_frame import StoredFrame
from hardcase_collector.storage.telemetry import queries
from hardcase_collector.storage.telemetry.tables import DAY_MS, StoredCatalogue, open_table_of

_COLUMNS = (
    "catalogue, agent, epoch, sequence, time_ms, wall_ms, flag, numbers, states, gap_index, gap_reason, gap_age_s,"
    " offsets_ms"
)


def frames(
    db: duckdb.DuckDBPyConnection, sealed: Path, feed: int, *, from_ms: int, until_ms: int
) -> Sequence[StoredFrame]:
    """Every frame of the feed that began in from_ms <= time < until_ms, oldest first."""
    db.begin()
    try:
        known = {one.number: one for one in queries.catalogues(db, "feed = ?", [feed])}
        if not known:
            return []
        found = _open_frames(db, known, from_ms, until_ms) + _sealed_frames(db, sealed, known, from_ms, until_ms)
    finally:
        db.rollback()
    found.sort(key=lambda frame: (frame.time_ms, frame.sequence))
    return found


def _open_frames(
    db: duckdb.DuckDBPyConnection, known: dict[int, StoredCatalogue], from_ms: int, until_ms: int
) -> list[StoredFrame]:
    numbers = ", ".join(str(number) for number in known)
    found = []
    for name in queries.open_table_names(db):
        if not from_ms // DAY_MS <= open_table_of(name).day <= until_ms // DAY_MS:
            continue
        rows = db.execute(
            f"SELECT {_COLUMNS} FROM {name} WHERE catalogue IN ({numbers}) AND time_ms >= ? AND time_ms < ?",
            [from_ms, until_ms],
        ).fetchall()
        found += [StoredFrame(*row) for row in rows]
    return found


@dataclass(slots=True)
class _Samples:
    """Of one sensor, in the order of their times."""

    time_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    states: NDArray[np.uint32]
    gap: NDArray[np.uint8]


def _sealed_frames(
    db: duckdb.DuckDBPyConnection, sealed: Path, known: dict[int, StoredCatalogue], from_ms: int, until_ms: int
) -> list[StoredFrame]:
    days = [from_ms // DAY_MS, (until_ms + queries.LONGEST_SWEEP_MS) // DAY_MS]
    listed = db.execute("SELECT samples_file, frames_file FROM parts WHERE day BETWEEN ? AND ?", days).fetchall()
    if not listed:
        return []
    heads = db.execute(
        "SELECT catalogue, agent, epoch, sequence, time_ms, wall_ms, flag FROM read_parquet(?)"
        " WHERE list_contains(?, catalogue) AND time_ms >= ? AND time_ms < ? ORDER BY time_ms, sequence",
        [[str(sealed / name) for _, name in listed], sorted(known), from_ms, until_ms],
    ).fetchall()
    if not heads:
        return []
    used = {number: known[number] for number in {head[0] for head in heads}}
    sensors = sorted({sensor for one in used.values() for sensor in one.sensors})
    samples = _samples(db, [str(sealed / name) for name, _ in listed], sensors, from_ms, until_ms)
    found: list[StoredFrame] = []
    times = np.array([head[4] for head in heads], np.int64)
    of = np.array([head[0] for head in heads], np.int64)
    for catalogue in used.values():
        mine = np.flatnonzero(of == catalogue.number)
        sweep = _Sweeps(catalogue, times[mine])
        for index, sensor in enumerate(catalogue.sensors):
            holds = np.isin(of, [number for number, one in used.items() if sensor in one.sensors])
            sweep.fill(index, samples.get(sensor), times[holds])
        found += [sweep.frame(at, heads[head]) for at, head in enumerate(mine.tolist())]
    return found


def _samples(
    db: duckdb.DuckDBPyConnection, files: list[str], sensors: list[int], from_ms: int, until_ms: int
) -> dict[int, _Samples]:
    columns = db.execute(
        "SELECT sensor, time_ms, coalesce(value, 'nan'::DOUBLE) AS value, coalesce(states, 0) AS states, gap"
        " FROM read_parquet(?) WHERE list_contains(?, sensor) AND time_ms >= ? AND time_ms < ?"
        " ORDER BY sensor, time_ms",
        [files, sensors, from_ms, until_ms + queries.LONGEST_SWEEP_MS],
    ).fetchnumpy()
    of = np.asarray(columns["sensor"], np.int64)
    found = {}
    for sensor in sensors:
        first, last = np.searchsorted(of, [sensor, sensor + 1])
        found[sensor] = _Samples(
            time_ms=np.asarray(columns["time_ms"][first:last], np.int64),
            value=np.asarray(columns["value"][first:last], np.float64),
            states=np.asarray(columns["states"][first:last], np.uint32),
            gap=np.asarray(columns["gap"][first:last], np.uint8),
        )
    return found


class _Sweeps:
    """The frames of one catalogue, being put together sensor by sensor."""

    def __init__(self, catalogue: StoredCatalogue, times: NDArray[np.int64]) -> None:
        count, width = len(times), len(catalogue.sensors)
        self._numbers = catalogue.numbers
        self._times = times
        self._values = np.full((count, catalogue.numbers), np.nan, "<f4" if catalogue.value_width == 4 else "<f8")
        self._states = np.zeros((count, width - catalogue.numbers), "<u4")
        # What no sample tells of was not swept: a gap, never a number.
        self._gaps = np.full((count, width), GapReason.NOT_SWEPT, np.uint8)
        self._offsets = np.zeros((count, width), "<u4")

    def fill(self, index: int, samples: _Samples | None, sweeps: NDArray[np.int64]) -> None:
        """`sweeps`: times of every frame that holds this sensor, of whatever catalogue."""
        if samples is None or not len(samples.time_ms):
            return
        if len(samples.time_ms) == len(sweeps) and not np.any(samples.time_ms < sweeps):
            began = sweeps
            kept = np.ones(len(began), np.bool_)
        else:
            newest = np.searchsorted(sweeps, samples.time_ms, "right") - 1
            kept = newest >= 0
            began = sweeps[np.maximum(newest, 0)]
        rows = np.minimum(np.searchsorted(self._times, began), len(self._times) - 1)
        kept &= self._times[rows] == began
        rows = rows[kept]
        gap = samples.gap[kept]
        self._gaps[rows, index] = gap
        self._offsets[rows, index] = (samples.time_ms - began)[kept]
        if index < self._numbers:
            with np.errstate(over="ignore"):
                self._values[rows, index] = samples.value[kept]
        else:
            self._states[rows, index - self._numbers] = samples.states[kept]

    def frame(self, at: int, head: tuple[int, int, bytes, int, int, int, int]) -> StoredFrame:
        gaps = self._gaps[at]
        index = np.flatnonzero(gaps)
        offsets = self._offsets[at]
        return StoredFrame(
            *head,
            values=self._values[at].tobytes(),
            states=self._states[at].tobytes(),
            gap_index=index.astype("<u2").tobytes(),
            gap_reason=gaps[index].tobytes(),
            gap_age_s=b"",
            offsets_ms=offsets.tobytes() if offsets.any() else b"",
        )
