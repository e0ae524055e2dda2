"""Laws of stored clocks: what is kept is what would be worked out anew, and nothing is told twice or never."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hardcase_collector.cases.clockwork import MOVING, TELLING, clocks_of, nearest, to_come
from hardcase_collector.domain.case import Case, CaseAction, Outcome, TimelineEntry
from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.domain.finding import Fact, Severity
from hardcase_collector.domain.service_terms import Standing
from hardcase_collector.plans.clocks import ClockState
from hardcase_collector.plans.frozen import terms_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.empty_store import empty_store, quick_store
from tests.unit.collector.cases.bench import HOUR, LI, MINUTE, NOON, Bench, cleared, raised, worsened
from tests.unit.collector.cases.books import covered, happen, staffed

# Every example opens stores of its own, and several desks at work on one machine share its disk.
pytestmark = pytest.mark.timeout(300)
LAWS = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
PLANS = ("gold-7x24x4", "gold-repair", "silver", "bronze", "standard-3y", "parts-only")
REASONS = ("no_site_access", "waiting_for_part", "force_majeure")


@dataclass(frozen=True)
class Deed:
    """So long after the last one somebody does this."""

    after_ms: int
    what: str
    word: str = ""
    ticks: int = 0
    """How often the desk's tick comes meanwhile, evenly."""


BY_FINDINGS = st.tuples(st.sampled_from(["clears", "fires", "worsens"]), st.just(""))
BY_PEOPLE = st.one_of(
    st.tuples(st.sampled_from(["acknowledged", "contacted", "dispatched", "arrived", "followed_up"]), st.just("")),
    st.tuples(st.sampled_from(["handed_to_vendor", "vendor_done", "agreed", "late", "tick"]), st.just("")),
    st.tuples(st.sampled_from(["paused", "resumed"]), st.sampled_from(REASONS)),
    st.tuples(st.just("priority_changed"), st.sampled_from(["P1", "P2", "P3", "P4"])),
    st.tuples(st.just("act"), st.sampled_from([str(action) for action in CaseAction])),
)


def deeds_of(ways: st.SearchStrategy[tuple[str, str]]) -> st.SearchStrategy[list[Deed]]:
    return st.lists(
        st.builds(
            lambda after, way, ticks: Deed(after, *way, ticks),
            # Up to a working week, often near half and four fifths of half an hour, an hour and four hours.
            st.integers(0, 5 * 24 * 60).map(lambda minute: minute * MINUTE)
            | st.sampled_from([15, 24, 30, 31, 48, 60, 120, 192, 240]).map(lambda minute: minute * MINUTE),
            ways,
            st.integers(0, 3),
        ),
        max_size=10,
    )


@contextmanager
def desk(plan: str) -> Iterator[tuple[Bench, str]]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder)}/s.db"
        bench = Bench(empty_store(Path(folder) / "s.db"))
        staffed(bench)
        bench.apply(raised(covered(bench, plan)))
        try:
            yield bench, url
        finally:
            bench.store.close()


def do(bench: Bench, deed: Deed, now: int) -> None:
    extra: dict[str, Fact] = {}
    code = deed.what
    match deed.what:
        case "tick":
            bench.tick(now)
            return
        case "clears" | "fires" | "worsens":
            finds(bench, deed.what, now)
            return
        case "act":
            try:
                with bench.store.write() as tx:
                    case = tx.cases.get(newest(bench).id)
                    action = CaseAction(deed.word)
                    outcome = {
                        CaseAction.CLOSE: Outcome.REPAIRED,
                        CaseAction.CANCEL: Outcome.FALSE_ALARM,
                    }.get(action, Outcome.UNKNOWN)
                    bench.actions.act(tx, case, action, by=LI, reason="r", now_ms=now, outcome=outcome)
            except IllegalAction:
                pass
            return
        case "late":
            code, extra = "expected", {"moment": "arrived", "time_ms": now + 100 * HOUR}
        case "agreed":
            extra = {"time_ms": now + HOUR}
        case "handed_to_vendor":
            extra = {"promised_ms": now + 6 * HOUR}
        case "priority_changed":
            extra = {"priority": deed.word, "reason": "r"}
        case "paused" | "resumed":
            extra = {"reason": deed.word}
    happen(bench, code, now, **extra)


def finds(bench: Bench, what: str, now: int) -> None:
    """The desk's own way: findings clear, fire again (a closed case is opened again) and get worse."""
    with bench.store.read() as tx:
        (asset,) = tx.assets.all(customer=None)
    finding = raised(asset, at=now)
    if what == "clears":
        finding = cleared(finding, now)
    if what == "worsens":
        finding = worsened(finding, Severity.CRITICAL, now)
    bench.apply(finding, at=now)


