"""The commands `bundle` and `diagnostics`: a support bundle without any collector, and what was asked of this agent.

Called by `cli.py`. The desk of a running agent is asked through its control socket (`workbench.py` answers).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hardcase_agent.config import DEFAULT_PATH, Settings
from hardcase_agent.domain.diagnostic import ID_BYTES
from hardcase_agent.domain.errors import AccessDenied, ConfigError, DiagnosticRefused

if TYPE_CHECKING:
    from hardcase_agent.diagnostics.bench import Bench, Work

LONGEST_ANSWER = 1 << 20
"""Bytes of a manifest with everything around it."""

ReadSettings = Callable[[argparse.Namespace], Settings]


def add_parsers(commands: Any, read_settings: ReadSettings) -> None:
    """`commands`: argparse's subparsers."""
    bundle = commands.add_parser(
        "bundle",
        help="make a support bundle of this host, without any collector",
        description="Collects this agent's log and configuration, the kernel's log, the BMC's event log, FRU, SMART, "
        "arrays, DMI and PCI devices into one file; hides passwords, tokens and keys; lists what is in it. Sends "
        "nothing.",
    )
    bundle.add_argument("--output", type=Path, default=None, metavar="FILE", help="default: bundle-<time>.tar.gz here")
    bundle.add_argument("--parts", default="", metavar="A,B", help="only these parts; default all")
    bundle.add_argument(
        "--list", dest="listed", type=Path, default=None, metavar="FILE", help="only list what is in this bundle"
    )
    bundle.add_argument("--json", action="store_true", help="print the manifest as JSON")
    bundle.set_defaults(command=lambda options: _bundle(options, read_settings))

    asked = commands.add_parser(
        "diagnostics",
        help="what was asked of this agent; agree to the sending of a bundle, or refuse it",
        description="Asks the running agent. Where diagnostics.consent_before_sending is set, a bundle waits until "
        "somebody has seen its list and agreed, here or at the collector.",
    )
    asked.add_argument("verb", choices=("list", "show", "consent", "refuse"))
    asked.add_argument("id", nargs="?", default="", help="of the request, or its first letters; not for list")
    asked.add_argument("--json", action="store_true", help="print JSON instead of a table")
    asked.set_defaults(command=lambda options: _diagnostics(options, read_settings))


async def _bundle(options: argparse.Namespace, read_settings: ReadSettings) -> int:
    from hardcase_agent.diagnostics.packing import read_manifest

    if options.listed is not None:
        try:
            _print(read_manifest(options.listed), options.json)
        except (OSError, ValueError) as error:
            raise ConfigError((f"{options.listed}: {error}",)) from error
        return 0
    settings = read_settings(options)
    made, manifest = await _make(options, settings)
    _print(manifest, options.json)
    print(f"{made}: {made.stat().st_size} bytes; nothing was sent", file=sys.stderr)
    return 0


async def _make(options: argparse.Namespace, settings: Settings) -> tuple[Path, Mapping[str, Any]]:
    import tempfile
    from datetime import UTC, datetime

    from hardcase_agent.clock import MachineClock
    from hardcase_agent.diagnostics import bundle
    from hardcase_agent.diagnostics.collecting import parts_wanted
    from hardcase_agent.machine import Machine
    from hardcase_agent.probing import sources_of
    from hardcase_agent.sweeps import close_sources
    from hardcase_agent.workbench import Alone, make_bench

    clock = MachineClock()
    wanted = parts_wanted(options.parts)
    sources, broken = await sources_of(settings, clock)
    machine = Machine(settings.core, clock)
    alone = Alone(sources, clock)
    bench = make_bench(
        host=await machine.host(),
        clock=clock,
        commands=machine.commands,
        sources=lambda: alone.sources,
        assets_of=alone.assets_of,
        lend=alone.lend,
        ask_now=alone.ask_now,
        config_path=options.config or DEFAULT_PATH,
        facts=lambda: {"not_built": {one.source: one.lines[0].reason for one in broken}},
    )
    output = options.output or Path(f"bundle-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar.gz")
    if not output.parent.is_dir():
        raise ConfigError((f"{output.parent}: no such folder",))
    try:
        with tempfile.TemporaryDirectory(prefix=".hardcase-bundle-", dir=output.parent) as folder:
            await alone.know_disks()
            path, manifest = await bundle.make(_work(bench, settings, Path(folder)), wanted)
            os.chmod(path, 0o600)
            path.replace(output)
    except OSError as error:
        raise AccessDenied(f"{output} cannot be written: {error.strerror or error}") from error
    finally:
        await close_sources(sources)
    return output, manifest


def _work(bench: Bench, settings: Settings, folder: Path) -> Work:
    """As if this host had asked itself."""
    import secrets

    from hardcase_agent.diagnostics.bench import Work

    return Work(
        bench=bench,
        settings=settings.core.diagnostics,
        id=secrets.token_bytes(ID_BYTES),
        arguments={},
        asset="",
        asked_by="this host",
        reason="hardcase-agent bundle",
        folder=folder,
        tell=lambda said: print(said, file=sys.stderr),
    )


async def _diagnostics(options: argparse.Namespace, read_settings: ReadSettings) -> int:
    from hardcase_agent import control

    if options.verb != "list" and not options.id:
        raise DiagnosticRefused(f"diagnostics {options.verb} needs the id of a request: see diagnostics list")
    request = {"ask": "diagnostics", "what": options.verb, "id": options.id}
    answer = await control.ask(read_settings(options).core.state_dir, request, longest=LONGEST_ANSWER)
    match options.verb:
        case _ if options.json:
            print(json.dumps(answer, indent=2, ensure_ascii=False))
        case "list":
            _print_requests(answer)
        case "show":
            print(f"{answer['id']}: {answer['detail']}")
            _print(answer["answer"], False)
        case "consent":
            print(f"{answer['id']} is sent now")
        case _:
            print(f"{answer['id']} is not sent; its files were removed")
    return 0


def _print_requests(answer: Mapping[str, Any]) -> None:
    from datetime import UTC, datetime

    from hardcase_agent.tables import columns

    rows = [("ID", "ASKED", "KIND", "STATE", "BY", "DETAIL")]
    for one in answer["requests"]:
        when = f"{datetime.fromtimestamp(one['taken_ms'] / 1000, UTC):%Y-%m-%d %H:%M}"
        rows.append((one["id"][:12], when, one["kind"], one["state"], one["asked_by"], one["detail"]))
    print(columns(rows) if len(rows) > 1 else "nothing was asked of this agent")
    print(f"allowed here: {', '.join(answer['allowed']) or 'nothing'}")


def _print(manifest: Mapping[str, Any], as_json: bool) -> None:
    from hardcase_agent.tables import columns

    if as_json or "files" not in manifest:
        print(json.dumps(manifest, indent=2, ensure_ascii=False))
        return
    rows = [("FILE", "BYTES", "HIDDEN", "SHA-256")]
    for one in manifest["files"]:
        hidden = ", ".join(f"{name} {count}" for name, count in one.get("hidden", {}).items()) or "-"
        size = f"{one['bytes']}" + (f" (of {one['cut_from']})" if "cut_from" in one else "")
        rows.append((one["name"], size, hidden, one["sha256"][:16]))
    print(columns(rows))
    for left in manifest["left_out"]:
        print(f"left out: {left['part']}: {left['reason']}")
