"""Text of ipmitool and FreeIPMI: every form of their tables, their words for "no reading", and their traps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hardcase_agent.domain.capture import Capture, Decoded, Flaw, Listed, Seen, Undecoded
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Number, States, Unit
from hardcase_agent.sensors.ipmi import text_decoding
from hypothesis import given, settings
from hypothesis import strategies as st


def decode(text: str) -> list[Decoded]:
    return list(text_decoding.decode(Capture("sensors.txt", {"": text.encode()})))


def seen(text: str) -> list[Seen]:
    return [one for one in decode(text) if isinstance(one, Seen)]


def only(text: str) -> Seen:
    (one,) = seen(text)
    return one


def states(one: Seen) -> list[str]:
    assert isinstance(one.reading, States)
    return [name for bit, name in enumerate(one.sensor.states) if one.reading.bits >> bit & 1]


def flaws(text: str) -> list[Flaw]:
    return [one.flaw for one in decode(text) if isinstance(one, Undecoded)]


ELIST = """\
SEL              | 72h | ns  |  7.1 | No Reading
Intrusion        | 73h | ok  |  7.1 |
Fan1             | 30h | ok  |  7.1 | 5040 RPM
Inlet Temp       | 04h | ok  |  7.1 | 25 degrees C
Power Supply 1   | 03h | ok  | 10.1 | 110 Watts, Presence detected
Power Supply 2   | 08h | ok  | 10.2 | 0 Watts, Presence detected, Failure detected
Power Supplies   | 09h | ok  | 10.3 | Non-Redundant: Sufficient from Redundant
Temp 4           | 11h | ns  |  8.1 | Disabled
"""


def test_a_line_of_elist_is_a_sensor_with_number_entity_and_part() -> None:
    by_name = {one.sensor.id: one for one in seen(ELIST)}
    fan = by_name["20.0.48/7.1"]
    assert (fan.reading, fan.sensor.kind, fan.sensor.unit) == (Number(5040.0), Kind.FAN, Unit.RPM)
    assert (fan.sensor.part.component, fan.sensor.part.slot) == (Component.FAN, "Fan1")
    assert by_name["20.0.4/7.1"].reading == Number(25.0)
    assert states(by_name["20.0.115/7.1"]) == []
    assert by_name["20.0.115/7.1"].sensor.quantity == "chassis.intrusion"


def test_a_failed_supply_says_so_though_its_status_word_is_ok() -> None:
    by_id = {one.sensor.id: one for one in seen(ELIST)}
    failed = by_id["20.0.8/10.2"]
    assert failed.sensor.quantity == "psu.status"
    assert states(failed) == ["present", "failure_detected"]
    assert failed.sensor.part.slot == "PSU2"
    assert by_id["20.0.8/10.2:value"].reading == Number(0.0)
    assert by_id["20.0.9/10.3"].sensor.quantity == "psu.redundancy"


def test_disabled_and_no_reading_are_gaps_and_no_zero() -> None:
    gaps = [one.reading for one in seen(ELIST) if isinstance(one.reading, Gap)]
    assert [gap.reason for gap in gaps] == [GapReason.BUSY, GapReason.DISABLED]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("No Reading", GapReason.BUSY),
        ("Disabled", GapReason.DISABLED),
        ("Not Readable", GapReason.UNSUPPORTED),
        ("Unable to read sensor: Device Not Present", GapReason.ABSENT),
        ("no reading", GapReason.BUSY),
    ],
)
def test_each_word_for_no_value_has_its_reason(words: str, reason: GapReason) -> None:
    gap = only(f"Fan 3 | 30h | ns | 29.3 | {words}\n").reading
    assert isinstance(gap, Gap)
    assert gap.reason is reason


def test_a_table_of_ipmitool_sensor_has_its_limits_and_its_own_word_is_not_believed() -> None:
    one = only(
        "Ambient_Temp     | 46.000     | degrees C  | ok    | na        | 5.000     | 7.000     | 37.000    | 40.000"
        "    | na\n"
    )
    limits = one.sensor.limits
    assert one.reading == Number(46.0)
    assert (limits.lower_critical, limits.lower_non_critical) == (5.0, 7.0)
    assert (limits.upper_non_critical, limits.upper_critical, limits.upper_non_recoverable) == (37.0, 40.0, None)
    assert one.sensor.comparison is None


def test_limits_of_zero_that_nobody_set_are_none() -> None:
    fan = only("fan4 | 0.000 | RPM | ok | na | 0.000 | 0.000 | 10100.000 | 10100.000 | na\n")
    assert fan.sensor.limits.lower_critical is None
    assert fan.sensor.limits.upper_critical == 10100.0
    cpu = only("02-CPU 1 | 40.000 | degrees C | ok | na | na | na | na | 70.000 | 0.000\n")
    assert (cpu.sensor.limits.upper_critical, cpu.sensor.limits.upper_non_recoverable) == (70.0, None)


def test_states_of_ipmitool_sensor_are_two_bytes_of_which_the_first_is_the_low_one() -> None:
    one = only("PS1 Status       | 0xb        | discrete   | 0x0b80| na | na | na | na | na | na\n")
    assert states(one) == ["present", "failure_detected", "input_lost"]
    assert one.sensor.part.slot == "PSU1"


def test_the_raw_byte_of_a_supermicro_supply_is_its_states_and_a_zero_byte_says_nothing() -> None:
    assert states(only("PS2 Status       | 0x0b              | ok\n")) == ["present", "failure_detected", "input_lost"]
    silent = only("Pwr Unit Redund  | 0x00              | ok\n")
    assert isinstance(silent.reading, Gap)
    assert silent.reading.reason is GapReason.UNSUPPORTED


def test_a_short_line_with_a_critical_status_and_no_limits_says_that_a_limit_is_passed() -> None:
    value, passed = seen("Temp_CPU0 | 98 degrees C | cr\n")
    assert value.reading == Number(98.0)
    assert states(passed) == ["upper_critical"]
    _, slow = seen("FAN 1 | 0 RPM | nr\n")
    assert (states(slow), slow.sensor.quantity) == (["lower_non_recoverable"], "ipmi.fan")


def test_comma_separated_lines_are_read_as_tables() -> None:
    assert states(only("HDD1,46h,ok,26.1,Drive Fault\n")) == ["fault"]
    assert only("Ambient Temp,20,degrees C,ok\n").reading == Number(20.0)
    one = only("4,System Temp,Temperature,Nominal,31.00,C,'OK'\n")
    assert (one.reading, one.sensor.unit) == (Number(31.0), Unit.CELSIUS)


VERBOSE = """\
Sensor ID              : Pwr Unit Redund (0x2)
 Entity ID             : 21.2 (Power Management)
 Sensor Type (Discrete): Power Unit (0x09)
 Sensor Reading        : 0h
 Event Message Control : Per-threshold
 States Asserted       : Redundancy State
                         [Redundancy Lost]
                         [Non-Redundant: Sufficient from Redundant]
 Assertions Enabled    : Redundancy State
                         [Fully Redundant]
                         [Redundancy Lost]
 OEM                   : 0

