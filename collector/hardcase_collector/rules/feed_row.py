"""A feed's state as one compact row, and back. Version 1.

Header, stable part (all that frames seldom change, kept as bytes until it does), then the last frame's own bytes:
a quiet feed's row is one join. Written by `engine.row`, read by `engine.open_feed` and `current`.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import astuple, dataclass, field
from typing import Any

import numpy as np

from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.errors import PermanentError
from hardcase_collector.domain.observation import Catalogue, Frame
from hardcase_collector.rules.debounce import Track
from hardcase_collector.rules.feed_entries import part_entry, read_part, read_track, track_entry
from hardcase_collector.rules.feed_state import Columns, FeedState, Key, Keyed, Parked, Worn

VERSION = 1
_HEADER = struct.Struct("<BBBxqqqqIIIII")
_HAS_FRAME, _BACKLOG = 1, 2
_COUNTS = struct.Struct("<IIII")
_GHOST = struct.Struct("<I")
_SPARSE = struct.Struct("<HB")
_PLAIN, _PACKED = 0, 1
_PACK_FROM = 200
"""Bytes of JSON above which deflating pays."""


class RowUnreadable(PermanentError):
    """The stored rule state is damaged or of a newer release: restore a backup, or go back to that release."""


@dataclass(slots=True)
class Decoded:
    """What a row holds. Tracks are all parked: placing them on a catalogue is the engine's work."""

    last: Frame | None = None
    time_ms: int = 0
    received_ms: int = 0
    backlog: bool = False
    wake_ms: int = 0
    columns: Columns = field(default_factory=lambda: Columns.empty(()))
    ghosts: Columns = field(default_factory=lambda: Columns.empty(()))
    parked: list[Parked] = field(default_factory=list)
    levels: dict[int, int] = field(default_factory=dict)
    """Sensor number -> worst severity told."""
    keyed: dict[Key, Keyed] = field(default_factory=dict)
    inventory: dict[str, Part] | None = None
    pending_parts: set[str] = field(default_factory=set)
    baselines_ms: int = 0
    worn: dict[int, Worn] = field(default_factory=dict)


def encode(state: FeedState) -> bytes:
    """The row's bytes. Cheap for a quiet feed: only the header is made anew."""
    if state.stable is None or state.gap_bytes is None:
        state.memory_bytes = state.memory_bytes if state.stable is not None else _memory(state)
        state.gap_bytes = _gap_part(state.columns)
        lengths = _COUNTS.pack(len(state.gap_bytes), *(len(part) for part in state.memory_bytes))
        state.stable = b"".join((lengths, state.gap_bytes, *state.memory_bytes))
    last = state.last
    if last is None:
        header = _HEADER.pack(
            VERSION, state.backlog * _BACKLOG, 0, state.last_time_ms, state.last_received_ms, 0, state.wake_ms,
            len(state.stable), 0, 0, 0, 0,
        )  # fmt: skip
        return header + state.stable
    header = _HEADER.pack(
        VERSION,
        _HAS_FRAME | _BACKLOG if last.backlog else _HAS_FRAME,
        last.flag,
        last.time_ms,
        last.received_ms,
        last.wall_ms,
        state.wake_ms,
        len(state.stable),
        len(last.values),
        len(last.states),
        len(last.gap_index),
        len(last.gap_reason),
    )
    return b"".join((header, state.stable, last.values, last.states, last.gap_index, last.gap_reason))


def decode(data: bytes, catalogue: Catalogue | None, number: int, agent: int) -> Decoded:
    """Reads a row of `encode`. `catalogue` is used for the last frame only, where `number` says it is the row's own.

    Raises RowUnreadable.
    """
    try:
        return _decode(data, catalogue, number, agent)
    except RowUnreadable:
        raise
    except (struct.error, ValueError, KeyError, IndexError, TypeError, zlib.error) as error:
        raise RowUnreadable(f"stored rule state is damaged ({error}): restore a backup") from error


