"""Files taken in by import: what is remembered of each, and the store that remembers it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

REJECTED_TOLD = 200
"""Rejected records of one file that are named, to the agent too; beyond it they are only counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRecord:
    sequence: int
    status: str
    """A word of `ingest.incoming.RejectionStatus`."""
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedFile:
    """One file that was taken, whole."""

    number: int = 0
    """Of this row: counts up with every file taken, whoever's it is."""
    agent: int
    epoch: bytes
    file: int
    """Its own number among the files of its epoch, from 1 on."""
    sha256: bytes
    """Of the whole file."""
    first: int
    through: int
    records: int
    """In it, those that were here already too."""
    duplicates: int
    lost: int
    """Records before it that will never come: a gap that a person accepted."""
    rejected: int
    rejections: tuple[RejectedRecord, ...] = ()
    """The first of those."""
    made_ms: int
    """By the agent's own clock."""
    at_ms: int
    by: str


class ImportStore(Protocol):
    def add(self, file: ImportedFile) -> ImportedFile:
        """Gives the number; `file.number` is passed over."""

    def last(self, agent: int, epoch: bytes) -> ImportedFile | None:
        """The one with the highest number of its epoch."""

    def find(self, agent: int, epoch: bytes, file: int) -> ImportedFile | None: ...
    def of_agent(self, agent: int, *, limit: int) -> Sequence[ImportedFile]:
        """Newest first."""

    def rejected(self, agent: int, epoch: bytes) -> int:
        """How many records were rejected in all files of this epoch."""

    def all(self, *, customer: str | None, limit: int) -> Sequence[ImportedFile]:
        """Newest first."""
