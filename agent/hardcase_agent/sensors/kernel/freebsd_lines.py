"""Lines of FreeBSD's kernel: disks by its storage stack (CAM) with their sense data, and machine checks.

Tried beside `disk_lines.py`; wording after cam(4), the sense tables of SPC-5 and sys/x86/x86/mca.c's messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.kernel.log_rule import Found, LineRule, Make, Outcome, rule

_UNIT = r"\((?P<dev>(?:a?da|nda)\d+):(?!umass)[^)]*\): "
"""A disk and the controller that it is on; what hangs off USB storage comes and goes."""


def _of_unit(code: str) -> Make:
    def make(match: re.Match[str]) -> Iterable[Outcome]:
        dev = match["dev"]
        yield Found(code, Part(component=Component.DISK, slot=dev, paths=(f"/dev/{dev}",)))

    return make


def _sense(match: re.Match[str]) -> Iterable[Outcome]:
    key, asc = match["key"].upper(), int(match["asc"], 16)
    code = {"MEDIUM ERROR": "disk.media_error", "HARDWARE FAILURE": "disk.hardware_error"}.get(key, "")
    if asc == 0x5D:
        code = "disk.predictive_failure"
    if code:
        yield from _of_unit(code)(match)


def _machine_check(match: re.Match[str]) -> Iterable[Outcome]:
    corrected = match["kind"] == "COR"
    if re.search(r"memory error|\b(?:RD|WR|MS) channel", match["what"]):
        code = "memory.correctable_ecc" if corrected else "memory.uncorrectable_ecc"
        yield Found(code, Part(component=Component.MEMORY))
    else:
        code = "cpu.correctable_machine_check" if corrected else "cpu.uncorrectable_machine_check"
        yield Found(code, Part(component=Component.CPU))


RULES: tuple[LineRule, ...] = (
    rule("scsi sense", _UNIT + r"SCSI sense: (?P<key>[A-Z ]+) asc:(?P<asc>[0-9a-f]{1,2}),", _sense),
    rule(
        "ata status",
        _UNIT + r"ATA status: .*error: [0-9a-f]{2} \([A-Z ]*\b(?:UNC|IDNF)\b",
        _of_unit("disk.media_error"),
    ),
    rule("ata status", _UNIT + r"ATA status: .*error: [0-9a-f]{2} \([A-Z ]*\bICRC\b", _of_unit("cable.crc_error")),
    rule("retries exhausted", _UNIT + r"Error \d+, Retries exhausted", _of_unit("disk.io_error")),
    rule("lost device", _UNIT + r"lost device", _of_unit("disk.offline")),
    rule("mca: cpu", r"MCA: CPU \d+ (?P<kind>UNCOR|COR)\b(?P<what>.*)", _machine_check),
)
