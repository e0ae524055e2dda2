"""What time alone tells about parts: overdue returns, left-over orders, bad parts that are in use again."""

from __future__ import annotations

from dataclasses import replace

from hardcase_collector.domain.asset import Asset
from hardcase_collector.domain.case import Case, CaseAction
from hardcase_collector.domain.spares import OrderFilter, OrderState, OrderStep, PartOrder

from tests.unit.collector.cases.bench import DAY, HOUR, MINUTE, NOON
from tests.unit.collector.parts.bench import Storehouse, disk

WAY = (OrderStep.SHIP, OrderStep.RECEIVE)


def installed(house: Storehouse, asset: Asset) -> tuple[Case, PartOrder]:
    house.receive()
    case = house.case(asset)
    order = house.steps(house.request(case), *WAY)
    return case, house.step(order, OrderStep.INSTALL, serial="ZN1")


def told(house: Storehouse, case: Case, code: str) -> int:
    return house.bench.codes(case).count(code)


def test_an_old_part_that_is_not_back_in_time_is_told_once_and_listed(house: Storehouse) -> None:
    case, order = installed(house, house.bench.asset())
    house.tick(NOON + 10 * DAY)
    assert told(house, case, "part_overdue") == 0
    late = NOON + 10 * DAY + 1
    house.tick(late)
    house.tick(late + DAY)
    assert told(house, case, "part_overdue") == 1
    assert house.facts_of(case, "part_overdue")["old_serial"] == "ZC1"
    with house.bench.store.read() as tx:
        overdue = tx.spares.orders(OrderFilter(overdue_at_ms=late), customer=None)
        assert [one.id for one in overdue] == [order.id]
        assert tx.spares.orders(OrderFilter(overdue_at_ms=late), customer="south") == []


def test_what_is_back_or_stays_is_never_overdue(house: Storehouse) -> None:
    case, order = installed(house, house.bench.asset())
    house.step(order, OrderStep.KEEP)
    house.tick(NOON + 30 * DAY)
    assert told(house, case, "part_overdue") == 0


def test_a_dead_part_that_is_not_sent_back_is_overdue_too(house: Storehouse) -> None:
    house.receive()
    case = house.case()
    house.steps(house.request(case), *WAY, OrderStep.DECLARE_DEAD)
    house.tick(NOON + 11 * DAY)
    assert house.facts_of(case, "part_overdue")["freight"] == "dead"


def test_what_a_case_that_is_over_had_reserved_serves_the_next(house: Storehouse) -> None:
    house.receive(serials=["S1"])
    first = house.request(house.case(house.bench.asset("dell|1")))
    house.bench.act(CaseAction.CANCEL, at=NOON + 1)
    second = house.request(house.case(house.bench.asset("dell|2"), part=disk("ZC2")), at=NOON + 2)
    assert second.state is OrderState.REQUESTED
    house.tick(NOON + MINUTE)
    assert (house.order(first).state, house.order(second).new_serial) == ("cancelled", "S1")


def test_a_bad_part_in_another_machine_of_the_fleet_is_told_once(house: Storehouse) -> None:
    case, _ = installed(house, house.bench.asset("dell|1"))
    other = house.bench.asset("dell|2")
    house.inventory(other, disk("ZC1", "Bay 7"), at=NOON + 40 * DAY)
    house.tick(NOON + 40 * DAY + MINUTE)
    house.tick(NOON + 41 * DAY)
    assert told(house, case, "part_turned_up") == 1
    facts = house.facts_of(case, "part_turned_up")
    assert (facts["serial"], facts["asset"], facts["slot"], facts["same_asset"]) == ("ZC1", "dell|2", "Bay 7", False)


def test_a_part_that_another_machine_had_before_is_not_back(house: Storehouse) -> None:
    case, _ = installed(house, house.bench.asset("dell|1"))
    house.inventory(house.bench.asset("dell|2"), disk("ZC1"), at=NOON - DAY)
    house.tick(NOON + HOUR)
    assert told(house, case, "part_turned_up") == 0


def test_a_bad_part_put_back_into_its_own_machine_is_told(house: Storehouse) -> None:
    asset = house.bench.asset()
    case, _ = installed(house, asset)
    house.inventory(asset, disk("ZN1"), at=NOON + MINUTE)
    house.bench.tick(NOON + 2 * MINUTE)
    house.inventory(asset, disk("ZC1", "Bay 9"), at=NOON + 20 * DAY)
    house.tick(NOON + 20 * DAY + HOUR)
    assert house.facts_of(case, "part_turned_up")["same_asset"] is True


def test_until_the_new_part_is_seen_the_old_one_in_its_machine_is_no_return(house: Storehouse) -> None:
    asset = house.bench.asset()
    case, _ = installed(house, asset)
    house.inventory(asset, disk("ZC1"), at=NOON + MINUTE)
    house.tick(NOON + HOUR)
    assert told(house, case, "part_turned_up") == 0


def test_another_customers_machine_is_not_named_on_the_case(house: Storehouse) -> None:
    case, _ = installed(house, house.bench.asset("dell|1"))
    with house.bench.store.write() as tx:
        first = tx.assets.by_key("dell|1")
        assert first is not None
        other = tx.assets.add(
            key="dell|9",
            basis="serial",
            facts=replace(first.facts, hostname="secret-host"),
            customer="south",
            mode=first.mode,
            joined_ms=NOON,
            live_from_ms=NOON,
        )
    house.inventory(other, disk("ZC1"), at=NOON + DAY)
    house.tick(NOON + 2 * DAY)
    facts = house.facts_of(case, "part_turned_up")
    assert "asset" not in facts
    assert "slot" not in facts
    assert house.audits("part.turned_up")[0]["asset"] == "secret-host"


def test_every_replaced_part_is_looked_for_by_turns(house: Storehouse) -> None:
    case, _ = installed(house, house.bench.asset("dell|1"))
    house.tick(NOON + HOUR)
    house.inventory(house.bench.asset("dell|2"), disk("ZC1"), at=NOON + 400 * DAY)
    house.tick(NOON + 401 * DAY)
    assert told(house, case, "part_turned_up") == 1
