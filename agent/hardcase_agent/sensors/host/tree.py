"""Reads small files of sysfs, a real one or a captured one, and says why one cannot be read.

Used by every module of this folder. A file of a dying device may block: only `source.py`'s thread calls this.
"""

from __future__ import annotations

import errno
from pathlib import Path

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


def read_attribute(path: Path) -> str | Gap:
    """The file's text without its line end; a Gap with the reason where the kernel refuses (a sensor's EIO or EINVAL is
    ERROR)."""
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES).decode("utf-8", "replace").strip("\n\0 ")
    except OSError as error:
        return Gap(_REASONS.get(error.errno or 0, GapReason.ERROR), f"{path.name}: {error.strerror}")


def read_text(path: Path) -> str:
    """The file's text; "" where it cannot be read."""
    text = read_attribute(path)
    return text if isinstance(text, str) else ""


def read_integer(path: Path) -> int | Gap:
    text = read_attribute(path)
    if isinstance(text, Gap):
        return text
    try:
        return int(text)
    except ValueError:
        return Gap(GapReason.ERROR, f"{path.name}: {text[:40]!r} is no whole number")


def entries(folder: Path, pattern: str) -> list[Path]:
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
