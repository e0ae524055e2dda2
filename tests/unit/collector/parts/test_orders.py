"""Part orders: reserved from the right depot, once; what each step writes; cases that wait for a part."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.case import CaseAction, Waiting
from hardcase_collector.domain.errors import IllegalAction, NotAllowed, NotFound
from hardcase_collector.domain.priority import Priority
from hardcase_collector.domain.spares import Depot, Freight, OrderState, OrderStep, Service

from tests.unit.collector.cases.bench import DAY, HOUR, MINUTE, NOON
from tests.unit.collector.parts.bench import FAR, LI, NEAR, NUMBER, OTHER, TWIN, WEI, Storehouse, disk

WAY = (OrderStep.SHIP, OrderStep.RECEIVE)


def test_a_part_is_reserved_at_the_nearest_depot_that_has_one(house: Storehouse) -> None:
    house.receive(FAR, count=3)
    house.receive(NEAR, count=1, serials=["S1"])
    order = house.request(house.case())
    assert (order.state, order.depot, order.part_number, order.new_serial) == ("reserved", NEAR, NUMBER, "S1")
    assert (house.line().free, house.line().reserved) == (0, 1)
    assert house.line(FAR).free == 3


def test_a_depot_that_meets_the_clock_goes_before_a_nearer_rank_that_does_not(house: Storehouse) -> None:
    with house.bench.store.write() as tx:
        tx.spares.save_service(Service(depot=NEAR, customer="north", site="", rank=1, travel_minutes=300))
        tx.spares.save_service(Service(depot=FAR, customer="north", site="", rank=2, travel_minutes=60))
    house.receive(NEAR)
    house.receive(FAR)
    house.due_ms = NOON + 4 * HOUR
    case = house.case()
    assert house.request(case).depot == FAR
    assert house.facts_of(case, "part_reserved")["meets_clock"] is True


def test_where_no_depot_meets_the_clock_the_nearest_sends_all_the_same(house: Storehouse) -> None:
    house.receive(FAR)
    house.due_ms = NOON + HOUR
    case = house.case()
    assert house.request(case).depot == FAR
    assert house.facts_of(case, "part_reserved")["meets_clock"] is False


def test_an_interchangeable_part_does_where_the_number_itself_is_out(house: Storehouse) -> None:
    house.receive(NEAR, TWIN)
    assert house.request(house.case()).part_number == TWIN


def test_a_dedicated_store_gives_nothing_to_others(house: Storehouse) -> None:
    with house.bench.store.write() as tx:
        tx.spares.save_depot(Depot(name="own", customer="south"))
        tx.spares.save_service(Service(depot="own", customer="north", site="", rank=1, travel_minutes=1))
        tx.spares.save_service(Service(depot="own", customer="south", site="", rank=1, travel_minutes=1))
    house.receive("own")
    assert house.request(house.case()).state is OrderState.REQUESTED


def test_a_part_that_nothing_fits_is_refused_unless_its_number_is_named(house: Storehouse) -> None:
    asset = house.bench.asset()
    odd = Part(component="disk", slot="4", model="UNKNOWN", serial="U1")
    case = house.case(asset, part=odd)
    with pytest.raises(IllegalAction, match="no spare of the catalogue fits UNKNOWN"):
        house.request(case)
    with pytest.raises(NotFound, match="no spare NOPE"):
        house.request(case, part_number="NOPE")
    house.receive(NEAR, OTHER)
    assert house.request(case, part_number=OTHER).part_number == OTHER


def test_a_drill_gets_no_part(house: Storehouse) -> None:
    house.receive()
    case = house.case(house.bench.asset("rehearsal|1"))
    assert case.rehearsal
    with pytest.raises(IllegalAction, match="drill"):
        house.request(case)
    assert house.line().free == 1


def test_a_closed_case_gets_no_part(house: Storehouse) -> None:
    case = house.case()
    house.bench.act(CaseAction.CANCEL)
    with pytest.raises(IllegalAction, match="cancelled: it needs no part"):
        house.request(case)


def test_without_stock_the_case_waits_and_its_clocks_pause(house: Storehouse) -> None:
    case = house.case()
    order = house.request(case)
    assert order.state is OrderState.REQUESTED
    assert house.fresh(case).waiting is Waiting.PART
    assert house.facts_of(case, "paused")["reason"] == "waiting_for_part"


def test_a_plan_that_allows_no_pause_lets_the_clocks_run(house: Storehouse) -> None:
    house.pausable = False
    case = house.case()
    house.request(case)
    codes = house.bench.codes(case)
    assert house.fresh(case).waiting is Waiting.PART
    assert "part_short" in codes
    assert "paused" not in codes
    house.receive(at=NOON + HOUR)
    assert house.fresh(case).waiting is Waiting.NOTHING
    assert "resumed" not in house.bench.codes(case)


def test_a_part_that_comes_goes_to_the_higher_priority_then_to_the_older_order(house: Storehouse) -> None:
    cases = [house.case(house.bench.asset(f"dell|{number}"), part=disk(f"Z{number}")) for number in range(3)]
    with house.bench.store.write() as tx:
        urgent = tx.cases.get(cases[2].id)

        tx.cases.save(replace(urgent, priority=Priority.P1))
    orders = [house.request(case, at=NOON + index) for index, case in enumerate(cases)]
    house.receive(count=1, at=NOON + HOUR)
    assert [house.order(order).state for order in orders] == ["requested", "requested", "reserved"]
    house.receive(count=1, at=NOON + 2 * HOUR)
    assert [house.order(order).state for order in orders] == ["reserved", "requested", "reserved"]
    resumed = house.fresh(cases[0])
    assert (resumed.waiting, house.bench.codes(resumed)[-1]) == (Waiting.NOTHING, "resumed")
    assert house.fresh(cases[1]).waiting is Waiting.PART


def test_a_case_with_two_orders_waits_until_neither_does(house: Storehouse) -> None:
    case = house.case()
    house.request(case)
    house.request(case, part_number=OTHER)
    house.receive(at=NOON + 1)
    assert house.fresh(case).waiting is Waiting.PART
    house.receive(NEAR, OTHER, at=NOON + 2)
    assert house.fresh(case).waiting is Waiting.NOTHING


def test_cancelling_what_is_waited_for_lets_the_case_go_on(house: Storehouse) -> None:
    case = house.case()
    order = house.request(case)
    house.step(order, OrderStep.CANCEL, at=NOON + 1)
    assert house.fresh(case).waiting is Waiting.NOTHING
    assert house.bench.codes(case)[-2:] == ["part_cancelled", "resumed"]


def test_a_cancelled_reservation_serves_the_next_who_waits(house: Storehouse) -> None:
    house.receive(serials=["S1"])
    first = house.request(house.case(house.bench.asset("dell|1")))
    second = house.request(house.case(house.bench.asset("dell|2"), part=disk("ZC2")))
    assert second.state is OrderState.REQUESTED
    house.step(first, OrderStep.CANCEL, at=NOON + 1)
    taken = house.order(second)
    assert (taken.state, taken.new_serial) == ("reserved", "S1")


def test_a_case_that_waits_for_its_vendor_still_does_when_a_part_is_short(house: Storehouse) -> None:

    case = house.case()
    with house.bench.store.write() as tx:
        tx.cases.save(replace(tx.cases.get(case.id), waiting=Waiting.VENDOR))
    house.request(case)
    assert house.fresh(case).waiting is Waiting.VENDOR
    house.receive(at=NOON + 1)
    assert house.fresh(case).waiting is Waiting.VENDOR


def test_a_reservation_tried_again_says_what_is_short(house: Storehouse) -> None:
    order = house.request(house.case())
    with pytest.raises(IllegalAction, match=f"has none of {NUMBER}, {TWIN} free"):
        house.step(order, OrderStep.RESERVE)


def test_a_part_may_be_asked_of_one_depot_alone(house: Storehouse) -> None:
    house.receive(NEAR)
    house.receive(FAR)
    assert house.request(house.case(), depot=FAR).depot == FAR


def test_from_the_depot_into_the_machine_the_counts_follow(house: Storehouse) -> None:
    house.receive(count=2)
    order = house.request(house.case())
    places = []
    for step in (*WAY, OrderStep.INSTALL, OrderStep.SEND_BACK, OrderStep.RECEIVE_BACK):
        house.step(order, step, serial="S9" if step is OrderStep.INSTALL else "")
        line = house.line()
        places.append((line.free, line.reserved, line.in_transit, line.at_site, line.installed))
    assert places == [(1, 0, 1, 0, 0), (1, 0, 0, 1, 0), (1, 0, 0, 0, 1), (1, 0, 0, 0, 1), (1, 0, 0, 0, 1)]
    done = house.order(order)
    assert (done.state, done.new_serial, done.old_serial) == ("return_received", "S9", "ZC1")


def test_an_installed_part_has_its_warranty_and_the_old_one_a_day_to_be_back(house: Storehouse) -> None:
    house.receive()
    case = house.case()
    order = house.steps(house.request(case), *WAY)
    done = house.step(order, OrderStep.INSTALL, serial="S9", by=WEI)
    assert (done.installed_by, done.installed_ms, done.due_back_ms) == ("wei", NOON, NOON + 10 * DAY)
    assert done.warranty_until == "2027-11-24"
    told = house.facts_of(case, "part_installed")
    assert (told["new_serial"], told["old_serial"], told["slot"]) == ("S9", "ZC1", "Bay 3")


def test_the_engineer_may_find_another_old_serial_than_the_case_told(house: Storehouse) -> None:
    house.receive()
    order = house.steps(house.request(house.case()), *WAY)
    done = house.step(order, OrderStep.INSTALL, serial="S9", old_serial="ZC7")
    assert (done.old_serial, done.old.serial) == ("ZC7", "ZC7")


def test_old_and_new_serial_cannot_be_one(house: Storehouse) -> None:
    house.receive()
    order = house.steps(house.request(house.case()), *WAY)
    with pytest.raises(IllegalAction, match="cannot have the serial of the old one"):
        house.step(order, OrderStep.INSTALL, serial="ZC1")


def test_one_serial_is_in_one_order(house: Storehouse) -> None:
    house.receive(count=2, serials=["S1", "S2"])
    first = house.request(house.case(house.bench.asset("dell|1")))
    second = house.request(house.case(house.bench.asset("dell|2"), part=disk("ZC2")))
    assert {first.new_serial, second.new_serial} == {"S1", "S2"}
    with pytest.raises(NotAllowed, match=f"serial {first.new_serial} .* is in part order {first.id}"):
        house.step(second, OrderStep.SHIP, serial=first.new_serial)
    assert house.order(second).state is OrderState.RESERVED


def test_a_free_serial_may_be_taken_in_place_of_the_one_reserved(house: Storehouse) -> None:
    house.receive(count=2, serials=["S1", "S2"])
    order = house.request(house.case())
    assert house.step(order, OrderStep.SHIP, serial="S2").new_serial == "S2"
    with house.bench.store.read() as tx:
        assert {unit.serial: unit.order for unit in tx.spares.units(customer=None)} == {"S1": None, "S2": order.id}


def test_a_serial_that_the_books_had_wrong_is_put_right_by_the_part_in_hand(house: Storehouse) -> None:
    house.receive(serials=["S1"])
    order = house.step(house.request(house.case()), OrderStep.SHIP, serial="S1X")
    with house.bench.store.read() as tx:
        assert [(unit.serial, unit.order) for unit in tx.spares.units(customer=None)] == [("S1X", order.id)]


def test_a_part_dead_on_arrival_goes_back_and_another_is_asked_for(house: Storehouse) -> None:
    house.receive(count=2, serials=["S1", "S2"])
    case = house.case()
    order = house.steps(house.request(case), *WAY)
    dead = house.step(order, OrderStep.DECLARE_DEAD)
    assert (dead.state, dead.freight, dead.due_back_ms) == ("dead_on_arrival", Freight.DEAD, NOON + 10 * DAY)
    _, again = house.orders_of(case)
    assert (again.state, again.replaces, again.new_serial) == ("reserved", order.id, "S2")
    line = house.line()
    assert (line.free, line.reserved, line.returned) == (0, 1, 1)


def test_a_part_that_fails_its_test_counts_as_never_installed(house: Storehouse) -> None:
    house.receive(count=1, serials=["S1"])
    case = house.case()
    order = house.steps(house.request(case), *WAY, OrderStep.INSTALL)
    dead = house.step(order, OrderStep.DECLARE_DEAD)
    assert (dead.installed_ms, dead.warranty_until) == (0, "")
    assert house.orders_of(case)[1].state is OrderState.REQUESTED
    assert house.fresh(case).waiting is Waiting.PART


def test_a_part_lost_on_its_way_is_replaced_and_may_be_found(house: Storehouse) -> None:
    house.receive(count=2)
    case = house.case()
    order = house.step(house.request(case), OrderStep.SHIP, tracking="SF100")
    lost = house.step(order, OrderStep.LOSE)
    assert (lost.state, house.line().lost) == ("missing", 1)
    assert house.orders_of(case)[1].state is OrderState.RESERVED
    found = house.step(lost, OrderStep.RECEIVE)
    back = house.steps(found, OrderStep.SEND_BACK, OrderStep.RECEIVE_BACK)
    assert (back.state, back.freight) == ("return_received", Freight.UNUSED)
    assert (house.line().free, house.line().lost) == (1, 0)


def test_a_lost_old_part_asks_for_no_new_one(house: Storehouse) -> None:
    house.receive()
    case = house.case()
    order = house.steps(house.request(case), *WAY, OrderStep.INSTALL)
    lost = house.step(order, OrderStep.LOSE)
    assert (lost.state, lost.due_back_ms, len(house.orders_of(case))) == ("missing", 0, 1)


def test_a_disk_with_data_may_stay_with_the_customer(house: Storehouse) -> None:
    house.receive()
    case = house.case()
    order = house.steps(house.request(case), *WAY, OrderStep.INSTALL)
    kept = house.step(order, OrderStep.KEEP, reason="data")
    assert (kept.state, kept.due_back_ms) == ("kept_by_customer", 0)
    assert house.facts_of(case, "part_kept")["reason"] == "data"


def test_an_order_is_over_once_nothing_is_owed_on_it(house: Storehouse) -> None:
    house.receive(count=2)
    asset = house.bench.asset()
    order = house.steps(house.request(house.case(asset)), *WAY, OrderStep.INSTALL)
    assert order.ended_ms == 0
    assert house.step(order, OrderStep.KEEP, at=NOON + 1).ended_ms == NOON + 1
    house.receive(NEAR, TWIN)
    case = house.case(asset, part=disk("ZC9", "Bay 9"))
    whole = house.steps(house.request(case, part_number=TWIN, depot=NEAR), *WAY, OrderStep.INSTALL)
    assert (whole.part_number, whole.due_back_ms, whole.ended_ms) == (TWIN, 0, NOON)
    assert house.step(whole, OrderStep.SEND_BACK).ended_ms == 0


def test_serials_entered_wrong_are_put_right_and_looked_for_anew(house: Storehouse) -> None:
    house.receive()
    order = house.step(house.steps(house.request(house.case()), *WAY), OrderStep.INSTALL, serial="S9")
    with house.bench.store.write() as tx:
        house.orders.correct(tx, order.id, by=LI, now_ms=NOON + HOUR, new_serial="S8")
    corrected = house.order(order)
    assert (corrected.new_serial, corrected.look_ms) == ("S8", NOON + HOUR)


def test_nothing_is_put_right_before_it_was_installed(house: Storehouse) -> None:
    house.receive()
    order = house.request(house.case())
    with house.bench.store.write() as tx, pytest.raises(IllegalAction, match="nothing was installed"):
        house.orders.correct(tx, order.id, by=LI, now_ms=NOON, new_serial="S8")


def test_a_step_taken_twice_is_refused_the_second_time(house: Storehouse) -> None:
    house.receive()
    order = house.step(house.request(house.case()), OrderStep.SHIP)
    with pytest.raises(IllegalAction, match="is shipped and cannot ship: it can receive, lose"):
        house.step(order, OrderStep.SHIP)


def test_who_may_not_is_refused(house: Storehouse) -> None:
    house.receive()
    case = house.case()
    viewer = Actor(name="vi", role=Role.VIEWER, customer=None)
    with pytest.raises(NotAllowed, match="vi"):
        house.request(case, by=viewer)
    order = house.request(case)
    dispatcher = Actor(name="di", role=Role.DISPATCHER, customer=None)
    order = house.steps(order, *WAY)
    with pytest.raises(NotAllowed, match="may not install part"):
        house.step(order, OrderStep.INSTALL, by=dispatcher)
    assert OrderStep.INSTALL not in house.orders.legal(order, by=dispatcher)
    assert OrderStep.INSTALL in house.orders.legal(order, by=WEI)


def test_another_customers_order_is_not_found(house: Storehouse) -> None:
    house.receive()
    case = house.case()
    order = house.request(case)
    stranger = Actor(name="so", role=Role.MANAGER, customer="south")
    with pytest.raises(NotFound, match=f"no part order {order.id}"):
        house.step(order, OrderStep.SHIP, by=stranger)
    with pytest.raises(NotFound, match="no case"):
        house.request(case, by=stranger)


def test_a_case_has_a_bounded_number_of_open_orders(house: Storehouse) -> None:
    case = house.case()
    for _ in range(20):
        house.request(case)
    with pytest.raises(IllegalAction, match="20 open part orders"):
        house.request(case)


def test_every_step_is_a_version_of_the_case(house: Storehouse) -> None:
    house.receive()
    case = house.case()
    house.steps(house.request(case), *WAY, OrderStep.INSTALL)
    with house.bench.store.read() as tx:
        versions = [entry.version for entry in tx.cases.timeline(case.id)]
    assert versions == list(range(1, len(versions) + 1))
    assert house.fresh(case).version == versions[-1]


@pytest.mark.parametrize("minutes", [1, 600])
def test_travel_is_told_with_the_reservation(house: Storehouse, minutes: int) -> None:
    with house.bench.store.write() as tx:
        tx.spares.save_service(Service(depot=NEAR, customer="north", site="", rank=1, travel_minutes=minutes))
    house.receive()
    house.due_ms = NOON + 30 * MINUTE
    case = house.case()
    house.request(case)
    told = house.facts_of(case, "part_reserved")
    assert (told["travel_minutes"], told["meets_clock"]) == (minutes, minutes == 1)
