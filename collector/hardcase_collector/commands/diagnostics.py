"""`hardcase-collector diagnostics ...`: ask agents for something now, see what came of it. Registered by `cli.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _, heads, word

app = typer.Typer(
    no_args_is_help=True,
    help="Diagnostics of a machine, now: what its agent allows can be asked for, and nothing else.",
)

Kind = Annotated[
    Literal["read_sel", "read_sensors", "inventory", "self_test", "identify", "clear_sel", "bundle"],
    typer.Argument(help="What to ask for."),
]
AssetArgument = Annotated[str, typer.Argument(help="Number, host name, serial or key of the asset.")]
Id = Annotated[str, typer.Argument(help="Id of the request, or its beginning.")]
ReasonOption = Annotated[str, typer.Option("--reason", "-r", help="Why; the agent's own log has it too.")]


@app.command()
def ask(
    ctx: typer.Context,
    asset: AssetArgument,
    kind: Kind,
    disk: Annotated[str, typer.Option(help="self_test, identify: which disk, as 'MODEL|SERIAL'.")] = "",
    test: Annotated[Literal["short", "long", "abort", ""], typer.Option(help="self_test: which; short.")] = "",
    seconds: Annotated[int | None, typer.Option(min=0, max=3600, help="identify: how long; 0 puts it out.")] = None,
    parts: Annotated[str, typer.Option(help="bundle: which parts, with commas; all.")] = "",
    reason: ReasonOption = "",
    case: Annotated[str, typer.Option(help="Number of the case that it is for.")] = "",
    agent: Annotated[str, typer.Option(help="Id or host name of the agent, where several watch the asset.")] = "",
    minutes: Annotated[
        int, typer.Option(min=0, max=10080, help="Not begun later than so many from now; 0: the setting.")
    ] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Ask the agent of an asset for something. An agent that is not connected is asked when it is again."""
    told = {"disk": disk, "test": test, "parts": parts, "seconds": "" if seconds is None else str(seconds)}
    if kind == "identify" and disk:
        told["target"] = "disk"
    made = talk.post(
        ctx,
        "/diagnostics",
        asset=asset,
        kind=kind,
        arguments={name: text for name, text in told.items() if text},
        reason=reason,
        case=case,
        agent=agent,
        expires_s=minutes * 60,
    )
    _tell(made, as_json=as_json)


