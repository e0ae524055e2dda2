"""What an earlier run left on the disk: which segments can be served, which records are missing, what must be said.

Called once by `spool.py` at start. Nothing is rewritten: a torn tail is simply not read, because a new start writes
into segments of its own epoch.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace

from hardcase_agent.domain.event import LossCause
from hardcase_agent.domain.stream import RecordKind
from hardcase_agent.spool import segment as fmt
from hardcase_agent.spool.files import Files
from hardcase_agent.spool.losses import FILE as LEDGER_FILE
from hardcase_agent.spool.losses import read_ledger
from hardcase_agent.spool.ranges import Ranges

log = logging.getLogger(__name__)

ASIDE = ".aside"
ASIDE_KEPT = 16
"""Unreadable segments kept for people; older ones go."""


@dataclass(slots=True)
class Segment:
    """One file as the spool serves it. `size` is the length up to the last sound entry."""

    name: str
    ordinal: int
    epoch: bytes
    boot_id: bytes
    first: int
    newest: int
    size: int
    wall_ms: int
    boot_ms: int
    catalogues: set[bytes] = field(default_factory=set)
    losses: list[tuple[int, fmt.LossRange]] = field(default_factory=list)
    """Sequence and meaning of each loss record in it: carried over when the segment is dropped."""


@dataclass(slots=True)
class Recovered:
    segments: list[Segment]
    gone: dict[bytes, Ranges]
    owed: list[fmt.LossRange]
    """Losses found now that nothing on the disk states yet."""
    carried: list[fmt.LossRange]
    """Losses an earlier run owed: counted then, still to be sent."""
    owed_file: bool
    """There is a file of owed losses. It is written anew, because some may have become records since."""
    next_ordinal: int


def recover(files: Files) -> Recovered:
    """Raises OSError if the folder cannot be listed; a single bad file only costs its records."""
    named = sorted((parsed, name) for name in files.names() if (parsed := fmt.parse_name(name)) is not None)
    found = Recovered(
        segments=[],
        gone={},
        owed=[],
        carried=[],
        owed_file=LEDGER_FILE in files.names(),
        next_ordinal=1 + max((key[0] for key, _ in named), default=0),
    )
    holes: list[tuple[bytes, int, int]] = []
    for at, (key, name) in enumerate(named):
        following = named[at + 1][0] if at + 1 < len(named) else None
        limit = following[2] if following is not None and following[1] == key[1] else None
        _recover_one(files, name, key, limit, found, holes)
    _apply_stated_losses(files, found)
    for epoch, first, through in holes:
        ranges = found.gone.setdefault(epoch, Ranges())
        for own_first, own_through in ranges.outside(first, through):
            found.owed.append(_unreadable(epoch, own_first, own_through))
        ranges.add(first, through)
    _trim_aside(files)
    _sync_names(files)
    return found


def _recover_one(
    files: Files,
    name: str,
    key: tuple[int, bytes, int],
    limit: int | None,
    found: Recovered,
    holes: list[tuple[bytes, int, int]],
) -> None:
    ordinal, epoch, first = key
    try:
        # Written, read by us, and yet not on the medium: so it may be after a kill. What is built on it must stand.
        files.sync_file(name)
        data = files.read(name)
        header = fmt.unpack_header(data)
        if (header.epoch, header.first) != (epoch, first):
            raise fmt.DamagedHeader("the header names another segment than the file's name")
    except (OSError, fmt.DamagedHeader, fmt.UnknownVersion) as error:
        if isinstance(error, fmt.DamagedHeader) and not _holds_entries(data):
            # The power went while the file was made: nothing in it was ever synced.
            discard(files, name)
            return
        log.error("spool segment kept aside: segment=%s reason=%s", name + ASIDE, error)
        _set_aside(files, name)
        if limit is None:
            found.owed.append(_unreadable(epoch, 0, 0))
        elif limit > first:
            holes.append((epoch, first, limit - 1))
        return
    segment = Segment(
        name=name,
        ordinal=ordinal,
        epoch=epoch,
        boot_id=header.boot_id,
        first=first,
        newest=first - 1,
        size=fmt.HEADER_BYTES,
        wall_ms=header.wall_ms,
        boot_ms=header.boot_ms,
    )
    holes += [(epoch, *hole) for hole in _scan(data, segment, limit)]
    if segment.newest < segment.first:
        discard(files, name)
    else:
        found.segments.append(segment)


def _scan(data: bytes, segment: Segment, limit: int | None) -> list[tuple[int, int]]:
    """Fill the segment from its entries; returns the missing ranges. `limit`: the next segment begins there."""
    holes = []
    for entry in fmt.entries(data):
        if isinstance(entry, fmt.Damage):
            continue
        if entry.type is fmt.EntryType.CATALOGUE:
            segment.catalogues.add(entry.tag)
            continue
        if limit is not None and entry.sequence >= limit:
            # Left by a write that failed; the same records were written again into the next segment.
            break
        if entry.sequence <= segment.newest:
            continue
        if entry.sequence > segment.newest + 1:
            holes.append((segment.newest + 1, entry.sequence - 1))
        segment.newest = entry.sequence
        segment.size = entry.end
        note_record(segment, entry.kind, entry.sequence, entry.tag)
    if limit is not None and segment.newest + 1 < limit:
        holes.append((segment.newest + 1, limit - 1))
    return holes


def note_record(segment: Segment, kind: RecordKind, sequence: int, tag: bytes) -> None:
    """What the spool must remember of a record without its payload."""
    if kind is RecordKind.CATALOGUE:
        segment.catalogues.add(tag)
    elif kind is RecordKind.LOSS:
        segment.losses.append((sequence, fmt.LossRange.unpack(tag)))


def _apply_stated_losses(files: Files, found: Recovered) -> None:
    """What a loss on the disk already states is neither served nor stated again.

    A dropped segment may be back after a power cut, its removal not being synced. The ledger was stored before and
    carries the losses that its records state, so those of a segment that goes (again) do not count. A loss stands
    after what it states: newest first, each segment is judged by what is kept behind it.
    """
    owed = list(read_ledger(files))
    for loss in owed:
        if loss.first:
            found.gone.setdefault(loss.epoch, Ranges()).add(loss.first, loss.through)
    stated: dict[bytes, Ranges] = {}
    kept: list[Segment] = []
    for segment in reversed(found.segments):
        gone = found.gone.get(segment.epoch)
        if gone is not None and gone.covers(segment.first, segment.newest):
            discard(files, segment.name)
            continue
        kept.append(segment)
        for sequence, loss in reversed(segment.losses):
            # A record that was itself lost states nothing: what it said was owed again.
            if loss.first and sequence not in found.gone.get(segment.epoch, Ranges()):
                stated.setdefault(loss.epoch, Ranges()).add(loss.first, loss.through)
                found.gone.setdefault(loss.epoch, Ranges()).add(loss.first, loss.through)
    found.segments = kept[::-1]
    for loss in owed:
        # The power may have gone between a loss's record and its removal from the ledger.
        if not loss.first:
            found.carried.append(loss)
            continue
        ranges = stated.setdefault(loss.epoch, Ranges())
        for first, through in ranges.outside(loss.first, loss.through):
            found.carried.append(replace(loss, first=first, through=through, records=through - first + 1))
        ranges.add(loss.first, loss.through)


def _holds_entries(data: bytes) -> bool:
    return any(isinstance(entry, fmt.Entry) for entry in fmt.entries(data, 0))


def _unreadable(epoch: bytes, first: int, through: int) -> fmt.LossRange:
    cause = fmt.CAUSES.index(LossCause.UNREADABLE)
    return fmt.LossRange(
        epoch=epoch, first=first, through=through, records=through - first + 1 if first else 1, cause=cause
    )


def _set_aside(files: Files, name: str) -> None:
    try:
        files.rename(name, name + ASIDE)
    except OSError as error:
        log.error("spool segment cannot be kept aside: segment=%s reason=%s", name, error)


def _sync_names(files: Files) -> None:
    """What was created, renamed or removed up to now, here or by a killed process, must not come undone."""
    try:
        files.sync_folder()
    except OSError as error:
        log.error("spool folder cannot be synced: %s", error)


def _trim_aside(files: Files) -> None:
    aside = sorted(name for name in files.names() if name.endswith(ASIDE))
    for name in aside[:-ASIDE_KEPT]:
        discard(files, name)


def discard(files: Files, name: str) -> bool:
    """Remove a file; a disk that refuses is logged and costs space, nothing else. True = it went."""
    try:
        files.remove(name)
    except FileNotFoundError:
        return True
    except OSError as error:
        log.error("spool file cannot be removed: file=%s reason=%s", name, error)
        return False
    return True
