"""The commands of a host without a network: export, receipt, import-identity. Added and run by `cli.py`."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hardcase_agent.config import Settings
from hardcase_agent.domain.errors import EnrolmentRefused

if TYPE_CHECKING:
    from hardcase_agent.uplink.identity import Identity

SettingsOf = Callable[[argparse.Namespace], Settings]
Command = Callable[[argparse.Namespace], Awaitable[int]]

_EXPORT = """\
Writes everything the spool holds and no receipt has named into signed files, for a collector that this host cannot
reach. Works while the agent runs and while it does not. Nothing leaves the spool: carry the files to the collector,
`hardcase-collector import FILES`, carry its receipt back, `hardcase-agent receipt FILE`. Exporting again before that
writes the same records again, under further numbers; the collector takes each record once."""
_EXPORT_MORE = """\
examples:
  hardcase-agent export /mnt/stick
  hardcase-agent export --request /mnt/stick/web1.hcq    the first time: this host has no identity yet
  hardcase-agent export --forget                         the exported files were lost for good, and the disk is full

exit status: 0 good, 1 something is not and it is told, 2 wrong use"""


def add_parsers(commands: Any, settings_of: SettingsOf) -> None:
    export = commands.add_parser(
        "export",
        help="write what the spool holds into signed files, for a host without a network",
        description=_EXPORT,
        epilog=_EXPORT_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    export.add_argument("target", nargs="?", type=Path, metavar="DIR|FILE", help="where to; a FILE only if all fits")
    what = export.add_mutually_exclusive_group()
    what.add_argument("--request", action="store_true", help="write a request for an identity into FILE instead")
    what.add_argument(
        "--forget",
        action="store_true",
        help="let go of what was exported and no receipt named: the collector is told of it as lost",
    )
    export.set_defaults(command=lambda options: _export(options, settings_of(options)))

    receipt = commands.add_parser(
        "receipt",
        help="let go of what the collector has taken from files",
        description="Checks the receipt that `hardcase-collector import` wrote for this host and removes from the "
        "spool what it names. Works while the agent runs and while it does not.",
    )
    receipt.add_argument("file", type=Path, metavar="FILE", help="the receipt")
    receipt.set_defaults(command=lambda options: _receipt(options, settings_of(options)))

    identity = commands.add_parser(
        "import-identity",
        help="take the identity that a collector made from this host's request",
        description="Takes the file that `hardcase-collector enrol-file` made from the request of `export --request`, "
        "if the CA with this fingerprint signed it. The key never left this host.",
    )
    identity.add_argument("file", type=Path, metavar="FILE", help="the answer")
    identity.add_argument(
        "--ca-fingerprint", required=True, metavar="sha256:HEX", help="as `hardcase-collector enrol-file` printed it"
    )
    identity.set_defaults(command=lambda options: _import_identity(options, settings_of(options)))


async def _export(options: argparse.Namespace, settings: Settings) -> int:
    if options.forget:
        return await _forget(settings)
    if options.target is None:
        raise EnrolmentRefused("name the folder or file to write to")
    if options.request:
        return await _request(options.target, settings)
    from hardcase_agent import __version__
    from hardcase_agent.airgap import export, joining, ledger, spools
    from hardcase_agent.clock import MachineClock, boot_id
    from hardcase_agent.machine import Machine
    from hardcase_agent.uplink.codec import Introduction

    core, clock = settings.core, MachineClock()
    identity = _identity(core.state_dir)
    host = await Machine(core, clock).host()
    introduction = Introduction(version=__version__, host=host, boot_id=boot_id())
    exporter = export.Exporter(identity=identity, introduction=introduction, clock=clock.now)
    with ledger.held(core.state_dir) as book:
        try:
            async with spools.opened(core) as spool:
                written = await exporter.export(spool, book, options.target)
        finally:
            joining.owned_by_folder(core.state_dir)
    for one in written:
        print(f"{one.path}: {one.records} records ({one.first} to {one.through}), {one.bytes} bytes")
    if not written:
        print("nothing to export: the spool holds nothing that no receipt has named")
    return 0


async def _forget(settings: Settings) -> int:
    from hardcase_agent.airgap import joining, ledger, receipts, spools

    with ledger.held(settings.core.state_dir) as book:
        try:
            async with spools.opened(settings.core) as spool:
                forgotten = await receipts.forget(spool, book)
        finally:
            joining.owned_by_folder(settings.core.state_dir)
    print(f"{forgotten} records forgotten; the collector is told of them as lost")
    return 0


async def _receipt(options: argparse.Namespace, settings: Settings) -> int:
    from hardcase_agent.airgap import files, joining, ledger, receipts, spools
    from hardcase_agent.uplink import airgap

    core = settings.core
    identity = _identity(core.state_dir)
    receipt = airgap.read_receipt(files.read_whole(options.file, airgap.LARGEST_ANSWER), identity)
    with ledger.held(core.state_dir) as book:
        try:
            async with spools.opened(core) as spool:
                applied = await receipts.apply(receipt, spool, book)
        finally:
            joining.owned_by_folder(core.state_dir)
    made = datetime.fromtimestamp(min(receipt.made_ms, 253_402_300_799_000) / 1000, UTC)
    print(f"receipt {receipt.number} of {made:%Y-%m-%d %H:%M} UTC applied: {applied.released} records released")
    if applied.rejected:
        print(f"{applied.rejected} records were rejected by the collector, in all; they will not be sent again")
    for epoch in receipt.epochs:
        for sequence, status, detail in epoch.rejected:
            print(f"  {epoch.epoch.hex()[:8]} {sequence}: {status}: {detail}")
    return 0


async def _request(target: Path, settings: Settings) -> int:
    from hardcase_agent.airgap import joining
    from hardcase_agent.clock import MachineClock
    from hardcase_agent.machine import Machine

    core, clock = settings.core, MachineClock()
    host = await Machine(core, clock).host()
    target = joining.request_path(target, host)
    try:
        joining.make_request(core.state_dir, target, host, clock.now())
    finally:
        if core.state_dir.is_dir():
            joining.owned_by_folder(core.state_dir)
    print(f"request written: {target}")
    print("at the collector: hardcase-collector token, then hardcase-collector enrol-file " + target.name)
    return 0


async def _import_identity(options: argparse.Namespace, settings: Settings) -> int:
    from hardcase_agent.airgap import joining
    from hardcase_agent.uplink import identity
    from hardcase_agent.uplink.enrol import parse_fingerprint

    state_dir = settings.core.state_dir
    taken = joining.take_answer(state_dir, options.file, parse_fingerprint(options.ca_fingerprint))
    identity.store(state_dir, taken)
    joining.request_done(state_dir)
    print(f"enrolled as {taken.agent_id}; the certificate is in {state_dir}")
    return 0


def _identity(state_dir: Path) -> Identity:
    from hardcase_agent.uplink import identity

    held = identity.load(state_dir)
    if held is None:
        raise EnrolmentRefused(
            "this host has no identity: hardcase-agent export --request FILE asks for one, or hardcase-agent enroll"
        )
    if held.brought:
        raise EnrolmentRefused(
            "this host's certificate is of the site's own CA; by file a collector takes only certificates of its own: "
            "hardcase-agent export --request FILE asks for one"
        )
    return held