def _decode(data: bytes, catalogue: Catalogue | None, number: int, agent: int) -> Decoded:
    version = data[0] if data else 0
    if version != VERSION:
        raise RowUnreadable(f"stored rule state has version {version}, this release reads {VERSION}")
    (_, flags, flag, time_ms, received_ms, wall_ms, wake_ms, stable, *lengths) = _HEADER.unpack_from(data)
    out = Decoded(time_ms=time_ms, received_ms=received_ms, backlog=bool(flags & _BACKLOG), wake_ms=wake_ms)
    position = _HEADER.size + stable
    _read_stable(memoryview(data)[_HEADER.size : position], out)
    pieces = []
    for length in lengths:
        pieces.append(data[position : position + length])
        position += length
    if position != len(data):
        raise RowUnreadable("stored rule state has the wrong length: restore a backup")
    if flags & _HAS_FRAME and catalogue is not None and catalogue.number == number:
        values, states, gap_index, gap_reason = pieces
        out.last = Frame(
            catalogue=catalogue, agent=agent, epoch=b"", sequence=0, time_ms=time_ms, wall_ms=wall_ms,
            received_ms=received_ms, flag=flag, backlog=out.backlog, values=values, states=states,
            gap_index=gap_index, gap_reason=gap_reason, gap_age_s=b"", offsets_ms=b"",
        )  # fmt: skip
    return out


def _memory(state: FeedState) -> tuple[bytes, bytes, bytes]:
    """What only a judged sensor, an event or another catalogue changes."""
    flags = _gap_part(state.ghosts)
    ghosts = _GHOST.pack(len(flags)) + flags + _columns(state.ghosts) if flags else b""
    return _columns(state.columns), ghosts, _rest(state)


def _read_stable(view: memoryview, out: Decoded) -> None:
    gaps, columns, ghosts, rest = _COUNTS.unpack_from(view)
    start = _COUNTS.size
    out.columns = _read_columns(view[start + gaps : start + gaps + columns], view[start : start + gaps])
    start += gaps + columns
    if ghosts:
        (flags,) = _GHOST.unpack_from(view, start)
        section = view[start + _GHOST.size : start + ghosts]
        out.ghosts = _read_columns(section[flags:], section[:flags])
    start += ghosts
    _read_rest(bytes(view[start : start + rest]), out)


def _gap_part(columns: Columns) -> bytes:
    """What comes and goes with every gap."""
    if not columns.numbers:
        return b""
    gapped = np.flatnonzero(columns.gaps)
    flags = np.packbits(np.concatenate((columns.seen, columns.missing, columns.armed)))
    since = columns.gap_since[gapped].astype("<i8").tobytes()
    return flags.tobytes() + _sparse(gapped, columns.gaps[gapped].tobytes() + since)


def _columns(columns: Columns) -> bytes:
    count = len(columns.numbers)
    if not count:
        return b""
    numbers = columns.numbers
    remembered = np.flatnonzero(~np.isnan(columns.baseline))
    # Where a counter never moved, its previous value is its baseline; NaN differs from itself, as it should here.
    moved = np.flatnonzero((columns.previous != columns.baseline) & ~np.isnan(columns.baseline))
    known = np.flatnonzero(columns.known >= 0)
    sighted = np.flatnonzero(columns.sight)
    first = numbers[0]
    ordered = numbers == list(range(first, first + count))
    return b"".join(
        (
            struct.pack("<HBi", count, ordered, first),
            b"" if ordered else np.array(numbers, dtype="<i4").tobytes(),
            _sparse(remembered, _floats(columns.baseline[remembered])),
            _sparse(moved, _floats(columns.previous[moved])),
            _sparse(known, columns.known[known].astype("<u4").tobytes()),
            _sparse(sighted, columns.sight[sighted].astype("<u2").tobytes()),
        )
    )


def _sparse(indexes: Any, data: bytes) -> bytes:
    count = len(indexes)
    # A consecutive run, the common case, is told by its first index.
    run = bool(count) and int(indexes[-1]) - int(indexes[0]) == count - 1
    places = indexes[:1] if run else indexes
    return _SPARSE.pack(count, run) + bytes(places.astype("<u2").tobytes()) + data


def _floats(values: Any) -> bytes:
    """Singles where they hold the numbers exactly, doubles else; one byte says which."""
    with np.errstate(over="ignore"):
        singles = values.astype("<f4")
    if np.array_equal(singles.astype("<f8"), values, equal_nan=True):
        return b"\x04" + bytes(singles.tobytes())
    return b"\x08" + bytes(values.astype("<f8").tobytes())


