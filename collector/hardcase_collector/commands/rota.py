"""`hardcase-collector rota ...`: teams, who is on duty by turns, swaps. Asks the running collector."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.clocks import instant
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.domain.toml_tree import tree_of
from hardcase_collector.tongue import _, heads

app = typer.Typer(no_args_is_help=True, help="Teams and their duty rota: who is called, and who is next.")

TeamName = Annotated[str, typer.Argument(help="Name of the team.")]
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@app.command()
def show(
    ctx: typer.Context, team: Annotated[str, typer.Argument(help="Only this team.")] = "", as_json: JsonFlag = False
) -> None:
    """Show teams, their order, shifts and swaps to come."""
    teams = talk.get(ctx, "/rota", team=team)["teams"]
    if as_json:
        talk.show_json(teams)
        return
    rows = (
        (
            one["name"] + (" *" if one["default"] else ""),
            one["title"],
            ", ".join(one["duty"]["people"]) or "-",
            talk.time(one["duty"]["hands_over_ms"]),
            one["manager"] or "-",
            _takes(one),
        )
        for one in teams
    )
    columns = heads("team", "title", "on duty, then", "hands over", "manager", "takes")
    talk.show_table("", columns, rows, empty=_("No teams."))
    for one in teams:
        _show_swaps(one)


def _takes(team: dict[str, Any]) -> str:
    told = [f"{key}: {', '.join(team[key])}" for key in ("customers", "sites", "components") if team[key]]
    return "; ".join(told) or (_("everything else") if team["default"] else "-")


def _show_swaps(team: dict[str, Any]) -> None:
    if team["swaps"]:
        rows = (
            (one["id"], one["out"], one["into"] or "-", talk.time(one["from_ms"]), talk.time(one["until_ms"]))
            for one in team["swaps"]
        )
        talk.say()
        talk.show_table(
            _("Swaps of {team}").format(team=team["name"]), heads("id", "out", "in", "from", "to"), rows, empty=""
        )


@app.command()
def who(
    ctx: typer.Context,
    team: TeamName,
    at: Annotated[str, typer.Option("--at", help="At this time in place of now.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Say who is on duty, and who is next."""
    teams = talk.get(ctx, "/rota", team=team, at_ms=instant(at) if at else 0)["teams"]
    if not teams:
        talk.fail(_("there is no team {team}").format(team=team))
    duty = teams[0]["duty"]
    if as_json:
        talk.show_json(duty)
        return
    talk.show_facts(
        {
            _("on duty"): ", ".join(duty["people"][:1]) or _("nobody"),
            _("then"): ", ".join([*duty["people"][1:], *filter(None, [teams[0]["manager"]])]) or "-",
            _("shift"): duty["shift"] or "-",
            _("hands over"): talk.time(duty["hands_over_ms"]),
        }
    )


@app.command("set")
def set_teams(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="TOML with one table team.NAME for each team; see collector/README.md.")],
) -> None:
    """Make or replace the teams of a file."""
    try:
        tables = tree_of(file.read_text(encoding="utf-8")).get("team", {})
    except (OSError, ValueError) as error:
        talk.fail(_("{file} cannot be read: {error}").format(file=file, error=error))
    if not isinstance(tables, dict) or not tables:
        talk.fail(_("{file} has no table [team.NAME]").format(file=file))
    for name, table in tables.items():
        talk.post(ctx, "/rota", team=_team(str(file), name, table))
        talk.say(_("team {name} is set").format(name=name))


def _team(file: str, name: str, table: dict[str, Any]) -> dict[str, Any]:
    """As people write it, to what the collector takes: hours and days as numbers."""
    told = {**table, "name": name}
    if "since" in told:
        told["since"] = str(told["since"])
    if "hand_over" in told:
        day, _space, clock = str(told.pop("hand_over")).partition(" ")
        if day not in _DAYS:
            talk.fail(_('{file}: team {name}: hand_over is such as "monday 09:00"').format(file=file, name=name))
        told |= {"hand_over_weekday": _DAYS.index(day), "hand_over_minute": _minute(file, name, clock)}
    if "unacknowledged_minutes" in told:
        told["unacknowledged_s"] = int(told.pop("unacknowledged_minutes")) * 60
    told["shifts"] = [_shift(file, name, one, shift) for one, shift in told.pop("shift", {}).items()]
    return told


def _shift(file: str, team: str, name: str, table: dict[str, Any]) -> dict[str, Any]:
    told = {**table, "name": name}
    opens, _dash, closes = str(told.pop("hours", "")).partition("-")
    return {**told, "opens_minute": _minute(file, team, opens), "closes_minute": _minute(file, team, closes)}


def _minute(file: str, name: str, text: str) -> int:
    hour, colon, minute = text.partition(":")
    if not (colon and hour.isdecimal() and minute.isdecimal() and int(hour) <= 24 and int(minute) < 60):
        talk.fail(_("{file}: team {name}: {text!r} is no time of day").format(file=file, name=name, text=text))
    return int(hour) * 60 + int(minute)


@app.command()
def remove(ctx: typer.Context, team: TeamName) -> None:
    """Remove a team with its swaps."""
    talk.post(ctx, "/rota/remove", team=team)
    talk.say(_("team {name} is removed").format(name=team))


@app.command()
def swap(
    ctx: typer.Context,
    team: TeamName,
    out: Annotated[str, typer.Option("--out", help="Who is not there.")],
    start: Annotated[str, typer.Option("--from", help="Since when.")],
    until: Annotated[str, typer.Option("--until", help="Until when.")],
    into: Annotated[str, typer.Option("--in", help="Who stands in; without it the next in order is first.")] = "",
    reason: Annotated[str, typer.Option("--reason", "-r")] = "",
) -> None:
    """Put one person in another's place for a time, or say that somebody is away."""
    made = talk.post(
        ctx,
        "/rota/swap",
        team=team,
        out=out,
        into=into,
        from_ms=instant(start),
        until_ms=instant(until),
        reason=reason,
    )
    talk.say(_("swap {id} is set").format(id=made["id"]))


@app.command()
def unswap(ctx: typer.Context, swap: Annotated[int, typer.Argument(help="Id from `rota show`.")]) -> None:
    """Take a swap back."""
    talk.post(ctx, "/rota/unswap", swap=swap)
    talk.say(_("swap {id} is taken back").format(id=swap))
