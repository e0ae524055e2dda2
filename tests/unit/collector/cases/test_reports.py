"""What people report: it opens one case, joins one, or is the one it was before."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hardcase_collector.cases.opening import Opening
from hardcase_collector.cases.reports import Reported, Reports, Telling
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.asset import Asset, IdentityBasis, Part
from hardcase_collector.domain.case import Case, CaseAction, CaseState, Origin, Outcome
from hardcase_collector.domain.customer import Customer, Entitlement, Site
from hardcase_collector.domain.errors import IllegalAction, NotAllowed, NotFound
from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.priority import Priority
from hardcase_collector.domain.report import Caller, ReportChannel
from hardcase_collector.rules.sheet_reader import load_sheets

from tests.unit.collector.cases.bench import DAY, DISK, LI, MINUTE, NOON, PSU, Bench, cleared, raised

BOOK = load_sheets()
CHEN = Actor(name="chen", role=Role.CUSTOMER_CONTACT, customer="north")
ROBOT = Actor(name="robot", role=Role.AUTOMATION, customer=None)
TOLD = Telling(
    category="disk",
    description="The light of one disk is amber.\nSince this morning.",
    channel=ReportChannel.PHONE,
    caller=Caller(name="Wang Fang", phone="+86 10 1234"),
    occurred_ms=NOON - 5 * MINUTE,
)


class Office:
    """The bench with somebody who takes reports."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.reports = Reports(bench.announcements, Opening(), BOOK.categories)

    def report(self, told: Telling, *, by: Actor = LI, at: int = NOON) -> Reported:
        with self.bench.store.write() as tx:
            return self.reports.report(tx, told, by=by, now_ms=at)

    def join(self, case: Case, told: Telling, *, by: Actor = LI, at: int = NOON) -> Reported:
        with self.bench.store.write() as tx:
            return self.reports.join(tx, case, told, by=by, now_ms=at)

    def identify(self, case: Case, asset: int, *, by: Actor = LI, slot: str = "", serial: str = "") -> Case:
        with self.bench.store.write() as tx:
            return self.reports.identify(tx, case, asset, by=by, now_ms=NOON, slot=slot, serial=serial)


@pytest.fixture
def office(bench: Bench) -> Office:
    return Office(bench)


def inventory(bench: Bench, asset: Asset, *parts: Part) -> None:
    with bench.store.write() as tx:
        tx.assets.save_inventory(asset.id, "smart", 1, parts, NOON)


def test_a_report_opens_a_case_that_says_who_told_what(bench: Bench, office: Office) -> None:
    made = office.report(replace(TOLD, asset=bench.asset().id, slot="Bay 3"))
    case = bench.only_case()
    assert made.case == case
    assert (case.number, case.state, case.origin) == ("HC-20261124-0001", CaseState.NEW, Origin.PERSON)
    assert (case.part.key(), case.repair_group, case.fault_classes) == ("disk@Bay 3", "disk", ("disk.reported",))
    assert (case.title, case.severity) == ("The light of one disk is amber.", Severity.MAJOR)
    assert (case.since_ms, case.opened_ms, case.self_clearing) == (NOON - 5 * MINUTE, NOON, False)
    with bench.store.read() as tx:
        (entry,) = tx.cases.timeline(case.id)
        (report,) = tx.reports.of_case(case.id)
        assert tx.clocks.terms(case.id) is not None
    assert (entry.code, entry.actor) == ("opened", "li")
    assert entry.parameters["channel"] == "phone"
    assert "Wang" not in str(entry.parameters)
    assert (report.caller.name, report.description, report.joined) == ("Wang Fang", TOLD.description, False)
    assert bench.announcements.codes() == ["opened"]


def test_a_caller_may_say_how_grave_and_how_urgent_it_is(bench: Bench, office: Office) -> None:
    told = replace(TOLD, asset=bench.asset().id, severity=Severity.CRITICAL, priority=Priority.P1, title=" Shop down ")
    case = office.report(told).case
    assert (case.severity, case.priority, case.title) == (Severity.CRITICAL, Priority.P1, "Shop down")


