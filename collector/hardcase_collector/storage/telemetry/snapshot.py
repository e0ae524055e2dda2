"""The telemetry store as it was at one moment, for a backup: sealed files by hard links, open tables by a copy.

Made by `DuckTelemetryStore.freeze`, used by `storage/backup`.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import duckdb

from hardcase_collector.domain.errors import StoreFailed


class TelemetrySnapshot:
    """The caller closes it."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, sealed: Path, folder: Path) -> None:
        """Under the appender's lock: what is linked here stays when the store drops or merges it. Raises StoreFailed,
        OSError."""
        self._cursor = cursor
        self._folder = folder
        try:
            self._begin(sealed)
        except duckdb.Error as error:
            self.close()
            raise StoreFailed(f"telemetry store cannot be backed up: {error}") from error
        except OSError:
            # What stays attached is in the way of every later backup.
            self.close()
            raise

    def _begin(self, sealed: Path) -> None:
        self._folder.mkdir(mode=0o700)
        (self._folder / "sealed").mkdir(mode=0o700)
        self._attach()
        self._cursor.begin()
        listed = self._cursor.execute("SELECT samples_file, frames_file FROM parts").fetchall()
        for name in (name for pair in listed for name in pair):
            os.link(sealed / name, self._folder / "sealed" / name)

    def _attach(self) -> None:
        quoted = str(self._folder / "telemetry.duckdb").replace("'", "''")
        self._cursor.execute(f"ATTACH '{quoted}' AS backup")

    def write(self) -> None:
        """The open tables and all else of the database file, as they were. Raises StoreFailed."""
        try:
            self._cursor.execute("COPY FROM DATABASE store TO backup")
            self._cursor.commit()
            self._cursor.execute("DETACH backup")
        except duckdb.Error as error:
            raise StoreFailed(f"telemetry store cannot be backed up: {error}") from error

    def close(self) -> None:
        with contextlib.suppress(duckdb.Error):
            self._cursor.rollback()
        with contextlib.suppress(duckdb.Error):
            self._cursor.execute("DETACH DATABASE IF EXISTS backup")
        self._cursor.close()
