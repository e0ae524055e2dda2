"""What this machine says of itself: DMI, machine-id, host name. Called by `app.py` and `cli.py` once at start.

The serial number and UUID in sysfs are readable by root alone; without that right the firmware's tables are asked for
as the kernel family asks (`sensors/kernel/dmi_tables.py`): through the helper, else by dmidecode.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hardcase_agent.clock import MachineClock
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.ports import CommandRunner
from hardcase_agent.sensors.host.identity import read_host_asset
from hardcase_agent.sensors.host.tree import read_text
from hardcase_agent.sensors.kernel.dmi_structure import Type
from hardcase_agent.sensors.kernel.dmi_tables import DmiTables

DRILL_FILE = "drill-id"


async def read_host(sysfs: Path, commands: CommandRunner) -> Asset:
    """Never raises: what cannot be read is empty, and the collector falls back to the next identity."""
    host = read_host_asset(sysfs, Path("/etc"))
    if (host.serial and host.uuid) or not (sysfs / "class/dmi/id").is_dir():
        return host
    told = await _from_firmware(sysfs, commands)
    return replace(
        host,
        vendor=host.vendor or told.get("vendor", ""),
        model=host.model or told.get("model", ""),
        serial=host.serial or told.get("serial", ""),
        uuid=host.uuid or told.get("uuid", "").lower(),
        node=host.node or told.get("node", ""),
    )


def drill_host(state_dir: Path) -> Asset:
    """The host of an agent that only rehearses: an identity of its own, kept in its state folder, marked as a drill."""
    path = state_dir / DRILL_FILE
    name = read_text(path)
    if len(name) != 32:
        name = secrets.token_hex(16)
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(name + "\n")
    return Asset(
        vendor="Hardcase",
        model="Rehearsal",
        serial=f"DRILL-{name[:12].upper()}",
        machine_id=name,
        hostname=f"{socket.gethostname()}-drill",
        rehearsal=True,
    )


async def _from_firmware(sysfs: Path, commands: CommandRunner) -> dict[str, str]:
    """System and base board of the firmware's tables, as printed there, by the names of Asset's fields."""
    tables = DmiTables(sysfs, commands, MachineClock())
    fields: dict[str, str] = {}
    for structure in await tables.structures():
        for name, wanted in _WANTED.get(structure.kind, ()):
            value = structure.fields.get(name, "").strip()
            if value and value != "Not Specified":
                fields.setdefault(wanted, value)
    return fields


_WANTED: Mapping[int, tuple[tuple[str, str], ...]] = {
    Type.SYSTEM: (
        ("Manufacturer", "vendor"),
        ("Product Name", "model"),
        ("Serial Number", "serial"),
        ("UUID", "uuid"),
    ),
    Type.BOARD: (("Serial Number", "node"),),
}


def seed_of(host: Asset) -> str:
    """What spreads this host's phases: stable, and different from its neighbour's."""
    return host.machine_id or host.uuid or host.hostname or str(os.getpid())
