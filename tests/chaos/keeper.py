"""Keeps every spool segment that ever was on the disk, so that what an agent kept can be compared with what was stored.

The spool deletes a segment once it is acknowledged. A hard link made while it exists shares its bytes, whatever is
appended or cut off later, and stays when the spool's own name goes: an account that no program under test keeps.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterable, Sequence, Set
from pathlib import Path

import duckdb
from hardcase_agent.domain.stream import RecordKind
from hardcase_agent.spool import segment

LOOKS_EVERY_S = 0.02
Key = tuple[bytes, int]
"""Epoch and sequence."""


class Keeper:
    """Watches spool folders in a thread; `stop()` looks one last time."""

    def __init__(self, spools: Sequence[Path], directory: Path) -> None:
        self._spools = list(spools)
        self._directory = directory
        self._stopping = threading.Event()
        directory.mkdir(parents=True, exist_ok=True)
        self._thread = threading.Thread(target=self._watch, name="keeper", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stopping.wait(LOOKS_EVERY_S):
            self._look()

    def _look(self) -> None:
        for number, spool in enumerate(self._spools):
            with contextlib.suppress(FileNotFoundError):
                for entry in os.scandir(spool):
                    kept = self._directory / f"{number}-{entry.name}"
                    if entry.name.endswith(".seg") and not kept.exists():
                        with contextlib.suppress(FileNotFoundError, FileExistsError):
                            os.link(entry.path, kept)

    def stop(self) -> None:
        self._look()
        self._stopping.set()
        self._thread.join(timeout=20)

    def frames(self) -> set[Key]:
        """Every frame that any agent ever kept."""
        return frames_in(self._directory.glob("*.seg"))

    def waiting(self) -> set[Key]:
        """Every frame that is in a spool now."""
        return frames_in(path for spool in self._spools for path in spool.glob("*.seg"))


def frames_in(segments: Iterable[Path]) -> set[Key]:
    """Frames in segments of a spool."""
    found: set[Key] = set()
    for path in segments:
        data = path.read_bytes()
        if len(data) < segment.HEADER_BYTES:
            continue
        epoch = segment.unpack_header(data).epoch
        for entry in segment.entries(data):
            if isinstance(entry, segment.Entry) and _is_frame(entry):
                found.add((epoch, entry.sequence))
    return found


def _is_frame(entry: segment.Entry) -> bool:
    return entry.type is segment.EntryType.RECORD and entry.kind is RecordKind.FRAME


def stored_frames(telemetry: Path) -> list[Key]:
    """Every frame in the telemetry store of a stopped collector, repetitions too, read without the collector's code."""
    (database,) = telemetry.glob("*.duckdb")
    with duckdb.connect(str(database), read_only=True) as store:
        tables = [
            name
            for (name,) in store.execute(
                "SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'frames_%'"
            ).fetchall()
        ]
        found: list[Key] = []
        for table in tables:
            found += store.execute(f'SELECT epoch, sequence FROM "{table}"').fetchall()
        for (file,) in store.execute("SELECT frames_file FROM parts").fetchall():
            found += store.execute("SELECT epoch, sequence FROM read_parquet(?)", [str(telemetry / file)]).fetchall()
    return [(bytes(epoch), sequence) for epoch, sequence in found]


def owed_events(data: Path, cases: Set[str]) -> set[tuple[str, int]]:
    """Number and version of each case event that people are to hear of, read from a stopped collector's state.

    That is each one of which the outbox knows, and besides each one up to where its case became unstable: only after
    that comings and goings may be on the timeline without being told.
    """
    with contextlib.closing(sqlite3.connect(f"file:{data / 'state.sqlite'}?mode=ro", uri=True)) as store:
        outbox = store.execute("SELECT number, o.version FROM outbox o JOIN cases c ON c.id = o.case_id").fetchall()
        steady = store.execute(
            "SELECT number, t.version FROM timeline t JOIN cases c ON c.id = t.case_id WHERE t.version <= coalesce("
            "(SELECT min(u.version) FROM timeline u WHERE u.case_id = c.id AND u.code = 'unstable'), c.version)"
        ).fetchall()
    return {(number, version) for number, version in outbox + steady if number in cases}
