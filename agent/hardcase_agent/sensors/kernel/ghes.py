"""Error records of the firmware (APEI generic hardware error source): blocks of "[Hardware Error]:" lines.

One block has a severity and sections; each section says what failed, and for memory where. Wording after the kernel's
drivers/firmware/efi/cper.c. Fed line by line by `log_reader.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.kernel.log_rule import Found, Outcome

REPEATED = 3
"""Number of a record since boot from which a corrected one is not the first of its kind. Firmware that handles errors
first tells the system of few of them."""

LINE = re.compile(r"(?:\{(\d+)\})?\[Hardware Error\]:\s*(.*)")
_BEGINS = re.compile(r"Hardware error from APEI|event severity:", re.IGNORECASE)
_SECTION = re.compile(r"Error \d+, type: (\S.*)|section: \d+, severity: (\S.*)", re.IGNORECASE)
_FIELD = re.compile(r"(?P<name>[A-Za-z_ ]+?): (?P<value>.*)")


@dataclass(slots=True)
class _Section:
    severity: str = ""
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Block:
    """What was read of one record so far."""

    key: str
    line: int
    when_ms: int
    severity: str = ""
    sections: list[_Section] = field(default_factory=lambda: [_Section()])
    text: str = ""

    def take(self, text: str) -> None:
        section = _SECTION.match(text)
        if section:
            self.sections.append(_Section((section[1] or section[2]).strip().lower()))
            return
        match = _FIELD.match(text)
        if match is None:
            if "corrected by h/w" in text and not self.severity:
                self.severity = "corrected"
            return
        name, value = match["name"].strip().lower(), match["value"].strip()
        if name == "event severity":
            self.severity = value.lower()
            return
        current = self.sections[-1]
        if name in ("fru_text", "section_type", "error_type") and name in current.fields and self._is_new(name, value):
            # Kernels that do not print section heads: the same field again is the next section.
            current = _Section(current.severity, {"section_type": current.fields.get("section_type", "")})
            self.sections.append(current)
        current.fields.setdefault(name, value)

    def _is_new(self, name: str, value: str) -> bool:
        return self.sections[-1].fields[name] != value


def begins(text: str) -> bool:
    """Whether this line opens a new block."""
    return _BEGINS.match(text) is not None


def outcomes(block: Block) -> Iterator[Outcome]:
    for section in block.sections:
        yield from _of_section(section, section.severity or block.severity, int(block.key or 0))


def _of_section(section: _Section, severity: str, number: int) -> Iterable[Outcome]:
    fields = section.fields
    if not fields or severity.startswith("info"):
        return
    corrected = severity.startswith("corrected") or not severity
    kind = fields.get("section_type", "").lower()
    if "memory" in kind or "error_type" in fields or "dimm location" in fields:
        code = "memory.correctable_ecc" if corrected else "memory.uncorrectable_ecc"
        if corrected and number >= REPEATED:
            code = "memory.correctable_ecc_repeated"
        yield Found(code, Part(component=Component.MEMORY, slot=_place(fields)))
    elif "pci" in kind:
        code = "pcie.bus_correctable_error" if corrected else "pcie.bus_uncorrectable_error"
        if severity.startswith("fatal"):
            code = "pcie.bus_fatal_error"
        yield Found(code, Part(component=Component.PCIE, slot=fields.get("device_id", "")))
    elif "processor" in kind:
        code = "cpu.correctable_machine_check" if corrected else "cpu.uncorrectable_machine_check"
        yield Found(code, Part(component=Component.CPU))


def _place(fields: dict[str, str]) -> str:
    """The module's place: what the firmware names, else the fields that it numbers."""
    location = fields.get("dimm location", "")
    if location and "not present" not in location.lower():
        # "NODE 4 CPU1_DIMM_A1" is the bank and the device locator of SMBIOS.
        bank = re.fullmatch(r"(?:NODE|BANK|P\d+)[ _]?\S* (\S+)", location, re.IGNORECASE)
        return bank[1] if bank else location
    if fields.get("fru_text"):
        return fields["fru_text"]
    numbered = fields.get("node", "")
    return " ".join(f"node {numbered}".split()[:8]) if numbered else ""
