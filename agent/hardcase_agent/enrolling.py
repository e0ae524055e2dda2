"""`hardcase-agent enroll`: joins by options, or by the drop-in file, and says what comes next. Used by `cli.py`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hardcase_agent.config import Settings
from hardcase_agent.domain.errors import ConfigError, EnrolmentRefused, WaitingForApproval

if TYPE_CHECKING:
    from hardcase_agent import joining

LONGEST_TOKEN = 4096
POLL_S = 10.0
LONGEST_WAIT_MINUTES = 7 * 24 * 60
_DESCRIPTION = """\
Checks the collector's CA, exchanges a token (of `hardcase-collector token make`) for this host's client certificate
and keeps it in the agent's state folder. The key never leaves this host. Then: systemctl enable --now hardcase-agent.

The token is read from standard input unless --token-file names a file. --token puts it on the command line, where every
user of this host can read it while the command runs, and the shell keeps it: for tokens of one use that nobody minds.

For many hosts: the drop-in file of `agent.toml` (collector.join) does the same at the first start of the service."""


def add_parsers(commands: Any, settings_of: Callable[[argparse.Namespace], Settings]) -> None:
    """The command, below `commands`."""
    enroll = commands.add_parser(
        "enroll",
        help="exchange a token for this host's client certificate",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    enroll.add_argument(
        "collector", nargs="?", default="", metavar="COLLECTOR", help="host or host:port of its enrolment port (4741)"
    )
    # Options of the first release, still taken.
    enroll.add_argument("--server", default="", help=argparse.SUPPRESS)
    enroll.add_argument("--server-name", default="", metavar="NAME", help="what its certificate says, if not the host")
    enroll.add_argument(
        "--fingerprint",
        "--ca-fingerprint",
        default="",
        metavar="sha256:HEX",
        help="of its CA, as `hardcase-collector token make` printed it",
    )
    enroll.add_argument(
        "--ca", "--ca-file", default="", metavar="FILE", help="its CA's certificate, instead of fetching it"
    )
    token = enroll.add_mutually_exclusive_group()
    token.add_argument("--token", default="", help="the token itself: seen by every user of this host")
    token.add_argument("--token-file", default="-", metavar="FILE", help="file with the token; - (default) = stdin")
    enroll.add_argument("--certificate", default="", metavar="FILE", help="client certificate that the site issued")
    enroll.add_argument(
        "--key", default="", metavar="FILE", help="its key; COLLECTOR is then the telemetry port (4740)"
    )
    enroll.add_argument(
        "--wait", type=int, default=15, metavar="MINUTES", help="for approval, where the token asks for it; default 15"
    )
    enroll.set_defaults(command=lambda options: enroll_by_options(options, settings_of(options)))


async def enroll_by_options(options: argparse.Namespace, settings: Settings) -> int:
    """Raises AgentError."""
    from hardcase_agent import joining
    from hardcase_agent.clock import MachineClock
    from hardcase_agent.machine import Machine

    ticket = _ticket(options, settings)
    logging.basicConfig(level=logging.WARNING)
    clock = MachineClock()
    host = await Machine(settings.core, clock).host()
    deadline_s = time.monotonic() + 60 * min(max(0, options.wait), LONGEST_WAIT_MINUTES)
    said = ""
    while True:
        try:
            told = await joining.join(ticket, settings.core.collector, host, settings.core.state_dir, clock)
            break
        except WaitingForApproval as error:
            if str(error) != said:
                said = str(error)
                print(f"{said}. Approve it there: hardcase-collector token approve", file=sys.stderr)
            if time.monotonic() + POLL_S > deadline_s:
                raise
            await asyncio.sleep(POLL_S)
    _report(settings.core.state_dir, told)
    return 0


def _ticket(options: argparse.Namespace, settings: Settings) -> joining.Ticket:
    """Raises EnrolmentRefused, ConfigError."""
    from hardcase_agent import joining

    collector = options.collector or options.server or settings.core.collector.enrolment
    if not collector:
        raise EnrolmentRefused("say which collector: hardcase-agent enroll HOST, or set collector.enrolment")
    if not options.fingerprint and not options.ca:
        raise EnrolmentRefused("give --fingerprint (or --ca): the token is sent to no server that is not known")
    if options.token:
        print("hardcase-agent: the token stood on the command line; --token-file keeps it from others", file=sys.stderr)
    try:
        return joining.Ticket(
            collector=collector,
            token=options.token or read_token(options.token_file),
            fingerprint=options.fingerprint,
            ca=str(Path(options.ca).absolute()) if options.ca else "",
            server_name=options.server_name,
            certificate=str(Path(options.certificate).absolute()) if options.certificate else "",
            key=str(Path(options.key).absolute()) if options.key else "",
        )
    except ValueError as error:
        raise ConfigError((str(error),)) from error


def _report(state_dir: Path, clock: str) -> None:
    from hardcase_agent.uplink import identity

    held = identity.load(state_dir)
    assert held is not None  # it was stored a moment ago
    print(f"enrolled as {held.agent_id}; the certificate is in {state_dir}")
    if clock:
        print(f"hardcase-agent: {clock}: set it (timedatectl)", file=sys.stderr)


def read_token(place: str) -> str:
    """From a file or stdin ("-"). Raises EnrolmentRefused."""
    try:
        if place == "-":
            text = sys.stdin.read(LONGEST_TOKEN)
        else:
            with open(place, encoding="utf-8") as file:
                text = file.read(LONGEST_TOKEN)
    except (OSError, UnicodeDecodeError) as error:
        raise EnrolmentRefused(f"the token file {place} cannot be read: {error}") from error
    token = text.strip()
    if not token or any(character.isspace() for character in token):
        raise EnrolmentRefused("the token must be one word, as `hardcase-collector token make` printed it")
    return token
