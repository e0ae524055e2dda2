"""Sheets of plans: what is shipped, and how every mistake is told with its line."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hardcase_collector.domain.errors import SheetError
from hardcase_collector.domain.priority import Priority
from hardcase_collector.plans.comparison import compare
from hardcase_collector.plans.event_file import load_case, read_case
from hardcase_collector.plans.plan import ClockKind, Moment
from hardcase_collector.plans.reader import load_plans
from hardcase_collector.sheets.lines import entry_lines
from hardcase_collector.sheets.table import Mistakes

GOOD = """\
[window."6x10"]
days = "workdays"
hours = "08:00-18:00"

[calendar.factory]
country = "CN"
weekend = ["sunday"]
[calendar.factory.year.2027]
days_off = [2027-01-01]
workdays = []

[plan.mine]
title = { en = "Mine", zh = "自有" }
source = "Our contract 12/2026"

[plan.mine.coverage]
parts_years = 3

[plan.mine.promise.on_site]
clock = "on_site"
priority = ["P1", "P2"]
start = "reported"
stop = ["arrived"]
within = "6h"
window = "6x10"
calendar = "factory"

[plan.mine.price.all]
machine = { en = "all", zh = "全部" }
currency = "EUR"
low = "1299.50"
high = 2000
"""


def mistakes(tmp_path: Path, text: str) -> tuple[str, ...]:
    sheet = tmp_path / "mine.toml"
    sheet.write_text(text, encoding="utf-8")
    with pytest.raises(SheetError) as refused:
        load_plans([sheet])
    return tuple(line.replace(str(sheet), "mine.toml") for line in refused.value.mistakes)


def test_the_nine_plans_are_shipped_in_both_languages() -> None:
    plans = load_plans().plans
    assert set(plans) == {
        *("standard-1y", "standard-3y", "labour-5y", "gold-7x24x4", "gold-repair"),
        *("silver", "bronze", "parts-only", "out-of-warranty"),
    }
    assert all(plan.title["en"] and plan.title["zh"] and plan.source for plan in plans.values())


def test_gold_says_what_gold_was_sold_with() -> None:
    gold, repair = (load_plans().plans[name] for name in ("gold-7x24x4", "gold-repair"))
    on_site = gold.promise(ClockKind.ON_SITE, Priority.P4)
    assert on_site is not None
    assert (on_site.within_s, on_site.window.always) == (4 * 3600, True)
    assert (gold.prices[0].low, gold.prices[0].high) == (Decimal(1400), Decimal(6220))
    first, third = (repair.promise(ClockKind.REPAIR, one) for one in (Priority.P1, Priority.P3))
    assert first is not None
    assert third is not None
    assert (first.within_s, first.set_up_days, third.start) == (6 * 3600, 30, Moment.AGREED)
    assert load_plans().plans["out-of-warranty"].promises == ()


def test_a_sheet_of_ones_own_stands_beside_them(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD, encoding="utf-8")
    book = load_plans([tmp_path])
    assert book.plans["mine"].prices[0].low == Decimal("1299.50")
    assert book.calendars["factory"].weekend == {6}
    assert book.plans["mine"].promises[0].window == book.windows["6x10"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            'within = "6h"',
            "",
            'mine.toml:19: plan.mine.promise.on_site: needs either within = "4h" or coverage_day = 1',
        ),
        ('within = "6h"', 'within = "6 hours"', "mine.toml:24: plan.mine.promise.on_site.within: must be a duration"),
        ('within = "6h"', 'within = "31d"', "mine.toml:24: plan.mine.promise.on_site.within: must be 30 days at most"),
        ('window = "6x10"', 'window = "9x9"', "mine.toml:25: plan.mine.promise.on_site.window: unknown window"),
        ('start = "reported"', 'start = "arrived"', "mine.toml:23: plan.mine.promise.on_site.stop: arrived is what"),
        ('start = "reported"', 'start = "repotred"', "mine.toml:22: plan.mine.promise.on_site.start: must be one of"),
        ('["P1", "P2"]', '["P1", "P5"]', "mine.toml:21: plan.mine.promise.on_site.priority: 'P5' is none of"),
        (
            'calendar = "factory"',
            'calendar = "x"',
            "mine.toml:26: plan.mine.promise.on_site.calendar: unknown calendar",
        ),
        ('calendar = "factory"', 'colour = "x"', "mine.toml:26: plan.mine.promise.on_site.colour: unknown key"),
        (
            'calendar = "factory"',
            'cut_off = "19:00"',
            "mine.toml:26: plan.mine.promise.on_site.cut_off: must lie within",
        ),
        ("high = 2000", "high = 1000", "mine.toml:32: plan.mine.price.all.high: must not be below low"),
        ("high = 2000", "high = 1e3", "mine.toml:32: plan.mine.price.all.high: must be an amount"),
        ('"EUR"', '"Euro"', "mine.toml:30: plan.mine.price.all.currency: must be three letters"),
        ('"08:00-18:00"', '"02:00-18:00"', "mine.toml:3: window.6x10.hours: must begin and end at midnight or"),
        ('"08:00-18:00"', '"18:00-08:00"', "mine.toml:3: window.6x10.hours: must be an hour at least"),
        ('country = "CN"', 'country = "XX"', "mine.toml:6: calendar.factory.country: Country XX not available"),
        ('["sunday"]', '["sonntag"]', "mine.toml:7: calendar.factory.weekend: must be a list of at most three"),
        ("[2027-01-01]", "[2028-01-01]", "mine.toml:9: calendar.factory.year.2027.days_off: 2028-01-01 is not of 2027"),
        (', zh = "自有"', "", "mine.toml:13: plan.mine.title.zh: translation is missing"),
        (
            "[plan.mine]",
            "[plan.silver]",
            "mine.toml:12: plan.silver: plan is defined twice, first at silver-bronze.toml",
        ),
        (
            "parts_years = 3",
            'parts_years = 3\nquoted = ["parts"]',
            "mine.toml:18: plan.mine.coverage.quoted: parts cannot",
        ),
    ],
)
def test_every_mistake_is_told_with_file_line_and_key(tmp_path: Path, old: str, new: str, told: str) -> None:
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    found = mistakes(tmp_path, text)
    assert [line for line in found if line.startswith(told)], found


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    found = mistakes(tmp_path, GOOD.replace('"6h"', '"x"').replace("EUR", "E").replace("sunday", "x"))
    assert len(found) >= 3


def test_a_clock_cannot_be_promised_twice_for_one_priority(tmp_path: Path) -> None:
    row = GOOD[GOOD.index("[plan.mine.promise") : GOOD.index("[plan.mine.price")]
    (told,) = mistakes(tmp_path, GOOD + "\n" + row.replace("promise.on_site", "promise.again"))
    assert told.endswith("on_site is promised twice for P1, P2")


def test_comparison_has_a_line_for_each_difference_by_priority() -> None:
    plans = load_plans().plans
    lines = compare([plans["standard-3y"], plans["gold-repair"]])
    repair = [line for line in lines if line.clock is ClockKind.REPAIR]
    assert [line.priorities for line in repair] == [(Priority.P1, Priority.P2), (Priority.P3, Priority.P4)]
    assert all(line.promises[0] is None and line.promises[1] is not None for line in repair)
    same = compare([plans["silver"], replace(plans["silver"], name="other")])
    assert all(line.promises[0] == line.promises[1] for line in same)


CASE = """\
[case]
severity = "critical"
service_state = "down"

