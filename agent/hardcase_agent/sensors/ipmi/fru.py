"""FRU images from bytes: common header, chassis, board and product areas (IPMI FRU storage definition 1.0).

Pure. `inventory.py` reads the bytes and makes parts of them, `fru_decoding.py` takes whole images from captures;
multirecords are in `fru_records.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hardcase_agent.domain.errors import MalformedAnswer
from hardcase_agent.sensors.ipmi.fru_records import MultiRecord, parse_multirecords
from hardcase_agent.sensors.ipmi.records import decode_text

HEADER_BYTES = 8
UNIT = 8
"""Offsets and lengths count in eight bytes."""
END_OF_FIELDS = 0xC1
MAX_FIELDS = 32
BOARD_EPOCH_MS = 820_454_400_000
"""1996-01-01: board dates count minutes from here (section 11); 0 = not told."""
ENGLISH = (0, 25)
"""Language codes for English: type 3 is Latin-1 text in these, two-byte Unicode in every other (section 15)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FruArea:
    """One area; "" = not told."""

    manufacturer: str = ""
    name: str = ""
    serial: str = ""
    part_number: str = ""
    version: str = ""
    asset_tag: str = ""
    file_id: str = ""
    extra: tuple[str, ...] = ()
    """The maker's own fields, in their order."""
    made_ms: int = 0
    """Board: date of manufacture, Unix ms; 0 = not told."""
    chassis_type: int = 0
    """Chassis: SMBIOS type, 0x17 = rack mount."""

    @property
    def told(self) -> bool:
        """Whether it names anything."""
        return bool(self.manufacturer or self.name or self.serial or self.part_number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fru:
    chassis: FruArea = FruArea()
    board: FruArea = FruArea()
    product: FruArea = FruArea()
    records: tuple[MultiRecord, ...] = field(default=())

    @property
    def empty(self) -> bool:
        return self == Fru()


_FIELDS: dict[str, tuple[int, tuple[str, ...]]] = {
    "chassis": (3, ("part_number", "serial")),
    "board": (6, ("manufacturer", "name", "serial", "part_number", "file_id")),
    "product": (3, ("manufacturer", "name", "part_number", "version", "serial", "asset_tag", "file_id")),
}
"""Area: where its fields begin, and their order."""


def checks(data: bytes) -> bool:
    """Whether the zero checksum of a header or area is right."""
    return not sum(data) & 0xFF


def area_offsets(header: bytes) -> dict[str, int]:
    """Byte offset of each area that is there. Raises MalformedAnswer for what is no FRU header.

    A wrong checksum is no reason: whole series left the factory with it. What points nowhere is not believed.
    """
    if len(header) < HEADER_BYTES or header[0] & 0x0F != 1:
        raise MalformedAnswer(f"no FRU header: {header[:HEADER_BYTES].hex()}")
    places = {"chassis": header[2], "board": header[3], "product": header[4]}
    used = [place for place in (header[1], *places.values(), header[5]) if place]
    if not checks(header[:HEADER_BYTES]) and (header[6] or len(set(used)) != len(used)):
        raise MalformedAnswer(f"the FRU header's checksum is wrong: {header[:HEADER_BYTES].hex()}")
    return {name: place * UNIT for name, place in places.items() if place}


def area_length(start: bytes) -> int:
    """Length in bytes, from an area's first two bytes."""
    return start[1] * UNIT if len(start) > 1 else 0


def parse_area(kind: str, area: bytes) -> FruArea:
    """One area, as far as it is there. Checksums are not asked for; `inspect` tells of them."""
    position, names = _FIELDS[kind]
    english = kind == "chassis" or (len(area) > 2 and area[2] in ENGLISH)
    values: dict[str, str] = {}
    extra: list[str] = []
    for name in (*names, *[""] * (MAX_FIELDS - len(names))):
        if position >= len(area) or area[position] == END_OF_FIELDS:
            break
        length = area[position] & 0x3F
        if position + 1 + length > len(area):
            break
        text = _text(area[position] >> 6, area[position + 1 : position + 1 + length], english)
        if name:
            values[name] = text
        elif text:
            extra.append(text)
        position += 1 + length
    minutes = int.from_bytes(area[3:6], "little") if kind == "board" else 0
    return replace(
        area_of(values),
        extra=tuple(extra),
        made_ms=BOARD_EPOCH_MS + minutes * 60_000 if minutes else 0,
        chassis_type=area[2] if kind == "chassis" and len(area) > 2 else 0,
    )


def area_of(values: Mapping[str, str]) -> FruArea:
    """An area of its fields by name."""
    return FruArea(
        manufacturer=values.get("manufacturer", ""),
        name=values.get("name", ""),
        serial=values.get("serial", ""),
        part_number=values.get("part_number", ""),
        version=values.get("version", ""),
        asset_tag=values.get("asset_tag", ""),
        file_id=values.get("file_id", ""),
    )


def fru_of(areas: Mapping[str, FruArea], records: tuple[MultiRecord, ...] = ()) -> Fru:
    """A FRU of its areas by name."""
    return Fru(
        chassis=areas.get("chassis", FruArea()),
        board=areas.get("board", FruArea()),
        product=areas.get("product", FruArea()),
        records=records,
    )


def _text(encoding: int, data: bytes, english: bool) -> str:
    # Unicode is for other languages; makers set the language and write ASCII all the same.
    ascii_only = all(0x20 <= byte < 0x7F for byte in data.rstrip(b"\0"))
    wide = encoding == 3 and not english and len(data) % 2 == 0 and not ascii_only
    if wide:
        text = data.decode("utf-16-le", "replace")
        return "".join(char for char in text if char.isprintable()).strip()
    if encoding == 0:
        # "Binary": mostly text by makers who meant type 3, else unprintable.
        return decode_text(3, data) if ascii_only else data.hex()
    return decode_text(encoding, data)


def parse_fru(image: bytes) -> Fru:
    """A whole image. Raises MalformedAnswer where it has no header."""
    return inspect(image).fru


@dataclass(frozen=True, slots=True)
class Inspected:
    """An image and what is wrong with it: (what, where)."""

    fru: Fru
    checksums: tuple[tuple[str, str], ...] = ()
    """Wrong checksums; what they cover was read all the same."""
    cut: tuple[tuple[str, str], ...] = ()
    """What goes on behind the end of the image."""


def inspect(image: bytes) -> Inspected:
    """A whole image with what is wrong with it. Raises MalformedAnswer where it has no header."""
    offsets = area_offsets(image[:HEADER_BYTES])
    wrong: list[tuple[str, str]] = []
    cut: list[tuple[str, str]] = []
    if not checks(image[:HEADER_BYTES]):
        wrong.append(("the header's checksum is wrong", "offset 0x0"))
    areas: dict[str, FruArea] = {}
    for kind, offset in offsets.items():
        length = area_length(image[offset : offset + 2])
        area, at = image[offset : offset + length], f"offset {offset:#x}"
        if length == 0 or len(area) < length:
            cut.append((f"the {kind} area of {length} bytes ends after {len(area)}", at))
        elif not checks(area):
            wrong.append((f"the {kind} area's checksum is wrong", at))
        areas[kind] = parse_area(kind, area)
    records: tuple[MultiRecord, ...] = ()
    if image[5]:
        records, told, ended = parse_multirecords(image, image[5] * UNIT)
        wrong += told
        cut += ended
    return Inspected(fru_of(areas, records), tuple(wrong), tuple(cut))
