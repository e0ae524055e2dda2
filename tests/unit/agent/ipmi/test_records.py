"""Sensor data records: own bytes, python-ipmi's vectors, captured repositories of real servers."""

from __future__ import annotations

import json
from pathlib import Path

from hardcase_agent.domain.errors import MalformedAnswer
from hardcase_agent.domain.reading import Unit
from hardcase_agent.sensors.ipmi.conversion import RawFormat
from hardcase_agent.sensors.ipmi.records import (
    ControllerRecord,
    Entity,
    FruRecord,
    Record,
    SensorRecord,
    decode_text,
    parse_record,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.peers.ipmi_sim import demo


def only(raw: bytes) -> Record:
    (record,) = parse_record(raw)
    return record


def sensor(raw: bytes) -> SensorRecord:
    record = only(raw)
    assert isinstance(record, SensorRecord)
    return record


def test_a_full_record_gives_identity_conversion_and_limits() -> None:
    record = sensor(demo.full_sdr(next(s for s in demo.server_sensors() if s.name == "Vcore 1")))
    assert record.id == "20.0.35/7.1"
    assert record.conversion is not None
    assert (record.conversion.m, record.conversion.b, record.conversion.b_exp, record.conversion.r_exp) == (5, 2, 2, -3)
    assert record.conversion.measure.unit is Unit.VOLT
    assert record.defaults is not None
    assert record.defaults.readable == 0b011011
    assert record.defaults.values == bytes((90, 80, 0, 190, 200, 0))
    assert (record.asks_thresholds, record.asks_hysteresis) == (True, True)


@given(m=st.integers(-512, 511), b=st.integers(-512, 511), r_exp=st.integers(-8, 7), b_exp=st.integers(-8, 7))
def test_every_m_b_and_exponent_survives_its_packing(m: int, b: int, r_exp: int, b_exp: int) -> None:
    made = demo.Analogue(number=1, name="x", type=1, unit=1, entity=3, m=m, b=b, r_exp=r_exp, b_exp=b_exp)
    conversion = sensor(demo.full_sdr(made)).conversion
    assert conversion is not None
    assert (conversion.m, conversion.b, conversion.r_exp, conversion.b_exp) == (m, b, r_exp, b_exp)


def test_a_python_ipmi_vector_of_a_voltage_sensor_decodes() -> None:
    record = sensor(
        bytes.fromhex(
            "1700510135170051013517005101353285321b1b000400003b01000100d007ccf4a6ff0000fef5008ea50404000000"
            "ca41323a56636320313256"
        )
    )
    assert record.name == "A2:Vcc 12V"


def test_a_fru_and_a_controller_locator_name_their_entity() -> None:
    assert only(bytes.fromhex("070051110e200180000009020a0100c3505331")) == FruRecord(
        device=1, entity=Entity(10, 1), name="PS1"
    )
    controller = only(bytes.fromhex("0300511211200000df000000070100c6694452414338"))
    assert controller == ControllerRecord(address=0x20, entity=Entity(7, 1), name="iDRAC8")


def test_a_fru_behind_a_bare_bus_is_left_alone() -> None:
    assert parse_record(bytes.fromhex("050051110f00b00000000000030100c443505531")) == ()


def test_a_shared_compact_record_stands_for_several_sensors() -> None:
    raw = bytearray(demo.compact_sdr(demo.Discrete(number=0x50, name="Fan ", type=4, entity=29, code=8, bits=(0, 1))))
    raw[23], raw[24] = 0x03, 0x80 | 1
    names = [(r.name, r.number, r.entity.instance) for r in parse_record(bytes(raw)) if isinstance(r, SensorRecord)]
    assert names == [("Fan1", 0x50, 1), ("Fan2", 0x51, 2), ("Fan3", 0x52, 3)]
    raw[23], raw[24] = 0x12, 0
    letters = [(r.name, r.entity.instance) for r in parse_record(bytes(raw)) if isinstance(r, SensorRecord)]
    assert letters == [("FanA", 1), ("FanB", 1)]


def test_an_event_only_record_is_known_by_name_and_never_asked() -> None:
    body = bytes((0x20, 0, 7, 7, 1, 0x23, 0x6F, 1, 0, 0, 0, 0xC8)) + b"Watchdog"
    record = sensor(bytes((1, 0, 0x51, 3, len(body))) + body)
    assert (record.name, record.type, record.code, record.readable) == ("Watchdog", 0x23, 0x6F, False)


def test_a_full_record_without_analogue_reading_is_a_state_sensor() -> None:
    raw = bytearray(demo.full_sdr(demo.server_sensors()[0]))
    raw[20] |= 0xC0
    assert sensor(bytes(raw)).conversion is None


def test_typed_strings_decode_in_all_four_ways() -> None:
    assert decode_text(3, b"PSU 1 \x00") == "PSU 1"
    assert decode_text(2, bytes.fromhex("29dca6")) == "IPMI"
    assert decode_text(1, b"\x12\x3a") == "123"
    assert decode_text(0, b"\x01\x02") == ""


@given(raw=st.binary(max_size=80))
def test_no_bytes_do_worse_than_a_named_error(raw: bytes) -> None:
    try:
        parse_record(raw)
    except MalformedAnswer:
        return


@given(cut=st.integers(0, 60), kind=st.sampled_from((1, 2, 3, 0x10, 0x11, 0x12)), noise=st.binary(max_size=60))
def test_a_record_with_a_true_header_and_a_short_body_is_a_named_error_or_a_record(
    cut: int, kind: int, noise: bytes
) -> None:
    body = noise[:cut]
    try:
        parse_record(bytes((0, 0, 0x51, kind, len(body))) + body)
    except MalformedAnswer:
        return


def test_captured_repositories_decode_without_a_remainder(captures: Path) -> None:
    for file in sorted((captures / "ipmi" / "emu").glob("*.sdr_fru.json")):
        content = json.loads(file.read_text())
        for record in content["sdr_records"]:
            parse_record(bytes.fromhex(record["hex"]))


def test_a_captured_dell_fan_turns_at_its_captured_speed(captures: Path) -> None:
    content = json.loads((captures / "ipmi" / "emu" / "dell_r630.sdr_fru.json").read_text())
    records = [found for record in content["sdr_records"] for found in parse_record(bytes.fromhex(record["hex"]))]
    fan = next(record for record in records if isinstance(record, SensorRecord) and record.name == "Fan1A")
    assert fan.conversion is not None
    assert fan.conversion.raw_format is RawFormat.UNSIGNED
    assert fan.conversion.value(0x30) == 48 * 120


def test_python_ipmi_sensor_names_agree(captures: Path) -> None:
    vectors = json.loads((captures / "ipmi" / "bytes" / "python_ipmi_vectors.json").read_text())
    compared = 0
    for vector in vectors:
        if not vector["test"].startswith("tests/test_sdr.py"):
            continue
        expected = dict(vector["expected"]).get("sdr.device_id_string")
        if expected is None:
            continue
        try:
            found = parse_record(bytes.fromhex(vector["bytes_hex"][0]))
        except MalformedAnswer:
            continue
        if found and isinstance(found[0], SensorRecord | FruRecord):
            assert found[0].name == expected.strip("'").strip()
            compared += 1
    assert compared >= 1
