"""`hardcase-collector forget ...`: what names a person or is a customer's, told before it goes."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _, heads

app = typer.Typer(no_args_is_help=True, help="Forget a person (by a pseudonym) or a customer (with all that is his).")

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command()
def person(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="As users, contacts or timelines have it.")],
    customer: Annotated[str | None, typer.Option(help="Whose contact; needed where several have the name.")] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: JsonFlag = False,
) -> None:
    """Put a pseudonym for a person wherever a field or a text names him; his user and contact lines go."""
    _forget(ctx, "person", {"name": name, "customer": customer}, dry_run=dry_run, yes=yes, as_json=as_json)


@app.command()
def customer(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Short name of the customer.")],
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: JsonFlag = False,
) -> None:
    """Remove a customer with books, assets, agents, cases, users and files."""
    _forget(ctx, "customer", {"name": name}, dry_run=dry_run, yes=yes, as_json=as_json)


def _forget(
    ctx: typer.Context, what: str, values: dict[str, str | None], *, dry_run: bool, yes: bool, as_json: bool
) -> None:
    if not dry_run and not yes:
        if as_json:
            talk.fail(_("with --json say --dry-run or --yes"), 2)
        _show(talk.post(ctx, f"/forget/{what}", dry_run=True, **values))
        question = _("Forget {name}? This cannot be undone.").format(name=values["name"])
        if not typer.confirm(question, err=True):
            raise typer.Exit(talk.FAILED)
    answer = talk.post(ctx, f"/forget/{what}", dry_run=dry_run, **values)
    if as_json:
        talk.show_json(answer)
    elif dry_run or yes:
        _show(answer)
    if answer["done"] and not as_json:
        named = answer["pseudonym"]
        talk.say(_("Forgotten; now called {pseudonym}.").format(pseudonym=named) if named else _("Forgotten."))


def _show(answer: dict[str, Any]) -> None:
    rows = sorted(answer["traces"].items())
    talk.show_table("", heads("table", "rows"), rows, empty=_("Nothing."))
    if answer["agents"]:
        talk.say(_("{agents} agents are cut off.").format(**answer))
    if answer["papers"]:
        talk.show_table(
            _("Files that may name him, for you to look at:"),
            heads("case", "kind", "id", "name"),
            ((one["case"], _paper(one["kind"]), one["id"], one["name"]) for one in answer["papers"]),
            empty="",
        )
    talk.say(_("What stays:"))
    for one in answer["stays"]:
        talk.say(f"- {_what_stays(one)}")


def _paper(kind: str) -> str:
    return {"service_report": _("service report"), "attachment": _("attachment")}.get(kind, kind)


def _what_stays(code: str) -> str:
    return {
        "free_text": _("parts and other spellings of the name in what somebody wrote"),
        "notifications": _("what was sent to mail, webhooks and ticket systems"),
        "documents": _("attached files and signed service reports"),
        "telemetry": _("samples, as numbers without a name, until their files are past retention"),
        "journal": _("lines in the journal, until it lets go of them"),
        "backups": _("backups made before"),
    }.get(code, code)
