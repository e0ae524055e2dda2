"""Answers of Get Sensor Reading, Thresholds, Hysteresis and Chassis Status from bytes (IPMI 2.0, 35.14, 35.9, 28.2).

Pure. `plan.py` binds them to sensors, `sweeping.py` feeds them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hardcase_agent.domain.errors import MalformedAnswer
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Limits, Number, Reading, States
from hardcase_agent.sensors.ipmi.commands import completion
from hardcase_agent.sensors.ipmi.conversion import Conversion, Measure
from hardcase_agent.sensors.ipmi.records import Defaults
from hardcase_agent.sensors.ipmi.states import LIMIT_NAMES

SCANNING = 0x40
UNAVAILABLE = 0x20
STATE_BITS = 0x7FFF
LIMIT_BITS = 0x3F

CHASSIS_STATES = ("on", "fault", "control_fault", "interlock", "overload")


def _refused(answer: bytes) -> Gap | None:
    """The gap of an answer that has no value, whatever the sensor."""
    if not answer:
        return Gap(GapReason.ERROR, "an answer without completion code")
    if answer[0] != 0:
        meaning = completion(answer[0])
        return Gap(meaning.reason, meaning.words)
    if len(answer) < 3:
        return Gap(GapReason.ERROR, f"a reading cut short: {answer.hex()}")
    if not answer[2] & SCANNING:
        return Gap(GapReason.DISABLED, "scanning disabled")
    if answer[2] & UNAVAILABLE:
        return Gap(GapReason.BUSY, "reading unavailable")
    return None


def is_reading(answer: bytes) -> bool:
    """A good answer with a raw reading in it."""
    return _refused(answer) is None


_NO_TEMPERATURES = (127.0, 255.0, -128.0)
"""Raw 7Fh, FFh and 80h: what firmware writes for "not measured" and forgets to mark as such."""


def number_of(value: float, measure: Measure, *, passed: int) -> Reading:
    """A measured value. `passed`: the limits that the device says it passes, as comparison bits. A temperature that is
    a mark for none, and that no limit of the device's minds, is a gap."""
    if measure.kind is Kind.TEMPERATURE and not passed and value in _NO_TEMPERATURES:
        return Gap(GapReason.ERROR, f"{value:g} Cel stands for no reading")
    return Number(value)


def parse_number(answer: bytes, conversion: Conversion) -> Reading:
    """A threshold sensor's answer, completion code first."""
    gap = _refused(answer)
    if gap is not None:
        return gap
    value = conversion.value(answer[1])
    if value is None:
        if not conversion.linear:
            return Gap(GapReason.UNSUPPORTED, f"linearisation 0x{conversion.linearisation:02x}")
        return Gap(GapReason.ERROR, f"raw 0x{answer[1]:02x} has no value on this sensor's curve")
    return number_of(value, conversion.measure, passed=(comparison(answer) or 0) & LIMIT_BITS)


def parse_states(answer: bytes) -> Reading:
    """A discrete sensor's answer: state bits, low byte first."""
    gap = _refused(answer)
    if gap is not None:
        return gap
    if len(answer) < 4:
        # By the book the state bytes may be left out only of sensors that have none.
        return Gap(GapReason.ERROR, f"no state bytes: {answer.hex()}")
    return States(int.from_bytes(answer[3:5], "little") & STATE_BITS)


def parse_limit_states(answer: bytes) -> Reading:
    """A threshold sensor without analogue reading: its comparison bits are its states."""
    reading = parse_states(answer)
    return States(reading.bits & LIMIT_BITS) if isinstance(reading, States) else reading


def comparison(answer: bytes) -> int | None:
    """The comparison bits of a threshold sensor's good answer; None where it gives no value or no bits."""
    if _refused(answer) is not None or len(answer) < 4:
        return None
    return answer[3] & LIMIT_BITS


def thresholds(answer: bytes) -> tuple[int, bytes] | None:
    """Readable mask and six raw bytes (lnc, lc, lnr, unc, uc, unr); None where the BMC does not tell."""
    if len(answer) < 8 or answer[0] != 0:
        return None
    return answer[1] & LIMIT_BITS, bytes(answer[2:8])


def hysteresis(answer: bytes) -> tuple[int, int] | None:
    """Rising and falling hysteresis, raw; None where the BMC does not tell."""
    if len(answer) < 3 or answer[0] != 0:
        return None
    return answer[1], answer[2]


def limits(conversion: Conversion, stated: Defaults) -> Limits:
    """Raw limits in the sensor's unit; empty where the BMC states none."""
    values: dict[str, float | None] = {}
    for bit, name in enumerate(LIMIT_NAMES):
        if stated.readable >> bit & 1:
            values[name] = conversion.value(stated.values[bit])
    if not any(value is not None for value in values.values()):
        return Limits()
    found = Limits(
        **values,
        hysteresis_rising=conversion.difference(stated.rising),
        hysteresis_falling=conversion.difference(stated.falling),
        source="bmc",
    )
    return believable(found, conversion.measure.kind)


_NEVER_BELOW_ZERO = (Kind.FAN, Kind.POWER, Kind.ENERGY, Kind.HUMIDITY)
_LOWER, _UPPER = LIMIT_NAMES[:3], LIMIT_NAMES[3:]
"""Mildest first."""


def believable(limits: Limits, kind: Kind) -> Limits:
    """Without the zeros of limits that nobody set: all of one side (OpenBMC's fans), those on the wrong side of a
    stated one (HPE: upper critical 70, non-recoverable 0), upper ones of what is never negative (Quanta's fans).
    A single lower limit of 0 is honest."""
    unset = [*_unset(limits, _LOWER, kind, upper=False), *_unset(limits, _UPPER, kind, upper=True)]
    if not unset:
        return limits
    nothing: dict[str, Any] = dict.fromkeys(unset)
    left = replace(limits, **nothing)
    return left if any(getattr(left, name) is not None for name in LIMIT_NAMES) else Limits()


def _unset(limits: Limits, side: tuple[str, ...], kind: Kind, *, upper: bool) -> list[str]:
    stated = [(name, value) for name in side if (value := getattr(limits, name)) is not None]
    zeros = [name for name, value in stated if value == 0]
    positive = [place for place, (_, value) in enumerate(stated) if value > 0]
    if not zeros:
        return []
    if len(zeros) == len(stated):
        return zeros if len(stated) > 1 or (upper and kind in _NEVER_BELOW_ZERO) else []
    if not positive:
        return []
    # Upper limits rise with their severity, lower ones fall: a zero worse (or milder) than a positive one is none.
    wrong = range(positive[0] + 1, len(stated)) if upper else range(positive[-1])
    return [stated[place][0] for place in wrong if stated[place][1] == 0]


def parse_chassis(data: bytes) -> int:
    """Get Chassis Status as bits of CHASSIS_STATES. Raises MalformedAnswer."""
    if len(data) < 2:
        raise MalformedAnswer(f"a chassis status cut short: {data.hex()}")
    on, overload, interlock, fault, control_fault = (data[0] >> bit & 1 for bit in range(5))
    return on | fault << 1 | control_fault << 2 | interlock << 3 | overload << 4
