"""The command `hardcase-collector`: init and serve open the stores, all others ask the running collector.

Console script of the distribution. The asking commands are in `commands/`, what serve starts in `app.py`.
What only init and serve need is imported by them: the asking commands start in a fraction of a second.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hardcase_collector import __version__, tongue
from hardcase_collector.commands import (
    aftercare,
    air_gap,
    api_tokens,
    asking,
    assets,
    backups,
    books,
    cases,
    clocks,
    customers,
    depots,
    diagnostics,
    entitlements,
    forget,
    joining,
    judge,
    parts,
    people,
    plans,
    precision,
    repairs,
    reports,
    rota,
    running,
    talk,
    visits,
    windows,
)
from hardcase_collector.commands.talk import JsonFlag, Where
from hardcase_collector.commands.wrong_use import Speaking
from hardcase_collector.domain.errors import ConfigError
from hardcase_collector.tongue import _, heads

if TYPE_CHECKING:
    from hardcase_collector import founding
    from hardcase_collector.config import Settings

app = typer.Typer(
    cls=Speaking,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Collects hardware diagnostics from agents and opens fault cases by itself.",
    epilog="Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 69 collector not running, 77 no right to its "
    "socket, 78 configuration wrong.",
)
rules = typer.Typer(no_args_is_help=True, help="Rules: which are loaded, are my sheets right, why (no) case.")
cases.app.add_typer(clocks.app)
cases.app.add_typer(reports.app)
cases.app.add_typer(repairs.app)
cases.app.add_typer(visits.app)
cases.app.add_typer(aftercare.app)
app.add_typer(cases.app, name="cases")
app.add_typer(visits.engineers, name="engineers")
app.add_typer(cases.letters, name="dead-letters")
app.add_typer(assets.app, name="assets")
app.add_typer(customers.app, name="customers")
app.add_typer(customers.sites, name="sites")
app.add_typer(customers.contacts, name="contacts")
app.add_typer(entitlements.app, name="entitlements")
app.add_typer(parts.app, name="parts")
app.add_typer(depots.app, name="depots")
app.add_typer(books.app, name="books")
app.add_typer(forget.app, name="forget")
app.add_typer(people.users, name="users")
app.add_typer(people.audit, name="audit")
app.add_typer(api_tokens.app, name="api-tokens")
app.add_typer(running.agents, name="agents")
app.add_typer(joining.token, name="token")
app.add_typer(joining.ca, name="ca")
rules.command()(precision.precision)
app.add_typer(rules, name="rules")
app.add_typer(plans.app, name="plans")
app.add_typer(rota.app, name="rota")
app.add_typer(diagnostics.app, name="diagnostics")
app.add_typer(windows.app, name="windows")
app.command("import")(air_gap.import_files)
app.command("enrol-file")(air_gap.enrol_file)
app.command()(running.status)
app.command()(backups.backup)
app.command()(backups.restore)
app.command()(judge.judge)
rules.command("why")(asking.why)
rules.command("replay")(asking.replay)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hardcase-collector {__version__}")
        raise typer.Exit


def _language(wanted: str) -> str:
    if wanted not in ("", *tongue.LANGUAGES):
        raise typer.BadParameter(_("en or zh"))
    return wanted


@app.callback()
def options(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", envvar="HARDCASE_COLLECTOR_CONFIG", help="Default /etc/hardcase/collector.toml."
        ),
    ] = None,
    socket: Annotated[
        Path | None, typer.Option(help="Socket of the running collector, if not the one configured.")
    ] = None,
    customer: Annotated[
        str | None, typer.Option("--customer", help="Show and touch nothing but this customer's.")
    ] = None,
    lang: Annotated[str, typer.Option("--lang", callback=_language, help="en or zh. Default: as LANG says.")] = "",
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    tongue.speak(tongue.chosen(lang, os.environ))
    ctx.obj = Where(config, socket, customer)


@app.command()
def init(
    ctx: typer.Context,
    name: Annotated[
        list[str] | None,
        typer.Option("--name", "-n", help="DNS name or address agents and people use; repeat. Default: this host's."),
    ] = None,
    admin: Annotated[str, typer.Option(help="Name of the first administrator.")] = "admin",
    password_file: Annotated[
        Path | None, typer.Option(help="Holds the administrator's password; - reads standard input. Default: made.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Make data directory, CA, server certificate and administrator. Repeating it changes nothing."""
    import time
    from datetime import UTC, datetime

    from hardcase_collector import founding
    from hardcase_collector.opening import add_first_administrator

    settings = talk.settings_of(ctx)
    names = tuple(dict.fromkeys([*name, "localhost", "127.0.0.1"] if name else founding.default_names()))
    password = people.read_password(password_file) if password_file else founding.generated_password()
    with talk.named_errors():
        founded = founding.found(settings.data_dir, names, now=datetime.now(UTC))
        # A password that went over a terminal is known to the terminal: it is for signing in once.
        added = add_first_administrator(
            settings, admin, password, now_ms=time.time_ns() // 1_000_000, must_change=password_file is None
        )
        founding.give_to_owner(settings.data_dir)
    _report(settings, founded, admin, password if added and password_file is None else "", added, as_json=as_json)


