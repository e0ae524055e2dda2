"""`status` and `agents ...`: what is asked of a running collector about itself. People are `people.py`,
joining is `joining.py`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _, heads, word

agents = typer.Typer(no_args_is_help=True, help="Enrolled agents.")


def status(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """How the running collector is."""
    found = talk.get(ctx, "/status")
    if as_json:
        talk.show_json(found)
        return
    numbers = found.pop("numbers")
    reasons = found.pop("reasons")
    found["last_reload"] = _reload(found["last_reload"])
    lines = {word(f"status.{key}"): value for key, value in found.items()}
    for number, text in enumerate(reasons, 1):
        lines[_("not ready: {number}").format(number=number)] = text
    talk.show_facts(lines)
    talk.say()
    talk.show_table("", heads("number", "value"), ((key, f"{numbers[key]:g}") for key in sorted(numbers)), empty="")


def _reload(told: dict[str, Any] | None) -> str:
    if told is None:
        return _("none since the start")
    how = _("refused: {mistakes}").format(mistakes="; ".join(told["mistakes"])) if told["mistakes"] else _("taken")
    if told["restart_for"]:
        how += _("; {names} take a restart").format(names=", ".join(told["restart_for"]))
    return f"{talk.time(told['at_ms'])} {how}"


@agents.command("list")
def list_agents(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """List agents."""
    found = talk.get(ctx, "/agents")["agents"]
    if as_json:
        talk.show_json(found)
        return
    rows = (
        (
            row["id"],
            row["hostname"],
            row["customer"],
            talk.time(row["enrolled_ms"]),
            talk.time(row["last_seen_ms"]),
            _standing(row),
        )
        for row in found
    )
    columns = heads("id", "host", "customer", "enrolled", "last heard", "")
    talk.show_table("", columns, rows, empty=_("No agents; make a token."))


def _standing(row: dict[str, Any]) -> str:
    if row["revoked"]:
        return _("revoked")
    if row["by_file"]:
        return _("by file")
    return _("stopped") if row["stopped_cleanly"] else ""


@agents.command()
def revoke(
    ctx: typer.Context, name: Annotated[str, typer.Argument(help="Id or host name, from `agents list`.")]
) -> None:
    """Refuse an agent's certificate from now on."""
    agent = talk.post(ctx, f"/agents/{talk.in_path(name)}/revoke")
    talk.say(_("{id} ({hostname}) revoked").format(**agent))
