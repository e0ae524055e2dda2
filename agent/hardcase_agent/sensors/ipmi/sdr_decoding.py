"""The door of `ipmi-sdr` and `ipmi-emu`: sensor records, and readings where the file has them, through the live plan.

Called by `sensors/decoders.py`. The formats of files are in `emulator_file.py` and `sdr_file.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hardcase_agent.domain.capture import Capture, Decoded, Flaw, Listed, Recorded, Seen, Undecoded
from hardcase_agent.domain.errors import MalformedAnswer
from hardcase_agent.domain.part import Asset, Component, Part
from hardcase_agent.domain.reading import Gap, GapReason, Reading
from hardcase_agent.sensors.ipmi import emulator_file, sdr_file
from hardcase_agent.sensors.ipmi.fru import Fru, parse_fru
from hardcase_agent.sensors.ipmi.host_power import gated
from hardcase_agent.sensors.ipmi.identity import asset_of, bmc_part
from hardcase_agent.sensors.ipmi.image import Address, BmcImage, Told, stated
from hardcase_agent.sensors.ipmi.inventory import fru_parts
from hardcase_agent.sensors.ipmi.parts import component_of, slot_called
from hardcase_agent.sensors.ipmi.plan import BMC_OWNER, Plan, Planned, build_plan, is_analogue, sensor_records
from hardcase_agent.sensors.ipmi.presence import absent_entities, as_present
from hardcase_agent.sensors.ipmi.readings import LIMIT_BITS, SCANNING
from hardcase_agent.sensors.ipmi.records import (
    HEADER,
    SAYS_NOTHING,
    ControllerRecord,
    DeviceRecord,
    FruRecord,
    Record,
    SensorRecord,
    parse_record,
    record_id,
)
from hardcase_agent.sensors.ipmi.sdr_file import MOST_RECORDS
from hardcase_agent.sensors.ipmi.sel import parse_entry

EVENTS_ENABLED = 0x80
NO_READING = Gap(GapReason.NOT_SWEPT, "the capture holds no reading of this sensor")
EVENTS_ONLY = Gap(GapReason.UNSUPPORTED, "it only writes events")
STALE = Gap(GapReason.ERROR, "no reading: all its events are off, as of a sensor that is not available")
"""Such a file cannot say "reading unavailable". BMCs that answered so had switched the sensor's events off, and what
was left in the other bytes stands in the file as its value and states."""
RESERVED, RESERVED_STATE = 0x80C0, 0x8000
"""Bits that are returned as 1 and ignored (35.14): of a threshold sensor, and of a discrete one."""
BY_SOFTWARE = Gap(GapReason.UNSUPPORTED, "its owner is system software: it only writes events")


def decode(capture: Capture) -> Iterable[Decoded]:
    """Parts and readings of one BMC."""
    image = _read(capture)
    records = tuple(_records(image))
    if not records and not image.told:
        return _nothing(image)
    return gated(list(_decoded(image, records)))


def _read(capture: Capture) -> BmcImage:
    head = capture.data[:4096]
    if b"\0" not in head:
        text = capture.text
        if text.lstrip()[:1] in ("{", "["):
            image = sdr_file.parse_json(text)
            if image is not None:
                return image
        if emulator_file.looks_like(text):
            return emulator_file.parse(text)
        if sdr_file.looks_like_hex(text):
            return sdr_file.parse_hex(text)
    return sdr_file.parse_binary(capture.data)


def _nothing(image: BmcImage) -> Iterable[Decoded]:
    flaws = [flaw for flaw in image.flaws if flaw.flaw is not Flaw.MALFORMED]
    return (*flaws, Undecoded(flaw=Flaw.FOREIGN, message="no sensor record was recognised"))


def _records(image: BmcImage) -> Iterator[Record]:
    """What decodes; flaws are added for the rest."""
    if len(image.records) > MOST_RECORDS:
        message = f"{len(image.records)} records; the first {MOST_RECORDS} are read"
        image.flaws.append(Undecoded(flaw=Flaw.TOO_LARGE, message=message))
    for record in image.records[:MOST_RECORDS]:
        raw = record.raw
        at = f"record {record_id(raw):#06x}, {record.at}" if len(raw) >= HEADER else record.at
        try:
            found = parse_record(raw)
        except MalformedAnswer as error:
            short = len(raw) < HEADER or len(raw) < HEADER + raw[4]
            flaw = Flaw.TRUNCATED if short else Flaw.MALFORMED
            image.flaws.append(Undecoded(flaw=flaw, message=str(error)[:190], at=at))
            continue
        if not found and raw[3] not in (*SAYS_NOTHING, 0x11):
            message = f"a record of type 0x{raw[3]:02x}"
            image.flaws.append(Undecoded(flaw=Flaw.UNKNOWN, message=message, at=at))
        yield from found


def _decoded(image: BmcImage, records: tuple[Record, ...]) -> Iterator[Decoded]:
    frus = {device: _fru(device, raw, image) for device, raw in image.frus.items()}
    asset = _asset(image, frus.get(0, Fru()), records)
    for part in _parts(image, records, frus):
        yield Listed(asset=asset, source="ipmi.fru", part=part)
    sensors = sensor_records(records)
    addresses = {record.id: (record.owner, record.lun, record.number) for record in sensors}
    defaults = {record.id: record.defaults for record in sensors if record.defaults is not None}
    comparisons = _comparisons(image, [record for record in sensors if is_analogue(record)])
    plan = build_plan(records, stated(image, addresses, defaults), comparisons)
    told = [(planned, _reading(image, record, planned, addresses[record.id])) for record, planned in plan.every]
    absent = absent_entities(told)
    for planned, said in told:
        reading = as_present(planned, said, absent) if image.has_readings else said
        source = "ipmi.discrete" if planned.sensor.states else "ipmi.analogue"
        yield Seen(asset=asset, source=source, sensor=planned.sensor, reading=reading)
    yield from _events(image, asset, plan)
    yield from image.flaws


def _asset(image: BmcImage, fru: Fru, records: tuple[Record, ...]) -> Asset:
    if image.device is not None:
        return asset_of(image.device, fru, image.uuid, "")
    board, product = fru.board, fru.product
    return Asset(
        vendor=product.manufacturer or board.manufacturer,
        model=product.name or board.name,
        serial=product.serial or fru.chassis.serial,
        node=board.serial,
        uuid=image.uuid,
    )


def _fru(device: int, raw: bytes, image: BmcImage) -> Fru:
    if not raw or raw[0] in (0x00, 0xFF):
        # An EEPROM never written, or a device that had none to show.
        return Fru()
    try:
        return parse_fru(raw)
    except MalformedAnswer as error:
        image.flaws.append(Undecoded(flaw=Flaw.MALFORMED, message=f"FRU {device}: {error}"[:190], at=f"FRU {device}"))
        return Fru()


def _parts(image: BmcImage, records: tuple[Record, ...], frus: dict[int, Fru]) -> Iterator[Part]:
    """FRU devices with what their images say, by locator; then controllers and devices that have an address alone."""
    if image.device is not None:
        yield bmc_part(image.device)
    located = {record.device: record for record in records if isinstance(record, FruRecord)}
    for device, locator in located.items():
        found = fru_parts(locator, frus[device]) if device in frus else ()
        yield from found or (_place(locator),)
    for record in records:
        if isinstance(record, ControllerRecord) and (record.address != BMC_OWNER or image.device is None):
            slot = "1" if record.address == BMC_OWNER else f"{record.address:02x}h"
            yield Part(component=Component.BMC, slot=slot, model=record.name)
        elif isinstance(record, DeviceRecord):
            yield _place(record)


def _place(record: FruRecord | DeviceRecord) -> Part:
    return Part(
        component=component_of(record.entity), slot=slot_called(record.entity, record.name), paths=(record.name,)
    )


def _comparisons(image: BmcImage, sensors: list[SensorRecord]) -> dict[str, int | None]:
    """Comparison bits by sensor id, where the file has them: one written for a simulator alone leaves them to it."""
    answers = {record.id: image.told.get((record.owner, record.lun, record.number)) for record in sensors}
    if not image.captured and not any(told.bits for told in answers.values() if told is not None):
        return {}
    return {
        sensor: told.bits & LIMIT_BITS
        for sensor, told in answers.items()
        if told is not None and told.value is not None and told.scanning
    }


def _reading(image: BmcImage, record: SensorRecord, planned: Planned, address: Address) -> Reading:
    if record.by_software:
        return BY_SOFTWARE
    if not record.readable:
        return EVENTS_ONLY
    told = image.told.get(address)
    if not image.has_readings or told is None or told.value is None:
        return NO_READING
    if not told.events and (image.captured or told.bits & ~_defined(planned)):
        return STALE
    return planned.read(_answer(told))


def _defined(planned: Planned) -> int:
    """Bits of the two state bytes that such a sensor's good answer may have set (35.14)."""
    if not planned.sensor.states:
        return LIMIT_BITS | RESERVED
    return RESERVED_STATE | sum(1 << bit for bit, name in enumerate(planned.sensor.states) if name)


def _answer(told: Told) -> bytes:
    """As Get Sensor Reading would answer (35.14). The bit "reading unavailable" has no word in such a file."""
    flags = SCANNING * told.scanning | EVENTS_ENABLED * told.events
    return bytes((0, told.value or 0, flags, told.bits & 0xFF, told.bits >> 8))


def _events(image: BmcImage, asset: Asset, plan: Plan) -> Iterator[Decoded]:
    for number, raw in enumerate(image.events, 1):
        try:
            yield Recorded(asset=asset, source="ipmi.sel", event=parse_entry(raw, 0, plan.directory))
        except MalformedAnswer as error:
            yield Undecoded(flaw=Flaw.MALFORMED, message=str(error)[:190], at=f"SEL entry {number}")
