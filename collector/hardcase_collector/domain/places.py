"""One name for one place: what the BMC calls "DIMM_A1", EDAC "A1" and SNMP "DIMM A1" is the same slot. Pure.

Only for finding the case a finding belongs to; people are always shown the name that the hardware used.
"""

from __future__ import annotations

import re
from functools import lru_cache

# "SSD 1" and "HDD 1" may both be in one machine: SSD is no filler, as NVME and M.2 are none.
_FILLERS = {
    "memory": "DIMM|DIMMS|SLOT|MEMORY|MEM|MODULE|DEVICE",
    "psu": "POWER|SUPPLY|PSU|PS|PWR|BAY|SLOT|UNIT|MODULE",
    "fan": "FAN|SYSTEM|SYS|MODULE|BLOCK|SLOT",
    "cpu": "CPU|PROCESSOR|PROC|SOCKET|P",
    "disk": "DISK|DRIVE|HDD|SLOT|BAY",
}
_SOCKET = re.compile(r"(?<![A-Z0-9])(?:CPU|PROCESSOR|PROC|SOCKET|P) ?(\d+)(?![A-Z0-9])")
_BREAKS = re.compile(r"[^A-Z0-9]+")


@lru_cache(maxsize=4096)
def place_name(component: str, slot: str) -> str:
    """The slot without what vendors dress it in; "" for "". Two slots with one name are one place on an asset."""
    name = _BREAKS.sub(" ", slot.upper()).strip()
    fillers = _FILLERS.get(component)
    if not name or fillers is None:
        return name
    socket = ""
    if component == "memory":
        found = _SOCKET.search(name)
        if found is not None:
            socket, name = f"P{found[1]} ", (name[: found.start()] + name[found.end() :]).strip()
    words = [re.sub(rf"^(?:{fillers})(?=\d|[A-Z]\d|$)", "", word) for word in name.split()]
    bare = " ".join(word for word in words if word)
    # A slot that is nothing but its kind ("PSU") keeps its name.
    return (socket + bare).strip() if bare else (socket + name).strip()
