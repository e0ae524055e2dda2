"""Who the BMC says it is: device id, system GUID, and the asset they and FRU 0 make (IPMI 2.0, 20.1, 22.14).

Pure. `bmc.py` asks, this module decodes.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from hardcase_agent.domain.errors import MalformedAnswer
from hardcase_agent.domain.part import Asset, Component, Part
from hardcase_agent.sensors.ipmi.fru import Fru

_MANUFACTURERS = {
    2: "IBM", 11: "HPE", 42: "Sun", 119: "NEC", 343: "Intel", 674: "Dell", 2011: "Huawei", 2623: "ASUS",
    5703: "NVIDIA", 5771: "Cisco", 7154: "IPMI forum", 15370: "Gigabyte", 49622: "ASRock Rack",
    7244: "Quanta", 10297: "Advantech", 10368: "Fujitsu", 10876: "Supermicro", 15000: "Kontron", 19046: "Lenovo",
    20301: "Lenovo", 25506: "H3C", 29244: "Inspur", 37945: "Inspur", 40092: "Wiwynn", 42817: "OpenPOWER",
    47488: "Supermicro", 47196: "HPE", 48482: "H3C",
}  # fmt: skip
"""IANA enterprise numbers, for a BMC whose FRU names no manufacturer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceId:
    """Answer of Get Device ID."""

    device: int
    revision: int
    firmware: str
    manufacturer: int
    product: int
    updating: bool
    """Firmware or SDR update in progress, or self-initialisation."""

    @property
    def vendor(self) -> str:
        return _MANUFACTURERS.get(self.manufacturer, "")

    @property
    def key(self) -> str:
        """What must be the same for a cached SDR repository to be trusted."""
        return f"{self.device}/{self.revision}/{self.firmware}/{self.manufacturer}/{self.product}"


def parse_device_id(data: bytes) -> DeviceId:
    """Raises MalformedAnswer."""
    if len(data) < 11:
        raise MalformedAnswer(f"a device id cut short: {data.hex()}")
    return DeviceId(
        device=data[0],
        revision=data[1] & 0x0F,
        # Minor revision is BCD: 0x15 is ".15".
        firmware=f"{data[2] & 0x7F}.{data[3]:02x}",
        updating=bool(data[2] & 0x80),
        manufacturer=int.from_bytes(data[6:9], "little") & 0xFFFFF,
        product=int.from_bytes(data[9:11], "little"),
    )


def parse_guid(data: bytes) -> str:
    """The system's UUID as SMBIOS prints it; "" where there is none.

    The specification sends it last byte first, most vendors send SMBIOS's own bytes: the reading whose version field
    makes a UUID of RFC 4122 wins, SMBIOS's where both do.
    """
    if len(data) < 16 or data[:16] in (b"\0" * 16, b"\xff" * 16):
        return ""
    smbios, reversed_ = uuid.UUID(bytes_le=data[:16]), uuid.UUID(bytes=data[15::-1])
    for candidate in (smbios, reversed_):
        if candidate.variant == uuid.RFC_4122 and candidate.version in (1, 3, 4, 5):
            return str(candidate)
    return str(smbios)


_NAMELESS = ("", "none", "n/a", "na", "unknown", "null", "not specified", "to be filled by o.e.m.")


def first_named(*names: str) -> str:
    """The first that is a name; Supermicro writes "NONE" where it has none."""
    return next((name for name in names if name.strip().lower() not in _NAMELESS), "")


def model_of(fru: Fru) -> str:
    """Of FRU 0. A board's part number is what Supermicro calls its boards."""
    return first_named(fru.product.name, fru.board.name, fru.board.part_number, fru.product.part_number)


def asset_of(device: DeviceId, fru: Fru, system_uuid: str, address: str) -> Asset:
    """The asset behind a BMC on the LAN. Placeholders stay as printed: what counts as none is the collector's rule."""
    return Asset(
        vendor=fru.product.manufacturer or fru.board.manufacturer or device.vendor,
        model=model_of(fru),
        serial=fru.product.serial or fru.chassis.serial,
        node=fru.board.serial,
        uuid=system_uuid,
        address=address,
    )


def bmc_part(device: DeviceId) -> Part:
    return Part(
        component=Component.BMC,
        slot="1",
        model=f"{device.vendor or device.manufacturer} {device.product:#06x}",
        firmware=device.firmware,
    )
