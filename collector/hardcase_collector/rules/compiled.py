"""A catalogue and the rule book, compiled: per sensor the watches on it and its band when nothing is wrong.

Made once per catalogue by `engine`. Sensors that look alike share one compiled form, so that a thousand servers of
one model cost little more than one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.observation import Catalogue, Sensor
from hardcase_collector.rules import limits
from hardcase_collector.rules.debounce import AT_ONCE, Damping
from hardcase_collector.rules.limits import Ladder
from hardcase_collector.rules.sheet import Condition, Count, Override, Rule, RuleBook, Scope

Floats = npt.NDArray[np.float32 | np.float64]

_TWO_OF_THREE, _THREE_OF_THREE = Count(2, 3), Count(3, 3)
_FLAP_RAISES = 3
_FLAP_WINDOW_MS = 3_600_000
_FLAP_PERIODS = 20
"""Three raises within an hour, or within twenty periods of a slow source, make a finding unstable."""
_IMMEDIATE = frozenset({"upper_critical", "upper_non_recoverable", "lower_critical", "lower_non_recoverable"})
_NO_DAMPING = frozenset({Condition.RATE, Condition.EVENT, Condition.MISSING, Condition.STATUS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One rule on one sensor (or on a part, or on the feed as a whole)."""

    rule: Rule
    id: int
    damping: Damping
    ladder: Ladder | None = None
    asserted: tuple[tuple[int, int], ...] = ()
    """(severity, bit mask): any of these states is the fault."""
    deasserted: tuple[tuple[int, int], ...] = ()
    """(severity, bit mask): none of these states is the fault."""
    rejected: str = ""
    """Why the device's own limits are not used."""
    bucket_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledSensor:
    """The watches on a sensor; `doubted` are those that hold once its limits were contradicted at first sight."""

    watches: tuple[Watch, ...] = ()
    doubted: tuple[Watch, ...] = ()
    lo: float = -math.inf
    hi: float = math.inf
    """Where no watch with fixed limits leaves level 0."""
    first_sight: bool = False
    """Its limits are still to be compared with the device's own comparison bits."""
    signature: int = 0
    remembers: bool = False
    """Growth or rate: the sensor has a baseline and a previous value."""
    arms: bool = False
    """Some rule wants a change, not a state found at first sight."""


