"""Replay over real stores: unchanged sheets open exactly the present cases, changed ones the difference."""

from __future__ import annotations

import shutil
import struct
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hardcase_collector.cases.case_file import CaseFile, Occasion
from hardcase_collector.cases.desk import CaseDesk, DeskSettings
from hardcase_collector.cases.windows import Target, Windows
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.asset import Agent, Asset, AssetFacts, AssetMode, Part
from hardcase_collector.domain.case import Case, CaseAction
from hardcase_collector.domain.errors import IllegalAction, NotFound, SheetError
from hardcase_collector.domain.finding import Transition
from hardcase_collector.domain.noise import Breadth
from hardcase_collector.domain.observation import Catalogue, Event, Frame, GapReason, Limits, Sensor, Stamp
from hardcase_collector.domain.ports import CaseFilter, CaseNews, EpochKey, Feed, Mark, Transaction
from hardcase_collector.domain.replay import Compared, ReplayOrder, ReplayReport, ReplayState, Untold, Verdict
from hardcase_collector.replay.jobs import Replays
from hardcase_collector.replay.running import Present
from hardcase_collector.rules.engine import Engine
from hardcase_collector.rules.sheet_reader import load_sheets
from hardcase_collector.rules.vocabulary import STATES
from hardcase_collector.storage.telemetry.store import DuckTelemetryStore

from tests.fakes.empty_store import empty_store
from tests.unit.collector.cases.bench import raised

DAY = 86_400_000
HOUR = 3_600_000
MINUTE = 60_000
START = 20_700 * DAY
END = START + 2 * DAY
STEP = 10 * MINUTE
STEPS = 288
BOOK = load_sheets()
EPOCH = b"e" * 16
OK, FAILED = ("present",), ("present", "failure_detected")
INLET = Part(component="board", slot="inlet")
PSU = STATES["psu.status"]
WARMER = """
[override.warmer]
match = { sensor = ["t1"] }
upper = { major = 60 }
reason = "hot aisle"
"""
NO_INLET = """
[override.off]
match = { sensor = ["t1"] }
off = true
reason = "nobody minds"
"""


class Nobody:
    def announce(self, tx: Transaction, news: CaseNews) -> None:
        pass


class Machine:
    """An asset with one BMC that is swept every ten minutes."""

    def __init__(self, rig: Rig, name: str, customer: str = "north") -> None:
        self.rig = rig
        with rig.state.write() as tx:
            agent = tx.agents.add(
                Agent(
                    id=name, number=0, customer=customer, hostname=name, machine_id=name, dmi_uuid="", fingerprint="",
                    enrolled_ms=START,
                )
            )  # fmt: skip
            self.asset: Asset = tx.assets.add(
                key=f"dell|{name}", basis="serial", facts=AssetFacts(vendor="Dell", serial=name, hostname=name),
                customer=customer, mode=AssetMode.LIVE, joined_ms=START - DAY, live_from_ms=START - DAY,
            )  # fmt: skip
            self.feed: Feed = tx.feeds.feed(agent=agent.number, asset=self.asset.id, source="ipmi.analogue@local")
            self.catalogue: Catalogue = tx.feeds.add_catalogue(
                id=name.encode().ljust(16, b"."), feed=self.feed, period_ms=STEP, value_width=4, rehearsal=False,
                sensors=(
                    Sensor(
                        id="t1", name="Inlet", kind="temperature", unit="Cel", part=INLET,
                        limits=Limits(upper_critical=80.0, source="bmc"),
                    ),
                    Sensor(
                        id="p1", name="PSU1", kind="state", quantity="psu.status", states=PSU,
                        part=Part(component="psu", slot="PSU1"),
                    ),
                ),
                body=b"",
            )  # fmt: skip
        self.sequence = 0
        self.state = rig.engine.open_feed(self.feed, self.catalogue, None, (), rehearsal=False)

    def sweep(self, at: int, value: float, *states: str, gaps: Mapping[int, GapReason] | None = None) -> None:
        self.sequence += 1
        bits = sum(1 << PSU.index(word) for word in (states or ("present",)))
        gaps = gaps or {}
        count = len(gaps)
        frame = Frame(
            self.catalogue, self.feed.agent, EPOCH, self.sequence, at, at, at, 0, False,
            struct.pack("<f", float("nan") if 0 in gaps else value), struct.pack("<I", bits),
            struct.pack(f"<{count}H", *gaps), bytes(gaps.values()), struct.pack(f"<{count}I", *[0] * count), b"",
        )  # fmt: skip
        self.rig.frames.append(frame)
        self.rig.settle(self.rig.engine.frame(self.state, frame), at)

    def logs(self, at: int, code: str, record_id: int, *, slot: str = "A1") -> None:
        self.sequence += 1
        stamp = Stamp(
            agent=self.feed.agent, asset=self.asset.id, source=self.feed.source, epoch=EPOCH, sequence=self.sequence,
            time_ms=at, received_ms=at, flag=0, backlog=False,
        )  # fmt: skip
        event = Event(
            stamp=stamp, log="sel", erase_stamp=0, record_id=record_id, raw=struct.pack("<I", record_id), device_ms=at,
            part=Part(component="memory", slot=slot), code=code, asserted=True, sensor="", text=code,
        )  # fmt: skip
        with self.rig.state.write() as tx:
            tx.assets.add_event(event)
        self.rig.settle(self.rig.engine.event(self.state, event, history=False), at)


