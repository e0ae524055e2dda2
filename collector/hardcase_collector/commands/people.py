"""`hardcase-collector users ...` and `audit ...`: people, their sessions, and who did what."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.domain.actor import Role
from hardcase_collector.tongue import _, heads, ngettext, word

users = typer.Typer(no_args_is_help=True, help="People who may use the pages.")
audit = typer.Typer(help="Who did what: list, export, verify.")

Name = Annotated[str, typer.Argument()]
PasswordFile = Annotated[
    Path | None, typer.Option(help="Holds the password, readable by its owner alone; - reads standard input.")
]
AT_ONCE = 5000


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
            _("locked") if u["locked"] else _("must change the password") if u["must_change"] else "",
        )
        for u in found
    )
    talk.show_table("", heads("name", "role", "customer", "language", "time zone", ""), rows, empty=_("No users."))


@users.command("add")
def add_user(
    ctx: typer.Context,
    name: Name,
    role: Annotated[Role, typer.Option(help="What the user may do.")] = Role.ENGINEER,
    customer: Annotated[str | None, typer.Option(help="Sees this customer only; without it: all.")] = None,
    language: Annotated[str, typer.Option(help="en or zh; empty: as the browser says.")] = "",
    time_zone: Annotated[str, typer.Option(help="As Asia/Shanghai.")] = "UTC",
    password_file: PasswordFile = None,
) -> None:
    """Add a user; without --password-file a password is made, printed once, and changed at the first sign-in."""
    password = read_password(password_file) if password_file else _made_password()
    talk.post(
        ctx, "/users", name=name, role=role.value, password=password, customer=customer, language=language,
        time_zone=time_zone, must_change=password_file is None,
    )  # fmt: skip
    talk.say(_("{name} added as {role}").format(name=name, role=word(f"role.{role.value}")))
    if password_file is None:
        _show_once(password)


@users.command("change")
def change_user(
    ctx: typer.Context,
    name: Name,
    role: Annotated[Role | None, typer.Option(help="What the user may do.")] = None,
    new_password: Annotated[bool, typer.Option("--new-password", help="Make one and print it once.")] = False,
    password_file: PasswordFile = None,
) -> None:
    """Change role or password; the user's sessions end."""
    if not (role or new_password or password_file) or (new_password and password_file):
        talk.fail(_("say what to change: --role, and --new-password or --password-file"), 2)
    made = _made_password() if new_password else None
    password = read_password(password_file) if password_file else made
    changed = talk.post(
        ctx, _of(name), role=role.value if role else None, password=password, must_change=made is not None
    )
    talk.say(_("{name} changed, role {role}").format(name=name, role=word(f"role.{changed['role']}")))
    if made:
        _show_once(made)


def _show_once(password: str) -> None:
    talk.say(_("password (shown once): {password}").format(password=password))
    talk.complain(_("It is for signing in once: the pages ask for a new one then."))


@users.command()
def lock(ctx: typer.Context, name: Name) -> None:
    """Keep a user out: sessions end, API tokens are refused, everything else stays."""
    talk.post(ctx, _of(name), locked=True)
    talk.say(_("{name} locked").format(name=name))


@users.command()
def unlock(ctx: typer.Context, name: Name) -> None:
    """Let a locked user in again, with the same password."""
    talk.post(ctx, _of(name), locked=False)
    talk.say(_("{name} unlocked").format(name=name))


@users.command("remove")
def remove_user(ctx: typer.Context, name: Name) -> None:
    """Remove a user; sessions and API tokens end, what he did stays on record."""
    talk.post(ctx, f"{_of(name)}/remove")
    talk.say(_("{name} removed").format(name=name))


