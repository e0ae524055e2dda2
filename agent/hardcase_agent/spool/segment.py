"""The segment file: header, entries, and what can still be read of a damaged one. Pure functions over bytes.

Header: magic "HCSP", version (1 byte), 3 zero bytes, epoch (16), kernel boot id (16), first sequence (u64),
creation by wall clock and by CLOCK_BOOTTIME (u64 ms each), CRC-32 of all that (u32).
Entry: marker A5 C3, length of body (u32), CRC-32 of body (u32), body. Body: type (1), kind (1), sequence (u64),
length of tag (1), tag, payload. All little-endian. A frame's or catalogue's tag is the catalogue id, a loss's tag is
the range it stands for, so that nobody has to decode a payload here.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from hardcase_agent.domain.event import LossCause
from hardcase_agent.domain.stream import EPOCH_BYTES, RecordKind

MAGIC = b"HCSP"
VERSION = 1
READABLE = frozenset({1})
"""Versions this release reads: its own and, from version 2 on, the one before."""
_HEADER = struct.Struct("<4sB3x16s16sQQQ")
HEADER_BYTES = _HEADER.size + 4
_ENTRY = struct.Struct("<2sII")
_BODY = struct.Struct("<BBQB")
MARKER = b"\xa5\xc3"
LARGEST_BODY = 4 * 1024 * 1024
"""Above any record (the door stops at half of it): a length beyond it is damage, not data."""
_LOSS_TAG = struct.Struct("<16sQQQB")
LOSS_BYTES = _LOSS_TAG.size
CAUSES = tuple(LossCause)
"""Position = number in a loss's tag. Only ever append to LossCause."""
KINDS = tuple(RecordKind)
"""Position = number in the file. Only ever append to RecordKind."""


class EntryType(IntEnum):
    RECORD = 1
    """Has a sequence of the segment's epoch."""
    CATALOGUE = 2
    """A copy of a catalogue that frames of this segment use; no sequence."""


class UnknownVersion(ValueError):
    """Written by another release: kept aside, not judged damaged."""


class DamagedHeader(ValueError):
    """Not a segment, or its header does not match its checksum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    epoch: bytes
    boot_id: bytes
    first: int
    wall_ms: int
    boot_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    type: EntryType
    kind: RecordKind
    sequence: int
    tag: bytes
    payload: bytes
    end: int = 0
    """Offset after it in its file."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that are no entry, from offset `start`; `end` is where the next entry was found, or the end of the file."""

    start: int
    end: int
    tail: bool
    """Nothing readable follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossRange:
    """What a loss record stands for; 0..0 where no sequence is known."""

    epoch: bytes
    first: int
    through: int
    records: int
    cause: int

    def pack(self) -> bytes:
        return _LOSS_TAG.pack(self.epoch, self.first, self.through, self.records, self.cause)

    @staticmethod
    def unpack(tag: bytes) -> LossRange:
        epoch, first, through, records, cause = _LOSS_TAG.unpack(tag)
        return LossRange(epoch=epoch, first=first, through=through, records=records, cause=cause)


def pack_header(header: Header) -> bytes:
    fields = (header.epoch, header.boot_id, header.first, header.wall_ms, header.boot_ms)
    packed = _HEADER.pack(MAGIC, VERSION, *fields)
    return packed + zlib.crc32(packed).to_bytes(4, "little")


def unpack_header(data: bytes) -> Header:
    """Raises DamagedHeader, UnknownVersion."""
    if len(data) < HEADER_BYTES or data[:4] != MAGIC:
        raise DamagedHeader("not a segment of this spool")
    if data[4] not in READABLE:
        raise UnknownVersion(f"segment version {data[4]}, this release reads {sorted(READABLE)}")
    if zlib.crc32(data[: _HEADER.size]) != int.from_bytes(data[_HEADER.size : HEADER_BYTES], "little"):
        raise DamagedHeader("the header does not match its checksum")
    _, _, epoch, boot_id, first, wall_ms, boot_ms = _HEADER.unpack_from(data)
    return Header(epoch=epoch, boot_id=boot_id, first=first, wall_ms=wall_ms, boot_ms=boot_ms)


def pack_entry(type_: EntryType, kind: RecordKind, sequence: int, tag: bytes, payload: bytes) -> bytes:
    body = _BODY.pack(type_, KINDS.index(kind), sequence, len(tag)) + tag + payload
    return _ENTRY.pack(MARKER, len(body), zlib.crc32(body)) + body


def read_entry(data: bytes, offset: int) -> Entry | None:
    """The entry at `offset`; None = there is no whole, sound entry."""
    if offset + _ENTRY.size > len(data):
        return None
    marker, length, checksum = _ENTRY.unpack_from(data, offset)
    start = offset + _ENTRY.size
    if marker != MARKER or not _BODY.size <= length <= LARGEST_BODY or start + length > len(data):
        return None
    body = data[start : start + length]
    if zlib.crc32(body) != checksum:
        return None
    return _unpack_body(body, start + length)


def entries(data: bytes, offset: int = HEADER_BYTES) -> Iterator[Entry | Damage]:
    """Everything from `offset` on; where bytes are no entry, the next sound entry is searched for."""
    while offset < len(data):
        entry = read_entry(data, offset)
        if entry is not None:
            offset = entry.end
            yield entry
            continue
        found = _search(data, offset + 1)
        yield Damage(offset, found if found is not None else len(data), found is None)
        if found is None:
            return
        offset = found


def _search(data: bytes, offset: int) -> int | None:
    while (offset := data.find(MARKER, offset)) >= 0:
        if read_entry(data, offset) is not None:
            return offset
        offset += 1
    return None


def _unpack_body(body: bytes, end: int) -> Entry | None:
    type_, kind, sequence, tag_length = _BODY.unpack_from(body)
    if type_ not in (EntryType.RECORD, EntryType.CATALOGUE) or kind >= len(KINDS):
        return None
    tag_end = _BODY.size + tag_length
    return Entry(
        type=EntryType(type_),
        kind=KINDS[kind],
        sequence=sequence,
        tag=body[_BODY.size : tag_end],
        payload=body[tag_end:],
        end=end,
    )


def segment_name(ordinal: int, epoch: bytes, first: int) -> str:
    """Sorts in the order of writing; tells epoch and first sequence even where the header cannot be read."""
    return f"{ordinal:012d}-{epoch.hex()}-{first:016d}.seg"


def parse_name(name: str) -> tuple[int, bytes, int] | None:
    """Ordinal, epoch, first sequence; None = not a segment's name."""
    stem, dot, suffix = name.partition(".")
    fields = stem.split("-")
    if not dot or suffix != "seg" or len(fields) != 3:
        return None
    try:
        ordinal, epoch, first = int(fields[0]), bytes.fromhex(fields[1]), int(fields[2])
    except ValueError:
        return None
    return (ordinal, epoch, first) if len(epoch) == EPOCH_BYTES else None
