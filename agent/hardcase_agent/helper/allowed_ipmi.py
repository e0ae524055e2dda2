"""The list of IPMI commands that may pass to the BMC, and why any other does not.

Asked by `server.py` for every request, also for each one of many. All of the list only reads, but for what a switch of
the helper's own command line adds (`switches.py`), and that in one form only.
"""

from __future__ import annotations

from collections.abc import Set

from hardcase_agent.helper import switches

ALLOWED: dict[int, frozenset[int]] = {
    # NetFn to commands, IPMI 2.0 appendix G. Reading only: nothing that sets, clears, resets, or sends a message on.
    # Send Message (06h, 34h) is never here: what goes on to another controller is `why_not_behind`'s matter.
    0x00: frozenset({0x01}),  # Chassis: Get Chassis Status
    0x04: frozenset({0x20, 0x21, 0x22, 0x23, 0x25, 0x27, 0x29, 0x2B, 0x2D}),  # Sensor: device SDRs, factors, reading
    0x06: frozenset({0x01, 0x08, 0x37}),  # App: Get Device ID, Get Device GUID, Get System GUID
    0x0A: frozenset({0x10, 0x11, 0x20, 0x22, 0x23, 0x40, 0x42, 0x43, 0x48}),  # Storage: FRU read, SDR, SEL read
}
SENSOR = 0x04
ALLOWED_BEHIND = frozenset({(SENSOR, 0x2D)})
"""To controllers behind the BMC: Get Sensor Reading alone."""
IDENTIFY = (0x00, 0x04)
"""Chassis Identify (28.5): seconds, and a second byte that would light the lamp for ever."""
CLEAR_SEL = (0x0A, 0x47)
"""Clear SEL (31.9): reservation, "CLR", AAh to erase or 00h to ask how far it is."""

MESSAGE_LIMIT = 272
"""IPMI_MAX_MSG_LENGTH of linux/ipmi_msgdefs.h."""
BEHIND_LIMIT = 25
"""Bytes of data: an IPMB message has 32, of which seven are header and checksums."""

_NAMES = {
    # What somebody would look for in the journal by its name.
    (0x00, 0x02): "Chassis Control",
    (0x00, 0x03): "Chassis Reset",
    IDENTIFY: "Chassis Identify",
    (0x00, 0x06): "Set Power Restore Policy",
    (0x00, 0x08): "Set System Boot Options",
    (0x04, 0x02): "Platform Event",
    (0x04, 0x26): "Set Sensor Thresholds",
    (0x06, 0x02): "Cold Reset",
    (0x06, 0x03): "Warm Reset",
    (0x06, 0x22): "Reset Watchdog Timer",
    (0x06, 0x24): "Set Watchdog Timer",
    (0x06, 0x34): "Send Message",
    (0x06, 0x40): "Set Channel Access",
    (0x06, 0x43): "Set User Access",
    (0x06, 0x45): "Set User Name",
    (0x06, 0x47): "Set User Password",
    (0x06, 0x52): "Master Write-Read",
    (0x0A, 0x12): "Write FRU Data",
    (0x0A, 0x27): "Clear SDR Repository",
    (0x0A, 0x44): "Add SEL Entry",
    (0x0A, 0x46): "Delete SEL Entry",
    CLEAR_SEL: "Clear SEL",
    (0x0A, 0x49): "Set SEL Time",
    (0x0C, 0x01): "Set LAN Configuration Parameters",
    (0x0C, 0x21): "Set SOL Configuration Parameters",
}


def why_not(netfn: int, lun: int, command: int, data: bytes, on: Set[str]) -> str:
    """ "" = it may pass, with these switches on; else the reason for the asker and the journal."""
    what = describe(netfn, lun, command)
    # Sensors live on any LUN; otherwise 1 and 3 are the maker's own, 2 is the host's message queue (IPMI 2.0, 7.2).
    if not (0 <= lun <= 3 if netfn == SENSOR else lun == 0):
        return f"{what} is not in the list"
    if (netfn, command) == IDENTIFY:
        return _why_not_identify(what, data, on)
    if (netfn, command) == CLEAR_SEL:
        return _why_not_clear(what, data, on)
    if command not in ALLOWED.get(netfn, ()):
        return f"{what} is not in the list"
    return "" if len(data) <= MESSAGE_LIMIT else f"{what} with {len(data)} bytes is longer than a message"


def why_not_behind(channel: int, address: int, netfn: int, lun: int, command: int, data: bytes) -> str:
    """The driver wraps the message itself (Send Message), so that what is checked here is what arrives there: a message
    within a message would be a command 34h, which is not in the list. Addresses are even; 20h is the BMC."""
    what = f"{describe(netfn, lun, command)} to 0x{address:02x} on channel {channel}"
    known = 0 <= channel <= 7 and 0x10 <= address <= 0xEE and address % 2 == 0 and address != 0x20
    listed = (netfn, command) in ALLOWED_BEHIND and (0 <= lun <= 3 if netfn == SENSOR else lun == 0)
    return "" if known and listed and len(data) <= BEHIND_LIMIT else f"{what} is not in the list"


def describe(netfn: int, lun: int, command: int) -> str:
    numbers = f"NetFn 0x{netfn:02x} LUN {lun} command 0x{command:02x}"
    named = _NAMES.get((netfn, command))
    return f"IPMI {named} ({numbers})" if named else f"IPMI {numbers}"


def _why_not_identify(what: str, data: bytes, on: Set[str]) -> str:
    if switches.IDENTIFY not in on:
        return switches.off(what, switches.IDENTIFY)
    # One byte is the time, 255 s at most; 00h puts the lamp out. None is the BMC's own 15 s.
    return "" if len(data) <= 1 or (len(data) == 2 and data[1] == 0) else f"{what} without an end is not in the list"


def _why_not_clear(what: str, data: bytes, on: Set[str]) -> str:
    if switches.SEL_CLEAR not in on:
        return switches.off(what, switches.SEL_CLEAR)
    known = len(data) == 6 and data[2:5] == b"CLR" and data[5] in (0x00, 0xAA)
    return "" if known else f"{what} of an unknown form is not in the list"
