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
from pathlib import Path, PurePosixPath
from typing import IO

from hardcase_collector.domain.errors import FileDamaged

MANIFEST = "manifest.json"
FORMAT = 1
PIECE = 1 << 20
LARGEST_MANIFEST = 256 << 20
"""Bytes: two hundred for each of a million files of evidence."""


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
    found: dict[str, tuple[int, str]] = {}
    manifest: Manifest | None = None
    try:
        with tarfile.open(file, "r|") as archive:
            for member in archive:
                if manifest is not None:
                    raise FileDamaged(f"{file}: something follows the manifest")
                if not member.isreg() or not _inside(member.name) or member.name in found:
                    raise FileDamaged(f"{file}: {member.name!r} does not belong into a backup")
                content = archive.extractfile(member)
                assert content is not None  # of a regular member
                if member.name == MANIFEST:
                    manifest = _manifest(file, content.read(LARGEST_MANIFEST))
                else:
                    target = None if folder is None else folder / member.name
                    found[member.name] = _take(content, target)
    except tarfile.TarError as error:
        raise FileDamaged(f"{file}: is no backup, or is cut short ({error})") from error
    if manifest is None:
        raise FileDamaged(f"{file}: is cut short: its manifest, the last thing in it, is missing")
    if manifest.files != found:
        wrong = sorted(name for name in {*manifest.files, *found} if manifest.files.get(name) != found.get(name))
        raise FileDamaged(f"{file}: {', '.join(wrong[:3])}: not what the manifest says; take the backup from elsewhere")
    return manifest


def _take(content: IO[bytes], target: Path | None) -> tuple[int, str]:
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


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts


def _manifest(file: Path, body: bytes) -> Manifest:
    try:
        told = json.loads(body)
        about = About(**told["about"])
        files = {str(name): (int(size), str(digest)) for name, (size, digest) in told["files"].items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise FileDamaged(f"{file}: its manifest cannot be read ({type(error).__name__})") from error
    if about.format != FORMAT:
        raise FileDamaged(f"{file}: has form {about.format}, this program reads {FORMAT}")
    return Manifest(about, files)