[site]
time_zone = "Asia/Shanghai"
country = "CN"

[[event]]
at = 2026-11-23T09:00:00+08:00
code = "opened"
actor = "collector"

[[event]]
at = 2026-11-23T10:00:00+08:00
code = "moved"
to = "closed"
actor = "wang"
"""


def test_a_case_from_a_file_is_what_the_desk_would_have_written() -> None:
    found = Mistakes()
    case = read_case("case.toml", CASE, found)
    assert found.lines() == ()
    assert case.priority is Priority.P1
    assert [event.code for event in case.events] == ["opened", "closed"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('to = "closed"', 'to = "shut"', "case.toml:17: event.to: must be one of new"),
        ('code = "moved"', 'code = "jumped"', "case.toml:16: event.code: must be one of opened"),
        ("at = 2026-11-23T10:00:00+08:00", "at = 2026-11-23", "case.toml:15: event.at: must be a time with its offset"),
        ("T10:00", "T08:00", "case.toml:9: event: the first and earliest must be opened"),
        ("Asia/Shanghai", "Asia/Atlantis", "case.toml:6: site.time_zone: there is no time zone 'Asia/Atlantis'"),
        ('"critical"', '"dreadful"', "case.toml:2: case.severity: must be one of"),
        ('actor = "wang"', "", "case.toml:14: event.actor: is missing"),
    ],
)
def test_a_mistake_in_a_case_has_its_line(old: str, new: str, told: str) -> None:
    found = Mistakes()
    read_case("case.toml", CASE.replace(old, new, 1), found)
    assert [line for line in found.lines() if line.startswith(told)], found.lines()


@pytest.mark.parametrize("text", ["", "event = 3", "[case\n", "[[event]]\n", "[site]\nyear = 3\n"])
def test_no_file_is_so_broken_that_it_is_not_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "case.toml"
    path.write_text(text)
    with pytest.raises(SheetError):
        load_case(path)


def test_entries_of_an_array_of_tables_have_their_lines() -> None:
    first, second = entry_lines(CASE, "event")
    assert (first[("event", "code")], second[("event", "code")]) == (11, 16)