class _Reader:
    """Walks through a column section."""

    def __init__(self, view: memoryview) -> None:
        self._view = view
        self._at = 0

    def unpack(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from(form, self._view, self._at)
        self._at += struct.calcsize(form)
        return values

    def array(self, dtype: str, count: int) -> Any:
        found = np.frombuffer(self._view, dtype=dtype, count=count, offset=self._at)
        self._at += found.nbytes
        return found

    def indexes(self) -> Any:
        count, run = self.unpack("<HB")
        if run:
            first = int(self.array("<u2", 1)[0])
            return np.arange(first, first + count)
        return self.array("<u2", count).astype(np.intp)

    def floats(self, count: int) -> Any:
        (width,) = self.unpack("<B")
        return self.array("<f4" if width == 4 else "<f8", count).astype("<f8")


def _read_columns(view: memoryview, gaps: memoryview) -> Columns:
    if not len(view):
        return Columns.empty(())
    reader = _Reader(view)
    count, ordered, first = reader.unpack("<HBi")
    numbers = range(first, first + count) if ordered else [int(n) for n in reader.array("<i4", count)]
    columns = Columns.empty(list(numbers))
    remembered = reader.indexes()
    columns.baseline[remembered] = reader.floats(len(remembered))
    columns.previous[remembered] = columns.baseline[remembered]
    moved = reader.indexes()
    columns.previous[moved] = reader.floats(len(moved))
    known = reader.indexes()
    columns.known[known] = reader.array("<u4", len(known))
    sighted = reader.indexes()
    columns.sight[sighted] = reader.array("<u2", len(sighted))
    _read_gaps(_Reader(gaps), columns, count)
    return columns


def _read_gaps(reader: _Reader, columns: Columns, count: int) -> None:
    bits = np.unpackbits(reader.array("u1", (3 * count + 7) // 8), count=3 * count).astype(np.bool_)
    columns.seen, columns.missing, columns.armed = (bits[i * count : (i + 1) * count].copy() for i in range(3))
    gapped = reader.indexes()
    columns.gaps[gapped] = reader.array("u1", len(gapped))
    columns.gap_since[gapped] = reader.array("<i8", len(gapped))


def _rest(state: FeedState) -> bytes:
    """Findings, inventory and marks as JSON: rare, and different in every feed."""
    tracks = [_track_entry(state, index, rule, track) for (index, rule), track in state.tracks.items()]
    tracks += [_parked_entry(parked) for parked in state.parked]
    content = {
        "t": tracks,
        "k": [
            [*key, part_entry(keyed.part), track_entry(keyed.track), keyed.code, keyed.expires_ms]
            for key, keyed in state.keyed.items()
        ],
        "i": None if state.inventory is None else [part_entry(part) for part in state.inventory.values()],
        "p": sorted(state.pending_parts),
        "b": state.baselines_ms,
    }
    if state.worn:
        content["w"] = [[number, *astuple(worn)] for number, worn in state.worn.items()]
    if content == {"t": [], "k": [], "i": None, "p": [], "b": 0}:
        return b""
    text = json.dumps(content, separators=(",", ":")).encode()
    return bytes([_PLAIN]) + text if len(text) < _PACK_FROM else bytes([_PACKED]) + zlib.compress(text, 1)


def _read_rest(data: bytes, out: Decoded) -> None:
    if not data:
        return
    text = zlib.decompress(data[1:]) if data[0] == _PACKED else data[1:]
    content = json.loads(text)
    for number, rule, until_ms, sensor, name, part, track in content["t"]:
        out.parked.append(Parked(number, rule, sensor, name, read_part(part), read_track(track), until_ms))
        out.levels[number] = max(out.levels.get(number, 0), out.parked[-1].track.raised)
    for rule, part_key, sensor, part, track, code, expires_ms in content["k"]:
        out.keyed[(rule, part_key, sensor)] = Keyed(read_part(part), read_track(track), code, expires_ms)
    if content["i"] is not None:
        parts = [read_part(part) for part in content["i"]]
        out.inventory = {part.key(): part for part in parts}
    out.pending_parts = set(content["p"])
    out.baselines_ms = content["b"]
    out.worn = {number: Worn(*samples) for number, *samples in content.get("w", ())}


def _track_entry(state: FeedState, index: int, rule: int, track: Track) -> list[object]:
    number = state.columns.numbers[index]
    if not track.raised or state.catalogue_of is None:
        return [number, rule, 0, "", "", [], track_entry(track)]
    sensor = state.catalogue_of.sensors[index]
    return [number, rule, 0, sensor.id, sensor.name, part_entry(sensor.part), track_entry(track)]


def _parked_entry(parked: Parked) -> list[object]:
    return [
        parked.number, parked.rule, parked.until_ms, parked.sensor, parked.name, part_entry(parked.part),
        track_entry(parked.track),
    ]  # fmt: skip
