"""Spare risk: which promises can still be kept, with what lies in the depots and what is and will be wanted."""

from __future__ import annotations

from dataclasses import replace

from hardcase_collector.domain.priority import Priority
from hardcase_collector.domain.spares import Service, StockLine
from hardcase_collector.parts.risk import Danger, Demand, Need, Promised, RiskLine, spare_risk
from hypothesis import given
from hypothesis import strategies as st

SITE = ("north", "s1")
NEAR = Service(depot="near", customer="north", site="s1", rank=1, travel_minutes=45)
FAR = Service(depot="far", customer="north", site="s1", rank=2, travel_minutes=540)
BOTH = {SITE: [NEAR, FAR]}
GOLD = 240


def stock(depot: str, number: str, free: int, **marks: int) -> StockLine:
    return StockLine(depot=depot, part_number=number, free=free, received=free, **marks)


def need(demand: Demand = Demand.OPEN, *, what: str = "HC-1", within: int = GOLD, **changes: object) -> Need:
    made = Need(
        demand=demand,
        asset="web1",
        customer="north",
        site="s1",
        what=what,
        component="disk",
        wanted=("A", "B"),
        within_minutes=within,
        plan="gold",
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # field names given by the test


def promised(asset: str = "web1", within: int = GOLD, **parts: tuple[str, ...]) -> Promised:
    return Promised(
        asset=asset,
        customer="north",
        site="s1",
        plan="gold",
        within_minutes=within,
        parts=parts or {"disk ST4000": ("A", "B")},
    )


def line(lines: tuple[RiskLine, ...], depot: str, number: str) -> RiskLine:
    (found,) = [one for one in lines if (one.depot, one.part_number) == (depot, number)]
    return found


def dangers(found: RiskLine) -> list[Danger]:
    return [one.danger for one in found.at_risk]


def test_enough_for_all_demand_and_one_more_failure_is_no_risk() -> None:
    found = line(spare_risk([stock("near", "A", 3)], BOTH, [need(), need(Demand.PREDICTED)], [promised()]), "near", "A")
    assert (found.open_demand, found.predicted_demand, found.left, found.to_order) == (1, 1, 1, 0)
    assert found.at_risk == ()


def test_the_last_part_for_an_open_case_leaves_the_next_failure_without() -> None:
    found = line(spare_risk([stock("near", "A", 1)], BOTH, [need()], [promised()]), "near", "A")
    assert dangers(found) == [Danger.NEXT_FAILURE]
    assert (found.left, found.to_order) == (0, 1)


def test_predicted_failures_take_what_a_promise_counts_on() -> None:
    found = line(spare_risk([stock("near", "A", 1)], BOTH, [need(Demand.PREDICTED)], [promised("web2")]), "near", "A")
    assert [(one.asset, one.danger) for one in found.at_risk] == [("web2", Danger.NEXT_FAILURE)]


def test_demand_that_nobody_can_meet_is_ordered_beside_the_promise() -> None:
    found = line(spare_risk([stock("near", "A", 0)], BOTH, [need(), need(what="HC-2")], [promised()]), "near", "A")
    assert (found.open_demand, found.unmet, found.left) == (2, 2, 0)
    assert dangers(found) == [Danger.NO_STOCK, Danger.NO_STOCK, Danger.NEXT_FAILURE]
    assert found.to_order == 3


def test_a_part_that_lies_too_far_away_breaks_the_promise() -> None:
    lines = spare_risk([stock("far", "A", 5)], BOTH, [need()], [])
    assert dangers(line(lines, "far", "A")) == [Danger.TOO_FAR]


def test_without_a_promise_by_the_hour_a_far_part_will_do() -> None:
    lines = spare_risk([stock("far", "A", 5)], BOTH, [need(within=0)], [])
    assert (line(lines, "far", "A").at_risk, line(lines, "far", "A").left) == ((), 4)


def test_a_promise_is_not_kept_by_a_depot_that_is_too_far() -> None:
    lines = spare_risk([stock("far", "A", 5)], BOTH, [], [promised()])
    assert dangers(line(lines, "near", "A")) == [Danger.NEXT_FAILURE]
    assert line(lines, "near", "A").to_order == 1


def test_where_no_depot_is_near_enough_ordering_helps_nobody() -> None:
    found = line(spare_risk([stock("far", "A", 5)], {SITE: [FAR]}, [], [promised()]), "far", "A")
    assert dangers(found) == [Danger.NO_DEPOT]
    assert found.to_order == 0


def test_a_site_that_no_depot_serves_is_told_without_a_depot() -> None:
    found = line(spare_risk([], {}, [need()], [promised()]), "", "A")
    assert dangers(found) == [Danger.NO_STOCK, Danger.NO_DEPOT]
    assert found.to_order == 0


def test_an_interchangeable_part_keeps_the_promise_too() -> None:
    assert spare_risk([stock("near", "B", 1)], BOTH, [], [promised()]) == ()


def test_a_part_that_the_catalogue_does_not_know_is_told() -> None:
    found = line(spare_risk([], BOTH, [need(wanted=())], []), "", "")
    assert (dangers(found), found.open_demand, found.to_order) == ([Danger.NO_SPARE], 1, 0)


def test_open_demand_goes_before_predicted_and_a_higher_priority_before_a_lower() -> None:
    needs = [
        need(Demand.PREDICTED, what="disk.worn"),
        need(what="HC-late", priority=Priority.P2, since_ms=2),
        need(what="HC-low", priority=Priority.P4, since_ms=0),
        need(what="HC-early", priority=Priority.P2, since_ms=1),
    ]
    found = line(spare_risk([stock("near", "A", 2)], BOTH, needs, []), "near", "A")
    assert [one.what for one in found.at_risk] == ["HC-low", "disk.worn"]


def test_marks_are_filled_up_again() -> None:
    found = line(spare_risk([stock("near", "A", 2, minimum=3, reorder_point=5)], BOTH, [need()], []), "near", "A")
    assert found.to_order == 4


def test_a_line_about_which_there_is_nothing_to_say_is_left_out() -> None:
    assert spare_risk([stock("near", "Z", 9)], BOTH, [], []) == ()


def test_the_line_with_most_promises_at_risk_comes_first() -> None:
    lines = spare_risk(
        [stock("near", "A", 0), stock("near", "C", 0)],
        BOTH,
        [],
        [promised("web1", disk=("A",)), promised("web2", disk=("C",)), promised("web3", disk=("C",))],
    )
    assert [one.part_number for one in lines] == ["C", "A"]


@given(
    free=st.lists(st.integers(0, 3), min_size=4, max_size=4),
    demands=st.lists(st.tuples(st.sampled_from(Demand), st.integers(0, 1), st.sampled_from([0, GOLD])), max_size=8),
)
def test_no_part_is_counted_for_two(free: list[int], demands: list[tuple[Demand, int, int]]) -> None:
    places = [("near", "A"), ("near", "B"), ("far", "A"), ("far", "B")]
    lines = [stock(*place, count) for place, count in zip(places, free, strict=True)]
    needs = [
        need(demand, what=f"HC-{number}", wanted=(("A", "B")[first],), within=within)
        for number, (demand, first, within) in enumerate(demands)
    ]
    found = spare_risk(lines, BOTH, needs, [])
    assert all(one.left >= 0 for one in found)
    assert sum(one.open_demand + one.predicted_demand for one in found) == len(needs)
    unmet = sum(one.unmet for one in found)
    wanted = [sum(1 for one in needs if one.wanted == (number,)) for number in ("A", "B")]
    have = [free[0] + free[2], free[1] + free[3]]
    assert unmet == sum(max(0, want - has) for want, has in zip(wanted, have, strict=True))
    assert sum(one.to_order for one in found) == unmet
