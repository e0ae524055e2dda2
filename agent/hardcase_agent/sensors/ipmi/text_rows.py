"""Lines that ipmitool and FreeIPMI print about sensors, as rows: one neutral form for all of their tables.

Pure. `text_decoding.py` makes sensors and readings of rows; blocks of `sdr -v` are in `text_blocks.py`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hardcase_agent.domain.capture import Flaw, Undecoded
from hardcase_agent.domain.reading import Gap, GapReason
from hardcase_agent.sensors.ipmi import sel_words
from hardcase_agent.sensors.ipmi.records import Entity

LIMIT_COLUMNS = (
    "lower_non_recoverable", "lower_critical", "lower_non_critical",
    "upper_non_critical", "upper_critical", "upper_non_recoverable",
)  # fmt: skip
"""Order of `ipmitool sensor`, and of FreeIPMI with --output-sensor-thresholds."""


@dataclass(slots=True, kw_only=True)
class Row:
    """One sensor as a tool prints it. `phrases`: states in the tool's words; `bits`: as it prints them in hex."""

    name: str
    at: str
    number: int | None = None
    entity: Entity | None = None
    type: int | None = None
    value: float | None = None
    unit: str = ""
    status: str = ""
    phrases: tuple[str, ...] = ()
    bits: int | None = None
    loose_bits: bool = False
    """`bits` are the raw reading, in which only some makers repeat the states."""
    silent: bool = False
    """`bits` are 0 because no state stands there."""
    discrete: bool = False
    limits: Mapping[str, float] = field(default_factory=dict)
    hysteresis: tuple[float | None, float | None] = (None, None)
    compared: bool = False
    """`phrases` of a threshold sensor are the device's own comparison."""
    gap: Gap | None = None


_NO_VALUE: tuple[tuple[str, GapReason], ...] = (
    ("device not present", GapReason.ABSENT),
    ("not present", GapReason.ABSENT),
    ("absent", GapReason.ABSENT),
    ("disabled", GapReason.DISABLED),
    ("not readable", GapReason.UNSUPPORTED),
    ("event-only", GapReason.UNSUPPORTED),
    ("no reading", GapReason.BUSY),
    ("not available", GapReason.BUSY),
    ("unable to read", GapReason.ERROR),
    ("error", GapReason.ERROR),
    ("reading", GapReason.BUSY),
)
NOTHING = ("", "na", "n/a", "ns", "none", "unavailable", "nan")

