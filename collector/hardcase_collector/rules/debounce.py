"""From instantaneous levels to what is told: debounce, clearing and flapping of one finding.

`Track` is the memory of one finding; `advance` is the only function that changes what it tells. Sweeps whose level
equals a settled track need not be fed: doing so changes nothing (property-tested), which is what makes the quiet
frame of `engine` cheap.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hardcase_collector.domain.finding import Change
from hardcase_collector.rules.sheet import Count

DEPTH = 8
_BITS = 3
_ONES = 0o11111111
_ALL = 0o77777777


@dataclass(frozen=True, slots=True, kw_only=True)
class Damping:
    """How a finding is damped. `raises` is worst first."""

    raises: tuple[tuple[int, Count], ...]
    clear: Count
    flap_raises: int
    flap_window_ms: int

    @property
    def depth(self) -> int:
        return max(self.clear.n, *(count.n for _, count in self.raises))


AT_ONCE = Count(1, 1)


@dataclass(slots=True)
class Track:
    """Memory of one finding. Times are corrected ms of Unix time, 0 = none."""

    raised: int = 0
    """Severity told."""
    history: int = 0
    """The last eight levels, three bits each, newest lowest."""
    began_ms: int = 0
    """When the level last left 0."""
    raised_ms: int = 0
    flips: list[int] = field(default_factory=list)
    """Times of the last raises, within the flap window."""
    unstable: bool = False
    calm_ms: int = 0
    """Unstable only: since when the level is 0."""
    window: dict[int, float] = field(default_factory=dict)
    """Rate: increments by time bucket."""
    times: list[int] = field(default_factory=list)
    """Events: times of the last n."""
    debounced: str = ""

    @property
    def level(self) -> int:
        """The newest instantaneous level."""
        return self.history & 7

    @property
    def settled(self) -> bool:
        """True: more sweeps at this level change nothing."""
        return self.history == self.level * _ONES

    @property
    def trivial(self) -> bool:
        """True: nothing worth keeping."""
        return not (self.raised or self.history or self.flips or self.window or self.times or self.unstable)


def advance(track: Track, damping: Damping, level: int, time_ms: int) -> Change | None:
    """Feeds one level; says how what is told changed. Monotone: a worse level never yields a milder severity."""
    track.history = ((track.history << _BITS) | level) & _ALL
    if level and not track.began_ms:
        track.began_ms = time_ms
    _settle(track, damping)
    if track.history == 0 and not track.raised:
        track.began_ms = 0
    _forget_flips(track, damping, time_ms)
    target = _decided(track, damping)
    if track.unstable:
        return _advance_unstable(track, damping, target, time_ms)
    if target == track.raised:
        return None
    before, track.raised = track.raised, target
    if before and target:
        return Change.WORSENED if target > before else Change.EASED
    if not target:
        track.began_ms = time_ms if track.level else 0
        track.raised_ms = 0
        return Change.CLEARED
    track.raised_ms = time_ms
    track.flips.append(time_ms)
    if len(track.flips) >= damping.flap_raises:
        track.unstable = True
        track.calm_ms = 0
    return Change.RAISED


def wakes_at(track: Track, damping: Damping) -> int | None:
    """When time alone changes this track: an unstable finding that stays calm, raises that leave the flap window."""
    if track.unstable and track.calm_ms:
        return track.calm_ms + damping.flap_window_ms
    if track.flips and not track.unstable:
        return track.flips[0] + damping.flap_window_ms
    return None


def _advance_unstable(track: Track, damping: Damping, target: int, time_ms: int) -> Change | None:
    if target > track.raised:
        track.raised = target
        return Change.WORSENED
    if track.level:
        track.calm_ms = 0
        return None
    if not track.calm_ms:
        track.calm_ms = time_ms
    # Debounced as well: a window that has run out does not clear what the clear count would still hold.
    if target or time_ms - track.calm_ms < damping.flap_window_ms:
        return None
    track.unstable, track.raised, track.calm_ms, track.raised_ms, track.began_ms = False, 0, 0, 0, 0
    track.flips.clear()
    return Change.CLEARED


def _decided(track: Track, damping: Damping) -> int:
    for severity, count in damping.raises:
        if severity <= track.raised:
            break
        if sum(level >= severity for level in _last(track.history, count.n)) >= count.k:
            track.debounced = str(count)
            return severity
    if track.raised:
        held = sorted(_last(track.history, damping.clear.n))[damping.clear.k - 1]
        if held < track.raised:
            track.debounced = str(damping.clear)
            return held
    return track.raised


def _last(history: int, count: int) -> list[int]:
    return [(history >> (_BITS * age)) & 7 for age in range(count)]


def _settle(track: Track, damping: Damping) -> None:
    """What lies behind the longest window is never looked at; once the window is uniform the rest is made so."""
    if all(level == track.level for level in _last(track.history, damping.depth)):
        track.history = track.level * _ONES


def _forget_flips(track: Track, damping: Damping, time_ms: int) -> None:
    if track.flips and not track.unstable:
        track.flips = [at for at in track.flips if time_ms - at < damping.flap_window_ms]
