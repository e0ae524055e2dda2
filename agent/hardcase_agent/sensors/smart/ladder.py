"""Types to try, one after another, where smartctl cannot read a disk as what it takes it for. Pure.

Used by `shelf.py`, which remembers what answered. A RAID volume has no SMART; the disks behind it have, each under the
type of its controller's driver and its slot there. smartctl's own scan finds those of megaraid_sas and sssraid alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from hardcase_agent.sensors.smart import report
from hardcase_agent.sensors.smart.blockdevices import BlockDevice

JMB39X = "jmb39x"
"""JMicron's RAID port multiplier: smartctl asks the disks behind it through a sector of their volume."""
_JMB39X_PORTS = 5
AT_ONCE = 4
"""Rungs tried in one sweep: a wrong one costs a process and a command that the controller refuses at once."""

_PLAIN = ("sat", "sat,12", "scsi")
"""Bridges and expanders that do not pass the identification on, or no 16-byte commands."""
_SLOTS: dict[str, tuple[str, int, int]] = {
    "megaraid_sas": ("megaraid", 0, 32),
    "hpsa": ("cciss", 0, 24),
    "cciss": ("cciss", 0, 16),
    "smartpqi": ("cciss", 0, 32),
    "arcmsr": ("areca", 1, 24),
    "3w-9xxx": ("3ware", 0, 24),
    "3w-sas": ("3ware", 0, 24),
    "3w-xxxx": ("3ware", 0, 12),
    "sssraid": ("sssraid,0", 0, 16),
}
"""Kernel driver -> smartctl's type, first slot, number of slots of the largest card without expanders."""
_NODES = {"3w-9xxx": "/dev/twa", "3w-sas": "/dev/twl", "3w-xxxx": "/dev/twe"}
"""These cards are asked by a node of their own, numbered by card."""
_ADDRESS = re.compile(r"SCSI (\d+):(\d+):(\d+):(\d+)")


@dataclass(frozen=True, slots=True)
class Rung:
    """One way that may lead to a disk."""

    path: str
    kind: str


@dataclass(slots=True)
class Climb:
    """The rungs of one device: which are still to be tried, and which led to a disk."""

    signature: str
    waiting: list[Rung]
    found: list[Rung] = field(default_factory=list)

    def now(self) -> tuple[Rung, ...]:
        """What is asked in this sweep: all that is known to answer, and a few of the others.

        Of types for one and the same disk only one: two would disturb each other.
        """
        if any(rung.kind in _PLAIN for rung in (*self.found, *self.waiting)):
            return tuple((*self.found, *self.waiting)[:1])
        return (*self.found, *self.waiting[:AT_ONCE])

    @property
    def replaces(self) -> bool:
        """The device itself need not be asked: its disk is read by another type, or those behind it are."""
        return bool(self.found) or any(rung.kind in _PLAIN for rung in self.waiting)

    def learn(self, rung: Rung, answered: bool) -> None:
        if rung in self.waiting:
            self.waiting.remove(rung)
            if answered:
                self.found.append(rung)


def rungs(device: BlockDevice, *, card: int = 0, jmb39x: bool = False) -> tuple[Rung, ...]:
    """`card`: number of this device's controller among those of its driver. `jmb39x`: the site allows that type, which
    writes; the variant of QNAP's firmware shows another model and is named by hand."""
    if report.is_jmicron_volume(device.model):
        ports = range(_JMB39X_PORTS) if jmb39x else ()
        return tuple(Rung(device.path, f"{JMB39X},{port}") for port in ports)
    if device.driver == "aacraid":
        return _adaptec(device)
    slots = _SLOTS.get(device.driver)
    if slots is None:
        return tuple(Rung(device.path, kind) for kind in _PLAIN)
    kind, first, count = slots
    path = f"{_NODES[device.driver]}{card}" if device.driver in _NODES else device.control or device.path
    return tuple(Rung(path, f"{kind},{slot}") for slot in range(first, first + count))


def _adaptec(device: BlockDevice) -> tuple[Rung, ...]:
    """Its disks are named by host, LUN and id."""
    address = _ADDRESS.fullmatch(device.address)
    host = address[1] if address else "0"
    return tuple(Rung(device.path, f"aacraid,{host},0,{slot}") for slot in range(16))


def card_of(device: BlockDevice, listed: Sequence[BlockDevice]) -> int:
    """Controllers of one driver are numbered in the order of their SCSI hosts."""
    hosts = sorted({_host(other) for other in listed if other.driver == device.driver})
    return hosts.index(_host(device)) if _host(device) in hosts else 0


def _host(device: BlockDevice) -> int:
    address = _ADDRESS.fullmatch(device.address)
    return int(address[1]) if address else 0
