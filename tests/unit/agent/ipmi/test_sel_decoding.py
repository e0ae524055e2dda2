"""Event logs as people hold them: raw, in the columns of every tool, damaged, in other scripts and orders."""

from __future__ import annotations

import pytest
from hardcase_agent.domain.capture import Capture, Decoded, Flaw, Recorded, Seen, Undecoded
from hardcase_agent.domain.event import Event
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.reading import Number
from hardcase_agent.sensors.ipmi.sel_decoding import decode
from hypothesis import given, settings
from hypothesis import strategies as st

LOST = "0500 02 e1f56165 2000 04 08 30 6f 03 ff ff"
LOST_MS = 0x6561F5E1 * 1000


def everything(content: str | bytes) -> list[Decoded]:
    data = content.encode() if isinstance(content, str) else content
    return list(decode(Capture("capture", {"": data})))


def events(content: str | bytes) -> list[Event]:
    return [one.event for one in everything(content) if isinstance(one, Recorded)]


def flaws(content: str | bytes) -> list[Flaw]:
    return [one.flaw for one in everything(content) if isinstance(one, Undecoded)]


def one(content: str | bytes) -> Event:
    (event,) = events(content)
    assert not flaws(content)
    return event


# ---- raw ---------------------------------------------------------------------------------------------------------


def test_binary_records_and_a_torn_tail() -> None:
    raw = bytes.fromhex(LOST.replace(" ", ""))
    content = raw + b"\x06" + raw[1:] + raw[:5]
    assert [event.record_id for event in events(content)] == [5, 6]
    assert flaws(content) == [Flaw.TRUNCATED]


@pytest.mark.parametrize(
    "text",
    [
        LOST,
        "05 00 02 e1 f5 61 65 20 00 04 08 30 6f 03 ff ff",
        "0x05 0x00 0x02 0xe1 0xf5 0x61 0x65 0x20 0x00 0x04 0x08 0x30 0x6f 0x03 0xff 0xff",
        "00000000: 0500 02e1 f561 6520 0004 0830 6fff ffff  .....a e ..0o...".replace("6fff ffff", "6f03 ffff"),
        " 06 00 05 00 02 e1 f5 61 65 20 00 04 08 30 6f 03\n ff ff\n",
        "5: 05 00 02 E1 F5 61 65 20 00 04 08 30 6F 03 FF FF",
    ],
)
def test_hex_dumps_of_one_record(text: str) -> None:
    event = one(text)
    assert (event.code, event.record_id, event.device_ms, event.part.slot) == ("psu.input_lost", 5, LOST_MS, "#0x30")


def test_answers_of_raw_commands_follow_each_other() -> None:
    answer = " 06 00 {0:02x} 00 02 e1 f5 61 65 20 00 04 08 30 6f 03\n ff ff\n"
    assert [event.record_id for event in events(answer.format(5) + answer.format(6) + answer.format(7))] == [5, 6, 7]


# ---- ipmitool ----------------------------------------------------------------------------------------------------


def test_columns_with_a_sensor_name_tell_the_part() -> None:
    event = one("  1a | 03/06/2025 | 19:00:47 | Power Supply PS2 Status | Power Supply AC lost | Asserted\n")
    assert (event.record_id, event.code, event.asserted) == (0x1A, "psu.input_lost", True)
    assert (event.part.component, event.part.slot) == (Component.PSU, "PSU2")
    assert event.device_ms == 1741287647000


def test_a_line_of_a_tickets_table_is_one() -> None:
    event = one("| 1a | 03/06/2025 | 19:00:47 | Power Supply PS2 Status | Power Supply AC lost | Asserted |")
    assert (event.record_id, event.code, event.part.slot) == (0x1A, "psu.input_lost", "PSU2")


def test_the_end_of_a_state_has_the_code_of_its_beginning() -> None:
    text = (
        "1 | 01/02/2025 | 00:00:01 | Power Supply #0x3b | Presence detected | Deasserted\n"
        "2 | 01/02/2025 | 00:00:02 | Power Supply #0x3b | Device Absent | Asserted\n"
        "3 | 01/02/2025 | 00:00:03 | Power Supply #0x3b | Device Absent | Deasserted\n"
        "4 | 01/02/2025 | 00:00:04 | Fan #0x41 | Lower Critical going high | Asserted\n"
    )
    assert [(event.code, event.asserted) for event in events(text)] == [
        ("psu.present", False),
        ("psu.present", False),
        ("psu.present", True),
        ("fan.lower_critical", False),
    ]


