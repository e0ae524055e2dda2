"""SEL entries from the text of tools: one line or block of `ipmitool`, `ipmi-sel` or `ipmiutil` to one entry.

Pure; `sel_decoding.py` goes through a capture with it. What the words mean: `sel_words.py`; when: `sel_dates.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hardcase_agent.domain.event import Event
from hardcase_agent.domain.part import Component
from hardcase_agent.sensors.ipmi import sel_data, sel_dates, sel_place, sel_words
from hardcase_agent.sensors.ipmi.records import THRESHOLD
from hardcase_agent.sensors.ipmi.sel import LOG
from hardcase_agent.sensors.ipmi.sel_meaning import Said, said_by
from hardcase_agent.sensors.ipmi.states import meaning

MOST_COLUMNS = 16
_CLOCK = re.compile(r"(?:\D{2,3}\s)?\d{1,2}\s*[:.時时시点]\s*\d{1,2}")
_HEX = re.compile(r"[0-9a-fA-F]{1,4}")
_DECIMAL = re.compile(r"[0-9]{1,10}")
_DETAIL = re.compile(r"\s*[(;,\[]|\s*(?=@\s*DIMM)|\s+-\s+(?=\S*DIMM)")
_DIRECTIONS = {
    "asserted": True, "assert": True, "assertionevent": True, "assertion": True,
    "deasserted": False, "deassert": False, "deassertionevent": False, "deassertion": False,
}  # fmt: skip
_IPMIUTIL = re.compile(
    r"(?P<id>[0-9a-fA-F]{4})\s+(?P<date>\d\d/\d\d/\d\d(?:\d\d)?\s+\d\d:\d\d:\d\d)\s+(?P<severity>[A-Z]{3})\s+"
    r"(?P<owner>\S+)\s+(?P<words>.*?)\s+(?P<code>[0-9a-f]{2})\s+\[(?P<data>[0-9a-f]{2} [0-9a-f]{2} [0-9a-f]{2})\]"
)
_NUMBERED = re.compile(r"(?P<type>.*?)\s*#(?P<number>[0-9a-fA-F]{2})\s+(?P<state>.*)")
_LEGACY = re.compile(
    r"(?P<id>\d{1,5}):(?P<date>\d{1,2}-[A-Za-z]{3}-\d{4} \d\d:\d\d:\d\d|(?:Post|Pre)-?Init(?: (?:Post|Pre)-?Init)?):"
    r"(?P<sensor>[^:]*):(?P<event>.*)",
    re.IGNORECASE,
)


_LIMIT_PASSED = re.compile(r"((?:Lower|Upper) \S{1,20}) - (going (?:low|high)):(.*)")
"""The limit, the direction, and reading and threshold, which its tables print in a column's end."""
_FREEIPMI_DATE = re.compile(r"[A-Z][a-z]{2}-\d\d-\d{4}|PostInit")
_COLUMNS = ("id", "date", "time", "name", "type", "event")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextEntry:
    """What one line or block says, in the tool's words."""

    record_id: int = 0
    date: str = ""
    """Date, time and zone, in one text."""
    sensor: str = ""
    """Type and name, or type and "#0x3b"."""
    kind: int | None = None
    """Sensor type, where a column or the bytes tell it."""
    state: str = ""
    asserted: bool = True
    code: int | None = None
    """Event/reading type and event data bytes, where the tool prints them: they outrank its words."""
    data: bytes = b""
    extra: str = ""
    """Trigger reading and the like, as printed."""
    oem: str = ""
    """An OEM record's description; then the rest is empty."""


# ---- ipmitool's and FreeIPMI's columns ---------------------------------------------------------------------------


def columns_of(line: str) -> list[str]:
    """Columns by "|", else by ","; a state that contains a comma is put together again."""
    if "|" in line:
        # Quoted in a ticket's table, lines begin and end with a bar.
        inner = line.strip()[1:] if line.lstrip().startswith("|") else line
        return [column.strip() for column in inner.split("|")[:MOST_COLUMNS]]
    columns = [column.strip().strip('"') for column in line.split(",")[:MOST_COLUMNS]]
    ends = 1 if sel_words.letters(columns[-1]) in _DIRECTIONS else 0
    first = next((place for place, column in enumerate(columns) if sel_words.sensor_type(column)), len(columns))
    state = columns[first + 1 : len(columns) - ends]
    return [*columns[: first + 1], *([", ".join(state)] if state else []), *columns[len(columns) - ends :]]


