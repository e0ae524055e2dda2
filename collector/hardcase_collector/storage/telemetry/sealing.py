"""Turns finished tables into sorted Parquet files."""

from __future__ import annotations

from pathlib import Path

import duckdb

from hardcase_collector.storage.telemetry.tables import RetentionClass

RETENTION_DAYS = {RetentionClass.SENSORS: 90, RetentionClass.COUNTERS: 1826}


def delete_unlisted(db: duckdb.DuckDBPyConnection, sealed: Path) -> int:
    """Files that no row lists are leftovers of a sealing that did not end; how many went."""
    rows = db.execute("SELECT samples_file, frames_file FROM parts").fetchall()
    listed = {name for row in rows for name in row}
    gone = [path for path in sealed.iterdir() if path.name not in listed]
    for path in gone:
        path.unlink()
    return len(gone)
