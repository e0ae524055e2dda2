"""Raw sensor bytes to values: signs, M, B, exponents and linearisation of a full SDR (IPMI 2.0, 36.3 and 43.1).

Pure. `records.py` fills `Conversion`, `readings.py` uses it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum

from hardcase_agent.domain.reading import Kind, Unit


class RawFormat(IntEnum):
    """Bits 7:6 of sensor units 1."""

    UNSIGNED = 0
    ONES_COMPLEMENT = 1
    TWOS_COMPLEMENT = 2
    NONE = 3


NON_LINEAR = 0x70
"""From here on M and B differ per reading and must be asked for (Get Sensor Reading Factors)."""

_CURVES: dict[int, Callable[[float], float]] = {
    0x00: lambda x: x,
    0x01: math.log,
    0x02: math.log10,
    0x03: math.log2,
    0x04: math.exp,
    0x05: lambda x: 10.0**x,
    0x06: lambda x: 2.0**x,
    0x07: lambda x: 1.0 / x,
    0x08: lambda x: x * x,
    0x09: lambda x: x**3,
    0x0A: math.sqrt,
    0x0B: math.cbrt,
}


def signed(value: int, bits: int) -> int:
    """`value` of `bits` bits as two's complement."""
    return value - (1 << bits) if value & 1 << bits - 1 else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A unit code of IPMI in our units: value * factor + offset."""

    kind: Kind
    unit: Unit
    factor: float = 1.0
    offset: float = 0.0


def _count(unit: Unit = Unit.NONE, factor: float = 1.0) -> Measure:
    return Measure(kind=Kind.COUNT, unit=unit, factor=factor)


UNITS: dict[int, Measure] = {
    1: Measure(kind=Kind.TEMPERATURE, unit=Unit.CELSIUS),
    2: Measure(kind=Kind.TEMPERATURE, unit=Unit.CELSIUS, factor=5 / 9, offset=-160 / 9),
    3: Measure(kind=Kind.TEMPERATURE, unit=Unit.CELSIUS, offset=-273.15),
    4: Measure(kind=Kind.VOLTAGE, unit=Unit.VOLT),
    5: Measure(kind=Kind.CURRENT, unit=Unit.AMPERE),
    6: Measure(kind=Kind.POWER, unit=Unit.WATT),
    7: Measure(kind=Kind.ENERGY, unit=Unit.JOULE),
    8: _count(Unit.COULOMB),
    9: Measure(kind=Kind.POWER, unit=Unit.VOLT_AMPERE),
    11: _count(Unit.LUMEN),
    12: _count(Unit.LUX),
    13: _count(Unit.CANDELA),
    14: _count(Unit.PASCAL, 1000.0),
    15: _count(Unit.PASCAL, 6894.757293168),
    16: _count(Unit.NEWTON),
    17: _count(Unit.CUBIC_FEET_PER_MINUTE),
    18: Measure(kind=Kind.FAN, unit=Unit.RPM),
    19: Measure(kind=Kind.FREQUENCY, unit=Unit.HERTZ),
    20: Measure(kind=Kind.DURATION, unit=Unit.SECOND, factor=1e-6),
    21: Measure(kind=Kind.DURATION, unit=Unit.SECOND, factor=1e-3),
    22: Measure(kind=Kind.DURATION, unit=Unit.SECOND),
    23: Measure(kind=Kind.DURATION, unit=Unit.SECOND, factor=60.0),
    24: Measure(kind=Kind.DURATION, unit=Unit.SECOND, factor=3600.0),
    25: Measure(kind=Kind.DURATION, unit=Unit.SECOND, factor=86400.0),
    26: Measure(kind=Kind.DURATION, unit=Unit.SECOND, factor=604800.0),
    28: _count(Unit.METRE, 0.0254),
    29: _count(Unit.FOOT),
    32: _count(Unit.METRE, 0.001),
    33: _count(Unit.METRE, 0.01),
    34: _count(Unit.METRE),
    38: _count(Unit.LITRE),
    50: _count(Unit.DECIBEL),
    65: _count(Unit.GRAM),
    68: _count(Unit.BIT),
    69: _count(Unit.BIT, 1e3),
    70: _count(Unit.BIT, 1e6),
    71: _count(Unit.BIT, 1e9),
    72: _count(Unit.BYTE),
    73: _count(Unit.BYTE, 1e3),
    74: _count(Unit.BYTE, 1e6),
    75: _count(Unit.BYTE, 1e9),
}
"""Table 43-15. What is not here is a count without unit: it is shown, and judged only by the BMC's own limits."""

