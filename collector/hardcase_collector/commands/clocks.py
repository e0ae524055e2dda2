"""`hardcase-collector cases ...`: the queue, clocks and ledgers, and how a case is handled. Joined to `cases.py`'s app.

Times that are typed are ISO texts; without an offset they are of this machine's zone.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hardcase_collector.commands import clock_tables, talk
from hardcase_collector.commands.cases import Number
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _, heads, language, word

if TYPE_CHECKING:
    from hardcase_collector.commands.plan_words import Language

app = typer.Typer()

Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; stands on the timeline.")]
Time = Annotated[str, typer.Argument(help="Such as 2026-11-23T14:00 or 2026-11-23T14:00+08:00.")]
Text = Annotated[str, typer.Option("--text", "-t", help="More about it, for the timeline.")]
PauseReason = Annotated[
    str,
    typer.Option(
        "--reason",
        "-r",
        help="customer_deferral, waiting_for_customer, waiting_for_part, waiting_for_vendor, no_site_access or "
        "force_majeure.",
    ),
]


@app.command()
def queue(
    ctx: typer.Context,
    customer: Annotated[str | None, typer.Option(help="Only this customer's.")] = None,
    assignee: Annotated[str | None, typer.Option(help="Only what this person works on.")] = None,
    visiting: Annotated[
        str | None, typer.Option(help="With --assignee: also what this engineer is asked to visit.")
    ] = None,
    unassigned: Annotated[bool, typer.Option("--unassigned", help="Only what nobody works on.")] = False,
    waiting: Annotated[str | None, typer.Option(help="customer, part, vendor or access.")] = None,
    team: Annotated[str | None, typer.Option(help="Only this team's.")] = None,
    site: Annotated[str | None, typer.Option(help="Only at this site.")] = None,
    priority: Annotated[str | None, typer.Option(help="P1, P2, P3 or P4.")] = None,
    follow_ups: Annotated[bool, typer.Option("--follow-ups", help="Closed cases whose follow-up is owed.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="The most urgent so many.")] = 200,
    as_json: JsonFlag = False,
) -> None:
    """List open cases by the time left on their nearest clock."""
    answer = talk.get(
        ctx,
        "/queue",
        customer=customer,
        assignee=assignee,
        visiting=visiting,
        unassigned=unassigned,
        waiting=waiting,
        team=team,
        site=site,
        priority=priority,
        follow_ups=follow_ups,
        limit=limit,
    )
    if answer["more"]:
        talk.complain(_("only the first {limit} are listed; --limit lists more").format(limit=limit))
    if as_json:
        talk.show_json(answer)
        return
    rows = (_queue_row(line) for line in answer["queue"])
    columns = heads(
        "case", "priority", "severity", "state", "asset", "fault", "clock", "due", "left", "waits for", "works on it"
    )
    talk.show_table("", columns, rows, empty=_("No cases."))


def _queue_row(line: dict[str, Any]) -> tuple[object, ...]:
    case, clock = line["case"], line["clock"]
    return (
        case["number"],
        case["priority"],
        talk.severity(case["severity"]),
        word(f"state.{case['state']}"),
        line["asset_name"],
        line["titles"][language()],
        *_clock_cells(clock),
        word(f"waiting.{case['waiting']}") if case["waiting"] else "-",
        case["assignee"] or "-",
    )


def _clock_cells(clock: dict[str, Any] | None) -> tuple[str, str, str]:
    from hardcase_collector.commands import plan_words as words

    if clock is None:
        return "-", "-", "-"
    name = words.word(clock["kind"], _spoken())
    if clock["state"] == "paused":
        return name, words.word("paused", _spoken()), words.duration(clock["left_ms"])
    return name, talk.time(clock["due_ms"]), words.duration(clock["left_ms"])


def _spoken() -> Language:
    from hardcase_collector.commands.plan_words import Language

    return Language(language())


@app.command()
def clocks(
    ctx: typer.Context,
    number: Number,
    ledger: Annotated[bool, typer.Option("--ledger", help="Every minute, with the reason why it counted.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="The ledger as CSV.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show the clocks of a case: what its plan promises, what is used and left, what is forecast."""
    answer = talk.get(ctx, f"/cases/{talk.in_path(number)}/clocks")
    if as_json:
        talk.show_json(answer)
    elif as_csv:
        clock_tables.write_csv(answer["case"], answer["clocks"])
    elif answer["plan"] is None:
        talk.say(_("{number} has no plan: it is a drill, or older than plans").format(number=answer["case"]))
    else:
        title = f"{answer['case']}  {answer['priority']}  {answer['title'][language()]}"
        clock_tables.show(title, answer["clocks"], _spoken(), with_ledger=ledger)


