"""Sensor data records from bytes (IPMI 2.0, section 43): full, compact, event-only, and the three locators.

Pure. `repository.py` reads the bytes, `plan.py` makes sensors of the records.
"""

from __future__ import annotations

from dataclasses import dataclass

from hardcase_agent.domain.errors import MalformedAnswer
from hardcase_agent.domain.ports import Controller
from hardcase_agent.sensors.ipmi.conversion import Conversion, RawFormat, measure, signed

HEADER = 5
FULL, COMPACT, EVENT_ONLY = 0x01, 0x02, 0x03
GENERIC_LOCATOR, FRU_LOCATOR, CONTROLLER_LOCATOR = 0x10, 0x11, 0x12
OEM = 0xC0
SAYS_NOTHING = (0x08, 0x09, 0x13, 0x14)
"""Entity associations, controller confirmation, message channels: well-formed, with nothing in them to watch."""
THRESHOLD = 0x01
"""Event/reading type of a sensor that is judged by thresholds."""


@dataclass(frozen=True, slots=True)
class Entity:
    """What a sensor belongs to (table 43-13)."""

    id: int
    instance: int

    def __str__(self) -> str:
        return f"{self.id}.{self.instance}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """Limits as the SDR states them, raw: for BMCs that do not tell their own."""

    readable: int
    """Mask: bit 0 lnc, 1 lc, 2 lnr, 3 unc, 4 uc, 5 unr."""
    values: bytes
    """Six raw bytes in the order of the mask."""
    rising: int
    falling: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorRecord:
    """One sensor; a compact record that is shared yields several."""

    owner: int
    lun: int
    number: int
    entity: Entity
    name: str
    type: int
    code: int
    """Event/reading type."""
    readable: bool = True
    """False: it only sends events."""
    conversion: Conversion | None = None
    defaults: Defaults | None = None
    asks_thresholds: bool = False
    asks_hysteresis: bool = False
    channel: int = 0
    """Of the BMC, on which its owner is."""

    @property
    def by_software(self) -> bool:
        """Its owner is the BIOS or an operating system (bit 0 of the owner): it writes events and has no reading."""
        return bool(self.owner & 0x01)

    @property
    def id(self) -> str:
        """Owner (hex), LUN, number, entity id.instance: what stays when a name changes."""
        return f"{self.owner:02x}.{self.lun}.{self.number}/{self.entity}"

    @property
    def controller(self) -> Controller:
        """Whom to ask for it, where that is not the BMC."""
        return Controller(self.channel, self.owner)


@dataclass(frozen=True, slots=True, kw_only=True)
class FruRecord:
    """A FRU device that is asked through the BMC by its id."""

    device: int
    entity: Entity
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerRecord:
    """A management controller and its address."""

    address: int
    entity: Entity
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRecord:
    """A device on a bus behind the BMC (an EEPROM, a sensor chip): an entity with a name, not asked itself."""

    address: int
    entity: Entity
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OemRecord:
    """A maker's own record, kept raw."""

    manufacturer: int
    """IANA enterprise number."""
    data: bytes


Record = SensorRecord | FruRecord | ControllerRecord | DeviceRecord | OemRecord


def parse_record(raw: bytes) -> tuple[Record, ...]:
    """What one record says; () for kinds that say nothing to us. Raises MalformedAnswer where it is cut short."""
    if len(raw) < HEADER or len(raw) < HEADER + raw[4]:
        raise MalformedAnswer(f"an SDR of {len(raw)} bytes is cut short: {raw[:8].hex()}")
    raw = raw[: HEADER + raw[4]]
    parser = _PARSERS.get(raw[3])
    if parser is None:
        return ()
    try:
        return parser(raw)
    except (IndexError, ValueError) as error:
        raise MalformedAnswer(f"an SDR of type 0x{raw[3]:02x} does not decode: {raw.hex()}") from error


def record_id(raw: bytes) -> int:
    return int.from_bytes(raw[:2], "little")