PLAIN = _count()
PERCENT = Measure(kind=Kind.PERCENTAGE, unit=Unit.PERCENT)
_WATT, _JOULE, _SECOND, _HOUR = 6, 7, 22, 24
_PER_SECOND, _MULTIPLIED = 3, 2


def measure(units_1: int, base_unit: int, modifier: int = 0) -> Measure:
    """The unit bytes of an SDR (43.1, bytes 21 to 23).

    Whole boards (Quanta, EMC) set the percent bit on volts, degrees and RPM whose values are plainly volts, degrees and
    RPM: a base unit outweighs it. Joules per second are watts, watts by the hour joules; any other rate or compound
    is a unit of its own and stays plain.
    """
    if units_1 & 0x01 and base_unit == 0:
        return PERCENT
    rate, joined = units_1 >> 3 & 7, units_1 >> 1 & 3
    if rate or joined:
        return _compound(base_unit, rate, joined, modifier)
    return UNITS.get(base_unit, PLAIN)


def _compound(base_unit: int, rate: int, joined: int, modifier: int) -> Measure:
    if base_unit == _JOULE and rate == _PER_SECOND and not joined:
        return UNITS[_WATT]
    if base_unit == _WATT and joined == _MULTIPLIED and not rate and modifier in (_SECOND, _HOUR):
        return Measure(kind=Kind.ENERGY, unit=Unit.JOULE, factor=UNITS[modifier].factor)
    return PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """How one sensor's raw byte becomes a value in `measure.unit`."""

    raw_format: RawFormat
    linearisation: int = 0
    m: int = 1
    b: int = 0
    b_exp: int = 0
    r_exp: int = 0
    measure: Measure = PLAIN

    @property
    def linear(self) -> bool:
        return self.linearisation in _CURVES

    def _integer(self, raw: int) -> int:
        if self.raw_format is RawFormat.TWOS_COMPLEMENT:
            return signed(raw, 8)
        if self.raw_format is RawFormat.ONES_COMPLEMENT:
            return raw - 255 if raw & 0x80 else raw
        return raw

    def with_factors(self, factors: bytes) -> Conversion | None:
        """A non-linear sensor's conversion for one raw reading, from Get Sensor Reading Factors (35.5); None where the
        answer (after its completion code) is cut short. The result is linear (36.2)."""
        if len(factors) < 7:
            return None
        _, m, m_tolerance, b, b_accuracy, _, exponents = factors[:7]
        return replace(
            self,
            linearisation=0,
            m=signed(m | (m_tolerance & 0xC0) << 2, 10),
            b=signed(b | (b_accuracy & 0xC0) << 2, 10),
            r_exp=signed(exponents >> 4, 4),
            b_exp=signed(exponents & 0x0F, 4),
        )

    def value(self, raw: int) -> float | None:
        """None where the curve has no value there (logarithm of 0, 1/0) or is not in the SDR."""
        curve = _CURVES.get(self.linearisation)
        if curve is None or self.raw_format is RawFormat.NONE:
            return None
        # Decimal exponents kept apart: 5 * 140 * 10^-3 must be 0.7 and not 0.7000000000000001.
        scaled = _decimal(self.m * self._integer(raw), self.b, self.b_exp, self.r_exp)
        try:
            value = curve(scaled)
        except (ValueError, ZeroDivisionError, OverflowError):
            return None
        return self._finite(value * self.measure.factor + self.measure.offset)

    def difference(self, raw: int) -> float | None:
        """A hysteresis: no offset, no sign; None where the sensor is not linear, and for 0 ("not stated")."""
        if self.linearisation != 0 or self.raw_format is RawFormat.NONE or raw == 0:
            return None
        return self._finite(abs(_decimal(self.m * raw, 0, 0, self.r_exp)) * self.measure.factor)

    @staticmethod
    def _finite(value: float) -> float | None:
        return value if math.isfinite(value) else None


def _decimal(product: int, b: int, b_exp: int, r_exp: int) -> float:
    """(product + b * 10^b_exp) * 10^r_exp with one rounding where the exponents allow."""
    if b_exp < 0:
        product, r_exp = product * 10**-b_exp, r_exp + b_exp
        total = product + b
    else:
        total = product + b * 10**b_exp
    return float(total * 10**r_exp) if r_exp >= 0 else total / 10**-r_exp
