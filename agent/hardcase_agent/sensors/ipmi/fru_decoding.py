"""The kind `fru` of the command `decode`: a FRU image (binary or hex), or the text of a tool, to parts of an asset.

The parsers are those of the live path (`fru.py`, `inventory.py`) and, for text, of `fru_text.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from hardcase_agent.domain.capture import Capture, Decoded, Flaw, Listed, Undecoded
from hardcase_agent.domain.errors import MalformedAnswer
from hardcase_agent.domain.part import Asset, Component, Part
from hardcase_agent.sensors.ipmi import fru_text
from hardcase_agent.sensors.ipmi.fru import Fru, Inspected, area_of, inspect
from hardcase_agent.sensors.ipmi.fru_records import ratings_of
from hardcase_agent.sensors.ipmi.identity import model_of
from hardcase_agent.sensors.ipmi.inventory import area_part, fru_parts
from hardcase_agent.sensors.ipmi.records import Entity, FruRecord

SOURCE = "ipmi.fru"
_BOARD, _SUPPLY = Entity(7, 1), Entity(10, 1)
_HEX_LINE = re.compile(r"\s*(?:[0-9a-fA-F]{4,8}:\s+)?((?:(?:0x)?[0-9a-fA-F]{2}[\s,]*)+?)(?:\s{2}.*|\|.*)?")
LARGEST_HEX = 1 << 20


def decode(capture: Capture) -> Iterator[Decoded]:
    """Everything in the capture. Raises nothing."""
    data = capture.data
    if b"FRU" in data[:65536] and not data.startswith(b"\x01"):
        yield from _text(capture.text)
        return
    image = data if _binary(data) else _unhex(capture.text)
    if not image:
        yield Undecoded(flaw=Flaw.FOREIGN, message="neither a FRU image nor the text of a FRU tool")
        return
    try:
        inspected = inspect(image)
    except MalformedAnswer as error:
        yield Undecoded(flaw=Flaw.FOREIGN, message=str(error)[:190], at="offset 0x0")
        return
    yield from _image(inspected)


def _binary(data: bytes) -> bool:
    return data[:1] == b"\x01" or any(byte < 9 for byte in data[:64])


def _unhex(text: str) -> bytes:
    """The bytes of a hex dump; b"" where a line is none."""
    found = b""
    for line in text[:LARGEST_HEX].split("\n"):
        if not line.strip():
            continue
        match = _HEX_LINE.fullmatch(line[:400])
        if match is None:
            return b""
        found += bytes(int(byte, 16) for byte in re.findall(r"(?:0x)?([0-9a-fA-F]{2})", match[1]))
    return found


def _image(inspected: Inspected) -> Iterator[Decoded]:
    fru = inspected.fru
    asset = asset_named(fru)
    ratings = ratings_of(fru.records)
    if any(record.supply is not None for record in fru.records) and not fru.chassis.told:
        # A supply's own: it describes itself, not the machine that it sits in, nor which bay.
        asset = Asset()
        parts = fru_parts(FruRecord(device=1, entity=_SUPPLY, name=""), fru)
        parts = tuple(replace(part, slot="") for part in parts)
    else:
        parts = fru_parts(FruRecord(device=0, entity=_BOARD, name="FRU"), fru)
    if ratings and not parts:
        parts = (Part(component=Component.PSU),)
    for part in parts:
        # The last is the one that the image is in; before it stands the chassis around it.
        yield Listed(asset=asset, source=SOURCE, part=part, ratings=ratings if part is parts[-1] else {})
    for message, at in inspected.checksums:
        yield Undecoded(flaw=Flaw.CHECKSUM, message=message, at=at)
    for message, at in inspected.cut:
        yield Undecoded(flaw=Flaw.TRUNCATED, message=message, at=at)


def asset_named(fru: Fru) -> Asset:
    """The asset that FRU 0 names. Placeholder serials stay as printed: what counts as none is the collector's rule."""
    return Asset(
        vendor=fru.product.manufacturer or fru.board.manufacturer,
        model=model_of(fru),
        serial=fru.product.serial or fru.chassis.serial,
        node=fru.board.serial,
    )


def _text(text: str) -> Iterator[Decoded]:
    found = list(fru_text.parse(text))
    devices = [one for one in found if isinstance(one, fru_text.FruText)]
    # FRU 0 where it can be read; boards that keep it empty describe themselves in the first device that does.
    whole = [one for one in devices if one.main and not one.fru_is_empty]
    whole += [one for one in devices if {"chassis", "product"} <= one.values.keys()]
    main = whole[0] if whole else None
    asset = asset_named(main.fru) if main is not None else Asset()
    for one in found:
        if isinstance(one, Undecoded):
            yield one
            continue
        if main is not None and one is not main and one.values == main.values:
            # Some tools list FRU 0 once more under the controller's own name.
            continue
        for part in _parts(one, is_main=one is main):
            yield Listed(asset=asset, source=SOURCE, part=part)


def _parts(device: fru_text.FruText, *, is_main: bool) -> tuple[Part, ...]:
    if is_main:
        return fru_parts(FruRecord(device=0, entity=_BOARD, name=device.name), device.fru)
    component, slot = fru_text.component_of(device.name)
    if "dimm" in device.values:
        told = area_of(device.values["dimm"])
        part = area_part(Component.MEMORY, device.name.removesuffix(" SPD"), told)
        # An unreadable presence detect has a serial of zeros and nothing else.
        return (part,) if told.part_number or told.serial.strip("0") else ()
    area = device.fru.product if device.fru.product.serial or device.fru.product.name else device.fru.board
    return (area_part(component, slot, area),) if area.told else ()
