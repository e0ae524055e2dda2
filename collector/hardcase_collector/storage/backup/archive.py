"""The file of a backup: a tar, its members as they are, and last of all a manifest with their hashes.

A file that was cut short has no manifest and is refused. Written as a stream by `taking.py`, read by `restoring.py`
and by the command that receives it. Plain tar: any administrator can look inside with the tools he has.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from hardcase_collector.domain.errors import FileDamaged
from hardcase_collector.storage.backup.members import PIECE, Member, members

MANIFEST = "manifest.json"
FORMAT = 1
LARGEST_MANIFEST = 256 << 20
"""Bytes: two hundred for each of a million files of evidence."""
LONGEST_WORD = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a backup is of."""

    format: int
    version: str
    """Of the program that took it."""
    schema: str
    """Of the state store."""
    telemetry_version: int
    taken_ms: int
    """Unix time of the moment that everything in it shows."""
    ca_fingerprint: str
    rows: int
    """In the state store."""


@dataclass(frozen=True, slots=True)
class Manifest:
    about: About
    files: Mapping[str, tuple[int, str]]
    """Name -> bytes, SHA-256 in hex."""


def stream(members: Iterable[tuple[str, Path]], about: About) -> Iterator[bytes]:
    """The whole file in pieces; reads each member once. Raises OSError."""
    files: dict[str, tuple[int, str]] = {}
    for name, path in members:
        size = path.stat().st_size
        yield _header(name, size, about.taken_ms)
        digest = hashlib.sha256()
        left = size
        with path.open("rb") as file:
            while left and (piece := file.read(min(PIECE, left))):
                digest.update(piece)
                left -= len(piece)
                yield piece
        if left:
            raise OSError(f"{name} became shorter while it was read")
        yield _padding(size)
        files[name] = (size, digest.hexdigest())
    body = json.dumps({"about": asdict(about), "files": files}, indent=1).encode()
    yield _header(MANIFEST, len(body), about.taken_ms)
    yield body
    yield _padding(len(body)) + bytes(2 * tarfile.BLOCKSIZE)


def _header(name: str, size: int, at_ms: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, at_ms // 1000
    return info.tobuf(tarfile.PAX_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)


def unpack(file: Path, folder: Path | None) -> Manifest:
    """Checks every member against the manifest, and writes them below `folder` where one is given.

    Raises FileDamaged (cut short, changed, no backup at all), OSError.
    """
    try:
        with file.open("rb") as source:
            return _unpacked(members(source), folder)
    except FileDamaged as error:
        raise FileDamaged(f"{file}: {error}") from error


def _unpacked(found_in: Iterable[Member], folder: Path | None) -> Manifest:
    found: dict[str, tuple[int, str]] = {}
    manifest: Manifest | None = None
    for member in found_in:
        if manifest is not None:
            raise FileDamaged("something follows the manifest")
        if member.name == MANIFEST:
            manifest = _manifest(member, found)
        else:
            found[member.name] = _take(member, None if folder is None else folder / member.name)
    if manifest is None:
        raise FileDamaged("is no backup, or is cut short: its manifest, the last thing in it, is missing")
    if manifest.files != found:
        wrong = sorted(name for name in {*manifest.files, *found} if manifest.files.get(name) != found.get(name))
        told = ", ".join(name[:200] for name in wrong[:3])
        raise FileDamaged(f"{told}: not what the manifest says; take the backup from elsewhere")
    return manifest


def _take(content: Member, target: Path | None) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    out = None
    if target is not None:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        out = os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")
    try:
        while piece := content.read(PIECE):
            digest.update(piece)
            size += len(piece)
            if out is not None:
                out.write(piece)
        if out is not None:
            out.flush()
            os.fsync(out.fileno())
    finally:
        if out is not None:
            out.close()
    return size, digest.hexdigest()


def _manifest(member: Member, found: Mapping[str, object]) -> Manifest:
    """`found`: what it may be about. It names each in one line, so that one larger than these lines is none."""
    most = min(LARGEST_MANIFEST, 64 * 1024 + sum(256 + 6 * len(name) for name in found))
    if member.size > most:
        raise FileDamaged(f"its manifest has {member.size} bytes, for {len(found)} files at most {most}")
    body = b"".join(iter(lambda: member.read(PIECE), b""))
    try:
        told = json.loads(body)
        about = _about(told["about"])
        files = {name: _line(*line) for name, line in told["files"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise FileDamaged(f"its manifest cannot be read ({type(error).__name__})") from error
    if about.format != FORMAT:
        raise FileDamaged(f"has form {about.format}, this program reads {FORMAT}")
    return Manifest(about, files)


def _about(told: Mapping[str, object]) -> About:
    """Raises TypeError, ValueError: a word where a number belongs, a number that is none of ours or no time."""
    about = About(**told)  # type: ignore[arg-type]  # looked at below
    for name, kind in About.__annotations__.items():
        value = getattr(about, name)
        if type(value).__name__ != kind:
            raise TypeError(name)
        if isinstance(value, int) and not 0 <= value < 1 << 47:
            raise ValueError(name)
        if isinstance(value, str) and not (len(value) <= LONGEST_WORD and value.isprintable()):
            raise ValueError(name)
    return about


def _line(size: int, digest: str) -> tuple[int, str]:
    if type(size) is not int or type(digest) is not str:
        raise TypeError("files")
    return size, digest
