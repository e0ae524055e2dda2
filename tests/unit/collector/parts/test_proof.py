"""Proof of a repair: the new serial seen and a clear soak close a case; what was not seen is told to people."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hardcase_collector.cases.proof import ending_of, same_serial, sight_of
from hardcase_collector.domain.asset import Asset, Part
from hardcase_collector.domain.case import Case, CaseAction, CaseState, Outcome
from hardcase_collector.domain.spares import OrderState, OrderStep, PartOrder, Sighting

from tests.unit.collector.cases.bench import DAY, DISK, HOUR, MINUTE, NOON, cleared, raised
from tests.unit.collector.parts.bench import LI, NEAR, NUMBER, OTHER, Storehouse, disk

WAY = (OrderStep.SHIP, OrderStep.RECEIVE)
FAN = Part(component="fan", slot="FAN3")
DONE = NOON + HOUR
"""When the new part was put in."""
SOAK_S = 600


def repaired(
    house: Storehouse, *, serial: str = "ZN1", part: Part = DISK, clear_at: int = DONE + MINUTE
) -> tuple[Asset, Case, PartOrder]:
    """A disk that failed was replaced and says nothing any more: the case is verifying."""
    asset = house.bench.asset()
    case = house.case(asset, part=part)
    for action in (CaseAction.CONFIRM, CaseAction.PROPOSE, CaseAction.CONSENT, CaseAction.START_REPAIR):
        house.bench.act(action)
    number = NUMBER if part.component == "disk" else OTHER
    house.receive(NEAR, number)
    order = house.steps(house.request(case, part_number=number), *WAY)
    order = house.step(order, OrderStep.INSTALL, at=DONE, serial=serial)
    house.bench.act(CaseAction.FINISH_REPAIR, at=DONE)
    house.bench.apply(
        cleared(raised(asset, "disk.failed", part=part, group="disk", self_clearing=False), clear_at), at=clear_at
    )
    assert house.fresh(case).state is CaseState.VERIFYING
    return asset, case, order


def test_a_new_serial_that_is_seen_and_a_clear_soak_close_the_case_with_proof(house: Storehouse) -> None:
    asset, case, order = repaired(house)
    house.inventory(asset, disk("ZN1"), at=DONE + 2 * MINUTE)
    house.bench.tick(DONE + 3 * MINUTE)
    assert house.order(order).sighting is Sighting.SEEN
    assert house.fresh(case).state is CaseState.VERIFYING
    house.bench.tick(DONE + MINUTE + SOAK_S * 1000)
    closed = house.fresh(case)
    assert (closed.state, closed.outcome) == (CaseState.CLOSED, Outcome.REPAIRED)
    told = house.facts_of(case, "closed")
    assert told["cause"] == "proof"
    assert (told["new_serial"], told["old_serial"], told["seen_ms"]) == ("ZN1", "ZC1", DONE + 2 * MINUTE)


def test_a_clear_soak_alone_does_not_close_a_case_whose_part_was_replaced(house: Storehouse) -> None:
    _, case, _ = repaired(house)
    house.bench.tick(DONE + 20 * HOUR)
    assert house.fresh(case).state is CaseState.VERIFYING
    assert "part_not_seen" not in house.bench.codes(case)


def test_soaking_begins_with_the_repair_where_the_fault_had_cleared_before(house: Storehouse) -> None:
    asset, case, _ = repaired(house, clear_at=DONE + MINUTE)
    with house.bench.store.write() as tx:
        tx.cases.save(replace(tx.cases.get(case.id), clear_since_ms=NOON))
    house.inventory(asset, disk("ZN1"), at=DONE + 2)
    house.bench.tick(DONE + SOAK_S * 1000 - 1)
    assert house.fresh(case).state is CaseState.VERIFYING
    house.bench.tick(DONE + SOAK_S * 1000)
    assert house.fresh(case).state is CaseState.CLOSED


def test_a_new_part_that_nobody_sees_within_the_time_is_told_once(house: Storehouse) -> None:
    _, case, order = repaired(house)
    for hours in (27, 28, 50):
        house.bench.tick(DONE + hours * HOUR)
    assert house.bench.codes(case).count("part_not_seen") == 1
    assert house.facts_of(case, "part_not_seen")["sighting"] == "not_seen"
    assert house.order(order).sighting is Sighting.NOT_SEEN
    assert house.fresh(case).state is CaseState.VERIFYING


def test_the_old_serial_that_is_still_there_is_told_as_such(house: Storehouse) -> None:
    asset, case, _ = repaired(house)
    house.inventory(asset, disk("ZC1"), at=DONE + HOUR)
    house.bench.tick(DONE + 2 * HOUR)
    assert "part_not_seen" not in house.bench.codes(case)
    house.bench.tick(DONE + 27 * HOUR)
    told = house.facts_of(case, "part_not_seen")
    assert (told["sighting"], told["found"]) == ("old_still_there", "ZC1")


def test_a_third_serial_in_the_slot_is_told_at_once_and_put_right_by_a_person(house: Storehouse) -> None:
    asset, case, order = repaired(house, serial="ZN1")
    house.inventory(asset, disk("ZN7"), at=DONE + 2 * MINUTE)
    house.bench.tick(DONE + 3 * MINUTE)
    told = house.facts_of(case, "part_not_seen")
    assert (told["sighting"], told["expected"], told["found"]) == ("wrong_serial", "ZN1", "ZN7")
    with house.bench.store.write() as tx:
        house.orders.correct(tx, order.id, by=LI, now_ms=DONE + HOUR, new_serial="ZN7")
    house.bench.tick(DONE + 2 * HOUR)
    assert house.fresh(case).state is CaseState.CLOSED


def test_a_part_seen_late_is_proven_all_the_same(house: Storehouse) -> None:
    asset, case, _ = repaired(house)
    house.bench.tick(DONE + 27 * HOUR)
    house.inventory(asset, disk("ZN1"), at=DONE + 30 * HOUR)
    house.bench.tick(DONE + 31 * HOUR)
    assert house.fresh(case).state is CaseState.CLOSED
    assert house.bench.codes(case)[-2:] == ["part_seen", "closed"]


def test_a_part_without_a_serial_is_proven_by_the_engineers_entry(house: Storehouse) -> None:
    _, case, order = repaired(house, serial="", part=FAN)
    house.bench.tick(DONE + MINUTE + SOAK_S * 1000)
    assert house.order(order).sighting is Sighting.ENTERED
    assert house.fresh(case).state is CaseState.CLOSED
    assert house.facts_of(case, "closed")["proof"] == "entered"


def test_where_the_engineer_names_no_serial_the_machine_does(house: Storehouse) -> None:
    asset, case, order = repaired(house, serial="")
    house.inventory(asset, disk("ZN5"), at=DONE + MINUTE)
    house.bench.tick(DONE + 2 * HOUR)
    assert house.order(order).new_serial == "ZN5"
    assert house.fresh(case).state is CaseState.CLOSED


def test_while_another_part_is_under_way_nothing_is_proven(house: Storehouse) -> None:
    asset, case, _ = repaired(house)
    house.receive(count=1, at=DONE)
    more = house.request(case, at=DONE)
    house.inventory(asset, disk("ZN1"), at=DONE + MINUTE)
    house.bench.tick(DONE + 2 * HOUR)
    assert house.fresh(case).state is CaseState.VERIFYING
    house.step(more, OrderStep.CANCEL, at=DONE + 2 * HOUR)
    house.bench.tick(DONE + 3 * HOUR)
    assert house.fresh(case).state is CaseState.CLOSED


def test_a_fault_that_fires_again_takes_the_case_out_of_verifying(house: Storehouse) -> None:
    asset, case, _ = repaired(house)
    house.inventory(asset, disk("ZN1"), at=DONE + MINUTE)
    again = raised(asset, "disk.failed", part=disk("ZN1"), group="disk", at=DONE + 5 * MINUTE, self_clearing=False)
    house.bench.apply(again, at=DONE + 5 * MINUTE)
    house.bench.tick(DONE + 2 * HOUR)
    (failing,) = house.bench.cases()
    assert (failing.id, failing.state, failing.part.serial) == (case.id, CaseState.NEW, "ZN1")


def test_a_person_may_close_what_is_not_proven(house: Storehouse) -> None:
    _, case, _ = repaired(house)
    with house.bench.store.write() as tx:
        house.bench.actions.act(
            tx,
            tx.cases.get(case.id),
            CaseAction.CLOSE,
            by=LI,
            reason="seen by eye",
            now_ms=DONE + HOUR,
            outcome=Outcome.REPAIRED,
        )
    assert house.fresh(case).state is CaseState.CLOSED


def test_an_unseen_part_is_looked_for_no_longer_than_a_month(house: Storehouse) -> None:
    _, _, order = repaired(house)
    house.bench.tick(DONE + 31 * DAY)
    assert house.order(order).look_ms == 0


def test_a_case_without_a_replaced_part_closes_as_its_class_says(house: Storehouse) -> None:
    asset = house.bench.asset()
    fault = raised(asset, "psu.input_lost")
    house.bench.apply(fault)
    house.bench.apply(cleared(fault, NOON + MINUTE), at=NOON + MINUTE)
    house.bench.tick(NOON + MINUTE + SOAK_S * 1000)
    closed = house.bench.only_case()
    assert (closed.state, closed.outcome) == (CaseState.CLOSED, Outcome.UNKNOWN)
    assert house.facts_of(closed, "closed")["cause"] == "soaked"


def installed(**changes: object) -> PartOrder:
    order = PartOrder(
        id=1,
        case=1,
        asset=1,
        component="disk",
        slot="3",
        wanted=(NUMBER,),
        state=OrderState.INSTALLED,
        requested_ms=NOON,
        requested_by="li",
        installed_ms=DONE,
        new_serial="ZN1",
        old_serial="ZC1",
    )
    return replace(order, **changes)  # type: ignore[arg-type]  # field names given by the test


def seen(*rows: tuple[Part, int]) -> list[tuple[str, Part, int]]:
    return [("disks", part, at) for part, at in rows]


def test_a_dead_part_that_lies_there_does_not_hold_up_the_proof_of_the_one_that_works(house: Storehouse) -> None:
    case = replace(house.case(), state=CaseState.VERIFYING, clear_since_ms=DONE, soak_s=60)
    dead = installed(id=1, state=OrderState.DEAD_ON_ARRIVAL, installed_ms=0)
    works = installed(id=2, sighting=Sighting.SEEN, sighted_ms=DONE)
    ending = ending_of(case, [dead, works], now_ms=DONE + HOUR)
    assert ending is not None
    assert (ending.outcome, ending.facts["parts"]) == (Outcome.REPAIRED, 1)
    for state in (OrderState.REQUESTED, OrderState.RESERVED, OrderState.SHIPPED, OrderState.RECEIVED):
        comes = installed(id=3, state=state, installed_ms=0)
        assert ending_of(case, [works, comes], now_ms=DONE + HOUR) is None


def test_a_new_serial_in_another_slot_is_seen_too() -> None:
    inventory = seen((disk("ZN1", "Bay 9"), DONE + 1))
    assert sight_of(installed(), inventory, now_ms=DONE + 2, seen_within_ms=DAY).sighting is Sighting.SEEN


def test_an_entry_made_after_the_inventory_does_not_hide_the_part() -> None:
    inventory = seen((disk("ZN1"), DONE - MINUTE), (disk("ZC1"), NOON - DAY))
    assert sight_of(installed(), inventory, now_ms=DONE + 2, seen_within_ms=DAY).sighting is Sighting.SEEN


def test_a_serial_that_was_in_the_machine_long_before_proves_nothing() -> None:
    inventory = seen((disk("ZN1"), NOON - DAY))
    assert sight_of(installed(), inventory, now_ms=DONE + 2, seen_within_ms=DAY).sighting is Sighting.WAITING


def test_a_neighbour_in_another_slot_is_no_wrong_serial() -> None:
    inventory = seen((disk("ZX1", "Bay 4"), DONE + 1), (disk("ZC1"), NOON))
    assert sight_of(installed(), inventory, now_ms=DONE + 2, seen_within_ms=DAY).sighting is Sighting.WAITING


def test_a_part_of_another_kind_with_the_serial_is_none() -> None:
    inventory = seen((Part(component="psu", slot="1", serial="ZN1"), DONE + 1))
    assert sight_of(installed(), inventory, now_ms=DONE + 2, seen_within_ms=DAY).sighting is Sighting.WAITING


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ZN1", "zn1 ", True),
        ("ZN1", "ZN12", False),
        ("Z1Z2345678AB", "Z1Z23456", True),
        ("Z1Z23456", "Z1Z23457", False),
        ("", "ZN1", False),
        ("", "", False),
    ],
)
def test_serials_are_compared_as_controllers_cut_them(one: str, other: str, same: bool) -> None:
    assert same_serial(one, other) is same
    assert same_serial(other, one) is same
