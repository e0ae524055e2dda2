"""What event data 2 and 3 add to an event, in words (IPMI 2.0, 29.7 and table 42-3). "" where it is not certain.

Pure; used by `sel.py`.
"""

from __future__ import annotations

from hardcase_agent.sensors.ipmi.states import SENSOR_SPECIFIC

OEM, EXTENSION = 2, 3
"""Uses of event data 2 and 3 by bits 7:6 and 5:4 of event data 1; 1 = trigger reading, trigger threshold."""

_PSU_CONFIGURATION = ("vendor mismatch", "revision mismatch", "processor missing", "rating mismatch",
                      "voltage rating mismatch")  # fmt: skip
_FIRMWARE_ERRORS = (
    "unspecified", "no memory installed", "no usable memory", "hard disk failed", "board failed", "diskette failed",
    "disk controller failed", "keyboard failed", "no removable boot medium", "video controller failed",
    "no video device", "BIOS ROM corrupt", "CPU voltage mismatch", "CPU speed mismatch",
)  # fmt: skip
_FIRMWARE_PROGRESS = (
    "unspecified", "memory", "hard disk", "secondary processors", "user authentication", "setup",
    "USB resources", "PCI resources", "option ROM", "video", "cache", "SM bus", "keyboard controller",
    "management controller", "docking attachment", "docking enabled", "docking ejection", "docking disabled",
    "OS wake-up vector", "starting OS boot", "board", "reserved", "floppy", "keyboard test", "pointing device test",
    "primary processor",
)  # fmt: skip
_TIMER_USE = ("reserved", "BIOS FRB2", "BIOS/POST", "OS load", "SMS/OS", "OEM")
_VERSION_CHANGE = {
    1: "controller device id", 2: "controller firmware", 3: "controller revision", 7: "controller boot block",
    9: "system firmware", 10: "SMBIOS", 11: "operating system", 17: "programmable hardware", 18: "module",
    20: "board replaced", 21: "board replaced by a newer one", 22: "board replaced by an older one",
}  # fmt: skip
_SLOT_TYPES = ("PCI", "drive array", "external", "docking", "internal", "entity's slot", "AdvancedTCA", "DIMM", "fan",
               "PCIe", "SCSI", "SATA/SAS", "USB")  # fmt: skip


def words(kind: int, code: int, data: bytes) -> str:
    """For a record of this sensor type and event/reading type; `data` are its three event data bytes."""
    offset, use_2, use_3 = data[0] & 0x0F, data[0] >> 6, data[0] >> 4 & 3
    if code != SENSOR_SPECIFIC:
        return f"severity offset {data[1] & 0x0F}" if use_2 == EXTENSION and data[1] != 0xFF and code == 0x07 else ""
    if use_2 == EXTENSION and data[1] != 0xFF:
        said = _second(kind, offset, data[1])
        if said:
            return said
    if use_3 == EXTENSION and data[2] != 0xFF:
        return _third(kind, offset, data[2])
    return ""


def _second(kind: int, offset: int, byte: int) -> str:
    if kind == 0x0F and offset in (0, 1):
        return _word(_FIRMWARE_ERRORS if offset == 0 else _FIRMWARE_PROGRESS, byte)
    if kind == 0x0F and offset == 2:
        return _word(_FIRMWARE_PROGRESS, byte)
    if kind == 0x23:
        return f"timer of {_word(_TIMER_USE, byte & 0x0F)}" if 0 < byte & 0x0F < len(_TIMER_USE) else ""
    if kind == 0x2B:
        return _VERSION_CHANGE.get(byte, "")
    if kind == 0x21:
        return _word(_SLOT_TYPES, byte & 0x7F)
    if kind == 0x28 and offset in (0, 4):
        return f"sensor 0x{byte:02x}"
    if kind == 0x10 and offset == 1:
        return f"events of type 0x{byte:02x}"
    return ""


def _third(kind: int, offset: int, byte: int) -> str:
    if kind == 0x08 and offset == 6:
        return _word(_PSU_CONFIGURATION, byte & 0x0F)
    if kind == 0x21:
        return f"slot {byte}"
    if kind == 0x10 and offset == 5:
        return f"{byte} % full"
    return ""


def _word(table: tuple[str, ...], index: int) -> str:
    return table[index] if index < len(table) else f"0x{index:02x}"
