"""`token ...` and `ca ...`: who may join, who waits, and the CA that one follows another as."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _, heads, ngettext

token = typer.Typer(
    no_args_is_help=False, help="Enrolment tokens, and hosts that wait for approval. Without a command: make."
)
ca = typer.Typer(no_args_is_help=True, help="The CA that agents trust: how it stands, and its successor.")

Uses = Annotated[int, typer.Option(min=1, help="How many hosts may enrol with it.")]
Hours = Annotated[float, typer.Option(help="How long it is good for.")]
Replace = Annotated[bool, typer.Option("--replace", help="May enrol a host again that is enrolled.")]
Customer = Annotated[str, typer.Option(help="Whose the hosts are.")]
SiteOption = Annotated[str, typer.Option(help="Where the books put them, unless they say already.")]
Network = Annotated[
    list[str] | None, typer.Option("--network", help="From where it is taken, as 10.1.0.0/16 or 2001:db8::/48; repeat.")
]
Serial = Annotated[list[str] | None, typer.Option("--serial", help="Serial of a host that may use it; repeat.")]
SerialsFile = Annotated[Path | None, typer.Option("--serials-file", help="File with one serial a line.")]
Approve = Annotated[bool, typer.Option("--approve", help="Each host waits until a person approves it.")]


@token.callback(invoke_without_command=True)
def make_by_default(
    ctx: typer.Context,
    uses: Uses = 1,
    hours: Hours = 24.0,
    replace: Replace = False,
    customer: Customer = "",
    site: SiteOption = "",
    network: Network = None,
    serial: Serial = None,
    serials_file: SerialsFile = None,
    approve: Approve = False,
    as_json: JsonFlag = False,
) -> None:
    if ctx.invoked_subcommand is None:
        make(ctx, uses, hours, replace, customer, site, network, serial, serials_file, approve, as_json)


@token.command()
def make(
    ctx: typer.Context,
    uses: Uses = 1,
    hours: Hours = 24.0,
    replace: Replace = False,
    customer: Customer = "",
    site: SiteOption = "",
    network: Network = None,
    serial: Serial = None,
    serials_file: SerialsFile = None,
    approve: Approve = False,
    as_json: JsonFlag = False,
) -> None:
    """Make an enrolment token. It is shown once and stored hashed."""
    made = talk.post(
        ctx, "/tokens", uses=uses, hours=hours, replace=replace, customer=customer, site=site,
        networks=network or [], serials=[*(serial or []), *_lines(serials_file)], approve=approve,
    )  # fmt: skip
    if as_json:
        talk.show_json(made)
        return
    talk.say(made["token"])
    until = talk.time(made["expires_ms"])
    good = ngettext("Good for {uses} use until {until}.", "Good for {uses} uses until {until}.", uses)
    talk.complain(good.format(uses=uses, until=until))
    talk.complain(_("On the host to be watched, as root:"))
    talk.complain(f"  hardcase-agent enroll {made['enrolment']} --fingerprint {made['ca_fingerprint']}")
    talk.complain(
        _("It asks for the token. For many hosts, as /etc/credstore/hardcase.join (mode 0600) before the start:")
    )
    file = {"collector": made["enrolment"], "fingerprint": made["ca_fingerprint"], "token": "..."}
    for key, value in file.items():
        talk.complain(f'  {key} = "{value}"')


def _lines(path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        talk.fail(_("{path}: cannot be read: {error}").format(path=path, error=error))


@token.command("list")
def list_tokens(
    ctx: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List tokens that are good; never their secrets, which are not kept."""
    import time

    now_ms = time.time_ns() // 1_000_000
    found = talk.get(ctx, "/tokens")["tokens"]
    shown = [one for one in found if every or _state(one, now_ms) == _("good")]
    if as_json:
        talk.show_json(shown)
        return
    rows = (
        (
            one["id"],
            one["customer"],
            one["site"],
            str(one["uses_left"]),
            talk.time(one["expires_ms"]),
            _bound(one),
            one["made_by"],
            _state(one, now_ms),
        )
        for one in shown
    )
    columns = heads("id", "customer", "site", "uses left", "good until", "only for", "made by", "state")
    talk.show_table("", columns, rows, empty=_("No tokens."))


def _state(one: dict[str, Any], now_ms: int) -> str:
    if one["revoked_ms"]:
        return _("revoked")
    if one["expires_ms"] <= now_ms:
        return _("expired")
    return _("good") if one["uses_left"] else _("used up")


def _bound(one: dict[str, Any]) -> str:
    words = list(one["networks"])
    if one["serials"]:
        words.append(ngettext("{n} serial", "{n} serials", len(one["serials"])).format(n=len(one["serials"])))
    if one["replace"]:
        words.append("--replace")
    if one["approve"]:
        words.append(_("after approval"))
    return ", ".join(words)


