"""One file out of many: a tar.gz whose order, owners and times are always the same, and what a file's answer says.

Blocking; `bundle.py` runs it on a thread.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hardcase_agent.domain.diagnostic import AnswerFile

MANIFEST = "manifest.json"
LEVEL = 6
_BLOCK = 1 << 20


def file_of(path: Path) -> AnswerFile:
    """Size and hash as it lies there. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as opened:
        while block := opened.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return AnswerFile(name=path.name, size=size, sha256=digest.digest())


def pack(path: Path, folder: str, manifest: Mapping[str, Any], members: Sequence[tuple[str, Path]], at_s: int) -> None:
    """`manifest` first, then the members by name, all below `folder` and dated `at_s`. Raises OSError."""
    listed = json.dumps(manifest, indent=1, ensure_ascii=False).encode("utf-8", "replace")
    with (
        path.open("wb") as out,
        gzip.GzipFile("", "wb", LEVEL, out, mtime=at_s) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        archive.addfile(_entry(f"{folder}/{MANIFEST}", len(listed), at_s), io.BytesIO(listed))
        for name, member in sorted(members):
            with member.open("rb") as opened:
                archive.addfile(_entry(f"{folder}/{name}", member.stat().st_size, at_s), opened)


def _entry(name: str, size: int, at_s: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = size, at_s, 0o640
    return entry


def read_manifest(path: Path) -> dict[str, Any]:
    """Raises OSError, ValueError."""
    try:
        with tarfile.open(path, "r:gz") as archive:
            first = archive.next()
            opened = archive.extractfile(first) if first is not None else None
            if first is None or opened is None or not first.name.endswith(f"/{MANIFEST}"):
                raise ValueError("no support bundle: its first member is not a manifest")
            content = json.loads(opened.read(_BLOCK))
    except (tarfile.TarError, EOFError) as error:
        raise ValueError(f"no support bundle: {error}") from error
    except RecursionError:
        raise ValueError("its manifest is nested too deep") from None
    if not isinstance(content, dict):
        raise ValueError("its manifest is no object")
    return content