def _report(
    settings: Settings, founded: founding.Founded, admin: str, password: str, added: bool, *, as_json: bool
) -> None:
    if as_json:
        talk.show_json(
            {
                "data_dir": str(settings.data_dir),
                "ca_fingerprint": founded.fingerprint,
                "names": founded.names,
                "made": founded.made,
                "administrator": admin if added else None,
                "password": password or None,
            }
        )
        return
    talk.show_facts(
        {
            _("data directory"): settings.data_dir,
            _("CA fingerprint"): f"sha256:{founded.fingerprint}",
            _("server names"): ", ".join(founded.names),
            _("administrator"): admin if added else _("there is one already; none added"),
            **({_("password (shown once)"): password} if password else {}),
        }
    )
    talk.say()
    talk.say(_("Next: systemctl enable --now hardcase-collector, then hardcase-collector token"))


@app.command()
def serve(
    ctx: typer.Context,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Agents over plain text, on loopback only: for tests and benchmarks.")
    ] = False,
) -> None:
    """Run the collector."""
    import asyncio

    from hardcase_collector.app import serve as run

    settings = talk.settings_of(ctx)
    where: Where = ctx.obj
    with talk.named_errors():
        try:
            asyncio.run(run(settings, config_path=where.config, insecure=insecure))
        except OSError as error:
            raise ConfigError((_("cannot start: {error}").format(error=error),)) from error


@rules.command("list")
def rules_list(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """List the rules the running collector judges by."""
    loaded = talk.get(ctx, "/rules")["rules"]
    if as_json:
        talk.show_json(loaded)
        return
    columns = ("rule", "class", "condition", "levels", "debounce", "opens", "from")
    shown = heads("rule", "class", "condition", "levels", "debounce", "opens", "from")
    talk.show_table("", shown, ([row[column] for column in columns] for row in loaded), empty=_("No rules."))


@rules.command("check")
def rules_check(
    paths: Annotated[list[Path], typer.Argument(help="Sheets, or folders of them.")],
) -> None:
    """Check sheets together with the built-in ones; needs no running collector."""
    from hardcase_collector.rules.sheet_reader import check_sheets

    mistakes = check_sheets(paths)
    for mistake in mistakes:
        talk.say(mistake)
    if mistakes:
        raise typer.Exit(talk.FAILED)
    talk.say(_("The sheets are right."))


def main() -> None:
    # Before anything is parsed: help and wrong use are told in the language asked for too.
    tongue.speak(tongue.chosen(tongue.asked(sys.argv[1:]), os.environ))
    command = typer.main.get_command(app)
    tongue.translate_help(command)
    command(prog_name="hardcase-collector")
