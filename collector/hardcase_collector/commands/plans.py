"""`plans`: what plans promise, side by side, and a case's clocks from a file. Needs no running collector.

Clocks and their ledger are `plans/clocks.py`; words are in `plan_words.py`.
"""

from __future__ import annotations

import csv
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _
from hardcase_collector.tongue import language as spoken

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from hardcase_collector.commands.plan_words import Language
    from hardcase_collector.plans.clocks import Clock, Terms
    from hardcase_collector.plans.event_file import FiledCase
    from hardcase_collector.plans.plan import Plan, PlanBook, Promise

app = typer.Typer(no_args_is_help=True, help="Service plans: what they promise; what that means for a case.")

SheetsOption = Annotated[
    list[Path] | None, typer.Option("--sheets", help="Your own plans beside the built-in ones; file or folder; repeat.")
]
LangOption = Annotated[str, typer.Option("--lang", help="en or zh. Default: as before the command.")]


def _language(name: str) -> Language:
    from hardcase_collector.commands.plan_words import Language

    if name not in ("", *Language):
        raise typer.BadParameter(_("en or zh"), param_hint="--lang")
    return Language(name or spoken())


def _book(sheets: list[Path] | None) -> PlanBook:
    from hardcase_collector.plans.reader import load_plans

    with talk.named_errors():
        return load_plans(sheets)


def _plan(book: PlanBook, name: str) -> Plan:
    if name not in book.plans:
        talk.fail(_("no plan {name!r}; there are {names}").format(name=name, names=", ".join(sorted(book.plans))))
    return book.plans[name]


@app.command("list")
def plans_list(sheets: SheetsOption = None, lang: LangOption = "", as_json: JsonFlag = False) -> None:
    """List the plans."""
    from hardcase_collector.commands import plan_words as words

    language = _language(lang)
    book = _book(sheets)
    if as_json:
        talk.show_json([_plan_json(plan) for plan in book.plans.values()])
        return
    from hardcase_collector.domain.priority import Priority
    from hardcase_collector.plans.plan import ClockKind

    rows = (
        (
            plan.name,
            plan.title[language],
            *(
                words.promise(plan.promise(kind, Priority.P1), language)
                for kind in (ClockKind.ACKNOWLEDGE, ClockKind.ON_SITE, ClockKind.REPAIR)
            ),
            plan.file,
        )
        for plan in sorted(book.plans.values(), key=lambda plan: plan.name)
    )
    shown = ("plan", "title", "acknowledge", "on_site", "repair", "file")
    columns = [words.word(name, language) + (" (P1)" if name in shown[2:5] else "") for name in shown]
    talk.show_table("", columns, rows, empty=_("No plans."))


