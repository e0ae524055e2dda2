"""System event log from bytes: SEL info, standard and OEM entries (IPMI 2.0, 31.2, 32.1 to 32.3, 29.7).

Pure. `log.py` reads the entries and remembers where it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hardcase_agent.domain.errors import MalformedAnswer
from hardcase_agent.domain.event import Event
from hardcase_agent.domain.part import Part
from hardcase_agent.domain.reading import Sensor
from hardcase_agent.sensors.ipmi.records import THRESHOLD, SensorRecord
from hardcase_agent.sensors.ipmi.states import SENSOR_SPECIFIC, THRESHOLD_EVENTS, Meaning, meaning

LOG = "sel"
ENTRY_BYTES = 16
STANDARD = 0x02
OEM_TIMESTAMPED = range(0xC0, 0xE0)
PRE_INIT = 0x20000000
"""Below: seconds since the BMC started, its clock not set (29.1)."""
NO_TIME = 0xFFFFFFFF
LOGGING_TYPE = 0x10
"""Sensor type "event logging disabled": what happened to the log itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelInfo:
    entries: int
    free: int
    """Bytes."""
    added: int
    erased: int
    """Stamps of the last addition and erasure; BMC's clock."""
    overflow: bool

    @property
    def used_percent(self) -> float:
        total = self.entries * ENTRY_BYTES + self.free
        return 100.0 * self.entries * ENTRY_BYTES / total if total else 0.0


def parse_sel_info(data: bytes) -> SelInfo:
    """Raises MalformedAnswer."""
    if len(data) < 14:
        raise MalformedAnswer(f"a SEL info cut short: {data.hex()}")
    return SelInfo(
        entries=int.from_bytes(data[1:3], "little"),
        free=int.from_bytes(data[3:5], "little"),
        added=int.from_bytes(data[5:9], "little"),
        erased=int.from_bytes(data[9:13], "little"),
        overflow=bool(data[13] & 0x80),
    )


@dataclass(frozen=True, slots=True)
class Known:
    """A sensor of the SDR repository, as events name it."""

    record: SensorRecord
    sensor: Sensor


Directory = Mapping[tuple[int, int, int], Known]
"""(owner, LUN, number) to sensor."""


def split_entry(data: bytes) -> tuple[int, bytes]:
    """Answer of Get SEL Entry: next record id, and the entry. Raises MalformedAnswer."""
    if len(data) < 2 + ENTRY_BYTES:
        raise MalformedAnswer(f"a SEL entry cut short: {data.hex()}")
    return int.from_bytes(data[:2], "little"), data[2 : 2 + ENTRY_BYTES]


def entry_id(raw: bytes) -> int:
    return int.from_bytes(raw[:2], "little")


def parse_entry(raw: bytes, erase_stamp: int, directory: Directory) -> Event:
    """One entry of 16 bytes. An OEM entry has no code: its bytes travel and a text that says whose it is."""
    if len(raw) != ENTRY_BYTES:
        raise MalformedAnswer(f"a SEL entry of {len(raw)} bytes")
    if raw[2] == STANDARD:
        return _standard(raw, erase_stamp, directory)
    if raw[2] in OEM_TIMESTAMPED:
        maker = int.from_bytes(raw[7:10], "little")
        text = f"OEM record 0x{raw[2]:02x} of manufacturer {maker}: {raw[10:].hex()}"
        when = _device_ms(raw)
    else:
        text, when = f"OEM record 0x{raw[2]:02x}: {raw[3:].hex()}", 0
    return Event(log=LOG, erase_stamp=erase_stamp, record_id=entry_id(raw), raw=raw, device_ms=when, text=text)


def _device_ms(raw: bytes) -> int:
    stamp = int.from_bytes(raw[3:7], "little")
    return 0 if stamp < PRE_INIT or stamp == NO_TIME else stamp * 1000


def _standard(raw: bytes, erase_stamp: int, directory: Directory) -> Event:
    generator, lun, kind, number = raw[7], raw[8] & 0x03, raw[10], raw[11]
    code, asserted = raw[12] & 0x7F, not raw[12] & 0x80
    offset = raw[13] & 0x0F
    known = directory.get((generator, lun, number))
    says = meaning(kind, code)
    if code == THRESHOLD:
        event_code, asserted, words = _threshold(says, offset, asserted, known)
    else:
        event_code, words = _state(says, kind, code, offset)
    part = known.sensor.part if known is not None else Part(component=says.component)
    name = known.record.name if known is not None else f"sensor 0x{number:02x}"
    return Event(
        log=LOG,
        erase_stamp=erase_stamp,
        record_id=entry_id(raw),
        raw=raw,
        device_ms=_device_ms(raw),
        part=part,
        code=event_code,
        asserted=asserted,
        sensor=known.sensor.id if known is not None else "",
        text=f"{name}: {words}{'' if asserted else ', deasserted'}{_data(raw, code, known)}",
    )


def _threshold(says: Meaning, offset: int, asserted: bool, known: Known | None) -> tuple[str, bool, str]:
    if offset >= len(THRESHOLD_EVENTS):
        return "", asserted, f"threshold event {offset}"
    limit, outwards = THRESHOLD_EVENTS[offset]
    measured = known.sensor.kind.value if known is not None else says.quantity.removeprefix("ipmi.")
    # "Lower critical going high, asserted" is the return, whatever its direction bit says.
    holds = asserted == outwards
    return f"{measured}.{limit}", holds, limit.replace("_", " ")


def _state(says: Meaning, kind: int, code: int, offset: int) -> tuple[str, str]:
    state = says.states[offset] if offset < len(says.states) else ""
    if not state or state.startswith("offset_"):
        return "", f"{says.quantity} offset {offset}"
    if kind == LOGGING_TYPE and code == SENSOR_SPECIFIC:
        return f"sel.{state}", state.replace("_", " ")
    own = "." in says.quantity.removeprefix("ipmi.")
    prefix = says.quantity.split(".")[0] if own else says.component.value
    return f"{prefix}.{state}", state.replace("_", " ")


def _data(raw: bytes, code: int, known: Known | None) -> str:
    """Event data 2 and 3 in words where their meaning is certain, else as bytes."""
    use_2, use_3 = raw[13] >> 6, raw[13] >> 4 & 3
    conversion = known.record.conversion if known is not None else None
    if code == THRESHOLD and conversion is not None and known is not None:
        said = []
        if use_2 == 1 and (value := conversion.value(raw[14])) is not None:
            said.append(f"reading {value:g}")
        if use_3 == 1 and (value := conversion.value(raw[15])) is not None:
            said.append(f"limit {value:g}")
        unit = f" {known.sensor.unit.value}" if said and known.sensor.unit.value else ""
        return f" ({', '.join(said)}{unit})" if said else ""
    if use_2 or use_3:
        return f" (data 0x{raw[14]:02x} 0x{raw[15]:02x})"
    return ""
