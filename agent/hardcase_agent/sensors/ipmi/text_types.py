"""What a tool's line does not say about a sensor, from what it does: sensor type, event type, unit, passed limits.

Pure. `text_decoding.py` calls it. A guess is made only where a wrong one changes nothing: from units, from states that
a single type has, from the entity, and from names that every maker uses alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hardcase_agent.domain.reading import Limits
from hardcase_agent.sensors.ipmi import sel_words
from hardcase_agent.sensors.ipmi.conversion import PERCENT, PLAIN, UNITS, Conversion, Measure, RawFormat
from hardcase_agent.sensors.ipmi.records import THRESHOLD, Entity, SensorRecord
from hardcase_agent.sensors.ipmi.states import LIMIT_NAMES, REDUNDANCY, SENSOR_SPECIFIC, meaning
from hardcase_agent.sensors.ipmi.text_rows import Row

UNKNOWN_TYPE = 0x00
OEM_CODE = 0x7F
OEM_TYPES = 0xC0
"""Sensor types from here on are the makers' own."""
SOMEWHERE = Entity(7, 1)
"""The system board: what nothing more is known of."""

_UNITS: dict[str, int] = {
    "degrees c": 1, "c": 1, "deg c": 1, "degree c": 1, "celsius": 1, "degrees f": 2, "f": 2, "degrees k": 3, "k": 3,
    "volts": 4, "v": 4, "volt": 4, "amps": 5, "a": 5, "amp": 5, "watts": 6, "w": 6, "watt": 6, "joules": 7, "j": 7,
    "coulombs": 8, "va": 9, "lumen": 11, "lux": 12, "candela": 13, "kpa": 14, "psi": 15, "newton": 16, "cfm": 17,
    "rpm": 18, "hz": 19, "microsecond": 20, "millisecond": 21, "second": 22, "seconds": 22, "s": 22, "minute": 23,
    "minutes": 23, "hour": 24, "hours": 24, "day": 25, "days": 25, "week": 26, "inches": 28, "feet": 29, "mm": 32,
    "cm": 33, "m": 34, "meters": 34, "liters": 38, "decibels": 50, "db": 50, "grams": 65, "bit": 68, "bits": 68,
    "kilobit": 69, "megabit": 70, "gigabit": 71, "byte": 72, "bytes": 72, "kilobyte": 73, "megabyte": 74,
    "gigabyte": 75,
}  # fmt: skip
"""Unit words of ipmitool and FreeIPMI -> unit codes of table 43-15."""
_TYPE_OF_UNIT = {1: 0x01, 2: 0x01, 3: 0x01, 4: 0x02, 5: 0x03, 6: 0x03, 18: 0x04}

_UNIT_OF_TYPE = {0x01: 1, 0x02: 4, 0x04: 18}
"""Where a sensor without reading has no unit printed."""
_TYPE_OF_ENTITY = {
    3: 0x07,
    10: 0x08,
    32: 0x0C,
    8: 0x0C,
    26: 0x0D,
    4: 0x0D,
    29: 0x04,
    30: 0x04,
    40: 0x29,
    19: 0x09,
    21: 0x09,
}

_STATE_TYPES = (0x05, 0x07, 0x08, 0x09, 0x0C, 0x0D, 0x29)
"""Types that say states on nearly every machine: what a line without value and unit is."""
_FAN = 0x04
_CABLE = 0x1B
_SLOT = 0x21
_TEMPERATURE = 0x01
_TEMPERATURE_NAME = re.compile(r"\btemp|temp(?:erature)?\b", re.IGNORECASE)
_FAN_NAME = re.compile(r"\bfans?\b|fan[ _-]?\d", re.IGNORECASE)
_SUPPLY = re.compile(
    r"^(?:ps|psu|pws|power[ _]?supply|pwr[ _]?supply)[ _#-]*\d{0,2}(?:[ _-]*(?:status|stat|supply))?$", re.IGNORECASE
)

