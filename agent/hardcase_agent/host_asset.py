"""What this machine says of itself: DMI, machine-id, host name. Called by `app.py` and `cli.py` once at start.

The serial number and UUID in sysfs are readable by root alone; without that right the helper's dmidecode is asked.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from dataclasses import replace
from pathlib import Path

from hardcase_agent.domain.errors import AgentError
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.ports import CommandRunner
from hardcase_agent.sensors.host.identity import read_host_asset
from hardcase_agent.sensors.host.tree import read_text

DMIDECODE_S = 5.0
SYSTEM, BOARD = "1", "2"
"""SMBIOS structure types (SMBIOS 3.7, 7.2 and 7.3)."""
DRILL_FILE = "drill-id"


async def read_host(sysfs: Path, commands: CommandRunner) -> Asset:
    """Never raises: what cannot be read is empty, and the collector falls back to the next identity."""
    host = read_host_asset(sysfs, Path("/etc"))
    if (host.serial and host.uuid) or not (sysfs / "class/dmi/id").is_dir():
        return host
    told = await _from_dmidecode(commands)
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


async def _from_dmidecode(commands: CommandRunner) -> dict[str, str]:
    with contextlib.suppress(AgentError):
        result = await commands.run("dmidecode", (SYSTEM, BOARD), deadline_s=DMIDECODE_S)
        if result.status == 0:
            return parse_dmidecode(result.stdout.decode(errors="replace"))
    return {}


_SYSTEM_FIELDS = {
    "Manufacturer": "vendor",
    "Product Name": "model",
    "Serial Number": "serial",
    "UUID": "uuid",
}


def parse_dmidecode(text: str) -> dict[str, str]:
    """System and base board fields of dmidecode's text, by the names of Asset's fields."""
    found: dict[str, str] = {}
    section = ""
    for line in text.splitlines():
        if not line.startswith(("\t", " ")):
            section = line.strip()
            continue
        name, colon, value = line.strip().partition(": ")
        if not colon or value.strip() in ("", "Not Specified"):
            continue
        if section == "System Information" and name in _SYSTEM_FIELDS:
            found.setdefault(_SYSTEM_FIELDS[name], value.strip())
        elif section == "Base Board Information" and name == "Serial Number":
            found.setdefault("node", value.strip())
    return found


def seed_of(host: Asset) -> str:
    """What spreads this host's phases: stable, and different from its neighbour's."""
    return host.machine_id or host.uuid or host.hostname or str(os.getpid())
