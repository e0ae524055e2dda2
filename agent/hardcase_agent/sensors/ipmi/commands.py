"""IPMI commands this family sends, and what completion codes mean (IPMI 2.0, tables 5-2 and G-1).

The sources build their requests from these; the helper's allow-list names the same commands.
"""

from __future__ import annotations

from dataclasses import dataclass

from hardcase_agent.domain.errors import AgentError, DeviceBusy, DeviceFailed, MalformedAnswer, Unsupported
from hardcase_agent.domain.ports import IpmiRequest
from hardcase_agent.domain.reading import GapReason

CHASSIS, SENSOR, APP, STORAGE = 0x00, 0x04, 0x06, 0x0A

GET_CHASSIS_STATUS = IpmiRequest(CHASSIS, 0x01)
GET_DEVICE_ID = IpmiRequest(APP, 0x01)
GET_SYSTEM_GUID = IpmiRequest(APP, 0x37)
GET_SDR_REPOSITORY_INFO = IpmiRequest(STORAGE, 0x20)
GET_DEVICE_SDR_INFO = IpmiRequest(SENSOR, 0x20)
GET_SEL_INFO = IpmiRequest(STORAGE, 0x40)
GET_SEL_TIME = IpmiRequest(STORAGE, 0x48)

FIRST, LAST = 0x0000, 0xFFFF
"""Record ids: where a walk begins, and "no more"."""
WHOLE = 0xFF
"""Bytes to read: the whole record."""


@dataclass(frozen=True, slots=True)
class SdrStore:
    """Where a BMC keeps its sensor records: by two pairs of commands that are otherwise the same (33.12, 35.3)."""

    netfn: int
    get: int
    reserve_command: int

    @property
    def reserve(self) -> IpmiRequest:
        return IpmiRequest(self.netfn, self.reserve_command)

    def read(self, record_id: int, reservation: int = 0, offset: int = 0, count: int = WHOLE) -> IpmiRequest:
        data = reservation.to_bytes(2, "little") + record_id.to_bytes(2, "little") + bytes((offset, count))
        return IpmiRequest(self.netfn, self.get, data)


REPOSITORY = SdrStore(STORAGE, 0x23, 0x22)
DEVICE = SdrStore(SENSOR, 0x21, 0x22)
"""For a BMC without a repository, which serves the records of its own sensors."""


def get_sel_entry(record_id: int) -> IpmiRequest:
    return IpmiRequest(STORAGE, 0x43, b"\0\0" + record_id.to_bytes(2, "little") + bytes((0, WHOLE)))


def get_sensor_reading(number: int, lun: int) -> IpmiRequest:
    return IpmiRequest(SENSOR, 0x2D, bytes((number,)), lun)


def get_sensor_factors(number: int, raw: int, lun: int) -> IpmiRequest:
    """Get Sensor Reading Factors (35.5): M, B and exponents at this raw reading of a non-linear sensor."""
    return IpmiRequest(SENSOR, 0x23, bytes((number, raw)), lun)


def get_sensor_thresholds(number: int, lun: int) -> IpmiRequest:
    return IpmiRequest(SENSOR, 0x27, bytes((number,)), lun)


def get_sensor_hysteresis(number: int, lun: int) -> IpmiRequest:
    return IpmiRequest(SENSOR, 0x25, bytes((number, 0xFF)), lun)


def get_fru_area_info(device: int) -> IpmiRequest:
    return IpmiRequest(STORAGE, 0x10, bytes((device,)))


def read_fru(device: int, offset: int, count: int) -> IpmiRequest:
    return IpmiRequest(STORAGE, 0x11, bytes((device,)) + offset.to_bytes(2, "little") + bytes((count,)))


class Refused(DeviceFailed):
    """The BMC works and said no to this one request."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What a completion code other than 0 says about one request."""

    reason: GapReason
    words: str
    retry: bool = False
    """Worth asking again within this sweep."""


RESERVATION_LOST = 0xC5
TOO_LONG = (0xC7, 0xC8, 0xCA, 0xFF)
"""Codes by which BMCs say that an answer does not fit: by the book 0xCA; others are seen."""
NOT_PRESENT = 0xCB
NO_RIGHT = 0xD4

_CODES: dict[int, Completion] = {
    0xC0: Completion(GapReason.BUSY, "node busy", retry=True),
    0xC1: Completion(GapReason.UNSUPPORTED, "unknown command"),
    0xC2: Completion(GapReason.UNSUPPORTED, "command unknown on this LUN"),
    0xC3: Completion(GapReason.BUSY, "timeout inside the BMC", retry=True),
    0xC4: Completion(GapReason.ERROR, "BMC out of space"),
    RESERVATION_LOST: Completion(GapReason.ERROR, "reservation lost"),
    0xC6: Completion(GapReason.ERROR, "request cut short on the way", retry=True),
    0xC7: Completion(GapReason.ERROR, "request of a wrong length"),
    0xC8: Completion(GapReason.ERROR, "request too long"),
    0xC9: Completion(GapReason.ERROR, "parameter out of range"),
    0xCA: Completion(GapReason.ERROR, "answer too long for the BMC"),
    NOT_PRESENT: Completion(GapReason.ABSENT, "sensor, data or record not present"),
    0xCC: Completion(GapReason.UNSUPPORTED, "invalid field in the request"),
    0xCD: Completion(GapReason.ABSENT, "not for this sensor"),
    0xCE: Completion(GapReason.BUSY, "answer could not be provided", retry=True),
    0xCF: Completion(GapReason.BUSY, "taken for a repeated request", retry=True),
    0xD0: Completion(GapReason.BUSY, "SDR repository is being updated"),
    0xD1: Completion(GapReason.BUSY, "BMC firmware is being updated"),
    0xD2: Completion(GapReason.BUSY, "BMC is initialising"),
    0xD3: Completion(GapReason.ABSENT, "destination unavailable"),
    NO_RIGHT: Completion(GapReason.DENIED, "privilege too low"),
    0xD5: Completion(GapReason.DISABLED, "not possible in the present state"),
    0xD6: Completion(GapReason.DISABLED, "disabled"),
    0xFF: Completion(GapReason.ERROR, "unspecified error", retry=True),
}


def completion(code: int) -> Completion:
    """What a completion code other than 0 means; an unlisted one is an error with its number."""
    return _CODES.get(code) or Completion(GapReason.ERROR, f"completion code 0x{code:02x}")


def payload(answer: bytes, what: str) -> bytes:
    """The data of a good answer.

    Raises DeviceBusy, Unsupported or Refused for another completion code, MalformedAnswer for an empty answer.
    """
    if not answer:
        raise MalformedAnswer(f"{what}: an answer without completion code")
    if answer[0] == 0:
        return answer[1:]
    raise refusal(answer[0], what)


def refusal(code: int, what: str) -> AgentError:
    """The error for a completion code other than 0."""
    meaning = completion(code)
    text = f"{what}: {meaning.words} (0x{code:02x})"
    if meaning.reason is GapReason.BUSY:
        return DeviceBusy(text)
    if meaning.reason is GapReason.UNSUPPORTED:
        return Unsupported(text)
    return Refused(text)
