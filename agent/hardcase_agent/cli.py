"""The commands of `hardcase-agent`: parses arguments, prints, sets the status of the exit.

Those of a host without a network are in `airgap/commands.py`.

Exit status: 0 good, 1 something is not (and it says what), 2 wrong use.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hardcase_agent import __version__, diagnostic_commands, enrolling
from hardcase_agent.airgap import commands as airgap
from hardcase_agent.config import DEFAULT_PATH, LogForm, LogLevel, Settings, load_config
from hardcase_agent.domain.errors import AgentError, ConfigError
from hardcase_agent.sensors.decoders import DECODERS

_UNITS = {"m": 60, "h": 3600, "d": 86400}


def main(arguments: Sequence[str] | None = None) -> None:
    """Never returns: threads that hang on a device must not keep the process."""
    options = _parser().parse_args(arguments)
    try:
        # Not asyncio.run: it would wait for threads of the default executor, one of which may hang on a device.
        status = asyncio.new_event_loop().run_until_complete(options.command(options))
    except ConfigError as error:
        print("\n".join(error.mistakes), file=sys.stderr)
        status = 1
    except AgentError as error:
        print(f"hardcase-agent: {error}", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        status = 1
    except BrokenPipeError:
        # Whoever read the output has seen enough; what is left in the buffer has nobody to go to.
        os._exit(1)
    sys.stdout.flush()
    logging.shutdown()
    os._exit(status)


_STATUS = "exit status: 0 good, 1 something is not and it is told, 2 wrong use"
_DECODE = """\
Prints what captures of other machines say, one JSON object a line: readings, events, parts, and an error for each
record that could not be decoded. The parsers are those of the live sources. Needs no device, no configuration and no
collector; the lines are described in protos/README.md, and `hardcase-collector judge` takes them."""
_DECODE_MORE = """\
examples:
  hardcase-agent decode smart smartctl-a.json
  ipmitool sel elist | hardcase-agent decode sel -
  hardcase-agent decode edac sys/ | hardcase-collector judge - --advice

exit status: 0 everything was decoded, 1 at least one error line (the rest is decoded all the same), 2 wrong use"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hardcase-agent", description="Reads this machine's hardware for Hardcase.", epilog=_STATUS
    )
    parser.add_argument("--version", action="version", version=f"hardcase-agent {__version__}")
    parser.add_argument("--config", type=Path, default=None, help=f"configuration file; default {DEFAULT_PATH}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    run = commands.add_parser(
        "run",
        help="the service itself",
        description="Reads every source on its period and streams what it reads to the collector, until SIGTERM. "
        "SIGHUP reads the configuration again, all or nothing.",
    )
    run.add_argument("--insecure", action="store_true", help="plain text to the collector; loopback only")
    run.set_defaults(command=_run)

    probe = commands.add_parser(
        "probe",
        help="read every source once and print what it says",
        description="Reads every source once and prints what it says, gaps with their reasons. Sends nothing.",
        epilog="exit status: 0 every device that may be asked said something, 1 at least one said nothing at all "
        "(which, and why, is told), 2 wrong use. What this user may not read does not count: see doctor",
    )
    probe.add_argument("--json", action="store_true", help="print JSON instead of a table")
    probe.set_defaults(command=_probe)

    doctor = commands.add_parser(
        "doctor",
        help="what may be read, what may not, why, and what to do",
        description="Says for each source what it may read, what it may not, why, and what to do. "
        "Exit status 1: something is not watched that could be.",
    )
    doctor.add_argument("--json", action="store_true", help="print JSON instead of a table")
    doctor.set_defaults(command=_doctor)
    enrolling.add_parsers(commands, _settings)

    maintenance = commands.add_parser(
        "maintenance",
        help="open a maintenance window for this host",
        description="Tells the running agent that somebody works on this host: what is found in the "
        "window opens a case at its end, if it is there then.",
    )
    maintenance.add_argument("duration", type=duration_s, help="30m, 2h, 1d; 0 ends the window")
    maintenance.add_argument("reason", help="why, for people")
    maintenance.set_defaults(command=_maintenance)
    diagnostic_commands.add_parsers(commands, _settings)
    airgap.add_parsers(commands, _settings)
    _decode_parser(commands)
    return parser


def _decode_parser(commands: Any) -> None:
    kinds = "\n".join(f"  {one.kind:<11} {one.about}" for one in DECODERS)
    decode = commands.add_parser(
        "decode",
        help="decode captures from other machines; needs no device and no configuration",
        description=f"{_DECODE}\n\nkinds:\n{kinds}",
        epilog=_DECODE_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    decode.add_argument("kind", choices=[one.kind for one in DECODERS], metavar="KIND", help="one of those above")
    decode.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="a file, - for standard input, or a folder for a tree of files; 256 MiB each at most",
    )
    decode.set_defaults(command=_decode)


def duration_s(text: str) -> int:
    """Seconds of "90", "30m", "2h", "1d". Raises argparse.ArgumentTypeError."""
    match = re.fullmatch(r"(\d{1,7})([smhd]?)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 30m, 2h or 1d")
    return int(match[1]) * _UNITS.get(match[2], 1)


def _settings(options: argparse.Namespace) -> Settings:
    return load_config(options.config or DEFAULT_PATH, missing_is_default=options.config is None)


async def _run(options: argparse.Namespace) -> int:
    from hardcase_agent import logs
    from hardcase_agent.app import Agent

    logs.set_up(LogLevel.INFO, LogForm.TEXT)
    agent = Agent(options.config or DEFAULT_PATH, missing_is_default=options.config is None, insecure=options.insecure)
    await agent.run()
    return 0


async def _probe(options: argparse.Namespace) -> int:
    from hardcase_agent import probing, tables
    from hardcase_agent.clock import MachineClock

    found = await probing.probe(_settings(options), MachineClock())
    print(tables.probe_json(found) if options.json else tables.probe_table(found))
    silent = probing.silent_devices(found)
    if silent:
        print(f"hardcase-agent: nothing was read from {', '.join(silent)}", file=sys.stderr)
    return 1 if silent else 0


async def _doctor(options: argparse.Namespace) -> int:
    from hardcase_agent import probing, tables
    from hardcase_agent.clock import MachineClock

    found = await probing.examine(_settings(options), MachineClock())
    print(tables.doctor_json(found) if options.json else tables.doctor_table(found))
    return 0 if tables.healthy(found) else 1


async def _maintenance(options: argparse.Namespace) -> int:
    from hardcase_agent import control

    state_dir = _settings(options).core.state_dir
    request = {"ask": "maintenance", "duration_s": options.duration, "reason": options.reason}
    answer = await control.ask(state_dir, request)
    if options.duration:
        print(f"maintenance window {answer['window_id'][:8]} opened for {options.duration} s")
    else:
        print("maintenance window ended")
    return 0


async def _decode(options: argparse.Namespace) -> int:
    from hardcase_agent import decoding

    good = [decoding.write(decoding.decode_file(options.kind, path), sys.stdout.buffer) for path in options.files]
    sys.stdout.buffer.flush()
    return 0 if all(good) else 1