def test_a_part_is_the_one_of_the_inventory(bench: Bench, office: Office) -> None:
    asset = bench.asset()
    inventory(bench, asset, DISK, PSU)
    by_slot = office.report(replace(TOLD, asset=asset.id, slot="Slot 3")).case
    assert by_slot.part == DISK
    with pytest.raises(IllegalAction, match=f"case {by_slot.number} is open for this part: join it"):
        office.report(replace(TOLD, asset=asset.id, serial="ZC1"))


def test_what_telemetry_opened_is_not_opened_again_but_joined(bench: Bench, office: Office) -> None:
    asset = bench.asset()
    bench.apply(raised(asset, "disk.failed", part=DISK, group="disk"))
    case = bench.only_case()
    told = replace(TOLD, asset=asset.id, slot="Bay 3")
    with pytest.raises(IllegalAction, match="join it"):
        office.report(told)
    with bench.store.read() as tx:
        around = office.reports.around(tx, asset.id, by=CHEN)
    assert [one.number for one in around.cases] == [case.number]
    assert [one.fault_class for one in around.findings] == ["disk.failed"]
    joined = office.join(case, told, by=CHEN)
    assert joined.case.version == case.version + 1
    assert bench.codes() == ["opened", "report_joined"]
    with bench.store.read() as tx:
        (report,) = tx.reports.of_case(case.id)
    assert (report.joined, report.caller.name, report.reported_by) == (True, "Wang Fang", "chen")


def test_what_telemetry_finds_later_joins_the_reported_case(bench: Bench, office: Office) -> None:
    asset = bench.asset()
    case = office.report(replace(TOLD, asset=asset.id, slot="Bay 3")).case
    finding = raised(asset, "disk.failed", part=DISK, group="disk", severity=Severity.CRITICAL)
    bench.apply(finding)
    now = bench.only_case()
    assert (now.id, now.part, now.severity) == (case.id, DISK, Severity.CRITICAL)
    assert now.fault_classes == ("disk.reported", "disk.failed")
    assert bench.finding(finding).case == case.id


def test_a_report_that_names_no_part_becomes_one_of_the_part_that_telemetry_names(bench: Bench, office: Office) -> None:
    asset = bench.asset()
    case = office.report(replace(TOLD, asset=asset.id)).case
    assert case.loose
    bench.apply(raised(asset, "disk.failed", part=DISK, group="disk"))
    bench.apply(raised(asset, "psu.input_lost"))
    disk, psu = bench.cases()
    assert (disk.id, disk.part, disk.loose) == (case.id, DISK, False)
    assert psu.id != case.id
    other = replace(DISK, slot="Bay 4", serial="ZC2")
    bench.apply(raised(asset, "disk.failed", part=other, group="disk"))
    assert len(bench.cases()) == 3


def test_of_two_reports_that_name_no_part_none_is_guessed(bench: Bench, office: Office) -> None:
    asset = bench.asset()
    first, second = (office.report(replace(TOLD, asset=asset.id)).case for _ in range(2))
    assert first.id != second.id
    bench.apply(raised(asset, "disk.failed", part=DISK, group="disk"))
    assert len(bench.cases()) == 3


def test_requests_and_software_stand_beside_each_other(bench: Bench, office: Office) -> None:
    asset = bench.asset()
    for category in ("os", "os", "request.upgrade", "request.upgrade", "request"):
        office.report(replace(TOLD, category=category, asset=asset.id, slot="ignored"))
    cases = bench.cases()
    assert [case.fault_classes[0] for case in cases] == [
        "os.reported", "os.reported", "request.upgrade", "request.upgrade", "request.reported"
    ]  # fmt: skip
    assert {case.part.key() for case in cases} == {"os", "request"}
    assert cases[2].severity is Severity.MINOR


