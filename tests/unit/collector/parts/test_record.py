"""The maintenance record: what failed, what was replaced, by whom, with what result, how often in this place."""

from __future__ import annotations

from hardcase_collector.domain.case import CaseAction, Outcome
from hardcase_collector.domain.spares import OrderStep
from hardcase_collector.parts.record import Record, record_of

from tests.unit.collector.cases.bench import DAY, NOON, cleared, raised
from tests.unit.collector.parts.bench import LI, WEI, Storehouse, disk


def record(house: Storehouse, asset: int) -> Record:
    with house.bench.store.read() as tx:
        return record_of(tx, asset)


def replace_disk(house: Storehouse, asset_key: str, old: str, new: str, at: int) -> int:
    with house.bench.store.read() as tx:
        asset = tx.assets.by_key(asset_key)
    asset = asset or house.bench.asset(asset_key)
    part = disk(old)
    case = house.case(asset, part=part, at=at)
    house.receive(at=at)
    order = house.steps(house.request(case, at=at), OrderStep.SHIP, OrderStep.RECEIVE, at=at)
    house.step(order, OrderStep.INSTALL, at=at, serial=new, by=WEI)
    fault = raised(asset, "disk.failed", part=part, group="disk", self_clearing=False)
    house.bench.apply(cleared(fault, at + 1), at=at + 1)
    with house.bench.store.write() as tx:
        house.bench.actions.act(
            tx, tx.cases.get(case.id), CaseAction.CLOSE, by=LI, reason="", now_ms=at + 2, outcome=Outcome.REPAIRED
        )
    return asset.id


def test_a_machine_that_was_never_repaired_has_an_empty_record(house: Storehouse) -> None:
    assert record(house, house.bench.asset().id) == Record(repairs=(), slots=())


def test_a_repair_is_told_with_part_serials_person_and_warranty(house: Storehouse) -> None:
    asset = replace_disk(house, "dell|1", "ZC1", "ZN1", NOON)
    (repair,) = record(house, asset).repairs
    assert (repair.outcome, repair.fault_classes, repair.slot) == ("repaired", ("disk.failed",), "3")
    (part,) = repair.replaced
    assert (part.old_serial, part.new_serial, part.by, part.at_ms) == ("ZC1", "ZN1", "wei", NOON)
    assert (part.warranty_until, part.state) == ("2027-11-24", "installed")


def test_a_slot_counts_its_failures_and_remembers_what_sat_there(house: Storehouse) -> None:
    asset = replace_disk(house, "dell|1", "ZC1", "ZN1", NOON)
    replace_disk(house, "dell|1", "ZN1", "ZN2", NOON + 3 * DAY)
    replace_disk(house, "dell|1", "ZN2", "ZN3", NOON + 60 * DAY)
    found = record(house, asset)
    assert [(one.reopened, bool(one.linked)) for one in found.repairs] == [(0, True), (1, False)]
    (slot,) = found.slots
    assert (slot.cases, slot.failures, slot.replaced) == (2, 3, 3)
    assert slot.serials == ("ZC1", "ZN1", "ZN2", "ZN3")


def test_the_place_that_fails_most_comes_first_and_cancelled_cases_do_not_count(house: Storehouse) -> None:
    asset = house.bench.asset()
    house.case(asset, part=disk("A", "Bay 1"))
    house.bench.act(CaseAction.CANCEL)
    replace_disk(house, "dell|1", "ZC1", "ZN1", NOON)
    found = record(house, asset.id)
    assert len(found.repairs) == 2
    assert [slot.slot for slot in found.slots] == ["3"]


def test_a_drill_leaves_no_record(house: Storehouse) -> None:
    asset = house.bench.asset("rehearsal|1")
    house.case(asset)
    assert record(house, asset.id).repairs == ()


def test_another_machine_has_a_record_of_its_own(house: Storehouse) -> None:
    replace_disk(house, "dell|1", "ZC1", "ZN1", NOON)
    assert record(house, house.bench.asset("dell|2").id).repairs == ()
