"""The raw SMBIOS table to structures, in dmidecode's words: a dump of dmidecode, of a simulator, or the two files of
/sys/firmware/dmi/tables. Offsets and codes after the SMBIOS Reference Specification 3.7 (DSP0134), section 7.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hardcase_agent.domain.capture import Flaw, Undecoded
from hardcase_agent.sensors.kernel.dmi_structure import Structure, Type

LONGEST_TABLE = 16 << 20
"""Bytes. The largest real table seen has 64 kB; 32 bits of length could claim 4 GB."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry point says of its table. 0 = it does not say."""

    version: tuple[int, int]
    length: int
    address: int
    count: int
    sound: bool
    end: int
    """Offset after the entry point in its file."""


def looks_raw(data: bytes) -> bool:
    """Whether this may be a table or its entry point rather than text."""
    return data[:4] in (b"_SM_", b"_SM3") or data[:5] == b"_DMI_" or b"\0\0" in data[:65536]


def read_entry(data: bytes) -> Entry | None:
    """The entry point at the beginning, of any of the three forms; None when there is none or it is cut."""
    if data[:5] == b"_SM3_" and len(data) >= 24:
        length, address = struct.unpack_from("<IQ", data, 12)
        return Entry((data[7], data[8]), length, address, 0, _sums(data, 0, data[6]), 24)
    if data[:4] == b"_SM_" and len(data) >= 31:
        length, address, count = struct.unpack_from("<HIH", data, 22)
        sound = _sums(data, 0, data[5]) and _sums(data, 16, 15)
        return Entry((data[6], data[7]), length, address, count, sound, 32)
    if data[:5] == b"_DMI_" and len(data) >= 15:
        length, address, count = struct.unpack_from("<HIH", data, 6)
        return Entry((data[14] >> 4, data[14] & 15), length, address, count, _sums(data, 0, 15), 16)
    return None


def _sums(data: bytes, start: int, length: int) -> bool:
    part = data[start : start + length]
    return len(part) == length and sum(part) % 256 == 0


def parse_dump(data: bytes) -> Iterator[Structure | Undecoded]:
    """A file with an entry point and its table behind it, or a table alone."""
    entry = read_entry(data)
    if entry is None:
        if data[:4] in (b"_SM_", b"_SM3", b"_DMI"):
            yield Undecoded(flaw=Flaw.TRUNCATED, message="the entry point is cut off", at="offset 0x0")
            return
        yield from parse_table(data, None)
        return
    if not entry.sound:
        yield Undecoded(flaw=Flaw.CHECKSUM, message="the entry point's checksum is wrong", at="offset 0x0")
    # dmidecode --dump-bin writes the table's place in the file as its address; other dumps keep that in memory.
    start = entry.address if entry.end <= entry.address < len(data) else entry.end
    yield from parse_table(data[start:], entry, start)


def parse_table(table: bytes, entry: Entry | None, start: int = 0) -> Iterator[Structure | Undecoded]:
    """The structures of a table that stands `start` bytes into its file."""
    ends = min(len(table), LONGEST_TABLE, entry.length if entry is not None and entry.length else LONGEST_TABLE)
    position = seen = 0
    while position + 4 <= ends:
        kind, length, handle = struct.unpack_from("<BBH", table, position)
        if length < 4 or (seen == 0 and entry is None and kind > Type.ONBOARD and kind < Type.INACTIVE):
            flaw = Flaw.MALFORMED if seen else Flaw.FOREIGN
            yield Undecoded(
                flaw=flaw,
                message=f"a structure of {length} bytes: no SMBIOS table",
                at=f"offset 0x{start + position:x}",
            )
            return
        texts = table.find(b"\0\0", position + length, ends)
        if position + length > ends or texts < 0:
            yield _cut(kind, handle, start + position)
            if position + length <= ends:
                yield _structure(kind, handle, table[position : position + length], table[position + length : ends])
            return
        yield _structure(kind, handle, table[position : position + length], table[position + length : texts])
        seen += 1
        if kind == Type.END:
            return
        position = texts + 2
    if entry is not None and (seen < entry.count or entry.length > len(table)):
        yield Undecoded(
            flaw=Flaw.TRUNCATED,
            message=f"the table ends after {seen} structures ({len(table)} of {entry.length} bytes)",
            at=f"offset 0x{start + ends:x}",
        )
    elif seen == 0:
        yield Undecoded(flaw=Flaw.FOREIGN, message="no SMBIOS structure", at="offset 0x0")