@users.command()
def sessions(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Of this user; without it: of everybody.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Who is signed in, from where, and since when."""
    found = talk.get(ctx, "/sessions", user=name or None)["sessions"]
    if as_json:
        talk.show_json(found)
        return
    rows = (
        (one["id"], one["user"], one["address"], *(talk.time(one[at]) for at in ("made_ms", "seen_ms", "expires_ms")))
        for one in found
    )
    columns = heads("session", "who", "address", "since", "last used", "until")
    talk.show_table("", columns, rows, empty=_("Nobody is signed in."))


@users.command("sign-out")
def sign_out(
    ctx: typer.Context,
    name: Name,
    session: Annotated[str, typer.Option(help="Only this one, from `users sessions`.")] = "",
) -> None:
    """End a user's sessions everywhere, or one of them."""
    ended = talk.post(ctx, f"{_of(name)}/sign-out", session=session)["ended"]
    talk.say(ngettext("{n} session ended", "{n} sessions ended", ended).format(n=ended))


def _of(name: str) -> str:
    return f"/users/{talk.in_path(name)}"


def _made_password() -> str:
    from hardcase_collector import founding

    return founding.generated_password()


def read_password(path: Path) -> str:
    """The first line of the file, or of standard input for "-"; typed without echo at a terminal."""
    if str(path) == "-":
        import getpass

        return getpass.getpass(_("password: ")) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISREG(mode) and mode & 0o077:
                talk.fail(_("{path} may be read by others: chmod 0600 {path}").format(path=path))
            return file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        talk.fail(_("{path}: cannot be read: {error}").format(path=path, error=error))


# ---------------------------------------------------------------------- the audit log


@audit.callback(invoke_without_command=True)
def list_audit(
    ctx: typer.Context,
    actor: Annotated[str, typer.Option(help="Who did it.")] = "",
    action: Annotated[
        str, typer.Option(help='What was done; with a dot at its end, as "case.", all of that kind.')
    ] = "",
    subject: Annotated[str, typer.Option(help="To whom or what.")] = "",
    since: Annotated[datetime | None, typer.Option("--from", help="Local time.")] = None,
    until: Annotated[datetime | None, typer.Option("--until", help="Local time.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=AT_ONCE)] = 100,
    as_json: JsonFlag = False,
) -> None:
    """Who did what, newest first."""
    if ctx.invoked_subcommand is not None:
        return
    which = _which(actor, action, subject, since, until)
    found = talk.get(ctx, "/audit", limit=limit, **which)["audit"]
    if as_json:
        talk.show_json(found)
        return
    columns = heads("time", "who", "what", "whom", "details")
    rows = (
        (talk.time(row["at_ms"]), row["actor"], row["action"], row["subject"], talk.pairs(row["facts"]))
        for row in found
    )
    talk.show_table("", columns, rows, empty=_("Nothing yet."))


@audit.command("export")
def export_audit(
    ctx: typer.Context,
    after: Annotated[int, typer.Option(min=0, help="Number of the last entry that is there already.")] = 0,
    actor: Annotated[str, typer.Option(help="Who did it.")] = "",
    action: Annotated[
        str, typer.Option(help='What was done; with a dot at its end, as "case.", all of that kind.')
    ] = "",
    subject: Annotated[str, typer.Option(help="To whom or what.")] = "",
    since: Annotated[datetime | None, typer.Option("--from", help="Local time.")] = None,
    until: Annotated[datetime | None, typer.Option("--until", help="Local time.")] = None,
) -> None:
    """Every entry as one line of JSON, oldest first, on standard output."""
    import json

    for row in _entries(ctx, after, _which(actor, action, subject, since, until)):
        talk.say(json.dumps(row, ensure_ascii=True, separators=(",", ":")))


@audit.command("verify")
def verify_audit(
    ctx: typer.Context,
    head: Annotated[str, typer.Option(help="What an earlier verify told, and was noted elsewhere.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Prove that no entry was changed, taken out or put in; exit code 1 where one was."""
    found = talk.get(ctx, "/audit/verify", head=head or None)
    if as_json:
        talk.show_json(found)
    else:
        talk.show_facts(
            {
                _("entries"): found["entries"],
                _("oldest"): found["first"],
                _("head, to be noted elsewhere"): found["head"] or "-",
                **{_because(why): count for why, count in found["changed"].items()},
            }
        )
        for trouble in found["troubles"]:
            talk.complain(trouble)
        talk.say(_("The audit log is as it was written.") if found["good"] else _("The audit log was tampered with."))
    if not found["good"]:
        raise typer.Exit(talk.FAILED)


def _because(why: str) -> str:
    named = {
        "person forgotten": _("changed: a person was forgotten"),
        "customer forgotten": _("gone: a customer was forgotten"),
    }
    return named.get(why, why)


def _which(
    actor: str, action: str, subject: str, since: datetime | None, until: datetime | None
) -> dict[str, str | int | bool | None]:
    return {
        "actor": actor or None,
        "action": action or None,
        "subject": subject or None,
        "from_ms": _ms(since),
        "until_ms": _ms(until),
    }


def _ms(at: datetime | None) -> int | None:
    return None if at is None else int(at.astimezone().timestamp() * 1000)


def _entries(ctx: typer.Context, after: int, which: dict[str, str | int | bool | None]) -> Iterator[dict[str, Any]]:
    while found := talk.get(ctx, "/audit", after=after, limit=AT_ONCE, **which)["audit"]:
        yield from found
        after = found[-1]["number"]