_NAMES: tuple[tuple[re.Pattern[str], int], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"fan.*redund|cooling.*redund|^fans$", 0x04),
        (r"pwr unit|power unit", 0x09),
        (r"\b(?:ps|psu|power suppl\w*|pwr suppl\w*)[ _-]*\d*(?![a-z\d])", 0x08),
        (r"^(?:chassis|phy\w*)[ _]?(?:intru\w*|scrty|security)$|^intru\w*$", 0x05),
        (r"\b(?:cmos|rtc|romb|bbu)?[ _]?batt?ery\b|\bvbat\b", 0x29),
        (r"^cpu\d[ _-]?c(?:h)?\d[ _-]?d\d", 0x0C),
        (r"^pcie?[ _-]?\d{1,2}(?:[ _-](?:fault|status|error))?$|^(?:all|one of) pci(?:e|s)? errors?$", _SLOT),
        (r"^(?:dimm|p\d[-_]?dimm|mem(?:ory)?$|cpu\d[-_]?dimm)", 0x0C),
        (r"^(?:hdd|drive|disk|nvme|ssd)[ _-]*\d", 0x0D),
        (r"\bcpu[ _-]?\d*[ _-]?(?:status)?$|\bproc\w*[ _-]?\d*(?:[ _-]?status)?$|^p\d[ _]status$", 0x07),
        (r"\bfan\b|fan[ _-]?\d", 0x04),
    )
)
"""Names that makers use alike for one sensor type; the first that matches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A row with its sensor's type."""

    record: SensorRecord
    measure: Measure
    bits: int | None = None
    """State bits of a discrete sensor; None: the line does not tell them."""
    passed: int = 0
    """Limits the device says are passed, as comparison bits."""
    unread: tuple[str, ...] = ()
    """States in words that are not known; nothing known stood beside them."""
    states: tuple[str, ...] = ()
    """Names of the bits, where they are not those of type and event type."""
    quantity: str = ""


def typed(row: Row) -> Typed:
    """The row's sensor as a record, its unit, states and passed limits."""
    unit = _unit(row.unit)
    if not row.discrete and row.gap is not None and not row.unit and not row.limits and row.type is None:
        row.discrete = _type_by_name(row) in _STATE_TYPES
    if row.discrete:
        return _discrete(row, unit)
    kind = row.type if row.type is not None else _TYPE_OF_UNIT.get(unit or 0, UNKNOWN_TYPE)
    if kind == UNKNOWN_TYPE and _FAN_NAME.search(row.name):
        kind = _FAN
    elif kind == UNKNOWN_TYPE and not row.unit and _TEMPERATURE_NAME.search(row.name):
        kind = _TEMPERATURE
    measure = _measure(row.unit, unit) if row.unit else UNITS.get(_UNIT_OF_TYPE.get(kind, 0), PLAIN)
    record = _record(row, kind, THRESHOLD, measure)
    return Typed(record=record, measure=measure, passed=_passed(row, kind))


def _unit(words: str) -> int | None:
    return _UNITS.get(words.lower().removeprefix("% ").strip())


def _measure(words: str, unit: int | None) -> Measure:
    if words.strip().lower() in ("%", "percent", "% unspecified"):
        return PERCENT
    return UNITS.get(unit or 0, PLAIN)


def _record(row: Row, kind: int, code: int, measure: Measure | None = None) -> SensorRecord:
    entity = row.entity or entity_named(row.name) or _entity_by_name(_own_name(row.name), kind) or SOMEWHERE
    conversion = Conversion(raw_format=RawFormat.UNSIGNED, measure=measure) if measure is not None else None
    return SensorRecord(
        owner=0x20, lun=0, number=row.number or 0, entity=entity, name=_own_name(row.name), type=kind, code=code,
        conversion=conversion,
    )  # fmt: skip


# ---- states ------------------------------------------------------------------------------------------------------


def _discrete(row: Row, unit: int | None) -> Typed:
    measure = _measure(row.unit, unit)
    kind = row.type if row.type is not None else _type_by_name(row)
    if row.phrases:
        return _phrased(row, kind, measure)
    if row.type is None and kind == 0x08 and not (_SUPPLY.match(_own_name(row.name)) or _redundant(row.name)):
        # "PSU 1 AC Status", "PS 2 Fan Fault": a supply's, and what its bits mean only its maker knows.
        kind = None
    if row.type is None and kind == _SLOT:
        # In words only: bare bits of "PCIe 3" may be anything's.
        kind = None
    code, bits = SENSOR_SPECIFIC, row.bits
    if row.loose_bits:
        bits = _loose(kind, bits or 0)
    if row.silent and (kind is None or kind >= OEM_TYPES):
        # ipmitool prints no states of makers' own types, whatever is asserted.
        bits = None
    if kind is not None and _redundant(row.name):
        code = REDUNDANCY
    if row.type is None and kind is not None and bits and not _plausible(bits, meaning(kind, code).states, code):
        # The name has deceived: "DIMM PG" is no memory module.
        kind = None
    if kind is None and row.type is None:
        return Typed(record=_record(row, UNKNOWN_TYPE, OEM_CODE), measure=measure, bits=bits)
    return Typed(record=_record(row, kind or UNKNOWN_TYPE, code), measure=measure, bits=bits)