def _cut(kind: int, handle: int, offset: int) -> Undecoded:
    return Undecoded(
        flaw=Flaw.TRUNCATED,
        message=f"structure 0x{handle:04X} of type {kind} ends in the middle",
        at=f"offset 0x{offset:x}",
    )


class _Raw:
    """The formatted area and the strings of one structure; what an older version does not have is None or ""."""

    __slots__ = ("area", "strings")

    def __init__(self, area: bytes, strings: bytes) -> None:
        self.area = area
        self.strings = strings.split(b"\0") if strings else []

    def text(self, offset: int) -> str:
        number = self.number(offset, 1)
        if not number:
            return ""
        if number > len(self.strings):
            return "<BAD INDEX>"
        return self.strings[number - 1].decode("utf-8", "replace").strip()

    def number(self, offset: int, width: int) -> int | None:
        if offset + width > len(self.area):
            return None
        return int.from_bytes(self.area[offset : offset + width], "little")


_TEXTS: dict[int, dict[str, int]] = {
    Type.BIOS: {"Vendor": 4, "Version": 5, "Release Date": 8},
    Type.SYSTEM: {
        "Manufacturer": 4,
        "Product Name": 5,
        "Version": 6,
        "Serial Number": 7,
        "SKU Number": 0x19,
        "Family": 0x1A,
    },
    Type.BOARD: {
        "Manufacturer": 4,
        "Product Name": 5,
        "Version": 6,
        "Serial Number": 7,
        "Asset Tag": 8,
        "Location In Chassis": 0xA,
    },
    Type.CHASSIS: {"Manufacturer": 4, "Version": 6, "Serial Number": 7, "Asset Tag": 8},
    Type.PROCESSOR: {
        "Socket Designation": 4,
        "Manufacturer": 7,
        "Version": 0x10,
        "Serial Number": 0x20,
        "Asset Tag": 0x21,
        "Part Number": 0x22,
    },
    Type.SLOT: {"Designation": 4},
    Type.MEMORY_DEVICE: {
        "Locator": 0x10,
        "Bank Locator": 0x11,
        "Manufacturer": 0x17,
        "Serial Number": 0x18,
        "Asset Tag": 0x19,
        "Part Number": 0x1A,
        "Firmware Version": 0x2B,
    },
    Type.POWER_SUPPLY: {
        "Location": 5,
        "Name": 6,
        "Manufacturer": 7,
        "Serial Number": 8,
        "Asset Tag": 9,
        "Model Part Number": 0xA,
        "Revision": 0xB,
    },
    Type.ONBOARD: {"Reference Designation": 4},
}


def _structure(kind: int, handle: int, area: bytes, strings: bytes) -> Structure:
    raw = _Raw(area, strings)
    fields = {name: text for name, offset in _TEXTS.get(kind, {}).items() if (text := raw.text(offset))}
    more = _MORE.get(kind)
    if more is not None:
        fields.update(more(raw))
    return Structure(kind, handle, fields)


def _bios(raw: _Raw) -> dict[str, str]:
    major, minor = raw.number(0x16, 1), raw.number(0x17, 1)
    if major is None or minor is None or major == 0xFF:
        return {}
    return {"Firmware Revision": f"{major}.{minor}"}


def _system(raw: _Raw) -> dict[str, str]:
    data = raw.area[8:24]
    if len(data) < 16 or data in (bytes(16), b"\xff" * 16):
        return {}
    # The first three fields are little-endian since SMBIOS 2.6 (7.2.1).
    first, second, third = struct.unpack("<IHH", data[:8])
    return {"UUID": f"{first:08x}-{second:04x}-{third:04x}-{data[8:10].hex()}-{data[10:].hex()}"}


def _processor(raw: _Raw) -> dict[str, str]:
    status = raw.number(0x18, 1)
    if status is None:
        return {}
    states = {1: "Enabled", 2: "Disabled By User", 3: "Disabled By BIOS", 4: "Idle"}
    return {"Status": f"Populated, {states.get(status & 7, 'Unknown')}" if status & 0x40 else "Unpopulated"}


