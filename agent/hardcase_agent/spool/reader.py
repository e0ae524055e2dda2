"""Reads records of one segment from a sequence on; remembers where it stopped: serving in order never rescans."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

from hardcase_agent.domain.stream import RecordKind, Stored
from hardcase_agent.spool import segment as fmt
from hardcase_agent.spool.files import Files
from hardcase_agent.spool.ranges import Ranges
from hardcase_agent.spool.recovery import Segment

log = logging.getLogger(__name__)

PIECE_BYTES = 64 * 1024
"""Read beyond the asked bytes at once: entry heads and a catalogue copy or two."""


class Reader:
    def __init__(self, files: Files) -> None:
        self._files = files
        self._cursor = ("", 0, 0)

    def read(self, segment: Segment, first: int, gone: Ranges, max_records: int, max_bytes: int) -> list[Stored]:
        """Contiguous records from the first readable one at or after `first`; empty = no more can be read here."""
        name, sequence, offset = self._cursor
        if (name, sequence) != (segment.name, first):
            offset = fmt.HEADER_BYTES
        found: list[Stored] = []
        taken = 0
        try:
            for entry in self._entries(segment, offset, max_bytes + PIECE_BYTES):
                if entry.type is fmt.EntryType.CATALOGUE or entry.sequence < first or entry.sequence in gone:
                    continue
                taken += len(entry.payload)
                follows = not found or entry.sequence == found[-1].sequence + 1
                if not follows or (found and (len(found) >= max_records or taken > max_bytes)):
                    break
                found.append(_stored(segment, entry))
                self._cursor = (segment.name, entry.sequence + 1, entry.end)
        except OSError as error:
            log.error("spool segment cannot be read: segment=%s reason=%s", segment.name, error)
        return found

    def find_catalogue(self, segment: Segment, catalogue_id: bytes) -> bytes | None:
        """The payload of this catalogue, if the segment can be read."""
        try:
            for entry in self._entries(segment, fmt.HEADER_BYTES, segment.size):
                if entry.kind is RecordKind.CATALOGUE and entry.tag == catalogue_id:
                    return entry.payload
        except OSError as error:
            log.error("spool segment cannot be read: segment=%s reason=%s", segment.name, error)
        return None

    def _entries(self, segment: Segment, offset: int, piece: int) -> Iterator[fmt.Entry]:
        while offset < segment.size:
            size = min(piece, segment.size - offset)
            data = self._files.read_at(segment.name, offset, size)
            at = offset
            for entry in fmt.entries(data, 0):
                if isinstance(entry, fmt.Entry):
                    offset = at + entry.end
                    yield replace(entry, end=offset)
            if offset == at:
                if at + size >= segment.size:
                    return
                # Longer than the piece: take the rest of the segment at once.
                piece = segment.size - at


def _stored(segment: Segment, entry: fmt.Entry) -> Stored:
    return Stored(
        epoch=segment.epoch,
        sequence=entry.sequence,
        kind=entry.kind,
        payload=entry.payload,
        boot_id=segment.boot_id,
    )
