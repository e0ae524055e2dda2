"""Judging state of one feed in memory: columns by sensor, tracks by finding, the last frame.

Made by `engine.open_feed`, changed by `engine` and the judging modules beside it. How it becomes bytes: `feed_row`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.observation import Catalogue, Frame
from hardcase_collector.domain.ports import Baseline, Feed
from hardcase_collector.rules.compiled import Compiled, CompiledSensor, Floats, Watch
from hardcase_collector.rules.debounce import Track, wakes_at

NEVER_MS = 1 << 62
MAX_KEYED = 1024
"""Findings of events, parts and statuses one feed may hold; a chattering log must not grow the row without end."""
PARKED_MS = 24 * 3600 * 1000
"""How long a finding outlives its sensor: a catalogue that flips back within a day goes on where it was."""


def some(mask: npt.NDArray[np.bool_]) -> bool:
    """`mask.any()` for a hundred sensors at a fifth of its price, which is all call and no work."""
    return 1 in mask.tobytes()


@dataclass(slots=True)
class Keyed:
    """A finding that hangs on no single sensor of a frame: event, status, part gone, missing data."""

    part: Part
    track: Track = field(default_factory=Track)
    code: str = ""
    expires_ms: int = 0
    """Events: when it clears by itself; 0 = not by time."""


@dataclass(slots=True)
class Parked:
    """A finding whose sensor left the catalogue, or whose rule no longer judges it."""

    number: int
    rule: int
    sensor: str
    name: str
    part: Part
    track: Track
    until_ms: int


@dataclass(frozen=True, slots=True)
class Worn:
    """Per cent used of a disk at two times in the past; at first both are one. See `wear`."""

    older_ms: int
    older: float
    newer_ms: int
    newer: float


Key = tuple[int, str, str]
"""(rule id, part key, sensor id)."""


@dataclass(slots=True, kw_only=True)
class Columns:
    """What is remembered per sensor, in catalogue order."""

    numbers: list[int]
    """Stable small integers of the sensors (`Catalogue.sensor_numbers`)."""
    gaps: npt.NDArray[np.uint8]
    """Gap reason of the last frame, 0 = a value."""
    gap_since: npt.NDArray[np.int64]
    """Time of the last value before the gap, ms; 0 = no gap."""
    seen: npt.NDArray[np.bool_]
    """Has ever given a value."""
    missing: npt.NDArray[np.bool_]
    """A missing-data finding is raised on it."""
    armed: npt.NDArray[np.bool_]
    """Was seen without the fault that its after_change rules look for."""
    known: npt.NDArray[np.int64]
    """Last known bits of each state sensor, by the sensor's place in the whole catalogue; -1 = never."""
    baseline: npt.NDArray[np.float64]
    """Growth counts from here; NaN = first sight is still to come."""
    previous: npt.NDArray[np.float64]
    """Rate: the last value."""
    sight: npt.NDArray[np.uint16]
    """0 = limits not yet compared with the comparison bits; else their signature, lowest bit set = contradicted."""

    @classmethod
    def empty(cls, numbers: Sequence[int]) -> Columns:
        count = len(numbers)
        return cls(
            numbers=list(numbers),
            gaps=np.zeros(count, dtype=np.uint8),
            gap_since=np.zeros(count, dtype=np.int64),
            seen=np.zeros(count, dtype=np.bool_),
            missing=np.zeros(count, dtype=np.bool_),
            armed=np.zeros(count, dtype=np.bool_),
            known=np.full(count, -1, dtype=np.int64),
            baseline=np.full(count, np.nan),
            previous=np.full(count, np.nan),
            sight=np.zeros(count, dtype=np.uint16),
        )

    def moved_to(self, numbers: Sequence[int]) -> Columns:
        """The same memory for another order or set of sensors; new sensors start empty."""
        old = {number: index for index, number in enumerate(self.numbers)}
        new = Columns.empty(numbers)
        pairs = [(old[number], index) for index, number in enumerate(numbers) if number in old]
        if pairs:
            origin, target = (np.array(side, dtype=np.intp) for side in zip(*pairs, strict=True))
            for name in _COLUMN_NAMES:
                getattr(new, name)[target] = getattr(self, name)[origin]
        return new

    def joined(self, other: Columns) -> Columns:
        """This memory followed by the other's."""
        new = Columns.empty(self.numbers + other.numbers)
        for name in _COLUMN_NAMES:
            setattr(new, name, np.concatenate((getattr(self, name), getattr(other, name))))
        return new

    def left_behind(self, numbers: Sequence[int], limit: int) -> Columns:
        """What is worth keeping of sensors that are not among `numbers`: counters and first sight, `limit` newest."""
        gone = set(self.numbers) - set(numbers)
        worth = (~np.isnan(self.baseline)) | (self.sight != 0) | self.armed
        kept = [number for number, keep in zip(self.numbers, worth, strict=True) if keep and number in gone]
        new = self.moved_to(kept[-limit:])
        new.gaps[:] = 0
        new.gap_since[:] = 0
        new.missing[:] = False
        return new


