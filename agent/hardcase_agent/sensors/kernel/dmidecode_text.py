"""dmidecode's text to structures: versions 1.8 to 3.x, tabs or spaces, with or without handles, whole or damaged.

Called by `dmi_decoding.py` and by the live inventory; what the structures mean is `dmi_inventory.py`'s matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from hardcase_agent.domain.capture import Flaw, Undecoded
from hardcase_agent.sensors.kernel.dmi_structure import Structure

_HANDLE = re.compile(r"\s*Handle 0x([0-9A-Fa-f]{1,8})(?:,? *DMI type (\d{1,3}))?")
_TYPE = re.compile(r"\s*DMI type (\d{1,3})\b")
_FIELD = re.compile(r"(\s*)([A-Za-z][\w /().#+-]{0,60}?)\s*:(?: (.*))?$")
_BROKEN = re.compile(
    r"DMI table is broken|Invalid entry length|Wrong DMI structures|<TRUNCATED>|Bad checksum|TRUNCATED|# ?Bad ", re.I
)
_REFUSED = re.compile(
    r"Permission denied|Operation not permitted|No SMBIOS nor DMI entry point|Can't read memory", re.I
)

TITLES = {
    "bios information": 0,
    "bios information block": 0,
    "system information": 1,
    "system information block": 1,
    "base board information": 2,
    "board information block": 2,
    "chassis information": 3,
    "chassis information block": 3,
    "processor information": 4,
    "processor": 4,
    "memory module information": 6,
    "memory bank": 6,
    "system slot information": 9,
    "memory device": 17,
    "portable battery": 22,
    "ipmi device information": 38,
    "system power supply": 39,
    "onboard device": 41,
}
"""First line of a structure, in the words of every version, for text without handles (dmidecode -q)."""

_RENAMED = {
    0: {"Release": "Release Date"},
    1: {"Vendor": "Manufacturer", "Product": "Product Name"},
    2: {"Vendor": "Manufacturer", "Product": "Product Name"},
    3: {"Vendor": "Manufacturer", "Chassis Type": "Type"},
    4: {"Processor Manufacturer": "Manufacturer", "Processor Version": "Version", "Processor Family": "Family"},
    6: {"Socket": "Socket Designation", "Banks": "Bank Connections"},
}
"""Words of dmidecode 1.8 -> those of later ones, by type."""


@dataclass(slots=True)
class _Open:
    """The structure whose lines are being read."""

    line: int
    handle: int = -1
    kind: int = -1
    indent: int = -1
    fields: dict[str, str] = field(default_factory=dict)


def parse_text(text: str) -> Iterator[Structure | Undecoded]:
    """Every structure in its order; one FOREIGN where none was found. Linear in the text."""
    current: _Open | None = None
    found = told = False
    for number, line in enumerate(text.split("\n"), 1):
        flaw = _complaint(line, number)
        if flaw is not None:
            told = True
            yield flaw
            continue
        opened = _opening(line, number, current)
        if opened is None:
            if current is not None:
                _take(current, line)
            continue
        if current is not None:
            found = True
            yield from _closed(current)
        current = opened
    if current is not None:
        found = True
        yield from _closed(current)
    if not found and not told:
        yield Undecoded(flaw=Flaw.FOREIGN, message="no DMI structure: this is no output of dmidecode")


def _complaint(line: str, number: int) -> Undecoded | None:
    """What dmidecode itself says about a table that it cannot read."""
    if ":" in line and line[:1] in "\t ":
        return None
    if _REFUSED.search(line):
        return Undecoded(flaw=Flaw.REFUSED, message=line.strip()[:160], at=f"line {number}")
    if _BROKEN.search(line):
        return Undecoded(flaw=Flaw.MALFORMED, message=f"dmidecode says: {line.strip()[:140]}", at=f"line {number}")
    return None


def _opening(line: str, number: int, current: _Open | None) -> _Open | None:
    match = _HANDLE.match(line)
    if match:
        return _Open(number, int(match[1], 16), int(match[2]) if match[2] else -1)
    if current is not None and current.handle >= 0 and current.kind < 0:
        kind = _TYPE.match(line)
        if kind:
            current.kind = int(kind[1])
        return None
    if not line or line[0] in "\t #":
        return None
    kind_of = TITLES.get(line.strip().lower())
    # After a handle the title belongs to it; without handles it begins the structure.
    if kind_of is None or (current is not None and current.handle >= 0 and not current.fields):
        return None
    return _Open(number, -1, kind_of)


def _take(current: _Open, line: str) -> None:
    match = _FIELD.match(line[:2048])
    if match is None:
        return
    indent = len(match[1].expandtabs(8))
    if current.indent < 0:
        current.indent = indent
    # What stands deeper belongs to a list, not to the structure.
    if indent <= current.indent:
        current.fields.setdefault(match[2], (match[3] or "").strip())


def _closed(current: _Open) -> Iterator[Structure | Undecoded]:
    if current.kind < 0:
        yield Undecoded(
            flaw=Flaw.TRUNCATED,
            message=f"the structure of handle 0x{max(current.handle, 0):04X} does not tell its type",
            at=f"line {current.line}",
        )
        return
    renamed = _RENAMED.get(current.kind, {})
    fields = {renamed.get(name, name): value for name, value in current.fields.items()}
    yield Structure(current.kind, current.handle, fields)