class Rig:
    """What intake and the ticker do, without the wire."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = empty_store(folder / "state.sqlite")
        self.telemetry = DuckTelemetryStore(folder / "telemetry")
        self.frames: list[Frame] = []
        self.engine = Engine(BOOK)
        self.desk = CaseDesk(Nobody(), DeskSettings(), joins=lambda: BOOK.joins, storms=lambda: BOOK.storms)
        self.replays = Replays(
            Present(
                state=self.state, telemetry=self.telemetry, settings=DeskSettings(), book=lambda: BOOK, folder=folder
            ),
            monotonic=time.monotonic,
            rest=lambda seconds: None,
        )

    def settle(self, transitions: Sequence[Transition], at: int) -> None:
        if transitions:
            with self.state.write() as tx:
                self.desk.apply(tx, transitions, now_ms=at + 500)

    def tick(self, at: int) -> None:
        with self.state.write() as tx:
            self.desk.tick(tx, now_ms=at)

    def store(self) -> None:
        """Frames go to the telemetry store in one batch: what is judged does not depend on it."""
        marks = {
            EpochKey(frame.agent, EPOCH): Mark(through=frame.sequence, last_time_ms=frame.time_ms)
            for frame in self.frames
        }
        self.telemetry.append(self.frames, marks)
        self.frames = []

    def run(self, text: str = "", *, asset: int | None = None, customer: str | None = None) -> ReplayReport:
        texts = {"site.toml": text} if text else {}
        order = ReplayOrder(texts=texts, from_ms=START, until_ms=END, customer=customer, asset=asset)
        return self.finished(self.replays.start(order).id)

    def finished(self, id: str) -> ReplayReport:
        for _ in range(6000):
            report = self.replays.report(id)
            if report.state is not ReplayState.RUNNING:
                return report
            threading.Event().wait(0.01)
        raise AssertionError("the replay does not end")

    def cases(self) -> list[Case]:
        with self.state.read() as tx:
            return list(tx.cases.list(CaseFilter(customer=None, open_only=False)))

    def close(self) -> None:
        self.replays.stop()
        self.telemetry.close()
        self.state.close()


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Asset, Asset]:
    """Two days, lived once; each test has its own copy of what they left in the stores."""
    folder = tmp_path_factory.mktemp("lived")
    made = Rig(folder)
    one, two = two_days(made)
    made.close()
    return folder, one.asset, two.asset


@pytest.fixture
def rig(lived: tuple[Path, Asset, Asset], tmp_path: Path) -> Iterator[Rig]:
    shutil.copytree(lived[0], tmp_path, dirs_exist_ok=True)
    made = Rig(tmp_path)
    yield made
    made.close()


@pytest.fixture
def one(lived: tuple[Path, Asset, Asset]) -> Asset:
    return lived[1]


@pytest.fixture
def two(lived: tuple[Path, Asset, Asset]) -> Asset:
    return lived[2]


def two_days(rig: Rig) -> tuple[Machine, Machine]:
    """Heat that comes, goes and comes again; supplies that fail, one mended by a person; memory events; a window; an
    hour without telemetry."""
    one, two = Machine(rig, "one"), Machine(rig, "two", "south")
    heat = {range(20, 30): 85.0, range(40, 50): 65.0, range(120, 130): 90.0, range(200, STEPS): 82.0}
    li = Actor(name="li", role=Role.DISPATCHER, customer=None)
    for step in range(STEPS):
        at = START + step * STEP
        if step == 98:
            with rig.state.write() as tx:
                target = Target(breadth=Breadth.ASSET, customer="", name=str(two.asset.id))
                Windows().open_now(tx, target, id=b"w" * 16, reason="", by=li, now_ms=at, lasts_ms=4 * HOUR)
        if 180 <= step < 186:
            continue
        degrees = next((value for steps, value in heat.items() if step in steps), 25.0)
        gaps = {0: GapReason.BUSY} if step % 37 == 0 else None
        one.sweep(at, degrees, *(FAILED if 60 <= step < 80 or 240 <= step < 250 else OK), gaps=gaps)
        two.sweep(at, 85.0 if 100 <= step < 110 else 20.0, *(FAILED if 150 <= step < 160 else OK))
        if step in (130, 132, 134):
            one.logs(at + 1000, "memory.uncorrectable_ecc", step)
        rig.tick(at + 1000)
        if step == 82:
            close_psu(rig, at + MINUTE)
    rig.store()
    return one, two


def close_psu(rig: Rig, at: int) -> None:
    case = next(case for case in rig.cases() if case.repair_group == "psu")
    with rig.state.write() as tx:
        CaseFile(tx, Nobody()).move(tx.cases.get(case.id), CaseAction.CLOSE, Occasion(now_ms=at, actor="li"), {})


def differing(report: ReplayReport) -> list[Compared]:
    assert report.state is ReplayState.DONE, report.error
    return [one for one in report.cases if one.verdict is not Verdict.SAME]


@pytest.mark.parametrize("sealed", [False, True])
def test_unchanged_sheets_open_exactly_the_present_cases(rig: Rig, sealed: bool) -> None:
    present = {case.number for case in rig.cases()}
    assert len(present) >= 4
    if sealed:
        for _ in range(20):
            rig.telemetry.maintain(END + 10 * DAY)
    report = rig.run()
    assert differing(report) == []
    assert {one.number for one in report.cases} == present
    assert (report.assets, report.done_days, report.days, report.refused) == (2, 3, 3, 0)
    assert report.frames == 2 * (STEPS - 6)
    assert report.events == 3


def test_a_lowered_limit_opens_the_case_more_and_says_which_rule(rig: Rig, one: Asset) -> None:
    (extra,) = differing(rig.run(WARMER))
    assert (extra.verdict, extra.asset, extra.number) == (Verdict.ONLY_NEW, one.id, "")
    assert START + 40 * STEP <= extra.since_ms < START + 50 * STEP
    assert extra.part == Part(component="board", slot="inlet")
    assert any(rule.startswith("thermal") for rule in extra.rules)


def test_a_rule_switched_off_leaves_its_cases_out(rig: Rig) -> None:
    gone = differing(rig.run(NO_INLET))
    assert gone
    assert {one.verdict for one in gone} == {Verdict.ONLY_OLD}
    assert {one.part.slot for one in gone} == {"inlet"}
    assert all(one.number for one in gone)


def test_the_scope_is_kept(rig: Rig, one: Asset, two: Asset) -> None:
    assert {line.asset for line in rig.run(WARMER, customer="south").cases} <= {two.id}
    report = rig.run(WARMER, asset=one.id)
    assert report.assets == 1
    assert {line.asset for line in report.cases} == {one.id}
    order = ReplayOrder(texts={}, from_ms=START, until_ms=END, customer="south", asset=one.id)
    refused = rig.finished(rig.replays.start(order).id)
    assert (refused.state, refused.cases) == (ReplayState.FAILED, ())


def test_nothing_of_the_present_changes(rig: Rig) -> None:
    before = rig.cases()
    rig.run(WARMER)
    assert rig.cases() == before
    assert not list(rig.folder.glob("replay-*"))


def test_what_cannot_be_replayed_is_said_and_not_called_a_difference(rig: Rig, one: Asset) -> None:
    silent = next(rule for rule in BOOK.rules if rule.name == "agent-silent")
    transition = raised(one, "agent.silent", part=Part(component="agent"), group="agent", at=START + HOUR)
    rig.settle([replace(transition, key=replace(transition.key, rule=silent.name))], START + HOUR)
    (line,) = differing(rig.run())
    assert (line.verdict, line.untold) == (Verdict.NOT_COMPARED, Untold.NOT_STORED)


def test_wrong_sheets_are_refused_with_every_mistake(rig: Rig) -> None:
    with pytest.raises(SheetError) as refused:
        rig.run("[override.x]\nmatch = { sensor = ['t1'] }\nup = { major = 60 }\n")
    assert len(refused.value.mistakes) >= 2


@pytest.mark.parametrize(
    ("begins", "ends", "said"),
    [
        (END, START, "before its end"),
        (START, START, "before its end"),
        (START, START + 92 * DAY + 1, "92 days at most"),
        (0, 1 << 62, "92 days at most"),
    ],
)
def test_a_span_that_means_nothing_is_refused_at_once_and_by_name(rig: Rig, begins: int, ends: int, said: str) -> None:
    with pytest.raises(IllegalAction, match=said):
        rig.replays.start(ReplayOrder(texts={}, from_ms=begins, until_ms=ends, customer=None))
    # It left none behind that the next would wait for.
    assert rig.run("").state is ReplayState.DONE


def test_one_replay_at_a_time_and_a_cancelled_one_ends(rig: Rig) -> None:
    go = threading.Event()
    rig.replays._rest = lambda seconds: go.wait(30) and None  # type: ignore[func-returns-value]  # holds the thread
    order = ReplayOrder(texts={}, from_ms=START, until_ms=END, customer=None)
    first = rig.replays.start(order)
    with pytest.raises(IllegalAction):
        rig.replays.start(order)
    rig.replays.cancel(first.id)
    go.set()
    assert rig.finished(first.id).state is ReplayState.CANCELLED
    with pytest.raises(NotFound):
        rig.replays.report("99")


def test_intake_goes_on_while_a_replay_runs(rig: Rig) -> None:
    order = ReplayOrder(texts={}, from_ms=START, until_ms=END, customer=None)
    id = rig.replays.start(order).id
    machine = Machine(rig, "three")
    for step in range(20):
        machine.sweep(END + step * MINUTE, 25.0)
        rig.store()
    assert rig.finished(id).state is ReplayState.DONE
