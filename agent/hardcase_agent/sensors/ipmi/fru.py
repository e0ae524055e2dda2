"""FRU images from bytes: common header, chassis, board and product areas (IPMI FRU storage definition 1.0).

Pure. `inventory.py` reads the bytes and makes parts of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from hardcase_agent.domain.errors import MalformedAnswer
from hardcase_agent.sensors.ipmi.records import decode_text

HEADER_BYTES = 8
UNIT = 8
"""Offsets and lengths count in eight bytes."""
END_OF_FIELDS = 0xC1
MAX_FIELDS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class FruArea:
    """One area; "" = not told."""

    manufacturer: str = ""
    name: str = ""
    serial: str = ""
    part_number: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fru:
    chassis: FruArea = FruArea()
    board: FruArea = FruArea()
    product: FruArea = FruArea()

    @property
    def empty(self) -> bool:
        return self == Fru()


_FIELDS: dict[str, tuple[int, tuple[str, ...]]] = {
    "chassis": (3, ("part_number", "serial")),
    "board": (6, ("manufacturer", "name", "serial", "part_number")),
    "product": (3, ("manufacturer", "name", "part_number", "version", "serial")),
}
"""Area: where its fields begin, and their order."""


def area_offsets(header: bytes) -> dict[str, int]:
    """Byte offset of each area that is there. Raises MalformedAnswer for what is no FRU header."""
    if len(header) < HEADER_BYTES or header[0] & 0x0F != 1:
        raise MalformedAnswer(f"no FRU header: {header[:HEADER_BYTES].hex()}")
    if sum(header[:HEADER_BYTES]) & 0xFF:
        raise MalformedAnswer(f"the FRU header's checksum is wrong: {header[:HEADER_BYTES].hex()}")
    places = {"chassis": header[2], "board": header[3], "product": header[4]}
    return {name: place * UNIT for name, place in places.items() if place}


def area_length(start: bytes) -> int:
    """Length in bytes, from an area's first two bytes."""
    return start[1] * UNIT if len(start) > 1 else 0


def parse_area(kind: str, area: bytes) -> FruArea:
    """One area, as far as it is there. Checksums are not asked for: whole series left the factory with wrong ones."""
    position, names = _FIELDS[kind]
    values: dict[str, str] = {}
    for name in (*names, *[""] * (MAX_FIELDS - len(names))):
        if position >= len(area) or area[position] == END_OF_FIELDS or not name:
            break
        length = area[position] & 0x3F
        if position + 1 + length > len(area):
            break
        values[name] = decode_text(area[position] >> 6, area[position + 1 : position + 1 + length])
        position += 1 + length
    return FruArea(**values)


def parse_fru(image: bytes) -> Fru:
    """A whole image. Raises MalformedAnswer where it has no good header."""
    areas: dict[str, FruArea] = {}
    for kind, offset in area_offsets(image).items():
        length = area_length(image[offset : offset + 2])
        areas[kind] = parse_area(kind, image[offset : offset + length])
    return Fru(**areas)
