"""Turns finished tables into sorted Parquet files, merges files of a day, drops old ones. Driven by `upkeep.py`.

A file counts once a row of `parts` lists it; until then it is a leftover, deleted at the next start. Its bytes are on
disk, and so is its name, before that row is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hardcase_collector.storage.telemetry import queries
from hardcase_collector.storage.telemetry.tables import (
    OpenTable,
    RetentionClass,
    SealedPart,
    StoredCatalogue,
    day_name,
)
from hardcase_collector.storage.telemetry.unpacking import FrameColumns, SampleColumns, explode

RETENTION_DAYS = {RetentionClass.SENSORS: 90, RetentionClass.COUNTERS: 1826}

CHUNK_SAMPLES = 2_000_000
"""Samples in memory at once: about 60 MB with their copies. Also the most in one row group."""
PAGE_BYTES = 4 << 20
"""Large pages: the times of one sensor repeat for the next sensor of the sweep, and zstd finds them again only within
one page. Plain times in such pages cost a fiftieth of a byte a sample, delta-packed ones over half a byte."""

SAMPLES = pa.schema(
    [
        pa.field("sensor", pa.int32(), nullable=False),
        pa.field("time_ms", pa.int64(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("states", pa.uint32()),
        pa.field("gap", pa.uint8(), nullable=False),
    ]
)
FRAMES = pa.schema(
    [
        pa.field("catalogue", pa.int32(), nullable=False),
        pa.field("agent", pa.int32(), nullable=False),
        pa.field("epoch", pa.binary(), nullable=False),
        pa.field("sequence", pa.int64(), nullable=False),
        pa.field("time_ms", pa.int64(), nullable=False),
        pa.field("wall_ms", pa.int64(), nullable=False),
        pa.field("flag", pa.uint8(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class Sealer:
    """Writes below `folder`; `step` is told the name of each step it has just taken (tests stop there)."""

    folder: Path
    step: Callable[[str], None]

    def write(self, db: duckdb.DuckDBPyConnection, table: OpenTable) -> list[SealedPart]:
        """Files of every class found in the table: written, synced and named, but not listed yet."""
        known = self._catalogues_of(db, table)
        parts = []
        for kind in RetentionClass:
            chosen = [catalogue for catalogue in known if catalogue.kind is kind]
            if chosen:
                parts.append(self._write_class(db, table, kind, chosen))
        if parts:
            sync_folder(self.folder)
            self.step("folder synced")
        return parts

    def _write_class(
        self, db: duckdb.DuckDBPyConnection, table: OpenTable, kind: RetentionClass, chosen: Sequence[StoredCatalogue]
    ) -> SealedPart:
        stem = f"{day_name(table.day)}-{table.part}-{kind}"
        with PartWriter(self.folder, stem) as writer:
            for chunk in chunks(db, table, chosen):
                for columns in explode_chunk(db, table, chunk):
                    writer.samples(columns)
                writer.frames(frames_of(db, table, chunk))
            self.step("written")
        self.step("renamed")
        return writer.part(table.day, table.part, kind)

    def _catalogues_of(self, db: duckdb.DuckDBPyConnection, table: OpenTable) -> list[StoredCatalogue]:
        found = queries.catalogues(db, f"number IN (SELECT DISTINCT catalogue FROM {table.name})")
        return sorted(found, key=lambda one: (min(one.sensors, default=0), one.number))

    def merge(self, db: duckdb.DuckDBPyConnection, parts: Sequence[SealedPart], number: int) -> SealedPart:
        """One part that holds what several of one day and class hold: written, synced and named, not listed."""
        day, kind = parts[0].day, parts[0].kind
        sources = ", ".join(f"'{self.folder / part.samples_file}'" for part in parts)
        frames = ", ".join(f"'{self.folder / part.frames_file}'" for part in parts)
        with PartWriter(self.folder, f"{day_name(day)}-{number}-{kind}") as writer:
            for first, last in sensor_ranges(db, sources):
                merged = arrow(
                    db,
                    f"SELECT sensor, time_ms, value, states, gap FROM read_parquet([{sources}])"
                    f" WHERE sensor BETWEEN {first} AND {last} ORDER BY sensor, time_ms",
                )
                writer.sample_table(merged.cast(SAMPLES))
            every = f"SELECT * FROM read_parquet([{frames}]) ORDER BY catalogue, time_ms, sequence"
            writer.frames(arrow(db, every))
            self.step("written")
        self.step("renamed")
        sync_folder(self.folder)
        self.step("folder synced")
        return writer.part(day, number, kind)


class PartWriter:
    """Two Parquet files under temporary names; leaving the block well syncs them and gives them their names."""

    def __init__(self, folder: Path, stem: str) -> None:
        self._folder = folder
        self._names = (f"{stem}.samples.parquet", f"{stem}.frames.parquet")
        self._stack = ExitStack()
        self._counts = [0, 0]
        self._bytes = 0

    def __enter__(self) -> PartWriter:
        samples, frames = (self._folder / f"{name}.tmp" for name in self._names)
        self._samples = self._stack.enter_context(
            pq.ParquetWriter(
                samples,
                SAMPLES,
                compression="zstd",
                compression_level=6,
                use_dictionary=["sensor", "value", "states", "gap"],
                data_page_size=PAGE_BYTES,
                dictionary_pagesize_limit=PAGE_BYTES,
                write_statistics=["sensor", "time_ms"],
            )
        )
        self._frames = self._stack.enter_context(
            pq.ParquetWriter(
                frames,
                FRAMES,
                compression="zstd",
                compression_level=6,
                use_dictionary=["catalogue", "agent", "epoch", "flag"],
                column_encoding={
                    "sequence": "DELTA_BINARY_PACKED",
                    "time_ms": "DELTA_BINARY_PACKED",
                    "wall_ms": "DELTA_BINARY_PACKED",
                },
                data_page_size=PAGE_BYTES,
            )
        )
        return self

    def samples(self, columns: SampleColumns) -> None:
        self.sample_table(
            pa.table(
                [
                    pa.array(columns.sensor),
                    pa.array(columns.time_ms),
                    pa.array(columns.value, mask=~columns.has_value),
                    pa.array(columns.states, mask=~columns.has_states),
                    pa.array(columns.gap),
                ],
                schema=SAMPLES,
            )
        )

    def sample_table(self, table: pa.Table) -> None:
        self._samples.write_table(table, row_group_size=CHUNK_SAMPLES)
        self._counts[0] += table.num_rows

    def frames(self, table: pa.Table) -> None:
        self._frames.write_table(table.cast(FRAMES))
        self._counts[1] += table.num_rows

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._stack.close()
        if kind is not None:
            return
        for name in self._names:
            temporary = self._folder / f"{name}.tmp"
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            self._bytes += temporary.stat().st_size
            temporary.rename(self._folder / name)

    def part(self, day: int, number: int, kind: RetentionClass) -> SealedPart:
        samples_file, frames_file = self._names
        samples, frames = self._counts
        return SealedPart(
            day=day,
            part=number,
            kind=kind,
            samples_file=samples_file,
            frames_file=frames_file,
            samples=samples,
            frames=frames,
            bytes=self._bytes,
        )


def chunks(
    db: duckdb.DuckDBPyConnection, table: OpenTable, catalogues: Sequence[StoredCatalogue]
) -> Iterator[Sequence[StoredCatalogue]]:
    """Catalogues in runs whose samples fit in memory; those of one feed stay together, they share sensors."""
    rows = db.execute(f"SELECT catalogue, count(*) FROM {table.name} GROUP BY catalogue").fetchall()
    frames = {int(number): int(count) for number, count in rows}
    feeds: dict[int, list[StoredCatalogue]] = {}
    for catalogue in catalogues:
        feeds.setdefault(catalogue.feed, []).append(catalogue)
    chunk: list[StoredCatalogue] = []
    size = 0
    for of_feed in feeds.values():
        samples = sum(frames[one.number] * len(one.sensors) for one in of_feed)
        if chunk and size + samples > CHUNK_SAMPLES:
            yield chunk
            chunk, size = [], 0
        chunk += of_feed
        size += samples
    if chunk:
        yield chunk


def explode_chunk(
    db: duckdb.DuckDBPyConnection, table: OpenTable, chunk: Sequence[StoredCatalogue]
) -> Iterator[SampleColumns]:
    """All samples of the chunk at once; sorted anew only where two catalogues of it share a feed."""
    numbers = ", ".join(str(one.number) for one in chunk)
    rows = arrow(
        db,
        "SELECT catalogue, time_ms, numbers, states, gap_index, gap_reason, offsets_ms"
        f" FROM {table.name} WHERE catalogue IN ({numbers}) ORDER BY catalogue, time_ms, sequence",
    )
    column = rows.column("catalogue").to_numpy()
    found: list[SampleColumns] = []
    for one in chunk:
        first, last = np.searchsorted(column, [one.number, one.number + 1])
        if first == last or not one.sensors:
            continue
        part = rows.slice(int(first), int(last - first))
        frames = FrameColumns(*(part.column(name).to_pylist() for name in FrameColumns.__slots__))
        found.append(explode(one, frames))
    if found:
        yield joined(found, sort=len({one.feed for one in chunk}) != len(chunk))


def joined(parts: Sequence[SampleColumns], *, sort: bool) -> SampleColumns:
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in SampleColumns.__slots__}
    if sort:
        order = np.lexsort((columns["time_ms"], columns["sensor"]))
        columns = {name: column[order] for name, column in columns.items()}
    return SampleColumns(**columns)


def frames_of(db: duckdb.DuckDBPyConnection, table: OpenTable, chunk: Sequence[StoredCatalogue]) -> pa.Table:
    numbers = ", ".join(str(one.number) for one in chunk)
    names = ", ".join(FRAMES.names)
    return arrow(
        db, f"SELECT {names} FROM {table.name} WHERE catalogue IN ({numbers}) ORDER BY catalogue, time_ms, sequence"
    )


def sensor_ranges(db: duckdb.DuckDBPyConnection, sources: str) -> Iterator[tuple[int, int]]:
    """Runs of sensor numbers whose samples fit in memory."""
    counted = db.execute(
        f"SELECT sensor, count(*) FROM read_parquet([{sources}]) GROUP BY sensor ORDER BY sensor"
    ).fetchall()
    run: list[int] = []
    size = 0
    for sensor, samples in counted:
        if run and size + samples > CHUNK_SAMPLES:
            yield run[0], run[-1]
            run, size = [], 0
        run.append(sensor)
        size += samples
    if run:
        yield run[0], run[-1]


def arrow(db: duckdb.DuckDBPyConnection, query: str) -> pa.Table:
    table: pa.Table = db.sql(query).to_arrow_table()
    return table


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def delete_unlisted(db: duckdb.DuckDBPyConnection, sealed: Path) -> int:
    """Files that no row lists are leftovers of a sealing that did not end; how many went."""
    rows = db.execute("SELECT samples_file, frames_file FROM parts").fetchall()
    listed = {name for row in rows for name in row}
    gone = [path for path in sealed.iterdir() if path.name not in listed]
    for path in gone:
        path.unlink()
    return len(gone)
