"""The few file operations the spool needs, as a port: tests put a disk under it that fails, fills and loses power."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Protocol

from hardcase_agent.domain.errors import AccessDenied, SpoolFailed


class Files(Protocol):
    """One flat folder. Every method may raise OSError. Handles are small integers that only this object understands."""

    def names(self) -> list[str]: ...

    def read(self, name: str) -> bytes: ...

    def read_at(self, name: str, offset: int, size: int) -> bytes: ...

    def create(self, name: str) -> int:
        """A new empty file, open for appending; FileExistsError where there is one."""

    def write(self, handle: int, data: bytes) -> None:
        """All of it, or OSError after any part of it."""

    def sync(self, handle: int) -> None:
        """Contents and length are on the medium."""

    def sync_file(self, name: str) -> None:
        """The same for a file of an earlier process, which may have been killed before it synced what it wrote."""

    def truncate(self, handle: int, size: int) -> None: ...

    def close(self, handle: int) -> None: ...

    def rename(self, name: str, new_name: str) -> None: ...

    def remove(self, name: str) -> None: ...

    def sync_folder(self) -> None:
        """Creations, renames and removals are on the medium."""


class DiskFiles:
    """The real folder. Holds its lock for as long as it lives, so that two agents never share a spool.

    Raises SpoolFailed if another process holds it, AccessDenied if the folder cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise AccessDenied(f"the spool {folder} cannot be used: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            os.close(self._descriptor)
            raise SpoolFailed(f"another agent uses the spool {folder}; stop it first") from error

    def names(self) -> list[str]:
        return os.listdir(self._folder)

    def read(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()

    def read_at(self, name: str, offset: int, size: int) -> bytes:
        handle = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._descriptor)
        try:
            return os.pread(handle, size, offset)
        finally:
            os.close(handle)

    def create(self, name: str) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(name, flags, 0o600, dir_fd=self._descriptor)

    def write(self, handle: int, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(handle, left) :]

    def sync(self, handle: int) -> None:
        os.fdatasync(handle)

    def sync_file(self, name: str) -> None:
        handle = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._descriptor)
        try:
            os.fdatasync(handle)
        finally:
            os.close(handle)

    def truncate(self, handle: int, size: int) -> None:
        os.ftruncate(handle, size)

    def close(self, handle: int) -> None:
        os.close(handle)

    def rename(self, name: str, new_name: str) -> None:
        os.rename(name, new_name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)

    def remove(self, name: str) -> None:
        os.unlink(name, dir_fd=self._descriptor)

    def sync_folder(self) -> None:
        os.fsync(self._descriptor)

    def release(self) -> None:
        """Give the lock back; nothing else may be called after it."""
        os.close(self._descriptor)
        os.close(self._lock)