def _plausible(bits: int, states: tuple[str, ...], code: int) -> bool:
    """Only bits that the type has; and who says anything is present, where the type can say so. Of a cell many boards
    tell nothing but that it is low."""
    known = sum(1 << bit for bit, name in enumerate(states) if name)
    if bits & ~known:
        return False
    always = code == REDUNDANCY or "present" not in states or "low" in states
    return always or bool(bits >> states.index("present") & 1)


def _loose(kind: int | None, raw: int) -> int | None:
    """States from the raw reading that `sdr` prints of a discrete sensor. Most makers leave it 0 whatever the states;
    Supermicro repeats the states of its supplies there, and what is not 0 and fits is taken for that."""
    if not raw or raw > 0xFF:
        return None
    states = meaning(kind, SENSOR_SPECIFIC).states if kind is not None else ()
    # "Present" is part of what a supply says in any state but absent.
    fits = all(bit < len(states) and states[bit] for bit in range(8) if raw >> bit & 1)
    return raw if kind == 0x08 and fits and raw & 1 else None


def _phrased(row: Row, kind: int | None, measure: Measure) -> Typed:
    """States in words. The type is the row's, or the one whose states they all are; of states that any type may have,
    none."""
    for candidate, own in _candidates(row, kind):
        found = [sel_words.state(candidate, words) for words in row.phrases]
        told = [one for one in found if one is not None]
        codes = {one.code for one in told}
        if len(told) < len(found) or len(codes) != 1 or (own and codes != {SENSOR_SPECIFIC}):
            continue
        code = codes.pop()
        bits = _joined(one.offset // 2 if code == THRESHOLD else one.offset for one in told)
        record = _record(row, candidate if candidate is not None else UNKNOWN_TYPE, code)
        return Typed(record=record, measure=measure, bits=bits)
    return _partly(row, kind, measure)


def _joined(offsets: Iterable[int]) -> int:
    bits = 0
    for offset in offsets:
        bits |= 1 << offset
    return bits


def _partly(row: Row, kind: int | None, measure: Measure) -> Typed:
    """Some words are not known: the known ones hold, an OEM state is kept by its number."""
    oem = [re.search(r"(?:oem|unrecognized|unspecified)[^=]*= ?([0-9a-f]{4})h?", words, re.I) for words in row.phrases]
    if all(oem):
        bits = sum(int(one[1], 16) for one in oem if one is not None) & 0x7FFF
        return Typed(record=_record(row, kind or UNKNOWN_TYPE, OEM_CODE), measure=measure, bits=bits)
    found = [sel_words.state(kind, words) for words in row.phrases]
    told = [one for one in found if one is not None]
    if not told:
        return Typed(record=_record(row, kind or UNKNOWN_TYPE, OEM_CODE), measure=measure, unread=row.phrases)
    code = told[0].code
    bits = _joined(one.offset for one in told if one.code == code)
    return Typed(record=_record(row, kind or UNKNOWN_TYPE, code), measure=measure, bits=bits)


def _candidates(row: Row, kind: int | None) -> Iterator[tuple[int | None, bool]]:
    """Types to try, and whether only states of their own count."""
    if row.type is not None:
        yield row.type, False
        return
    by_entity = _TYPE_OF_ENTITY.get(row.entity.id) if row.entity is not None else None
    first = [one for one in (kind, by_entity) if one is not None]
    yield from ((one, False) for one in dict.fromkeys(first))
    # "Config Error" is what a supply says and what a cable does; a supply is known by its name or entity.
    # "Fault Status" is what a slot says, and with few makers a drive.
    yield from ((one, True) for one in (_CABLE, _SLOT, *range(0x01, 0x2D)) if one not in first)
    yield None, False


def _type_by_name(row: Row) -> int | None:
    name = _own_name(row.name)
    for pattern, kind in _NAMES:
        if pattern.search(name):
            return kind
    return _TYPE_OF_ENTITY.get(row.entity.id) if row.entity is not None else None


def _redundant(name: str) -> bool:
    """HPE calls them "Fans" and "Power Supplies"."""
    plain = _own_name(name).lower()
    return "redund" in plain or plain in ("fans", "power supplies")


# ---- passed limits -----------------------------------------------------------------------------------------------

_STATUS_LEVEL = {"nc": 0, "cr": 1, "nr": 2}
_STATUS_LIMIT = {"lnc": 0, "lcr": 1, "lnr": 2, "unc": 3, "ucr": 4, "unr": 5}


def _passed(row: Row, kind: int) -> int:
    """Comparison bits by the status word or by FreeIPMI's states. "nc", "cr" and "nr" do not say on which side:
    too slow for a fan, too much for everything else."""
    bits = 0
    for words in (*row.phrases, row.status):
        found = sel_words.state(kind, words)
        if found is not None and found.code == THRESHOLD:
            bits |= 1 << found.offset // 2
    if row.status in _STATUS_LIMIT:
        bits |= 1 << _STATUS_LIMIT[row.status]
    elif row.status in _STATUS_LEVEL and row.value is not None:
        bits |= 1 << _STATUS_LEVEL[row.status] + (0 if kind == _FAN else 3)
    return bits


def limits_in(row: Row, measure: Measure) -> Limits:
    """The row's limits in the sensor's unit."""
    values = {name: row.limits[name] * measure.factor + measure.offset for name in LIMIT_NAMES if name in row.limits}
    if not values:
        return Limits()
    rising, falling = (band * measure.factor if band else None for band in row.hysteresis)
    return Limits(**values, hysteresis_rising=rising, hysteresis_falling=falling, source="bmc")


# ---- entities in names -------------------------------------------------------------------------------------------

_ENTITY_WORDS: dict[str, int] = {
    "processor": 3, "disk or disk bay": 4, "peripheral bay": 5, "system management module": 6, "system board": 7,
    "memory module": 8, "processor module": 9, "power supply": 10, "add-in card": 11, "front panel board": 12,
    "back panel board": 13, "power system board": 14, "drive backplane": 15, "system internal expansion board": 16,
    "other system board": 17, "processor board": 18, "power unit": 19, "power unit / power domain": 19,
    "power module / dc-to-dc converter": 20, "power module": 20, "power management": 21,
    "power management/power distribution board": 21, "chassis back panel board": 22, "system chassis": 23,
    "sub-chassis": 24, "other chassis board": 25, "disk drive bay": 26, "peripheral bay device": 27,
    "device bay": 28, "fan": 29, "fan / cooling device": 29, "cooling unit": 30, "cooling unit / cooling domain": 30,
    "cable / interconnect": 31, "memory device": 32, "bios": 34, "operating system": 35, "battery": 40,
    "air inlet": 55, "processor / cpu": 65, "baseboard / main system board": 66,
}  # fmt: skip
"""FreeIPMI's entity names, which it puts before sensor names with --entity-sensor-names."""
_LONGEST = max(len(words.split()) for words in _ENTITY_WORDS)


def entity_named(name: str) -> Entity | None:
    """The entity in "Power Supply 1 PS 1 Fan Fault"; None where the name begins with none."""
    found = _split_entity(name)
    return found[0] if found else None


_SUPPLY_NUMBER = re.compile(r"^(?:psu|ps|power supply)[ _#-]*(\d{1,2})(?!\d)(?! ?v)", re.IGNORECASE)
_CPU_NUMBER = re.compile(r"^(?:\d\d-)?(?:cpu|proc(?:essor)?)[ _#-]*(\d{1,2})(?!\d)", re.IGNORECASE)


def _entity_by_name(name: str, kind: int) -> Entity | None:
    """Supplies and processors by the names that all makers use; only lines without an entity need it."""
    for pattern, entity in ((_SUPPLY_NUMBER, 10), (_CPU_NUMBER, 3)):
        found = pattern.match(name)
        if found is not None and kind not in (0x0C, 0x0D, 0x29):
            return Entity(entity, int(found[1]))
    return None


def _own_name(name: str) -> str:
    found = _split_entity(name)
    return found[1] if found else name


def _split_entity(name: str) -> tuple[Entity, str] | None:
    words = name.split()
    for count in range(min(_LONGEST, len(words) - 2), 0, -1):
        entity = _ENTITY_WORDS.get(" ".join(words[:count]).lower())
        if entity is not None and words[count].isdigit() and int(words[count]) < 128:
            return Entity(entity, int(words[count])), " ".join(words[count + 1 :])
    return None
