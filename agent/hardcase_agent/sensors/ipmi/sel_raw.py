"""Raw SEL records in captures: binary files, hex dumps, answers of `ipmitool raw`, and lines of `ipmitool sel save`.

Pure; finds the bytes for `sel_decoding.py`. What they mean is `sel.py`'s matter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hardcase_agent.sensors.ipmi.sel import ENTRY_BYTES, STANDARD

ANSWER_BYTES = 18
"""Get SEL Entry answers with the next record's id before the record (31.5)."""
SAVED_BYTES = 7
"""`ipmitool sel save` keeps revision, sensor and event of a record: no id, no time."""
_TYPES = frozenset({0x00, STANDARD, *range(0xC0, 0x100)})
_DUMP = re.compile(
    r"\s*(?:(?:[0-9a-fA-F]{4,8}:|[0-9a-fA-F]{7,8}(?=\s)|(?:RECORD(?: ID)?|ID)?\s*:?\s*\d{1,5}:)\s+)?"
    r"((?:0x)?[0-9a-fA-F]{2}(?:[\s,]*(?:0x)?[0-9a-fA-F]{2}){1,63})\s*(?:(?:\s{2}|\|).*|#.*)?",
    re.IGNORECASE,
)
_BYTE = re.compile(r"(?:0x)?([0-9a-fA-F]{2})", re.IGNORECASE)
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\x1b")


def is_binary(data: bytes) -> bool:
    """Bytes of no text: raw records hold nulls, text never does."""
    head = data[:4096]
    return bool(head) and sum(byte < 0x20 and byte not in _TEXT_CONTROLS for byte in head) * 50 > len(head)


def split_binary(data: bytes) -> tuple[list[bytes], bytes]:
    """Records of a binary file, and what is left over at its end."""
    if len(data) % ENTRY_BYTES and len(data) % ANSWER_BYTES == 0 and plausible(data[2:ANSWER_BYTES]):
        return [data[at + 2 : at + ANSWER_BYTES] for at in range(0, len(data), ANSWER_BYTES)], b""
    whole = len(data) - len(data) % ENTRY_BYTES
    return [data[at : at + ENTRY_BYTES] for at in range(0, whole, ENTRY_BYTES)], data[whole:]


def plausible(record: bytes) -> bool:
    """Whether 16 bytes can be a record: its type is one of the specification's (32.1)."""
    return len(record) == ENTRY_BYTES and record[2] in _TYPES


def bytes_of(line: str) -> bytes:
    """The bytes of a line that holds nothing but hex (and a dump's offset and characters); b"" for any other."""
    if len(line) > 400:
        return b""
    found = _DUMP.fullmatch(line)
    if found is None:
        return b""
    return bytes(int(byte, 16) for byte in _BYTE.findall(found[1]))


def split_lines(lines: Sequence[bytes]) -> tuple[list[bytes], bytes]:
    """Records of hex lines that follow each other, and what is left over.

    A line is a record, an answer with the next id before it, or a piece of a dump whose lines run on.
    """
    records: list[bytes] = []
    pending = b""
    for line in lines:
        pending += line
        if len(line) == ENTRY_BYTES and pending == line and not _runs_on(lines):
            records.append(line)
            pending = b""
        elif len(pending) == ANSWER_BYTES and plausible(pending[2:]):
            records.append(pending[2:])
            pending = b""
    whole = len(pending) - len(pending) % ENTRY_BYTES
    records += [pending[at : at + ENTRY_BYTES] for at in range(0, whole, ENTRY_BYTES)]
    return records, pending[whole:]


def _runs_on(lines: Sequence[bytes]) -> bool:
    """Whether lines of 16 bytes are pieces: `ipmitool raw` breaks an answer of 18 bytes into 16 and 2."""
    return len(lines) > 1 and len(lines[0]) == ENTRY_BYTES and len(lines[1]) == ANSWER_BYTES - ENTRY_BYTES
