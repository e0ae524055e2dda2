"""DuckDB as the telemetry store wants it: one file, small row groups, and a log that is folded in before it is long.

Made by `store.py`. What lies in the file is in `tables.py`.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import duckdb

ROW_GROUP = 8192
"""Rows that a checkpoint rewrites when one of them is new. The engine's own 122,880 make every checkpoint of a day's
table rewrite up to a hundred megabytes: a stall of a second where this one takes a tenth."""

CHECKPOINT_BYTES = 8 << 20
"""Log size at which it is folded into the database: less than a tenth of a second of stall, every few seconds at full
load."""


class Engine:
    """The open file: one connection that writes, and cursors beside it. Raises duckdb.Error."""

    def __init__(self, path: Path, *, memory_mb: int, temp_mb: int) -> None:
        self._log = path.with_name(path.name + ".wal")
        self.writer = duckdb.connect(
            config={
                "memory_limit": f"{memory_mb}MB",
                "temp_directory": str(path.parent / "tmp"),
                "max_temp_directory_size": f"{temp_mb}MB",
                "threads": 2,
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            },
        )
        try:
            # Checkpoints happen where `fold_log` says; zstd halves their time against the engine's own search.
            self.writer.execute(
                "SET wal_autocheckpoint='1TB'; SET force_compression='zstd'; SET enable_progress_bar=false"
            )
            # The size of row groups is said where a file is attached, and nowhere else.
            quoted = str(path).replace("'", "''")
            self.writer.execute(f"ATTACH '{quoted}' AS store (ROW_GROUP_SIZE {ROW_GROUP}); USE store")
        except duckdb.Error:
            self.writer.close()
            raise

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own to the same file."""
        cursor = self.writer.cursor()
        cursor.execute("USE store")
        return cursor

    @property
    def log_is_long(self) -> bool:
        try:
            return os.stat(self._log).st_size >= CHECKPOINT_BYTES
        except FileNotFoundError:
            return False

    def fold_log(self) -> None:
        """Checkpoints. A reader in the way only puts it off."""
        with contextlib.suppress(duckdb.TransactionException):
            self.writer.execute("CHECKPOINT store")

    def close(self) -> None:
        self.writer.close()