def by_header(columns: Sequence[str], names: Sequence[str]) -> TextEntry | None:
    """A line of FreeIPMI below its header. None where it is no entry."""
    row = dict(zip(names, columns, strict=False))
    number = row.get("id") or row.get("recordid") or ""
    if not _DECIMAL.fullmatch(number):
        return None
    name, type_words = row.get("name", ""), row.get("type", row.get("sensortype", ""))
    kind = sel_words.sensor_type(type_words) if type_words else sel_words.sensor_type(name)
    direction = sel_words.letters(row.get("eventdirection", row.get("direction", "")))
    state, _, extra = row.get("event", "").partition(" ; ")
    if type_words.lower().startswith("oem") and not state:
        return TextEntry(record_id=int(number), date=_date(row), oem=" ".join(columns[3:]))
    return TextEntry(
        record_id=int(number),
        date=_date(row),
        sensor=name or type_words,
        kind=kind[0] if kind is not None else None,
        state=re.sub(r"\s*\([<>]=?\)", "", state.strip("'")),
        asserted=_DIRECTIONS.get(direction, True),
        extra=extra,
    )


def _date(row: dict[str, str]) -> str:
    return f"{row.get('date', '')} {row.get('time', '')}".strip()


def by_place(columns: Sequence[str]) -> TextEntry | None:
    """A line of `ipmitool sel list`, whose columns have no header. None where it is no entry."""
    rest = list(columns)
    record_id = 0
    number = rest[0].rpartition(":")[2].strip()
    if _HEX.fullmatch(number) and len(rest) > 2:
        record_id = int(number, 16)
        rest = rest[1:]
    date, rest = _date_first(rest)
    if rest and rest[0].lower().startswith("oem record"):
        return TextEntry(record_id=record_id, date=date, oem=" ".join(rest))
    kind = sel_words.sensor_type(rest[0]) if rest else None
    if len(rest) < 2 or (kind is None and not rest[0].lower().startswith(("unknown", "oem", "reserved"))):
        return None
    if not date and not (record_id == 0 and len(rest) <= 3 and kind and stated(kind[0], rest[1])[0]):
        # A quoted line without number and time must at least be a sensor type and one of its states.
        return None
    asserted, extra = _behind(rest[2:])
    return TextEntry(
        record_id=record_id,
        date=date,
        sensor=rest[0],
        kind=kind[0] if kind is not None else None,
        state=rest[1],
        asserted=asserted,
        extra=extra,
    )


def _date_first(columns: Sequence[str]) -> tuple[str, list[str]]:
    """Date and time in one or two columns, and the columns behind them."""
    rest = list(columns)
    dates: list[str] = []
    while rest and len(dates) < 2 and (_dated(rest[0]) or (dates and not rest[0].strip("0123456789"))):
        dates.append(rest.pop(0))
    while rest and not rest[0]:
        rest.pop(0)
    return " ".join(dates), rest


def _behind(columns: Sequence[str]) -> tuple[bool, str]:
    """Direction, and what is printed beside it; versions before 1.8.9 print no direction."""
    asserted, extra = True, ""
    for column in columns:
        direction = _DIRECTIONS.get(sel_words.letters(column))
        if direction is not None:
            asserted = direction
        elif column:
            extra = column
    return asserted, extra


def _dated(column: str) -> bool:
    return sel_dates.is_date(column) or bool(_CLOCK.match(column))


def names_without_header(columns: Sequence[str]) -> list[str] | None:
    """Names of FreeIPMI's columns below no header (`--no-header-output`), by the form of its dates."""
    if len(columns) not in (6, 7) or not columns[0].isdigit() or not _FREEIPMI_DATE.fullmatch(columns[1]):
        return None
    if sel_words.sensor_type(columns[4]) is None:
        return None
    return [*_COLUMNS[:5], "state", "event"] if len(columns) == 7 else list(_COLUMNS)


def header_of(columns: Sequence[str]) -> list[str] | None:
    """Names of FreeIPMI's columns, where the line is its header."""
    names = [sel_words.letters(column) for column in columns]
    return names if names[:1] in (["id"], ["recordid"]) and {"date", "time"} & set(names) else None


# ---- other tools -------------------------------------------------------------------------------------------------


def ipmiutil(line: str) -> TextEntry | None:
    """`ipmiutil sel -e`: prints the event data behind its words."""
    found = _IPMIUTIL.search(line)
    if found is None:
        return None
    parts = _NUMBERED.match(found["words"])
    words = found["words"] if parts is None else parts["state"]
    kind = sel_words.sensor_type(parts["type"]) if parts is not None else None
    sensor = f"{parts['type']} #0x{parts['number'].lower()}".strip() if parts is not None else found["words"]
    return TextEntry(
        record_id=int(found["id"], 16),
        date=found["date"],
        sensor=sensor,
        kind=kind[0] if kind is not None else None,
        state=words,
        asserted=int(found["code"], 16) < 0x80,
        code=int(found["code"], 16) & 0x7F,
        data=bytes.fromhex(found["data"]),
    )


def legacy(line: str) -> TextEntry | None:
    """`ipmi-sel --legacy-output`: columns by ":"."""
    found = _LEGACY.match(line.strip())
    if found is None:
        return None
    kind = sel_words.sensor_type(found["sensor"])
    state, _, extra = found["event"].partition(" ; ")
    limit = _LIMIT_PASSED.match(state)
    if limit is not None:
        state, extra = f"{limit[1]} {limit[2]}", limit[3]
    return TextEntry(
        record_id=int(found["id"]),
        date=found["date"],
        sensor=found["sensor"],
        kind=kind[0] if kind is not None else None,
        state=state,
        extra=extra,
    )


