"""What any SpareStore does: depots and whom they serve, catalogue, counts that move once, orders, sightings."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hardcase_collector.domain.asset import Asset, AssetFacts, AssetMode, Part
from hardcase_collector.domain.case import Case, CaseState
from hardcase_collector.domain.errors import IllegalAction, NotAllowed, NotFound, StoreFailed
from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.ports import StateStore, Transaction
from hardcase_collector.domain.priority import Priority
from hardcase_collector.domain.spares import (
    Bucket,
    Depot,
    OrderFilter,
    OrderState,
    PartOrder,
    Service,
    Sighting,
    Spare,
    SpareFit,
    StockLevel,
    TurnedUp,
)

NOON = 1_795_521_600_000
DAY = 86_400_000
DISK = Part(component="disk", slot="Bay 3", model="ST4000", serial="ZC1")


def add_asset(tx: Transaction, key: str = "dell|1", customer: str = "north") -> Asset:
    return tx.assets.add(
        key=key,
        basis="serial",
        facts=AssetFacts(vendor="Dell", serial=key),
        customer=customer,
        mode=AssetMode.LIVE,
        joined_ms=NOON,
        live_from_ms=NOON,
    )


def add_case(tx: Transaction, asset: Asset, part: Part = DISK, **changes: object) -> Case:
    case = Case(
        id=0,
        number="",
        asset=asset.id,
        part=part,
        repair_group="disk",
        state=CaseState.NEW,
        severity=Severity.MAJOR,
        fault_classes=("disk.failed",),
        since_ms=NOON,
        opened_ms=NOON,
        version=1,
    )
    return tx.cases.add(replace(case, **changes))  # type: ignore[arg-type]  # field names given by the test


def an_order(case: Case, **changes: object) -> PartOrder:
    order = PartOrder(
        id=0,
        case=case.id,
        asset=case.asset,
        component="disk",
        slot="3",
        wanted=("A", "B"),
        state=OrderState.REQUESTED,
        requested_ms=NOON,
        requested_by="li",
        old=case.part,
        old_serial=case.part.serial,
    )
    return replace(order, **changes)  # type: ignore[arg-type]  # field names given by the test


def stocked(tx: Transaction, count: int = 2, *serials: str) -> None:
    for name in ("sh", "bj"):
        tx.spares.save_depot(Depot(name=name))
    for number in ("A", "B"):
        tx.spares.save_spare(Spare(part_number=number, component="disk"))
    tx.spares.receive("sh", "A", count=count, serials=serials)


def turned_up(tx: Transaction) -> list[TurnedUp]:
    """In portions of one, so that each is looked at once."""
    found: list[TurnedUp] = []
    after = 0
    for _ in range(100):
        more, after = tx.spares.turned_up(after=after, limit=1)
        found.extend(more)
        if not after:
            return found
    raise AssertionError("it never ends")


class SpareContract:
    def test_depots_serve_sites_in_their_order_and_only_their_own_customers(self, store: StateStore) -> None:
        with store.write() as tx:
            for name, owner in (("sh", ""), ("bj", ""), ("own", "north"), ("theirs", "south")):
                tx.spares.save_depot(Depot(name=name, country="CN", customer=owner))
            for depot, site, rank, minutes in (
                ("bj", "", 2, 500),
                ("bj", "s1", 3, 90),
                ("sh", "s1", 1, 45),
                ("own", "", 1, 5),
                ("theirs", "", 1, 1),
            ):
                service = Service(depot=depot, customer="north", site=site, rank=rank, travel_minutes=minutes)
                tx.spares.save_service(service)
        with store.read() as tx:
            serving = tx.spares.serving(customer="north", site="s1")
            assert [(depot.name, service.travel_minutes) for depot, service in serving] == [
                ("own", 5),
                ("sh", 45),
                ("bj", 90),
            ]
            elsewhere = tx.spares.serving(customer="north", site="s2")
            assert [depot.name for depot, _ in elsewhere] == ["own", "bj"]
            assert tx.spares.serving(customer="south", site="s1") == []
            assert [depot.name for depot in tx.spares.depots(customer="north")] == ["own"]
            assert len(tx.spares.depots(customer=None)) == 4
            assert len(tx.spares.services(customer="north")) == 5
            assert tx.spares.depot("nope") is None

    def test_a_service_that_is_dropped_serves_no_more(self, store: StateStore) -> None:
        service = Service(depot="sh", customer="north", site="", rank=1, travel_minutes=5)
        with store.write() as tx:
            tx.spares.save_depot(Depot(name="sh"))
            tx.spares.save_service(service)
            tx.spares.drop_service(service)
        with store.read() as tx:
            assert tx.spares.serving(customer="north", site="") == []

    def test_the_catalogue_keeps_spares_and_tells_twins_from_both_sides(self, store: StateStore) -> None:
        spare = Spare(
            part_number="A",
            component="disk",
            title="4 TB",
            vendor="Dell",
            interchangeable=("C", "B"),
            warranty_days=90,
            return_days=10,
        )
        with store.write() as tx:
            tx.spares.save_spare(replace(spare, title="old", interchangeable=("X",)))
            tx.spares.save_spare(spare)
            tx.spares.save_spare(Spare(part_number="D", component="disk", interchangeable=("A",)))
        with store.read() as tx:
            assert tx.spares.spare("A") == spare
            assert tx.spares.spare("B") is None
            assert tx.spares.interchangeable("A") == ["C", "B", "D"]
            assert tx.spares.interchangeable("B") == ["A"]
            assert [one.part_number for one in tx.spares.spares()] == ["A", "D"]

    def test_a_fit_is_kept_once_and_dropped_whole(self, store: StateStore) -> None:
        fit = SpareFit(spare="A", component="disk", vendor="Dell", part_model="ST*")
        with store.write() as tx:
            tx.spares.save_spare(Spare(part_number="A", component="disk"))
            tx.spares.save_fit(fit)
            tx.spares.save_fit(fit)
            tx.spares.save_fit(replace(fit, vendor=""))
            assert tx.spares.fits(component="disk") == [fit, replace(fit, vendor="")]
            assert tx.spares.fits(component="fan") == []
            tx.spares.drop_fit(fit)
            assert tx.spares.fits(component=None) == [replace(fit, vendor="")]

    def test_a_count_moves_only_where_there_is_one(self, store: StateStore) -> None:
        with store.write() as tx:
            stocked(tx, 1)
            assert tx.spares.shift("sh", "A", Bucket.FREE, Bucket.RESERVED) is True
            assert tx.spares.shift("sh", "A", Bucket.FREE, Bucket.RESERVED) is False
            assert tx.spares.shift("bj", "A", Bucket.FREE, Bucket.RESERVED) is False
            line = tx.spares.stock_line("sh", "A")
            assert line is not None
            assert (line.free, line.reserved, line.received) == (0, 1, 1)
            assert tx.spares.stock_line("bj", "A") is None

    def test_a_count_below_zero_or_a_part_in_no_place_is_refused_by_the_tables(self, store: StateStore) -> None:
        with store.write() as tx:
            stocked(tx, 1)
        with pytest.raises(StoreFailed), store.write() as tx:
            tx.spares.receive("sh", "A", count=-2, serials=[])
        with store.read() as tx:
            line = tx.spares.stock_line("sh", "A")
        assert line is not None
        assert line.free == 1

    def test_marks_and_levels_are_listed_while_low(self, store: StateStore) -> None:
        with store.write() as tx:
            stocked(tx, 1)
            tx.spares.set_marks("sh", "A", minimum=2, reorder_point=3)
            tx.spares.set_marks("bj", "B", minimum=1, reorder_point=0)
            tx.spares.set_level("sh", "A", StockLevel.LOW)
        with store.read() as tx:
            (line,) = tx.spares.low_stock(customer=None)
            assert (line.minimum, line.reorder_point, line.level) == (2, 3, StockLevel.LOW)
            assert tx.spares.low_stock(customer="north") == []
            assert [(one.depot, one.part_number) for one in tx.spares.stock(customer=None)] == [
                ("bj", "B"),
                ("sh", "A"),
            ]
            assert [one.depot for one in tx.spares.stock(customer=None, depot="sh", part_number="A")] == ["sh"]

    def test_one_part_is_in_one_order(self, store: StateStore) -> None:
        with store.write() as tx:
            stocked(tx, 2, "S1")
            case = add_case(tx, add_asset(tx))
            first, second = tx.spares.add_order(an_order(case)), tx.spares.add_order(an_order(case))
            held = tx.spares.hold_unit("sh", "A", order=first.id)
            assert held is not None
            assert (held.serial, held.order) == ("S1", first.id)
            assert tx.spares.hold_unit("sh", "A", order=second.id) is None
            with pytest.raises(NotAllowed, match=f"part order {first.id}"):
                tx.spares.name_unit("sh", "A", "S1", order=second.id)
            tx.spares.name_unit("sh", "A", "S2", order=second.id)
            assert {unit.serial: unit.order for unit in tx.spares.units(customer=None)} == {
                "S1": first.id,
                "S2": second.id,
            }
            assert tx.spares.withdraw_unit("A", "S1") is False
            tx.spares.free_unit(first.id, depot="sh")
            assert tx.spares.unit_of(first.id) is None
            assert tx.spares.withdraw_unit("A", "S1") is True

    def test_a_serial_in_another_depot_is_not_the_part_in_hand(self, store: StateStore) -> None:
        with store.write() as tx:
            stocked(tx, 1)
            tx.spares.receive("bj", "A", count=1, serials=["S9"])
            order = tx.spares.add_order(an_order(add_case(tx, add_asset(tx))))
            with pytest.raises(NotAllowed, match="lies in depot bj"):
                tx.spares.name_unit("sh", "A", "S9", order=order.id)

    def test_a_serial_the_books_had_wrong_is_renamed(self, store: StateStore) -> None:
        with store.write() as tx:
            stocked(tx, 1, "S1")
            order = tx.spares.add_order(an_order(add_case(tx, add_asset(tx))))
            tx.spares.hold_unit("sh", "A", order=order.id)
            tx.spares.name_unit("sh", "A", "S1-REAL", order=order.id)
            assert [(one.serial, one.order) for one in tx.spares.units(customer=None)] == [("S1-REAL", order.id)]

    def test_an_order_is_kept_whole_and_saved_once_from_a_state(self, store: StateStore) -> None:
        with store.write() as tx:
            stocked(tx)
            case = add_case(tx, add_asset(tx))
            order = tx.spares.add_order(an_order(case))
            full = replace(
                order,
                state=OrderState.INSTALLED,
                depot="sh",
                part_number="A",
                new_serial="N1",
                installed_ms=NOON,
                installed_by="wei",
                due_back_ms=NOON + DAY,
                look_ms=NOON,
                tracking="SF1",
                replaces=order.id,
                warranty_until="2027-01-01",
                sighting=Sighting.SEEN,
                sighted_ms=NOON + 1,
                sighted_serial="N1",
            )
            tx.spares.save_order(full, was=OrderState.REQUESTED)
            assert tx.spares.order(order.id, customer=None) == full
            with pytest.raises(IllegalAction, match="no longer requested"):
                tx.spares.save_order(full, was=OrderState.REQUESTED)

    def test_orders_are_listed_within_a_scope(self, store: StateStore) -> None:
        with store.write() as tx:
            stocked(tx)
            north = add_case(tx, add_asset(tx))
            south = add_case(tx, add_asset(tx, "dell|2", "south"))
            first, second = tx.spares.add_order(an_order(north)), tx.spares.add_order(an_order(south))
            late = replace(second, state=OrderState.INSTALLED, due_back_ms=NOON, depot="sh", installed_ms=NOON - 1)
            tx.spares.save_order(late, was=OrderState.REQUESTED)
        with store.read() as tx:
            every = OrderFilter()
            assert [one.id for one in tx.spares.orders(every, customer=None)] == [second.id, first.id]
            assert [one.id for one in tx.spares.orders(every, customer="north")] == [first.id]
            with pytest.raises(NotFound):
                tx.spares.order(second.id, customer="north")
            assert [one.id for one in tx.spares.orders(OrderFilter(case=south.id), customer=None)] == [second.id]
            assert [one.id for one in tx.spares.orders(OrderFilter(depot="sh"), customer=None)] == [second.id]
            requested = OrderFilter(states=(OrderState.REQUESTED,), limit=1)
            assert [one.id for one in tx.spares.orders(requested, customer=None)] == [first.id]
            overdue = OrderFilter(overdue_at_ms=NOON + 1)
            assert [one.id for one in tx.spares.orders(overdue, customer=None)] == [second.id]
            assert tx.spares.orders(overdue, customer="north") == []
            assert [one.id for one in tx.spares.overdue(NOON + 1, limit=5)] == [second.id]
            assert tx.spares.overdue(NOON, limit=5) == []

    def test_who_waits_is_told_by_priority_then_age(self, store: StateStore) -> None:
        with store.write() as tx:
            stocked(tx)
            asset = add_asset(tx)
            urgent = (Priority.P3, Priority.P1, Priority.P3)
            cases = [
                add_case(tx, asset, replace(DISK, serial=f"Z{number}"), priority=priority)
                for number, priority in enumerate(urgent)
            ]
            orders = [
                tx.spares.add_order(an_order(case, requested_ms=NOON - number)) for number, case in enumerate(cases)
            ]
            only_b = tx.spares.add_order(an_order(cases[0], wanted=("B",)))
            tx.spares.save_order(replace(only_b, state=OrderState.CANCELLED), was=OrderState.REQUESTED)
        with store.read() as tx:
            waiting = [one.id for one in tx.spares.waiting_for("A", limit=9)]
            assert waiting == [orders[1].id, orders[2].id, orders[0].id]
            assert [one.id for one in tx.spares.waiting_for("B", limit=1)] == [orders[1].id]
            assert tx.spares.waiting_for("C", limit=9) == []

    def test_what_has_to_be_looked_for_is_found_when_due(self, store: StateStore) -> None:
        with store.write() as tx:
            stocked(tx)
            asset = add_asset(tx)
            case = add_case(tx, asset)
            order = tx.spares.add_order(an_order(case, state=OrderState.INSTALLED, installed_ms=NOON, look_ms=NOON))
            assert [one.id for one in tx.spares.to_look_for(NOON, limit=5)] == [order.id]
            assert tx.spares.to_look_for(NOON - 1, limit=5) == []
            tx.spares.save_order(replace(order, look_ms=0), was=OrderState.INSTALLED)
            assert tx.spares.to_look_for(NOON + DAY, limit=5) == []

    def test_replacements_of_an_asset_and_of_a_slot_come_newest_first(self, store: StateStore) -> None:
        with store.write() as tx:
            stocked(tx)
            case = add_case(tx, add_asset(tx))
            made = [
                tx.spares.add_order(an_order(case, slot=slot, state=OrderState.INSTALLED, installed_ms=at))
                for slot, at in (("3", NOON), ("3", NOON + 1), ("4", NOON + 2), ("3", 0))
            ]
            everywhere = [one.id for one in tx.spares.replaced(case.asset)]
            assert everywhere == [made[2].id, made[1].id, made[0].id]
            there = tx.spares.replaced(case.asset, component="disk", slot="3")
            assert [one.id for one in there] == [made[1].id, made[0].id]

    def test_orders_of_cases_that_are_over_are_left_over(self, store: StateStore) -> None:
        with store.write() as tx:
            stocked(tx)
            case = add_case(tx, add_asset(tx))
            order = tx.spares.add_order(an_order(case))
            tx.spares.add_order(an_order(case, state=OrderState.SHIPPED))
            assert tx.spares.left_over(limit=5) == []
            tx.cases.save(replace(case, state=CaseState.CLOSED, closed_ms=NOON))
            assert [one.id for one in tx.spares.left_over(limit=5)] == [order.id]

    def test_a_replaced_part_that_any_inventory_tells_again_has_turned_up(self, store: StateStore) -> None:
        with store.write() as tx:
            stocked(tx)
            asset, other = add_asset(tx), add_asset(tx, "dell|2")
            order = tx.spares.add_order(
                an_order(add_case(tx, asset), state=OrderState.INSTALLED, installed_ms=NOON, new_serial="N1")
            )
            tx.assets.save_inventory(other.id, "disks", 0, [DISK], NOON - 1)
            tx.assets.save_inventory(asset.id, "disks", 0, [DISK], NOON + 5)
            assert turned_up(tx) == []
            tx.assets.save_inventory(other.id, "disks", 0, [replace(DISK, slot="Bay 9")], NOON + 9)
            (found,) = turned_up(tx)
            assert (found.order.id, found.asset, found.part.slot, found.seen_ms) == (
                order.id,
                other.id,
                "Bay 9",
                NOON + 9,
            )
            tx.spares.save_order(replace(order, back_told_ms=NOON + 9), was=OrderState.INSTALLED)
            assert turned_up(tx) == []

    def test_in_its_own_machine_a_part_turns_up_only_after_the_new_one_was_seen(self, store: StateStore) -> None:
        with store.write() as tx:
            stocked(tx)
            asset = add_asset(tx)
            order = tx.spares.add_order(
                an_order(
                    add_case(tx, asset),
                    state=OrderState.INSTALLED,
                    installed_ms=NOON,
                    sighting=Sighting.SEEN,
                    sighted_ms=NOON + 10,
                )
            )
            tx.assets.save_inventory(asset.id, "disks", 0, [DISK], NOON + 9)
            assert turned_up(tx) == []
            tx.assets.save_inventory(asset.id, "disks", 0, [DISK], NOON + 11)
            assert [one.order.id for one in turned_up(tx)] == [order.id]
