"""Limits: whose hold, which sets are not believed, when a value is at one, and that worse is never milder."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hardcase_collector.domain.finding import Severity, Transition
from hardcase_collector.domain.observation import Frame, GapReason, Limits, Sensor
from hardcase_collector.rules import limits
from hardcase_collector.rules.engine import Engine
from hardcase_collector.rules.sheet import Condition, Match, Override, Side
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.collector.rules import feeds

RULES = {rule.name: rule for rule in feeds.BOOK.rules}
HOT, COLD, CPU = RULES["thermal-hot"], RULES["thermal-cold"], RULES["cpu-hot"]

NUMBERS = st.floats(-300, 300, allow_nan=False)
MAYBE = st.one_of(st.none(), NUMBERS)
ANY_LIMITS = st.builds(
    Limits,
    lower_non_recoverable=MAYBE,
    lower_critical=MAYBE,
    lower_non_critical=MAYBE,
    upper_non_critical=MAYBE,
    upper_critical=MAYBE,
    upper_non_recoverable=MAYBE,
    hysteresis_rising=st.one_of(st.none(), st.floats(0, 500)),
    hysteresis_falling=st.one_of(st.none(), st.floats(0, 500)),
)


def sensor(of: Limits, unit: str = "Cel") -> Sensor:
    return Sensor(id="t", name="T", kind="temperature", unit=unit, limits=of)


@given(of=ANY_LIMITS, low=NUMBERS, further=st.floats(0, 600), current=st.integers(0, 4), width=st.sampled_from([4, 8]))
def test_severity_never_falls_as_a_value_gets_worse(
    of: Limits, low: float, further: float, current: int, width: int
) -> None:
    for rule in (HOT, COLD, CPU):
        ladder = limits.ladder(rule, sensor(of), (), width=width, believed=True)
        if ladder is not None:
            worse = low + further * ladder.sign
            assert ladder.level(worse, current) >= ladder.level(low, current)
            assert ladder.level(low, 4) >= ladder.level(low, current) >= ladder.level(low, 0)


@given(of=ANY_LIMITS, value=NUMBERS, current=st.integers(0, 4), width=st.sampled_from([4, 8]))
def test_within_its_band_a_level_stays_and_outside_it_does_not(
    of: Limits, value: float, current: int, width: int
) -> None:
    value = limits.rounded(value, width)
    ladder = limits.ladder(HOT, sensor(of), (), width=width, believed=True)
    if ladder is None:
        return
    levels = {0} | {step.severity for step in ladder.steps}
    if current in levels:
        down, up = ladder.band(current)
        assert (ladder.level(value, current) == current) == (down <= value < up)


SERIES = st.lists(st.floats(0, 130), min_size=1, max_size=40)


@given(of=ANY_LIMITS, series=SERIES, data=st.data())
def test_of_two_sensors_the_one_that_is_always_worse_is_never_told_milder(
    of: Limits, series: list[float], data: st.DataObject
) -> None:
    more = [value + data.draw(st.floats(0, 40)) for value in series]
    milder, worse = _told_levels(of, series), _told_levels(of, more)

    unstable = any("unstable" in made.evidence for made in milder[1] + worse[1])
    assert unstable or all(low <= high for low, high in zip(milder[0], worse[0], strict=True))


def _told_levels(of: Limits, series: list[float]) -> tuple[list[int], list[Transition]]:
    catalogue = feeds.catalogue([sensor(of)], width=8)
    engine = Engine(feeds.BOOK)
    state = engine.open_feed(feeds.feed(), catalogue, None, (), rehearsal=False)
    level, levels, found = 0, [], []
    for index, value in enumerate(series):
        for made in engine.frame(state, feeds.frame(catalogue, {"t": value}, at_s=60 * index)):
            if made.key.rule == HOT.name:
                level = int(made.severity)
            found.append(made)
        levels.append(level)
    return levels, found


@pytest.mark.parametrize("rule", [r for r in feeds.BOOK.rules if r.levels], ids=lambda rule: rule.name)
def test_every_shipped_ladder_is_monotone(rule: object) -> None:
    numbers = [number for _, number in rule.levels]
    severities = [severity for severity, _ in rule.levels]

    assert severities == sorted(severities)
    assert numbers == sorted(numbers, reverse=rule.condition is Condition.LIMITS and rule.side is Side.LOWER)
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize(
    ("of", "reason"),
    [
        (Limits(), ""),
        (Limits(upper_critical=90), ""),
        (Limits(lower_critical=0), ""),
        (Limits(lower_critical=0, upper_critical=90), ""),
        (Limits(upper_non_critical=90, upper_critical=90), ""),
        (Limits(upper_non_critical=0, upper_critical=0), "all_zero"),
        (Limits(upper_critical=0), "all_zero"),
        (Limits(upper_non_critical=90, upper_critical=80), "unordered"),
        (Limits(lower_critical=10, lower_non_critical=5), "unordered"),
        (Limits(lower_critical=50, upper_critical=50), "unordered"),
        (Limits(lower_critical=60, upper_non_recoverable=50), "unordered"),
        (Limits(upper_critical=math.nan), "not_finite"),
        (Limits(upper_critical=math.inf), "not_finite"),
    ],
)
def test_a_devices_set_is_rejected_only_for_a_stated_reason(of: Limits, reason: str) -> None:
    assert limits.rejected(of) == reason


@pytest.mark.parametrize(
    ("comparison", "value", "contradicts"),
    [
        (None, 95.0, False),
        (0, 95.0, True),
        (0b010000, 95.0, False),
        (0b010000, 50.0, True),
        (0b010000, 89.0, False),
        (0, 90.0, False),
        (0, 50.0, False),
        (0b000010, 3.0, False),
        (0, 3.0, True),
        (0b100000, 95.0, False),
        (0b001000, 95.0, True),
        (0b000100, 95.0, True),
    ],
)
def test_first_sight_compares_the_value_with_the_sensors_own_bits(
    comparison: int | None, value: float, contradicts: bool
) -> None:
    of = feeds.temperature(comparison=comparison, upper_critical=90, lower_critical=5)

    assert bool(limits.contradicted(of, value, 8)) == contradicts


def test_a_contradicted_set_gives_way_to_the_class_default_and_the_reason_is_kept() -> None:
    cpu = Sensor(
        id="t",
        name="CPU",
        kind="temperature",
        unit="Cel",
        part=replace(feeds.disk("S"), component="cpu"),
        limits=Limits(upper_critical=30),
        comparison=0,
    )
    catalogue = feeds.catalogue([cpu])
    engine = feeds.engine()
    state = engine.open_feed(feeds.feed(), catalogue, None, (), rehearsal=False)
    told = [
        made
        for index, value in enumerate([45.0, 106.0, 106.0])
        for made in engine.frame(state, feeds.frame(catalogue, {"t": value}, at_s=60 * index))
    ]

    assert [(made.severity, made.debounced) for made in told] == [(Severity.MAJOR, "2 of 3")]
    assert told[0].evidence["limit_source"] == "class_default"
    assert told[0].evidence["limits_rejected"] == "contradicted"
    (why, *_) = engine.explain(state, "t")
    assert why.facts["limits_rejected"] == "contradicted"


def test_first_sight_counts_once_and_not_again_when_the_period_changes_in_mid_fault() -> None:
    catalogue = feeds.catalogue([feeds.temperature(comparison=0, upper_critical=90)])
    longer = replace(feeds.renumbered(catalogue, 2), period_ms=120_000)
    engine = feeds.engine()
    state = engine.open_feed(feeds.feed(), catalogue, None, (), rehearsal=False)
    engine.frame(state, feeds.frame(catalogue, {"t1": 40.0}, at_s=0))
    engine.use_catalogue(state, longer)

    (told,) = engine.frame(state, feeds.frame(longer, {"t1": 95.0}, at_s=60))

    assert told.severity is Severity.MAJOR


@pytest.mark.parametrize("width", [4, 8])
@pytest.mark.parametrize("limit", [95.0, 95.1, 0.1, 13.2, 1e-7, 16777217.0])
def test_a_value_exactly_on_a_limit_has_reached_it_at_either_width(limit: float, width: int) -> None:
    """IPMI v2.0 rev. 1.1, table 35-15: at or above upper, at or below lower."""
    catalogue = feeds.catalogue([feeds.temperature(upper_critical=limit)], width=width)
    engine = feeds.engine()
    state = engine.open_feed(feeds.feed(), catalogue, None, (), rehearsal=False)
    just_below = limits.just_below(limits.rounded(limit, width), width)

    assert not engine.frame(state, feeds.frame(catalogue, {"t1": just_below}, at_s=0))
    assert len(engine.frame(state, feeds.frame(catalogue, {"t1": limit}, at_s=60))) == 1


@pytest.mark.parametrize("width", [4, 8])
def test_a_value_exactly_on_a_lower_limit_has_reached_it(width: int) -> None:
    catalogue = feeds.catalogue([feeds.temperature(lower_critical=10.1)], width=width)
    engine = feeds.engine()
    state = engine.open_feed(feeds.feed(), catalogue, None, (), rehearsal=False)
    just_above = limits.just_above(limits.rounded(10.1, width), width)

    assert not engine.frame(state, feeds.frame(catalogue, {"t1": just_above}, at_s=0))
    assert len(engine.frame(state, feeds.frame(catalogue, {"t1": 10.1}, at_s=60))) == 1


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_neither_raises_nor_clears(odd: float) -> None:
    catalogue = feeds.catalogue([feeds.temperature(upper_critical=90, lower_critical=5)])
    engine = feeds.engine()
    state = engine.open_feed(feeds.feed(), catalogue, None, (), rehearsal=False)

    def told(value: float, at_s: float) -> list[Transition]:
        frame = feeds.frame(catalogue, {"t1": 0.0}, at_s=at_s)
        frame.values = np.array([value], dtype="<f4").tobytes()
        return list(engine.frame(state, frame))

    assert not told(odd, 0)
    assert len(told(95.0, 60)) == 1
    assert not any(told(odd, 120 + 60 * index) for index in range(9))


@pytest.mark.parametrize(
    ("of", "unit", "expected"),
    [
        (Limits(upper_critical=90, hysteresis_rising=3), "Cel", 3.0),
        (Limits(upper_critical=90, hysteresis_rising=0), "Cel", 2.0),
        (Limits(upper_critical=90), "Cel", 2.0),
        (Limits(lower_critical=10, upper_critical=14), "V", 0.04),
        (Limits(upper_critical=500), "W", 5.0),
        (Limits(lower_critical=0, upper_critical=90, hysteresis_rising=1000), "Cel", 45.0),
    ],
)
def test_hysteresis_is_the_devices_own_else_two_degrees_or_a_hundredth_of_the_range(
    of: Limits, unit: str, expected: float
) -> None:
    ladder = limits.ladder(HOT, sensor(of, unit), (), width=8, believed=True)

    assert ladder is not None
    assert ladder.hysteresis == pytest.approx(expected)


def test_operator_comes_before_device_and_device_before_class_default() -> None:
    own = replace(feeds.temperature(upper_critical=90), part=replace(feeds.disk("S"), component="cpu"))
    override = Override(name="o", match=Match(kind=("temperature",)), upper=((Severity.MINOR, 60.0),))

    operator = limits.ladder(CPU, own, (override,), width=8, believed=True)
    device = limits.ladder(CPU, own, (), width=8, believed=True)
    default = limits.ladder(CPU, own, (), width=8, believed=False)

    assert operator is not None
    assert device is not None
    assert default is not None
    assert [(s.at, s.severity, s.source) for s in operator.steps] == [(60.0, Severity.MINOR, "operator")]
    assert [(s.at, s.severity, s.source) for s in device.steps] == [(90.0, Severity.MAJOR, "device")]
    assert [(s.at, s.source) for s in default.steps] == [(95.0, "class_default"), (105.0, "class_default")]


def test_a_gap_carries_no_value_even_where_a_number_is_sent_with_it() -> None:
    catalogue = feeds.catalogue([feeds.temperature(lower_critical=5)])
    engine = feeds.engine()
    state = engine.open_feed(feeds.feed(), catalogue, None, (), rehearsal=False)
    frame: Frame = feeds.frame(catalogue, {"t1": GapReason.HOST_OFF}, at_s=0)
    frame.values = np.zeros(1, dtype="<f4").tobytes()

    assert not engine.frame(state, frame)