_CODES = {"threshold": THRESHOLD, "sensorspecificdiscrete": 0x6F}


def block(fields: dict[str, str]) -> TextEntry | None:
    """`ipmitool -v sel list` and `sel get`: one "name : value" a line."""
    record = fields.get("selrecordid", "")
    if not _HEX.fullmatch(record):
        return None
    number = int(record, 16)
    kind = sel_words.sensor_type(fields.get("sensortype", ""))
    if kind is None and fields.get("recordtype") not in ("02", "00"):
        told = fields.get("oemdefined") or fields.get("description") or fields.get("recordtype", "")
        return TextEntry(record_id=number, date=fields.get("timestamp", ""), oem=f"OEM record {told}")
    data = fields.get("eventdata", fields.get("eventdataraw", ""))
    raw = bytes.fromhex(data[:6]) if re.fullmatch(r"[0-9a-fA-F]{6}.*", data) else b""
    sensor = fields.get("sensorid") or f"#0x{fields.get('sensornumber', '0')}"
    return TextEntry(
        record_id=number,
        date=fields.get("timestamp", ""),
        sensor=f"{fields.get('sensortype', 'Unknown')} {sensor}",
        kind=kind[0] if kind is not None else None,
        state=fields.get("description", ""),
        asserted="deassert" not in fields.get("eventdirection", "").lower(),
        code=_CODES.get(sel_words.letters(fields.get("eventtype", ""))),
        data=raw,
    )


# ---- to events ---------------------------------------------------------------------------------------------------


def event_of(entry: TextEntry, order: sel_dates.Order) -> Event:
    """The event; where the state is not known its words travel and the code is ""."""
    when = sel_dates.moment(entry.date, order)
    if entry.oem:
        return Event(log=LOG, record_id=entry.record_id, raw=b"", device_ms=when.ms, text=entry.oem)
    said, detail = _said(entry)
    split = sel_words.sensor_type(entry.sensor)
    name = split[1] if split is not None and (split[1] or entry.kind == split[0]) else entry.sensor
    if said.component in (Component.MEMORY, Component.PCIE):
        # FreeIPMI says behind ";" which module or slot its maker's bytes mean.
        detail = f"{detail} {entry.extra}".strip()
    part, note = sel_place.part_of(said.component, entry.sensor, name, detail)
    words = entry.state.strip() or said.text
    if entry.data and said.code != _by_words(entry):
        words = f"{words} (by its bytes: {said.text})"
    notes = "".join(f" ({text})" for text in (_bytes(entry), entry.extra, note, when.note) if text)
    return Event(
        log=LOG,
        record_id=entry.record_id,
        raw=b"",
        device_ms=when.ms,
        part=part,
        code=said.code,
        asserted=said.asserted,
        sensor=entry.sensor,
        text=f"{entry.sensor}: {words}{'' if entry.asserted else ', deasserted'}{notes}",
    )


def _said(entry: TextEntry) -> tuple[Said, str]:
    """What it says, and what stands behind the state: a slot, a bracket."""
    its, detail = stated(entry.kind, entry.state)
    kind = entry.kind
    if kind is None and "caterr" in sel_words.letters(entry.state):
        kind, its = 0x07, sel_words.state(0x07, "CATERR")
    elif entry.code is not None and entry.data and kind is not None:
        return said_by(kind, entry.code, entry.data[0] & 0x0F, asserted=entry.asserted), detail or entry.state
    if kind is None or its is None:
        component = meaning(kind, 0x6F).component if kind is not None else Component.NONE
        return Said("", entry.asserted, entry.state, component), detail or entry.state
    return said_by(kind, its.code, its.offset, asserted=entry.asserted), detail


def _by_words(entry: TextEntry) -> str:
    """The code that the tool's words alone would give."""
    its, _ = stated(entry.kind, entry.state)
    if its is None or entry.kind is None:
        return _said(entry)[0].code
    return said_by(entry.kind, its.code, its.offset, asserted=entry.asserted).code


def stated(kind: int | None, words: str) -> tuple[sel_words.Stated | None, str]:
    """The state, and what stands behind it where the words are more than the state."""
    its = sel_words.state(kind, words)
    split = _DETAIL.search(words) if its is None else None
    if split is None:
        return its, ""
    # What the specification explains in parentheses stands behind commas that belong to the state.
    explained = sel_words.state(kind, words.partition("(")[0])
    if explained is not None:
        return explained, words.partition("(")[2].strip(" ;,)")
    return sel_words.state(kind, words[: split.start()]), words[split.start() :].strip(" ;,")


def _bytes(entry: TextEntry) -> str:
    if entry.code is None or not entry.data or entry.kind is None:
        return ""
    told = sel_data.words(entry.kind, entry.code, entry.data)
    return told or f"data {entry.data.hex(' ')}"