def _full(raw: bytes) -> tuple[Record, ...]:
    if len(raw) < 48:
        raise ValueError("full record below 48 bytes")
    conversion = Conversion(
        raw_format=RawFormat(raw[20] >> 6),
        linearisation=raw[23] & 0x7F,
        m=signed(raw[24] | (raw[25] & 0xC0) << 2, 10),
        b=signed(raw[26] | (raw[27] & 0xC0) << 2, 10),
        r_exp=signed(raw[29] >> 4, 4),
        b_exp=signed(raw[29] & 0x0F, 4),
        measure=measure(raw[20], raw[21], raw[22]),
    )
    threshold = raw[13] == THRESHOLD
    analogue = conversion.raw_format is not RawFormat.NONE
    unr, uc, unc, lnr, lc, lnc = raw[36:42]
    return (
        SensorRecord(
            owner=raw[5],
            lun=raw[6] & 0x03,
            channel=raw[6] >> 4,
            number=raw[7],
            entity=Entity(raw[8], raw[9]),
            type=raw[12],
            code=raw[13],
            name=_id_string(raw, 47),
            conversion=conversion if analogue else None,
            defaults=Defaults(
                readable=raw[18] & 0x3F,
                values=bytes((lnc, lc, lnr, unc, uc, unr)),
                rising=raw[42],
                falling=raw[43],
            )
            if threshold
            else None,
            # Capabilities: 01b readable, 10b readable and settable; 11b fixed in the record, 00b none.
            asks_thresholds=threshold and raw[11] >> 2 & 3 in (1, 2),
            asks_hysteresis=threshold and raw[11] >> 4 & 3 in (1, 2),
        ),
    )


def _shared(raw: bytes, sharing: int, name_at: int, *, readable: bool) -> tuple[Record, ...]:
    """A compact or event-only record stands for `share count` sensors with numbers in a row."""
    count = max(1, raw[sharing] & 0x0F)
    alphabetic = raw[sharing] >> 4 & 3 == 1
    offset = raw[sharing + 1] & 0x7F
    moves_instance = bool(raw[sharing + 1] & 0x80)
    name = _id_string(raw, name_at)
    at = 10 if readable else 8
    found = []
    for index in range(count):
        suffix = chr(ord("A") + (offset + index) % 26) if alphabetic else str(offset + index)
        found.append(
            SensorRecord(
                owner=raw[5],
                lun=raw[6] & 0x03,
                channel=raw[6] >> 4,
                number=raw[7] + index & 0xFF,
                entity=Entity(raw[8], raw[9] + (index if moves_instance else 0)),
                name=name + suffix if count > 1 else name,
                type=raw[at + 2],
                code=raw[at + 3],
                readable=readable,
            )
        )
    return tuple(found)


def _compact(raw: bytes) -> tuple[Record, ...]:
    return _shared(raw, 23, 31, readable=True)


def _event_only(raw: bytes) -> tuple[Record, ...]:
    return _shared(raw, 12, 16, readable=False)


def _fru_locator(raw: bytes) -> tuple[Record, ...]:
    logical = bool(raw[7] & 0x80)
    if not logical:
        # A bare EEPROM on an I2C bus: reached by Master Write-Read, which this agent never sends.
        return ()
    if raw[5] & 0xFE != 0x20:
        return ()
    return (FruRecord(device=raw[6], entity=Entity(raw[12], raw[13]), name=_id_string(raw, 15)),)


def _generic_locator(raw: bytes) -> tuple[Record, ...]:
    return (DeviceRecord(address=raw[5], entity=Entity(raw[12], raw[13]), name=_id_string(raw, 15)),)


def _oem(raw: bytes) -> tuple[Record, ...]:
    if len(raw) < HEADER + 3:
        raise ValueError("an OEM record without manufacturer")
    return (OemRecord(manufacturer=int.from_bytes(raw[5:8], "little") & 0xFFFFF, data=raw[8:]),)


def _controller_locator(raw: bytes) -> tuple[Record, ...]:
    return (ControllerRecord(address=raw[5], entity=Entity(raw[12], raw[13]), name=_id_string(raw, 15)),)


_PARSERS = {
    FULL: _full,
    COMPACT: _compact,
    EVENT_ONLY: _event_only,
    GENERIC_LOCATOR: _generic_locator,
    FRU_LOCATOR: _fru_locator,
    CONTROLLER_LOCATOR: _controller_locator,
    OEM: _oem,
}


# ---- strings (IPMI 2.0, 43.15; FRU storage definition, 13) -------------------------------------------------------

_BCD_PLUS = "0123456789 -.:,_"


def _id_string(raw: bytes, at: int) -> str:
    length = raw[at] & 0x1F
    return decode_text(raw[at] >> 6, raw[at + 1 : at + 1 + length])


def decode_text(encoding: int, data: bytes) -> str:
    """A typed string: 0 unspecified or Unicode, 1 BCD plus, 2 six-bit ASCII, 3 Latin-1. Blanks and nulls trimmed."""
    if encoding == 1:
        text = "".join(_BCD_PLUS[byte >> 4] + _BCD_PLUS[byte & 15] for byte in data)
    elif encoding == 2:
        text = six_bit(data)
    else:
        text = data.decode("latin-1")
    return "".join(char for char in text if char.isprintable()).strip()


def six_bit(data: bytes) -> str:
    """Packed six-bit ASCII, least significant bits first."""
    bits = int.from_bytes(data, "little")
    return "".join(chr(0x20 + (bits >> 6 * index & 0x3F)) for index in range(len(data) * 8 // 6))