@app.command("show")
def plans_show(
    name: Annotated[str, typer.Argument(help="A plan.")],
    sheets: SheetsOption = None,
    lang: LangOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Show what one plan covers, promises and costs, and where its figures come from."""
    _side_by_side([name], sheets, lang, as_json=as_json, with_source=True)


@app.command("compare")
def plans_compare(
    names: Annotated[list[str], typer.Argument(help="Two plans or more.")],
    sheets: SheetsOption = None,
    lang: LangOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Show promises, coverage and prices of plans side by side."""
    if len(set(names)) < 2:
        raise typer.BadParameter(_("two different plans or more"), param_hint="NAMES")
    _side_by_side(list(dict.fromkeys(names)), sheets, lang, as_json=as_json, with_source=False)


def _side_by_side(names: list[str], sheets: list[Path] | None, lang: str, *, as_json: bool, with_source: bool) -> None:
    from hardcase_collector.commands import plan_words as words
    from hardcase_collector.plans.comparison import compare

    language = _language(lang)
    book = _book(sheets)
    plans = [_plan(book, name) for name in names]
    if as_json:
        shown = [_plan_json(plan) for plan in plans]
        talk.show_json(shown[0] if with_source else shown)
        return
    rows: list[tuple[object, ...]] = [(words.word("title", language), *(plan.title[language] for plan in plans))]
    for line in compare(plans):
        heading = f"{words.word(line.clock, language)} {' '.join(line.priorities)}"
        rows.append((heading, *(words.promise(one, language) for one in line.promises)))
    covered = [words.coverage(plan.coverage, language) for plan in plans]
    rows.extend((heading, *(one[heading] for one in covered)) for heading in covered[0])
    for number in range(max(1, *(len(plan.prices) for plan in plans))):
        cells = (words.price(plan.prices[number], language) if number < len(plan.prices) else "-" for plan in plans)
        rows.append((words.word("price", language), *cells))
    if with_source:
        rows.append((words.word("source", language), plans[0].source))
    talk.show_table("", [words.word("promise", language), *names], rows, empty="")


@app.command("check")
def plans_check(paths: Annotated[list[Path], typer.Argument(help="Sheets of plans, or folders of them.")]) -> None:
    """Check sheets of plans together with the built-in ones; lists every mistake."""
    from hardcase_collector.domain.errors import SheetError
    from hardcase_collector.plans.reader import load_plans

    try:
        load_plans(paths)
    except SheetError as error:
        for mistake in error.mistakes:
            talk.say(mistake)
        raise typer.Exit(talk.FAILED) from None
    talk.say(_("The sheets are right."))


@app.command("ledger")
def plans_ledger(
    events: Annotated[Path, typer.Argument(help="A case's timeline as TOML (collector/README.md).")],
    plan: Annotated[str, typer.Option(help="The plan it is served under.")],
    now: Annotated[str, typer.Option(help="As of this time, with offset (2026-11-23T09:00+08:00). Default: now.")] = "",
    sheets: SheetsOption = None,
    lang: LangOption = "",
    as_json: JsonFlag = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the ledger alone, as CSV.")] = False,
) -> None:
    """Show the clocks of a case under a plan, with a reason for every minute."""
    from hardcase_collector.plans.almanac import calendar_of
    from hardcase_collector.plans.calendar import ms_of
    from hardcase_collector.plans.clocks import Terms, clocks
    from hardcase_collector.plans.event_file import load_case

    language = _language(lang)
    book = _book(sheets)
    with talk.named_errors():
        case = load_case(events)
    terms = Terms(
        plan=_plan(book, plan),
        priority=case.priority,
        zone=case.zone,
        calendar=case.calendar,
        calendars={name: calendar_of(sheet) for name, sheet in book.calendars.items()},
        entitled_from=case.entitled_from,
    )
    now_ms = ms_of(_now(now))
    found = clocks(case.events, terms, now_ms)
    if as_csv:
        _csv(case, found)
    elif as_json:
        talk.show_json(
            {
                "case": case.number,
                "plan": plan,
                "priority": str(case.priority),
                "now": _at(now_ms, case.zone),
                "clocks": [_clock_json(clock, case.zone) for clock in found],
            }
        )
    else:
        _clock_tables(case, terms, found, language)


def _now(text: str) -> datetime:
    if not text:
        return datetime.now(UTC)
    try:
        now = datetime.fromisoformat(text)
    except ValueError:
        now = None
    if now is None or now.tzinfo is None:
        raise typer.BadParameter(_("a time with its offset such as 2026-11-23T09:00+08:00"), param_hint="--now")
    return now


def _clock_tables(case: FiledCase, terms: Terms, found: tuple[Clock, ...], language: Language) -> None:
    from hardcase_collector.commands import plan_words as words

    def say(*names: str) -> list[str]:
        return [words.word(name, language) for name in names]

    rows = (
        (
            _name(clock, language),
            *say(clock.state),
            *(say(clock.reason) if clock.reason else "-"),
            words.promise(clock.promise, language),
            _at(clock.started_ms, case.zone),
            _at(clock.due_ms, case.zone) + (" *" if clock.provisional else ""),
            _at(clock.stopped_ms, case.zone) if clock.stopped_ms is not None else "-",
            f"{clock.used_percent} %",
            words.duration(clock.left_ms),
            *say(clock.forecast),
        )
        for clock in found
    )
    heads = say("clock", "state", "why", "promise", "started", "due", "stopped", "used", "left", "forecast")
    title = f"{case.number}  {case.priority}  {terms.plan.title[language]}"
    talk.show_table(title, heads, rows, empty=f"{title}: -")
    if any(clock.provisional for clock in found):
        talk.say("* " + words.word("provisional", language))
    for clock in found:
        lines = (
            (
                _at(line.from_ms, case.zone),
                _at(line.to_ms, case.zone),
                words.duration(line.length_ms),
                *say(line.reason),
                line.actor or "-",
            )
            for line in clock.ledger
        )
        talk.say()
        talk.show_table(
            _name(clock, language), say("from", "to", "length", "reason", "by"), lines, empty=_name(clock, language)
        )


def _name(clock: Clock, language: Language) -> str:
    from hardcase_collector.commands import plan_words as words

    name = words.word(clock.kind, language)
    return f"{name} {clock.round}" if clock.round > 1 else name


def _csv(case: FiledCase, found: tuple[Clock, ...]) -> None:
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(("case", "clock", "round", "from", "to", "seconds", "reason", "counts", "actor", "provisional"))
    for clock in found:
        for line in clock.ledger:
            times = (_at(line.from_ms, case.zone), _at(line.to_ms, case.zone), line.length_ms / 1000)
            told = (str(line.reason), int(line.counts), _cell(line.actor), int(line.provisional))
            out.writerow((_cell(case.number), str(clock.kind), clock.round, *times, *told))


def _cell(text: str) -> str:
    """A spreadsheet takes such a text for a formula, which may fetch or run things."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") and text != "-" else text


def _at(at_ms: int, zone: ZoneInfo) -> str:
    from hardcase_collector.plans.calendar import datetime_of

    return datetime_of(at_ms).astimezone(zone).isoformat(timespec="seconds")


def _clock_json(clock: Clock, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "clock": clock.kind,
        "round": clock.round,
        "state": clock.state,
        "reason": clock.reason,
        "actor": clock.actor or None,
        "promise": _promise_json(clock.promise),
        "started": _at(clock.started_ms, zone),
        "due": _at(clock.due_ms, zone),
        "stopped": _at(clock.stopped_ms, zone) if clock.stopped_ms is not None else None,
        "budget_ms": clock.budget_ms,
        "used_ms": clock.used_ms,
        "left_ms": clock.left_ms,
        "used_percent": clock.used_percent,
        "forecast": clock.forecast,
        "provisional": clock.provisional,
        "steps": [
            {"percent": step.percent, "at": _at(step.at_ms, zone), "reached": step.reached} for step in clock.steps
        ],
        "ledger": [
            {
                "from": _at(line.from_ms, zone),
                "to": _at(line.to_ms, zone),
                "ms": line.length_ms,
                "reason": line.reason,
                "counts": line.counts,
                "actor": line.actor or None,
                "provisional": line.provisional,
            }
            for line in clock.ledger
        ],
    }


def _promise_json(promise: Promise) -> dict[str, Any]:
    return {
        "clock": promise.clock,
        "priority": list(promise.priorities),
        "start": promise.start,
        "stop": list(promise.stop),
        "within_s": promise.within_s or None,
        "coverage_day": promise.coverage_days or None,
        "window": promise.window.name,
        "cut_off_minute": promise.cut_off_minute,
        "calendar": promise.calendar,
        "pauses": sorted(promise.pauses),
        "self_repair_waives": promise.self_repair_waives,
        "set_up_days": promise.set_up_days,
    }


def _plan_json(plan: Plan) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "plan": plan.name,
        "title": dict(plan.title),
        "source": plan.source,
        "coverage": asdict(plan.coverage),
        "promises": [_promise_json(one) for one in plan.promises],
        "prices": [
            {
                "machine": dict(one.machine),
                "currency": one.currency,
                "low": str(one.low),
                "high": str(one.high),
                "years": one.years,
            }
            for one in plan.prices
        ],
        "file": plan.file,
    }
