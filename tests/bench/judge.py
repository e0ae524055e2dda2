"""What judging costs: the quiet frame, frames with gaps, frames that change a level, and the stored row.

`run()` gives the rows of the bench table; run the module itself to print them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.observation import Catalogue, Frame, GapReason, Limits, Sensor
from hardcase_collector.domain.ports import Feed
from hardcase_collector.rules.engine import Engine
from hardcase_collector.rules.feed_state import FeedState
from hardcase_collector.rules.sheet_reader import load_sheets

from tests.bench.processes import Row

START_MS = 1_790_000_000_000
PERIOD_MS = 60_000
ROUNDS = 2_000


def catalogue(numbers: int = 80, states: int = 20) -> Catalogue:
    """One server: temperatures, fans and voltages with BMC limits, and discrete states."""
    limits = Limits(
        lower_critical=5.0, upper_non_critical=80.0, upper_critical=90.0, upper_non_recoverable=100.0, source="bmc"
    )
    sensors = [
        Sensor(
            id=f"20.0.{i}",
            name=f"Temp {i}",
            kind="temperature",
            unit="Cel",
            limits=limits,
            part=Part(component="board", slot=f"Zone {i}"),
            comparison=0,
        )
        for i in range(numbers)
    ]
    sensors += [
        Sensor(
            id=f"20.1.{i}",
            name=f"PSU {i}",
            kind="state",
            quantity="psu.status",
            states=("present", "failure_detected", "predictive_failure", "input_lost"),
            part=Part(component="psu", slot=f"PSU{i}"),
        )
        for i in range(states)
    ]
    return Catalogue(
        number=1,
        id=bytes(16),
        feed=1,
        asset=1,
        source="ipmi.analogue@local",
        period_ms=PERIOD_MS,
        value_width=4,
        sensors=tuple(sensors),
        sensor_numbers=tuple(range(1, len(sensors) + 1)),
    )


def frame(of: Catalogue, index: int, *, hot: float | None = None, gap: int | None = None) -> Frame:
    values = np.full(of.numbers, 40.0, dtype="<f4") + np.float32(index % 7)
    if hot is not None:
        values[3] = hot
    if gap is not None:
        values[gap] = np.nan
    at_ms = START_MS + index * PERIOD_MS
    return Frame(
        catalogue=of,
        agent=1,
        epoch=bytes(16),
        sequence=index + 1,
        time_ms=at_ms,
        wall_ms=at_ms,
        received_ms=at_ms,
        flag=0,
        backlog=False,
        values=values.tobytes(),
        states=np.full(len(of.sensors) - of.numbers, 1, dtype="<u4").tobytes(),
        gap_index=b"" if gap is None else np.array([gap], dtype="<u2").tobytes(),
        gap_reason=b"" if gap is None else bytes([GapReason.ERROR]),
        gap_age_s=b"" if gap is None else np.array([60], dtype="<u4").tobytes(),
        offsets_ms=b"",
    )


def _microseconds(work: Callable[[Frame], object], frames: list[Frame]) -> float:
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        for one in frames:
            work(one)
        best = min(best, (time.perf_counter() - started) / len(frames))
    return best * 1e6


def run() -> list[Row]:
    """Each figure is the best of three rounds: what the code costs, not what the machine was doing besides."""
    engine = Engine(load_sheets())
    of = catalogue()
    feed = Feed(number=1, agent=1, asset=1, source=of.source)

    def opened() -> FeedState:
        state = engine.open_feed(feed, of, None, (), rehearsal=False)
        for index in range(4):
            engine.frame(state, frame(of, index))
        return state

    state = opened()
    quiet = _microseconds(lambda f: engine.frame(state, f), [frame(of, i) for i in range(4, ROUNDS)])
    gaps = [frame(of, i, gap=5 if i % 2 else None) for i in range(4, ROUNDS)]
    gapped = _microseconds(lambda f: engine.frame(state, f), gaps)
    levels = [frame(of, i, hot=95.0 if i % 8 < 4 else 40.0) for i in range(4, ROUNDS)]
    changing = opened()
    changed = _microseconds(lambda f: engine.frame(changing, f), [f for f in levels if f.sequence % 8 in (1, 5)])
    row = _microseconds(lambda f: engine.row(state, received_ms=f.received_ms), gaps)

    def changed_row(f: Frame) -> None:
        changing.stable = changing.gap_bytes = None
        engine.row(changing, received_ms=f.received_ms)

    def gap_row(f: Frame) -> None:
        state.gap_bytes = None
        engine.row(state, received_ms=f.received_ms)

    dirty = _microseconds(changed_row, gaps)
    gap_dirty = _microseconds(gap_row, gaps)
    stored = engine.row(state, received_ms=0)
    opening = _microseconds(lambda f: engine.open_feed(feed, of, stored, (), rehearsal=False), gaps[:200])
    fresh = replace(of, number=2)
    compiling = _microseconds(lambda f: engine.open_feed(feed, fresh, None, (), rehearsal=False), gaps[:200])
    size = len(stored.state)
    return [
        _row("judge: quiet frame of 100 sensors", quiet, 5),
        _row("judge: frame whose gaps changed", gapped),
        _row("judge: frame that changes a level", changed, 300),
        _row("rule-state row: quiet feed", row, 10),
        _row("rule-state row: after a gap", gap_dirty),
        _row("rule-state row: after a judged sensor", dirty),
        Row("rule-state row: bytes for 100 sensors", f"{size} B", "<= 1500 B", size <= 1500),
        _row("feed opened from its row", opening),
        _row("feed opened anew, catalogue compiled", compiling),
    ]


def _row(what: str, figure: float, reach: float | None = None) -> Row:
    bar = "" if reach is None else f"<= {reach:g} us"
    return Row(what, f"{figure:.1f} us", bar, None if reach is None else figure <= reach)


if __name__ == "__main__":
    for line in run():
        print(f"{line.what:45} {line.measured:>12}  {line.bar}")
