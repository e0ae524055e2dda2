"""SEL info and entries."""

from __future__ import annotations

import pytest
from hardcase_agent.domain.errors import MalformedAnswer
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.ipmi.plan import build_plan
from hardcase_agent.sensors.ipmi.records import parse_record
from hardcase_agent.sensors.ipmi.sel import Directory, parse_entry, parse_sel_info, split_entry
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.bmc import FakeBmc


@pytest.fixture(scope="module")
def directory() -> Directory:
    records = [found for raw in FakeBmc().records for found in parse_record(raw)]
    return build_plan(records, {}, {}).directory


def entry(text: str) -> bytes:
    return bytes.fromhex(text.replace(" ", ""))


def test_a_threshold_event_names_limit_part_reading_and_sensor(directory: Directory) -> None:
    event = parse_entry(entry("0200 02 e1f5 6165 2000 04 01 01 01 59 61 5f"), 9, directory)
    assert (event.code, event.asserted, event.sensor) == ("temperature.upper_critical", True, "20.0.1/3.1")
    assert event.part == Part(component=Component.CPU, slot="CPU1")
    assert event.text == "CPU 1 Temp: upper critical (reading 97, limit 95 Cel)"
    assert (event.record_id, event.erase_stamp, event.device_ms) == (2, 9, 0x6561F5E1 * 1000)


def test_a_threshold_passed_back_is_not_asserted_by_either_way_of_saying_it(directory: Directory) -> None:
    deasserted = parse_entry(entry("0300 02 e1f56165 2000 04 01 01 81 59 50 5f"), 0, directory)
    going_low = parse_entry(entry("0400 02 e1f56165 2000 04 01 01 01 58 50 5f"), 0, directory)
    assert (deasserted.code, deasserted.asserted) == ("temperature.upper_critical", False)
    assert (going_low.code, going_low.asserted) == ("temperature.upper_critical", False)


def test_a_lost_input_and_its_return_have_one_code(directory: Directory) -> None:
    lost = parse_entry(entry("0500 02 e1f56165 2000 04 08 30 6f 03 ff ff"), 0, directory)
    back = parse_entry(entry("0600 02 e1f56165 2000 04 08 30 ef 03 ff ff"), 0, directory)
    assert (lost.code, lost.asserted, lost.part.slot) == ("psu.input_lost", True, "PSU1")
    assert (back.code, back.asserted) == ("psu.input_lost", False)


def test_an_event_of_an_unknown_sensor_still_says_what_happened(directory: Directory) -> None:
    event = parse_entry(entry("0700 02 e1f56165 4100 04 0c 77 6f a1 ff 01"), 0, directory)
    assert (event.code, event.part.component, event.sensor) == ("memory.uncorrectable_ecc", Component.MEMORY, "")
    assert "sensor 0x77" in event.text


def test_an_event_that_the_bios_signs_is_of_the_sensor_of_its_number_and_type(directory: Directory) -> None:
    by_bios = parse_entry(entry("0500 02 e1f56165 3300 04 08 30 6f 03 ff ff"), 0, directory)
    other_type = parse_entry(entry("0500 02 e1f56165 3300 04 0c 30 6f 01 ff ff"), 0, directory)
    assert (by_bios.part.slot, by_bios.sensor != "") == ("PSU1", True)
    assert (other_type.part.slot, other_type.sensor) == ("#0x30", "")


def test_disabled_logging_of_corrected_errors_is_of_a_module_that_is_not_told(directory: Directory) -> None:
    event = parse_entry(entry("0500 02 e1f56165 2000 04 10 07 6f 00 ff ff"), 0, directory)
    assert (event.code, event.part.component) == ("memory.logging_disabled", Component.MEMORY)


def test_standard_entries_of_old_ilos_have_record_type_zero(directory: Directory) -> None:
    event = parse_entry(entry("0000 00 62d4da60 4100 04 0c 2b 6f 05 ff ff"), 0, directory)
    assert (event.code, event.part.component) == ("memory.correctable_ecc_logging_limit", Component.MEMORY)


def test_a_cleared_log_says_so(directory: Directory) -> None:
    event = parse_entry(entry("0100 02 e1f56165 2000 04 10 07 6f 42 ff ff"), 0, directory)
    assert event.code == "sel.cleared"


def test_other_types_carry_the_component_they_speak_of(directory: Directory) -> None:
    watchdog = parse_entry(entry("0100 02 e1f56165 2000 04 23 00 6f 01 ff ff"), 0, directory)
    assert watchdog.code == "host.watchdog_hard_reset"
    redundancy = parse_entry(entry("0100 02 e1f56165 2000 04 09 32 0b 01 ff ff"), 0, directory)
    assert redundancy.code == "power.redundancy_lost"


def test_a_time_before_the_clock_was_set_is_no_time(directory: Directory) -> None:
    assert parse_entry(entry("0100 02 5a0c0000 2000 04 08 30 6f 03 ff ff"), 0, directory).device_ms == 0
    assert parse_entry(entry("0100 02 ffffffff 2000 04 08 30 6f 03 ff ff"), 0, directory).device_ms == 0


def test_oem_records_travel_with_their_bytes(directory: Directory) -> None:
    timed = parse_entry(entry("0100 c1 e1f56165 a20200 010203040506"), 0, directory)
    assert (timed.code, timed.device_ms) == ("", 0x6561F5E1 * 1000)
    assert "manufacturer 674" in timed.text
    plain = parse_entry(entry("0100 e1 0102030405060708090a0b0c0d"), 0, directory)
    assert (plain.device_ms, plain.raw[3]) == (0, 1)


@given(raw=st.binary(min_size=16, max_size=16))
def test_any_sixteen_bytes_are_an_event(raw: bytes) -> None:
    event = parse_entry(raw, 0, {})
    assert event.raw == raw


@given(raw=st.binary(min_size=16, max_size=16))
def test_any_event_of_a_known_sensor_decodes(raw: bytes) -> None:
    known = build_plan([found for record in FakeBmc().records for found in parse_record(record)], {}, {}).directory
    parse_entry(raw[:2] + b"\x02" + raw[3:7] + b"\x20\x00" + raw[9:], 0, known)


def test_sel_info_tells_use_stamps_and_overflow() -> None:
    info = parse_sel_info(entry("51 0a00 6000 01000000 02000000 82"))
    assert (info.entries, info.free, info.added, info.erased, info.overflow) == (10, 96, 1, 2, True)
    assert info.used_percent == 62.5


def test_cut_answers_are_named() -> None:
    for call in (lambda: parse_sel_info(b"\x51\x00"), lambda: split_entry(b"\xff\xff\x01"),
                 lambda: parse_entry(b"\x01", 0, {})):  # fmt: skip
        with pytest.raises(MalformedAnswer):
            call()
