"""The segment that is being written: numbers records, writes and syncs them, begins the next file when one is full.

`spool.py` gives it what waits and keeps the list of segments. A catalogue goes into each segment whose frames need it.
"""

from __future__ import annotations

import logging

from hardcase_agent.domain.frame import Moment
from hardcase_agent.domain.stream import RecordKind, Sealed
from hardcase_agent.spool import segment as fmt
from hardcase_agent.spool.files import Files
from hardcase_agent.spool.recovery import Segment, discard, note_record

log = logging.getLogger(__name__)


class Tail:
    """`ordinal`: of the first file it makes; higher than any on the disk."""

    def __init__(self, files: Files, *, epoch: bytes, boot_id: bytes, ordinal: int) -> None:
        self._files = files
        self._epoch = epoch
        self._boot_id = boot_id
        self._ordinal = ordinal
        self._handle: int | None = None
        self._catalogues: dict[str, Sealed] = {}
        self.segment: Segment | None = None
        """None: the next write begins a file."""
        self.next = 1
        """Sequence of the next record."""

    def remember(self, catalogue: Sealed) -> None:
        """The newest of its source, for copies and for answers."""
        self._catalogues[catalogue.slot or catalogue.catalogue_id.hex()] = catalogue

    def catalogue(self, catalogue_id: bytes) -> bytes | None:
        for record in self._catalogues.values():
            if record.catalogue_id == catalogue_id:
                return record.payload
        return None

    def write(self, records: list[tuple[Sealed, bytes]], now: Moment, *, full_bytes: int) -> Segment | None:
        """Records with their tags. Returns the segment if this began one. Raises OSError; then none has a number."""
        if self.segment is not None and self.segment.size >= full_bytes:
            self.close()
        creating = self.segment is None
        target = self.segment or self._new_segment(now)
        packed, catalogues = self._pack(records, target)
        try:
            if self._handle is None:
                self._handle = self._files.create(target.name)
                packed = fmt.pack_header(_header(target)) + packed
            self._files.write(self._handle, packed)
            self._files.sync(self._handle)
            if creating:
                self._files.sync_folder()
        except OSError:
            self._abandon(target, creating)
            raise
        if creating:
            self.segment = target
        for record, tag in records:
            note_record(target, record.kind, self.next, tag)
            self.next += 1
        target.catalogues |= catalogues
        target.size += len(packed)
        target.newest = self.next - 1
        return target if creating else None

    def close(self) -> None:
        handle, self._handle, self.segment = self._handle, None, None
        if handle is not None:
            self._files.close(handle)

    def _pack(self, records: list[tuple[Sealed, bytes]], target: Segment) -> tuple[bytes, set[bytes]]:
        packed = bytearray()
        held: set[bytes] = set()
        for sequence, (record, tag) in enumerate(records, start=self.next):
            wanted = record.catalogue_id
            if record.kind is RecordKind.CATALOGUE:
                held.add(wanted)
            elif wanted and wanted not in held and wanted not in target.catalogues:
                copy = self.catalogue(wanted)
                if copy is not None:
                    packed += fmt.pack_entry(fmt.EntryType.CATALOGUE, RecordKind.CATALOGUE, 0, wanted, copy)
                    held.add(wanted)
            packed += fmt.pack_entry(fmt.EntryType.RECORD, record.kind, sequence, tag, record.payload)
        return bytes(packed), held

    def _abandon(self, target: Segment, creating: bool) -> None:
        """After a failed write or sync nothing more goes into this file: what the medium kept of it is unknown."""
        handle, self._handle, self.segment = self._handle, None, None
        if handle is None:
            return
        try:
            self._files.truncate(handle, 0 if creating else target.size)
        except OSError as error:
            log.debug("spool segment cannot be cut: segment=%s reason=%s", target.name, error)
        self._files.close(handle)
        if creating:
            discard(self._files, target.name)

    def _new_segment(self, now: Moment) -> Segment:
        ordinal = self._ordinal
        self._ordinal += 1
        return Segment(
            name=fmt.segment_name(ordinal, self._epoch, self.next),
            ordinal=ordinal,
            epoch=self._epoch,
            boot_id=self._boot_id,
            first=self.next,
            newest=self.next - 1,
            size=0,
            wall_ms=now.wall_ms,
            boot_ms=now.boot_ms,
        )


def _header(segment: Segment) -> fmt.Header:
    return fmt.Header(
        epoch=segment.epoch,
        boot_id=segment.boot_id,
        first=segment.first,
        wall_ms=segment.wall_ms,
        boot_ms=segment.boot_ms,
    )
