"""Names of objects in the text of a walk, as OIDs: those of the standard MIBs' roots and of what the profiles read.

Called by `walk_text.py` and `wording.py`. The names are in symbols.txt, one a line: MODULE name OID.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources

from hardcase_agent.sensors.snmp.values import Oid

_NUMERIC = re.compile(r"\.?\d{1,10}(\.\d{1,10}){1,127}")
_NAMED = re.compile(
    r"(?:\.iso(?:\.[A-Za-z][\w-]*)*(?=\.[A-Za-z])|(?P<module>[A-Za-z][\w-]*)::)?(?P<name>\.?[A-Za-z][\w-]*)(?P<index>.*)",
    re.DOTALL,
)
_INDEX = re.compile(r"""\.(\d{1,10})|\[(\d{1,10})\]|\.?\[?(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')\]?""", re.DOTALL)
_ROOTS: Mapping[str, Oid] = {
    "iso": (1,),
    "org": (1, 3),
    "dod": (1, 3, 6),
    "internet": (1, 3, 6, 1),
    "mgmt": (1, 3, 6, 1, 2),
    "mib-2": (1, 3, 6, 1, 2, 1),
    "system": (1, 3, 6, 1, 2, 1, 1),
    "transmission": (1, 3, 6, 1, 2, 1, 10),
    "private": (1, 3, 6, 1, 4),
    "enterprises": (1, 3, 6, 1, 4, 1),
    "snmpV2": (1, 3, 6, 1, 6),
    "zeroDotZero": (0, 0),
}
_MODULES = {
    "IDRAC-MIB-SMIv2": "IDRAC-MIB",
    "SYNOLOGY-SYSTEM-MIB": "SYNOLOGY-MIB",
    "SYNOLOGY-DISK-MIB": "SYNOLOGY-MIB",
    "SYNOLOGY-RAID-MIB": "SYNOLOGY-MIB",
}
"""Files that makers ship, by the name under which their objects stand in symbols.txt."""
_MOST_ARCS = 128


def resolve(text: str) -> Oid | None:
    """The OID of "1.3.6.1", "iso.3.6.1", "SNMPv2-SMI::enterprises.232" or a known name with its index; else None."""
    text = text.strip()
    if _NUMERIC.fullmatch(text):
        oid = tuple(map(int, text.strip(".").split(".")))
        return oid if len(oid) <= _MOST_ARCS else None
    read = _NAMED.fullmatch(text)
    if read is None:
        return None
    name = read["name"].lstrip(".")
    module = _MODULES.get(read["module"] or "", read["module"] or "")
    root = _ROOTS.get(name) or _known().get((module, name)) or _known().get(("", name))
    if root is None:
        return None
    index = _index(read["index"])
    return None if index is None or len(root) + len(index) > _MOST_ARCS else root + index


def _index(text: str) -> Oid | None:
    """Numbers, and texts in double quotes (with their length first) or single ones (without)."""
    index: list[int] = []
    position = 0
    while position < len(text):
        read = _INDEX.match(text, position)
        if read is None or read.end() == position:
            return None
        number, bracketed, counted, plain = read.groups()
        if number or bracketed:
            index.append(int(number or bracketed))
        else:
            octets = re.sub(r"\\(.)", r"\1", counted if counted is not None else plain).encode()
            index += [len(octets), *octets] if counted is not None else octets
        position = read.end()
    return tuple(index)


@lru_cache(maxsize=1)
def _known() -> dict[tuple[str, str], Oid]:
    """By module and name, and by name alone where it means one thing."""
    known: dict[tuple[str, str], Oid] = {}
    alone: dict[str, set[Oid]] = {}
    text = (resources.files(__package__) / "symbols.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        module, name, dotted = line.split()
        oid = tuple(map(int, dotted.split(".")))
        known[module, name] = oid
        alone.setdefault(name, set()).add(oid)
    known.update({("", name): next(iter(oids)) for name, oids in alone.items() if len(oids) == 1})
    return known