_NOTHING = CompiledSensor()


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A catalogue ready for judging."""

    catalogue: Catalogue
    numbers: int
    states: int
    dtype: str
    values_len: int
    offsets_len: int
    sensors: tuple[CompiledSensor, ...]
    lo: Floats
    hi: Floats
    signatures: npt.NDArray[np.uint16]
    """Per number sensor, 0 where its limits need no first sight."""
    remembering: tuple[int, ...]
    """Number sensors with growth or rate rules."""
    parts: dict[str, tuple[tuple[Watch, ...], npt.NDArray[np.intp]]]
    """Part key -> the `gone` watches on it, and the indexes of its sensors."""
    missing_sensor: Watch | None
    missing_source: Watch | None


class Compiler:
    """Compiles catalogues against one book; remembers sensors it has seen the like of."""

    def __init__(self, book: RuleBook, *, remembered: int = 20_000) -> None:
        self._book = book
        self._sensor_rules = tuple(
            rule
            for rule in book.rules
            if rule.condition in (Condition.LIMITS, Condition.GROWTH, Condition.RATE, Condition.STATE)
        )
        self._gone = tuple(rule for rule in book.rules if rule.condition is Condition.GONE)
        self._placed = any(o.match.sensor or o.match.name or o.match.slot or o.match.asset for o in book.overrides)
        self._remembered = remembered
        self._known: dict[object, CompiledSensor] = {}

    def compile(self, catalogue: Catalogue, asset: Sequence[str]) -> Compiled:
        """`asset`: its key and its number as texts, for overrides."""
        count = catalogue.numbers
        states = len(catalogue.sensors) - count
        dtype = "<f8" if catalogue.value_width == 8 else "<f4"
        sensors = tuple(self._sensor(sensor, catalogue, asset) for sensor in catalogue.sensors)
        return Compiled(
            catalogue=catalogue,
            numbers=count,
            states=states,
            dtype=dtype,
            values_len=count * catalogue.value_width,
            offsets_len=len(catalogue.sensors) * 4,
            sensors=sensors,
            lo=np.array([sensor.lo for sensor in sensors[:count]], dtype=dtype),
            hi=np.array([sensor.hi for sensor in sensors[:count]], dtype=dtype),
            signatures=np.array([sensor.signature for sensor in sensors[:count]], dtype=np.uint16),
            remembering=tuple(index for index, sensor in enumerate(sensors[:count]) if sensor.remembers),
            parts=self._parts(catalogue),
            missing_sensor=self._missing(catalogue, Scope.SENSOR),
            missing_source=self._missing(catalogue, Scope.SOURCE),
        )

    def gone(self, component: str, source: str) -> tuple[Watch, ...]:
        """The `gone` watches on parts of this component."""
        return tuple(
            plain_watch(rule)
            for rule in self._gone
            if rule.match.takes_source(source) and rule.match.takes_component(component)
        )

    def _sensor(self, sensor: Sensor, catalogue: Catalogue, asset: Sequence[str]) -> CompiledSensor:
        looks: tuple[object, ...] = (
            catalogue.source, catalogue.value_width, catalogue.period_ms, sensor.kind, sensor.quantity, sensor.unit,
            sensor.part.component, sensor.limits, sensor.states, sensor.comparison,
        )  # fmt: skip
        if self._placed:
            looks += (sensor.id, sensor.name, sensor.part.slot, tuple(asset))
        known = self._known.get(looks)
        if known is None:
            known = self._compile_sensor(sensor, catalogue, asset)
            if len(self._known) >= self._remembered:
                self._known.clear()
            self._known[looks] = known
        return known

    def _compile_sensor(self, sensor: Sensor, catalogue: Catalogue, asset: Sequence[str]) -> CompiledSensor:
        rules = [rule for rule in self._sensor_rules if rule.match.takes(sensor, catalogue.source)]
        overrides = [o for o in self._book.overrides if o.takes(sensor, catalogue.source, asset)]
        off = {o.rule for o in overrides if o.off}
        rules = [rule for rule in rules if "" not in off and rule.name not in off]
        if sensor.states:
            return _states_compiled(sensor, rules, catalogue.period_ms)
        reason = limits.rejected(sensor.limits)
        watches = _number_watches(sensor, rules, overrides, catalogue, reason)
        if not watches:
            return _NOTHING
        first_sight = (
            not reason
            and sensor.comparison is not None
            and any(step.source == limits.DEVICE for watch in watches if watch.ladder for step in watch.ladder.steps)
        )
        remembers = any(watch.rule.condition is not Condition.LIMITS for watch in watches)
        lo, hi = _quiet_band(watches, catalogue.value_width)
        return CompiledSensor(
            watches=watches,
            doubted=_number_watches(sensor, rules, overrides, catalogue, "contradicted") if first_sight else (),
            lo=lo,
            hi=hi,
            first_sight=first_sight,
            signature=limits.signature(sensor) if first_sight else 0,
            remembers=remembers,
        )

    def _parts(self, catalogue: Catalogue) -> dict[str, tuple[tuple[Watch, ...], npt.NDArray[np.intp]]]:
        if not self._gone:
            return {}
        indexes: dict[str, list[int]] = {}
        for index, sensor in enumerate(catalogue.sensors):
            if sensor.part.serial or sensor.part.slot:
                indexes.setdefault(sensor.part.key(), []).append(index)
        parts = {}
        for key, found in indexes.items():
            component = catalogue.sensors[found[0]].part.component
            watches = self.gone(component, catalogue.source)
            if watches:
                parts[key] = (watches, np.array(found, dtype=np.intp))
        return parts

    def _missing(self, catalogue: Catalogue, scope: Scope) -> Watch | None:
        for rule in self._book.rules:
            wanted = rule.condition is Condition.MISSING and rule.scope is scope
            if wanted and rule.match.takes_source(catalogue.source):
                return plain_watch(rule)
        return None


def _quiet_band(watches: Sequence[Watch], width: int) -> tuple[float, float]:
    lo, hi = -math.inf, math.inf
    for watch in watches:
        if watch.ladder is not None and watch.rule.condition is Condition.LIMITS:
            low, high = inclusive(watch.ladder, 0, width)
            lo, hi = max(lo, low), min(hi, high)
    return lo, hi


def inclusive(ladder: Ladder, level: int, width: int) -> tuple[float, float]:
    """The ladder's band in the sensor's own values, both ends inclusive."""
    down, up = ladder.band(level)
    up = up if math.isinf(up) else limits.just_below(up, width)
    return (down, up) if ladder.sign > 0 else (-up, -down)


def damping(rule: Rule, ladder: Ladder | None, period_ms: int) -> Damping:
    """The sheet's counts, else the defaults: what the device itself asserts and its critical limits 1 of 1, other
    limits 2 of 3, clear 3 of 3; counters, events and statuses are taken at their word.
    """
    clear = rule.clear or (AT_ONCE if rule.condition in _NO_DAMPING else _THREE_OF_THREE)
    raises: dict[int, Count] = {}
    if ladder is not None and rule.condition is Condition.LIMITS:
        for step in ladder.steps:
            immediate = step.source == limits.DEVICE and step.name in _IMMEDIATE
            raises[step.severity] = rule.debounce or (AT_ONCE if immediate else _TWO_OF_THREE)
    else:
        count = rule.debounce or (_TWO_OF_THREE if rule.condition is Condition.GONE else AT_ONCE)
        raises = {int(severity): count for severity in Severity if severity}
    window_ms = rule.flap.window_s * 1000 if rule.flap else max(_FLAP_WINDOW_MS, _FLAP_PERIODS * period_ms)
    return Damping(
        raises=tuple(sorted(raises.items(), reverse=True)),
        clear=clear,
        flap_raises=rule.flap.raises if rule.flap else _FLAP_RAISES,
        flap_window_ms=window_ms,
    )


def plain_watch(rule: Rule) -> Watch:
    """A watch that hangs on no sensor's period: events, statuses, parts gone, missing data."""
    return Watch(rule=rule, id=rule.id, damping=damping(rule, None, 0))


