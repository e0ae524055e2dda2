"""`hardcase-collector engineers ...`, `cases dispatch|visit|suggest|access ...`: who is sent, and the way in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.asking import at_ms
from hardcase_collector.commands.repairs import Number, Reason, Who, path, show_links
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import LANGUAGES, _, heads, word

app = typer.Typer()
access = typer.Typer(no_args_is_help=True, help="The way into the machine room: applied for, approved, refused.")
engineers = typer.Typer(no_args_is_help=True, help="Engineers who can be sent.")
app.add_typer(access, name="access")

_HOURS = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")

Name = Annotated[str, typer.Argument(help="Short name of the engineer.")]
Title = Annotated[str | None, typer.Option(help="As people call him.")]
Mail = Annotated[str | None, typer.Option(help="Mail address.")]
Phone = Annotated[str | None, typer.Option(help="Telephone number.")]
Language = Annotated[str | None, typer.Option(help="In which he is written to: en or zh.")]
Speaks = Annotated[list[str] | None, typer.Option("--speaks", help="A language he speaks; repeat.")]
Skills = Annotated[list[str] | None, typer.Option("--skill", help="A component as disk; repeat. None: everything.")]
Vendors = Annotated[list[str] | None, typer.Option("--vendor", help="Whose machines; repeat. None: everybody's.")]
Home = Annotated[str | None, typer.Option(help="Site where he is, as customer/site.")]
Sites = Annotated[list[str] | None, typer.Option("--site", help="A site he serves, as customer/site; repeat.")]
Team = Annotated[str | None, typer.Option(help="His team.")]
Zone = Annotated[str | None, typer.Option(help="Time zone of his hours, as Asia/Shanghai.")]
Hours = Annotated[str | None, typer.Option(help="As 09:00-18:00; 22:00-06:00 is a shift through midnight.")]
Days = Annotated[str | None, typer.Option(help="Weekdays, Monday = 1, as 1-5 or 1,3,5.")]
Active = Annotated[bool | None, typer.Option("--active/--inactive", help="May be sent.")]


class StepWord(StrEnum):
    ACCEPT = "accept"
    DECLINE = "decline"
    DEPART = "depart"
    ARRIVE = "arrive"
    FINISH = "finish"
    FAIL = "fail"
    CANCEL = "cancel"


@engineers.command("list")
def list_engineers(
    ctx: typer.Context,
    all: Annotated[bool, typer.Option("--all", help="Inactive ones too.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List engineers and how many open visits each has."""
    found = talk.get(ctx, "/engineers", all=all)["engineers"]
    if as_json:
        talk.show_json(found)
        return
    rows = (
        (
            one["name"],
            one["title"],
            ", ".join(one["components"]) or "*",
            ", ".join(one["vendors"]) or "*",
            one["home"] or "-",
            ", ".join(one["sites"]) or "*",
            one["open_visits"],
        )
        for one in found
    )
    columns = heads("name", "title", "skills", "vendors", "home", "sites", "open visits")
    talk.show_table("", columns, rows, empty=_("No engineers."))


@engineers.command()
def add(
    ctx: typer.Context,
    name: Name,
    title: Title = None,
    mail: Mail = None,
    phone: Phone = None,
    language: Language = None,
    speaks: Speaks = None,
    skill: Skills = None,
    vendor: Vendors = None,
    home: Home = None,
    site: Sites = None,
    team: Team = None,
    zone: Zone = None,
    hours: Hours = None,
    days: Days = None,
    as_json: JsonFlag = False,
) -> None:
    """Add an engineer."""
    given = _given(ctx.params)
    for spoken in (one for one in speaks or () if one in LANGUAGES):
        given.setdefault("language", spoken)
    _keep(ctx, name, given, add=True, as_json=as_json)


@engineers.command()
def change(
    ctx: typer.Context,
    name: Name,
    title: Title = None,
    mail: Mail = None,
    phone: Phone = None,
    language: Language = None,
    speaks: Speaks = None,
    skill: Skills = None,
    vendor: Vendors = None,
    home: Home = None,
    site: Sites = None,
    team: Team = None,
    zone: Zone = None,
    hours: Hours = None,
    days: Days = None,
    active: Active = None,
    as_json: JsonFlag = False,
) -> None:
    """Change what is given; lists are replaced whole."""
    given = _given(ctx.params)
    if not given:
        talk.fail(_("say what to change"), 2)
    _keep(ctx, name, given, add=False, as_json=as_json)


