"""FRU inventories from the text of `ipmitool fru print` and `ipmi-fru`: one FRU device a block.

Pure; used by `fru_decoding.py`. Without the locator records of a BMC a device's part is known by its name alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from hardcase_agent.domain.capture import Flaw, Undecoded
from hardcase_agent.domain.part import Component
from hardcase_agent.sensors.ipmi.fru import Fru, area_of, fru_of

_IPMITOOL = re.compile(r"\s*FRU Device Description\s*:\s*(.*?)\s*(?:\(ID (\d+)\))?\s*")
_FREEIPMI = re.compile(r"\s*FRU Inventory Device:\s*(.*?)\s*(?:\(ID ([0-9A-Fa-f]+)h\))?\s*")
_PAIR = re.compile(r"\s*([A-Za-z0-9][\w ./()#+-]*?)\s*:\s?(.*)")
_ABSENT = re.compile(r"\s*Device not present\s*\((.*)\)|\s*(?:FRU )?Error:\s*(.*)|\s*(Unknown FRU header version.*)")
LONGEST_LINE = 400
"""A field has at most 63 bytes; what is longer is no line of a FRU tool, and would cost its square in time."""
_NOISE = re.compile(
    r"\s*(?:Unable to Get .*|IANA PEN registry .*|SPD DATA \(\d{1,5} bytes\)|(?:[0-9a-fA-F]{2} ?){4,32}"
    r"|#.*|\$ .*|-+)?\s*"
)

_FIELDS: dict[str, tuple[str, str]] = {
    "chassis part number": ("chassis", "part_number"),
    "chassis serial": ("chassis", "serial"),
    "chassis serial number": ("chassis", "serial"),
    "board mfg": ("board", "manufacturer"),
    "board manufacturer": ("board", "manufacturer"),
    "board product": ("board", "name"),
    "board product name": ("board", "name"),
    "board serial": ("board", "serial"),
    "board serial number": ("board", "serial"),
    "board part number": ("board", "part_number"),
    "product manufacturer": ("product", "manufacturer"),
    "product manufacturer name": ("product", "manufacturer"),
    "product name": ("product", "name"),
    "product part number": ("product", "part_number"),
    "product part/model number": ("product", "part_number"),
    "product version": ("product", "version"),
    "product serial": ("product", "serial"),
    "product serial number": ("product", "serial"),
    "product asset tag": ("product", "asset_tag"),
}
"""ipmitool's and FreeIPMI's names of fields."""
_DIMM_FIELDS = {"manufacturer": "manufacturer", "serial number": "serial", "part number": "part_number",
                "memory type": "name"}  # fmt: skip
"""What ipmitool prints of a serial presence detect."""

_WORDS: tuple[tuple[str, Component, str], ...] = (
    (r"\bDIMM[ _]?([A-Z]?\d+)\b", Component.MEMORY, ""),
    (r"\b(?:PSU?|PWR SUPPLY|POWER SUPPLY|PWR SUPPLY FRU|PDB)[ _]*(\d+)", Component.PSU, "PSU"),
    (r"\b(?:BP|BACKPLANE|HSBP)[ _]*(\d+)?", Component.BACKPLANE, ""),
    (r"\bFAN[ _]*(\d+)?", Component.FAN, "FAN"),
    (r"\b(?:PERC|SAS|RAID|HBA|BOSS|STORAGE)\w*", Component.RAID, ""),
    (r"\b(?:NDC|NIC|LOM|OCP|ETHERNET|FLEXLOM|10GBNIA)", Component.NIC, ""),
    (r"\b(?:BMC|ILO|IDRAC|AST\d+|MANAGEMENT)\b", Component.BMC, ""),
    (r"\bBIOS\b", Component.FIRMWARE, ""),
    (r"\bRISER|\bPCI", Component.PCIE, ""),
    (r"\b(?:HDD|DISK|DRIVE|SSD|NVME)[ _]*(\d+)", Component.DISK, ""),
    (r"\b(?:CPU|PROC)[ _]*(\d+)", Component.CPU, "CPU"),
    (r"\b(?:CHASSIS|FP|FRONT)\b", Component.CHASSIS, ""),
)


@dataclass(slots=True)
class FruText:
    """One FRU device as a tool prints it."""

    name: str
    device: int | None
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    """Area -> field -> value."""

    @property
    def fru(self) -> Fru:
        return fru_of({area: area_of(fields) for area, fields in self.values.items()})

    @property
    def fru_is_empty(self) -> bool:
        return not self.values

    @property
    def main(self) -> bool:
        """FRU 0, which describes the machine."""
        return self.device == 0


def parse(text: str) -> Iterator[FruText | Undecoded]:
    """Blocks in their order, and what a tool could not read."""
    device: FruText | None = None
    strange = 0
    for number, whole in enumerate(text.split("\n"), 1):
        line = whole[:LONGEST_LINE]
        head = _IPMITOOL.fullmatch(line) or _FREEIPMI.fullmatch(line)
        if head is not None:
            if device is not None:
                yield device
            base = 16 if line.lstrip().startswith("FRU Inventory") else 10
            device = FruText(head[1], int(head[2], base) if head[2] else None)
            continue
        absent = _ABSENT.match(line)
        if absent is not None:
            said = next((words for words in absent.groups() if words), "nothing")
            about = f"{device.name}: " if device is not None else ""
            flaw = Flaw.CHECKSUM if "checksum" in said.lower() else Flaw.REFUSED
            yield Undecoded(flaw=flaw, message=f"{about}the tool says: {said.strip()}"[:190], at=f"line {number}")
            continue
        if device is None or not _take(device, line):
            strange += 0 if _NOISE.fullmatch(line) else 1
            if strange == 1 and device is not None and not _NOISE.fullmatch(line):
                shown = line.strip()[:100]
                yield Undecoded(flaw=Flaw.MALFORMED, message=f"not a field of a FRU: {shown}", at=f"line {number}")
    if device is not None:
        yield device
    elif strange:
        yield Undecoded(flaw=Flaw.FOREIGN, message="no FRU device's text is in it", at="line 1")


def _take(device: FruText, line: str) -> bool:
    pair = _PAIR.fullmatch(line)
    if pair is None:
        return False
    name = pair[1].strip().lower().removeprefix("fru ").strip()
    value = "".join(char for char in pair[2] if char.isprintable()).strip()
    place = _FIELDS.get(name)
    if place is None and name in _DIMM_FIELDS:
        place = ("dimm", _DIMM_FIELDS[name])
    if place is not None and value and not value.lower().startswith("unknown ("):
        device.values.setdefault(place[0], {}).setdefault(place[1], value)
    return True


def component_of(name: str) -> tuple[Component, str]:
    """What a device of this name is, and its slot in the words of the live path; the name itself where none."""
    for pattern, component, word in _WORDS:
        found = re.search(pattern, name, re.IGNORECASE)
        if found is not None:
            number = found[1] if found.groups() else None
            return component, f"{word}{number}" if word and number else name
    return Component.BOARD, name
