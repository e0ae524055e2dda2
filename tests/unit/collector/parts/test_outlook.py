"""The picture behind spare risk: what the store says is wanted and promised."""

from __future__ import annotations

from datetime import date

import pytest
from hardcase_collector.domain.asset import Asset, Part
from hardcase_collector.domain.customer import Custody, Customer, Entitlement, Site
from hardcase_collector.domain.spares import OrderStep, Service
from hardcase_collector.parts.outlook import FORECAST_MS, Wearing, outlook
from hardcase_collector.parts.risk import RiskLine
from hardcase_collector.plans.reader import load_plans

from tests.unit.collector.cases.bench import DAY, NOON, raised
from tests.unit.collector.parts.bench import NEAR, NUMBER, Storehouse, disk

PLANS = load_plans().plans
GOLD = next(name for name in PLANS if "gold" in name and "7x24" in name)


def covered(house: Storehouse, plan: str = GOLD, key: str = "dell|1", *parts: Part) -> Asset:
    """An asset at a site that the near depot serves, with these parts in it."""
    asset = house.bench.asset(key)
    with house.bench.store.write() as tx:
        tx.registry.save_customer(Customer(name="north", title="North"))
        site = Site(customer="north", name="s1", title="", time_zone="Asia/Shanghai", country="CN")
        tx.registry.save_site(site)
        tx.registry.save_custody(Custody(asset=asset.id, site="s1"))
        tx.registry.save_entitlement(
            Entitlement(
                id=0, asset=asset.id, part="", plan=plan, vendor="", starts=date(2026, 1, 1), ends=date(2027, 12, 31)
            )
        )
        tx.spares.save_service(Service(depot=NEAR, customer="north", site="s1", rank=1, travel_minutes=45))
    house.inventory(asset, *(parts or (disk("ZC1"),)), at=NOON - DAY)
    return asset


def look(
    house: Storehouse, customer: str | None = None, within: int = 480, wearing: Wearing = lambda tx, asset: ()
) -> tuple[RiskLine, ...]:
    with house.bench.store.read() as tx:
        return outlook(tx, customer=customer, plans=PLANS, now_ms=NOON, within_minutes=within, wearing=wearing)


def near(lines: tuple[RiskLine, ...]) -> RiskLine:
    (found,) = [one for one in lines if (one.depot, one.part_number) == (NEAR, NUMBER)]
    return found


def test_a_gold_machine_whose_disk_lies_in_reach_is_at_no_risk(house: Storehouse) -> None:
    covered(house)
    house.receive()
    assert look(house) == ()


def test_a_gold_machine_without_a_disk_in_reach_is_at_risk(house: Storehouse) -> None:
    covered(house)
    found = near(look(house))
    assert [(one.asset, one.plan, one.danger, one.what) for one in found.at_risk] == [
        ("dell|1", GOLD, "next_failure", "disk ST4000")
    ]
    assert found.to_order == 1


def test_a_plan_that_promises_days_is_not_asked_about_hours(house: Storehouse) -> None:
    slow = next(name for name in PLANS if name.startswith("standard"))
    covered(house, slow)
    assert look(house) == ()


def test_an_open_case_without_an_order_is_open_demand(house: Storehouse) -> None:
    asset = covered(house)
    house.receive(count=3)
    house.case(asset)
    found = near(look(house))
    assert (found.open_demand, found.predicted_demand, found.left) == (1, 0, 2)


def test_an_order_that_waits_is_open_demand_and_one_that_is_served_is_none(house: Storehouse) -> None:
    case = house.case(covered(house))
    order = house.request(case)
    assert near(look(house)).open_demand == 1
    house.receive(count=2)
    assert look(house) == ()
    house.step(order, OrderStep.CANCEL)
    assert near(look(house)).open_demand == 1


def test_a_case_that_clears_by_itself_wants_no_part(house: Storehouse) -> None:
    asset = covered(house)
    house.receive()
    house.bench.apply(raised(asset, "disk.hot", part=disk("ZC1"), group="thermal"))
    assert look(house) == ()


def test_a_dying_disk_that_opens_no_case_is_predicted_demand(house: Storehouse) -> None:
    asset = covered(house)
    house.receive(count=1)
    house.bench.apply(raised(asset, "disk.predicted", part=disk("ZC1"), group="disk", opens=False))
    found = near(look(house))
    assert (found.open_demand, found.predicted_demand) == (0, 1)
    assert [one.danger for one in found.at_risk] == ["next_failure"]


def test_a_case_of_a_dying_disk_is_predicted_until_somebody_orders(house: Storehouse) -> None:
    asset = covered(house)
    house.bench.apply(raised(asset, "disk.predicted", part=disk("ZC1"), group="disk", self_clearing=False, at=NOON))
    assert near(look(house)).predicted_demand == 1
    house.request(house.bench.only_case())
    found = near(look(house))
    assert (found.open_demand, found.predicted_demand) == (1, 0)


@pytest.mark.parametrize(("at_ms", "wanted"), [(NOON + 30 * DAY, 1), (NOON + FORECAST_MS + 1, 0), (NOON - 1, 0)])
def test_a_disk_that_will_be_worn_out_within_the_quarter_is_predicted(
    house: Storehouse, at_ms: int, wanted: int
) -> None:
    covered(house)
    house.receive(count=5)
    lines = look(house, wearing=lambda tx, asset: [(disk("ZC1"), at_ms)])
    assert sum(one.predicted_demand for one in lines) == wanted


def test_a_fault_without_a_known_spare_is_told(house: Storehouse) -> None:
    asset = covered(house)
    house.receive()
    house.case(asset, part=Part(component="gpu", slot="1", model="X", serial="G1"))
    (found,) = [one for one in look(house) if not one.part_number]
    assert [one.danger for one in found.at_risk] == ["no_spare"]


def test_a_customer_sees_only_what_is_his(house: Storehouse) -> None:
    covered(house)
    assert look(house, customer="south") == ()
    assert near(look(house, customer="north")).to_order == 1


def test_drills_want_nothing(house: Storehouse) -> None:
    covered(house)
    house.receive()
    house.case(house.bench.asset("rehearsal|1"))
    assert look(house) == ()
