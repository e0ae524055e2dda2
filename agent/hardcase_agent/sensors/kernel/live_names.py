"""Which part of this machine a log line means: kernel names of disks and ports, PCI addresses, EDAC's labels.

The log names a disk "sdc", "ata3" or "nvme1"; sysfs knows its model and serial, by which SMART and the arrays know it.
"""

from __future__ import annotations

import re
from dataclasses import replace

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.host import nics
from hardcase_agent.sensors.host.tree import Folder, entries, read_text
from hardcase_agent.sensors.kernel.dimm_place import Board
from hardcase_agent.sensors.kernel.dmi_inventory import Inventory

_PORT = re.compile(r"/(ata\d+)/")


class LiveNames:
    """A snapshot; made anew for the sweep that has something to name."""

    def __init__(self, sysfs: Folder, inventory: Inventory | None) -> None:
        self._disks = dict(_disks(sysfs))
        self._ports = {path: part for part in nics.scan(sysfs).parts for path in part.paths}
        self._slots = dict(inventory.slots) if inventory is not None else {}
        labels = [
            read_text(label)
            for controller in entries(sysfs / "devices" / "system" / "edac" / "mc", "mc[0-9]*")
            for label in (*entries(controller, "dimm*/dimm_label"), *entries(controller, "csrow*/ch*_dimm_label"))
        ]
        self._board = Board(inventory.modules if inventory is not None else (), labels)

    def of(self, part: Part) -> Part:
        """The same part with what this machine knows of it; as it was where nothing is known."""
        match part.component:
            case Component.DISK:
                known = self._disks.get(part.slot)
                return replace(known, paths=part.paths) if known is not None else part
            case Component.MEMORY:
                return self._board.part(part.slot, "") if part.slot else part
            case Component.NIC:
                return next((self._ports[path] for path in part.paths if path in self._ports), part)
            case Component.PCIE:
                name = self._slots.get(part.slot) or self._slots.get(f"0000:{part.slot}")
                return replace(part, slot=f"{name} ({part.slot})") if name else part
            case _:
                return part


def _disks(sysfs: Folder) -> list[tuple[str, Part]]:
    found: list[tuple[str, Part]] = []
    for disk in entries(sysfs / "block", "sd*"):
        device = disk / "device"
        part = Part(
            component=Component.DISK, model=read_text(device / "model"), serial=_serial(device), firmware=_text(device)
        )
        if not part.serial:
            continue
        found.append((disk.name, part))
        port = _PORT.search(f"{device.resolve()}/")
        if port:
            found.append((port[1], part))
    for controller in entries(sysfs / "class" / "nvme", "nvme[0-9]*"):
        serial = read_text(controller / "serial").strip()
        if serial:
            model, firmware = read_text(controller / "model").strip(), read_text(controller / "firmware_rev").strip()
            found.append(
                (controller.name, Part(component=Component.DISK, model=model, serial=serial, firmware=firmware))
            )
    return found


def _text(device: Folder) -> str:
    return read_text(device / "rev").strip()


def _serial(device: Folder) -> str:
    """VPD page 80h: four bytes of header, then the unit serial number (SPC-5, 7.7.19)."""
    try:
        page = (device / "vpd_pg80").read_bytes()
    except OSError:
        return ""
    return page[4:].decode("ascii", "replace").strip("\0 ")
