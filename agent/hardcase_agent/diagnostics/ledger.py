"""What was asked of this agent and how far it has come, on disk before anything is done: one file a request.

Used by `desk.py` alone. A request found here is never begun a second time, whatever killed the agent. Files are
replaced whole and synced; one that cannot be read still counts as a request that was taken.
"""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from hardcase_agent.domain.diagnostic import (
    ID_BYTES,
    AnswerFile,
    DiagnosticKind,
    DiagnosticReport,
    ReportState,
)

log = logging.getLogger(__name__)

VERSION = 1
MOST = 256
"""Requests kept; a year of one a day, all but the open ones prunable when they have expired."""
KEPT_FINAL = 64
"""Finished and expired requests that stay for `diagnostics list`."""


class Stage(StrEnum):
    """How far the agent itself has come; `ReportState` is what it says."""

    ACCEPTED = "accepted"
    BEGUN = "begun"
    """Something may have been done: after a kill, it is not done again."""
    AWAITS = "awaits"
    """The answer is made and waits for consent."""
    MADE = "made"
    """The answer is made: sending it on is all that is left, and may be done again."""
    FINAL = "final"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request."""

    id: bytes
    kind: DiagnosticKind | None
    arguments: Mapping[str, str] = field(default_factory=dict)
    asset: str = ""
    asked_by: str = ""
    reason: str = ""
    expires_ms: int = 0
    """Collector's time."""
    taken_ms: int = 0
    """This agent's wall clock, when it came first."""
    stage: Stage = Stage.ACCEPTED
    state: ReportState = ReportState.ACCEPTED
    detail: str = ""
    answer: bytes = b""
    files: tuple[AnswerFile, ...] = ()
    wall_ms: int = 0

    @property
    def name(self) -> str:
        return self.id.hex()

    def report(self) -> DiagnosticReport:
        final = self.stage is Stage.FINAL
        return DiagnosticReport(
            id=self.id,
            state=self.state,
            detail=self.detail,
            wall_ms=self.wall_ms,
            answer=self.answer if final or self.stage is Stage.AWAITS else b"",
            files=self.files if final and self.state is ReportState.DONE else (),
        )


class Ledger:
    """Blocking: its caller runs it on a thread. Raises OSError where the disk refuses."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self) -> dict[bytes, Entry]:
        """Every request that was taken. Half-written files are removed: nothing was done for them yet."""
        found: dict[bytes, Entry] = {}
        if not self._folder.is_dir():
            return found
        for path in sorted(self._folder.iterdir()):
            if path.name.endswith(".new"):
                path.unlink(missing_ok=True)
            elif path.suffix == ".json" and _id_of(path) is not None:
                entry = _read(path)
                found[entry.id] = entry
        for path in self._folder.iterdir():
            if path.is_dir() and bytes.fromhex(path.name if _is_id(path.name) else "") not in found:
                shutil.rmtree(path, ignore_errors=True)
        return found

    def write(self, entry: Entry) -> None:
        """On disk when it returns."""
        if not self._folder.is_dir():
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Else a power cut could take the folder with the first request in it.
            _sync(self._folder.parent)
        temporary, path = self._folder / f"{entry.name}.new", self._folder / f"{entry.name}.json"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(json.dumps(_dump(entry), ensure_ascii=False).encode("utf-8", "replace"))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync(self._folder)

    def folder_of(self, entry: Entry) -> Path:
        """For the files of its answer; made here."""
        folder = self._folder / entry.name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    def keep_files(self, entry: Entry) -> None:
        """Syncs what was written there, before the ledger says that it was."""
        folder = self.folder_of(entry)
        for file in entry.files:
            with (folder / file.name).open("rb") as opened:
                os.fsync(opened.fileno())
        _sync(folder)

    def drop_files(self, entry: Entry) -> None:
        shutil.rmtree(self._folder / entry.name, ignore_errors=True)

    def forget(self, entry: Entry) -> None:
        self.drop_files(entry)
        with contextlib.suppress(OSError):
            (self._folder / f"{entry.name}.json").unlink()


def prunable(entries: Mapping[bytes, Entry], collector_ms: int, keep: int = KEPT_FINAL) -> list[Entry]:
    """Finished ones that would be refused as expired if they came again, but for the newest few."""
    done = [entry for entry in entries.values() if entry.stage is Stage.FINAL and entry.expires_ms <= collector_ms]
    done.sort(key=lambda entry: entry.taken_ms)
    return done[: max(0, len(done) - keep)]


def interrupted(entry: Entry, wall_ms: int) -> Entry:
    """What a start makes of a request that was being worked on."""
    return replace(
        entry,
        stage=Stage.FINAL,
        state=ReportState.FAILED,
        detail="interrupted: the agent was ended while it worked on this; it is not begun again, ask anew",
        wall_ms=wall_ms,
        files=(),
    )


def _dump(entry: Entry) -> dict[str, Any]:
    return {
        "version": VERSION,
        "id": entry.name,
        "kind": entry.kind.value if entry.kind else "",
        "arguments": dict(entry.arguments),
        "asset": entry.asset,
        "asked_by": entry.asked_by,
        "reason": entry.reason,
        "expires_ms": entry.expires_ms,
        "taken_ms": entry.taken_ms,
        "stage": entry.stage.value,
        "state": entry.state.value,
        "detail": entry.detail,
        "answer": base64.b64encode(entry.answer).decode(),
        "files": [[file.name, file.size, file.sha256.hex()] for file in entry.files],
        "wall_ms": entry.wall_ms,
    }


def _read(path: Path) -> Entry:
    request_id = bytes.fromhex(path.stem)
    try:
        content = json.loads(path.read_bytes())
        if content["version"] != VERSION or content["id"] != path.stem:
            raise ValueError("of another version")
        return Entry(
            id=request_id,
            kind=DiagnosticKind(content["kind"]) if content["kind"] else None,
            arguments={str(name): str(value) for name, value in content["arguments"].items()},
            asset=str(content["asset"]),
            asked_by=str(content["asked_by"]),
            reason=str(content["reason"]),
            expires_ms=int(content["expires_ms"]),
            taken_ms=int(content["taken_ms"]),
            stage=Stage(content["stage"]),
            state=ReportState(content["state"]),
            detail=str(content["detail"]),
            answer=base64.b64decode(content["answer"]),
            files=tuple(
                AnswerFile(name=name, size=int(size), sha256=bytes.fromhex(digest))
                for name, size, digest in content["files"]
            ),
            wall_ms=int(content["wall_ms"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.error("a request for diagnostics cannot be read back: id=%s reason=%s", path.stem, type(error).__name__)
        # Nobody knows how far it was: it counts as begun.
        return Entry(id=request_id, kind=None, stage=Stage.BEGUN, expires_ms=2**62)


def _id_of(path: Path) -> bytes | None:
    return bytes.fromhex(path.stem) if _is_id(path.stem) else None


def _is_id(name: str) -> bool:
    return len(name) == 2 * ID_BYTES and all(character in "0123456789abcdef" for character in name)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