_MEMORY_TYPES = {
    0x0F: "SDRAM", 0x12: "DDR", 0x13: "DDR2", 0x14: "DDR2 FB-DIMM", 0x18: "DDR3", 0x1A: "DDR4", 0x1B: "LPDDR",
    0x1C: "LPDDR2", 0x1D: "LPDDR3", 0x1E: "LPDDR4", 0x1F: "Logical non-volatile device", 0x20: "HBM", 0x21: "HBM2",
    0x22: "DDR5", 0x23: "LPDDR5", 0x24: "HBM3",
}  # fmt: skip


def _memory(raw: _Raw) -> dict[str, str]:
    fields = {}
    size = raw.number(0xC, 2)
    if size == 0x7FFF:
        extended = raw.number(0x1C, 4)
        fields["Size"] = f"{extended & 0x7FFFFFFF} MB" if extended is not None else ""
    elif size == 0:
        fields["Size"] = "No Module Installed"
    elif size == 0xFFFF:
        fields["Size"] = "Unknown"
    elif size is not None:
        fields["Size"] = f"{size & 0x7FFF} kB" if size & 0x8000 else f"{size} MB"
    kind = _MEMORY_TYPES.get(raw.number(0x12, 1) or 0)
    if kind:
        fields["Type"] = kind
    speed = raw.number(0x15, 2)
    if speed and speed != 0xFFFF:
        fields["Speed"] = f"{speed} MT/s"
    return fields


def _supply(raw: _Raw) -> dict[str, str]:
    flags = raw.number(0xE, 2)
    power = raw.number(0xC, 2)
    fields = {"Max Power Capacity": f"{power} W"} if power not in (None, 0x8000) else {}
    if flags is not None:
        status = {3: "OK", 4: "Non-critical", 5: "Critical"}.get(flags >> 7 & 7, "Unknown")
        fields["Status"] = f"Present, {status}" if flags & 2 else "Not Present"
    return fields


_ENCLOSURES = (
    "", "Other", "Unknown", "Desktop", "Low Profile Desktop", "Pizza Box", "Mini Tower", "Tower", "Portable", "Laptop",
    "Notebook", "Hand Held", "Docking Station", "All In One", "Sub Notebook", "Space-saving", "Lunch Box",
    "Main Server Chassis", "Expansion Chassis", "Sub Chassis", "Bus Expansion Chassis", "Peripheral Chassis",
    "RAID Chassis", "Rack Mount Chassis", "Sealed-case PC", "Multi-system", "CompactPCI", "AdvancedTCA", "Blade",
    "Blade Enclosing", "Tablet", "Convertible", "Detachable", "IoT Gateway", "Embedded PC", "Mini PC", "Stick PC",
)  # fmt: skip
"""By number, SMBIOS 7.4.1; dmidecode says them so."""
_ENCLOSURE_STATES = {3: "Safe", 4: "Warning", 5: "Critical", 6: "Non-recoverable"}


def _chassis(raw: _Raw) -> dict[str, str]:
    # Bit 7 says whether it has a lock.
    kind = (raw.number(5, 1) or 0) & 0x7F
    found = {"Type": _ENCLOSURES[kind]} if 0 < kind < len(_ENCLOSURES) else {}
    for name, offset in (("Boot-up State", 9), ("Power Supply State", 0xA), ("Thermal State", 0xB)):
        number = raw.number(offset, 1)
        if number is not None:
            found[name] = _ENCLOSURE_STATES.get(number, "Unknown")
    return found


def _slot(raw: _Raw) -> dict[str, str]:
    return _bus_address(raw, 0xD, 0xF, 0x10)


def _onboard(raw: _Raw) -> dict[str, str]:
    return _bus_address(raw, 7, 9, 0xA)


def _bus_address(raw: _Raw, segment_at: int, bus_at: int, device_at: int) -> dict[str, str]:
    segment, bus, device = raw.number(segment_at, 2), raw.number(bus_at, 1), raw.number(device_at, 1)
    if segment is None or bus is None or device is None or (segment, bus, device) == (0xFFFF, 0xFF, 0xFF):
        return {}
    return {"Bus Address": f"{segment:04x}:{bus:02x}:{device >> 3:02x}.{device & 7}"}


_MORE: dict[int, Callable[[_Raw], dict[str, str]]] = {
    Type.BIOS: _bios,
    Type.SYSTEM: _system,
    Type.CHASSIS: _chassis,
    Type.PROCESSOR: _processor,
    Type.SLOT: _slot,
    Type.MEMORY_DEVICE: _memory,
    Type.POWER_SUPPLY: _supply,
    Type.ONBOARD: _onboard,
}
