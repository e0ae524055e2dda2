"""PartialStore as files below data_dir/evidence/partial: <owner>.<tag>, mode 0600, appended to, renamed when kept.

Made by `composition.py` beside `evidence.py`, on the same file system: keeping is a rename. What is still wanted is
known to `diagnostics/receiving.py`.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

from hardcase_collector.domain.errors import NotFound, StoreFailed, UploadHeld
from hardcase_collector.storage.evidence import CHUNK, EvidenceFiles, named, sync

MOST = 64
"""Files under way at once, of all agents; each is of one open request and no larger than the file limit."""
_LOOK_EVERY = 8 << 20
_HEX = re.compile(r"([0-9a-f]{2}){1,64}")


class PartialFiles:
    """See `PartialStore`. Safe to use from any thread; one owner's file by one at a time."""

    def __init__(self, evidence: EvidenceFiles) -> None:
        """Raises StoreFailed."""
        self._evidence = evidence
        self._folder = evidence.folder / "partial"
        self._turn = threading.Lock()
        with named("being opened"):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def resume(self, owner: str, tag: str) -> PartialFile:
        self._evidence.refuse_when_full()
        path = self._path(owner, tag)
        with self._turn, named("making a file"):
            for other in self._of(owner):
                if other != path:
                    other.unlink(missing_ok=True)
            if not path.exists() and sum(1 for _ in self._folder.iterdir()) >= MOST:
                raise UploadHeld("too-many-uploads", f"{MOST} files are under way here; this one comes later")
            number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            return PartialFile(number, path, self._evidence)

    def owners(self) -> frozenset[str]:
        with named("looking at what is under way"):
            names = (path.name.partition(".")[0] for path in self._folder.iterdir())
            return frozenset(name for name in names if _HEX.fullmatch(name))

    def drop(self, owner: str) -> None:
        with self._turn, named("removing a file"):
            for path in self._of(owner):
                path.unlink(missing_ok=True)

    def _of(self, owner: str) -> Iterator[Path]:
        return self._folder.glob(f"{_checked(owner)}.*")

    def _path(self, owner: str, tag: str) -> Path:
        return self._folder / f"{_checked(owner)}.{_checked(tag)}"


class PartialFile:
    """See `Partial`. Used by one thread at a time."""

    def __init__(self, number: int, path: Path, evidence: EvidenceFiles) -> None:
        self._number: int | None = number
        self._path = path
        self._evidence = evidence
        self._size = self._looked = os.fstat(number).st_size
        self._known: tuple[int, str] | None = None
        """Size and hash, once asked for."""

    @property
    def size(self) -> int:
        return self._size

    def write(self, chunk: bytes) -> None:
        number = self._open()
        if self._size - self._looked >= _LOOK_EVERY:
            self._evidence.refuse_when_full()
            self._looked = self._size
        rest = memoryview(chunk)
        with named("writing"):
            while rest:
                written = os.write(number, rest)
                self._size += written
                rest = rest[written:]

    def digest(self) -> str:
        # From the disk, not as it came by: what came before a restart of the collector is part of it.
        number, found, at = self._open(), hashlib.sha256(), 0
        if self._known is not None and self._known[0] == self._size:
            return self._known[1]
        with named("reading"):
            while chunk := os.pread(number, CHUNK, at):
                found.update(chunk)
                at += len(chunk)
        self._known = (at, found.hexdigest())
        return self._known[1]

    def keep(self) -> str:
        sha256 = self.digest()
        number, place = self._open(), self._evidence.place(sha256)
        with named("keeping a file"):
            os.fsync(number)
            if not place.parent.exists():
                place.parent.mkdir(mode=0o700, exist_ok=True)
                sync(place.parent.parent)
            os.rename(self._path, place)
            sync(place.parent)
        self.pause()
        return sha256

    def drop(self) -> None:
        if self._number is not None:
            self.pause()
            self._path.unlink(missing_ok=True)

    def pause(self) -> None:
        if self._number is not None:
            os.close(self._number)
            self._number = None

    def _open(self) -> int:
        if self._number is None:
            raise StoreFailed("evidence: the file is closed already")
        return self._number


def _checked(name: str) -> str:
    """Raises NotFound for what is no hex: it never becomes a path."""
    if not _HEX.fullmatch(name):
        raise NotFound("that is no name of a file under way")
    return name
