"""Spare risk: can each depot still keep what plans promise, with what lies there and what is and will be asked of it.

Pure: `outlook.py` puts the picture together from the store. Demand is given out as an order would be (`choosing.py`),
open before predicted, by priority and age; what is left answers for the next failure of each promised asset.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from hardcase_collector.domain.priority import Priority
from hardcase_collector.domain.spares import Service, StockLine
from hardcase_collector.parts.choosing import in_order


class Demand(StrEnum):
    OPEN = "open"
    """A case has failed hardware, or an order waits."""
    PREDICTED = "predicted"
    """The part works, and says that it will not for long."""


class Danger(StrEnum):
    """Why a promise is at risk."""

    NO_SPARE = "no_spare"
    """The catalogue knows none that fits."""

    NO_DEPOT = "no_depot"
    """None that serves the site is near enough."""
    NO_STOCK = "no_stock"
    """The part is wanted now, and none is left for it."""
    TOO_FAR = "too_far"
    """The only one that is left lies too far away."""
    NEXT_FAILURE = "next_failure"
    """All goes well until the next one fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One part that is or will be wanted."""

    demand: Demand
    asset: str
    customer: str
    site: str
    what: str
    """Number of the case, or fault class of the finding."""
    component: str
    wanted: tuple[str, ...]
    priority: Priority = Priority.P3
    since_ms: int = 0
    """Open: since when it is wanted. Predicted: when it is forecast to be, where that is known."""
    within_minutes: int = 0
    """The plan's promise; 0 = none by the hour."""
    plan: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """That the plan of an asset promises to be there, or to have it repaired, within so many minutes."""

    asset: str
    customer: str
    site: str
    plan: str
    within_minutes: int
    parts: Mapping[str, tuple[str, ...]]
    """Per component and model in the machine: the part numbers that would do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtRisk:
    asset: str
    plan: str
    within_minutes: int
    danger: Danger
    what: str
    """The case or finding that wants the part, or the component whose next failure cannot be met."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLine:
    """One part number at one depot. `depot` "" = no depot serves the site; `part_number` "" = no spare is known."""

    depot: str
    part_number: str
    free: int
    open_demand: int
    predicted_demand: int
    unmet: int
    """Of the demand, what no depot has a part for."""
    at_risk: tuple[AtRisk, ...]
    to_order: int

    @property
    def left(self) -> int:
        return self.free - self.open_demand - self.predicted_demand + self.unmet


@dataclass(slots=True)
class _Line:
    free: int = 0
    target: int = 0
    open_demand: int = 0
    predicted_demand: int = 0
    unmet: int = 0
    promised: bool = False
    at_risk: list[AtRisk] = field(default_factory=list)

    @property
    def left(self) -> int:
        return self.free - self.open_demand - self.predicted_demand + self.unmet


Services = Mapping[tuple[str, str], Sequence[Service]]
"""(customer, site) -> the depots that serve it, in their order."""


def spare_risk(
    stock: Iterable[StockLine], services: Services, needs: Iterable[Need], promises: Iterable[Promised]
) -> tuple[RiskLine, ...]:
    """Lines with demand, promises at risk or something to order; the most promises at risk first."""
    lines = {
        (line.depot, line.part_number): _Line(free=line.free, target=max(line.minimum, line.reorder_point))
        for line in stock
    }
    for need in sorted(needs, key=_order):
        _give(lines, services.get((need.customer, need.site), ()), need)
    for promised in sorted(promises, key=lambda one: (one.within_minutes, one.asset)):
        _look_ahead(lines, services.get((promised.customer, promised.site), ()), promised)
    made = [_made(place, line) for place, line in lines.items()]
    told = [one for one in made if one.at_risk or one.to_order or one.open_demand or one.predicted_demand]
    return tuple(sorted(told, key=lambda one: (-len(one.at_risk), one.depot, one.part_number)))


def _order(need: Need) -> tuple[bool, Priority, int, str, str]:
    return need.demand is Demand.PREDICTED, need.priority, need.since_ms, need.asset, need.what


def _give(lines: dict[tuple[str, str], _Line], services: Sequence[Service], need: Need) -> None:
    if not need.wanted:
        line = lines.setdefault(("", ""), _Line())
        _want(line, need, unmet=True)
        _endanger(line, need, Danger.NO_SPARE)
        return
    due_ms = need.within_minutes * 60_000 if need.within_minutes else None
    choices = in_order(services, need.wanted, lambda *place: _left(lines, place), now_ms=0, due_ms=due_ms)
    choice = next(iter(choices), None)
    if choice is not None:
        place = (choice.depot, choice.part_number)
        danger = None if choice.meets_clock else Danger.TOO_FAR
    else:
        place = (_nearest(services), need.wanted[0])
        danger = Danger.NO_STOCK
    line = lines.setdefault(place, _Line())
    _want(line, need, unmet=choice is None)
    if danger is not None:
        _endanger(line, need, danger)


def _want(line: _Line, need: Need, *, unmet: bool) -> None:
    if need.demand is Demand.OPEN:
        line.open_demand += 1
    else:
        line.predicted_demand += 1
    line.unmet += unmet


def _endanger(line: _Line, need: Need, danger: Danger) -> None:
    """Only what is promised by the hour can be broken by the hour."""
    minutes = need.within_minutes
    if minutes:
        line.at_risk.append(
            AtRisk(asset=need.asset, plan=need.plan, within_minutes=minutes, danger=danger, what=need.what)
        )


def _look_ahead(lines: dict[tuple[str, str], _Line], services: Sequence[Service], promised: Promised) -> None:
    """One more failure of each kind of part in the machine, with what is left after all demand."""
    near = [one for one in services if one.travel_minutes <= promised.within_minutes]
    for what, wanted in promised.parts.items():
        if not wanted:
            continue
        places = [(service.depot, number) for service in near for number in wanted]
        for place in places:
            if place in lines:
                lines[place].promised = True
        if any(_left(lines, place) > 0 for place in places):
            continue
        danger = Danger.NEXT_FAILURE if near else Danger.NO_DEPOT
        depot = near[0].depot if near else _nearest(services)
        line = lines.setdefault((depot, wanted[0]), _Line())
        line.promised = True
        line.at_risk.append(
            AtRisk(
                asset=promised.asset,
                plan=promised.plan,
                within_minutes=promised.within_minutes,
                danger=danger,
                what=what,
            )
        )


def _left(lines: Mapping[tuple[str, str], _Line], place: tuple[str, str]) -> int:
    return lines[place].left if place in lines else 0


def _nearest(services: Sequence[Service]) -> str:
    return min(services, key=lambda one: (one.rank, one.travel_minutes, one.depot)).depot if services else ""


def _made(place: tuple[str, str], line: _Line) -> RiskLine:
    # A depot that nobody is near enough to is not helped by ordering: it needs a depot, not a part.
    reachable = any(one.danger is not Danger.NO_DEPOT for one in line.at_risk) or not line.at_risk
    target = max(line.target, 1 if line.promised and reachable else 0)
    return RiskLine(
        depot=place[0],
        part_number=place[1],
        free=line.free,
        open_demand=line.open_demand,
        predicted_demand=line.predicted_demand,
        unmet=line.unmet,
        at_risk=tuple(line.at_risk),
        to_order=max(0, target + line.unmet - line.left) if place[0] else 0,
    )
