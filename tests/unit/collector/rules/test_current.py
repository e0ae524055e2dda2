"""What pages read from a stored row."""

from __future__ import annotations

from dataclasses import replace

from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.observation import GapReason
from hardcase_collector.rules.current import current_readings

from tests.unit.collector.rules import feeds


def test_the_row_shows_values_states_gaps_and_levels() -> None:
    sensors = [
        feeds.temperature("t1", upper_critical=90),
        feeds.temperature("t2"),
        feeds.states("psu.status"),
    ]
    catalogue = feeds.catalogue(sensors)
    engine = feeds.engine()
    state = engine.open_feed(feeds.feed(), catalogue, None, (), rehearsal=False)
    engine.frame(state, feeds.frame(catalogue, {"t1": 40.0, "t2": 20.0, "s1": ("present",)}, at_s=0))
    late = feeds.frame(catalogue, {"t1": 95.0, "t2": GapReason.ASLEEP, "s1": ("present",)}, at_s=60, ages_s=[60])
    engine.frame(state, late)

    hot, asleep, psu = current_readings(engine.row(state, received_ms=5), catalogue)

    assert (hot.value, hot.gap, hot.level) == (95.0, None, Severity.MAJOR)
    assert hot.limits.upper_critical == 90
    assert hot.time_ms == feeds.START_MS + 60_000
    assert (asleep.value, asleep.gap, asleep.gap_since_ms) == (None, GapReason.ASLEEP, feeds.START_MS)
    assert (psu.states, psu.value, psu.level) == (("present",), None, Severity.CLEARED)


def test_a_row_of_another_catalogue_shows_nothing_rather_than_something_wrong() -> None:
    catalogue = feeds.catalogue([feeds.temperature("t1")])
    engine = feeds.engine()
    state = engine.open_feed(feeds.feed(), catalogue, None, (), rehearsal=False)
    engine.frame(state, feeds.frame(catalogue, {"t1": 40.0}, at_s=0))
    row = engine.row(state, received_ms=5)

    assert current_readings(row, feeds.renumbered(catalogue, 2)) == ()
    assert current_readings(replace(row, state=b""), catalogue) == ()
