"""`token`, `status`, `users ...`, `agents ...` and the `rules` commands that ask a running collector."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.domain.actor import Role
from hardcase_collector.tongue import _, heads, ngettext, word

users = typer.Typer(no_args_is_help=True, help="People who may use the pages.")
agents = typer.Typer(no_args_is_help=True, help="Enrolled agents.")


def token(
    ctx: typer.Context,
    uses: Annotated[int, typer.Option(min=1, help="How many hosts may enrol with it.")] = 1,
    hours: Annotated[float, typer.Option(help="How long it is good for.")] = 24.0,
    replace: Annotated[bool, typer.Option("--replace", help="May enrol a host again that is enrolled.")] = False,
    customer: Annotated[str, typer.Option(help="Whose the hosts are.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Make an enrolment token. It is shown once and stored hashed."""
    made = talk.post(ctx, "/tokens", uses=uses, hours=hours, replace=replace, customer=customer)
    if as_json:
        talk.show_json(made)
        return
    talk.say(made["token"])
    until = talk.time(made["expires_ms"])
    good = ngettext("Good for {uses} use until {until}.", "Good for {uses} uses until {until}.", uses)
    talk.complain(good.format(uses=uses, until=until))
    talk.complain(_("On the host to be watched, as root:"))
    talk.complain(f"  hardcase-agent enroll --server {made['enrolment']} --ca-fingerprint {made['ca_fingerprint']}")
    talk.complain(_("It asks for the token."))


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


@users.command("list")
def list_users(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """List users."""
    found = talk.get(ctx, "/users")["users"]
    if as_json:
        talk.show_json(found)
        return
    rows = (
        (
            u["name"],
            word(f"role.{u['role']}"),
            u["customer"] or _("all"),
            u["language"] or _("browser's"),
            u["time_zone"],
        )
        for u in found
    )
    talk.show_table("", heads("name", "role", "customer", "language", "time zone"), rows, empty=_("No users."))


@users.command("add")
def add_user(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument()],
    role: Annotated[Role, typer.Option(help="What the user may do.")] = Role.ENGINEER,
    customer: Annotated[str | None, typer.Option(help="Sees this customer only; without it: all.")] = None,
    language: Annotated[str, typer.Option(help="en or zh; empty: as the browser says.")] = "",
    time_zone: Annotated[str, typer.Option(help="As Asia/Shanghai.")] = "UTC",
    password_file: Annotated[Path | None, typer.Option(help="Holds the password; - reads standard input.")] = None,
) -> None:
    """Add a user; without --password-file a password is made and printed once."""
    password = read_password(password_file) if password_file else _made_password()
    talk.post(
        ctx, "/users", name=name, role=role.value, password=password, customer=customer, language=language,
        time_zone=time_zone,
    )  # fmt: skip
    talk.say(_("{name} added as {role}").format(name=name, role=word(f"role.{role.value}")))
    if password_file is None:
        talk.say(_("password (shown once): {password}").format(password=password))


@users.command("change")
def change_user(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument()],
    role: Annotated[Role | None, typer.Option(help="What the user may do.")] = None,
    new_password: Annotated[bool, typer.Option("--new-password", help="Make one and print it once.")] = False,
    password_file: Annotated[Path | None, typer.Option(help="Holds the password; - reads standard input.")] = None,
) -> None:
    """Change role or password; the user's sessions end."""
    if not (role or new_password or password_file) or (new_password and password_file):
        talk.fail(_("say what to change: --role, and --new-password or --password-file"), 2)
    made = _made_password() if new_password else None
    password = read_password(password_file) if password_file else made
    changed = talk.post(ctx, f"/users/{talk.in_path(name)}", role=role.value if role else None, password=password)
    talk.say(_("{name} changed, role {role}").format(name=name, role=word(f"role.{changed['role']}")))
    if made:
        talk.say(_("password (shown once): {password}").format(password=made))


@users.command("remove")
def remove_user(ctx: typer.Context, name: Annotated[str, typer.Argument()]) -> None:
    """Remove a user; sessions end, what he did stays on record."""
    talk.post(ctx, f"/users/{talk.in_path(name)}/remove")
    talk.say(_("{name} removed").format(name=name))


def audit(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=5000)] = 100,
    as_json: JsonFlag = False,
) -> None:
    """Who did what, newest first."""
    found = talk.get(ctx, "/audit", limit=limit)["audit"]
    if as_json:
        talk.show_json(found)
        return
    columns = heads("time", "who", "what", "whom", "details")
    rows = (
        (talk.time(row["at_ms"]), row["actor"], row["action"], row["subject"], talk.pairs(row["facts"]))
        for row in found
    )
    talk.show_table("", columns, rows, empty=_("Nothing yet."))


def _made_password() -> str:
    from hardcase_collector import founding

    return founding.generated_password()


def read_password(path: Path) -> str:
    """The first line of the file, or of standard input for "-"; typed without echo at a terminal."""
    if str(path) == "-":
        import getpass

        return getpass.getpass(_("password: ")) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    try:
        return path.read_text(encoding="utf-8").split("\n", 1)[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        talk.fail(_("{path}: cannot be read: {error}").format(path=path, error=error))


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
            _("revoked") if row["revoked"] else _("stopped") if row["stopped_cleanly"] else "",
        )
        for row in found
    )
    columns = heads("id", "host", "customer", "enrolled", "last heard", "")
    talk.show_table("", columns, rows, empty=_("No agents; make a token."))


@agents.command()
def revoke(
    ctx: typer.Context, name: Annotated[str, typer.Argument(help="Id or host name, from `agents list`.")]
) -> None:
    """Refuse an agent's certificate from now on."""
    agent = talk.post(ctx, f"/agents/{talk.in_path(name)}/revoke")
    talk.say(_("{id} ({hostname}) revoked").format(**agent))
