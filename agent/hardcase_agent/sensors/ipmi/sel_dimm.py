"""Which DIMM a memory event names: by the bits of vendors whose layout is public, and by the names that tools print.

Pure; used by `sel.py` and `sel_text.py`. Where the layout is not certain no slot is made of the bits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SUPERMICRO_FOUR_CHANNELS = ("X9D", "X10D", "X10S", "H8")
"""Boards of four channels a processor whose second processor goes on with the letters: P2-DIMME1."""
_SUPERMICRO_OWN_LETTERS = ("X10Q", "X10O")
"""Boards on which each processor begins again at A."""
_DELL_DIMMS = {0x8: 4, 0x9: 6, 0xA: 8, 0xB: 9, 0xC: 12, 0xD: 24, 0xE: 3}
"""Dell: upper nibble of event data 2 says how many DIMMs stand at one node, whose letter is counted from A."""

_AT_CPU = re.compile(r"@?\s*DIMM\s*([A-Z])\s*(\d{1,2})\s*\(\s*CPU\s*(\d)\s*\)?", re.IGNORECASE)
_PROCESSOR_FIRST = re.compile(r"\b(?:CPU|P|PROC)\s*_?(\d)[ _\-]*DIMM[ _]?([A-Z]\d?|\d{1,2}[A-Z]?)\b", re.IGNORECASE)
_PLAIN = re.compile(r"\bDIMM[ _#]?([A-Z]\d{1,2}|\d{1,3}[A-Z]?|[A-Z])\b", re.IGNORECASE)
_LETTERED = re.compile(r"\b(?:CPU\d|P\d|NODE\d)[_\- ]?(?:CH)?([A-Z])[_\-]?(?:D)?(\d)\b", re.IGNORECASE)
_DAMAGED = re.compile(r"@\s*DIMM", re.IGNORECASE)
MOST_PROCESSORS_SAID = 8


@dataclass(frozen=True, slots=True)
class Dimm:
    """What is known of the slot."""

    slot: str = ""
    """As the silkscreen has it; "" = not told, or not to be relied on."""
    note: str = ""
    """For people: what the tool or the bits said where it is not certain."""


NOWHERE = Dimm()


def from_bits(vendor: str, model: str, data: bytes) -> Dimm:
    """From the three event data bytes of a memory event (IPMI 2.0, 29.7). `vendor` and `model` as the FRU has them."""
    if data[0] >> 4 & 3 == 0 or (data[2] in (0x00, 0xFF) and data[1] in (0x00, 0xFF)):
        return NOWHERE
    name = vendor.lower()
    if name.startswith("dell"):
        return _dell(data)
    if "supermicro" in name or "super micro" in name:
        return _supermicro(model.upper(), data)
    # Table 42-3: event data 3 is the module, counted from what the sensor belongs to; vendors differ from where.
    return Dimm(note=f"module by event data 0x{data[1]:02x} 0x{data[2]:02x}: layout not known")


def _dell(data: bytes) -> Dimm:
    per_node = _DELL_DIMMS.get(data[1] >> 4)
    bits = [bit for bit in range(8) if data[2] >> bit & 1]
    bank = data[1] & 0x0F
    if per_node is None or bank == 0x0F or len(bits) != 1:
        named = f" ({len(bits)} modules)" if len(bits) > 1 else ""
        return Dimm(note=f"module by event data 0x{data[1]:02x} 0x{data[2]:02x}{named}: not certain")
    node, number = divmod(bank * 8 + bits[0], per_node)
    return Dimm(f"DIMM{chr(ord('A') + node)}{number + 1}") if node < 26 else NOWHERE


def _supermicro(model: str, data: bytes) -> Dimm:
    processor, channel, number = (data[2] & 3) + 1, data[1] >> 4, (data[1] & 0x0F) - 9
    shift = 4 if model.startswith(_SUPERMICRO_FOUR_CHANNELS) else 0 if model.startswith(_SUPERMICRO_OWN_LETTERS) else -1
    if shift < 0 or not 1 <= channel <= (shift or 8) or not 1 <= number <= 3:
        return Dimm(note=f"module by event data 0x{data[1]:02x} 0x{data[2]:02x}: not certain on this board")
    return Dimm(f"P{processor}-DIMM{chr(0x40 + channel + shift * (processor - 1))}{number}")


def from_words(words: str) -> Dimm:
    """From the name that a tool or firmware prints: "@DIMME1(CPU2)", "DIMM_B1", "CPU1_DIMM_A2", "P1-DIMMF1"."""
    found = _AT_CPU.search(words)
    if found is not None:
        # ipmitool's own decoding for Supermicro, by a list of boards that ends in 2016.
        return Dimm(f"P{found[3]}-DIMM{found[1].upper()}{found[2]}", "slot as the tool names it, uncertain")
    if _DAMAGED.search(words):
        return Dimm(note=f"slot as the tool names it ({words.strip()[:40]}) cannot be: wrong layout of this board")
    found = _PROCESSOR_FIRST.search(words)
    if found is not None and int(found[1]) <= MOST_PROCESSORS_SAID:
        return Dimm(found[0].strip())
    found = _PLAIN.search(words)
    if found is not None:
        behind = re.match(r"\s*/\s*CPU\s*(\d)\b", words[found.end() :], re.IGNORECASE)
        named = f"CPU{behind[1]} " if behind is not None else ""
        return Dimm(f"{named}DIMM{found[1].upper()}")
    found = _LETTERED.search(words)
    if found is not None:
        return Dimm(found[0], "slot as the tool names it, uncertain")
    return NOWHERE
