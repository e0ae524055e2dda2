"""What a sensor is and what it said: sensors, limits, readings, gaps.

Sensor families build these, framing turns them into columns. Wire numbers are the codec's matter (`uplink/codec.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hardcase_agent.domain.part import Part


class Kind(StrEnum):
    """What is measured; decides class-default limits and how it is shown."""

    TEMPERATURE = "temperature"
    VOLTAGE = "voltage"
    CURRENT = "current"
    POWER = "power"
    ENERGY = "energy"
    FAN = "fan"
    HUMIDITY = "humidity"
    PERCENTAGE = "percentage"
    COUNT = "count"
    DURATION = "duration"
    FREQUENCY = "frequency"
    STATE = "state"


class Unit(StrEnum):
    """UCUM where it has one; RPM because everybody says so."""

    CELSIUS = "Cel"
    VOLT = "V"
    AMPERE = "A"
    WATT = "W"
    JOULE = "J"
    RPM = "RPM"
    PERCENT = "%"
    ONE = "1"
    SECOND = "s"
    HERTZ = "Hz"
    VOLT_AMPERE = "V.A"
    PASCAL = "Pa"
    NEWTON = "N"
    METRE = "m"
    FOOT = "[ft_i]"
    CUBIC_FEET_PER_MINUTE = "[cft_i]/min"
    GRAM = "g"
    LITRE = "L"
    COULOMB = "C"
    LUX = "lx"
    LUMEN = "lm"
    CANDELA = "cd"
    DECIBEL = "dB"
    BIT = "bit"
    BYTE = "By"
    NONE = ""


class GapReason(StrEnum):
    """Why there is no value. Names and order are those of `GapReason` on the wire."""

    ABSENT = "absent"
    ASLEEP = "asleep"
    HOST_OFF = "host_off"
    DISABLED = "disabled"
    BUSY = "busy"
    HUNG = "hung"
    ERROR = "error"
    DENIED = "denied"
    UNSUPPORTED = "unsupported"
    NOT_SWEPT = "not_swept"


LIMIT_NAMES = (
    "lower_non_recoverable",
    "lower_critical",
    "lower_non_critical",
    "upper_non_critical",
    "upper_critical",
    "upper_non_recoverable",
)
"""The limits of `Limits`, lowest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The device's own limits, in the sensor's unit; None = the device states none."""

    lower_non_recoverable: float | None = None
    lower_critical: float | None = None
    lower_non_critical: float | None = None
    upper_non_critical: float | None = None
    upper_critical: float | None = None
    upper_non_recoverable: float | None = None
    hysteresis_rising: float | None = None
    hysteresis_falling: float | None = None
    source: str = ""
    """Who states them: "bmc", "smart", "mib", "hwmon"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """One quantity of one part. `id` is stable within (asset, source); `name` is a label and may repeat."""

    id: str
    name: str
    kind: Kind
    unit: Unit = Unit.NONE
    part: Part = Part()
    limits: Limits = Limits()
    states: tuple[str, ...] = ()
    """Names of the state bits, bit 0 first, at most 32, "" for a bit without meaning. Non-empty: a state sensor."""
    quantity: str = ""
    """Meaning for the rules, e.g. "media.reallocated"; "" = judged by kind and limits alone."""
    host_powered: bool = False
    """True: while the chassis is off its value means nothing and is a gap HOST_OFF."""
    comparison: int | None = None
    """Comparison bits the device itself reported at first sight: bit 0 lnc, 1 lc, 2 lnr, 3 unc, 4 uc, 5 unr."""


@dataclass(frozen=True, slots=True)
class Number:
    """A value in the sensor's unit; finite."""

    value: float


@dataclass(frozen=True, slots=True)
class States:
    """Asserted state bits; bit i is `Sensor.states[i]`."""

    bits: int


@dataclass(frozen=True, slots=True)
class Gap:
    """No value, and why. `detail` is for doctor, probe and logs; it does not travel with frames."""

    reason: GapReason
    detail: str = ""


Reading = Number | States | Gap
