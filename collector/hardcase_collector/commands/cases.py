"""`hardcase-collector cases ...` and `dead-letters ...`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _, heads, language, word

app = typer.Typer(no_args_is_help=True, help="List, show and work fault cases.")
letters = typer.Typer(no_args_is_help=True, help="Notifications that were given up.")

Number = Annotated[str, typer.Argument(help="Number of the case, as HC-20260101-0001.")]
Text = Annotated[str, typer.Argument(help="What to say on the timeline.")]
Ended = Literal["repaired", "false_alarm", "no_fault_found", "duplicate", "accepted"]
_ENDING = typer.Option("--outcome", "-o", help="How it ended; what rules are judged by.")
Ending = Annotated[Ended, _ENDING]
MaybeEnding = Annotated[Ended | None, _ENDING]
DuplicateOf = Annotated[str, typer.Option(help="Number of the case that this one repeats.")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; stands on the timeline.")]


@app.command("list")
def list_cases(
    ctx: typer.Context,
    all: Annotated[bool, typer.Option("--all", help="Closed and cancelled ones too.")] = False,
    customer: Annotated[str | None, typer.Option(help="Only this customer's.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="The newest so many.")] = 200,
    as_json: JsonFlag = False,
) -> None:
    """List cases, open ones by default."""
    answer = talk.get(ctx, "/cases", all=all, customer=customer, limit=limit)
    cases = answer["cases"]
    if answer["more"]:
        talk.complain(_("only the newest {limit} are listed; --limit lists more").format(limit=limit))
    if as_json:
        talk.show_json(cases)
        return
    rows = (
        (
            _number(case),
            talk.severity(case["severity"]),
            word(f"state.{case['state']}"),
            case["asset_name"],
            talk.part(case["part"]),
            case["titles"][language()],
            talk.time(case["since_ms"]),
            case["acknowledged_by"] or "-",
        )
        for case in cases
    )
    columns = heads("case", "severity", "state", "asset", "part", "fault", "since", "acknowledged by")
    talk.show_table("", columns, rows, empty=_("No cases.") if all else _("No open cases."))


def _number(case: dict[str, Any]) -> str:
    number = str(case["number"])
    return _("{name} (rehearsal)").format(name=number) if case["rehearsal"] else number


@app.command()
def show(ctx: typer.Context, number: Number, as_json: JsonFlag = False) -> None:
    """Show one case: evidence, timeline, why, notifications."""
    picture = talk.get(ctx, f"/cases/{talk.in_path(number)}")
    if as_json:
        talk.show_json(picture)
        return
    case = picture["case"]
    facts = picture["asset"]["facts"]
    talk.show_facts(
        {
            _("case"): _("{number}, version {version}").format(number=_number(case), version=case["version"]),
            _("fault"): picture["titles"][language()],
            _("severity"): talk.severity(case["severity"]),
            _("priority"): word(f"priority.{case['priority']}"),
            _("state"): word(f"state.{case['state']}"),
            _("waiting"): word(f"waiting.{case['waiting']}") if case["waiting"] else "-",
            _("assignee"): case["assignee"] or "-",
            _("asset"): " ".join(filter(None, (facts["hostname"], facts["vendor"], facts["model"], facts["serial"]))),
            _("part"): talk.part(case["part"]),
            _("since"): talk.time(case["since_ms"]),
            _("opened"): talk.time(case["opened_ms"]),
            _("acknowledged"): f"{case['acknowledged_by']} {talk.time(case['acknowledged_ms'])}".strip(),
            _("may now"): ", ".join(["acknowledge", "note", *picture["actions"]]),
        }
    )
    _show_details(picture)


def _show_details(picture: dict[str, Any]) -> None:
    talk.say()
    talk.show_table(
        _("Evidence"),
        heads("severity", "fault", "since", "what"),
        (
            (
                talk.severity(finding["severity"]),
                finding["fault_class"],
                talk.time(finding["since_ms"]),
                talk.pairs(finding["evidence"]),
            )
            for finding in picture["findings"]
        ),
        empty=_("No finding fires at the moment."),
    )
    _show_advice(picture.get("advice"), picture.get("confidence", ()))
    talk.say()
    talk.show_table(
        _("Timeline"),
        heads("time", "what", "by", "details"),
        (
            (
                talk.time(entry["at_ms"]),
                word(f"timeline.{entry['code']}"),
                entry["actor"],
                talk.pairs(entry["parameters"], entry["code"]),
            )
            for entry in picture["timeline"]
        ),
        empty=_("Empty."),
    )
    talk.say()
    talk.show_table(
        _("Notifications"),
        heads("channel", "version", "state", "attempts", "last error"),
        (
            (row["channel"], row["version"], row["state"], row["attempts"], row["last_error"])
            for row in picture["notifications"]
        ),
        empty=_("No notification."),
    )


def _act(ctx: typer.Context, number: str, action: str, text: str, *, done: str, **more: object) -> None:
    case = talk.post(ctx, f"/cases/{talk.in_path(number)}/{talk.in_path(action)}", text=text, **more)
    state = word(f"state.{case['state']}")
    talk.say(_("{number}: {done}, state {state}").format(number=case["number"], done=done, state=state))


@app.command()
def ack(ctx: typer.Context, number: Number) -> None:
    """Acknowledge: somebody has seen it."""
    _act(ctx, number, "acknowledge", "", done=_("acknowledged"))


@app.command()
def note(
    ctx: typer.Context,
    number: Number,
    text: Text,
    internal: Annotated[bool, typer.Option("--internal", help="Never shown to the customer.")] = False,
) -> None:
    """Add a note to the timeline."""
    _act(ctx, number, "note", text, done=_("noted"), internal=internal)


@app.command()
def close(ctx: typer.Context, number: Number, reason: Reason, outcome: Ending, duplicate_of: DuplicateOf = "") -> None:
    """Close a case, saying how it ended."""
    _act(ctx, number, "close", reason, done=_("closed"), outcome=outcome, duplicate_of=duplicate_of)


@app.command()
def cancel(
    ctx: typer.Context,
    number: Number,
    reason: Reason,
    outcome: MaybeEnding = None,
    duplicate_of: DuplicateOf = "",
) -> None:
    """Cancel a case that is none."""
    _act(ctx, number, "cancel", reason, done=_("cancelled"), outcome=outcome or "", duplicate_of=duplicate_of)


@app.command()
def confirm(ctx: typer.Context, number: Number, reason: Reason = "") -> None:
    """Confirm that the fault is real."""
    _act(ctx, number, "confirm", reason, done=_("confirmed"))


@app.command()
def move(
    ctx: typer.Context,
    number: Number,
    action: Annotated[str, typer.Argument(help="An action that `cases show` lists under 'may now'.")],
    reason: Reason = "",
) -> None:
    """Any other step of the workflow: propose, consent, start_repair, finish_repair, verify, defer, resume, reopen."""
    _act(ctx, number, action, reason, done=word(f"action.{action}"))


@letters.command("list")
def list_letters(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """List dead letters."""
    found = talk.get(ctx, "/dead-letters")["dead_letters"]
    if as_json:
        talk.show_json(found)
        return
    talk.show_table(
        "",
        heads("id", "channel", "case", "version", "attempts", "made", "last error"),
        (
            (
                row["id"],
                row["channel"],
                row["case_number"],
                row["version"],
                row["attempts"],
                talk.time(row["created_ms"]),
                row["last_error"],
            )
            for row in found
        ),
        empty=_("No dead letters."),
    )


@letters.command()
def resend(
    ctx: typer.Context,
    ids: Annotated[list[int] | None, typer.Argument(help="Ids from `dead-letters list`.")] = None,
    all: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """Send dead letters again, with the ids they always had."""
    if bool(ids) == all:
        talk.fail(_("give ids, or --all"), 2)
    sent = talk.post(ctx, "/dead-letters/resend", ids=ids or [])["resent"]
    talk.say(_("{sent} owed again").format(sent=sent))


def _show_advice(advice: dict[str, Any] | None, confidence: Sequence[dict[str, Any]]) -> None:
    if not advice:
        return
    said = advice[language()]
    talk.say()
    for one in said["safety"]:
        urgency = word(f"advice.{one['urgency']}").rstrip("：").upper()
        talk.say(f"{urgency}: {one['text']}")
    lines = {
        _("likely part"): said["likely_part"],
        _("change while it runs"): word(f"advice.hot_swap.{said['hot_swappable']}"),
    }
    told = _("{share:.0%} of {judged} cases")
    lines |= {_("{rule} was right").format(rule=one["rule"]): told.format(**one) for one in confidence}
    for title, key in ((_("confirm"), "confirm"), (_("step"), "steps"), (_("vendor asks"), "vendor_asks")):
        lines |= {f"{title} {number}": text for number, text in enumerate(said[key], 1)}
    talk.show_facts(lines)