Sensor ID              : BB +12.0V (0xd0)
 Entity ID             : 7.1 (System Board)
 Sensor Type (Analog)  : Voltage
 Sensor Reading        : 11.831 (+/- 0.02) % Volts
 Status                : ok
 Upper critical        : 13.391
 Upper non-critical    : 13.027
 Lower critical        : 10.635
 Lower non-critical    : 10.947
 Positive Hysteresis   : 0.052
 Negative Hysteresis   : Unspecified
 Readable Thresholds   : lcr ucr unc
 Settable Thresholds   : lcr lnc unc ucr

Sensor ID              : VR Watchdog (0xb)
 Entity ID             : 7.1 (System Board)
 Sensor Type (Discrete): Voltage
 Assertions Enabled    : Digital State
                         [State Asserted]

Sensor ID              : BB +1.35V (0xe4)
 Entity ID             : 7.1 (System Board)
 Sensor Type (Analog)  : Voltage
 Sensor Reading        : Disabled
 Status                : Disabled
"""


def test_blocks_of_verbose_output_have_asserted_states_and_readable_limits() -> None:
    redundancy, rail, watchdog, off = seen(VERBOSE)
    assert redundancy.sensor.quantity == "power.redundancy"
    assert states(redundancy) == ["redundancy_lost", "non_redundant_sufficient_from_redundant"]
    assert (rail.reading, rail.sensor.unit) == (Number(11.831), Unit.VOLT)
    limits = rail.sensor.limits
    assert (limits.lower_critical, limits.lower_non_critical, limits.upper_critical) == (10.635, None, 13.391)
    assert (limits.hysteresis_rising, limits.hysteresis_falling) == (0.052, None)
    assert isinstance(watchdog.reading, Gap)
    assert isinstance(off.reading, Gap)
    assert (off.reading.reason, off.sensor.unit) == (GapReason.DISABLED, Unit.VOLT)


def test_what_is_enabled_is_not_taken_for_what_is_asserted() -> None:
    quiet = VERBOSE.split("\n\n")[0].replace(" States Asserted       : Redundancy State\n", "")
    lines = [line for line in quiet.splitlines() if "[Non-Redundant" not in line]
    one = only("\n".join([*lines[:5], *lines[6:]]) + "\n")
    assert states(one) == []


def test_output_that_repeats_is_one_sensor_read_again() -> None:
    again = seen(VERBOSE + "\n" + VERBOSE)
    assert len({one.sensor.id for one in again}) == 4
    assert len(again) == 8


def test_objects_with_the_fields_of_verbose_output_are_read_wherever_they_stand() -> None:
    fields = {
        "Sensor ID": "CPU1 VR Temp (0x36)", "Entity ID": "20.1 (Power Module)", "Sensor Type (Analog)": "Temperature",
        "Sensor Reading": "32 (+/- 0.500) degrees C", "Status": "ok", "Upper critical": "100.000",
    }  # fmt: skip
    one = only(json.dumps({"payload": {"TEMPERATURE": {"CPU1 VR Temp (0x36)": fields}}}))
    assert (one.reading, one.sensor.limits.upper_critical) == (Number(32.0), 100.0)


FREEIPMI = """\
ID | Name | Type | State | Reading | Units | Lower NR | Lower C | Lower NC | Upper NC | Upper C | Upper NR | Event
1 | System Temp | Temperature | Nominal | 31.00 | C | N/A | -7.00 | -5.00 | 80.00 | 85.00 | 90.00 | 'OK'
2 | FAN 2 | Fan | Critical | 300.00 | RPM | 300.00 | 500.00 | 700.00 | N/A | N/A | N/A | 'At or Below (<=) Lower Non-Critical Threshold' 'At or Below (<=) Lower Critical Threshold'
3 | Power Supply 2 PS2 Status | Power Supply | Critical | N/A | N/A | N/A | N/A | N/A | N/A | N/A | N/A | 'Presence detected' 'Power Supply Failure detected'
4 | FAN 3 | Fan | N/A | N/A | RPM | 300.00 | 500.00 | 700.00 | N/A | N/A | N/A | N/A
5 | UID | OEM Reserved | N/A | N/A | N/A | N/A | N/A | N/A | N/A | N/A | N/A | 'OEM Event = 0001h'
6 | Chassis Intru | Physical Security | Nominal | N/A | N/A | N/A | N/A | N/A | N/A | N/A | N/A | 'OK'
"""  # noqa: E501  # a table's lines are as long as FreeIPMI prints them


def test_freeipmi_tells_limits_and_the_devices_own_comparison() -> None:
    temperature, fan, supply, silent, light, cover = seen(FREEIPMI)
    assert (temperature.sensor.limits.lower_critical, temperature.sensor.comparison) == (-7.0, 0)
    assert (fan.reading, fan.sensor.comparison) == (Number(300.0), 0b11)
    assert states(supply) == ["present", "failure_detected"]
    assert (supply.sensor.part.component, supply.sensor.part.slot) == (Component.PSU, "PSU2")
    assert isinstance(silent.reading, Gap)
    assert (states(light), light.sensor.quantity) == (["offset_0"], "ipmi.oem_00")
    assert states(cover) == []


def test_older_and_shorter_forms_of_freeipmi_are_read_without_a_header() -> None:
    assert only("12: Fan 1 (Fan): 5400.00 RPM (1200.00/NA): [OK]\n").reading == Number(5400.0)
    assert states(
        only("4694 | PS2 Status | Power Supply | N/A | N/A | 'Presence detected' 'Predictive failure'\n")
    ) == [
        "present",
        "predictive_failure",
    ]
    with_state = only("7 | 01-Inlet Ambient | Temperature | Nominal | 20.00 | C | 'OK'\n")
    assert with_state.reading == Number(20.0)


def test_verbose_records_of_freeipmi_have_numbers_entities_limits_and_every_state() -> None:
    text = """\