@token.command()
def revoke(ctx: typer.Context, id: Annotated[str, typer.Argument(help="From `token list`.")]) -> None:
    """Take a token back: no further host enrols with it. Those that did stay."""
    gone = talk.post(ctx, f"/tokens/{talk.in_path(id)}/revoke")
    talk.say(_("token {id} revoked").format(id=gone["id"]))


@token.command()
def waiting(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """Hosts that wait for approval, with what they say of themselves."""
    found = talk.get(ctx, "/waiting")["waiting"]
    if as_json:
        talk.show_json(found)
        return
    rows = (
        (
            one["id"],
            one["hostname"],
            f"{one['vendor']} {one['serial']}".strip(),
            one["address"],
            talk.time(one["asked_ms"]),
            {"approved": _("approved"), "refused": _("refused")}.get(one["decision"], _("waits")),
            f"sha256:{one['key']}",
        )
        for one in found
    )
    columns = heads("id", "host", "serial", "address", "asked", "state", "key")
    talk.show_table("", columns, rows, empty=_("Nobody waits."))


@token.command()
def approve(
    ctx: typer.Context, host: Annotated[str, typer.Argument(help="Id or host name, from `token waiting`.")]
) -> None:
    """Let a host in that waits; it comes back by itself within a minute."""
    done = talk.post(ctx, f"/waiting/{talk.in_path(host)}/approve")
    talk.say(_("{hostname} ({id}) approved").format(**done))


@token.command()
def refuse(
    ctx: typer.Context,
    host: Annotated[str, typer.Argument(help="Id or host name, from `token waiting`.")],
    reason: Annotated[str, typer.Option(help="Told to the host.")] = "",
) -> None:
    """Turn a host away that waits."""
    done = talk.post(ctx, f"/waiting/{talk.in_path(host)}/refuse", reason=reason)
    talk.say(_("{hostname} ({id}) refused").format(**done))


@ca.command("status")
def ca_status(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """Which CA issues, which retires, who still depends on the old one."""
    told = talk.get(ctx, "/ca")
    if as_json:
        talk.show_json(told)
        return
    facts = {
        _("fingerprint for enrolment"): told["enrolment_fingerprint"],
        _("issues certificates"): told["issuing"],
    }
    if told["retiring"]:
        facts[_("retires")] = told["retiring"]
        facts[_("streams are shown")] = _("the new CA") if told["streams_show"] == "new" else _("the old CA")
        facts[_("may retire")] = _("yes: `ca retire`") if told["may_retire"] else _("no, agents depend on it")
        facts[_("good tokens with the old fingerprint")] = str(told["tokens_with_old_fingerprint"])
    talk.show_facts(facts)
    if told["retiring"]:
        _show_missing(told)


def _show_missing(told: dict[str, Any]) -> None:
    whose = {"old": _("of the old CA"), "new": _("of the new CA"), "site": _("the site's own"), "": _("not known")}
    rows = (
        (
            one["id"],
            one["hostname"],
            talk.time(one["last_seen_ms"]),
            _("yes") if one["trusts_new"] else _("no"),
            whose[one["own_certificate"]],
            _("away for over 30 days") if one["away"] else "",
        )
        for one in told["missing"]
    )
    columns = heads("id", "host", "last heard", "trusts the new CA", "its certificate", "")
    talk.say()
    talk.show_table("", columns, rows, empty=_("No agent depends on the old CA."))


@ca.command()
def rotate(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """Make the CA's successor. Both are trusted until `ca retire`; agents learn of it by themselves."""
    told = talk.post(ctx, "/ca/rotate")
    if as_json:
        talk.show_json(told)
        return
    talk.say(_("New CA {fingerprint} issues from now on.").format(fingerprint=told["issuing"]))
    talk.say(_("For enrolment the fingerprint stays {fingerprint} until `ca retire`.").format(
        fingerprint=told["enrolment_fingerprint"]
    ))  # fmt: skip


@ca.command()
def retire(
    ctx: typer.Context,
    force: Annotated[
        bool, typer.Option("--force", help="Also if agents still depend on it: enrol them again.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """End the rollover: the old CA is trusted no longer, and its key is destroyed."""
    told = talk.post(ctx, "/ca/retire", force=force)
    if as_json:
        talk.show_json(told)
        return
    talk.say(_("CA {fingerprint} retired.").format(fingerprint=told["retired"]))
    talk.say(_("For enrolment the fingerprint is now {fingerprint}.").format(fingerprint=told["enrolment_fingerprint"]))
