"""Priority by its table, and days as countries have them."""

from __future__ import annotations

from datetime import date

import pytest
from hardcase_collector.domain.finding import Severity
from hardcase_collector.domain.priority import Importance, Priority, ServiceState
from hardcase_collector.plans.almanac import calendar_of, official_year
from hardcase_collector.plans.plan import CalendarSheet
from hardcase_collector.plans.priority import priority_of

FAULTS = (Severity.CRITICAL, Severity.MAJOR, Severity.MINOR, Severity.WARNING)


@pytest.mark.parametrize(
    ("severity", "service", "importance", "expected"),
    [
        (Severity.CRITICAL, ServiceState.DOWN, Importance.NORMAL, Priority.P1),
        (Severity.MAJOR, ServiceState.REDUNDANCY_LOST, Importance.NORMAL, Priority.P2),
        # A broken part whose redundancy holds is level three or four, however loud its sensor.
        (Severity.CRITICAL, ServiceState.REDUNDANCY_HOLDS, Importance.NORMAL, Priority.P3),
        (Severity.MAJOR, ServiceState.PREDICTED, Importance.HIGH, Priority.P2),
        (Severity.MINOR, ServiceState.PREDICTED, Importance.LOW, Priority.P4),
        (Severity.WARNING, ServiceState.DOWN, Importance.LOW, Priority.P3),
    ],
)
def test_priority_is_severity_by_service_state_by_importance(
    severity: Severity, service: ServiceState, importance: Importance, expected: Priority
) -> None:
    assert priority_of(severity, service, importance) is expected


def test_priority_never_falls_as_any_of_the_three_gets_worse() -> None:
    for service in ServiceState:
        for importance in Importance:
            levels = [priority_of(severity, service, importance) for severity in FAULTS]
            assert levels == sorted(levels)
    for severity in FAULTS:
        for importance in Importance:
            levels = [priority_of(severity, service, importance) for service in ServiceState]
            assert levels == sorted(levels)
        for service in ServiceState:
            levels = [priority_of(severity, service, importance) for importance in Importance]
            assert levels == sorted(levels)


def test_what_is_cleared_has_no_priority() -> None:
    with pytest.raises(ValueError, match="cleared"):
        priority_of(Severity.CLEARED, ServiceState.DOWN)


def test_chinese_make_up_days_are_worked_and_their_holidays_are_not() -> None:
    china = calendar_of(CalendarSheet(country="CN"))
    # State Council notice for 2026: Spring Festival 15 to 23 February, made up for on 14 and 28 February.
    assert china.works(date(2026, 2, 14))
    assert china.works(date(2026, 2, 28))
    assert not any(china.works(date(2026, 2, day)) for day in range(15, 24))
    assert not china.provisional(date(2026, 2, 14))


def test_a_year_without_its_notice_is_provisional_and_has_no_make_up_days() -> None:
    far = official_year("CN", "", 2035)
    assert far.provisional
    assert far.workdays == frozenset()
    assert date(2035, 10, 1) in far.days_off


@pytest.mark.parametrize(("country", "year", "provisional"), [("DE", 2035, False), ("MY", 2035, True)])
def test_holidays_by_law_are_known_ahead_and_estimated_ones_say_so(country: str, year: int, provisional: bool) -> None:
    assert official_year(country, "", year).provisional is provisional


def test_holidays_and_weekends_differ_by_place() -> None:
    bavaria = calendar_of(CalendarSheet(country="DE", subdivision="BY"))
    berlin = calendar_of(CalendarSheet(country="DE", subdivision="BE"))
    epiphany = date(2026, 1, 6)
    assert (bavaria.works(epiphany), berlin.works(epiphany)) == (False, True)
    riyadh = calendar_of(CalendarSheet(country="SA"))
    assert (riyadh.works(date(2026, 11, 20)), riyadh.works(date(2026, 11, 22))) == (False, True)
    shop = calendar_of(CalendarSheet(country="", weekend=frozenset({6})))
    assert (shop.works(date(2026, 12, 25)), shop.works(date(2026, 11, 21)), shop.works(date(2026, 11, 22))) == (
        True,
        True,
        False,
    )


@pytest.mark.parametrize("sheet", [CalendarSheet(country="XX"), CalendarSheet(country="DE", subdivision="ZZ")])
def test_an_unknown_place_is_an_error(sheet: CalendarSheet) -> None:
    with pytest.raises(ValueError, match=r"XX|ZZ"):
        calendar_of(sheet)
