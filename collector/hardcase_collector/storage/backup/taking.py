"""Takes a backup while the collector serves: both stores frozen at one point, then copied, then streamed.

`app.py` joins it with the writer, between two groups of which `freeze` is run: what was acknowledged until then is in
the set, whole, and nothing of what came after.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hardcase_collector.domain.errors import CollectorError, DiskFull, IllegalAction, StoreFailed
from hardcase_collector.storage.backup import archive
from hardcase_collector.storage.backup.archive import About
from hardcase_collector.storage.state.snapshot import StateSnapshot
from hardcase_collector.storage.telemetry.snapshot import TelemetrySnapshot

STATE, TELEMETRY, EVIDENCE, PKI = "state.sqlite", "telemetry", "evidence", "pki"
STAGE = "backup.tmp"
PKI_TRIES = 5


class Stores(Protocol):
    def freeze_state(self) -> StateSnapshot: ...
    def freeze_telemetry(self, folder: Path) -> TelemetrySnapshot: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What is backed up, and by whom."""

    data_dir: Path
    stores: Stores
    between_groups: Callable[[Callable[[], object]], object]
    """Runs it on the writer's thread between two groups and waits for it. Raises what it raises, TimeoutError."""
    trouble: Callable[[], str]
    """Why nothing may be written now (the disk's reserve); "" = it may."""
    about: Callable[[int], About]
    """Of a backup taken at this Unix time, ms; the rows are filled in."""


class Backups:
    """One at a time; blocking, on threads of the caller's."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._turn = threading.Lock()

    def take(self, now_ms: int) -> Iterator[bytes]:
        """The file in pieces. Everything that can fail but reading fails before the first piece.

        Raises IllegalAction while another is taken, DiskFull, StoreFailed.
        """
        if not self._turn.acquire(blocking=False):
            raise IllegalAction("a backup is being taken already; wait for its end")
        with ExitStack() as stack:
            stack.callback(self._turn.release)
            stage = self._origin.data_dir / STAGE
            stack.callback(shutil.rmtree, stage, ignore_errors=True)
            about = self._stage(stage, now_ms)
            pieces = _streamed(archive.stream(self._members(stage), about), stack.pop_all())
            # A generator that was never begun would give nothing up where the one who asked is gone already.
            next(pieces)
            return pieces

    def _stage(self, stage: Path, now_ms: int) -> About:
        if trouble := self._origin.trouble():
            raise DiskFull(trouble)
        try:
            shutil.rmtree(stage, ignore_errors=True)
            stage.mkdir(mode=0o700)
            return self._copy(stage, now_ms)
        except CollectorError:
            raise
        except TimeoutError as error:
            raise StoreFailed("the writer had no time for a backup; try again") from error
        except OSError as error:
            raise StoreFailed(f"backup: {stage}: {error.strerror or error}") from error

    def _copy(self, stage: Path, now_ms: int) -> About:
        stores = self._origin.stores
        with ExitStack() as stack:

            def freeze() -> tuple[StateSnapshot, TelemetrySnapshot]:
                state = stores.freeze_state()
                stack.callback(state.close)
                telemetry = stores.freeze_telemetry(stage / TELEMETRY)
                stack.callback(telemetry.close)
                return state, telemetry

            frozen = self._origin.between_groups(freeze)
            assert isinstance(frozen, tuple)
            state, telemetry = frozen
            rows = state.write(stage / STATE)
            telemetry.write()
        _link_pki(self._origin.data_dir / PKI, stage / PKI)
        _link_tree(self._origin.data_dir / EVIDENCE, stage / EVIDENCE)
        about = self._origin.about(now_ms)
        return About(
            format=archive.FORMAT,
            version=about.version,
            schema=about.schema,
            telemetry_version=about.telemetry_version,
            taken_ms=now_ms,
            ca_fingerprint=about.ca_fingerprint,
            rows=rows,
        )

    def _members(self, stage: Path) -> Iterator[tuple[str, Path]]:
        for folder, folders, files in os.walk(stage):
            folders.sort()
            for name in sorted(files):
                path = Path(folder, name)
                yield str(path.relative_to(stage)), path


def _link_pki(source: Path, target: Path) -> None:
    """As of one moment: half of a rollover's files would make a CA whose key is gone. Raises StoreFailed, OSError."""
    for _ in range(PKI_TRIES):
        before = _names_of(source)
        _link_tree(source, target)
        if _names_of(source) == before:
            return
        shutil.rmtree(target)
    raise StoreFailed("the CA changed while it was copied; try again")


def _names_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Files that are replaced are others from then on."""
    with os.scandir(folder) as found:
        return {one.name: (one.inode(), one.stat().st_mtime_ns) for one in found}


def _link_tree(source: Path, target: Path) -> None:
    """What lies there now, by hard links: files that are replaced or removed later stay in the set. Files that go
    while it runs are no part of it."""
    for folder, folders, files in os.walk(source):
        folders[:] = [name for name in folders if name != "incoming"]
        made = target / Path(folder).relative_to(source)
        made.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in files:
            try:
                os.link(Path(folder, name), made / name)
            except FileNotFoundError:
                continue


def _streamed(pieces: Iterator[bytes], stack: ExitStack) -> Iterator[bytes]:
    """Gives everything up at the end, and where the one who asked goes away. The first piece is empty."""
    with stack:
        yield b""
        yield from pieces
