"""Assets and their replaceable parts, as the hardware names them. The collector decides identity from these."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Component(StrEnum):
    """First word of every fault class (design: Judging)."""

    NONE = ""
    DISK = "disk"
    MEMORY = "memory"
    CPU = "cpu"
    PSU = "psu"
    POWER = "power"
    FAN = "fan"
    THERMAL = "thermal"
    VOLTAGE = "voltage"
    BOARD = "board"
    PCIE = "pcie"
    NIC = "nic"
    GPU = "gpu"
    RAID = "raid"
    BATTERY = "battery"
    CHASSIS = "chassis"
    BACKPLANE = "backplane"
    CABLE = "cable"
    FIRMWARE = "firmware"
    BMC = "bmc"
    AGENT = "agent"
    HOST = "host"
    UPS = "ups"
    PDU = "pdu"
    APPLIANCE = "appliance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A replaceable unit. Identity is model + serial; without a serial, its component and slot on the asset."""

    component: Component = Component.NONE
    slot: str = ""
    model: str = ""
    serial: str = ""
    part_number: str = ""
    firmware: str = ""
    paths: tuple[str, ...] = ()
    """Names it is reached by now ("/dev/sda"): labels, never identity."""
    wwn: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """What a source reads. Fields are as the hardware prints them; "" = not told."""

    vendor: str = ""
    model: str = ""
    serial: str = ""
    uuid: str = ""
    machine_id: str = ""
    node: str = ""
    hostname: str = ""
    kind: str = "server"
    rehearsal: bool = False
    address: str = ""
