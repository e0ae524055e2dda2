"""Multirecord areas of FRU images: supply and output ratings, OEM records (FRU storage definition 1.0, 16 to 18).

Pure; used by `fru.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

HEADER_BYTES = 5
LAST = 0x80
MOST_RECORDS = 64
SUPPLY, DC_OUTPUT, DC_LOAD, EXTENDED_DC_OUTPUT = 0x00, 0x01, 0x02, 0x09
OEM = range(0xC0, 0x100)
UNTOLD_16 = 0xFFFF

Told = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class SupplyRating:
    """What a supply says it can (18.1); None = not told."""

    capacity_w: int | None
    input_v: tuple[float, float] | None
    """Low end and high end of the first input range, volts."""
    input_hz: tuple[int, int] | None
    hot_swap: bool
    predicts_failure: bool


@dataclass(frozen=True, slots=True)
class OutputRating:
    """One DC output or load (18.2, 18.3), volts and amperes."""

    number: int
    nominal_v: float
    low_v: float
    high_v: float
    highest_a: float


@dataclass(frozen=True, slots=True)
class MultiRecord:
    """One record; of an unknown type its bytes only."""

    type: int
    data: bytes
    supply: SupplyRating | None = None
    output: OutputRating | None = None

    @property
    def manufacturer(self) -> int | None:
        """IANA number of an OEM record."""
        return int.from_bytes(self.data[:3], "little") if self.type in OEM and len(self.data) >= 3 else None


def ratings_of(records: Iterable[MultiRecord]) -> dict[str, float]:
    """What supply and outputs are rated for, by names that end in their unit; what is not told is left out."""
    found: dict[str, float] = {}
    for record in records:
        supply, output = record.supply, record.output
        if supply is not None:
            if supply.capacity_w is not None:
                found["capacity_w"] = supply.capacity_w
            for name, ends in (("v", supply.input_v), ("hz", supply.input_hz)):
                if ends is not None:
                    found[f"input_low_{name}"], found[f"input_high_{name}"] = ends
        if output is not None and output.nominal_v and output.low_v <= output.nominal_v <= output.high_v:
            place = f"{'load' if record.type == DC_LOAD else 'output'}_{output.number}"
            found |= {f"{place}_nominal_v": output.nominal_v}
            found |= {f"{place}_low_v": output.low_v, f"{place}_high_v": output.high_v}
            if output.highest_a:
                found[f"{place}_highest_a"] = output.highest_a
    return found


def parse_multirecords(image: bytes, offset: int) -> tuple[tuple[MultiRecord, ...], Told, Told]:
    """Records from `offset` on; wrong checksums; what is cut short. Both as (what, where)."""
    found: list[MultiRecord] = []
    wrong: Told = []
    cut: Told = []
    for _ in range(MOST_RECORDS):
        at = f"offset {offset:#x}"
        header = image[offset : offset + HEADER_BYTES]
        if len(header) < HEADER_BYTES:
            cut.append(("a multirecord's header lies behind the end", at))
            break
        if sum(header) & 0xFF:
            # Where the next record begins hangs on this length, so there is no going on.
            wrong.append(("a multirecord's header has a wrong checksum", at))
            break
        data = image[offset + HEADER_BYTES : offset + HEADER_BYTES + header[2]]
        if len(data) < header[2]:
            cut.append((f"a multirecord of {header[2]} bytes ends after {len(data)}", at))
            break
        if (sum(data) + header[3]) & 0xFF:
            wrong.append((f"multirecord 0x{header[0]:02x} has a wrong checksum", at))
        found.append(_record(header[0], data))
        if header[1] & LAST:
            break
        offset += HEADER_BYTES + header[2]
    return tuple(found), wrong, cut


def _record(kind: int, data: bytes) -> MultiRecord:
    if kind == SUPPLY and len(data) >= 24:
        return MultiRecord(kind, data, supply=_supply(data))
    if kind in (DC_OUTPUT, DC_LOAD) and len(data) >= 13:
        return MultiRecord(kind, data, output=_output(data))
    return MultiRecord(kind, data)


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")


def _supply(data: bytes) -> SupplyRating:
    capacity = _word(data, 0) & 0x0FFF
    low, high = _word(data, 6), _word(data, 8)
    return SupplyRating(
        # Twelve bits; all ones and zero are what unprogrammed parts hold.
        capacity_w=capacity if capacity not in (0, 0x0FFF) else None,
        # In units of 10 mV.
        input_v=(low / 100, high / 100) if low and low != UNTOLD_16 and high >= low else None,
        input_hz=(data[14], data[15]) if data[14] and data[15] >= data[14] else None,
        hot_swap=bool(data[17] & 0x08),
        predicts_failure=bool(data[17] & 0x01),
    )


def _output(data: bytes) -> OutputRating:
    def volts(at: int) -> float:
        # Signed, in units of 10 mV.
        return int.from_bytes(data[at : at + 2], "little", signed=True) / 100

    return OutputRating(
        number=data[0] & 0x0F, nominal_v=volts(1), low_v=volts(3), high_v=volts(5), highest_a=_word(data, 11) / 1000
    )
