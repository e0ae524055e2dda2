"""Reading the telemetry store: one sensor's samples, and the recount. On a cursor of the caller's own thread.

Open tables and listed files are read, never a glob.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from hardcase_collector.domain.ports import EpochKey, Recount, Sample
from hardcase_collector.storage.telemetry.tables import DAY_MS, RetentionClass, StoredCatalogue, open_table_of
from hardcase_collector.storage.telemetry.unpacking import sample_of

LONGEST_SWEEP_MS = 3_600_000
"""A sample lies at most this long after the start of its sweep: sweeps are stretched to five times their length."""


def open_table_names(db: duckdb.DuckDBPyConnection) -> list[str]:
    rows = db.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()"
        " AND starts_with(table_name, 'frames_')"
    ).fetchall()
    return sorted(name for (name,) in rows)


def catalogues(db: duckdb.DuckDBPyConnection, where: str = "true", values: Sequence[int] = ()) -> list[StoredCatalogue]:
    rows = db.execute(
        f"SELECT number, feed, value_width, numbers, class, sensors FROM catalogues WHERE {where}", list(values)
    ).fetchall()
    return [
        StoredCatalogue(number, feed, width, numbers, RetentionClass(kind), tuple(sensors))
        for number, feed, width, numbers, kind, sensors in rows
    ]


def series(
    db: duckdb.DuckDBPyConnection, sealed: Path, sensor: int, *, from_ms: int, until_ms: int, limit: int
) -> Sequence[Sample]:
    """Oldest first, from_ms <= time < until_ms, at most `limit`: the newest of them where there are more."""
    db.begin()
    try:
        found = _sealed_samples(db, sealed, sensor, from_ms, until_ms, limit)
        found += _open_samples(db, sensor, from_ms, until_ms, limit)
    finally:
        db.rollback()
    found.sort(key=lambda sample: sample.time_ms)
    return found[-limit:]


def _sealed_samples(
    db: duckdb.DuckDBPyConnection, sealed: Path, sensor: int, from_ms: int, until_ms: int, limit: int
) -> list[Sample]:
    # A sweep belongs to the day it started in, so its late samples may lie in the next one.
    first, last = (from_ms - LONGEST_SWEEP_MS) // DAY_MS, until_ms // DAY_MS
    rows = db.execute("SELECT samples_file FROM parts WHERE day BETWEEN ? AND ?", [first, last]).fetchall()
    if not rows:
        return []
    files = [str(sealed / name) for (name,) in rows]
    samples = db.execute(
        "SELECT time_ms, value, states, gap FROM read_parquet(?) WHERE sensor = ? AND time_ms >= ? AND time_ms < ?"
        " ORDER BY time_ms DESC LIMIT ?",
        [files, sensor, from_ms, until_ms, limit],
    ).fetchall()
    return [Sample(time_ms=time, value=value, states=states, gap=gap) for time, value, states, gap in samples]


def _open_samples(db: duckdb.DuckDBPyConnection, sensor: int, from_ms: int, until_ms: int, limit: int) -> list[Sample]:
    holding = {one.number: one for one in catalogues(db, "list_contains(sensors, ?)", [sensor])}
    if not holding:
        return []
    numbers = ", ".join(str(number) for number in holding)
    first, last = (from_ms - LONGEST_SWEEP_MS) // DAY_MS, until_ms // DAY_MS
    found: list[Sample] = []
    for name in open_table_names(db):
        if not first <= open_table_of(name).day <= last:
            continue
        rows = db.execute(
            "SELECT catalogue, time_ms, numbers, states, gap_index, gap_reason, offsets_ms"
            f" FROM {name} WHERE catalogue IN ({numbers}) AND time_ms >= ? AND time_ms < ?"
            " ORDER BY time_ms DESC LIMIT ?",
            [from_ms - LONGEST_SWEEP_MS, until_ms, limit],
        ).fetchall()
        for catalogue, time_ms, values, states, gap_index, gap_reason, offsets_ms in rows:
            one = holding[catalogue]
            sample = sample_of(
                one,
                one.sensors.index(sensor),
                time_ms=time_ms,
                numbers=values,
                states=states,
                gap_index=gap_index,
                gap_reason=gap_reason,
                offsets_ms=offsets_ms,
            )
            if from_ms <= sample.time_ms < until_ms:
                found.append(sample)
    return found


def recount(db: duckdb.DuckDBPyConnection, sealed: Path) -> Recount:
    """Counts frames by what identifies them, and samples by what is there."""
    db.begin()
    try:
        listed = db.execute("SELECT samples_file, frames_file FROM parts").fetchall()
        sources = [f"SELECT agent, epoch, sequence FROM {name}" for name in open_table_names(db)]
        samples = 0
        if listed:
            files = ", ".join(f"'{sealed / frames}'" for _, frames in listed)
            sources.append(f"SELECT agent, epoch, sequence FROM read_parquet([{files}])")
            files = ", ".join(f"'{sealed / name}'" for name, _ in listed)
            samples += count(db, f"SELECT count(*) FROM read_parquet([{files}])")
        for name in open_table_names(db):
            samples += count(
                db,
                "SELECT coalesce(sum(octet_length(f.numbers) // c.value_width + octet_length(f.states) // 4), 0)"
                f" FROM {name} f JOIN catalogues c ON c.number = f.catalogue",
            )
        if not sources:
            return Recount(frames=0, samples=0, doubled=0)
        every = " UNION ALL ".join(sources)
        epochs = db.execute(
            "SELECT agent, epoch, sum(times), sum(times - 1) FROM"
            f" (SELECT agent, epoch, sequence, count(*) AS times FROM ({every}) GROUP BY ALL) GROUP BY agent, epoch"
        ).fetchall()
    finally:
        db.rollback()
    return Recount(
        frames=sum(int(frames) for _, _, frames, _ in epochs),
        samples=samples,
        doubled=sum(int(more) for _, _, _, more in epochs),
        by_epoch={EpochKey(agent, bytes(epoch)): int(frames) for agent, epoch, frames, _ in epochs},
    )


def count(db: duckdb.DuckDBPyConnection, query: str) -> int:
    row = db.execute(query).fetchone()
    return int(row[0]) if row else 0
