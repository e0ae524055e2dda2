"""What searching and counting the queue must do on every database. A subclass gives a fixture `store`: open, empty."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hardcase_collector.domain.asset import AssetFacts, Part
from hardcase_collector.domain.case import Case, CaseState, Waiting
from hardcase_collector.domain.customer import Custody, Customer
from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.ports import StateStore, Transaction
from hardcase_collector.domain.priority import Priority
from hardcase_collector.domain.search import Hit, HitKind
from hardcase_collector.domain.service_terms import CaseClock, QueueGroup, Standing

from tests.contracts.state_store import an_agent, an_asset

NOW = 1_800_000_000_000
DISK = Part(component="disk", slot="Bay 3", model="ST4000NM", serial="ZC1_77%X")


def machine(tx: Transaction, customer: str, hostname: str, serial: str, address: str = "") -> int:
    asset = an_asset(tx, key=f"dell|{serial}", customer=customer)
    facts = AssetFacts(vendor="Dell", model="R750", hostname=hostname, serial=serial, address=address)
    tx.assets.update_facts(asset.id, facts)
    return asset.id


def a_case(asset: int, part: Part = DISK, group: str = "disk") -> Case:
    return Case(
        id=0,
        number="",
        asset=asset,
        part=part,
        repair_group=group,
        state=CaseState.NEW,
        severity=Severity.MAJOR,
        fault_classes=("disk.failed",),
        since_ms=NOW,
        opened_ms=NOW,
        version=1,
    )


def found(tx: Transaction, text: str, customer: str | None = None) -> list[tuple[HitKind, int, bool]]:
    return [(hit.kind, hit.asset, hit.exact) for hit in tx.search.find(text, customer=customer, limit=10)]


class SearchContract:
    def test_names_serials_and_addresses_are_found_whole_and_in_part_in_any_case(self, store: StateStore) -> None:
        with store.write() as tx:
            one = machine(tx, "north", "db-1", "7ABC123", "10.1.2.3")
            ten = machine(tx, "north", "db-10", "8ABC999", "10.1.2.30")

        with store.read() as tx:
            assert found(tx, " DB-1 ") == [(HitKind.ASSET, one, True), (HitKind.ASSET, ten, False)]
            assert found(tx, "7abc123") == [(HitKind.ASSET, one, True)]
            assert found(tx, "10.1.2.30") == [(HitKind.ASSET, ten, True)]
            assert found(tx, "abc") == [(HitKind.ASSET, ten, False), (HitKind.ASSET, one, False)]
            assert found(tx, "d") == found(tx, "nowhere") == found(tx, "") == []

    def test_a_serial_leads_to_the_machine_the_part_is_in_and_to_cases_about_it(self, store: StateStore) -> None:
        with store.write() as tx:
            asset = machine(tx, "north", "db-1", "7ABC123")
            agent = an_agent(tx, id="a", customer="north").number
            tx.assets.save_inventory(asset, "smart", agent, [DISK, Part(component="fan", slot="FAN1")], NOW)
            tx.assets.save_inventory(asset, "arrays", agent, [DISK], NOW)
            case = tx.cases.add(a_case(asset))

        with store.read() as tx:
            hits = tx.search.find("zc1_77%x", customer=None, limit=10)
            name = "db-1"
            assert hits == [
                Hit(kind=HitKind.PART, asset=asset, asset_name=name, part=DISK, exact=True),
                Hit(kind=HitKind.CASE_PART, asset=asset, asset_name=name, case=case.number, part=DISK, exact=True),
            ]
            assert found(tx, "ZC1") == [(HitKind.PART, asset, False), (HitKind.CASE_PART, asset, False)]
            assert found(tx, "ZC1%") == found(tx, "ZC1x77") == found(tx, "ST4000NM") == []

    def test_racks_and_case_numbers_are_found(self, store: StateStore) -> None:
        with store.write() as tx:
            tx.registry.save_customer(Customer(name="north", title="North"))
            asset = machine(tx, "north", "db-1", "7ABC123")
            tx.registry.save_custody(Custody(asset=asset, site="ber1", rack="R-17", unit=12))
            number = tx.cases.add(a_case(asset)).number

        with store.read() as tx:
            rack = tx.search.find("r-17", customer=None, limit=10)
            assert [(hit.kind, hit.place, hit.exact) for hit in rack] == [(HitKind.RACK, "ber1 R-17 U12", True)]
            by_number = tx.search.find(number[-6:], customer=None, limit=10)
            assert [(hit.kind, hit.case, hit.exact) for hit in by_number] == [(HitKind.CASE, number, False)]

    @pytest.mark.parametrize("text", ["db-1", "7abc", "zc1", "r-17", "hc-"])
    def test_nothing_of_another_customer_is_found(self, store: StateStore, text: str) -> None:
        with store.write() as tx:
            tx.registry.save_customer(Customer(name="south", title="South"))
            asset = machine(tx, "south", "db-1", "7ABC123")
            tx.registry.save_custody(Custody(asset=asset, site="ber1", rack="R-17"))
            tx.assets.save_inventory(asset, "smart", an_agent(tx, id="a", customer="south").number, [DISK], NOW)
            tx.cases.add(a_case(asset))

        with store.read() as tx:
            assert found(tx, text, customer="south")
            assert found(tx, text, customer="north") == []

    def test_of_each_kind_only_so_many_are_told(self, store: StateStore) -> None:
        with store.write() as tx:
            for number in range(5):
                machine(tx, "north", f"web-{number}", f"SERIAL{number}")

        with store.read() as tx:
            assert len(tx.search.find("web", customer=None, limit=3)) == 3

    def test_the_queue_is_counted_by_everything_it_can_be_narrowed_to(self, store: StateStore) -> None:
        with store.write() as tx:
            mine, theirs = machine(tx, "north", "db-1", "A1"), machine(tx, "south", "db-2", "B1")
            for slot in ("1", "2"):
                part = Part(component="disk", slot=slot)
                case = tx.cases.add(replace(a_case(mine, part), assignee="li", priority=Priority.P1))
                tx.clocks.save(clock_of(case.id, due_ms=NOW - 1 if slot == "1" else NOW + 1))
            part = Part(component="psu", slot="1")
            waiting = replace(a_case(mine, part, "psu"), waiting=Waiting.PART, team="ops", priority=Priority.P2)
            storm = tx.cases.add(waiting)
            tx.cases.add(replace(a_case(mine, Part(component="fan"), "fan"), parent=storm.id))
            tx.cases.add(replace(a_case(mine, part, "nic"), state=CaseState.CLOSED, closed_ms=NOW))
            tx.cases.add(a_case(theirs))

        with store.read() as tx:
            common = {"site": "", "team": ""}
            assert sorted(tx.clocks.queue_groups(customer="north", now_ms=NOW), key=lambda one: one.assignee) == [
                QueueGroup(
                    count=1,
                    overdue=0,
                    assignee="",
                    waiting=Waiting.PART,
                    team="ops",
                    site="",
                    priority=Priority.P2,
                ),
                QueueGroup(count=2, overdue=1, assignee="li", waiting=Waiting.NOTHING, priority=Priority.P1, **common),
            ]
            assert sum(one.count for one in tx.clocks.queue_groups(customer=None, now_ms=NOW)) == 4


def clock_of(case: int, *, due_ms: int) -> CaseClock:
    return CaseClock(
        case=case,
        kind="repair",
        round=1,
        state=Standing.RUNNING,
        due_ms=due_ms,
        left_ms=due_ms - NOW,
        looked_ms=NOW,
        look_ms=due_ms,
    )