_NAMES = {"speaks": "languages", "skill": "components", "vendor": "vendors", "site": "sites", "zone": "time_zone"}
"""Options that are called otherwise than what they set."""


def _given(told: Mapping[str, Any]) -> dict[str, object]:
    """What of the options was given; a list that was not comes as none or as empty."""
    given = {_NAMES.get(name, name): value for name, value in told.items() if value not in (None, [], ())}
    for name in ("name", "as_json"):
        given.pop(name, None)
    if "hours" in given:
        given["opens_minute"], given["closes_minute"] = _minutes(str(given.pop("hours")))
    if "days" in given:
        given["days"] = _days(str(given["days"]))
    return given


def _minutes(text: str) -> tuple[int, int]:
    told = _HOURS.fullmatch(text)
    if told is None:
        talk.fail(_("{text} are no hours; write 09:00-18:00").format(text=text), 2)
    opens, to, closes, until = map(int, told.groups())
    return opens * 60 + to, closes * 60 + until


def _days(text: str) -> list[int]:
    days: list[int] = []
    for piece in text.split(","):
        first, dash, last = piece.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            talk.fail(_("{text} are no weekdays; write 1-5").format(text=text), 2)
        days += range(int(first) - 1, int(last or first))
    return days


def _keep(ctx: typer.Context, name: str, given: Mapping[str, object], *, add: bool, as_json: bool) -> None:
    route = f"/engineers/{talk.in_path(name)}" + ("?add=true" if add else "")
    kept = talk.post(ctx, route, **given)["engineer"]
    if as_json:
        talk.show_json(kept)
    else:
        talk.say(_("{name} is in the book").format(name=kept["name"]))


@engineers.command()
def suggest(ctx: typer.Context, number: Number, as_json: JsonFlag = False) -> None:
    """Who comes first for a case, and why."""
    found = talk.get(ctx, path(number, "suggestions"))["suggestions"]
    if as_json:
        talk.show_json(found)
        return
    rows = (
        (
            one["engineer"]["name"],
            _yes(one["same"]),
            _yes(one["skilled"]),
            _near(one["near"]),
            _yes(one["speaks"]),
            _yes(one["at_work"]),
            one["load"],
        )
        for one in found
    )
    columns = heads("engineer", "was there before", "skilled", "near", "speaks", "at work", "open visits")
    talk.show_table("", columns, rows, empty=_("No engineers."))