def test_a_threshold_names_what_the_sensor_belongs_to_and_keeps_its_reading() -> None:
    event = one(
        "3 | 01/01/2024 | 10:00:00 | Temperature CPU2 Temp | Upper Critical going high | Asserted"
        " | Reading 97 > Threshold 95 degrees C"
    )
    assert (event.code, event.part.component, event.part.slot) == ("temperature.upper_critical", Component.CPU, "CPU2")
    assert "Reading 97 > Threshold 95" in event.text


def test_csv_keeps_a_comma_inside_a_state() -> None:
    event = one("9,09/08/2021,06:34:16,Power Supply #0x3b,AC out-of-range, but present,Asserted")
    assert (event.code, event.asserted) == ("psu.input_out_of_range", True)


def test_an_entry_that_is_listed_twice_is_one_and_gaps_in_numbers_are_normal() -> None:
    line = " {} | 05/14/2026 | 20:40:26 | Processor #0x40 | Uncorrectable machine check exception | Asserted\n"
    assert [event.record_id for event in events(line.format(1) * 2 + line.format("7e"))] == [1, 0x7E]


def test_pre_init_has_no_time_and_unknown_sensors_and_oem_records_travel() -> None:
    text = (
        "e |  Pre-Init  |0000000093| System ACPI Power State #0xd5 | S0/G0: working | Asserted\n"
        "33 | 12/08/2024 | 09:31:35 PM EST | Unknown #0xff |  | Asserted\n"
        "8b | 08/31/2016 | 06:21:15 | OEM record df | 040020 | 12616faaaaaa\n"
        "8c | OEM record e1 | 01020304050607a20200010203\n"
    )
    acpi, unknown, oem, oem_without_time = events(text)
    assert (acpi.code, acpi.device_ms) == ("host.s0", 0)
    assert (unknown.code, unknown.part.slot) == ("", "#0xff")
    assert (oem.code, "OEM record df" in oem.text, oem.device_ms) == ("", True, 1472624475000)
    assert oem_without_time.device_ms == 0


# ---- dates -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "ms"),
    [
        ("09/02/2026 | 01:15:26", 1788311726000),
        ("2026年09月02日 | 01时15分26秒", 1788311726000),
        ("2026年09月02日 | 01時15分26秒 JST", 1788279326000),
        ("2026年09月02日 | 01时15分26秒 CST", 1788282926000),
        ("09/02/26 | 01:15:26 CEST", 1788304526000),
        ("09/02/2026 | 01:15:26 AM EDT", 1788326126000),
        ("09/02/2026 | 12:15:26 AM UTC", 1788308126000),
        ("2026-09-02 | 01:15:26", 1788311726000),
        ("2026/09/02 | 下午 01:15:26", 1788354926000),
    ],
)
def test_dates_in_every_script_and_zone(date: str, ms: int) -> None:
    event = one(f"5e | {date} | Memory | Uncorrectable ECC | Asserted")
    assert (event.code, event.device_ms) == ("memory.uncorrectable_ecc", ms)


def test_a_zone_with_several_meanings_is_not_taken_and_said() -> None:
    event = one("3a | 12/14/22 | 23:09:44 CST | Memory #0x88 | Correctable ECC (CPU0_G1) | Asserted")
    assert (event.device_ms, "zone CST not taken" in event.text) == (1671059384000, True)


def test_day_first_is_seen_over_the_whole_log() -> None:
    line = "{} | {} | 10:00:00 | Power Supply #0x3b | Failure detected | Asserted\n"
    by_number = events(line.format(1, "05/11/2023") + line.format(2, "23/11/2023"))
    assert [event.device_ms for event in by_number] == [1699178400000, 1700733600000]
    running = [line.format(number, date) for number, date in enumerate(["08/01/2024", "02/02/2024", "09/02/2024"], 1)]
    assert [event.device_ms for event in events("".join(running))] == [1704708000000, 1706868000000, 1707472800000]


