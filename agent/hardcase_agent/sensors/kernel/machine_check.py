"""Machine-check status registers of x86 processors, and the records that kernels, mcelog and rasdaemon write of them.

Bits and error codes after Intel's SDM volume 3B, chapters 17 (architecture) and 18 (codes); AMD's APM volume 2,
chapter 9, has the same architectural bits. Called by `memory_lines.py` and `log_reader.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.kernel.log_rule import Found, Outcome

VALID, OVERFLOW, UNCORRECTED, CONTEXT_CORRUPT = 1 << 63, 1 << 62, 1 << 61, 1 << 57
DEFERRED = 1 << 44
"""AMD: an uncorrected error that was not consumed yet. Intel has its count of corrected errors here."""


@dataclass(frozen=True, slots=True)
class Status:
    """One MCi_STATUS."""

    raw: int
    amd: bool = False

    @property
    def valid(self) -> bool:
        return bool(self.raw & VALID)

    @property
    def uncorrected(self) -> bool:
        return bool(self.raw & UNCORRECTED) or (self.amd and bool(self.raw & DEFERRED))

    @property
    def fatal(self) -> bool:
        return bool(self.raw & CONTEXT_CORRUPT)

    @property
    def code(self) -> int:
        return self.raw & 0xFFFF

    @property
    def kind(self) -> str:
        """What failed: memory, cache, tlb, bus, io, timer, internal, unknown. Bit 12 (filtered) is left out."""
        code = self.code & 0xEFFF
        if code == 0x0E0B:
            return "io"
        for mask, value, kind in _COMPOUND:
            if code & mask == value:
                return kind
        return "internal"

    @property
    def channel(self) -> int | None:
        """Of a memory controller's error; None where it is not told."""
        number = self.code & 0xF
        return number if self.kind == "memory" and not self.amd and number != 0xF else None

    def words(self) -> str:
        """For people: "uncorrected memory read error, channel 1"."""
        kind = self.kind
        if kind == "memory" and not self.amd:
            kind = f"memory {_TRANSACTIONS.get(self.code >> 4 & 7, '')}".strip()
        said = [f"{'uncorrected' if self.uncorrected else 'corrected'} {kind} error"]
        if self.channel is not None:
            said.append(f"channel {self.channel}")
        if self.raw & OVERFLOW:
            said.append("more were lost")
        return ", ".join(said)


_COMPOUND = (
    (0xFFFF, 0x0001, "unknown"),
    (0xFFFF, 0x0400, "timer"),
    (0xFFF0, 0x0010, "tlb"),
    (0xFF80, 0x0080, "memory"),
    (0xFF80, 0x0280, "memory"),
    (0xF800, 0x0800, "bus"),
    (0xFF00, 0x0100, "cache"),
    (0xFFFC, 0x000C, "cache"),
)
"""(mask, value, kind) of the compound codes, table 18-3; 0x0280: 3D XPoint and HBM as second level."""
_TRANSACTIONS = {1: "read", 2: "write", 3: "address or command", 4: "scrubbing"}


@dataclass(slots=True)
class Record:
    """One machine-check record while its lines are read."""

    line: int
    when_ms: int = 0
    bank: int = -1
    status: Status | None = None
    cpu: int = -1
    socket: int = -1
    seen: dict[str, str] = field(default_factory=dict)
    handled: bool = False
    """EDAC said that it decodes this record itself: its own line names the DIMM."""


def outcomes(record: Record) -> Iterable[Outcome]:
    """The event of a record; nothing where its status register says that no error is in it."""
    status = record.status
    if status is None or not status.valid:
        return
    if status.kind == "memory" or (status.amd and _is_amd_memory(record, status)):
        code = "memory.uncorrectable_ecc" if status.uncorrected else "memory.correctable_ecc"
        yield Found(code, Part(component=Component.MEMORY, slot=_place(record, status)))
    elif status.kind == "io":
        code = "pcie.bus_uncorrectable_error" if status.uncorrected else "pcie.bus_correctable_error"
        yield Found(code, Part(component=Component.PCIE))
    else:
        code = "cpu.uncorrectable_machine_check" if status.uncorrected else "cpu.correctable_machine_check"
        slot = f"CPU{record.socket + 1}" if record.socket >= 0 else ""
        yield Found(code, Part(component=Component.CPU, slot=slot))


def _is_amd_memory(record: Record, status: Status) -> bool:
    """Unified memory controllers write the bus form (0x0800 with memory access) and are named in the text."""
    return "memory controller" in record.seen.get("unit", "").lower()


def _place(record: Record, status: Status) -> str:
    told = []
    if record.socket >= 0:
        told.append(f"CPU{record.socket + 1}")
    if status.channel is not None:
        told.append(f"channel {status.channel}")
    return " ".join(told)


_WORDS = {
    "CORRECTED": VALID | 1 << 60,
    "UNCORRECTED": VALID | UNCORRECTED | 1 << 60,
    "FATAL": VALID | UNCORRECTED | CONTEXT_CORRUPT | 1 << 60,
    "VAL": VALID,
    "OVER": OVERFLOW,
    "UC": UNCORRECTED,
    "EN": 1 << 60,
    "PCC": CONTEXT_CORRUPT,
    "S": 1 << 56,
    "AR": 1 << 55,
}
"""Names of bits that mce-inject takes beside numbers."""


def status_of(text: str, *, amd: bool = False) -> Status | None:
    """Of hexadecimal digits with or without 0x, HPE's apostrophe, and names of bits; None where it is no register."""
    raw = 0
    words = text.replace("'", "").split()
    for word in words:
        if word in _WORDS:
            raw |= _WORDS[word]
        elif re.fullmatch(r"(?:0[xX])?[0-9a-fA-F]{1,16}", word):
            raw |= int(word, 16)
        else:
            return None
    return Status(raw, amd) if words else None