Record ID: 2
ID String: Pwr Unit Redund
Sensor Type: Power Unit (9h)
Sensor Number: 2
Entity ID: power management (21)
Entity Instance: 1
Event/Reading Type Code: Bh
Sensor Event: 'Redundancy Lost'
Sensor Event: 'Non-redundant:Sufficient Resources from Redundant'

Record ID: 3
ID String: Inlet Temp
Sensor Type: Temperature (1h)
Sensor Number: 5
Entity ID: system board (7)
Entity Instance: 1
Event/Reading Type Code: 1h
Lower Critical Threshold: N/A
Upper Non-Critical Threshold: 43.000000 C
Upper Critical Threshold: 47.000000 C
Positive Hysteresis: 1.000000 C
Sensor Reading: 29.000000 C
Sensor Event: 'OK'

Record ID: 4
ID String: PS1
FRU Entity ID: power supply (10)
"""
    redundancy, inlet = seen(text)
    assert states(redundancy) == ["redundancy_lost", "non_redundant_sufficient_from_redundant"]
    assert (inlet.sensor.id, inlet.reading) == ("20.0.5/7.1", Number(29.0))
    limits = inlet.sensor.limits
    assert (limits.lower_critical, limits.upper_non_critical, limits.upper_critical) == (None, 43.0, 47.0)
    assert (limits.hysteresis_rising, inlet.sensor.comparison) == (1.0, 0)


def test_a_name_that_only_looks_like_a_parts_is_not_believed_for_its_bits() -> None:
    power_good = only("DIMM PG | 0x1 | discrete | 0x0100| na | na | na | na | na | na\n")
    assert (power_good.sensor.quantity, states(power_good)) == ("ipmi.oem_00", ["offset_0"])
    cable = only("Intrusion Cable | 0x1 | discrete | 0x0100| na | na | na | na | na | na\n")
    assert cable.sensor.quantity == "ipmi.oem_00"


def test_locators_in_a_list_of_everything_are_parts() -> None:
    text = "PS1 | 00h | ns | 10.1 | Logical FRU @01h\niDRAC | 00h | ok | 7.1 | Dynamic MC @ 20h\n" + ELIST
    parts = [one.part for one in decode(text) if isinstance(one, Listed)]
    assert (parts[0].component, parts[0].slot) == (Component.PSU, "PSU1")
    assert len(seen(text)) == len(seen(ELIST))


def test_the_columns_of_old_ipmimonitoring_are_found_by_its_header() -> None:
    text = """\
