"""Names of the cell that keeps a board's clock, as makers call its voltage. Asked by ipmi, snmp and host alike."""

from __future__ import annotations

import re

_CELL = re.compile(
    r"(?<![A-Za-z])(?:V?BAT(?:T|TERY)?|V?RTC|CMOS|coin[ _-]?cell)(?![A-Za-z])|(?<=\d)VBAT(?![A-Za-z])", re.IGNORECASE
)


def names_battery(name: str) -> bool:
    """ "VBAT", "P3V_BAT", "BB +3.3V Vbat", "CMOS 3V": the clock's cell, also where its place is "system board"."""
    return _CELL.search(name) is not None