_NUMBER = re.compile(r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_TOLERANCE = re.compile(r"\(\+/-\s*[\d.]+\)\s*")
_ENTITY = re.compile(r"^\s*(\d{1,3})\.(\d{1,3})\b")
_HEX_BYTE = re.compile(r"^([0-9A-Fa-f]{1,2})h$")
_RAW = re.compile(r"^0x([0-9A-Fa-f]{1,4})$")
_FOUR_HEX = re.compile(r"^0x([0-9A-Fa-f]{2})([0-9A-Fa-f]{2})$")
_QUOTED = re.compile(r"'([^']*)'")
_LARGEST = 1e15
"""No sensor of the specification reaches it (8 bits, factors of ten up to 7): what is above is damage."""


def number(text: str) -> float | None:
    """A number that a sensor can have; None for anything else."""
    found = _NUMBER.match(text.strip())
    if found is None or len(found[0]) > 40:
        return None
    value = float(found[0])
    return value if abs(value) < _LARGEST else None


def measured(text: str) -> tuple[float, str] | None:
    """ "5040 RPM", "12.083 (+/- 0.06) Volts": value and unit words; None where it is no such thing."""
    text = _TOLERANCE.sub("", text.strip())
    value = number(text)
    if value is None or text.lower().startswith("0x"):
        return None
    rest = text[_NUMBER.match(text).end() :]  # type: ignore[union-attr]  # number() has just matched it
    if rest and not rest[0].isspace() and rest[0] != "%":
        return None
    return value, rest.strip()


def gap_of(words: str) -> Gap | None:
    """Why a tool printed no value; None where the words say nothing of the kind."""
    said = words.strip().strip("'[]").lower()
    if said in NOTHING:
        return Gap(GapReason.BUSY, "no reading")
    for mark, reason in _NO_VALUE:
        if said.startswith(mark):
            return Gap(reason, words.strip())
    return None


def entity_of(text: str) -> Entity | None:
    found = _ENTITY.match(text)
    return Entity(int(found[1]), int(found[2])) if found and int(found[1]) < 256 and int(found[2]) < 256 else None


# ---- ipmitool ----------------------------------------------------------------------------------------------------

_STATUS = ("ok", "ns", "nc", "cr", "nr", "us", "na", "lnr", "lcr", "lnc", "unc", "ucr", "unr", "nv")


def from_ipmitool(cells: Sequence[str], at: str) -> Row | None:
    """A row of `sdr`, `sdr elist`, `sdr type` or `sensor`; None where the cells are none of these."""
    cells = [cell.strip() for cell in cells]
    if len(cells) == 10:
        return _sensor_table(cells, at)
    if len(cells) >= 5 and _HEX_BYTE.match(cells[1]) and cells[2].lower() in _STATUS:
        return _extended(cells, at)
    if len(cells) == 3 and cells[2].lower() in _STATUS:
        return _short(cells, at)
    if len(cells) == 4 and cells[3].lower() in _STATUS and (cells[1] == "" or number(cells[1]) is not None):
        # -c: value and unit in cells of their own.
        return _short([cells[0], f"{cells[1]} {cells[2]}", cells[3]], at)
    return None


def _short(cells: Sequence[str], at: str) -> Row:
    row = Row(name=cells[0], at=at, status=cells[2].lower())
    raw = _RAW.match(cells[1])
    if raw is not None:
        row.discrete, row.loose_bits, row.bits = True, True, int(raw[1], 16)
        return row
    return _said(row, cells[1])


def _extended(cells: Sequence[str], at: str) -> Row:
    row = Row(name=cells[0], at=at, number=int(cells[1][:-1], 16), status=cells[2].lower())
    row.entity = entity_of(cells[3])
    said = ", ".join(cell for cell in cells[4:] if cell)
    if not said and row.status != "ns":
        row.discrete, row.silent, row.bits = True, True, 0
        return row
    return _said(row, said)


def _said(row: Row, said: str) -> Row:
    """A value, states, a value and states, or why there is none."""
    found = measured(said.split(",")[0])
    rest = said.split(",", 1)[1] if "," in said else ""
    if found is not None:
        row.value, row.unit = found
        said = rest
    elif row.status in ("ns", "na") or (row.status != "ok" and gap_of(said) is not None):
        row.gap = gap_of(said) or Gap(GapReason.BUSY, said.strip() or "no reading")
        return row
    row.phrases = split_states(said)
    row.discrete = bool(row.phrases)
    return row


_CONTINUES = ("but present", "status only", "processor context lost")


def split_states(said: str) -> tuple[str, ...]:
    """States between commas. Some states have a comma of their own: "AC out-of-range, but present"."""
    words: list[str] = []
    for word in (part.strip() for part in said.split(",")):
        if words and word.lower() in _CONTINUES:
            words[-1] = f"{words[-1]}, {word}"
        elif word:
            words.append(word)
    return tuple(words)


def _sensor_table(cells: Sequence[str], at: str) -> Row | None:
    """`ipmitool sensor`: name, reading, unit, status, six limits. Discrete: the state bytes, low byte first."""
    row = Row(name=cells[0], at=at, status=cells[3].lower())
    if cells[2].lower() == "discrete":
        row.discrete = True
        state = _FOUR_HEX.match(cells[3])
        if state is None or cells[1].lower() == "na":
            row.gap = Gap(GapReason.BUSY, "no reading")
        else:
            row.bits = int(state[1], 16) | (int(state[2], 16) & 0x7F) << 8
        return row
    row.limits = limits_of(cells[4:], LIMIT_COLUMNS)
    row.unit = cells[2]
    value = number(cells[1])
    if value is None:
        row.gap = gap_of(cells[1])
        return row if row.gap is not None else None
    row.value = value
    return row


def limits_of(cells: Sequence[str], names: Sequence[str]) -> dict[str, float]:
    values = {name: number(cell) for name, cell in zip(names, cells, strict=False)}
    return {name: value for name, value in values.items() if value is not None}


# ---- FreeIPMI ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Columns:
    """Which FreeIPMI column is which, from its header or from how many there are."""

    places: dict[str, int] | None = None

    def header(self, cells: Sequence[str]) -> bool:
        """Takes a header line; False where it is none."""
        words = [cell.strip().lower() for cell in cells]
        if "name" not in words or not {"reading", "type"} & set(words):
            return False
        if "date" in words:
            # The event log, which has a door of its own.
            self.places = {"name": len(words)}
            return True
        known = {
            "id": "id", "record id": "id", "name": "name", "type": "type", "state": "state", "reading": "reading",
            "units": "units", "event": "event", "lower nr": "lower_non_recoverable", "lower c": "lower_critical",
            "lower nc": "lower_non_critical", "upper nc": "upper_non_critical", "upper c": "upper_critical",
            "upper nr": "upper_non_recoverable",
        }  # fmt: skip
        self.places = {known[word]: place for place, word in enumerate(words) if word in known}
        return True

    def of(self, count: int) -> dict[str, int] | None:
        if self.places is not None and self.places["name"] >= count:
            return None
        if self.places is not None and max(self.places.values()) == count - 1:
            return self.places
        layout: list[str] | None = {
            6: ["id", "name", "type", "reading", "units", "event"],
            7: ["id", "name", "type", "state", "reading", "units", "event"],
            12: ["id", "name", "type", "reading", "units", *LIMIT_COLUMNS, "event"],
            13: ["id", "name", "type", "state", "reading", "units", *LIMIT_COLUMNS, "event"],
        }.get(count)
        return {name: place for place, name in enumerate(layout)} if layout else None


def from_freeipmi(cells: Sequence[str], columns: Columns, at: str) -> Row | None:
    """A row of ipmi-sensors or ipmimonitoring; None where the cells are none."""
    cells = [cell.strip() for cell in cells]
    places = columns.of(len(cells))
    if places is None or "name" not in places or not cells[places.get("id", 0)].isdigit():
        return None

    def cell(name: str) -> str:
        return cells[places[name]] if name in places else ""

    kind = sel_words.sensor_type(cell("type"))
    row = Row(name=cell("name"), at=at, number=None, type=kind[0] if kind else None, status=cell("state").lower())
    row.limits = limits_of([cell(name) for name in LIMIT_COLUMNS], LIMIT_COLUMNS)
    row.unit = "" if cell("units").lower() in NOTHING else cell("units")
    value = number(cell("reading"))
    row.value = value
    event = cell("event")
    phrases = tuple(_QUOTED.findall(event)) or ((event.strip("[]"),) if event.lower() not in NOTHING else ())
    return _freeipmi_said(row, phrases)


def _freeipmi_said(row: Row, phrases: tuple[str, ...]) -> Row:
    told = [words for words in phrases if words.strip().lower() not in ("ok", "no event", "")]
    row.phrases = tuple(told)
    states = [found for words in told if (found := sel_words.state(row.type, words)) is not None]
    measuring = row.type in (0x01, 0x02, 0x03, 0x0B) and not phrases
    threshold = bool(row.limits or row.unit or measuring) or row.value is not None
    threshold = threshold or any(one.code == 1 for one in states)
    row.compared = threshold and bool(phrases)
    if not threshold:
        row.discrete = True
        row.bits = 0 if phrases and not told else None
        row.gap = None if phrases else Gap(GapReason.BUSY, "no reading")
    elif row.value is None and not told:
        row.gap = Gap(GapReason.BUSY, "no reading")
    return row


_OLD = re.compile(r"^(\d+): (.+?) \(([^()]*)\): ([^\[]*?)(?:: )?((?:\[[^\]]*\])+)\s*$")
_OLD_RANGE = re.compile(r"\(([\d.NA/-]+)\)")


def from_old_freeipmi(line: str, at: str) -> Row | None:
    """ "12: Fan 1 (Fan): 5400.00 RPM (1200.00/NA): [OK]", FreeIPMI before 1.0."""
    found = _OLD.match(line)
    if found is None:
        return None
    kind = sel_words.sensor_type(found[3])
    row = Row(name=found[2].strip(), at=at, type=kind[0] if kind else None)
    said = measured(_OLD_RANGE.sub("", found[4]))
    if said is not None:
        row.value, row.unit = said
    words = [word.strip() for word in found[5].strip("[]").split("][")]
    return _freeipmi_said(row, tuple(word for word in words if word.lower() not in NOTHING))


# ---- lines -------------------------------------------------------------------------------------------------------


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
_REMARKS = ("running get picmg", "no picmg", "error response 0xc1 from get picmg", "found invalid header",
            "loaded sdr", "caching sdr", "fetching record", "done", "zabbix")  # fmt: skip
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
        cells = cells_of(line)
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