@engineers.command()
def satisfaction(
    ctx: typer.Context,
    by: Annotated[str, typer.Option(help="engineer or plan.")] = "engineer",
    days: Annotated[int, typer.Option(min=1, max=3660, help="Of the last so many days.")] = 365,
    customer: Annotated[str | None, typer.Option(help="Only this customer's.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """What customers answered after the repair, 1 to 5."""
    found = talk.get(ctx, "/satisfaction", by=by, days=days, customer=customer)["satisfaction"]
    if as_json:
        talk.show_json(found)
        return
    rows = ((one["name"] or "-", one["answers"], one["mean"], one["low"], *one["scores"]) for one in found)
    columns = (*heads("name", "answers", "mean", "1 or 2"), "1", "2", "3", "4", "5")
    talk.show_table("", columns, rows, empty=_("No answers yet."))


@engineers.command("visits")
def list_visits(
    ctx: typer.Context,
    engineer: Annotated[str | None, typer.Option(help="Only his.")] = None,
    customer: Annotated[str | None, typer.Option(help="Only this customer's.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List open visits."""
    found = talk.get(ctx, "/visits", engineer=engineer, customer=customer)["visits"]
    if as_json:
        talk.show_json(found)
        return
    rows = (
        (
            one["case_number"],
            one["number"],
            one["engineer"],
            word(f"dispatch.{one['state']}"),
            talk.time(one["expected_ms"]),
            talk.time(one["answer_by_ms"]),
        )
        for one in found
    )
    columns = heads("case", "visit", "engineer", "state", "expected on site", "answer by")
    talk.show_table("", columns, rows, empty=_("No open visits."))


@app.command()
def dispatch(
    ctx: typer.Context,
    number: Number,
    engineer: Annotated[str, typer.Argument(help="Default: who comes first, see `engineers suggest`.")] = "",
    expected: Annotated[str, typer.Option(help="Arrival, as 2026-01-31T08:00.")] = "",
    minutes: Annotated[int, typer.Option(min=0, help="How long he will be busy there.")] = 0,
    answer_within: Annotated[int, typer.Option(min=0, help="Minutes; unanswered it goes to the next. 0: no end.")] = 30,
    only: Annotated[bool, typer.Option("--only", help="Declined or unanswered it goes to nobody else.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Ask an engineer to go. His link is shown once."""
    sent = talk.post(
        ctx, path(number, "dispatch"), engineer=engineer, expected_ms=at_ms(expected) or 0, duration_s=minutes * 60,
        answer_within_s=answer_within * 60, automatic=not only,
    )  # fmt: skip
    if as_json:
        talk.show_json(sent)
        return
    visit = sent["visit"]
    talk.say(_("visit {number}: {engineer} is asked").format(number=visit["number"], engineer=visit["engineer"]))
    if sent["overlaps"]:
        talk.complain(_("he has other visits at that time: {cases}").format(cases=", ".join(sent["overlaps"])))
    show_links(sent["links"])


@app.command()
def visit(
    ctx: typer.Context,
    number: Number,
    step: Annotated[StepWord, typer.Argument(help="What the engineer did, or what becomes of his visit.")],
    visit: Annotated[int, typer.Option(help="Number of the visit. Default: the newest that is open.")] = 0,
    text: Annotated[str, typer.Option(help="Result, or reason for declining, failing, cancelling.")] = "",
    expected: Annotated[str, typer.Option(help="Arrival, as 2026-01-31T08:00.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Take a step of a visit."""
    route = path(number, "visits", str(visit), step)
    done = talk.post(ctx, route, text=text, expected_ms=at_ms(expected) or 0)
    if as_json:
        talk.show_json(done)
        return
    told = done["visit"]
    state = word(f"dispatch.{told['state']}")
    talk.say(f"{told['engineer']}: {state}, {word('state.' + done['state'])}")


@access.command()
def apply(
    ctx: typer.Context,
    number: Number,
    name: Annotated[list[str], typer.Option("--name", help="Who will come; repeat.")],
    begins: Annotated[str, typer.Option("--from", help="As 2026-01-31T08:00.")],
    ends: Annotated[str, typer.Option("--until", help="As 2026-01-31T18:00.")],
    as_json: JsonFlag = False,
) -> None:
    """Note that access was applied for. Clocks stand still where the plan allows it."""
    made = talk.post(ctx, path(number, "access"), names=name, from_ms=at_ms(begins), until_ms=at_ms(ends))
    _show_access(made, as_json)


@access.command()
def approve(
    ctx: typer.Context,
    number: Number,
    who: Who,
    reference: Annotated[str, typer.Option(help="The customer's number of it.")] = "",
    begins: Annotated[str, typer.Option("--from", help="Where another time is approved.")] = "",
    ends: Annotated[str, typer.Option("--until", help="Where another time is approved.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Note that access was approved."""
    times = {"from_ms": at_ms(begins) or 0, "until_ms": at_ms(ends) or 0}
    _show_access(talk.post(ctx, path(number, "access", "approve"), who=who, reference=reference, **times), as_json)


@access.command()
def refuse(ctx: typer.Context, number: Number, who: Who, reason: Reason, as_json: JsonFlag = False) -> None:
    """Note that access was refused."""
    _show_access(talk.post(ctx, path(number, "access", "refuse"), who=who, reason=reason), as_json)


@access.command()
def withdraw(ctx: typer.Context, number: Number, as_json: JsonFlag = False) -> None:
    """Access is no longer needed."""
    _show_access(talk.post(ctx, path(number, "access", "withdraw"), who=""), as_json)


def _show_access(made: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        talk.show_json(made)
        return
    told = made["access"]
    state = word(f"access.{told['state']}")
    talk.say(f"{state}: {talk.time(told['from_ms'])} - {talk.time(told['until_ms'])}, {_people(told['names'])}")


def _people(names: Sequence[str]) -> str:
    return ", ".join(names)


def _near(rank: int) -> str:
    return (_("at home there"), _("serves it"), _("same country"), _("elsewhere"))[rank]


def _yes(value: bool) -> str:
    return _("yes") if value else "-"