def test_a_case_without_findings_is_closed_by_people_only(bench: Bench, office: Office) -> None:
    office.report(replace(TOLD, asset=bench.asset().id, slot="Bay 3"))
    bench.tick(NOON + 400 * DAY)
    assert bench.only_case().state is CaseState.NEW
    bench.act(CaseAction.VERIFY)
    bench.tick(NOON + 800 * DAY)
    assert bench.only_case().state is CaseState.VERIFYING
    bench.act(CaseAction.CLOSE, outcome=Outcome.NO_FAULT_FOUND)
    assert bench.only_case().outcome is Outcome.NO_FAULT_FOUND


def test_a_finding_that_clears_does_not_close_what_a_person_reported(bench: Bench, office: Office) -> None:
    asset = bench.asset()
    office.report(replace(TOLD, asset=asset.id, slot="Bay 3"))
    finding = raised(asset, "disk.failed", part=DISK, group="disk")
    bench.apply(finding)
    bench.apply(cleared(finding, NOON + MINUTE), at=NOON + MINUTE)
    bench.tick(NOON + 30 * DAY)
    assert bench.only_case().state is CaseState.VERIFYING


def test_the_same_key_is_the_same_case_however_often_it_comes(bench: Bench, office: Office) -> None:
    told = replace(TOLD, asset=bench.asset().id, key="ticket-17")
    first = office.report(told, by=ROBOT)
    again = office.report(told, by=ROBOT, at=NOON + DAY)
    assert (first.fresh, again.fresh) == (True, False)
    assert again.case == first.case
    bench.act(CaseAction.CLOSE)
    assert office.report(told, by=ROBOT).case.id == first.case.id
    with pytest.raises(IllegalAction, match=f"ticket-17 stands for another report, of case {first.case.number}"):
        office.report(replace(told, description="Something else."), by=ROBOT)
    with pytest.raises(IllegalAction, match="stands for another report"):
        office.join(office.report(replace(told, key="", category="os")).case, told, by=ROBOT)
    assert len(bench.announcements.codes()) == 3


def test_a_keyed_report_that_joined_joins_once(bench: Bench, office: Office) -> None:
    asset = bench.asset()
    case = office.report(replace(TOLD, asset=asset.id, slot="Bay 3")).case
    told = replace(TOLD, asset=asset.id, key="k", description="Still amber.")
    assert office.join(case, told).fresh
    assert not office.join(bench.only_case(), told).fresh
    assert bench.codes() == ["opened", "report_joined"]


def test_an_asset_that_nobody_could_name_is_named_later(bench: Bench, office: Office) -> None:
    asset = bench.asset()
    with bench.store.write() as tx:
        tx.registry.save_customer(Customer(name="north", title="North"))
        tx.registry.save_site(
            Site(customer="north", name="beijing", title="B", time_zone="Asia/Shanghai", country="CN")
        )
        tx.registry.save_entitlement(
            Entitlement(
                id=0,
                asset=asset.id,
                part="",
                plan="gold-7x24x4",
                vendor="dell",
                starts=date(2026, 1, 1),
                ends=date(2027, 1, 1),
            )
        )
    told = replace(TOLD, customer="north", site="beijing", asset_told="the old database server")
    first, second = office.report(told).case, office.report(told).case
    assert first.asset == second.asset != asset.id
    with bench.store.read() as tx:
        stand_in = tx.assets.by_number(first.asset)
        custody = tx.registry.custody(first.asset)
        assert [one.id for one in tx.assets.all(customer=None)] == [asset.id]
        terms = tx.clocks.terms(first.id)
    assert terms is not None
    assert terms.entitlement is None
    assert (stand_in.basis, stand_in.customer, custody and custody.site) == (
        IdentityBasis.UNKNOWN,
        "north",
        "beijing",
    )
    moved = office.identify(first, asset.id, slot="Bay 3")
    assert (moved.asset, moved.part.key(), moved.loose) == (asset.id, "disk@Bay 3", False)
    with bench.store.read() as tx:
        known = tx.clocks.terms(first.id)
    assert known is not None
    assert known.plan == "gold-7x24x4"
    with pytest.raises(IllegalAction, match="join it"):
        office.identify(second, asset.id, slot="Bay 3")
    with pytest.raises(IllegalAction, match="is known"):
        office.identify(moved, asset.id)
    bench.apply(raised(asset, "disk.failed", part=DISK, group="disk"))
    assert len(bench.cases()) == 2
    assert "identified" in bench.codes(first)


