"""From TOML sheets to a `PlanBook`: everything that is wrong in any sheet is found in one pass and told together.

`load_plans` reads the files; `read_plans` is pure. A row of a plan is a table with a name of its own, so that a mistake
in it has its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from hardcase_collector.domain.errors import SheetError
from hardcase_collector.domain.priority import Priority
from hardcase_collector.plans.almanac import calendar_of
from hardcase_collector.plans.plan import (
    CalendarSheet,
    ClockKind,
    Coverage,
    DayRule,
    Moment,
    PauseReason,
    Plan,
    PlanBook,
    Price,
    Promise,
    Window,
    YearSheet,
)
from hardcase_collector.sheets.files import parse, read_texts
from hardcase_collector.sheets.table import Mistakes, Table

SHIPPED = Path(__file__).with_name("sheets")
"""The plans that come with the collector."""
MAX_WITHIN_S = 30 * 86_400
"""Longer promises are no clocks; thirty days of an hour a working day are still found within the ten years' horizon."""
MAX_COVERAGE_DAYS = 60
MAX_YEARS = 25
_SECTIONS = ("window", "calendar", "plan")
_OTHERS = ("service",)
"""Sections of the same sheets that are read elsewhere: `cases/priorities.py`."""
_TIME = re.compile(r"([01]\d|2[0-4]):([0-5]\d)")
_EARLIEST, _LATEST = 4 * 60, 22 * 60
_MIDNIGHTS = (0, 1440)
_QUOTED = ("labour", "parts", "travel")
_MANNERS = ("remote", "on_site", "part")
_PROVIDERS = ("vendor", "agent", "either")
_ANYTIME = Window(name="", days=DayRule.EVERY_DAY, opens_minute=0, closes_minute=1440)
E = TypeVar("E", bound=StrEnum)


def load_plans(paths: Iterable[Path] | None = None) -> PlanBook:
    """The shipped sheets and, after them, these files and folders of `*.toml`.

    Raises SheetError with every mistake of every sheet.
    """
    mistakes = Mistakes()
    book = read_plans(read_texts(SHIPPED, paths or (), mistakes), mistakes)
    if mistakes.found:
        raise SheetError(mistakes.lines())
    return book


@dataclass(slots=True)
class _Sheets:
    mistakes: Mistakes
    windows: dict[str, Window] = field(default_factory=dict)
    calendars: dict[str, CalendarSheet] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)


def read_plans(texts: Mapping[str, str], mistakes: Mistakes) -> PlanBook:
    """The book of these texts (file name -> TOML). What is wrong goes to `mistakes`; then the book is not for use."""
    sheets = _Sheets(mistakes)
    parsed = [(file, *parse(file, text, (*_SECTIONS, *_OTHERS), mistakes)) for file, text in texts.items()]
    readers = {"window": _read_window, "calendar": _read_calendar, "plan": _read_plan}
    # Section by section over all sheets: a plan may name a window or calendar of another sheet.
    for section in _SECTIONS:
        for file, tree, lines in parsed:
            for table in tables(Table(file, (), tree, lines, mistakes), section):
                readers[section](sheets, table)
    return PlanBook(plans=sheets.plans, windows=sheets.windows, calendars=sheets.calendars)


def tables(parent: Table, key: str) -> Iterable[Table]:
    """The tables within a table of tables, in their order."""
    value = parent.take(key)
    if value is None:
        return
    if not isinstance(value, Mapping):
        parent.wrong(key, "must be a table of tables")
        return
    for name, values in value.items():
        path = (*parent.path, key, name)
        if isinstance(values, Mapping):
            yield Table(parent.file, path, values, parent.lines, parent.mistakes)
        else:
            parent.wrong(f"{key}.{name}", "must be a table")


def choice(table: Table, key: str, kind: type[E], default: E) -> E:
    """One word of a closed set; without it, a mistake."""
    word = table.text(key, required=True)
    if word in tuple(kind):
        return kind(word)
    if word:
        table.wrong(key, f"must be one of {', '.join(kind)}")
    return default


def choices(table: Table, key: str, kind: type[E], *, required: bool = False) -> tuple[E, ...]:
    """Words of a closed set."""
    words = table.words(key)
    for word in words:
        if word not in tuple(kind):
            table.wrong(key, f"{word!r} is none of {', '.join(kind)}")
    if required and not words:
        table.wrong(key, "must be a list that is not empty")
    return tuple(kind(word) for word in words if word in tuple(kind))