# ---- memory ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "slot"),
    [
        ("Uncorrectable ECC (@DIMME1(CPU2))", "P2-DIMME1"),
        ("Uncorrectable ECC (DIMMB1)", "DIMMB1"),
        ("Correctable ECC (CPU1_DIMM_A2)", "CPU1_DIMM_A2"),
        ("Correctable ECC, P1_DIMMF1", "P1_DIMMF1"),
        ("Uncorrectable ECC (@DIMMS-(CPU4))", ""),
        ("Uncorrectable ECC", "#0x88"),
        ("Correctable ECC (CPU0_G1)", "CPU0_G1"),
    ],
)
def test_a_module_is_named_only_where_the_name_can_be(words: str, slot: str) -> None:
    event = one(f"3a | 12/14/2022 | 23:09:44 | Memory #0x88 | {words} | Asserted")
    assert (event.part.component, event.part.slot) == (Component.MEMORY, slot)


def test_bytes_outrank_the_words_of_an_old_tool() -> None:
    event = one("7840 08/09/11 15:10:47 MIN BMC Memory #08 Uncorrectable ECC, DIMM6/CPU1 6f [20 ff 10]")
    assert event.code == "memory.correctable_ecc"
    assert "by its bytes: correctable ecc" in event.text
    assert "20 ff 10" in event.text


@pytest.mark.parametrize(
    ("sensor", "component", "slot"),
    [
        ("Memory CPU0_C0D0", Component.MEMORY, "CPU0_C0D0"),
        ("Memory DIMM000", Component.MEMORY, "DIMM000"),
        ("Temperature PSU1 Over Temp", Component.PSU, "PSU1"),
        ("Fan System Fan 3", Component.FAN, "FAN3"),
        ("Voltage VBAT", Component.BATTERY, "VBAT"),
        ("Voltage P12V", Component.VOLTAGE, "P12V"),
        ("Drive Slot / Bay DISK3", Component.DISK, "3"),
        ("Processor CPU2 Status", Component.CPU, "CPU2"),
        ("Critical Interrupt PCIe Slot 5", Component.PCIE, "5"),
        ("Power Unit Pwr Unit Status", Component.POWER, "Pwr Unit Status"),
    ],
)
def test_a_name_tells_whose_part_it_is(sensor: str, component: Component, slot: str) -> None:
    event = one(f"1 | 01/02/2023 | 10:00:00 | {sensor} | State Asserted | Asserted")
    assert (event.part.component, event.part.slot) == (component, slot)


# ---- FreeIPMI ----------------------------------------------------------------------------------------------------

FREEIPMI = """ID  | Date        | Time     | Name             | Type                     | State    | Event
14  | PostInit    | PostInit | Bay 1 Cable      | Cable/Interconnect       | Critical | Configuration Error - \
Incorrect cable connected
15  | Oct-06-2022 | 19:47:13 | PS1 Status       | Power Supply             | Critical | Power Supply input lost (AC/DC)
16  | Oct-06-2022 | 19:48:13 | Fan 3            | Fan                      | Critical | At or Below (<=) Lower \
Critical Threshold ; Sensor Reading = 0.00 RPM ; Threshold = 300.00 RPM
17  | Oct-06-2022 | 19:48:14 | DIMM A1          | Memory                   | Warning  | Correctable memory error ; OEM \
Event Data2 code = FFh
18  | Oct-06-2022 | 19:48:15 | Sensor #4        | OEM Reserved             | N/A      | OEM Event Offset = 01h
"""


def test_freeipmi_counts_in_tens_and_has_a_header() -> None:
    cable, supply, fan, memory, oem = events(FREEIPMI)
    assert not flaws(FREEIPMI)
    assert (cable.code, cable.record_id, cable.device_ms) == ("cable.configuration_error", 14, 0)
    assert (supply.code, supply.part.slot, supply.device_ms) == ("psu.input_lost", "PSU1", 1665085633000)
    assert (fan.code, fan.part.slot) == ("fan.lower_critical", "FAN3")
    assert "0.00 RPM" in fan.text
    assert (memory.code, memory.part.slot) == ("memory.correctable_ecc", "DIMMA1")
    assert oem.code == ""