Record_ID | Sensor Name | Sensor Group | Monitoring Status| Sensor Units | Sensor Reading
1 | System Temp | Temperature | Nominal | C | 31.000000
2 | PS Status | Power Supply | Critical | N/A | 'Presence detected' 'Power Supply Failure detected'
"""
    temperature, supply = seen(text)
    assert (temperature.reading, temperature.sensor.unit) == (Number(31.0), Unit.CELSIUS)
    assert states(supply) == ["present", "failure_detected"]


def test_verbose_comma_separated_lines_have_entity_type_and_limits() -> None:
    one = only(
        "BB BMC Temp,44,degrees C,ok,7.1,System Board,Temperature,80.000,5.000,105.000,,90.000,85.000,,5.000,10.000,"
        "-128.000,127.000\n"
    )
    limits = one.sensor.limits
    assert (one.reading, one.sensor.kind) == (Number(44.0), Kind.TEMPERATURE)
    assert (limits.upper_critical, limits.upper_non_critical) == (90.0, 85.0)
    assert (limits.lower_critical, limits.lower_non_critical) == (5.0, 10.0)


def test_what_a_tool_says_of_itself_is_no_error() -> None:
    assert flaws("Locating sensor record...\nLoading IANA PEN Registry...\n" + ELIST) == []


def test_the_host_before_each_line_of_several_hosts_is_left_out() -> None:
    assert only("node1: 7 | 01-Inlet Ambient | Temperature | Nominal | 20.00 | C | 'OK'\n").reading == Number(20.0)


def test_a_fan_of_a_processor_is_a_fan_and_a_fan_counted_from_96_is_the_first() -> None:
    fan = only("16 | Processor 1 Fan 5 | Fan | Nominal | N/A | N/A | 'transition to Running'\n")
    assert fan.sensor.part.component is Component.FAN
    first = only("108 | Fan 96 FAN_1 | Fan | Nominal | 6790.00 | RPM | 'OK'\n")
    assert first.sensor.part.slot == "FAN1"


def test_power_by_dcmi_is_what_the_machine_draws_now() -> None:
    one = only("Instantaneous power reading:   167 Watts\nMinimum during sampling period:   124 Watts\n")
    assert (one.reading, one.sensor.kind, one.sensor.part.slot) == (Number(167.0), Kind.POWER, "chassis")


def test_entries_of_an_event_log_are_no_sensors() -> None:
    text = "98 | 03/06/2025 | 19:00:47 | Power Supply PSU1 AC Lost | Power Supply AC lost | Asserted\n"
    assert seen(text) == []
    assert flaws(text) == [Flaw.FOREIGN]


def test_power_by_freeipmis_dcmi_is_the_same_sensor() -> None:
    text = "Current Power                        : 164 Watts\nMinimum Power over sampling duration : 2 watts\n"
    one = only(text + "Power Measurement                    : Active\n")
    assert (one.reading, one.sensor.id) == (Number(164.0), "dcmi.power")


CHASSIS = """\
System Power         : on
Power Overload       : false
Power Interlock      : inactive
Main Power Fault     : true
Power Control Fault  : false
Power Restore Policy : always-off
Last Power Event     :
Chassis Intrusion    : active
Front-Panel Lockout  : inactive
Drive Fault          : false
Cooling/Fan Fault    : false
"""


def test_a_chassis_status_is_the_live_paths_chassis_and_its_cover() -> None:
    power, cover = seen(CHASSIS)
    assert (power.sensor.id, states(power)) == ("chassis.power", ["on", "fault"])
    assert states(cover) == ["general_intrusion"]
    assert flaws(CHASSIS) == []


def test_limits_of_sensor_get_are_those_of_verbose_output() -> None:
    text = (
        VERBOSE.split("\n\n")[1].replace("Upper critical  ", "Upper Critical  ").replace("non-critical", "Non-Critical")
    )
    limits = only(text).sensor.limits
    assert (limits.upper_critical, limits.upper_non_critical) == (13.391, 13.027)


def test_a_controllers_own_text_names_vendor_and_firmware() -> None:
    text = "Device ID                 : 32\nFirmware Revision         : 2.30\nManufacturer ID           : 674\n"
    (part,) = [
        one for one in decode(text + "Additional Device Support :\n    Sensor Device\n") if isinstance(one, Listed)
    ]
    assert (part.asset.vendor, part.part.firmware) == ("Dell", "2.30")


def test_a_tools_complaints_are_told_and_the_sensors_between_them_are_read() -> None:
    text = ELIST.replace("Fan1 ", "Unable to send command: Invalid argument\nFan1 ")
    assert flaws(text) == [Flaw.REFUSED]
    assert len(seen(text)) == len(seen(ELIST))
    assert flaws("Error: Unable to establish LAN session\n") == [Flaw.REFUSED]


def test_a_password_in_a_typed_command_is_never_repeated() -> None:
    said = [str(one) for one in decode("root@host:~# ipmitool -U root -P S3cret! sdr\nwrong -P S3cret! line\n" + ELIST)]
    assert not [line for line in said if "S3cret" in line]


def test_a_line_that_is_cut_and_one_that_is_prose_are_named() -> None:
    assert flaws(ELIST + "113 | Chassis Specific PSU Redundancy | Power Supply | Nominal  | N/A") == [Flaw.TRUNCATED]
    assert flaws("something else\n" + ELIST) == [Flaw.MALFORMED]
    assert flaws("Dear customer,\nall is well.\n") == [Flaw.FOREIGN]


@pytest.mark.parametrize("words", ["Predictive failure", "In Failed Array", "Rebuild In Progress", "Hot Spare"])
def test_states_of_a_bay_are_the_bays_words(words: str) -> None:
    one = only(f"HDD2 | 47h | ok | 26.2 | {words}\n")
    assert one.sensor.quantity == "disk.bay"
    assert len(states(one)) == 1


def test_states_that_nobody_knows_are_a_gap_with_their_words() -> None:
    one = only("Widget | 47h | ok | 7.2 | Frobnicated\n")
    assert isinstance(one.reading, Gap)
    assert "Frobnicated" in one.reading.detail


TEXTS = (ELIST, VERBOSE, FREEIPMI)


@settings(max_examples=300)
@given(st.data())
def test_whatever_is_changed_in_a_text_decoding_raises_nothing(data: st.DataObject) -> None:
    changed = bytearray(data.draw(st.sampled_from(TEXTS)).encode())
    for _ in range(data.draw(st.integers(1, 12))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    changed = changed[: data.draw(st.integers(1, len(changed)))]
    for one in text_decoding.decode(Capture("sensors.txt", {"": bytes(changed)})):
        assert isinstance(one, Seen | Listed | Undecoded)


def test_captured_texts_of_sensors_decode_without_a_malformed_line(captures: Path) -> None:
    names = ("*sdr*", "*sensor*_data*", "*_sensors.txt", "*sensor.txt", "*monitoring*")
    files = sorted({file for name in names for file in (captures / "ipmi" / "text").rglob(name)})
    assert files
    for file in files:
        text = file.read_text(errors="replace")
        bad = [one for one in decode(text) if isinstance(one, Undecoded) and one.flaw is Flaw.MALFORMED]
        assert bad == [], file.name
        assert seen(text), file.name


RESTING = """\
CPU1 Temp        | na         |            | na    | na        | na        | na        | 87.000    | 92.000    | 95.000
FAN1             | 0.000      | RPM        | nr    | 300.000   | 500.000   | 700.000   | na        | na        | na
FAN2             | 0.000      | RPM        | nr    | 300.000   | 500.000   | 700.000   | na        | na        | na
12V              | 0.120      | Volts      | nr    | 10.164    | 10.521    | 10.776    | 13.071    | 13.326    | 13.632
5VSB             | 5.016      | Volts      | ok    | 4.246     | 4.376     | 4.480     | 5.524     | 5.602     | 5.732
"""


def off(one: Seen) -> bool:
    return isinstance(one.reading, Gap) and one.reading.reason is GapReason.HOST_OFF


def test_a_machine_that_was_off_has_no_failed_fans_and_rails() -> None:
    by_name = {one.sensor.name: one for one in seen(RESTING)}
    assert [name for name, one in by_name.items() if off(one)] == ["CPU1 Temp", "FAN1", "FAN2", "12V"]
    assert by_name["5VSB"].reading == Number(5.016)


def test_rails_without_voltage_show_that_a_machine_was_off_though_it_has_no_processor_sensor() -> None:
    limits = " | nr | 10.1 | 10.2 | 10.7 | 12.9 | 13.2 | 13.3\n"
    dark = (
        f"FAN1 | 0.000 | RPM{limits}12V | 0.000 | Volts{limits}5VCC | 0.026 | Volts{limits}5VSB | 5.0 | Volts{limits}"
    )
    assert [one.sensor.name for one in seen(dark) if off(one)] == ["FAN1", "12V", "5VCC"]
    assert not [one for one in seen(dark.replace("12V | 0.000", "12V | 12.00")) if off(one)]
    assert not [one for one in seen(dark.replace("FAN1 | 0.000", "FAN1 | 900.0")) if off(one)]


@pytest.mark.parametrize("mark", ["127.000", "255.000", "-128.000"])
def test_a_temperature_that_stands_for_none_is_a_gap_unless_the_device_minds_it(mark: str) -> None:
    line = "M2_SSD1 Temp | {} | degrees C | {} | na | na | na | na | na | na"
    assert isinstance(only(line.format(mark, "ok")).reading, Gap)
    told = {type(one.reading) for one in seen(line.format(mark, "cr"))}
    assert told == {Number, States}
    assert only(line.format("126.000", "ok")).reading == Number(126.0)


def test_a_supplys_name_may_go_on_behind_an_underscore() -> None:
    one = only("PSU2_STATUS      | 0x9        | discrete   | 0x0900| na | na | na | na | na | na")
    assert (one.sensor.part.slot, states(one)) == ("PSU2", ["present", "input_lost"])


def test_a_cell_that_only_says_that_it_is_low_is_believed() -> None:
    assert states(only("VBAT             | 0x2        | discrete   | 0x0200| na | na | na | na | na | na")) == [
        "failed"
    ]


def test_fans_that_stand_still_in_a_running_machine_are_told() -> None:
    running = RESTING.replace(
        "CPU1 Temp        | na         |            | na ", "CPU1 Temp        | 91.000     | degrees C  | ok "
    )
    assert not [one for one in seen(running) if off(one)]
    one_turns = RESTING.replace("FAN2             | 0.000 ", "FAN2             | 900.0 ")
    assert not [one for one in seen(one_turns) if off(one)]


def test_what_the_chassis_says_outweighs_what_its_fans_do() -> None:
    switched_on = seen(RESTING + CHASSIS)
    assert not [one for one in switched_on if off(one)]
    switched_off = seen(RESTING.replace("0.000      | RPM", "9.000      | RPM") + CHASSIS.replace(": on", ": off"))
    assert [one.sensor.name for one in switched_off if off(one)] == ["CPU1 Temp", "FAN1", "FAN2", "12V"]


@pytest.mark.parametrize(
    ("line", "quantity"),
    [
        ("Cable SAS B      | 91h | ok  |  4.1 | Config Error", "ipmi.cable"),
        ("Riser Config Err | A5h | ok  |  7.1 | Config Error", "ipmi.cable"),
        ("PS1 Status       | 92h | ok  | 10.1 | Presence detected, Config Error", "psu.status"),
        ("PSU Mismatch     | 93h | ok  | 10.1 | Config Error", "psu.status"),
        ("DIMM A1          | 94h | ok  | 32.1 | Configuration Error", "memory.status"),
        ("CPU1             | 95h | ok  |  3.1 | Configuration Error", "cpu.status"),
    ],
)
def test_a_configuration_error_is_of_what_the_line_speaks_of(line: str, quantity: str) -> None:
    one = only(line)
    assert one.sensor.quantity == quantity
    assert "configuration_error" in states(one)


@pytest.mark.parametrize(
    ("line", "quantity", "slot", "asserted"),
    [
        (
            "PSU1_Supply | 0x0 | discrete | 0x0380| na | na | na | na | na | na",
            "psu.status",
            "PSU1",
            ["present", "failure_detected"],
        ),
        (
            "CPU0_C1D0 | 0x0 | discrete | 0x6080| na | na | na | na | na | na",
            "memory.status",
            "CPU0_C1D0",
            ["correctable_ecc_logging_limit", "present"],
        ),
        (
            "PCIe 3 | B3h | ok | 11.3 | Transition to Non-recoverable from less severe",
            "ipmi.slot",
            "3",
            ["non_recoverable_from_less_severe"],
        ),
        ("PCI 2 Fault | 92h | ok | 11.2 | Fault Status", "ipmi.slot", "2", ["fault"]),
        ("Mezz LOM | 93h | ok | 11.9 | Fault Status", "ipmi.slot", "9", ["fault"]),
        ("Cooling Zone 1 | 37h | ok | 30.1 | Redundancy Lost", "fan.redundancy", "Cooling Zone 1", ["redundancy_lost"]),
    ],
)
def test_more_names_that_say_what_a_sensor_is(line: str, quantity: str, slot: str, asserted: list[str]) -> None:
    one = only(line)
    assert (one.sensor.quantity, one.sensor.part.slot, states(one)) == (quantity, slot, asserted)


def test_bare_bits_of_a_slot_say_nothing() -> None:
    assert only("PCIe 3 | 0x1 | discrete | 0x0100| na | na | na | na | na | na").sensor.quantity != "ipmi.slot"


def test_what_ipmitool_says_of_its_list_of_makers_is_no_damaged_line() -> None:
    text = (
        "IANA PEN registry open failed: No such file or directory\n"
        "MB_Inlet | 21.000 | degrees C | ok | na | na | na | na | na | na\n"
    )
    assert only(text).sensor.name == "MB_Inlet"
