"""Records kept aside, bounded: quarantined ones for people, withheld ones for a collector that takes their kind.

One small file each, because both are rare. `spool.py` calls it.
"""

from __future__ import annotations

import logging

from hardcase_agent.domain.stream import RecordKind, Sealed, Stored
from hardcase_agent.spool import segment as fmt
from hardcase_agent.spool.files import Files
from hardcase_agent.spool.recovery import discard

log = logging.getLogger(__name__)

QUARANTINE_KEPT = 32
"""Enough to see a pattern; each is at most 2 MiB."""
WITHHELD_KEPT = 4096
"""About a month of inventory and status changes of one host."""


class Aside:
    def __init__(self, files: Files) -> None:
        self._files = files
        self._withheld = self._names("withheld-")

    def quarantine(self, record: Stored) -> None:
        """Best effort: the loss record counts, this is for people."""
        self._store(f"quarantine-{record.epoch.hex()}-{record.sequence:016d}.rec", record)
        for name in self._names("quarantine-")[:-QUARANTINE_KEPT]:
            discard(self._files, name)

    def withhold(self, record: Stored) -> bool:
        """False = full or the disk refuses: the record is lost."""
        name = f"withheld-{record.kind}-{record.epoch.hex()}-{record.sequence:016d}.rec"
        if name in self._withheld:
            return True
        if len(self._withheld) >= WITHHELD_KEPT or not self._store(name, record):
            return False
        self._withheld.append(name)
        return True

    def withheld(self, kinds: frozenset[RecordKind]) -> dict[str, Sealed]:
        """Withheld records of these kinds by their file; `forget` them once they are appended again."""
        found = {}
        for name in self._withheld:
            if name.split("-")[1] in kinds and (record := self._load(name)) is not None:
                found[name] = record
        return found

    def forget(self, name: str) -> None:
        self._withheld.remove(name)
        discard(self._files, name)

    def _store(self, name: str, record: Stored) -> bool:
        packed = fmt.pack_entry(fmt.EntryType.RECORD, record.kind, record.sequence, b"", record.payload)
        try:
            handle = self._files.create(name)
            try:
                self._files.write(handle, packed)
                self._files.sync(handle)
            finally:
                self._files.close(handle)
            self._files.sync_folder()
        except FileExistsError:
            return True
        except OSError as error:
            log.error("record cannot be kept aside: file=%s reason=%s", name, error)
            return False
        return True

    def _load(self, name: str) -> Sealed | None:
        try:
            entry = fmt.read_entry(self._files.read(name), 0)
        except OSError:
            return None
        return None if entry is None else Sealed(kind=entry.kind, payload=entry.payload)

    def _names(self, prefix: str) -> list[str]:
        return sorted(name for name in self._files.names() if name.startswith(prefix))
