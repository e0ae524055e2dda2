"""Files by their hash, in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from hardcase_collector.domain.errors import NotFound


class MemoryIncoming:
    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files
        self._content = b""

    @property
    def size(self) -> int:
        return len(self._content)

    def write(self, chunk: bytes) -> None:
        self._content += chunk

    def keep(self) -> str:
        sha256 = hashlib.sha256(self._content).hexdigest()
        self._files[sha256] = self._content
        return sha256

    def drop(self) -> None:
        pass


class MemoryEvidence:
    """See `EvidenceStore`."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def receive(self) -> MemoryIncoming:
        return MemoryIncoming(self.files)

    def read(self, sha256: str) -> Iterator[bytes]:
        if sha256 not in self.files:
            raise NotFound(f"there is no file {sha256}")
        return iter((self.files[sha256],))

    def remove(self, sha256: str) -> None:
        self.files.pop(sha256, None)

    def hashes(self) -> Iterator[str]:
        return iter(tuple(self.files))

    def tidy(self) -> int:
        return 0
