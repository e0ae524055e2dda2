"""Reads small files of sysfs, a real one or a captured one, and says why one cannot be read.

Used by every module of this folder. A real file of a dying device may block: only `source.py`'s thread calls this. The
captured tree is `kept_tree.py`.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import Protocol, Self, TypeVar

from hardcase_agent.domain.reading import Gap, GapReason

_MAX_BYTES = 4096
"""A sysfs attribute is at most one page."""

_REASONS = {
    errno.ENOENT: GapReason.ABSENT,
    errno.ENODEV: GapReason.ABSENT,
    errno.ENXIO: GapReason.ABSENT,
    errno.EACCES: GapReason.DENIED,
    errno.EPERM: GapReason.DENIED,
    errno.EAGAIN: GapReason.BUSY,
    errno.EBUSY: GapReason.BUSY,
    errno.ETIMEDOUT: GapReason.HUNG,
    errno.EOPNOTSUPP: GapReason.UNSUPPORTED,
}


class Folder(Protocol):
    """What of `pathlib.Path` is used of a tree, so that a captured one can stand for a real one."""

    @property
    def name(self) -> str: ...

    @property
    def parent(self) -> Self: ...

    def __truediv__(self, name: str, /) -> Self: ...

    def with_name(self, name: str, /) -> Self: ...

    def exists(self) -> bool: ...

    def is_dir(self) -> bool: ...

    def resolve(self) -> Self: ...

    def glob(self, pattern: str, /) -> Iterable[Self]: ...

    def read_bytes(self) -> bytes:
        """Raises OSError."""


F = TypeVar("F", bound=Folder)


def read_attribute(path: Folder) -> str | Gap:
    """The file's text without its line end; a Gap with the reason where the kernel refuses (a sensor's EIO or EINVAL is
    ERROR)."""
    try:
        return path.read_bytes()[:_MAX_BYTES].decode("utf-8", "replace").strip("\n\0 ")
    except OSError as error:
        return Gap(_REASONS.get(error.errno or 0, GapReason.ERROR), f"{path.name}: {error.strerror}")


def read_text(path: Folder) -> str:
    """The file's text; "" where it cannot be read."""
    text = read_attribute(path)
    return text if isinstance(text, str) else ""


def read_integer(path: Folder) -> int | Gap:
    text = read_attribute(path)
    if isinstance(text, Gap):
        return text
    try:
        return int(text)
    except ValueError:
        return Gap(GapReason.ERROR, f"{path.name}: {text[:40]!r} is no whole number")


def entries(folder: F, pattern: str) -> list[F]:
    """What matches, by name with numbers in their order (hwmon2 before hwmon10); nothing where the folder is not."""
    try:
        return sorted(folder.glob(pattern), key=lambda path: _natural(path.name))
    except OSError:
        return []


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    parts: list[tuple[int, str]] = []
    digits = ""
    for character in f"{name}\0":
        if character.isdigit():
            digits += character
            continue
        if digits:
            parts.append((int(digits), ""))
            digits = ""
        parts.append((-1, character))
    return tuple(parts)
