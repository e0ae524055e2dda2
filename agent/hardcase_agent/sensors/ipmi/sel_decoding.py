"""The kind `sel` of the command `decode`: a capture of an event log, line by line and record by record, to events.

The parsers are those of the live path (`sel.py`) and, for text, of `sel_text.py` and `sel_prose.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hardcase_agent.domain.capture import Capture, Decoded, Flaw, Recorded, Seen, Undecoded
from hardcase_agent.domain.event import Event
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.reading import Number
from hardcase_agent.sensors.ipmi import sel_dates, sel_prose, sel_raw, sel_text, sel_words
from hardcase_agent.sensors.ipmi.plan import SEL_USED
from hardcase_agent.sensors.ipmi.sel import ENTRY_BYTES, STANDARD, parse_entry

SOURCE = "ipmi.sel"
MOST_LINES = 1_000_000
LONGEST_LINE = 2000
_NAMED = re.compile(r"\s*([A-Za-z#][A-Za-z0-9 #./()%]{1,30}?)\s*:\s(.*)|\s*([A-Za-z][A-Za-z ]{2,30}?)\s*:\s*$")
_NOISE = re.compile(
    r"\s*(?:[-=+ |]{3,}|SEL has no entries.*|SEL Information|#.*|\$ .*|Unable to Get Channel Cipher Suites"
    r"|Running Get .*|Loading IANA .*|IANA PEN registry .*|Caching SDR.*|Discovered IPMB.*|RecId\s+Date/Time.*)?\s*",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"(?:^Error[: ]|Could not open device|Unable to establish|Get SEL (?:Info|Entry).* failed|ipmi-sel: "
    r"|command failed)",
    re.IGNORECASE,
)
_LOOKS_LIKE_ENTRY = re.compile(r"\s*[0-9a-fA-F]{1,4}\s*[|,]\s*(?:\d|Pre|Post|[A-Z][a-z]{2}-)")


def decode(capture: Capture) -> Iterator[Decoded]:
    """Everything in the capture, in its order. Raises nothing."""
    data = capture.data
    if sel_raw.is_binary(data):
        yield from _binary(data)
        return
    lines = capture.text.replace("\0", "").split("\n")
    if len(lines) > MOST_LINES:
        yield Undecoded(flaw=Flaw.TOO_LARGE, message=f"more than {MOST_LINES} lines")
        lines = lines[:MOST_LINES]
    yield from _Text(lines).decode()


def _binary(data: bytes) -> Iterator[Decoded]:
    records, left = sel_raw.split_binary(data)
    if not any(sel_raw.plausible(record) for record in records):
        yield Undecoded(flaw=Flaw.FOREIGN, message="no record of 16 bytes has a type that an event log knows")
        return
    for number, record in enumerate(records):
        yield _raw(record, f"offset {number * ENTRY_BYTES:#x}")
    if left:
        yield Undecoded(
            flaw=Flaw.TRUNCATED,
            message=f"{len(left)} bytes are left over: {left.hex()}",
            at=f"offset {len(records) * ENTRY_BYTES:#x}",
        )


def _raw(record: bytes, at: str) -> Decoded:
    if not sel_raw.plausible(record):
        return Undecoded(flaw=Flaw.UNKNOWN, message=f"record type 0x{record[2]:02x}: {record.hex()}", at=at)
    return _recorded(parse_entry(record, 0, {}))


def _recorded(event: Event) -> Recorded:
    return Recorded(asset=Asset(), source=SOURCE, event=event)


class _Text:
    """One pass over the lines of a text."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._order = sel_dates.order_of(line[:80] for line in lines)
        self._names: list[str] | None = None
        self._fields: dict[str, str] = {}
        self._fields_at = 0
        self._hex: list[bytes] = []
        self._hex_at = 0
        self._seen: set[tuple[object, ...]] = set()
        self._strange: list[Undecoded] = []
        self._found = False

    def decode(self) -> Iterator[Decoded]:
        for number, line in enumerate(self._lines, 1):
            for decoded in self._line(number, line[:LONGEST_LINE]):
                yield from self._tell(decoded)
        for decoded in (*self._end_hex(), *self._end_fields()):
            yield from self._tell(decoded)
        if self._found:
            yield from self._strange
        elif any(strange.flaw is not Flaw.MALFORMED for strange in self._strange):
            yield from (strange for strange in self._strange if strange.flaw is not Flaw.MALFORMED)
        elif self._strange:
            yield Undecoded(flaw=Flaw.FOREIGN, message="no line is an event log's entry", at=self._strange[0].at)

    def _tell(self, decoded: Decoded) -> Iterator[Decoded]:
        if isinstance(decoded, Undecoded):
            self._strange.append(decoded)
            return
        if isinstance(decoded, Recorded):
            # Ring buffers that are full, and whole-log repeats of a collecting script, list an entry twice.
            event = decoded.event
            key = (event.record_id, event.device_ms, event.sensor, event.code, event.asserted, event.text, event.raw)
            if event.record_id and key in self._seen:
                return
            self._seen.add(key)
        self._found = True
        yield decoded

    def _line(self, number: int, line: str) -> Iterator[Decoded]:
        content = sel_raw.bytes_of(line) if ":" in line or "|" not in line else b""
        if len(content) >= 2 and (self._hex or len(content) in _HEX_LINES) and not line.strip().isdigit():
            yield from self._end_fields()
            if not self._hex:
                self._hex_at = number
            self._hex.append(content)
            return
        yield from self._end_hex()
        entry = sel_text.ipmiutil(line) or self._columns(line) or sel_text.legacy(line)
        if entry is not None:
            yield from self._end_fields()
            yield _recorded(sel_text.event_of(entry, self._order))
            return
        yield from self._other(number, line)

    def _columns(self, line: str) -> sel_text.TextEntry | None:
        if "|" not in line and line.count(",") < 2:
            return None
        columns = sel_text.columns_of(line)
        header = sel_text.header_of(columns)
        if header is not None:
            self._names = header
            return None
        if self._names is None and "|" in line:
            self._names = sel_text.names_without_header(columns)
        if self._names is not None:
            if "|" not in line:
                columns = [column.strip() for column in line.split(",", len(self._names) - 1)]
            entry = sel_text.by_header(columns, self._names)
            if entry is not None:
                return entry
        return sel_text.by_place(columns)

    def _other(self, number: int, line: str) -> Iterator[Decoded]:
        if sel_text.header_of(sel_text.columns_of(line)) is not None or _NOISE.fullmatch(line):
            if not line.strip():
                yield from self._end_fields()
            return
        named = _NAMED.fullmatch(line) if "|" not in line and not _REFUSED.search(line) else None
        if named is not None:
            key = sel_words.letters(named[1] or named[3])
            if key in self._fields or key in _FIRST_FIELDS:
                yield from self._end_fields()
            if not self._fields:
                self._fields_at = number
            self._fields[key] = (named[2] or "").strip()
            return
        event = sel_prose.line(line, self._order)
        if event is not None:
            yield from self._end_fields()
            yield _recorded(event)
            return
        yield self._flaw(number, line)

    def _flaw(self, number: int, line: str) -> Undecoded:
        shown = line.strip()[:120]
        if _REFUSED.search(line):
            return Undecoded(flaw=Flaw.REFUSED, message=f"the tool says: {shown}", at=f"line {number}")
        last = not any(rest.strip() for rest in self._lines[number:])
        if _LOOKS_LIKE_ENTRY.match(line):
            flaw = Flaw.TRUNCATED if last else Flaw.MALFORMED
            return Undecoded(flaw=flaw, message=f"an entry that is cut short or damaged: {shown}", at=f"line {number}")
        return Undecoded(flaw=Flaw.MALFORMED, message=f"not an event log's line: {shown}", at=f"line {number}")

    def _end_hex(self) -> Iterator[Decoded]:
        if not self._hex:
            return
        lines, self._hex = self._hex, []
        if all(len(line) == sel_raw.SAVED_BYTES for line in lines):
            for offset, line in enumerate(lines):
                yield _raw(_saved(line), f"line {self._hex_at + offset}")
            return
        records, left = sel_raw.split_lines(lines)
        for offset, record in enumerate(records):
            yield _raw(record, f"line {self._hex_at + offset}")
        if left:
            yield Undecoded(
                flaw=Flaw.TRUNCATED, message=f"{len(left)} bytes are left over: {left.hex()}", at=f"line {self._hex_at}"
            )

    def _end_fields(self) -> Iterator[Decoded]:
        if not self._fields:
            return
        fields, self._fields = self._fields, {}
        entry = sel_text.block(fields)
        if entry is not None:
            yield _recorded(sel_text.event_of(entry, self._order))
            return
        used = re.match(r"(\d{1,3})\s*%", fields.get("percentused", ""))
        if used is not None:
            yield Seen(asset=Asset(), source=SOURCE, sensor=SEL_USED, reading=Number(float(used[1])))
            return
        event = sel_prose.fields(fields, self._order)
        if event is not None:
            yield _recorded(event)
            return
        shown = ", ".join(f"{name}: {value}" for name, value in fields.items())[:120]
        yield Undecoded(flaw=Flaw.MALFORMED, message=f"not an event log's block: {shown}", at=f"line {self._fields_at}")


_HEX_LINES = (sel_raw.SAVED_BYTES, ENTRY_BYTES, sel_raw.ANSWER_BYTES)
"""Bytes a line of hex begins with; further lines of a dump may be shorter."""
_FIRST_FIELDS = ("selrecordid", "record", "version")
"""Names that begin a block without an empty line before it."""


def _saved(line: bytes) -> bytes:
    """A record of `sel save`, which keeps neither id nor time."""
    return b"\0\0" + bytes((STANDARD,)) + b"\0\0\0\0" + b"\x20\x00" + line