@pytest.mark.parametrize("number", ["9" * 24, "\u00b2", "\u0664"])
def test_a_number_that_no_log_counts_to_is_a_named_error_and_the_rest_is_read(number: str) -> None:
    supply = next(line for line in FREEIPMI.splitlines() if line.startswith("15"))
    text = f"{FREEIPMI}{number}{supply[2:]}\n"
    assert flaws(text) == [Flaw.MALFORMED]
    assert events(text) == events(FREEIPMI)


def test_freeipmi_with_commas_without_type_and_with_direction() -> None:
    text = (
        "ID,Date,Time,Name,Event Direction,Event\n"
        "1,Oct-06-2022,19:47:13,Power Supply PS1,Deassertion Event,Power Supply Failure detected\n"
    )
    event = one(text)
    assert (event.code, event.asserted) == ("psu.failure_detected", False)


def test_freeipmi_legacy_columns() -> None:
    event = one("7:29-Sep-2012 07:13:43:Power Supply PS1:Predictive Failure\n")
    assert (event.record_id, event.code) == (7, "psu.predictive_failure")


# ---- sentences ---------------------------------------------------------------------------------------------------


def test_racadm_blocks_and_repaired_lines() -> None:
    text = (
        "Record:      4\nDate/Time:   01/30/2024 12:00:00\nSource:      system\nSeverity:    Critical\n"
        "Description: Multi-bit memory errors detected on a memory device at location(s) DIMM_B1.\n"
        "-------------------------------------------------------------------------------\n"
        "Record:      5\nDate/Time:   01/30/2024 12:10:00\nSource:      system\nSeverity:    Critical\n"
        "Description: The power input for power supply 2 is lost.\n"
    )
    memory, supply = events(text)
    assert (memory.code, memory.part.slot, memory.record_id) == ("memory.uncorrectable_ecc", "DIMMB1", 4)
    assert (supply.code, supply.part.slot) == ("psu.input_lost", "PSU2")
    iml = one("12 Repaired 03/06/2025 19:00 Power Supply 1 Power Supply Failure (Power Supply 1)")
    assert (iml.code, iml.asserted) == ("psu.failure_detected", False)


def test_a_sentence_with_its_direction_needs_no_date() -> None:
    event = one("Uncorrectable ECC / other uncorrectable memory error @P2-DIMMA1(CPU2) - Assertion")
    assert (event.code, event.asserted, event.part.slot) == ("memory.uncorrectable_ecc", True, "P2-DIMMA1")


@pytest.mark.parametrize(
    ("sentence", "code", "asserted"),
    [
        ("Power supply redundancy is lost.", "psu.redundancy_lost", True),
        ("The power supplies are redundant.", "psu.redundancy_lost", False),
        ("The power supplies are not redundant.", "psu.redundancy_lost", True),
        ("The power input for power supply 1 has been restored.", "psu.input_lost", False),
        ("Fault detected on drive 3 in disk drive bay 1.", "disk.fault", True),
        ("The Drive Drive 3 has been disabled due to a detected fault.", "disk.fault", True),
        ("Drive 3 is removed from disk drive bay 1.", "disk.present", False),
        ("CPU 1 has an internal error (IERR).", "cpu.ierr", True),
        ("Uncorrectable machine check exception on CPU 2.", "cpu.uncorrectable_machine_check", True),
        ("Correctable memory error rate exceeded for DIMM_A1.", "memory.correctable_ecc_logging_limit", True),
        ("A fatal error was detected on a component at bus 0 device 5 function 0.", "pcie.bus_fatal_error", True),
        ("The process of installing an operating system has started.", "", True),
    ],
)
def test_sentences_of_registries(sentence: str, code: str, asserted: bool) -> None:
    event = one(f"Record: 4\nDate/Time: 01/30/2024 12:00:00\nSeverity: Critical\nDescription: {sentence}\n")
    assert (event.code, event.asserted) == (code, asserted)


def test_log_information_is_a_reading() -> None:
    (seen,) = everything("SEL Information\nVersion          : 1.5\nEntries          : 545\nPercent Used     : 57%\n")
    assert isinstance(seen, Seen)
    assert (seen.sensor.quantity, seen.reading) == ("sel.used", Number(57.0))


