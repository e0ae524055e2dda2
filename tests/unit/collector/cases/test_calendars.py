"""A year whose official calendar was not known when a case was opened becomes known."""

from __future__ import annotations

from datetime import date

import pytest
from hardcase_collector.cases.calendars import Calendars
from hardcase_collector.domain.service_terms import KnownYear
from hardcase_collector.plans.frozen import load

from tests.unit.collector.cases.bench import DAY, HOUR, NOON, Bench, raised
from tests.unit.collector.cases.books import covered, happen, row, terms, told

# 2026-12-31 12:00 UTC is a Thursday evening in Shanghai: next working days are in a year that nobody has announced.
NEW_YEARS_EVE = NOON + 37 * DAY
LONG_HOLIDAY = KnownYear(
    country="CN",
    subdivision="",
    year=2027,
    days_off=tuple(date(2027, 1, day) for day in range(1, 11)),
    by="chen",
)


def opened(bench: Bench, plan: str = "standard-3y", country: str = "CN") -> None:
    bench.apply(raised(covered(bench, plan, country=country), at=NEW_YEARS_EVE), at=NEW_YEARS_EVE)
    happen(bench, "acknowledged", NEW_YEARS_EVE)
    happen(bench, "contacted", NEW_YEARS_EVE)


def learn(bench: Bench, *years: KnownYear, at: int = NEW_YEARS_EVE + HOUR) -> tuple[int, int]:
    with bench.store.write() as tx:
        return Calendars(bench.announcements).learn(tx, years, actor="chen", now_ms=at)


def test_clocks_of_open_cases_move_with_an_entry_that_says_from_when_to_when(bench: Bench) -> None:
    opened(bench)
    before = row(bench)
    assert before is not None
    assert terms(bench).provisional  # type: ignore[union-attr]  # it has terms
    assert learn(bench, LONG_HOLIDAY) == (1, 1)
    after = row(bench)
    assert after is not None
    # Reported after hours: counts as made on the first working day, due on the second, 11 and 12 January.
    assert after.due_ms - before.due_ms == 7 * DAY
    (entry,) = told(bench, "calendar_known")
    assert (entry.parameters["year"], entry.parameters["moved"], entry.actor) == ("2027", "on_site", "chen")
    assert entry.parameters["on_site_from_ms"] == before.due_ms
    assert entry.parameters["on_site_to_ms"] == after.due_ms
    assert "calendar_known" in bench.announcements.codes()


def test_learning_it_again_changes_nothing(bench: Bench) -> None:
    opened(bench)
    learn(bench, LONG_HOLIDAY)
    kept = terms(bench)
    assert learn(bench, LONG_HOLIDAY) == (0, 0)
    assert terms(bench) == kept
    assert len(told(bench, "calendar_known")) == 1


def test_what_was_official_when_the_case_was_opened_stays(bench: Bench) -> None:
    opened(bench)
    frozen = load(terms(bench).frozen)  # type: ignore[union-attr]  # it has terms
    learn(bench, KnownYear(country="CN", subdivision="", year=2026, days_off=(date(2026, 12, 31),)))
    assert load(terms(bench).frozen) == frozen  # type: ignore[union-attr]  # it has terms
    assert told(bench, "calendar_known") == []


def test_another_countrys_calendar_is_nothing_to_it(bench: Bench) -> None:
    opened(bench)
    assert learn(bench, KnownYear(country="DE", subdivision="", year=2027)) == (0, 0)


def test_a_case_whose_clocks_do_not_move_has_an_entry_and_nobody_is_told(bench: Bench) -> None:
    bench.apply(raised(covered(bench, "gold-7x24x4")))
    assert learn(bench, LONG_HOLIDAY, at=NOON) == (1, 0)
    (entry,) = told(bench, "calendar_known")
    assert entry.parameters["moved"] == ""
    assert "calendar_known" not in bench.announcements.codes()


def test_a_case_opened_after_the_import_is_under_the_official_year(bench: Bench) -> None:
    learn(bench, LONG_HOLIDAY)
    opened(bench)
    frozen = load(terms(bench).frozen)  # type: ignore[union-attr]  # it has terms
    assert frozen.calendar.years[2027].days_off == frozenset(LONG_HOLIDAY.days_off)
    assert not frozen.provisional


def test_at_the_start_open_cases_get_what_is_known_meanwhile(bench: Bench) -> None:
    opened(bench)
    with bench.store.write() as tx:
        # As when the import was cut off before its cases were worked out.
        tx.clocks.know_year(LONG_HOLIDAY)
    calendars = Calendars(bench.announcements)
    for hours in (1, 2, 30):
        with bench.store.write() as tx:
            calendars.tick(tx, now_ms=NEW_YEARS_EVE + hours * HOUR)
    (entry,) = told(bench, "calendar_known")
    assert (entry.at_ms, entry.actor, entry.parameters["moved"]) == (NEW_YEARS_EVE + HOUR, "collector", "on_site")


@pytest.mark.parametrize("country", ["", "DE"])
def test_where_nobody_announces_years_nothing_is_provisional(bench: Bench, country: str) -> None:
    opened(bench, country=country)
    assert not terms(bench).provisional  # type: ignore[union-attr]  # it has terms
