"""Who a kernel's disk is, from sysfs alone: model, serial number and WWN as smartctl has them, and its slot.

Asks nothing of the disk, so that none is woken.

For members that Linux md and ZFS know by device name only. Used by `source.py` and `host/arrays.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hardcase_agent.sensors.arrays import words
from hardcase_agent.sensors.host.tree import Folder

_PAGE_LIMIT = 1 << 16
_T10_VENDOR = 1
"""Designator type 1: vendor, and behind it what the vendor wants (SPC-5 7.7.6.4)."""
_ASCII = 2
_ATA_MODEL, _ATA_SERIAL = 40, 20
"""An ATA disk's T10 designator is "ATA", its model and its serial number, padded (SAT-4 10.3.4.2.3)."""


@dataclass(frozen=True, slots=True)
class BlockDisk:
    model: str = ""
    serial: str = ""
    wwn: str = ""
    slot: str = ""


def identify(sysfs: Folder, name: str) -> BlockDisk:
    """`name` is a whole disk's ("sda", "nvme0n1"). Empty fields where the kernel tells nothing; raises nothing."""
    device = sysfs / "block" / name / "device"
    if name.startswith("nvme"):
        return BlockDisk(
            model=_text(device / "model"), serial=words.serial(_text(device / "serial")), slot=_enclosure(device)
        )
    model, serial = _ata_names(_bytes(device / "vpd_pg83"))
    if not model:
        model = words.disk_model(_text(device / "vendor"), _text(device / "model"))
    if not serial:
        serial = words.serial(_bytes(device / "vpd_pg80")[4:].decode("ascii", "replace").strip("\0 "))
    return BlockDisk(model=model, serial=serial, wwn=words.wwn(_text(device / "wwid")), slot=_enclosure(device))


def _ata_names(page: bytes) -> tuple[str, str]:
    """Model and serial number in full, which the kernel's own `model` cuts at 16 characters; "" for no ATA disk."""
    at = 4
    while at + 4 <= len(page):
        code, kind, length = page[at] & 0x0F, page[at + 1] & 0x0F, page[at + 3]
        value = page[at + 4 : at + 4 + length]
        if (code, kind) == (_ASCII, _T10_VENDOR) and value[:8].strip() == b"ATA" and len(value) >= 8 + _ATA_MODEL:
            model = value[8 : 8 + _ATA_MODEL].decode("ascii", "replace")
            serial = value[8 + _ATA_MODEL : 8 + _ATA_MODEL + _ATA_SERIAL].decode("ascii", "replace")
            return words.told(model.strip("\0 ")), words.serial(serial.strip("\0 "))
        at += 4 + length
    return "", ""


def _enclosure(device: Folder) -> str:
    """The slot's name in /sys/class/enclosure, where an enclosure with SES holds the disk."""
    try:
        links = sorted(path.name for path in device.glob("enclosure_device:*"))
    except OSError:
        return ""
    return re.sub(r"^enclosure_device:", "", links[0]).strip() if links else ""


def _text(path: Folder) -> str:
    return words.squeeze(_bytes(path).decode("utf-8", "replace"))


def _bytes(path: Folder) -> bytes:
    try:
        return path.read_bytes()[:_PAGE_LIMIT]
    except OSError:
        return b""