# ---- what is none ------------------------------------------------------------------------------------------------


def test_a_capture_of_something_else_is_foreign_and_a_tools_refusal_is_told() -> None:
    assert flaws("IPMI PSU queries always show Critical") == [Flaw.FOREIGN]
    assert flaws("VRM 1 | 01h | ok  |  9.1 | Device Present\nFans | 0Dh | ok | 7.5 | Fully Redundant\n") == [
        Flaw.FOREIGN
    ]
    assert flaws("Error: Unable to establish IPMI v2 / RMCP+ session\n") == [Flaw.REFUSED]
    assert everything("SEL has no entries\n") == []


def test_damaged_lines_are_told_and_the_rest_is_decoded() -> None:
    text = (
        "1 | 09/08/2021 | 06:34:15 | Power Supply #0x3b | Failure detected | Asserted\n"
        "2 | 09/08/2021 | 06:3\n"
        "3 | 09/08/2021 | 06:34:16 | Power Supply #0x3b | Power Supply AC lost | Asserted\n"
        "4 | 09/08/2021 | 06:34:"
    )
    assert [event.record_id for event in events(text)] == [1, 3]
    assert flaws(text) == [Flaw.MALFORMED, Flaw.TRUNCATED]


@settings(max_examples=300, deadline=None)
@given(content=st.one_of(st.binary(max_size=200), st.text(max_size=300).map(str.encode)))
def test_nothing_makes_it_raise(content: bytes) -> None:
    for found in everything(content):
        assert isinstance(found, Recorded | Undecoded | Seen)
        assert not isinstance(found, Undecoded) or len(found.message) < 200


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_no_damaged_line_makes_it_raise(data: st.DataObject) -> None:
    text = (
        FREEIPMI
        + "5e | 2026年09月02日 | 01時15分26秒 JST | Memory | Uncorrectable ECC (@DIMME2(CPU2)) | Asserted\n"
        + LOST
    )
    at = data.draw(st.integers(0, len(text)))
    through = data.draw(st.integers(at, len(text)))
    everything(text[:at] + data.draw(st.text(max_size=4)) + text[through:])


@pytest.mark.parametrize(
    ("name", "kind", "words", "slot"),
    [
        ("ECC Uncorr Err", "Memory", "Uncorrectable memory error ; DIMM A2", "DIMMA2"),
        ("ECC Corr Err", "Memory", "Correctable memory error ; CPU1_DIMM_A2", "CPU1_DIMM_A2"),
        ("ECC Corr Err", "Memory", "Correctable memory error ; OEM Event Data2 code = A1h", ""),
        ("PCIE Fatal Err", "Critical Interrupt", "Bus Fatal Error ; Bus 175 Device 0 Function 0", "af:00.0"),
        ("PCIE Fatal Err", "Critical Interrupt", "Bus Fatal Error ; Slot 3", "3"),
    ],
)
def test_what_freeipmi_says_behind_the_state_names_the_part(name: str, kind: str, words: str, slot: str) -> None:
    header = FREEIPMI.splitlines()[0]
    assert one(f"{header}\n3 | Nov-02-2026 | 09:00:03 | {name} | {kind} | Critical | {words}\n").part.slot == slot


@pytest.mark.parametrize("words", ["Uncorrectable ECC@DIMMA1(CPU1)", "Uncorrectable ECC (@DIMMA1(CPU1))"])
def test_a_module_may_stand_right_behind_the_state(words: str) -> None:
    event = one(f"2 | 01/05/2026 | 03:12:11 | Memory | {words} | Asserted")
    assert (event.code, event.part.slot) == ("memory.uncorrectable_ecc", "P1-DIMMA1")


@pytest.mark.parametrize(
    "heading",
    [
        "RecId Date/Time_______ SEV Src_ Evt_Type___ Sens# Evt_detail - Trig [Evt_data]",
        "IANA PEN registry open failed: No such file or directory",
    ],
)
def test_headings_and_remarks_of_the_tools_are_no_entries(heading: str) -> None:
    event = one(f"{heading}\n7840 08/09/11 15:10:47 MIN BMC Memory #08 Correctable ECC, P1_DIMMF1 6f [20 ff 50]\n")
    assert event.part.slot == "P1_DIMMF1"
