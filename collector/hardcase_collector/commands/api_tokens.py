"""`hardcase-collector api-tokens ...`: what people's scripts and other systems show to the HTTPS API."""

from __future__ import annotations

from typing import Annotated

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.domain.people import API_TOKEN_DAYS, LEAST_SCOPES, LONGEST_API_TOKEN_DAYS, ApiScope
from hardcase_collector.tongue import _, heads

app = typer.Typer(no_args_is_help=True, help="Tokens of the HTTPS API; hosts are enrolled with `token`.")


@app.command()
def make(
    ctx: typer.Context,
    user: Annotated[str, typer.Option(help="Acts as this user, with the user's role.")] = "",
    automation: Annotated[str, typer.Option(help="Acts as an automation of this name.")] = "",
    scope: Annotated[list[ApiScope] | None, typer.Option("--scope", help="What it is for; repeat.")] = None,
    only: Annotated[str | None, typer.Option("--for", help="Sees and touches this customer alone.")] = None,
    days: Annotated[int, typer.Option(min=1, max=LONGEST_API_TOKEN_DAYS, help="How long it is good for.")] = (
        API_TOKEN_DAYS
    ),
    network: Annotated[
        list[str] | None, typer.Option("--network", help="Taken from there only, as 10.1.2.0/24; repeat.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a token. It is shown once and stored hashed."""
    made = talk.post(
        ctx,
        "/api-tokens",
        user=user,
        automation=automation,
        customer=only,
        scopes=[str(one) for one in scope or LEAST_SCOPES],
        days=days,
        networks=network or [],
    )
    if as_json:
        talk.show_json(made)
        return
    talk.say(made["token"])
    told = _("Number {id}, for {scopes}, good until {until}.")
    talk.complain(told.format(id=made["id"], scopes=", ".join(made["scopes"]), until=talk.time(made["expires_ms"])))
    talk.complain(_("Sent with every request: Authorization: Bearer TOKEN. Described at /api/v1/openapi.json."))


@app.command("list")
def list_tokens(
    ctx: typer.Context,
    all: Annotated[bool, typer.Option("--all", help="Also revoked and expired ones.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List tokens, with the day on which each was used last."""
    found = talk.get(ctx, "/api-tokens", all=all)["api_tokens"]
    if as_json:
        talk.show_json(found)
        return
    rows = (
        (
            one["id"],
            one["user"] or one["automation"],
            "" if one["user"] else _("automation"),
            one["customer"] or _("all"),
            " ".join(one["scopes"]),
            " ".join(one["networks"]) or "-",
            talk.time(one["expires_ms"]),
            talk.time(one["used_ms"])[:10],
            _("revoked") if one["revoked_ms"] else "",
        )
        for one in found
    )
    columns = heads("number", "acts as", "", "customer", "scopes", "from", "until", "last used", "")
    talk.show_table("", columns, rows, empty=_("No API tokens."))


@app.command()
def revoke(ctx: typer.Context, number: Annotated[int, typer.Argument(help="From `api-tokens list`.")]) -> None:
    """Refuse a token from now on."""
    talk.post(ctx, f"/api-tokens/{number}/revoke")
    talk.say(_("API token {number} revoked").format(number=number))
