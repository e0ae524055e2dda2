"""GPU lines: NVIDIA's Xid and SXid (NVSwitch) messages by their documented meaning, and the driver's own words.

Numbers after NVIDIA's "Xid Errors" deployment guide. What an application causes by itself is an event without a code:
recorded, shown, never judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.kernel.log_rule import Found, LineRule, Outcome, event, rule


def _codes(meanings: Mapping[str, Iterable[int]]) -> dict[int, str]:
    return {number: code for code, numbers in meanings.items() for number in numbers}


XIDS = _codes(
    {
        # 48 double-bit ECC, 95 uncontained, 140 unrecovered: data was lost, the GPU must be reset.
        "gpu.ecc_uncorrectable": (48, 95, 140),
        # 94: contained to the application that met it. The memory is repaired at the next reset.
        "gpu.ecc_contained": (94,),
        # 92: too many corrected ones.
        "gpu.ecc_corrected_rate": (92,),
        # 63: a page was retired or a row remapped; 64: that could not be done.
        "gpu.memory_repaired": (63,),
        "gpu.memory_repair_failed": (64, 160),
        "gpu.nvlink": (74, 121, 144, 145, 146, 147, 148, 149, 150, 155, 156),
        "gpu.lost": (79,),
        # 54: auxiliary power is not connected.
        "gpu.power": (54,),
        # Engines of the device itself: 16 display, 57/58 memory interface, 61/62 micro-controller, 109 context switch,
        # 119/120 GSP, 122/123 SPI, 136 link training, 143 initialisation.
        "gpu.fault": (57, 58, 61, 62, 119, 120, 122, 123, 136, 143),
        "gpu.reset_needed": (154,),
        # 38 driver firmware, 80 corrupted data over the bus: driver, firmware or bus.
        "gpu.driver": (38, 80, 109, 110),
    }
)


def _xid(match: re.Match[str]) -> Iterable[Outcome]:
    slot = match["slot"].lower()
    code = XIDS.get(int(match["number"]), "")
    if code == "gpu.reset_needed" and re.search(r"to 0x0 \(None\)", match.string[match.end() :]):
        code = ""
    yield Found(code, Part(component=Component.GPU, slot=slot))


def _switch(match: re.Match[str]) -> Iterable[Outcome]:
    """NVSwitch: the message itself says whether it is fatal; SXid numbers say only where."""
    fatal = match["fatal"].lower() == "fatal"
    code = "gpu.nvswitch_fatal" if fatal else "gpu.nvswitch_error"
    yield Found(code, Part(component=Component.GPU, slot=f"NVSwitch {match['slot'].lower()}"))


RULES: tuple[LineRule, ...] = (
    rule(
        "xid",
        r"NVRM: (?:GPU at [0-9a-fA-F:.]+: .*?)?Xid \((?:PCI:)?(?P<slot>[0-9a-fA-F:.]+)\): (?P<number>\d+)\b",
        _xid,
    ),
    rule("sxid", r"SXid \((?:PCI:)?(?P<slot>[0-9a-fA-F:.]+)\): (?P<number>\d+), (?P<fatal>Fatal|Non-fatal)", _switch),
    rule(
        "nvswitch",
        r"detected NVSwitch (?P<fatal>fatal|non-fatal) error (?P<number>\d+) .*pci bus id (?P<slot>[0-9a-fA-F:.]+)",
        _switch,
    ),
    rule(
        "fallen off the bus",
        r"NVRM: .*?GPU(?: at)?(?: PCI:)? ?(?P<slot>[0-9a-fA-F:]+)?(?:\.\d)?\b.* has fallen off the bus",
        event("gpu.lost", Component.GPU, "slot"),
    ),
    rule(
        "rminitadapter failed",
        r"NVRM: GPU (?P<slot>[0-9a-fA-F:.]+): RmInitAdapter failed",
        event("gpu.fault", Component.GPU, "slot"),
    ),
    rule(
        "uncorrectable hardware errors",
        r"amdgpu (?P<slot>[0-9a-f:.]+): .*[1-9]\d* uncorrectable hardware errors? detected",
        event("gpu.ecc_uncorrectable", Component.GPU, "slot"),
    ),
)