def _minute(table: Table, key: str, text: str) -> int | None:
    match = _TIME.fullmatch(text)
    minute = int(match[1]) * 60 + int(match[2]) if match else None
    if minute is None or minute > 1440:
        table.wrong(key, 'must be a time of day such as "08:30"')
        return None
    return minute


def _read_window(sheets: _Sheets, table: Table) -> None:
    name = table.path[-1]
    if name in sheets.windows:
        table.wrong("", "window is defined twice")
    days = choice(table, "days", DayRule, DayRule.WORKDAYS)
    first, dash, last = table.text("hours", required=True).partition("-")
    opens, closes = 0, 1440
    if not dash:
        table.wrong("hours", 'must be such as "08:00-17:00"')
    else:
        opens, closes = (_minute(table, "hours", text) or 0 for text in (first, last))
        if closes - opens < 60:
            table.wrong("hours", "must be an hour at least, within one day")
        # Clocks are put forward and back between 23:00 and 04:00: there an edge may come twice or not at all.
        for minute in (opens, closes):
            if minute not in _MIDNIGHTS and not _EARLIEST <= minute <= _LATEST:
                table.wrong("hours", "must begin and end at midnight or between 04:00 and 22:00")
    table.done()
    sheets.windows[name] = Window(name=name, days=days, opens_minute=opens, closes_minute=closes)


def _read_calendar(sheets: _Sheets, table: Table) -> None:
    name = table.path[-1]
    if name == "site" or name in sheets.calendars:
        table.wrong("", "is what each site has" if name == "site" else "calendar is defined twice")
    sheets.calendars[name] = read_calendar(table)
    table.done()


def read_calendar(table: Table) -> CalendarSheet:
    """Country, weekend and imported years of this table; the caller asks `done`."""
    country = table.text("country")
    subdivision = table.text("subdivision")
    weekend = table.take("weekend")
    rest: frozenset[int] | None = None
    if weekend is not None:
        days = weekend if isinstance(weekend, list) else []
        rest = frozenset(_DAYS.index(day) for day in days if day in _DAYS)
        if not isinstance(weekend, list) or len(rest) != len(weekend) or len(rest) > 3:
            table.wrong("weekend", f"must be a list of at most three of {', '.join(_DAYS)}")
    years: dict[int, YearSheet] = {}
    for year in tables(table, "year"):
        number = year.path[-1]
        if not (number.isascii() and number.isdecimal() and len(number) == 4):
            year.wrong("", "must be a year")
            continue
        years[int(number)] = YearSheet(_dates(year, "days_off", int(number)), _dates(year, "workdays", int(number)))
        year.done()
    sheet = CalendarSheet(country=country, subdivision=subdivision, weekend=rest, years=years)
    try:
        calendar_of(sheet)
    except ValueError as error:
        table.wrong("country", str(error))
        return CalendarSheet(country="")
    return sheet


_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _dates(table: Table, key: str, year: int) -> tuple[str, ...]:
    value = table.take(key)
    if not isinstance(value, list) or not all(type(day) is date for day in value):
        table.wrong(key, "must be a list of dates such as 2027-01-01")
        return ()
    for day in value:
        if day.year != year:
            table.wrong(key, f"{day} is not of {year}")
    return tuple(day.isoformat() for day in value if day.year == year)


def _read_plan(sheets: _Sheets, table: Table) -> None:
    name = table.path[-1]
    if name in sheets.plans:
        first = sheets.plans[name]
        table.wrong("", f"plan is defined twice, first at {first.file}:{first.line}")
    promises: list[Promise] = []
    for row in tables(table, "promise"):
        promise = _promise(sheets, row)
        for other in promises:
            shared = set(other.priorities) & set(promise.priorities)
            if other.clock is promise.clock and shared:
                row.wrong("priority", f"{promise.clock} is promised twice for {', '.join(sorted(shared))}")
        promises.append(promise)
    coverage = [_coverage(sub) for sub in [_inner(table, "coverage")] if sub is not None]
    sheets.plans[name] = Plan(
        name=name,
        title=table.translations("title"),
        source=table.text("source", required=True),
        coverage=coverage[0] if coverage else Coverage(),
        promises=tuple(promises),
        prices=tuple(_price(row) for row in tables(table, "price")),
        file=table.file,
        line=table.line,
    )
    table.done()


def _inner(table: Table, key: str) -> Table | None:
    value = table.take(key)
    if not isinstance(value, Mapping):
        table.wrong(key, "needs a table: what is free, and for how long")
        return None
    return Table(table.file, (*table.path, key), value, table.lines, table.mistakes)


