"""The disks that the kernel lists, from sysfs alone: asking nothing of a disk, so that none is woken by being counted.

Called by `shelf.py`. What a disk says of itself is `report.py`'s matter.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_NOT_DISKS = re.compile(r"(loop|ram|zram|dm-|md|sr|fd|nbd|drbd|rbd|zd|bcache|nullb|pmem)\d*")
_READ_LIMIT = 4096


class Bus(StrEnum):
    NVME = "nvme"
    SCSI = "scsi"
    """SATA, SAS and RAID volumes."""
    USB = "usb"
    VIRTUAL = "virtual"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockDevice:
    path: str
    """The name smartctl takes: "/dev/sda", "/dev/nvme0" (the controller)."""
    bus: Bus
    signature: str
    """Changes when another disk comes under the same name."""
    slot: str = ""
    """Enclosure or PCI slot as its maker calls it, or ""."""
    address: str = ""
    """SCSI address: the place of a disk that tells neither serial nor WWN."""
    suspended: bool = False
    """The kernel suspended it: opening its node would wake it."""
    driver: str = ""
    """Of its SCSI host, as the kernel names it: "ahci", "megaraid_sas"; "" = not told."""
    model: str = ""
    """As the kernel has it: 16 characters of a SATA disk's."""
    control: str = ""
    """Where its controller is asked by a node that is no disk ("/dev/sg2", Areca): that node."""


def list_block_devices(sysfs: Path) -> tuple[BlockDevice, ...]:
    """Never raises: what cannot be read is not listed."""
    found: dict[str, BlockDevice] = {}
    for name in _names(sysfs / "class" / "nvme"):
        if re.fullmatch(r"nvme\d+", name):
            device = _nvme(sysfs, name)
            found[device.path] = device
    controllers = bool(found)
    for name in _names(sysfs / "block"):
        if _NOT_DISKS.match(name) or (name.startswith("nvme") and controllers):
            continue
        device = _block(sysfs, name)
        found.setdefault(device.path, device)
    return tuple(found[path] for path in sorted(found))


def _nvme(sysfs: Path, name: str) -> BlockDevice:
    here = sysfs / "class" / "nvme" / name
    address = _read(here / "address")
    return BlockDevice(
        path=f"/dev/{name}",
        bus=Bus.NVME,
        signature=" ".join((name, _read(here / "serial"), address)),
        slot=_pci_slot(sysfs, address),
    )


def _block(sysfs: Path, name: str) -> BlockDevice:
    here = sysfs / "block" / name
    bus = _bus(here, name)
    address = _scsi_address(here)
    # A namespace stands for its controller where the kernel has no nvme class.
    path = "/dev/" + re.sub(r"^(nvme\d+).*", r"\1", name)
    signature = " ".join(
        _read(here / where) for where in ("diskseq", "size", "device/wwid", "wwid", "device/model", "device/serial")
    )
    return BlockDevice(
        path=path,
        bus=bus,
        signature=f"{name} {signature}",
        slot=_enclosure_slot(here),
        address=address,
        suspended=_read(here / "device/power/runtime_status") == "suspended",
        driver=(driver := _driver(sysfs, address)),
        model=_read(here / "device/model"),
        control=_control(sysfs, address) if driver == "arcmsr" else "",
    )


def _bus(here: Path, name: str) -> Bus:
    if name.startswith("nvme"):
        return Bus.NVME
    if name.startswith(("vd", "xvd")):
        return Bus.VIRTUAL
    if not name.startswith(("sd", "hd")):
        return Bus.OTHER
    return Bus.USB if re.search(r"/usb\d+/", os.path.realpath(here)) else Bus.SCSI


def _enclosure_slot(here: Path) -> str:
    links = [name for name in _names(here / "device") if name.startswith("enclosure_device:")]
    return links[0].partition(":")[2].strip() if links else ""


def _scsi_address(here: Path) -> str:
    target = os.path.basename(os.path.realpath(here / "device"))
    return f"SCSI {target}" if re.fullmatch(r"\d+:\d+:\d+:\d+", target) else ""


def _driver(sysfs: Path, address: str) -> str:
    host = address.removeprefix("SCSI ").partition(":")[0]
    return _read(sysfs / "class" / "scsi_host" / f"host{host}" / "proc_name") if host else ""


def _control(sysfs: Path, address: str) -> str:
    """The generic node of the host's processor device (SCSI type 3), which answers for the card."""
    host = address.removeprefix("SCSI ").partition(":")[0]
    generic = sysfs / "class" / "scsi_generic"
    for name in _names(generic):
        where = os.path.basename(os.path.realpath(generic / name / "device"))
        if where.partition(":")[0] == host and _read(generic / name / "device" / "type") == "3":
            return f"/dev/{name}"
    return ""


def _pci_slot(sysfs: Path, address: str) -> str:
    function = address.rpartition(".")[0]
    slots = sysfs / "bus" / "pci" / "slots"
    for name in _names(slots):
        if function and _read(slots / name / "address") == function:
            return f"PCIe slot {name}"
    return ""


def _names(directory: Path) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return " ".join(stream.read(_READ_LIMIT).decode("utf-8", "replace").split())
    except OSError:
        return ""
