"""Reading FRU devices through the BMC, area by area, and the parts they name.

`bmc.py` reads FRU 0 for a BMC's identity, `fru_source.py` all of them.
"""

from __future__ import annotations

from hardcase_agent.domain.errors import MalformedAnswer, Unsupported
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.ipmi.commands import TOO_LONG, Refused, get_fru_area_info, payload, read_fru
from hardcase_agent.sensors.ipmi.conversation import Conversation
from hardcase_agent.sensors.ipmi.fru import (
    HEADER_BYTES,
    Fru,
    FruArea,
    area_length,
    area_offsets,
    fru_of,
    parse_area,
)
from hardcase_agent.sensors.ipmi.identity import first_named
from hardcase_agent.sensors.ipmi.parts import component_of, slot_called
from hardcase_agent.sensors.ipmi.records import FruRecord

PORTIONS = (32, 16)
"""Bytes per read: what BMCs answer over KCS and LAN; the second for those that refuse the first."""
WORDS = 0x01
"""Bit of the area info: the device counts in words of two bytes."""


async def read_fru_device(talk: Conversation, device: int) -> Fru:
    """One FRU's areas; empty where it has none, or is not there.

    Raises the device's errors and DeviceBusy; what the FRU itself refuses or garbles is an empty one.
    """
    try:
        info = await talk.ask(get_fru_area_info(device), f"FRU {device}")
        if len(info) < 3:
            return Fru()
        reader = _Reader(talk, device, size=int.from_bytes(info[:2], "little"), words=bool(info[2] & WORDS))
        areas: dict[str, FruArea] = {}
        for kind, offset in area_offsets(await reader.read(0, HEADER_BYTES)).items():
            length = area_length(await reader.read(offset, HEADER_BYTES))
            areas[kind] = parse_area(kind, await reader.read(offset, length))
        return fru_of(areas)
    except (Refused, MalformedAnswer, Unsupported):
        return Fru()


class _Reader:
    def __init__(self, talk: Conversation, device: int, *, size: int, words: bool) -> None:
        self._talk = talk
        self._device = device
        self._size = size
        self._step = 2 if words else 1
        self._portion = PORTIONS[0]

    async def read(self, offset: int, count: int) -> bytes:
        found = b""
        end = min(offset + count, self._size)
        while offset + len(found) < end:
            at = (offset + len(found)) // self._step
            wanted = min(self._portion, end - offset - len(found))
            answer = await self._talk.ask_raw(read_fru(self._device, at, -(-wanted // self._step)))
            if answer and answer[0] in TOO_LONG and self._portion != PORTIONS[-1]:
                self._portion = PORTIONS[-1]
                continue
            data = payload(answer, f"FRU {self._device}")
            if len(data) < 2:
                raise MalformedAnswer(f"FRU {self._device}: an empty portion at {at}")
            found += data[1:]
        return found[:count]


def fru_parts(record: FruRecord, fru: Fru) -> tuple[Part, ...]:
    """What one FRU device says it is. FRU 0 is the board and the chassis it sits in."""
    parts: list[Part] = []
    component = component_of(record.entity)
    board, product = fru.board, fru.product
    if record.device == 0:
        component = Component.BOARD
        if fru.chassis.serial:
            parts.append(
                Part(
                    component=Component.CHASSIS,
                    slot="1",
                    serial=fru.chassis.serial,
                    part_number=fru.chassis.part_number,
                    model=first_named(product.name, product.part_number),
                )
            )
        area = board if board.told else product
    else:
        area = product if product.serial or product.name else board
    if area.told:
        parts.append(area_part(component, slot_called(record.entity, record.name), area))
    return tuple(parts)


def area_part(component: Component, slot: str, area: FruArea) -> Part:
    """The part that one area describes."""
    return Part(
        component=component,
        slot=slot,
        model=first_named(area.name, area.part_number),
        serial=area.serial,
        part_number=area.part_number,
        firmware=area.version,
    )