def newest(bench: Bench) -> Case:
    """After more than two weeks a fault that comes back is a case of its own."""
    return bench.cases()[-1]


def told_marks(bench: Bench) -> Counter[tuple[Fact, ...]]:
    with bench.store.read() as tx:
        entries = tx.clocks.history(newest(bench).id, TELLING)
    names = ("clock", "round", "started_ms", "percent", "because")
    return Counter((entry.code, *(entry.parameters.get(name) for name in names)) for entry in entries)


def holds(bench: Bench, now: int) -> None:
    """What is kept is what would be worked out anew at this moment."""
    case = newest(bench)
    with bench.store.read() as tx:
        owed = [clock for clock in clocks_of(tx, case, now) if clock.owed]
        frozen = tx.clocks.terms(case.id)
        if frozen is not None and case.parent is None:
            owed += to_come(tx.clocks.history(case.id, MOVING), terms_of(frozen), now)
        kept = tx.clocks.clock(case.id)
    assert (kept is None) == (not owed)
    if kept is None:
        return
    clock = nearest(owed)
    assert (kept.kind, kept.round) == (clock.kind, clock.round)
    assert kept.state is (Standing.PAUSED if clock.held else Standing.RUNNING)
    if clock.held:
        assert kept.left_ms == clock.left_ms
    else:
        assert kept.due_ms == clock.due_ms


@LAWS
@given(st.sampled_from(PLANS), deeds_of(BY_FINDINGS | BY_PEOPLE), st.data())
def test_what_is_kept_is_what_would_be_worked_out_anew_at_any_time(
    plan: str, deeds: Sequence[Deed], data: st.DataObject
) -> None:
    now = NOON
    with desk(plan) as (bench, _):
        holds(bench, now)
        for deed in deeds:
            # Also while nothing is written: nights, weekends and breaches come by themselves.
            holds(bench, now + data.draw(st.integers(0, deed.after_ms)))
            now += deed.after_ms
            do(bench, deed, now)
            holds(bench, now)


@LAWS
# What findings bring about waits for ticks (a case closes when it has soaked): those would not be the same stories.
@given(st.sampled_from(PLANS), deeds_of(BY_PEOPLE), st.integers(0, 10 * 24 * 60))
def test_however_often_it_is_looked_and_restarted_the_same_is_told_once(
    plan: str, deeds: Sequence[Deed], rest: int
) -> None:
    def play(ticking: bool) -> tuple[Counter[tuple[Fact, ...]], Sequence[str]]:
        now = NOON
        with desk(plan) as (bench, url):
            for deed in deeds:
                for tick in range(deed.ticks if ticking else 0):
                    bench.tick(now + deed.after_ms * (tick + 1) // (deed.ticks + 1))
                    bench.store.close()
                    bench.store = quick_store(url)
                now += deed.after_ms
                do(bench, deed, now)
            bench.tick(now + rest * MINUTE)
            bench.tick(now + rest * MINUTE)
            everything_due_is_told(bench, now + rest * MINUTE)
            return told_marks(bench), [code for code in bench.codes() if code not in TELLING]

    often, seldom = play(True), play(False)
    assert often[1] == seldom[1]
    assert often[0] == seldom[0]
    assert max(often[0].values(), default=1) == 1


def everything_due_is_told(bench: Bench, now: int) -> None:
    marks = told_marks(bench)
    with bench.store.read() as tx:
        case = newest(bench)
        found = clocks_of(tx, case, now)
        entries = tx.clocks.history(case.id, TELLING)
    for clock in found:
        of = (str(clock.kind), clock.round, clock.started_ms)
        if clock.state is ClockState.BREACHED:
            assert marks["clock_breached", *of, None, None] == 1, of
        if clock.owed:
            reached = {step.percent for step in clock.steps[:-1] if step.reached}
            assert reached <= {percent for percent in (50, 80) if marks["clock_step", *of, percent, None]}
    forecast_first(entries)


def forecast_first(entries: Iterable[TimelineEntry]) -> None:
    forecast: set[tuple[Fact, ...]] = set()
    for entry in entries:
        parameters = entry.parameters
        of = (parameters["clock"], parameters["round"], parameters["started_ms"])
        if entry.code == "breach_forecast":
            forecast.add(of)
        if entry.code == "clock_breached":
            assert of in forecast
