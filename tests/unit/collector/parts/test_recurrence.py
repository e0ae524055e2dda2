"""A fault that comes back: in the slot of a replaced part it reopens the case and is counted, later it is linked."""

from __future__ import annotations

from dataclasses import replace

from hardcase_collector.domain.asset import Asset
from hardcase_collector.domain.case import Case, CaseAction, CaseState, Outcome
from hardcase_collector.domain.spares import OrderStep

from tests.unit.collector.cases.bench import DAY, HOUR, NOON, cleared, raised
from tests.unit.collector.parts.bench import LI, Storehouse, disk


def closed_case(house: Storehouse, asset: Asset, old: str, new: str, at: int, slot: str = "Bay 3") -> Case:
    """A disk was replaced and its case closed by a person."""
    part = disk(old, slot)
    case = house.case(asset, part=part, at=at)
    house.receive(at=at)
    order = house.steps(house.request(case, at=at), OrderStep.SHIP, OrderStep.RECEIVE, at=at)
    house.step(order, OrderStep.INSTALL, at=at, serial=new)
    fault = raised(asset, "disk.failed", part=part, group="disk", self_clearing=False)
    house.bench.apply(cleared(fault, at + 1), at=at + 1)
    close(house, case, at + 2)
    return house.fresh(case)


def close(house: Storehouse, case: Case, at: int) -> None:
    with house.bench.store.write() as tx:
        house.bench.actions.act(
            tx, tx.cases.get(case.id), CaseAction.CLOSE, by=LI, reason="ok", now_ms=at, outcome=Outcome.REPAIRED
        )


def fail(house: Storehouse, asset: Asset, serial: str, at: int, slot: str = "Bay 3") -> Case:
    house.bench.apply(
        raised(asset, "disk.failed", part=disk(serial, slot), group="disk", at=at, self_clearing=False), at=at
    )
    return house.bench.cases()[-1]


def test_the_new_part_failing_in_the_same_slot_reopens_its_case(house: Storehouse) -> None:
    asset = house.bench.asset()
    case = closed_case(house, asset, "ZC1", "ZN1", NOON)
    again = fail(house, asset, "ZN1", NOON + 3 * DAY)
    assert (again.id, again.state, again.reopened, again.part.serial) == (case.id, CaseState.NEW, 1, "ZN1")
    told = house.facts_of(case, "reopened")
    assert (told["slot"], told["replaced_before"]) == ("Bay 3", 1)


def test_an_unknown_part_in_the_slot_reopens_it_too(house: Storehouse) -> None:
    asset = house.bench.asset()
    case = closed_case(house, asset, "ZC1", "ZN1", NOON)
    assert fail(house, asset, "ZX9", NOON + 3 * DAY).id == case.id


def test_the_new_part_in_another_slot_is_still_its_case(house: Storehouse) -> None:
    asset = house.bench.asset()
    case = closed_case(house, asset, "ZC1", "ZN1", NOON)
    with house.bench.store.write() as tx:
        (order,) = tx.spares.orders_of(case.id)
        tx.spares.save_order(replace(order, slot=""), was=order.state)
    assert fail(house, asset, "ZN1", NOON + DAY, "Bay 8").id == case.id


def test_a_neighbouring_slot_is_another_case(house: Storehouse) -> None:
    asset = house.bench.asset()
    case = closed_case(house, asset, "ZC1", "ZN1", NOON)
    other = fail(house, asset, "ZX1", NOON + DAY, "Bay 4")
    assert (other.id != case.id, other.linked) == (True, None)


def test_another_asset_is_another_case(house: Storehouse) -> None:
    closed_case(house, house.bench.asset(), "ZC1", "ZN1", NOON)
    assert fail(house, house.bench.asset("dell|2"), "ZN1", NOON + DAY).linked is None


def test_a_slot_where_nothing_was_replaced_is_not_remembered(house: Storehouse) -> None:
    asset = house.bench.asset()
    case = house.case(asset)
    fault = raised(asset, "disk.failed", part=disk("ZC1"), group="disk", self_clearing=False)
    house.bench.apply(cleared(fault, NOON + 1), at=NOON + 1)
    close(house, case, NOON + 2)
    other = fail(house, asset, "ZX1", NOON + DAY)
    assert (other.id != case.id, other.linked) == (True, None)


def test_after_the_window_it_is_a_new_case_linked_to_the_old(house: Storehouse) -> None:
    asset = house.bench.asset()
    case = closed_case(house, asset, "ZC1", "ZN1", NOON)
    later = fail(house, asset, "ZN1", NOON + 40 * DAY)
    assert (later.id != case.id, later.linked) == (True, case.id)
    told = house.facts_of(later, "opened")
    assert (told["linked"], told["replaced_before"]) == (case.number, 1)


def test_every_replacement_of_the_slot_counts(house: Storehouse) -> None:
    asset = house.bench.asset()
    closed_case(house, asset, "ZC1", "ZN1", NOON)
    second = closed_case(house, asset, "ZN1", "ZN2", NOON + 40 * DAY)
    third = fail(house, asset, "ZN2", NOON + 80 * DAY)
    assert third.linked == second.id
    assert house.facts_of(third, "opened")["replaced_before"] == 2


def test_a_drill_in_the_slot_is_no_recurrence(house: Storehouse) -> None:
    asset = house.bench.asset()
    case = closed_case(house, asset, "ZC1", "ZN1", NOON)
    drill = raised(asset, "disk.failed", part=disk("ZX1"), group="disk", at=NOON + HOUR, rehearsal=True)
    house.bench.apply(drill, at=NOON + HOUR)
    assert house.fresh(case).state is CaseState.CLOSED
