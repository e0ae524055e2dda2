"""Which spares fit a part, the best first."""

from __future__ import annotations

import pytest
from hardcase_collector.domain.asset import AssetFacts, Part
from hardcase_collector.domain.spares import Service, SpareFit
from hardcase_collector.parts.choosing import in_order
from hardcase_collector.parts.fitting import candidates

R750 = AssetFacts(vendor="Dell", model="PowerEdge R750")
DISK = Part(component="disk", slot="3", model="ST4000NM0035", serial="Z1", part_number="PN-OLD")
TWINS = {"A": ["B"], "B": ["A"], "PN-OLD": ["C"]}


def find(part: Part, *fits: SpareFit, catalogue: str = "A B C D E") -> tuple[str, ...]:
    return candidates(
        part,
        R750,
        fits,
        in_catalogue=catalogue.split().__contains__,
        interchangeable=lambda number: TWINS.get(number, []),
    )


def fit(spare: str, component: str = "disk", **told: str) -> SpareFit:
    return SpareFit(spare=spare, component=component, **told)


def test_the_number_on_the_failed_part_goes_first_then_what_does_in_its_place() -> None:
    assert find(DISK, fit("D", part_model="ST4000*"), catalogue="PN-OLD A B C D") == ("PN-OLD", "C", "D")


def test_a_number_that_is_not_in_the_catalogue_leads_to_one_that_replaces_it() -> None:
    assert find(DISK) == ("C",)


def test_the_more_a_fit_says_the_earlier_it_comes() -> None:
    part = Part(component="disk", model="ST4000NM0035", part_number="X9")
    fits = (
        fit("A", vendor="dell"),
        fit("C", asset_model="PowerEdge R7*"),
        fit("D", part_model="st4000*", asset_model="PowerEdge R7*"),
        fit("E", part_number="x9"),
    )
    assert find(part, *fits) == ("E", "D", "C", "A", "B")


@pytest.mark.parametrize(
    "told",
    [
        {"asset_model": "PowerEdge R6*"},
        {"part_model": "ST8000*"},
        {"part_number": "PN-OL"},
        {"vendor": "HPE"},
        {"vendor": "Dell", "part_model": "ST8000*"},
        {},
    ],
)
def test_a_fit_of_which_anything_is_wrong_does_not_fit(told: dict[str, str]) -> None:
    part = Part(component="disk", model="ST4000NM0035", part_number="PN")
    assert find(part, fit("A", **told)) == ()


def test_another_component_never_fits() -> None:
    assert find(DISK, fit("A", component="fan", vendor="Dell"), catalogue="A") == ()


def test_a_fit_to_a_spare_that_left_the_catalogue_is_passed_over() -> None:
    part = Part(component="disk", model="ST4000NM0035")
    assert find(part, fit("GONE", part_model="ST4*"), fit("D", vendor="Dell")) == ("D",)


def service(depot: str, rank: int, minutes: int) -> Service:
    return Service(depot=depot, customer="north", site="", rank=rank, travel_minutes=minutes)


def choose(services: list[Service], stock: dict[tuple[str, str], int], *, due: int | None) -> list[tuple[str, str]]:
    found = in_order(services, ("A", "B"), lambda *place: stock.get(place, 0), now_ms=0, due_ms=due)
    return [(one.depot, one.part_number) for one in found]


def test_without_a_clock_the_depots_own_order_counts() -> None:
    services = [service("far", 1, 600), service("near", 2, 10)]
    stock = {("far", "A"): 1, ("near", "A"): 1}
    assert choose(services, stock, due=None) == [("far", "A"), ("near", "A")]


def test_a_depot_that_meets_the_clock_goes_first_and_all_of_its_numbers_before_the_next_depot() -> None:
    services = [service("far", 1, 600), service("near", 2, 10)]
    stock = {("far", "A"): 1, ("near", "B"): 1, ("near", "A"): 2}
    assert choose(services, stock, due=60 * 60_000) == [("near", "A"), ("near", "B"), ("far", "A")]


def test_a_depot_without_stock_is_no_choice() -> None:
    assert choose([service("near", 1, 10)], {("near", "A"): 0}, due=None) == []
