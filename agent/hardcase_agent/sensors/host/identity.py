"""Who this machine is: DMI and machine-id. Called once at start by `host_asset.py`, which may ask the helper for more.

Serial, UUID and board serial are readable by root only; what is not readable is "", and the collector then falls back
on the machine-id. Placeholders are passed on as printed: the collector keeps the list of them.
"""

from __future__ import annotations

import os

from hardcase_agent.domain.part import Asset
from hardcase_agent.sensors.host.tree import Folder, read_text


def read_host_asset(sysfs: Folder, etc: Folder) -> Asset:
    """The asset of this machine from `sysfs`/class/dmi/id and `etc`/machine-id. Raises nothing."""
    dmi = sysfs / "class" / "dmi" / "id"
    return Asset(
        vendor=read_text(dmi / "sys_vendor"),
        model=read_text(dmi / "product_name"),
        serial=read_text(dmi / "product_serial"),
        uuid=read_text(dmi / "product_uuid").lower(),
        machine_id=read_text(etc / "machine-id"),
        node=read_text(dmi / "board_serial"),
        hostname=read_text(etc / "hostname") or os.uname().nodename,
        kind="server",
    )
