"""Documents of storcli2 and perccli2 in the form of storcli's: lists of drives and volumes become tables and sections.

storcli2 prints each drive as one object with its row and its details beside each other. Called by `storcli.py` before
it goes through an answer. Source: Broadcom "StorCLI2 Reference".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hardcase_agent.sensors.arrays import words
from hardcase_agent.sensors.arrays.model import MemberState

Row = Mapping[str, Any]

_DRIVE, _VOLUME = "EID:Slt", "DG/VD"
_FACTS = {
    "serial number": "SN",
    "vendor": "Manufacturer Id",
    "model": "Model Number",
    "temperature(c)": "Drive Temperature",
    "firmware revision level": "Firmware Revision",
}
"""Names of storcli2 -> those of storcli."""
_ALERT = re.compile(r"s\.?m\.?a\.?r\.?t\.?\s+alert\b.*", re.IGNORECASE)


def told_of_drive(row: Row) -> object:
    """The word that tells most of a drive. storcli2 tells in two columns what it is configured for ("Conf", "GHS") and
    how it is ("Online", "Good", "Failed"): where it is well, what it is for says more."""
    status, state = row.get("Status"), row.get("State")
    if words.look_up(words.MEMBER, str(status)) is None:
        # A drive that is configured and of which an unknown word is said is not known to be well.
        said = str(status or "-").strip() not in ("-", "")
        return status if said and MemberState.ONLINE in (words.look_up(words.MEMBER, str(state)) or ()) else state
    well = str(status).strip().lower() in ("online", "good", "optimal")
    return state if well and words.look_up(words.MEMBER, str(state)) is not None else status


def in_tables(data: Row, controller: str) -> Row:
    """The answer as storcli would have given it; one that is of that form already stays as it is."""
    kept: dict[str, Any] = {}
    made: dict[str, Any] = {}
    for key, value in data.items():
        entries = value if isinstance(value, list) else ()
        found = [one for one in entries if isinstance(one, dict) and _row_of(one) is not None]
        if not found:
            kept[key] = value
            continue
        for entry in found:
            for name, section in _sections(entry, controller):
                if isinstance(section, list):
                    made.setdefault(name, []).extend(section)
                else:
                    made.setdefault(name, {}).update(section)
    return {**kept, **made}


def _row_of(entry: Row) -> Row | None:
    rows = (part for part in entry.values() if isinstance(part, dict))
    return next((row for row in rows if _DRIVE in row or _VOLUME in row), None)


def _sections(entry: Row, controller: str) -> Iterator[tuple[str, list[Any] | dict[str, Any]]]:
    row = _row_of(entry) or {}
    beside = [part for part in entry.values() if isinstance(part, dict) and part is not row]
    if _DRIVE in row:
        yield "PD LIST of storcli2", [row]
        enclosure, _, slot = (part.strip() for part in str(row[_DRIVE]).partition(":"))
        path = f"Drive /{controller}" + (f"/e{enclosure}" if enclosure else "") + f"/s{slot}"
        for part in beside:
            yield f"{path} - Detailed Information", dict(_renamed(part))
        return
    yield "VD LIST of storcli2", [row]
    number = str(row[_VOLUME]).rpartition("/")[2].strip()
    for part in beside:
        yield f"VD{number} Properties", dict(part)
    for part in entry.values():
        if isinstance(part, list):
            yield f"PDs for VD {number}", part


def _renamed(facts: Row) -> Iterator[tuple[str, Any]]:
    for name, value in facts.items():
        plain = " ".join(str(name).split())
        known = "S.M.A.R.T alert flagged by drive" if _ALERT.fullmatch(plain) else _FACTS.get(plain.lower(), plain)
        yield known, value
