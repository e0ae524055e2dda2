"""Who is sent: engineers in the order in which they are asked, and the book of them.

The same one for the same problem, then skill, nearness, work load. Called by `visits.py`, the pages and the control
socket.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hardcase_collector.cases.actions import allowed
from hardcase_collector.cases.workflow import Deed, require
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.asset import Asset
from hardcase_collector.domain.case import Case
from hardcase_collector.domain.customer import Site
from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.domain.identity import normalise_vendor
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.visit import Dispatch, Engineer, Suggestion, WorkHours
from hardcase_collector.registry.resolution import site_of
from hardcase_collector.service.briefing import language_of
from hardcase_collector.service.served import served

_REMEMBERED = 5
"""Engineers of former visits for one problem that are looked at: the last ones know it best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where one is needed."""

    asset: Asset
    site: Site
    component: str
    vendor: str
    language: str
    countries: Mapping[str, str]
    """Site, as "customer/site", to its country."""

    @property
    def key(self) -> str:
        return f"{self.site.customer}/{self.site.name}"


class Engineers:
    def add(self, tx: Transaction, engineer: Engineer, *, by: Actor, now_ms: int) -> None:
        """Raises IllegalAction for what no engineer can be, NotAllowed."""
        require(by, Deed.EDIT_BOOKS)
        _check(engineer)
        tx.repairs.add_engineer(engineer)
        tx.access.audit(at_ms=now_ms, actor=by.name, action="engineer.added", subject=engineer.name, facts={})

    def change(self, tx: Transaction, engineer: Engineer, *, by: Actor, now_ms: int) -> None:
        """Raises IllegalAction, NotAllowed, NotFound."""
        require(by, Deed.EDIT_BOOKS)
        _check(engineer)
        tx.repairs.save_engineer(engineer)
        tx.access.audit(at_ms=now_ms, actor=by.name, action="engineer.changed", subject=engineer.name, facts={})

    def suggest(self, tx: Transaction, case: Case, *, by: Actor, now_ms: int) -> Sequence[Suggestion]:
        """Best first. Raises NotAllowed."""
        allowed(tx, case, by, Deed.DISPATCH)
        return suggestions(tx, case, now_ms=now_ms)


def suggestions(tx: Transaction, case: Case, *, now_ms: int) -> Sequence[Suggestion]:
    place = _place(tx, case)
    loads = tx.repairs.loads()
    coverage = served(tx, case).coverage
    # Where a plan promises continuity it goes before skill; without a promise a skilled one is sent again first.
    promised = coverage is not None and coverage.same_engineer
    known = tx.repairs.visited(asset=case.asset, repair_group=case.repair_group, limit=_REMEMBERED)
    found = [_judged(one, place, known, loads, now_ms) for one in tx.repairs.engineers(active_only=True)]
    serving = [one for one in found if (one.skilled and one.near < _ELSEWHERE) or one.same]
    return sorted(serving or found, key=lambda one: _order(one, known, promised=promised))


_HOME, _SERVES, _COUNTRY, _ELSEWHERE = range(4)


def _order(one: Suggestion, known: Sequence[str], *, promised: bool) -> tuple[object, ...]:
    turn = known.index(one.engineer.name) if one.same else len(known)
    same = (turn,) if promised or one.skilled else (len(known),)
    return (*same, not one.skilled, not one.at_work, one.near, not one.speaks, one.load, one.engineer.name)


def _place(tx: Transaction, case: Case) -> _Place:
    asset = tx.assets.by_number(case.asset)
    return _Place(
        asset=asset,
        site=site_of(tx, asset),
        component=case.part.component,
        vendor=normalise_vendor(asset.facts.vendor),
        language=language_of(tx, asset),
        countries={f"{one.customer}/{one.name}": one.country for one in tx.registry.sites(customer=None)},
    )


def _judged(
    engineer: Engineer, place: _Place, known: Sequence[str], loads: Mapping[str, int], now_ms: int
) -> Suggestion:
    return Suggestion(
        engineer=engineer,
        same=engineer.name in known,
        skilled=_skilled(engineer, place),
        near=_near(engineer, place),
        speaks=place.language in (engineer.languages or (engineer.language,)),
        at_work=at_work(engineer.hours, now_ms),
        load=loads.get(engineer.name, 0),
    )


def _skilled(engineer: Engineer, place: _Place) -> bool:
    parts = not engineer.components or not place.component or place.component in engineer.components
    vendors = {normalise_vendor(vendor) for vendor in engineer.vendors}
    return parts and (not vendors or place.vendor in vendors)


def _near(engineer: Engineer, place: _Place) -> int:
    if engineer.home and engineer.home == place.key:
        return _HOME
    if place.key in engineer.sites or not engineer.sites:
        return _SERVES
    country = place.countries.get(engineer.home, "")
    return _COUNTRY if country and country == place.site.country else _ELSEWHERE


def at_work(hours: WorkHours, at_ms: int) -> bool:
    """A shift through midnight belongs to the day on which it began."""
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(hours.time_zone))
    minute = local.hour * 60 + local.minute
    today = local.weekday()
    if hours.opens_minute < hours.closes_minute:
        return today in hours.days and hours.opens_minute <= minute < hours.closes_minute
    yesterday = (local - timedelta(days=1)).weekday()
    return (today in hours.days and minute >= hours.opens_minute) or (
        yesterday in hours.days and minute < hours.closes_minute
    )


def overlapping(tx: Transaction, visit: Dispatch) -> Sequence[Dispatch]:
    """Other open visits of the same engineer at the same time, as far as it is known when they are."""
    others = [one for one in tx.repairs.open_dispatches(customer=None, engineer=visit.engineer) if one.id != visit.id]
    if not visit.expected_ms:
        return others
    ends_ms = visit.expected_ms + visit.duration_s * 1000
    return [
        one
        for one in others
        if not one.expected_ms
        or (one.expected_ms <= ends_ms and visit.expected_ms <= one.expected_ms + one.duration_s * 1000)
    ]


def _check(engineer: Engineer) -> None:
    if not engineer.name.strip() or engineer.name != engineer.name.strip() or "/" in engineer.name:
        raise IllegalAction("an engineer needs a name, without a slash or spaces around it")
    if not engineer.title.strip():
        raise IllegalAction("an engineer needs a title: how people call him")
    hours = engineer.hours
    try:
        ZoneInfo(hours.time_zone)
    except (ValueError, OSError, KeyError):
        raise IllegalAction("{time_zone} is no time zone such as Asia/Shanghai", time_zone=hours.time_zone) from None
    inside = 0 <= hours.opens_minute < 1440 and 0 < hours.closes_minute <= 1440
    if not inside or not hours.days or not set(hours.days) <= set(range(7)):
        raise IllegalAction("working hours need days from 0 (Monday) to 6 and minutes of a day")
    for site in (engineer.home, *engineer.sites):
        if site and site.count("/") != 1:
            raise IllegalAction('{site} is no site: write "customer/site"', site=site)
