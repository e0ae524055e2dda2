"""Reads the tar of a backup member by member: only what `archive.py` writes, with little memory whatever the file says.

Regular files, and before one the PAX record (POSIX.1-2001, pax, "extended header") that holds its long name or its
size. Sparse files, links, GNU's long names and headers for all members are what no backup has.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

from hardcase_collector.domain.errors import FileDamaged

BLOCK = tarfile.BLOCKSIZE
PIECE = 1 << 20
LARGEST_PAX = 8 << 10
"""Bytes: two numbers and a path."""
LONGEST_NAME = 1024
MOST_MEMBERS = 4_000_000
_REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE)
_BEGINNING = re.compile(rb"[!-~]{1,100}\0*")
_MODE_AT = 100
_MODE = b"0000600\0"
"""Of what is backed up. Where it stands: POSIX.1-2001, pax, "ustar Interchange Format"."""


@dataclass(slots=True)
class Member:
    """One file; its content is to be read before the next one is asked for, what is not read is skipped."""

    name: str
    size: int
    _file: IO[bytes]
    _left: int

    def read(self, most: int) -> bytes:
        """b"" at its end. Raises FileDamaged where the file ends before."""
        piece = self._file.read(min(most, self._left))
        if not piece and self._left:
            raise FileDamaged("is cut short")
        self._left -= len(piece)
        return piece


def members(file: IO[bytes]) -> Iterator[Member]:
    """In the order of the file. Raises FileDamaged, OSError."""
    names: set[str] = set()
    folders: set[str] = set()
    first = _first(file)
    while (block := _block(file) if names else first) is not None:
        header = _header(block)
        told: dict[str, str] = {}
        if header.type == tarfile.XHDTYPE:
            told = _pax(file, header.size)
            following = _block(file)
            if following is None:
                raise FileDamaged("is cut short")
            header = _header(following)
        name = told.get("path", header.name)
        if header.type not in _REGULAR or not _belongs(name, names, folders):
            raise FileDamaged(f"{name[:200]!r} does not belong into a backup")
        names.add(name)
        folders.update(str(folder) for folder in PurePosixPath(name).parents)
        if len(names) > MOST_MEMBERS:
            raise FileDamaged(f"has over {MOST_MEMBERS} files")
        member = Member(name, size := _size(told, header), file, size)
        yield member
        while member.read(PIECE):
            pass
        _exactly(file, -size % BLOCK)


def _first(file: IO[bytes]) -> bytes:
    """The header that a backup begins with, before which nothing is known of the file."""
    block = file.read(BLOCK)
    if not block:
        raise FileDamaged("is empty")
    name, mode = block[:_MODE_AT], block[_MODE_AT : _MODE_AT + len(_MODE)]
    begins = _BEGINNING.fullmatch(name) and _MODE.startswith(mode)
    if len(block) < BLOCK and begins:
        raise FileDamaged("is cut short")
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.TarError, ValueError) as error:
        raise FileDamaged("is damaged in its first bytes" if begins else "is no backup") from error
    return block


def _block(file: IO[bytes]) -> bytes | None:
    """The next header; None at the end of the archive, and of the file."""
    block = file.read(BLOCK)
    if not block or block == bytes(BLOCK):
        return None
    if len(block) < BLOCK:
        raise FileDamaged("is cut short")
    return block


def _header(block: bytes) -> tarfile.TarInfo:
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.TarError, ValueError) as error:
        raise FileDamaged(f"is damaged ({error})") from error
    if header.size < 0:
        raise FileDamaged("has a member of less than nothing")
    return header


def _pax(file: IO[bytes], size: int) -> dict[str, str]:
    """Records of "<length> <key>=<value>\\n", the length with itself."""
    if size > LARGEST_PAX:
        raise FileDamaged(f"has an extended header of {size} bytes: no backup has")
    body = _exactly(file, size)
    _exactly(file, -size % BLOCK)
    told: dict[str, str] = {}
    while body:
        digits, _, _ = body[:8].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        record, body = body[:length], body[length:]
        key, equals, value = record[len(digits) + 1 : -1].partition(b"=")
        if record[-1:] != b"\n" or not equals or key not in (b"path", b"size"):
            raise FileDamaged(f"has an extended header that no backup has ({key[:40]!r})")
        try:
            told[key.decode()] = value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise FileDamaged("has a name that is no text") from error
    return told


def _size(told: dict[str, str], header: tarfile.TarInfo) -> int:
    if "size" not in told:
        return header.size
    digits = told["size"]
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 20):
        raise FileDamaged("has a size that is no number")
    return int(digits)


def _exactly(file: IO[bytes], size: int) -> bytes:
    found = file.read(size)
    if len(found) < size:
        raise FileDamaged("is cut short")
    return found


def _belongs(name: str, names: set[str], folders: set[str]) -> bool:
    """Below the folder, once, as it is written, and never both a file and a folder."""
    path = PurePosixPath(name)
    return (
        len(path.parts) > 0
        and len(name) <= LONGEST_NAME
        and name.isprintable()
        and str(path) == name
        and not path.is_absolute()
        and ".." not in path.parts
        and name not in names
        and name not in folders
        and not any(str(folder) in names for folder in path.parents)
    )
