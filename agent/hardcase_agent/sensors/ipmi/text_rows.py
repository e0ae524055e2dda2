"""Lines that ipmitool and FreeIPMI print about sensors, as rows: one neutral form for all of their tables.

Pure. `text_decoding.py` makes sensors and readings of rows; blocks of `sdr -v` are in `text_blocks.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
    if "not present" in said:
        return Gap(GapReason.ABSENT, words.strip())
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
    if len(cells) == 18 and cells[3].lower() in _STATUS and entity_of(cells[4]) is not None:
        return _verbose_csv(cells, at)
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


_CSV_LIMITS = (
    "upper_non_recoverable", "upper_critical", "upper_non_critical",
    "lower_non_recoverable", "lower_critical", "lower_non_critical",
)  # fmt: skip


def _verbose_csv(cells: Sequence[str], at: str) -> Row:
    """`-c -v sdr`: name, value, unit, status, entity and its name, type, three nominal values, limits, range."""
    row = Row(name=cells[0], at=at, status=cells[3].lower(), entity=entity_of(cells[4]), unit=cells[2])
    kind = sel_words.sensor_type(cells[6])
    row.type = kind[0] if kind is not None else None
    row.limits = limits_of(cells[10:16], _CSV_LIMITS)
    row.value = number(cells[1])
    row.gap = None if row.value is not None else Gap(GapReason.BUSY, cells[1] or "no reading")
    return row


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
