"""What lies in the depots: goods in, out, counted; told once when it runs low."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.errors import IllegalAction, NotAllowed, NotFound, StoreFailed
from hardcase_collector.domain.spares import Bucket, Depot, OrderState, OrderStep, StockLevel, StockLine

from tests.unit.collector.cases.bench import NOON
from tests.unit.collector.parts.bench import FAR, LI, NEAR, NUMBER, WEI, Storehouse, disk


def mark(house: Storehouse, minimum: int, reorder: int) -> StockLine:
    with house.bench.store.write() as tx:
        return house.stock.mark(tx, NEAR, NUMBER, minimum=minimum, reorder_point=reorder, by=LI, now_ms=NOON)


def withdraw(house: Storehouse, count: int, serials: Sequence[str] = (), reason: str = "scrapped") -> StockLine:
    with house.bench.store.write() as tx:
        return house.stock.withdraw(tx, NEAR, NUMBER, count=count, serials=serials, reason=reason, by=LI, now_ms=NOON)


def count(house: Storehouse, free: int, *serials: str) -> StockLine:
    with house.bench.store.write() as tx:
        return house.stock.count(tx, NEAR, NUMBER, free=free, serials=serials, by=LI, now_ms=NOON)


def free_serials(house: Storehouse) -> list[str]:
    with house.bench.store.read() as tx:
        return [unit.serial for unit in tx.spares.units(customer=None) if unit.order is None]


def levels(house: Storehouse) -> list[object]:
    return [one["level"] for one in reversed(house.audits("stock.low"))]


def told(house: Storehouse) -> list[str]:
    return [str(news.line.level) for news in house.bench.announcements.stock]


def test_a_part_of_another_depot_leaves_no_books_but_its_own(house: Storehouse) -> None:
    house.receive(serials=["S1"])
    house.receive(depot=FAR, count=2, serials=["S2"])
    with (
        house.bench.store.write() as tx,
        pytest.raises(IllegalAction, match=f"S1 of {NUMBER} is not free in the books of {FAR}"),
    ):
        house.stock.withdraw(tx, FAR, NUMBER, count=2, serials=["S1"], reason="scrapped", by=LI, now_ms=NOON)


def test_channels_hear_of_each_fall_and_of_its_end_once(house: Storehouse) -> None:
    house.receive(count=4)
    mark(house, 2, 3)
    assert told(house) == []
    withdraw(house, 1)
    withdraw(house, 2)
    withdraw(house, 1)
    assert told(house) == ["reorder", "low"]
    house.receive(count=2)
    assert told(house) == ["reorder", "low"], "at the reorder point it still has to be ordered"
    house.receive(count=3)
    assert told(house) == ["reorder", "low", ""]
    last = house.bench.announcements.stock[-1]
    assert (last.line.depot, last.line.part_number, last.line.free, last.line.reorder_point) == (NEAR, NUMBER, 5, 3)
    assert [news.line.told for news in house.bench.announcements.stock] == [1, 2, 4]


def test_a_reservation_that_makes_stock_low_is_told_to_channels(house: Storehouse) -> None:
    house.receive(count=2)
    mark(house, 2, 0)
    order = house.request(house.case())
    assert told(house) == ["low"]
    house.step(order, OrderStep.CANCEL)
    assert told(house) == ["low", ""]


def test_a_part_that_who_waits_takes_at_once_fills_no_stock(house: Storehouse) -> None:
    mark(house, 1, 0)
    order = house.request(house.case())
    assert told(house) == ["low"]
    house.receive(count=1)
    assert house.order(order).state is OrderState.RESERVED
    assert told(house) == ["low"]


def test_one_stocktaking_may_tell_twice_in_the_same_moment(house: Storehouse) -> None:
    house.receive(count=2, serials=["A", "B"])
    mark(house, 2, 0)
    count(house, 2, "A", "C")
    assert told(house) == ["low", ""]


def test_what_comes_in_is_free_and_written_down(house: Storehouse) -> None:
    line = house.receive(count=3, serials=["S1", " S2 "])
    assert (line.free, line.received) == (3, 3)
    assert free_serials(house) == ["S1", "S2"]
    assert house.audits("stock.received")[0]["serials"] == "S1, S2"


def test_a_serial_comes_in_once(house: Storehouse) -> None:
    house.receive(serials=["S1"])
    with pytest.raises(NotAllowed, match=r"serial S1 .* in the books already"):
        house.receive(serials=["S1"])
    with pytest.raises(IllegalAction, match="given twice"):
        house.receive(count=2, serials=["S2", "S2"])
    assert house.line().free == 1


@pytest.mark.parametrize(("count_", "serials"), [(0, []), (1, ["A", "B"]), (100_001, []), (-1, [])])
def test_a_delivery_of_nothing_or_too_much_is_refused(house: Storehouse, count_: int, serials: list[str]) -> None:
    with pytest.raises(IllegalAction, match="a delivery has 1 to"):
        house.receive(count=count_, serials=serials)


def test_what_is_not_in_the_books_is_named(house: Storehouse) -> None:
    with pytest.raises(NotFound, match="no depot nowhere"):
        house.receive("nowhere")
    with pytest.raises(NotFound, match="no spare NOPE"):
        house.receive(number="NOPE")


def test_only_free_parts_leave_the_books(house: Storehouse) -> None:
    house.receive(count=2, serials=["S1"])
    house.request(house.case())
    with pytest.raises(IllegalAction, match="has 1 of 02JG123 free"):
        withdraw(house, 2)
    with pytest.raises(IllegalAction, match=r"serial S1 .* is not free"):
        withdraw(house, 1, ["S1"])
    with pytest.raises(IllegalAction, match="say why"):
        withdraw(house, 1, reason=" ")
    line = withdraw(house, 1)
    assert (line.free, line.reserved, line.withdrawn, line.received) == (0, 1, 1, 2)


def test_stock_that_runs_low_is_told_once_per_step_down(house: Storehouse) -> None:
    house.receive(count=4)
    assert mark(house, 1, 2).level is StockLevel.ENOUGH
    withdraw(house, 1)
    assert levels(house) == []
    withdraw(house, 1)
    assert levels(house) == ["reorder"]
    withdraw(house, 1)
    assert levels(house) == ["reorder"]
    withdraw(house, 1)
    assert levels(house) == ["reorder", "low"]
    with house.bench.store.read() as tx:
        (low,) = tx.spares.low_stock(customer=None)
    assert (low.part_number, low.free, low.level) == (NUMBER, 0, StockLevel.LOW)


def test_stock_that_was_filled_up_is_told_anew_at_the_next_fall(house: Storehouse) -> None:
    house.receive(count=1)
    mark(house, 1, 0)
    withdraw(house, 1)
    house.receive(count=1)
    with house.bench.store.read() as tx:
        assert tx.spares.low_stock(customer=None) == []
    withdraw(house, 1)
    assert levels(house) == ["low", "low"]


def test_a_reservation_may_make_stock_low_and_its_end_fill_it_again(house: Storehouse) -> None:
    house.receive(count=1)
    mark(house, 1, 0)
    order = house.request(house.case())
    assert levels(house) == ["low"]
    house.step(order, OrderStep.CANCEL)
    assert house.line().level is StockLevel.ENOUGH


def test_marks_above_what_lies_there_are_told_at_once(house: Storehouse) -> None:
    house.receive(count=1)
    assert mark(house, 3, 5).level is StockLevel.LOW


@pytest.mark.parametrize(
    ("before", "serials", "counted", "named", "after"),
    [
        (0, [], 3, (), []),
        (3, [], 1, (), []),
        (2, ["A"], 3, ("A", "B"), ["A", "B"]),
        (3, [], 3, ("A", "B"), ["A", "B"]),
        (2, ["A", "B"], 2, ("A", "C"), ["A", "C"]),
        (2, ["A"], 1, ("B",), ["B"]),
        (2, ["A", "B"], 0, (), []),
        (2, ["A", "B"], 2, ("A", "B"), ["A", "B"]),
    ],
)
def test_a_stocktaking_leaves_what_was_counted(
    house: Storehouse, before: int, serials: list[str], counted: int, named: tuple[str, ...], after: list[str]
) -> None:
    mark(house, 0, 0)
    if before:
        house.receive(count=before, serials=serials)
    line = count(house, counted, *named)
    assert (line.free, line.received - line.withdrawn) == (counted, counted)
    assert free_serials(house) == after


def test_parts_that_come_in_a_stocktaking_serve_who_waits(house: Storehouse) -> None:
    order = house.request(house.case())
    mark(house, 0, 0)
    line = count(house, 1)
    assert (line.free, line.reserved) == (0, 1)
    assert house.order(order).state == "reserved"


def test_who_may_not_touch_stock_is_refused(house: Storehouse) -> None:
    with house.bench.store.write() as tx, pytest.raises(NotAllowed, match="wei"):
        house.stock.receive(tx, NEAR, NUMBER, count=1, by=WEI, now_ms=NOON)


def test_a_customers_own_people_touch_only_his_dedicated_store(house: Storehouse) -> None:
    own = Actor(name="own", role=Role.MANAGER, customer="north")
    with house.bench.store.write() as tx:
        tx.spares.save_depot(Depot(name="store", customer="north"))
        house.stock.receive(tx, "store", NUMBER, count=1, by=own, now_ms=NOON)
        with pytest.raises(NotFound, match=f"no depot {NEAR}"):
            house.stock.receive(tx, NEAR, NUMBER, count=1, by=own, now_ms=NOON)
        assert [line.depot for line in tx.spares.stock(customer="north")] == ["store"]
        assert tx.spares.stock(customer="south") == []


def test_the_table_itself_refuses_a_count_that_is_no_count(house: Storehouse) -> None:
    house.receive(count=1)
    with pytest.raises(StoreFailed, match="CHECK"), house.bench.store.write() as tx:
        tx.spares.receive(NEAR, NUMBER, count=-2, serials=[])
    with house.bench.store.write() as tx:
        assert tx.spares.shift(NEAR, NUMBER, Bucket.RESERVED, Bucket.FREE) is False
    assert house.line().free == 1


def test_a_serial_that_an_order_holds_is_no_free_one(house: Storehouse) -> None:
    house.receive(count=1, serials=["S1"])
    house.request(house.case(part=disk("ZC1")))
    assert free_serials(house) == []