_COLUMN_NAMES = (
    "gaps", "gap_since", "seen", "missing", "armed", "known", "baseline", "previous", "sight",
)  # fmt: skip


MAX_GHOSTS = 512
"""Sensors that left the catalogue and are still remembered."""


class FeedState:
    """See `domain.ports.FeedState`. Attributes are open to the modules of `rules`, and to nobody else."""

    __slots__ = (
        "accepted", "backlog", "baselines_ms", "catalogue_of", "columns", "compiled", "dropped", "feed_of", "floors",
        "gap_bytes", "ghosts", "hi", "high", "inventory", "keyed", "last", "last_received_ms", "last_time_ms", "lo",
        "low", "memory_bytes", "moved",
        "parked", "pending", "pending_parts", "rehearsal", "stable", "tracks", "tracks_wake_ms", "wake_ms",
        "watch_from_ms", "wearing", "worn",
    )  # fmt: skip

    def __init__(self, feed: Feed, *, rehearsal: bool) -> None:
        self.feed_of = feed
        self.rehearsal = rehearsal
        self.catalogue_of: Catalogue | None = None
        self.compiled: Compiled | None = None
        self.columns = Columns.empty(())
        self.ghosts = Columns.empty(())
        """Memory of sensors that left the catalogue: a disk that was asleep when the agent started comes back."""
        self.last: Frame | None = None
        self.last_time_ms = 0
        self.last_received_ms = 0
        self.backlog = False
        """These three speak of the last frame or record while `last` is None."""
        self.tracks: dict[tuple[int, int], Track] = {}
        """(sensor index, rule id) -> track; only findings that are not trivially quiet."""
        self.pending: set[int] = set()
        """Sensors whose debounce is under way: every frame is fed to them."""
        self.pending_parts: set[str] = set()
        self.keyed: dict[Key, Keyed] = {}
        self.parked: list[Parked] = []
        self.inventory: dict[str, Part] | None = None
        self.accepted: tuple[Baseline, ...] = ()
        self.floors: dict[tuple[int, int], float] = {}
        """Accepted baselines of rules with limits: (sensor index, rule id) -> value."""
        self.baselines_ms = 0
        """Growth baselines accepted through this time are in `columns.baseline` already."""
        self.wake_ms = 0
        """From this time of a frame on, time alone may change something."""
        self.tracks_wake_ms = 0
        """The part of it that tracks and parked findings ask for; never too late, perhaps too early."""
        self.wearing: tuple[int, ...] = ()
        """Indexes of sensors of wear in the placed catalogue."""
        self.worn: dict[int, Worn] = {}
        """By sensor number."""
        self.watch_from_ms = 0
        """Not stored: since when this process waits for frames of this feed."""
        self.dropped = 0
        """Findings not kept because `MAX_KEYED` was reached."""
        self.stable: bytes | None = None
        """Bytes of all but the last frame; None = changed since."""
        self.gap_bytes: bytes | None = None
        """The part of them that comes and goes with gaps; None = changed since."""
        self.memory_bytes: tuple[bytes, bytes, bytes] = (b"", b"", b"")
        """The rest of them, valid while `stable` is not None."""
        self._buffers(0)
        self.lo: Floats = np.empty(0)
        self.hi: Floats = np.empty(0)

    @property
    def feed(self) -> Feed:
        return self.feed_of

    @property
    def catalogue(self) -> Catalogue | None:
        return self.catalogue_of

    def place(self, compiled: Compiled) -> None:
        """Takes a compiled catalogue whose order `columns` has already."""
        self.compiled = compiled
        self.catalogue_of = compiled.catalogue
        self.lo, self.hi = compiled.lo.copy(), compiled.hi.copy()
        self._buffers(compiled.numbers)
        self.stable = None

    def _buffers(self, count: int) -> None:
        # Both comparisons write into one bytearray, so that "did anything move" is one search for a 1 in it.
        self.moved = bytearray(2 * count)
        self.low = np.frombuffer(self.moved, dtype=np.bool_, count=count)
        self.high = np.frombuffer(self.moved, dtype=np.bool_, count=count, offset=count)

    def track(self, index: int, rule: int) -> Track:
        """Found or made."""
        return self.tracks.setdefault((index, rule), Track())

    def level_of(self, index: int, rule: int) -> int:
        track = self.tracks.get((index, rule))
        return track.level if track else 0

    def watches(self, index: int) -> tuple[Watch, ...]:
        """The watches on this sensor, with regard to what first sight said of its limits."""
        assert self.compiled is not None
        sensor = self.compiled.sensors[index]
        return sensor.doubted if sensor.first_sight and self.columns.sight[index] & 1 else sensor.watches

    def sighted(self, index: int, sensor: CompiledSensor) -> bool:
        """Whether these very limits were compared with the comparison bits already."""
        return not sensor.first_sight or int(self.columns.sight[index]) & 0xFFFE == sensor.signature

    def keyed_for(self, key: Key, part: Part) -> Keyed | None:
        """Found or made; None where the bound is reached (counted)."""
        found = self.keyed.get(key)
        if found is None:
            if len(self.keyed) >= MAX_KEYED and not self._forget_quiet():
                self.dropped += 1
                return None
            # Kernel names change with every boot and are no part of a finding.
            found = self.keyed[key] = Keyed(replace(part, paths=()))
        return found

    def drop_trivial(self, key: Key) -> None:
        if key in self.keyed and self.keyed[key].track.trivial:
            del self.keyed[key]

    def _forget_quiet(self) -> bool:
        for key, keyed in self.keyed.items():
            if not keyed.track.raised:
                del self.keyed[key]
                return True
        return False

    def next_wake(self, judged: set[int] | None, missing_ms: int) -> None:
        """Sets `wake_ms` after the sensors `judged`, or after all and what is parked where it is None.

        `missing_ms`: what missing data asks for.
        """
        wake = self.tracks_wake_ms if judged is not None else NEVER_MS
        if judged is None or judged:
            for (index, rule), track in self.tracks.items():
                if (judged is None or index in judged) and not self.columns.gaps[index]:
                    wake = min(wake, self._track_wake(index, rule, track))
        if judged is None:
            wake = min(wake, min((parked.until_ms for parked in self.parked), default=NEVER_MS))
        self.tracks_wake_ms = wake
        self.wake_ms = min(wake, missing_ms)

    def _track_wake(self, index: int, rule: int, track: Track) -> int:
        watch = next((w for w in self.watches(index) if w.id == rule), None)
        if watch is None:
            return NEVER_MS
        wakes = [wakes_at(track, watch.damping)]
        if track.window:
            wakes.append((min(track.window) + 24) * watch.bucket_ms)
        return min((wake for wake in wakes if wake is not None), default=NEVER_MS)


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a transition needs to know of the record that caused it."""

    asset: int
    feed: int
    time_ms: int
    backlog: bool
    rehearsal: bool


Facts = Callable[[Severity], dict[str, str | int | float | bool | None]]
"""Makes the evidence; called only when something changed."""