@app.command("list")
def list_requests(
    ctx: typer.Context,
    asset: Annotated[str, typer.Option(help="Only of this asset.")] = "",
    case: Annotated[str, typer.Option(help="Only for this case.")] = "",
    open_only: Annotated[bool, typer.Option("--open", help="Only those that have not ended.")] = False,
    customer: Annotated[str | None, typer.Option(help="Only this customer's.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="The newest so many.")] = 100,
    as_json: JsonFlag = False,
) -> None:
    """List requests, newest first."""
    found = talk.get(
        ctx, "/diagnostics", asset=asset, case=case, open=open_only, customer=customer, limit=limit
    )["diagnostics"]  # fmt: skip
    if as_json:
        talk.show_json(found)
        return
    rows = (
        (
            one["id"][:12],
            talk.time(one["asked_ms"]),
            one["asset_name"],
            word(f"diagnostic.kind.{one['kind']}"),
            one["target"] or "-",
            word(f"diagnostic.state.{one['state']}"),
            _detail(one["detail"]),
            one["asked_by"],
            one["case_number"] or "-",
        )
        for one in found
    )
    columns = heads("id", "time", "asset", "asked for", "target", "state", "detail", "by", "case")
    talk.show_table("", columns, rows, empty=_("Nothing was asked for."))


@app.command()
def allowed(ctx: typer.Context, asset: AssetArgument, as_json: JsonFlag = False) -> None:
    """What the agents of an asset allow, by their own configuration."""
    found = talk.get(ctx, f"/assets/{talk.in_path(asset)}/diagnostics")["agents"]
    if as_json:
        talk.show_json(found)
        return
    rows = (
        (
            one["hostname"] or one["agent"],
            _("revoked") if one["revoked"] else "" if one["told"] else _("has not said"),
            ", ".join(word(f"diagnostic.kind.{kind}") for kind in one["kinds"]) or "-",
        )
        for one in found
    )
    talk.show_table("", heads("agent", "state", "allows"), rows, empty=_("No agent watches it."))


@app.command()
def show(ctx: typer.Context, id: Id, as_json: JsonFlag = False) -> None:
    """Show a request: how it stands, what was answered, which files came."""
    found = talk.get(ctx, f"/diagnostics/{talk.in_path(id)}")
    if as_json:
        talk.show_json(found)
        return
    _facts(found)
    if found["answer"] is not None:
        talk.say()
        talk.show_json(found["answer"])
    if found["files"]:
        talk.say()
        rows = ((one["id"], one["name"], one["size"], talk.time(one["at_ms"]), one["sha256"]) for one in found["files"])
        talk.show_table("", heads("id", "name", "bytes", "time", "sha256"), rows, empty="")


@app.command()
def withdraw(ctx: typer.Context, id: Id, reason: ReasonOption = "", as_json: JsonFlag = False) -> None:
    """Take a request back. What its agent has begun may still end."""
    _tell(talk.post(ctx, f"/diagnostics/{talk.in_path(id)}/withdraw", reason=reason), as_json=as_json)


@app.command()
def consent(
    ctx: typer.Context,
    id: Id,
    by: Annotated[str, typer.Option("--by", help="Who of the customer's people agreed, or did not.")] = "",
    refuse: Annotated[bool, typer.Option("--refuse", help="The customer does not agree: nothing is sent.")] = False,
    reason: ReasonOption = "",
    as_json: JsonFlag = False,
) -> None:
    """The customer agrees to the sending of what a bundle's manifest lists (`diagnostics show`)."""
    path = f"/diagnostics/{talk.in_path(id)}"
    if refuse:
        done = talk.post(ctx, f"{path}/refuse", reason=" ".join(filter(None, (by, reason))))
    else:
        done = talk.post(ctx, f"{path}/consent", by=by)
    _tell(done, as_json=as_json)


@app.command()
def download(
    ctx: typer.Context,
    id: Id,
    folder: Annotated[Path, typer.Argument(help="Folder to write into; no file there is overwritten.")],
    file: Annotated[int | None, typer.Option("--file", help="Only this one, from `diagnostics show`.")] = None,
) -> None:
    """Save the files that came with an answer."""
    found = talk.get(ctx, f"/diagnostics/{talk.in_path(id)}")
    chosen = [one for one in found["files"] if file in (None, one["id"])]
    if not chosen:
        talk.fail(_("there is no such file"))
    for one in chosen:
        # The name was checked when it came: no folder is in it.
        target = folder / one["name"]
        size = talk.save_file(ctx, f"/diagnostics/{found['id']}/files/{one['id']}", target)
        talk.say(_("{path}: {size} bytes").format(path=target, size=size))


def _tell(request: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        talk.show_json(request)
        return
    _facts(request)


def _facts(request: dict[str, Any]) -> None:
    agreed = f"{request['consented_by']} {talk.time(request['consented_ms'])}" if request["consented_ms"] else ""
    facts = {
        _("id"): request["id"],
        _("asset"): request["asset_name"],
        _("agent"): request["agent_name"],
        _("asked for"): word(f"diagnostic.kind.{request['kind']}"),
        _("arguments"): talk.pairs(request["arguments"]),
        _("state"): word(f"diagnostic.state.{request['state']}"),
        _("detail"): _detail(request["detail"]),
        _("by"): request["asked_by"],
        _("reason"): request["reason"],
        _("case"): request["case_number"],
        _("asked"): talk.time(request["asked_ms"]),
        _("expires"): talk.time(request["expires_ms"]),
        _("sent"): talk.time(request["sent_ms"]),
        _("agreed"): agreed,
    }
    talk.show_facts({name: value for name, value in facts.items() if value})


def _detail(text: str) -> str:
    """What the collector itself says, in words."""
    return ", ".join(word(f"diagnostic.cause.{one}") for one in text.split(", ")) if text else ""
