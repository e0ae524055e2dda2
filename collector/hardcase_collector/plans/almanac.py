"""Public holidays by country, and days of rest worked in their place: what libraries know, as a `Calendar`.

China's make-up working days come from `chinesecalendar`, which follows the State Council's yearly notice; all other
countries from `holidays`. A year that nobody has announced is by the general rules and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache, partial
from typing import NamedTuple

import chinese_calendar.constants as china
import holidays

from hardcase_collector.plans.calendar import Calendar, Year
from hardcase_collector.plans.plan import CalendarSheet

_SATURDAY_SUNDAY = frozenset({5, 6})
_ESTIMATED = "(estimated)"
_RECENT = 2010
"""Whether a country moves working days is judged by the years since; some stopped long ago."""


class Known(NamedTuple):
    """What is asked of `holidays` about a country, once."""

    weekend: frozenset[int]
    last_decreed: int | None
    """The last year of which moved working days are known; None: the country moves none."""


def calendar_of(sheet: CalendarSheet) -> Calendar:
    """Raises ValueError for a country or subdivision that is not known, or dates that are none."""
    imported = {
        number: Year(
            days_off=frozenset(map(date.fromisoformat, year.days_off)),
            workdays=frozenset(map(date.fromisoformat, year.workdays)),
        )
        for number, year in sheet.years.items()
    }
    if not sheet.country:
        return Calendar(sheet.weekend or _SATURDAY_SUNDAY, _no_holidays, imported)
    weekend = known(sheet.country, sheet.subdivision).weekend
    almanac = partial(official_year, sheet.country, sheet.subdivision)
    return Calendar(weekend if sheet.weekend is None else sheet.weekend, almanac, imported)


@lru_cache(maxsize=256)
def known(country: str, subdivision: str = "") -> Known:
    """Raises ValueError for a country or subdivision that is not known."""
    try:
        found = holidays.country_holidays(country, subdiv=subdivision or None)
    except NotImplementedError as error:
        raise ValueError(str(error)) from error
    special: Mapping[int, object] = getattr(found, "special_public_holidays", {})
    last = max(special, default=0)
    moves = False
    if last >= _RECENT:
        past = holidays.country_holidays(country, subdiv=subdivision or None, years=range(_RECENT, last + 1))
        moves = any(day.year >= _RECENT for day in past.weekend_workdays)
    return Known(frozenset(found.weekend), last if moves else None)


def country_trouble(country: str, subdivision: str) -> str:
    """ "" or what is wrong with them."""
    try:
        known(country, subdivision)
    except ValueError as error:
        return str(error)
    return ""


@lru_cache(maxsize=1024)
def official_year(country: str, subdivision: str, number: int) -> Year:
    """The year as it was announced, or by the general rules and provisional. Raises ValueError as `known` does."""
    if country == "CN" and not subdivision and number in _CHINESE_YEARS:
        return Year(
            days_off=frozenset(day for day in china.holidays if day.year == number),
            workdays=frozenset(day for day in china.workdays if day.year == number),
        )
    last = known(country, subdivision).last_decreed
    found = holidays.country_holidays(country, subdiv=subdivision or None, years=number)
    unannounced = country == "CN" or (last is not None and number > last)
    return Year(
        days_off=frozenset(day for day in found if day.year == number),
        workdays=frozenset(day for day in found.weekend_workdays if day.year == number),
        provisional=unannounced or any(_ESTIMATED in name for name in found.values()),
    )


_CHINESE_YEARS = frozenset(day.year for day in china.holidays)


def _no_holidays(number: int) -> Year:
    return Year(frozenset())
