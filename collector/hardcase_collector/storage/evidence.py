"""EvidenceStore as files below data_dir/evidence: ab/<sha256>, mode 0600, written beside, synced, renamed.

Made by `composition.py`; files that come in several attempts are `partials.py`. What a file is to a case stands in the
state store; a file nobody refers to is removed by `cases/attachments.py`, which knows.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hardcase_collector.domain.errors import DiskFull, NotFound, StoreFailed

CHUNK = 65_536
_LOOK_EVERY = 8 << 20
"""Bytes received between two looks at the disk's reserve."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


class EvidenceFiles:
    """See `EvidenceStore`. Safe to use from any thread."""

    def __init__(self, folder: Path, *, trouble: Callable[[], str]) -> None:
        """`trouble`: why nothing may be written now, "" = it may. Raises StoreFailed."""
        self._folder = folder
        self._incoming = folder / "incoming"
        self._trouble = trouble
        with named("being opened"):
            self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def folder(self) -> Path:
        return self._folder

    def receive(self) -> IncomingFile:
        self.refuse_when_full()
        with named("making a file"):
            number, path = tempfile.mkstemp(dir=self._incoming)
        return IncomingFile(number, Path(path), self.place, self.refuse_when_full)

    def read(self, sha256: str) -> Iterator[bytes]:
        try:
            file = self.place(sha256).open("rb")
        except FileNotFoundError:
            raise NotFound("the file {sha256} is not there any more", sha256=sha256) from None
        except OSError as error:
            raise StoreFailed(f"evidence: {sha256} cannot be read: {error.strerror}") from error

        def chunks() -> Iterator[bytes]:
            with file:
                while chunk := file.read(CHUNK):
                    yield chunk

        return chunks()

    def remove(self, sha256: str) -> None:
        with named("removing a file"):
            self.place(sha256).unlink(missing_ok=True)

    def hashes(self) -> Iterator[str]:
        for path in self._folder.glob("[0-9a-f][0-9a-f]/*"):
            if _SHA256.fullmatch(path.name):
                yield path.name

    def tidy(self) -> int:
        left = list(self._incoming.iterdir())
        with named("tidying"):
            for path in left:
                path.unlink(missing_ok=True)
        return len(left)

    def place(self, sha256: str) -> Path:
        """Where the file of this hash lies. Raises NotFound for what is no hash: it never becomes a path."""
        if not _SHA256.fullmatch(sha256):
            raise NotFound("that is no SHA-256")
        return self._folder / sha256[:2] / sha256

    def refuse_when_full(self) -> None:
        """Raises DiskFull."""
        if trouble := self._trouble():
            raise DiskFull(trouble)


class IncomingFile:
    """See `Incoming`. Used by one thread at a time."""

    def __init__(
        self, number: int, path: Path, place: Callable[[str], Path], refuse_when_full: Callable[[], None]
    ) -> None:
        self._number: int | None = number
        self._path = path
        self._place = place
        self._refuse_when_full = refuse_when_full
        self._hash = hashlib.sha256()
        self._size = 0
        self._looked = 0

    @property
    def size(self) -> int:
        return self._size

    def write(self, chunk: bytes) -> None:
        if self._number is None:
            raise StoreFailed("evidence: the file is closed already")
        if self._size - self._looked >= _LOOK_EVERY:
            self._refuse_when_full()
            self._looked = self._size
        rest = memoryview(chunk)
        with named("writing"):
            while rest:
                rest = rest[os.write(self._number, rest) :]
        self._hash.update(chunk)
        self._size += len(chunk)

    def keep(self) -> str:
        if self._number is None:
            raise StoreFailed("evidence: the file is closed already")
        sha256 = self._hash.hexdigest()
        place = self._place(sha256)
        with named("keeping a file"):
            os.fsync(self._number)
            if not place.parent.exists():
                place.parent.mkdir(mode=0o700, exist_ok=True)
                sync(place.parent.parent)
            # Of one content both are the same file: whichever comes last stays.
            os.rename(self._path, place)
            sync(place.parent)
        self._close()
        return sha256

    def drop(self) -> None:
        if self._number is not None:
            self._close()
            self._path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._number is not None:
            os.close(self._number)
            self._number = None


def sync(folder: Path) -> None:
    """What was renamed into it stays there."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextmanager
def named(doing: str) -> Iterator[None]:
    """An error of the operating system becomes StoreFailed, saying what was being done."""
    try:
        yield
    except OSError as error:
        raise StoreFailed(f"evidence, {doing}: {error.strerror}; see the disk that holds data_dir") from error
