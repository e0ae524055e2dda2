"""System event log from bytes: SEL info, standard and OEM entries (IPMI 2.0, 31.2, 32.1 to 32.3, 29.7).

Pure. `sel_source.py` reads the entries and remembers where it was, `sel_decoding.py` takes them from captures. What
an entry's type, offset and direction mean is in `sel_meaning.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hardcase_agent.domain.errors import MalformedAnswer
from hardcase_agent.domain.event import Event
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.reading import Sensor
from hardcase_agent.sensors.ipmi import sel_data, sel_dimm
from hardcase_agent.sensors.ipmi.records import THRESHOLD, SensorRecord
from hardcase_agent.sensors.ipmi.sel_meaning import Said, said_by

LOG = "sel"
ENTRY_BYTES = 16
STANDARD = 0x02
OEM_TIMESTAMPED = range(0xC0, 0xE0)
BMC_ADDRESS = 0x20
PRE_INIT = 0x20000000
"""Below: seconds since the BMC started, its clock not set (29.1)."""
NO_TIME = 0xFFFFFFFF
CLOCK_SLACK_MS = 24 * 3600 * 1000
"""BMCs keep local time, half a day from UTC at most: less than a day ahead is a zone, not a wrong clock."""
ODD_STANDARD = 0x00
"""HP's iLO 2 and 3 store standard entries under record type 0."""


CLOCK_SET_MS = 1_577_836_800_000
"""2020: a host that says an earlier time has no clock to judge the BMC's by."""


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


@dataclass(frozen=True, slots=True)
class Machine:
    """Whose log it is: how event data is laid out differs by vendor and board."""

    vendor: str = ""
    model: str = ""


ANY_MACHINE = Machine()


def split_entry(data: bytes) -> tuple[int, bytes]:
    """Answer of Get SEL Entry: next record id, and the entry. Raises MalformedAnswer."""
    if len(data) < 2 + ENTRY_BYTES:
        raise MalformedAnswer(f"a SEL entry cut short: {data.hex()}")
    return int.from_bytes(data[:2], "little"), data[2 : 2 + ENTRY_BYTES]


def entry_id(raw: bytes) -> int:
    return int.from_bytes(raw[:2], "little")


def parse_entry(raw: bytes, erase_stamp: int, directory: Directory, machine: Machine = ANY_MACHINE) -> Event:
    """One entry of 16 bytes. An OEM entry has no code: its bytes travel and a text that says whose it is."""
    if len(raw) != ENTRY_BYTES:
        raise MalformedAnswer(f"a SEL entry of {len(raw)} bytes")
    if raw[2] == STANDARD or (raw[2] == ODD_STANDARD and raw[9] in (0x03, 0x04)):
        return _standard(raw, erase_stamp, directory, machine)
    if raw[2] in OEM_TIMESTAMPED:
        maker = int.from_bytes(raw[7:10], "little")
        text = f"OEM record 0x{raw[2]:02x} of manufacturer {maker}: {raw[10:].hex()}"
        when = device_ms(raw)
    else:
        text, when = f"OEM record 0x{raw[2]:02x}: {raw[3:].hex()}", 0
    return Event(log=LOG, erase_stamp=erase_stamp, record_id=entry_id(raw), raw=raw, device_ms=when, text=text)


def device_ms(raw: bytes) -> int:
    """An entry's time; 0 = the BMC's clock was not set."""
    stamp = int.from_bytes(raw[3:7], "little")
    return 0 if stamp < PRE_INIT or stamp == NO_TIME else stamp * 1000


def not_after(event: Event, received_ms: int) -> Event:
    """An event cannot be recorded after it was read: a time beyond that is a wrong clock, and no time.

    Collectors then take the time at which it was read, and the order of record ids.
    """
    if event.device_ms <= received_ms + CLOCK_SLACK_MS or received_ms < CLOCK_SET_MS:
        return event
    return replace(event, device_ms=0, text=f"{event.text} (the BMC's clock is ahead)")


def _standard(raw: bytes, erase_stamp: int, directory: Directory, machine: Machine) -> Event:
    generator, lun, kind, number = raw[7], raw[8] & 0x03, raw[10], raw[11]
    code, data = raw[12] & 0x7F, raw[13:16]
    known = directory.get((generator, lun, number)) or _elsewhere(directory, kind, number)
    measured = known.sensor.kind.value if known is not None else ""
    said = said_by(kind, code, data[0] & 0x0F, asserted=not raw[12] & 0x80, measured=measured)
    part = known.sensor.part if known is not None else Part(component=said.component, slot=f"#0x{number:02x}")
    part, note = _memory_part(part, said, machine, data, known)
    name = known.record.name if known is not None else f"sensor 0x{number:02x}"
    return Event(
        log=LOG,
        erase_stamp=erase_stamp,
        record_id=entry_id(raw),
        raw=raw,
        device_ms=device_ms(raw),
        part=part,
        code=said.code,
        asserted=said.asserted,
        sensor=known.sensor.id if known is not None else "",
        text=f"{name}: {said.text}{_data(kind, code, data, known)}{note}",
    )


def _elsewhere(directory: Directory, kind: int, number: int) -> Known | None:
    """The BMC's own sensor of this number and type: a BIOS that writes an event signs it with its own address."""
    known = directory.get((BMC_ADDRESS, 0, number))
    return known if known is not None and known.record.type == kind else None


def _memory_part(part: Part, said: Said, machine: Machine, data: bytes, known: Known | None) -> tuple[Part, str]:
    """The module that a memory event names; the sensor's own part where the sensor stands for one module."""
    if said.component is not Component.MEMORY or (known is not None and known.record.entity.id in _ONE_MODULE):
        return part, ""
    dimm = sel_dimm.from_bits(machine.vendor, machine.model, data)
    note = f" ({dimm.note})" if dimm.note else ""
    if not dimm.slot:
        return part if part.component is Component.MEMORY else Part(component=Component.MEMORY), note
    return Part(component=Component.MEMORY, slot=dimm.slot), note


_ONE_MODULE = (8, 32)
"""Entities "memory module" and "memory device" of a sensor that has an instance for each DIMM."""


def _data(kind: int, code: int, data: bytes, known: Known | None) -> str:
    """Event data 2 and 3 in words where their meaning is certain, else as bytes."""
    use_2, use_3 = data[0] >> 6, data[0] >> 4 & 3
    conversion = known.record.conversion if known is not None else None
    if code == THRESHOLD and conversion is not None and known is not None:
        said = []
        if use_2 == 1 and (value := conversion.value(data[1])) is not None:
            said.append(f"reading {value:g}")
        if use_3 == 1 and (value := conversion.value(data[2])) is not None:
            said.append(f"limit {value:g}")
        unit = f" {known.sensor.unit.value}" if said and known.sensor.unit.value else ""
        return f" ({', '.join(said)}{unit})" if said else ""
    words = sel_data.words(kind, code, data)
    if words:
        return f" ({words})"
    if use_2 or use_3:
        return f" (data 0x{data[1]:02x} 0x{data[2]:02x})"
    return ""
