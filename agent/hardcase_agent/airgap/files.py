"""Files at places that people name, a stick above all: whole or not at all, on the medium, readable by one user."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from hardcase_agent.domain.errors import ExportFailed, FileRefused


def write_whole(path: Path, content: bytes) -> None:
    """Mode 0600. Raises ExportFailed, naming a full disk; then nothing is left there."""
    aside = path.with_name(f".{path.name}.new")
    try:
        aside.unlink(missing_ok=True)
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
        sync_folder(path.parent)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise ExportFailed(f"{path} cannot be written: {_why(error, len(content))}") from error


def _why(error: OSError, size: int) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full, {size} bytes are needed; free some or name another folder, the records are kept"
    return error.strerror or str(error)


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_whole(path: Path, largest: int) -> bytes:
    """Raises FileRefused; one byte beyond `largest` is enough to see that it is too large."""
    try:
        with path.open("rb") as file:
            return file.read(largest + 1)
    except OSError as error:
        raise FileRefused(f"{path} cannot be read: {error.strerror}") from error
