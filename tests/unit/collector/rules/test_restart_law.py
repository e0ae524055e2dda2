"""The laws of stored rule state: a restart at any point, another order of sensors, a quiet path change nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.finding import Transition
from hardcase_collector.domain.observation import Catalogue, Event, Frame, GapReason, Inventory, SourceStatus
from hardcase_collector.rules.engine import Engine
from hardcase_collector.rules.feed_state import FeedState
from hardcase_collector.rules.replay import Step, Tick, play
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.unit.collector.rules import feeds
from tests.unit.collector.rules.feeds import Reading

DISK = Part(component="disk", slot="Bay 1", model="M", serial="S1")
SENSORS = (
    feeds.temperature("t1", upper_non_critical=80, upper_critical=90, upper_non_recoverable=100, lower_critical=5),
    feeds.temperature("t2", upper_critical=50, comparison=16),
    feeds.counter("disk.reallocated", "c1"),
    feeds.counter("memory.corrected", "c2", serial="D1"),
    feeds.counter("disk.crc_errors", "c3"),
    feeds.states("psu.status", "s1"),
    feeds.states("nic.carrier", "s2", component="nic", slot="eth0"),
)
CATALOGUE = feeds.catalogue(SENSORS, width=8)

GAPS = st.sampled_from([*GapReason])
TEMPERATURES = st.sampled_from([20.0, 4.0, 5.0, 40.0, 79.0, 80.0, 85.0, 89.9, 90.0, 95.0, 101.0])
COUNTS = st.sampled_from([0.0, 1.0, 5.0, 12.0, 100.0, 150.0, 1200.0])
PSU = st.sampled_from([(), ("present",), ("present", "failure_detected"), ("input_lost",), ("input_out_of_range",)])
CARRIER = st.sampled_from([(), ("down",)])


def _often(readings: st.SearchStrategy[Reading]) -> st.SearchStrategy[Reading]:
    return st.one_of(readings, readings, readings, GAPS)


READINGS: st.SearchStrategy[dict[str, Reading]] = st.fixed_dictionaries(
    {
        "t1": _often(TEMPERATURES),
        "t2": _often(TEMPERATURES),
        "c1": _often(COUNTS),
        "c2": _often(COUNTS),
        "c3": _often(COUNTS),
        "s1": _often(PSU),
        "s2": _often(CARRIER),
    }
)


class Script(list[Step]):
    """Told in short where a law is broken."""

    def __repr__(self) -> str:
        return "\n".join(_short(step) for step in self)


def _short(step: Step) -> str:
    if isinstance(step, Frame):
        return f"{(step.time_ms - feeds.START_MS) // 1000} {step.catalogue.number} {feeds.readings_of(step)}"
    return repr(step)[:200]


@st.composite
def scripts(draw: st.DrawFn, catalogues: Sequence[Catalogue] = (CATALOGUE,)) -> Script:
    """Frames that mostly repeat themselves, with events, inventories, statuses and ticks between them."""
    steps: list[Step] = []
    readings = draw(READINGS)
    at_s = 0.0
    for _ in range(draw(st.integers(1, 20))):
        at_s += draw(st.sampled_from([60, 60, 60, 1800, 40_000]))
        kind = draw(st.sampled_from(["same", "same", "other", "other", "part", "event", "inventory", "status", "tick"]))
        if kind == "other":
            readings = draw(READINGS)
        elif kind == "part":
            readings = readings | {"t1": draw(TEMPERATURES), "c2": draw(COUNTS)}
        if kind in ("same", "other", "part"):
            of = draw(st.sampled_from(list(catalogues)))
            steps.append(feeds.frame(of, readings, at_s=at_s))
        else:
            steps.append(draw(_record(kind, at_s)))
    return Script(steps)


def _record(kind: str, at_s: float) -> st.SearchStrategy[Step]:
    if kind == "event":
        codes = st.sampled_from(["memory.correctable_ecc", "psu.input_lost", "memory.uncorrectable_ecc"])
        return st.builds(lambda code, on: feeds.event(code, at_s, asserted=on), codes, st.booleans())
    if kind == "inventory":
        disks = st.sampled_from([[], [DISK], [DISK, feeds.disk("S2", "Bay 2")], [feeds.disk("S3", "Bay 1")]])
        return disks.map(lambda parts: feeds.inventory(parts, at_s))
    if kind == "status":
        words = st.sampled_from(["ok", "hung", "failing", "refused"])
        return words.map(lambda word: feeds.status(word, at_s))
    return st.just(Tick(feeds.START_MS + round(at_s * 1000)))


def _told(
    engine: Engine, steps: Sequence[Step], again: Callable[[int, FeedState], FeedState]
) -> list[list[Transition]]:
    first = next((step.catalogue for step in steps if isinstance(step, Frame)), CATALOGUE)
    state = engine.open_feed(feeds.feed(), first, None, (), rehearsal=False)
    told = []
    for index, step in enumerate(steps):
        state = again(index, state)
        if isinstance(step, Frame) and state.catalogue is not step.catalogue:
            engine.use_catalogue(state, step.catalogue)
        told.append([_plain(made) for made in play(engine, state, step)])
    return told


def _plain(made: Transition) -> Transition:
    """Kernel names are labels and are not kept in rows."""
    return replace(made, part=replace(made.part, paths=()))


def _restarted(engine: Engine, state: FeedState) -> FeedState:
    row = engine.row(state, received_ms=0)
    opened = engine.open_feed(feeds.feed(), state.catalogue, row, (), rehearsal=False)
    assert engine.row(opened, received_ms=0) == row
    # How long this process waits for a frame is the one thing that is not stored, on purpose.
    opened.watch_from_ms = state.watch_from_ms
    return opened


LAW = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)


@LAW
@given(steps=scripts(), cuts=st.sets(st.integers(0, 20)))
def test_a_restart_at_any_point_gives_the_same_transitions_at_the_same_times(steps: list[Step], cuts: set[int]) -> None:
    engine = feeds.engine()

    never = _told(engine, steps, lambda _, state: state)
    often = _told(engine, steps, lambda index, state: _restarted(engine, state) if index in cuts else state)

    assert often == never


@LAW
@given(steps=scripts())
def test_the_quiet_path_tells_what_judging_every_sensor_of_every_frame_would_tell(steps: list[Step]) -> None:
    engine = feeds.engine()

    def wide_awake(_: int, state: FeedState) -> FeedState:
        state.wake_ms = 1
        state.pending = set(range(len(SENSORS)))
        return state

    assert _told(engine, steps, wide_awake) == _told(engine, steps, lambda _, state: state)


REORDERED = feeds.catalogue(tuple(reversed(SENSORS)), number=2, width=8)
EXTENDED = feeds.catalogue((feeds.temperature("t0", upper_critical=70), *SENSORS), number=3, width=8)


@LAW
@given(steps=scripts((CATALOGUE, REORDERED, EXTENDED)), cuts=st.sets(st.integers(0, 20)))
def test_state_follows_the_sensors_when_the_catalogue_is_reordered_or_extended(
    steps: list[Step], cuts: set[int]
) -> None:
    engine = feeds.engine()
    told = _told(engine, steps, lambda index, state: _restarted(engine, state) if index in cuts else state)
    single = [_on(step, CATALOGUE) for step in steps]

    without = _told(engine, single, lambda _, state: state)

    assert [_by_key(entry, "t0") for entry in told] == [_by_key(entry, "t0") for entry in without]


def _on(step: Step, of: Catalogue) -> Step:
    """The same readings in another catalogue's order."""
    if not isinstance(step, Frame):
        return step
    return feeds.frame(of, feeds.readings_of(step), at_s=(step.time_ms - feeds.START_MS) / 1000)


def _by_key(entry: list[Transition], but: str) -> list[tuple[str, str, str, int, int]]:
    kept = [made for made in entry if made.key.sensor != but]
    return sorted((made.key.rule, made.key.sensor, made.change, made.severity, made.time_ms) for made in kept)


def test_every_kind_of_step_is_played() -> None:
    kinds = {type(step) for step in scripts_sample()}

    assert kinds == {Frame, Event, Inventory, SourceStatus, Tick}


def scripts_sample() -> list[Step]:
    found: list[Step] = []

    @settings(max_examples=120, deadline=None, database=None)
    @given(steps=scripts())
    def collect(steps: list[Step]) -> None:
        found.extend(steps)

    collect()
    return found
