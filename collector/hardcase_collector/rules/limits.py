"""Which limits hold for a sensor, where they come from, and what level a value has against them.

Operator's override > the device's own > class default, side by side (design: Judging). Used by `compiled` (once per
sensor) and by the slow path of judging.
"""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.observation import Limits, Sensor
from hardcase_collector.rules.sheet import Levels, Override, Rule, Side

DEVICE, OPERATOR, CLASS_DEFAULT = "device", "operator", "class_default"

# Severity of each of the device's limits, by side; bit = its place among the comparison bits of Get Sensor Reading
# (IPMI v2.0 rev. 1.1, table 35-15: 0 lnc, 1 lc, 2 lnr, 3 unc, 4 uc, 5 unr).
_DEVICE_LIMITS = (
    (Side.LOWER, "lower_non_critical", Severity.WARNING, 0),
    (Side.LOWER, "lower_critical", Severity.MAJOR, 1),
    (Side.LOWER, "lower_non_recoverable", Severity.CRITICAL, 2),
    (Side.UPPER, "upper_non_critical", Severity.WARNING, 3),
    (Side.UPPER, "upper_critical", Severity.MAJOR, 4),
    (Side.UPPER, "upper_non_recoverable", Severity.CRITICAL, 5),
)
_SIDE_BITS = 0b111
"""The comparison bits of one side, from non-critical to non-recoverable."""
_ORDERED = (
    "lower_non_recoverable",
    "lower_critical",
    "lower_non_critical",
    "upper_non_critical",
    "upper_critical",
    "upper_non_recoverable",
)
_HYSTERESIS_CELSIUS = 2.0
_HYSTERESIS_SHARE = 0.01
_LARGEST = {4: float(np.finfo("<f4").max), 8: float(np.finfo("<f8").max)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One limit. `at` and `back` are mirrored for a lower side, so that worse is always greater."""

    severity: int
    at: float
    """Reached at or above: "at or above (>=)" for upper and "at or below (<=)" for lower limits, table 35-15."""
    back: float
    """Left below it: the re-arm point, limit less hysteresis (IPMI v2.0, 35.6 Set Sensor Hysteresis)."""
    name: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """The limits of one side. `sign` is 1 for upper, -1 for lower."""

    sign: float
    steps: tuple[Step, ...]
    hysteresis: float = 0.0

    def level(self, value: float, current: int) -> int:
        """Worst severity whose limit `value` has reached, or has not yet left when `current` was its level."""
        worse = value * self.sign
        best = 0
        for step in self.steps:
            if step.severity > best and (worse >= step.at or (step.severity <= current and worse >= step.back)):
                best = step.severity
        return best

    def band(self, current: int) -> tuple[float, float]:
        """[down, up) in mirrored values: within it `level` stays `current`."""
        down = min((step.back for step in self.steps if step.severity == current), default=-math.inf)
        up = min((step.at for step in self.steps if step.severity > current), default=math.inf)
        return down, up

    def step_of(self, severity: int) -> Step | None:
        """The limit that makes this severity; the lowest where two do."""
        return min((step for step in self.steps if step.severity == severity), key=lambda s: s.at, default=None)


def rejected(limits: Limits) -> str:
    """Why a device's set cannot be believed: "all_zero", "unordered", "not_finite"; "" = it can."""
    stated = [value for name in _ORDERED if (value := getattr(limits, name)) is not None]
    if not stated:
        return ""
    if not all(math.isfinite(value) for value in stated):
        return "not_finite"
    if not any(stated):
        # One limit of 0 alone is honest (a fan's lower critical); a whole set of zeros is a record never filled in.
        return "all_zero" if len(stated) > 1 or limits.lower_critical is None else ""
    if any(low > high for low, high in itertools.pairwise(stated)):
        return "unordered"
    lower = [getattr(limits, name) for name in _ORDERED[:3] if getattr(limits, name) is not None]
    upper = [getattr(limits, name) for name in _ORDERED[3:] if getattr(limits, name) is not None]
    return "unordered" if lower and upper and lower[-1] >= upper[0] else ""


def contradicted(sensor: Sensor, value: float, width: int) -> str:
    """Compares the first value with the comparison bits the device itself gave with it; "" = no contradiction.

    A bit that is set while the value lies inside the limit by no more than the hysteresis is no contradiction: the
    device holds it until the re-arm point.
    """
    if sensor.comparison is None:
        return ""
    for side, name, _, bit in _DEVICE_LIMITS:
        limit = getattr(sensor.limits, name)
        if limit is None:
            continue
        sign = 1.0 if side is Side.UPPER else -1.0
        beyond = (value - rounded(limit, width)) * sign
        told = bool(sensor.comparison >> bit & 1)
        # Some devices set the bit of the worst limit alone: it tells of those before it on its side.
        implied = bool(sensor.comparison >> bit & _SIDE_BITS >> bit % 3)
        # Half a per cent of the limit: value and limit are converted from raw counts with different rounding.
        if not implied and beyond > abs(limit) * 0.005:
            return f"contradicted:{name}"
        if told and beyond < -_hysteresis(sensor, side, ()):
            return f"contradicted:{name}"
    return ""


def ladder(rule: Rule, sensor: Sensor, overrides: Sequence[Override], *, width: int, believed: bool) -> Ladder | None:
    """The limits that hold for this sensor under this rule; None = nothing to judge.

    `width`: bytes of a number in its frames. Limits are rounded as the values were, so that a value equal to its
    limit counts as having reached it. `believed` False: the device's set was rejected.
    """
    sign = 1.0 if rule.side is Side.UPPER else -1.0
    stated = _override_levels(rule, overrides)
    source = OPERATOR
    named: list[tuple[Severity, float, str]]
    if stated is None:
        named = _device_levels(rule, sensor.limits) if believed else []
        source = DEVICE
        if not named:
            stated, source = rule.levels, CLASS_DEFAULT
    if stated is not None:
        named = [(severity, number, f"{rule.side.value}_{severity.word}") for severity, number in stated]
    if not named:
        return None
    hysteresis = _hysteresis(
        sensor if believed else Sensor(id="", name="", kind="", unit=sensor.unit), rule.side, named
    )
    steps = tuple(
        Step(
            severity=int(severity),
            at=rounded(number, width) * sign,
            back=rounded(number * sign - hysteresis, width),
            name=name,
            source=source,
        )
        for severity, number, name in named
    )
    return Ladder(sign=sign, steps=steps, hysteresis=hysteresis)


def counted_ladder(rule: Rule, overrides: Sequence[Override]) -> Ladder:
    """Growth and rate: levels over a count, without hysteresis because counters do not tremble."""
    levels = _override_levels(rule, [o for o in overrides if o.rule])
    source = CLASS_DEFAULT if levels is None else OPERATOR
    steps = tuple(
        Step(
            severity=int(severity),
            at=number,
            back=number,
            name=f"{rule.condition.value}_{severity.word}",
            source=source,
        )
        for severity, number in (rule.levels if levels is None else levels)
    )
    return Ladder(sign=1.0, steps=steps)


def rounded(value: float, width: int) -> float:
    """`value` as a frame of this number width would carry it; beyond its range: infinite."""
    if abs(value) > _LARGEST[width]:
        return math.copysign(math.inf, value)
    return float(np.float32(value)) if width == 4 else value


def just_below(value: float, width: int) -> float:
    """The greatest number of this width below `value`."""
    if width == 4:
        return float(np.nextafter(np.float32(value), np.float32(-np.inf)))
    return math.nextafter(value, -math.inf)


def just_above(value: float, width: int) -> float:
    return -just_below(-value, width)


def signature(sensor: Sensor) -> int:
    """Fifteen bits, never 0, of the device's limits and comparison bits: first sight counts once per such set."""
    told = zlib.crc32(repr((sensor.limits, sensor.comparison)).encode())
    return (told & 0xFFFE) or 0xFFFE


def _override_levels(rule: Rule, overrides: Sequence[Override]) -> Levels | None:
    """The last override wins: site sheets are read after the shipped ones, in the order of their names."""
    found: Levels | None = None
    for override in overrides:
        if override.rule in ("", rule.name):
            side = override.upper if rule.side is Side.UPPER else override.lower
            found = side if side is not None else found
    return found


def _device_levels(rule: Rule, limits: Limits) -> list[tuple[Severity, float, str]]:
    return [
        (min(severity, rule.ceiling), number, name)
        for of_side, name, severity, _ in _DEVICE_LIMITS
        if of_side is rule.side and (number := getattr(limits, name)) is not None
    ]


def _hysteresis(sensor: Sensor, side: Side, named: Sequence[tuple[Severity, float, str]]) -> float:
    """The device's own, else 2 Cel, else 1 % of the range its limits span (design: Noise)."""
    stated = [value for name in _ORDERED if (value := getattr(sensor.limits, name)) is not None]
    stated += [number for _, number, _ in named]
    span = max(stated, default=0.0) - min(stated, default=0.0)
    limits = sensor.limits
    own = limits.hysteresis_rising if side is Side.UPPER else limits.hysteresis_falling
    # 0 is what a BMC without settable hysteresis answers (IPMI v2.0, 35.7): no distance was stated.
    if own is not None and math.isfinite(own) and own > 0:
        # Over half the span the finding would never be left.
        return min(own, span / 2) if span > 0 else own
    if sensor.unit == "Cel":
        return _HYSTERESIS_CELSIUS
    return _HYSTERESIS_SHARE * (span or max((abs(value) for value in stated), default=0.0))