def _number_watches(
    sensor: Sensor, rules: Sequence[Rule], overrides: Sequence[Override], catalogue: Catalogue, reason: str
) -> tuple[Watch, ...]:
    watches = []
    for rule in rules:
        if rule.condition is Condition.STATE:
            continue
        if rule.condition is Condition.LIMITS:
            ladder = limits.ladder(rule, sensor, overrides, width=catalogue.value_width, believed=not reason)
        else:
            ladder = limits.counted_ladder(rule, overrides)
        if ladder is None:
            continue
        watches.append(
            Watch(
                rule=rule,
                id=rule.id,
                damping=damping(rule, ladder, catalogue.period_ms),
                ladder=ladder,
                rejected=reason,
                # A 24th of the window: a day's rate forgets by the hour.
                bucket_ms=rule.window_s * 1000 // 24 if rule.condition is Condition.RATE else 0,
            )
        )
    return tuple(watches)


def _states_compiled(sensor: Sensor, rules: Sequence[Rule], period_ms: int) -> CompiledSensor:
    bits = {name: 1 << index for index, name in enumerate(sensor.states) if name}
    watches = []
    for rule in rules:
        if rule.condition is not Condition.STATE:
            continue
        asserted = _masks(rule.asserted, bits)
        deasserted = _masks(rule.deasserted, bits)
        if asserted or deasserted:
            watches.append(
                Watch(
                    rule=rule,
                    id=rule.id,
                    damping=damping(rule, None, period_ms),
                    asserted=asserted,
                    deasserted=deasserted,
                )
            )
    return CompiledSensor(watches=tuple(watches), arms=any(w.rule.after_change for w in watches))


def _masks(words: Sequence[tuple[Severity, tuple[str, ...]]], bits: dict[str, int]) -> tuple[tuple[int, int], ...]:
    masks = []
    for severity, names in words:
        mask = sum(bits.get(name, 0) for name in set(names))
        if mask:
            masks.append((int(severity), mask))
    return tuple(masks)