def _handle(ctx: typer.Context, number: str, verb: str, done: str, **told: object) -> None:
    case = talk.post(ctx, f"/cases/{talk.in_path(number)}/handle/{verb}", **told)
    talk.say(_("{number}: {done}").format(number=case["number"], done=done))


@app.command()
def priority(
    ctx: typer.Context, number: Number, level: Annotated[str, typer.Argument(help="P1, P2, P3 or P4.")], reason: Reason
) -> None:
    """Change how urgent a case is; what a person chose telemetry does not change."""
    _handle(ctx, number, "priority", _("priority {level}").format(level=level), priority=level, reason=reason)


@app.command()
def assign(
    ctx: typer.Context,
    number: Number,
    person: Annotated[str, typer.Argument(help='Who works on it; "" = nobody.')],
    team: Annotated[str, typer.Option(help="Also to this team.")] = "",
) -> None:
    """Say who works on a case."""
    done = _("assigned to {name}").format(name=person) if person else _("assigned to nobody")
    _handle(ctx, number, "assign", done, assignee=person, team=team)


@app.command()
def pause(ctx: typer.Context, number: Number, reason: PauseReason, text: Text = "") -> None:
    """Let the clocks stand still whose plan allows this reason."""
    _handle(ctx, number, "pause", _("paused"), reason=reason, text=text)


@app.command()
def resume(ctx: typer.Context, number: Number, reason: PauseReason) -> None:
    """Let the clocks go on that stood still for this reason."""
    _handle(ctx, number, "resume", _("goes on"), reason=reason)


@app.command()
def agree(ctx: typer.Context, number: Number, time: Time) -> None:
    """Record the time for the work that was agreed with the customer."""
    _handle(ctx, number, "agree", _("agreed"), time_ms=instant(time))


@app.command()
def contacted(
    ctx: typer.Context,
    number: Number,
    channel: Annotated[str, typer.Option(help="phone, mail, chat, web, ...")] = "phone",
    text: Text = "",
) -> None:
    """Record that a specialist has spoken with the customer."""
    _handle(ctx, number, "contacted", _("contacted"), channel=channel, text=text)


@app.command()
def expect(
    ctx: typer.Context,
    number: Number,
    moment: Annotated[str, typer.Argument(help="arrived, repaired, dispatched, vendor_done, ...")],
    time: Time,
) -> None:
    """Say when something is going to happen; a breach is forecast where that is late."""
    _handle(ctx, number, "expect", _("expected"), moment=moment, time_ms=instant(time))


@app.command("self-repair")
def self_repair(ctx: typer.Context, number: Number, text: Text = "") -> None:
    """Record that the customer takes the part to fit it himself."""
    _handle(ctx, number, "self_repair", _("the customer repairs it himself"), text=text)


def instant(text: str) -> int:
    """Ms of Unix time; ends the command where it is no time."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        told = _("{text!r} is no time such as 2026-11-23T14:00 or 2026-11-23T14:00+08:00").format(text=text)
        raise typer.BadParameter(told) from None
    return int(moment.astimezone().timestamp() * 1000)
