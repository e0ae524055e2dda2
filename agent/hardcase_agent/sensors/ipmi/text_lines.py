"""Lines of a text one by one: a table's row, a locator, a tool's complaint or remark, or none of these.

Pure. `text_decoding.py` calls it; what a row says is read in `text_rows.py` and `text_freeipmi.py`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hardcase_agent.domain.capture import Flaw, Undecoded
from hardcase_agent.sensors.ipmi.records import Entity
from hardcase_agent.sensors.ipmi.text_freeipmi import Columns, from_freeipmi, from_old_freeipmi
from hardcase_agent.sensors.ipmi.text_rows import Row, entity_of, from_ipmitool

_HOST = re.compile(r"^[A-Za-z][\w.-]*: (?=\s*\d+\s*\|)")
"""What FreeIPMI puts before each line when it asks several hosts."""


def cells_of(line: str) -> list[str]:
    """Cells of a table row: between bars, or comma-separated."""
    if "|" in line:
        return line.rstrip().rstrip("|").split("|") if line.rstrip().endswith("||") else line.split("|")
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


_REFUSED = (
    "unable to", "error", "failed", "command not supported", "authentication type", "no such", "could not open",
    "timeout", "connection timeout", "ipmi_", "get device id command", "invalid", "username invalid", "password",
    "privilege level", "sdr cache", "permission denied", "driver", "session timeout", "bmc busy", "internal ipmi",
)  # fmt: skip


_COMMAND_LINE = re.compile(r"[$#>%]\s*(?:sudo\s+)?(?:\S*/)?(?:ipmi\S*|bmc-info|watch|ssh|cat|for|while)\b")
_REMARKS = (
    "running get ", "no picmg", "error response 0xc1 from get picmg", "found invalid header", "loaded sdr",
    "caching sdr", "fetching record", "locating sensor record", "loading iana", "discovered ipmb", "discovered target",
    "invalid completion code received: invalid command", "acquire ipmb", "interface address:", "iana pen registry",
)  # fmt: skip
"""What versions of the tools say of themselves."""
_SECRET = re.compile(r"(\s-[pPkKyY]\s*|password[ :=]+|--\S*password[ =])\S+", re.IGNORECASE)
_ESCAPES = re.compile(r"\x1b\][^\x07]*\x07|\x1b\[[0-9;?]*[A-Za-z]")


def remark(line: str) -> bool:
    """A command as it was typed, which may hold a password, or a tool's word about itself: nothing to decode."""
    return bool(_COMMAND_LINE.search(line)) or line.strip().lower().startswith(_REMARKS)


def shown(line: str) -> str:
    """A line as it may be repeated in a message: short, and without what looks like a secret."""
    return _SECRET.sub(r"\1***", line.strip())[:120]


def plain(line: str) -> str:
    """Without a terminal's escape sequences."""
    return _ESCAPES.sub("", line) if "\x1b" in line else line


def refused(line: str, at: str) -> Undecoded | None:
    """A tool's own complaint among its output."""
    words = line.strip().lower()
    if words.startswith(_REFUSED) or "command failed" in words or ": error" in words:
        return Undecoded(flaw=Flaw.REFUSED, message=f"the tool said: {shown(line)}", at=at)
    return None


_LOCATOR = re.compile(r"(?:(?:Logical|Physical) FRU|(?:Static|Dynamic) MC|Generic Device)(?: @|.*@)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Place:
    """A FRU or controller that `sdr elist all` lists beside sensors: its name and entity."""

    name: str
    entity: Entity


def from_locator(cells: Sequence[str]) -> Place | None:
    if len(cells) != 5 or not _LOCATOR.search(cells[4]):
        return None
    entity = entity_of(cells[3])
    return Place(cells[0].strip(), entity) if entity is not None else None


def rows(lines: Sequence[tuple[int, str]]) -> Iterator[Row | Place | Undecoded]:
    """Table rows among these numbered lines, complaints of the tool, and lines that are neither."""
    columns = Columns()
    for place, line in lines:
        at = f"line {place}"
        if not line.strip() or set(line.strip()) <= set("-+=|") or remark(line):
            continue
        cells = cells_of(_HOST.sub("", line))
        if columns.header(cells):
            continue
        place_of = from_locator(cells)
        if place_of is not None:
            yield place_of
            continue
        found = from_ipmitool(cells, at) or from_freeipmi(cells, columns, at) or from_old_freeipmi(line.strip(), at)
        if found is not None and found.name:
            yield found
            continue
        last = place == lines[-1][0] and len(cells) > 1
        flaw = Flaw.TRUNCATED if last else Flaw.MALFORMED
        yield refused(line, at) or Undecoded(flaw=flaw, message=f"no sensor's line: {shown(line)!r}", at=at)
