"""Raw bytes to values."""

from __future__ import annotations

import math

import pytest
from hardcase_agent.domain.reading import Kind, Unit
from hardcase_agent.sensors.ipmi.conversion import PERCENT, PLAIN, Conversion, RawFormat, measure, signed
from hypothesis import given
from hypothesis import strategies as st

M = st.integers(-512, 511)
EXPONENT = st.integers(-8, 7)
RAW = st.integers(0, 255)


def linear(**fields: int) -> Conversion:
    return Conversion(raw_format=RawFormat.UNSIGNED, **fields)


@given(m=st.integers(1, 511), b=M, b_exp=EXPONENT, r_exp=EXPONENT)
def test_a_linear_sensor_with_positive_slope_rises_with_its_raw_byte(m: int, b: int, b_exp: int, r_exp: int) -> None:
    values = [linear(m=m, b=b, b_exp=b_exp, r_exp=r_exp).value(raw) for raw in range(256)]
    numbers = [value for value in values if value is not None]
    assert len(numbers) == 256
    # b * 10^7 may swallow the smallest steps of m, never turn them round.
    assert numbers == sorted(numbers)
    assert numbers[0] <= numbers[255]


@given(m=M, b=M, b_exp=EXPONENT, r_exp=EXPONENT, raw=RAW)
def test_the_formula_of_the_specification_holds(m: int, b: int, b_exp: int, r_exp: int, raw: int) -> None:
    value = linear(m=m, b=b, b_exp=b_exp, r_exp=r_exp).value(raw)
    assert value is not None
    assert math.isclose(value, (m * raw + b * 10.0**b_exp) * 10.0**r_exp, rel_tol=1e-9, abs_tol=1e-9)


@given(raw=RAW)
def test_signed_raw_bytes_keep_their_order_around_zero(raw: int) -> None:
    twos = Conversion(raw_format=RawFormat.TWOS_COMPLEMENT)
    ones = Conversion(raw_format=RawFormat.ONES_COMPLEMENT)
    assert twos.value(raw) == int.from_bytes(bytes((raw,)), "big", signed=True)
    assert ones.value(raw) == (raw if raw < 128 else -(255 - raw))


@given(value=st.integers(-512, 511))
def test_ten_bit_fields_are_twos_complement(value: int) -> None:
    assert signed(value & 0x3FF, 10) == value


@given(
    curve=st.integers(0, 0x7F), raw=RAW, m=M, b=M, b_exp=EXPONENT, r_exp=EXPONENT, form=st.sampled_from(list(RawFormat))
)
def test_no_raw_byte_of_any_sensor_makes_an_infinite_value_or_an_exception(
    curve: int, raw: int, m: int, b: int, b_exp: int, r_exp: int, form: RawFormat
) -> None:
    conversion = Conversion(raw_format=form, linearisation=curve, m=m, b=b, b_exp=b_exp, r_exp=r_exp)
    for value in (conversion.value(raw), conversion.difference(raw)):
        assert value is None or math.isfinite(value)


def test_decimal_exponents_do_not_smear_the_last_digit() -> None:
    assert linear(m=63, r_exp=-3).value(190) == 11.97
    assert linear(m=5, b=2, b_exp=2, r_exp=-3).value(140) == 0.9
    assert linear(m=1, b=5, b_exp=-1).value(3) == 3.5


@pytest.mark.parametrize(
    ("curve", "value"),
    [
        (1, math.log(8)),
        (2, math.log10(8)),
        (3, 3.0),
        (4, math.exp(8)),
        (5, 1e8),
        (6, 256.0),
        (10, math.sqrt(8)),
        (7, 0.125),
        (8, 64.0),
        (9, 512.0),
        (11, 2.0),
    ],
)
def test_curves_are_applied_after_the_linear_part(curve: int, value: float) -> None:
    assert Conversion(raw_format=RawFormat.UNSIGNED, linearisation=curve, m=2).value(4) == pytest.approx(value)


def test_where_a_curve_has_no_value_there_is_none() -> None:
    assert Conversion(raw_format=RawFormat.UNSIGNED, linearisation=1).value(0) is None
    assert Conversion(raw_format=RawFormat.UNSIGNED, linearisation=7).value(0) is None
    assert Conversion(raw_format=RawFormat.UNSIGNED, linearisation=0x70).value(5) is None


def test_fahrenheit_and_kelvin_become_celsius_and_a_hysteresis_only_scales() -> None:
    fahrenheit = Conversion(raw_format=RawFormat.UNSIGNED, measure=measure(0, 2))
    kelvin = Conversion(raw_format=RawFormat.UNSIGNED, m=2, measure=measure(0, 3))
    assert fahrenheit.value(212) == pytest.approx(100.0)
    assert fahrenheit.difference(18) == pytest.approx(10.0)
    assert kelvin.value(150) == pytest.approx(26.85)
    assert kelvin.difference(2) == pytest.approx(4.0)


def test_a_hysteresis_has_no_offset_and_zero_means_not_stated() -> None:
    assert linear(m=5, b=100, r_exp=-1).difference(2) == 1.0
    assert linear(m=5).difference(0) is None


def test_units_are_read_only_where_they_are_simple() -> None:
    assert (measure(0, 18).kind, measure(0, 18).unit) == (Kind.FAN, Unit.RPM)
    assert measure(0x01, 0) is PERCENT
    assert measure(0x01, 18).unit is Unit.RPM  # EMC's boards: "3600 % RPM".
    assert measure(0x18, 6) is PLAIN  # Watts per second.
    assert measure(0, 92) is PLAIN


def test_compound_units_that_are_a_unit_of_ours_are_read_and_others_stay_plain() -> None:
    assert (measure(0x18, 7).kind, measure(0x18, 7).unit) == (Kind.POWER, Unit.WATT)  # Joules per second.
    watt_hours = measure(0x04, 6, 24)
    assert (watt_hours.unit, watt_hours.factor) == (Unit.JOULE, 3600.0)
    assert measure(0x02, 6, 24) is PLAIN  # Watts divided by hours.


def test_a_non_linear_sensor_is_linear_with_the_factors_of_its_reading() -> None:
    stated = linear(m=1, linearisation=0x70)
    assert stated.value(10) is None
    # Next reading, M 5, tolerance, B 2, accuracy, accuracy exponent, exponents -1 and 0 (35.5).
    conversion = stated.with_factors(bytes((11, 5, 0, 2, 0, 0, 0xF0)))
    assert conversion is not None
    assert conversion.value(10) == 5.2
    assert stated.with_factors(b"\x0b\x05") is None