def test_a_case_is_never_moved_to_another_customer(bench: Bench, office: Office) -> None:
    bench.asset()
    with bench.store.write() as tx:
        other = tx.assets.add(
            key="dell|9",
            basis="serial",
            facts=tx.assets.by_number(1).facts,
            customer="south",
            mode=tx.assets.by_number(1).mode,
            joined_ms=NOON,
            live_from_ms=NOON,
        )
    case = office.report(replace(TOLD, customer="north")).case
    with pytest.raises(NotFound):
        office.identify(case, other.id)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"description": "  "}, "say what is wrong"),
        ({"occurred_ms": NOON + 6 * MINUTE}, "future"),
        ({"severity": Severity.WARNING}, "at least minor"),
    ],
)
def test_a_report_that_says_nothing_sensible_is_refused(
    bench: Bench, office: Office, change: dict[str, object], says: str
) -> None:
    told = replace(TOLD, asset=bench.asset().id)
    with pytest.raises(IllegalAction, match=says):
        office.report(replace(told, **change))  # type: ignore[arg-type]  # field names given by the test
    assert bench.cases() == []


def test_it_must_be_clear_whose_asset_it_is(bench: Bench, office: Office) -> None:
    bench.asset()
    with pytest.raises(IllegalAction, match="name the asset, or the customer"):
        office.report(TOLD)
    with pytest.raises(NotFound, match="no customer nowhere"):
        office.report(replace(TOLD, customer="nowhere"))
    with pytest.raises(NotFound, match="has no site moon"):
        office.report(replace(TOLD, customer="north", site="moon"))
    with pytest.raises(NotFound, match=r"there is .*os\.reported"):
        office.report(replace(TOLD, customer="north", category="toaster"))


def test_a_contact_reports_for_his_customer_alone_and_a_viewer_not_at_all(bench: Bench, office: Office) -> None:
    asset = bench.asset()
    stranger = replace(CHEN, customer="south")
    told = replace(TOLD, asset=asset.id)
    for call in (
        lambda: office.report(told, by=stranger),
        lambda: office.report(replace(TOLD, customer="north"), by=stranger),
    ):
        with pytest.raises(NotFound):
            call()
    case = office.report(told, by=CHEN).case
    assert office.report(TOLD, by=CHEN).case.asset != asset.id
    with pytest.raises(NotFound):
        office.join(case, told, by=stranger)
    with pytest.raises(NotAllowed):
        office.report(told, by=Actor(name="han", role=Role.VIEWER, customer=None))
    with pytest.raises(NotAllowed):
        office.identify(case, asset.id, by=CHEN)
    with bench.store.read() as tx, pytest.raises(NotFound):
        office.reports.around(tx, asset.id, by=stranger)


def test_what_is_over_is_reported_anew_and_a_drill_stays_a_drill(bench: Bench, office: Office) -> None:
    drill = bench.asset("rehearsal|1")
    case = office.report(replace(TOLD, asset=drill.id, slot="Bay 3")).case
    assert case.rehearsal
    with bench.store.read() as tx:
        assert tx.clocks.terms(case.id) is None
    bench.act(CaseAction.CANCEL)
    with pytest.raises(IllegalAction, match="report it anew"):
        office.join(bench.only_case(), replace(TOLD, asset=drill.id))
    assert office.report(replace(TOLD, asset=drill.id, slot="Bay 3")).case.id != case.id


def test_a_request_is_opened_again_beside_another_of_its_kind(bench: Bench, office: Office) -> None:
    asset = bench.asset()
    told = replace(TOLD, category="request.upgrade", asset=asset.id)
    office.report(told)
    bench.act(CaseAction.CLOSE)
    office.report(told)
    first, _ = bench.cases()
    with bench.store.write() as tx:
        bench.actions.act(tx, first, CaseAction.REOPEN, by=LI, reason="not done", now_ms=NOON)
    assert len(bench.cases(open_only=True)) == 2
