"""`plans`: what plans promise, side by side, and a case's clocks from a file. Needs no running collector.

Clocks and their ledger are `plans/clocks.py`; words are in `plan_words.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hardcase_collector.commands import calendars, clock_tables, talk
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _
from hardcase_collector.tongue import language as spoken

if TYPE_CHECKING:
    from hardcase_collector.commands.plan_words import Language
    from hardcase_collector.plans.plan import Plan, PlanBook

app = typer.Typer(no_args_is_help=True, help="Service plans: what they promise; what that means for a case.")
app.add_typer(calendars.app, name="calendar")

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
    ctx: typer.Context,
    names: Annotated[list[str], typer.Argument(help="Two plans or more.")],
    asset: Annotated[str, typer.Option(help="What they would have meant for this asset's cases.")] = "",
    customer: Annotated[str, typer.Option(help="The same for all cases of a customer.")] = "",
    fleet: Annotated[bool, typer.Option("--fleet", help="The same for all cases there are.")] = False,
    days: Annotated[int, typer.Option(min=1, max=3660, help="Cases of so many days.")] = 365,
    sheets: SheetsOption = None,
    lang: LangOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Show promises, coverage and prices of plans side by side, and what they would have meant for cases that were.

    With --asset, --customer or --fleet the running collector is asked, whose own sheets count.
    """
    if len(set(names)) < 2:
        raise typer.BadParameter(_("two different plans or more"), param_hint="NAMES")
    names = list(dict.fromkeys(names))
    if not (asset or customer or fleet):
        _side_by_side(names, sheets, lang, as_json=as_json, with_source=False)
        return
    from hardcase_collector.commands import plan_review

    review = talk.post(ctx, "/plans/compare", plans=names, asset=asset, customer=customer, days=days)
    if as_json:
        talk.show_json(review)
        return
    _side_by_side(names, sheets, lang, as_json=False, with_source=False)
    plan_review.show(review, names, _language(lang))


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
    from hardcase_collector.cases.priorities import load_service
    from hardcase_collector.domain.errors import SheetError
    from hardcase_collector.plans.reader import load_plans

    mistakes: set[str] = set()
    for load in (load_plans, load_service):
        try:
            load(paths)
        except SheetError as error:
            mistakes.update(error.mistakes)
    for mistake in sorted(mistakes):
        talk.say(mistake)
    if mistakes:
        raise typer.Exit(talk.FAILED)
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
    from hardcase_collector.plans.clocks import clocks
    from hardcase_collector.plans.event_file import load_case
    from hardcase_collector.plans.legs import Terms
    from hardcase_collector.plans.told import clock_facts, iso

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
    found = [clock_facts(clock, case.zone) for clock in clocks(case.events, terms, now_ms)]
    if as_csv:
        clock_tables.write_csv(case.number, found)
    elif as_json:
        talk.show_json(
            {
                "case": case.number,
                "plan": plan,
                "priority": str(case.priority),
                "now": iso(now_ms, case.zone),
                "clocks": found,
            }
        )
    else:
        title = f"{case.number}  {case.priority}  {terms.plan.title[language]}"
        clock_tables.show(title, found, language, with_ledger=True)


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


def _plan_json(plan: Plan) -> dict[str, Any]:
    from dataclasses import asdict

    from hardcase_collector.plans.told import promise_facts

    return {
        "plan": plan.name,
        "title": dict(plan.title),
        "source": plan.source,
        "coverage": asdict(plan.coverage),
        "promises": [promise_facts(one) for one in plan.promises],
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