def _coverage(table: Table) -> Coverage:
    provider = table.text("provider", default="vendor")
    if provider not in _PROVIDERS:
        table.wrong("provider", f"must be one of {', '.join(_PROVIDERS)}")
    quoted = table.words("quoted")
    for word in quoted:
        if word not in _QUOTED:
            table.wrong("quoted", f"{word!r} is none of {', '.join(_QUOTED)}")
    pre_consent = table.words("pre_consent")
    for word in pre_consent:
        if word not in _MANNERS:
            table.wrong("pre_consent", f"{word!r} is none of {', '.join(_MANNERS)}")
    coverage = Coverage(
        parts_years=table.number("parts_years", default=0, low=0, high=MAX_YEARS),
        labour_years=table.number("labour_years", default=0, low=0, high=MAX_YEARS),
        on_site_years=table.number("on_site_years", default=0, low=0, high=MAX_YEARS),
        provider=provider,
        carry_in=table.flag("carry_in"),
        same_engineer=table.flag("same_engineer"),
        phone_for_life=table.flag("phone_for_life"),
        quoted=quoted,
        pre_consent=pre_consent,
    )
    for word, years in (("parts", coverage.parts_years), ("labour", coverage.labour_years)):
        if years and word in quoted:
            table.wrong("quoted", f"{word} cannot be both free for {years} years and quoted")
    table.done()
    return coverage


def _promise(sheets: _Sheets, table: Table) -> Promise:
    window = sheets.windows.get(table.text("window", required=True))
    if window is None and table.values.get("window"):
        table.wrong("window", f"unknown window; there are {', '.join(sheets.windows)}")
    calendar = table.text("calendar", default="site")
    if calendar != "site" and calendar not in sheets.calendars:
        table.wrong("calendar", f"unknown calendar {calendar!r}")
    promise = Promise(
        clock=choice(table, "clock", ClockKind, ClockKind.ACKNOWLEDGE),
        priorities=choices(table, "priority", Priority, required=True),
        start=choice(table, "start", Moment, Moment.REPORTED),
        stop=choices(table, "stop", Moment, required=True),
        within_s=table.seconds("within"),
        coverage_days=table.number("coverage_day", default=0, low=1, high=MAX_COVERAGE_DAYS),
        window=window or _ANYTIME,
        cut_off_minute=_cut_off(table, window or _ANYTIME),
        calendar=calendar,
        pauses=frozenset(choices(table, "pauses", PauseReason)),
        self_repair_waives=table.flag("self_repair_waives"),
        set_up_days=table.number("set_up_days", default=0, low=1, high=365),
    )
    _check_promise(table, promise)
    table.done()
    return promise


def _cut_off(table: Table, window: Window) -> int | None:
    text = table.text("cut_off")
    minute = _minute(table, "cut_off", text) if text else None
    if minute is not None and not window.opens_minute < minute <= window.closes_minute:
        table.wrong("cut_off", "must lie within the hours of its window")
    return minute


def _check_promise(table: Table, promise: Promise) -> None:
    if bool(promise.within_s) == bool(promise.coverage_days):
        table.wrong("", 'needs either within = "4h" or coverage_day = 1')
    if promise.within_s > MAX_WITHIN_S:
        table.wrong("within", "must be 30 days at most")
    if promise.start in promise.stop:
        table.wrong("stop", f"{promise.start} is what starts it")
    if (promise.clock is ClockKind.VENDOR) != (promise.start is Moment.HANDED_TO_VENDOR):
        table.wrong("start", f"{Moment.HANDED_TO_VENDOR} starts the clock {ClockKind.VENDOR} and no other")


def _price(table: Table) -> Price:
    currency = table.text("currency", required=True)
    if not re.fullmatch(r"[A-Z]{3}", currency):
        table.wrong("currency", 'must be three letters such as "CNY"')
    low, high = _amount(table, "low"), _amount(table, "high")
    if low > high:
        table.wrong("high", "must not be below low")
    price = Price(
        machine=table.translations("machine"),
        currency=currency,
        low=low,
        high=high,
        years=table.number("years", default=1, low=1, high=MAX_YEARS),
    )
    table.done()
    return price


def _amount(table: Table, key: str) -> Decimal:
    """A whole number, or a text such as "1299.50": a binary fraction is no money."""
    value = table.take(key)
    try:
        good = isinstance(value, int | str) and not isinstance(value, bool)
        amount = Decimal(str(value)) if good else Decimal(-1)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        table.wrong(key, 'must be an amount, a whole number or a text such as "1299.50"')
        return Decimal(0)
    return amount
