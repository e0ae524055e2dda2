"""Answers to readings, gaps, limits and chassis states."""

from __future__ import annotations

import pytest
from hardcase_agent.domain.errors import MalformedAnswer
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Limits, Number, States
from hardcase_agent.sensors.ipmi import readings
from hardcase_agent.sensors.ipmi.conversion import Conversion, RawFormat
from hardcase_agent.sensors.ipmi.records import Defaults
from hardcase_agent.sensors.ipmi.states import LIMIT_NAMES
from hypothesis import given
from hypothesis import strategies as st

CELSIUS = Conversion(raw_format=RawFormat.UNSIGNED)


def test_a_good_answer_is_a_number() -> None:
    assert readings.parse_number(bytes.fromhex("002dc00080"), CELSIUS) == Number(45.0)


def test_a_sensor_whose_scanning_is_off_gives_no_stale_value() -> None:
    gap = readings.parse_number(bytes.fromhex("002f000000"), CELSIUS)
    assert isinstance(gap, Gap)
    assert gap.reason is GapReason.DISABLED
    assert readings.comparison(bytes.fromhex("002f000000")) is None


def test_an_unavailable_reading_is_a_gap_and_not_zero() -> None:
    gap = readings.parse_number(bytes.fromhex("0000e0c000"), CELSIUS)
    assert isinstance(gap, Gap)
    assert gap.reason is GapReason.BUSY


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (0xC0, GapReason.BUSY),
        (0xC1, GapReason.UNSUPPORTED),
        (0xC3, GapReason.BUSY),
        (0xC6, GapReason.ERROR),
        (0xCA, GapReason.ERROR),
        (0xCE, GapReason.BUSY),
        (0xCF, GapReason.BUSY),
        (0xD1, GapReason.BUSY),
        (0xD3, GapReason.ABSENT),
        (0xCB, GapReason.ABSENT),
        (0xCD, GapReason.ABSENT),
        (0xD4, GapReason.DENIED),
        (0xD5, GapReason.DISABLED),
        (0xFF, GapReason.ERROR),
        (0x92, GapReason.ERROR),
    ],
)
def test_a_completion_code_becomes_the_reason_of_a_gap(code: int, reason: GapReason) -> None:
    for gap in (readings.parse_number(bytes((code,)), CELSIUS), readings.parse_states(bytes((code,)))):
        assert isinstance(gap, Gap)
        assert gap.reason is reason


def test_state_bits_come_low_byte_first_without_the_reserved_one() -> None:
    assert readings.parse_states(bytes.fromhex("0000c00980")) == States(0b1001)
    assert readings.parse_states(bytes.fromhex("0000c00003")) == States(0x300)
    assert readings.parse_states(bytes.fromhex("0000c001")) == States(1)


@given(answer=st.binary(max_size=12))
def test_any_answer_is_a_reading_or_a_gap(answer: bytes) -> None:
    assert isinstance(readings.parse_number(answer, CELSIUS), Number | Gap)
    assert isinstance(readings.parse_states(answer), States | Gap)
    assert isinstance(readings.parse_limit_states(answer), States | Gap)
    readings.comparison(answer)
    readings.thresholds(answer)
    readings.hysteresis(answer)


def test_only_readable_limits_count() -> None:
    told = readings.thresholds(bytes.fromhex("0018 00 00 00 55 5f 69".replace(" ", "")))
    assert told == (0b011000, bytes((0, 0, 0, 0x55, 0x5F, 0x69)))
    limits = readings.limits(CELSIUS, Defaults(readable=told[0], values=told[1], rising=2, falling=0))
    assert limits == Limits(upper_non_critical=85.0, upper_critical=95.0, hysteresis_rising=2.0, source="bmc")


def test_a_bmc_without_readable_limits_states_none() -> None:
    assert readings.limits(CELSIUS, Defaults(readable=0, values=bytes(6), rising=2, falling=2)) == Limits()


def test_comparison_bits_are_kept_without_the_reserved_ones() -> None:
    assert readings.comparison(bytes.fromhex("0062c0d8")) == 0b011000


@pytest.mark.parametrize(
    ("status", "states"),
    [
        ("01000000", {"on"}),
        ("00000000", set()),
        ("0f000000", {"on", "overload", "interlock", "fault"}),
        ("10000000", {"control_fault"}),
        ("61400000", {"on"}),
    ],
)
def test_chassis_status_names_its_bits(status: str, states: set[str]) -> None:
    bits = readings.parse_chassis(bytes.fromhex(status))
    assert {name for bit, name in enumerate(readings.CHASSIS_STATES) if bits >> bit & 1} == states


def test_a_chassis_status_cut_short_is_named() -> None:
    with pytest.raises(MalformedAnswer):
        readings.parse_chassis(b"\x01")


@pytest.mark.parametrize(
    ("kind", "stated", "left"),
    [
        (Kind.FAN, {"lower_critical": 0.0, "lower_non_critical": 0.0, "upper_critical": 10100.0}, {"upper_critical"}),
        (Kind.FAN, {"lower_critical": 0.0}, {"lower_critical"}),
        (Kind.FAN, {"lower_critical": 500.0, "upper_critical": 0.0}, {"lower_critical"}),
        (Kind.TEMPERATURE, {"upper_critical": 70.0, "upper_non_recoverable": 0.0}, {"upper_critical"}),
        (
            Kind.TEMPERATURE,
            {"lower_critical": 0.0, "lower_non_critical": 5.0},
            {"lower_critical", "lower_non_critical"},
        ),
        (Kind.TEMPERATURE, {"lower_critical": 5.0, "lower_non_critical": 0.0}, {"lower_critical"}),
        (
            Kind.TEMPERATURE,
            {"upper_non_critical": -5.0, "upper_critical": 0.0},
            {"upper_non_critical", "upper_critical"},
        ),
        (Kind.TEMPERATURE, {"upper_critical": 0.0}, {"upper_critical"}),
        (Kind.POWER, {"upper_non_critical": 0.0, "upper_critical": 0.0}, set()),
    ],
)
def test_zeros_of_limits_that_nobody_set_are_left_out(kind: Kind, stated: dict[str, float], left: set[str]) -> None:
    found = readings.believable(Limits(**stated, source="bmc"), kind)
    assert {name for name in LIMIT_NAMES if getattr(found, name) is not None} == left
    assert (found == Limits()) is not bool(left)
