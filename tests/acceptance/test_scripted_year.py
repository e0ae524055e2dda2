"""A year at the desk: 200 machines, 300 faults, storms, maintenance, drills, restarts; nothing lost or doubled."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hardcase_collector.cases.clockwork import CALENDAR_KNOWN
from hardcase_collector.cases.windows import Hours, Target
from hardcase_collector.cases.workflow import OPEN_STATES
from hardcase_collector.desks import books_world
from hardcase_collector.domain.asset import AssetFacts, AssetMode
from hardcase_collector.domain.case import Case
from hardcase_collector.domain.finding import Change, FindingKey, Severity, Transition
from hardcase_collector.domain.noise import STORM_GROUP, Breadth
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.service_terms import KnownYear

from tests.acceptance.year import invariants, people
from tests.acceptance.year.fleet import SITES, SPARES, VENDORS, Machine, found, machines
from tests.acceptance.year.office import Office
from tests.acceptance.year.plot import DAY, HOUR, KINDS, START_MS, Cure, Fault, Plot, plot

pytestmark = [pytest.mark.timeout(3600)]
SEED = 20260701
HEARTBEAT_MS = 6 * HOUR
GOLDEN_WEEK = tuple(date(2027, 10, day) for day in range(1, 8))


class Year:
    """Plays the plot: whatever is due next happens, the desk ticks every six hours and when a clock asks for it."""

    def __init__(self, folder: Path) -> None:
        self.rng = random.Random(SEED)
        self.fleet = machines()
        self.plot: Plot = plot(self.fleet, self.rng)
        self.office = Office(folder)
        self.stage = people.Stage(self.office, START_MS, random.Random(SEED + 1), self._cure, {})
        self.people = people.People(self.stage)
        self.numbers: list[int] = []
        self.generation: Counter[tuple[int, str, str]] = Counter()
        self.wrong: dict[tuple[int, str, str], Fault] = {}
        self._order = itertools.count()
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self.ticks = 0
        self.came_back: list[Fault] = []

    # ------------------------------------------------------------------ the run

    def play(self) -> None:
        self._begin()
        heartbeat_ms = START_MS
        while self.stage.now_ms < self.plot.ends_ms:
            look_ms = self.office.next_look_ms()
            due_ms = self._due[0][0] if self._due else self.plot.ends_ms
            at_ms = min(due_ms, heartbeat_ms, max(look_ms, self.stage.now_ms) if look_ms else heartbeat_ms)
            self.stage.now_ms = max(self.stage.now_ms, at_ms)
            while self._due and self._due[0][0] <= self.stage.now_ms:
                heapq.heappop(self._due)[2]()
            if heartbeat_ms <= self.stage.now_ms or 0 < look_ms <= self.stage.now_ms:
                self.office.tick(self.stage.now_ms)
                self.ticks += 1
            self._take_up_news()
            if self.stage.now_ms >= heartbeat_ms:
                heartbeat_ms = self.stage.now_ms + HEARTBEAT_MS

    def _at(self, at_ms: int, deed: Callable[[], None]) -> None:
        heapq.heappush(self._due, (at_ms, next(self._order), deed))

    def _begin(self) -> None:
        office, now_ms = self.office, START_MS
        world = books_world(office.plans)
        office.do(lambda tx: found(tx, self.fleet, world, office.stock, self.rng, now_ms))
        self.numbers = [office.do(lambda tx, one=one: self._asset(tx, one)) for one in self.fleet]
        for fault in self.plot.faults:
            self._at(fault.at_ms, lambda fault=fault: self._break(fault))
        for one in self.plot.maintenance:
            self._at(one.from_ms - DAY, lambda one=one: self._plan_window(one.site, one.from_ms, one.until_ms))
        for at, at_ms in enumerate(self.plot.drills_ms):
            self._at(at_ms, lambda at=at: self._drill(at))
        for at_ms in self.plot.restarts_ms:
            self._at(at_ms, office.restart)
        for nth, at_ms in enumerate(self.plot.deliveries_ms):
            self._at(at_ms, lambda nth=nth: self._deliver(nth))
        self._at(self.plot.calendar_known_ms, self._learn_calendar)

    @staticmethod
    def _asset(tx: Transaction, one: Machine) -> int:
        known = tx.assets.by_key(one.key)
        facts = AssetFacts(vendor=one.vendor, model=VENDORS[one.vendor], serial=one.serial, hostname=one.serial.lower())
        if known is None:
            known = tx.assets.add(key=one.key, basis="serial", facts=facts, customer=one.customer, mode=AssetMode.LIVE,
                                  joined_ms=START_MS, live_from_ms=START_MS)  # fmt: skip
        else:
            tx.assets.update_facts(known.id, facts)
            tx.assets.set_mode(known.id, AssetMode.LIVE, live_from_ms=START_MS)
        return known.id

    # ------------------------------------------------------------------ what happens to machines

    def _transition(self, fault: Fault, change: Change) -> Transition:
        kind, machine = fault.kind, self.fleet[fault.machine]
        part = machine.part(kind.component, fault.slot, self.generation[fault.place])
        asset = self.numbers[fault.machine]
        return Transition(
            key=FindingKey(asset=asset, feed=0, rule=f"{kind.fault_class}/year", part=part.key(), sensor=fault.slot),
            change=change, severity=Severity.CLEARED if change is Change.CLEARED else kind.severity,
            fault_class=kind.fault_class, repair_group=kind.group, part=part, time_ms=self.stage.now_ms, backlog=False,
            rehearsal=False, self_clearing=kind.cure is Cure.ITSELF, soak_s=kind.soak_s, opens=True,
            device_asserted=True, evidence={"sensor": fault.slot},
        )  # fmt: skip

    def _break(self, fault: Fault) -> None:
        self.wrong[fault.place] = fault
        raised = self._transition(fault, Change.RAISED)
        self.office.do(lambda tx: self.office.desk.apply(tx, [raised], now_ms=self.stage.now_ms))
        if fault.lasts_ms:
            self._at(fault.at_ms + fault.lasts_ms, lambda: self._mend(fault, ""))

    def _mend(self, fault: Fault, serial: str) -> None:
        if self.wrong.get(fault.place) is not fault:
            return
        del self.wrong[fault.place]
        cleared = self._transition(fault, Change.CLEARED)
        self.office.do(lambda tx: self.office.desk.apply(tx, [cleared], now_ms=self.stage.now_ms))
        if serial or fault.kind.cure is Cure.PART:
            self.generation[fault.place] += 1
        if fault.number in self.plot.come_back and fault not in self.came_back:
            again = replace(fault, at_ms=self.stage.now_ms + 6 * DAY)
            self.came_back.append(again)
            self._at(again.at_ms, lambda: self._break(again))
        if serial:
            part = self.fleet[fault.machine].part(fault.kind.component, fault.slot)
            new = type(part)(component=part.component, slot=part.slot, model=part.model, serial=serial)
            at_ms = self.stage.now_ms + 1
            self.office.do(
                lambda tx: tx.assets.save_inventory(self.numbers[fault.machine], f"year/{fault.slot}", 0, [new], at_ms)
            )

    def _cure(self, case: Case, serial: str) -> None:
        machine = self.numbers.index(case.asset)
        fault = self.wrong.get((machine, case.part.component, case.part.slot))
        if fault is not None:
            self._mend(fault, serial)

    # ------------------------------------------------------------------ what else happens

    def _plan_window(self, site: str, from_ms: int, until_ms: int) -> None:
        customer = next(customer for customer, name, _, _ in SITES if name == site)
        hours = Hours(begins=_iso(from_ms), ends=_iso(until_ms), time_zone="UTC")
        target = Target(breadth=Breadth.SITE, name=site, customer=customer)
        id = from_ms.to_bytes(16, "big")
        self.office.do(
            lambda tx: self.office.windows.plan(
                tx, target, hours, id=id, reason="firmware", by=people.MANAGER, now_ms=self.stage.now_ms
            )
        )

    def _drill(self, nth: int) -> None:
        kind = KINDS[nth % len(KINDS)]

        def rehearse(tx: Transaction) -> None:
            asset = tx.assets.add(
                key=f"rehearsal|{nth}", basis="rehearsal", facts=AssetFacts(vendor="Rehearsal", rehearsal=True),
                customer="han", mode=AssetMode.LIVE, joined_ms=START_MS, live_from_ms=START_MS,
            )  # fmt: skip
            part = self.fleet[0].part(kind.component, kind.slots[0])
            drill = Transition(
                key=FindingKey(asset=asset.id, feed=0, rule="drill", part=part.key(), sensor="d"),
                change=Change.RAISED, severity=kind.severity, fault_class=kind.fault_class, repair_group=kind.group,
                part=part, time_ms=self.stage.now_ms, backlog=False, rehearsal=True, self_clearing=True, soak_s=60,
                opens=True,
            )  # fmt: skip
            self.office.desk.apply(tx, [drill], now_ms=self.stage.now_ms)

        self.office.do(rehearse)

    def _deliver(self, nth: int) -> None:
        office = self.office
        for number in SPARES.values():
            for _, site, _, _ in SITES:
                # Two a month are too few disks; the last delivery makes up for it.
                count = 30 if nth == len(self.plot.deliveries_ms) - 1 else 2
                serials = [f"{number}-{site}-m{nth}-{at}" for at in range(count)]
                office.do(
                    lambda tx, site=site, number=number, serials=serials: office.stock.receive(
                        tx, f"depot-{site}", number, count=len(serials), serials=serials, by=people.MANAGER,
                        now_ms=self.stage.now_ms,
                    )
                )  # fmt: skip

    def _learn_calendar(self) -> None:
        years = [KnownYear(country="CN", subdivision="", year=2027, days_off=GOLDEN_WEEK)]
        self.office.do(lambda tx: self.office.calendars.learn(tx, years, actor="gao", now_ms=self.stage.now_ms))

    def _take_up_news(self) -> None:
        opened, self.office.news.opened = self.office.news.opened, []
        for case in opened:
            if not case.rehearsal and case.repair_group != STORM_GROUP:
                self._go_on(self.people.work(case))

    def _go_on(self, waits: Iterator[int]) -> None:
        wait_ms = next(waits, None)
        if wait_ms is not None:
            self._at(self.stage.now_ms + wait_ms, lambda: self._go_on(waits))


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Year]:
    played = Year(tmp_path_factory.mktemp("year"))
    played.play()
    yield played
    played.office.close()


@pytest.fixture(scope="module")
def records(year: Year) -> invariants.Records:
    return year.office.do(invariants.Records)


def test_each_fault_has_one_case_or_reopens_one(year: Year, records: invariants.Records) -> None:
    faults = Counter(
        (year.numbers[fault.machine], fault.kind.component, fault.slot)
        for fault in (*year.plot.faults, *year.came_back)
        if not fault.unseen
    )
    assert list(invariants.unlike_faults(records, faults)) == []


def test_no_case_made_a_move_that_the_table_forbids(records: invariants.Records) -> None:
    assert list(invariants.illegal_moves(records)) == []


def test_every_timeline_is_whole(records: invariants.Records) -> None:
    assert list(invariants.broken_timelines(records)) == []


def test_every_minute_of_every_clock_is_explained(year: Year, records: invariants.Records) -> None:
    wrong = year.office.do(lambda tx: list(invariants.unexplained_clocks(tx, records, year.stage.now_ms)))
    assert wrong == []


def test_every_breach_was_forecast_before_it_happened(records: invariants.Records) -> None:
    assert invariants.breaches(records) > 0
    assert list(invariants.unforeseen_breaches(records)) == []


def test_no_part_is_lost_from_the_books_or_given_twice(year: Year) -> None:
    assert year.office.do(lambda tx: list(invariants.wrong_stock(tx))) == []


def test_drills_have_no_plan_and_no_part(year: Year, records: invariants.Records) -> None:
    assert year.office.do(lambda tx: list(invariants.served_drills(tx, records))) == []


def test_every_case_came_to_its_end(records: invariants.Records) -> None:
    assert [case.number for case in records.cases if case.state in OPEN_STATES] == []


def test_the_year_had_everything_in_it(year: Year, records: invariants.Records) -> None:
    storms = [case for case in records.cases if case.repair_group == STORM_GROUP]
    counts = year.stage.counts
    print()
    for what, count in {
        "cases of faults": len(records.of_faults()), "reopened": sum(case.reopened for case in records.cases),
        "storms": len(storms), "drills": sum(case.rehearsal for case in records.cases),
        "restarts": year.office.restarts, "clocks breached": invariants.breaches(records), "ticks": year.ticks,
        **dict(sorted(counts.items())),
    }.items():  # fmt: skip
        print(f"  {what:40} {count}")
    assert len(storms) == 2
    assert year.office.restarts == 2
    assert sum(case.reopened for case in records.cases) == len(year.came_back) > 0
    learned = [entry for entries in records.timelines.values() for entry in entries if entry.code == CALENDAR_KNOWN]
    assert learned
    for what in (
        "waited for a part",
        "dead on arrival",
        "refused at first",
        "quotes",
        "handed to vendors",
        "followed up",
    ):
        assert counts.get(what, 0) > 0, what
