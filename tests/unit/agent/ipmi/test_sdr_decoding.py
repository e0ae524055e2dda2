"""Sensor records and simulator files as captures: every form gives the same readings, and broken ones say where."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from hardcase_agent.domain.capture import Capture, Decoded, Flaw, Listed, Recorded, Seen, Undecoded
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.reading import Gap, GapReason, Number, States
from hardcase_agent.sensors.ipmi import sdr_decoding
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.peers.ipmi_sim import demo

FRU = demo.fru_image("RS900042")


def capture(content: str | bytes) -> Capture:
    return Capture("bmc.emu", {"": content.encode() if isinstance(content, str) else content})


def decode(content: str | bytes) -> list[Decoded]:
    return list(sdr_decoding.decode(capture(content)))


def sdr(raw: bytes) -> str:
    lines = [" ".join(f"0x{byte:02x}" for byte in raw[at : at + 8]) for at in range(0, len(raw), 8)]
    return "main_sdr_add 0x20 \\\n" + " \\\n".join(lines) + "\n"


def emulator(sensors: Iterable[demo.SimSensor], *extra: str) -> str:
    lines = ["mc_setbmc 0x20", "mc_add 0x20 32 no-device-sdrs 0x1 2 30 0xdf 0x2a2 0x100 dynsens"]
    lines.append("mc_add_fru_data 0x20 0x00 512 data " + " ".join(f"{byte:#04x}" for byte in FRU))
    for sensor in sensors:
        analogue = isinstance(sensor, demo.Analogue)
        lines.append(sdr(demo.full_sdr(sensor) if isinstance(sensor, demo.Analogue) else demo.compact_sdr(sensor)))
        place = f"0x20 0x0 {sensor.number:#04x}"
        lines.append(f"sensor_add {place} {sensor.type:#04x} {1 if analogue else sensor.code:#04x}")  # type: ignore[union-attr]  # a Discrete
        if isinstance(sensor, demo.Analogue):
            lines.append(f"sensor_set_value {place} {sensor.reading:#04x} 0x1")
        else:
            lines.append(f"sensor_set_value {place} 0x00 0x1")
            lines += [f"sensor_set_bit {place} {bit} 1 1" for bit in sensor.asserted]
        lines.append(f"sensor_set_event_support {place} enable scanning per-state" + " 000000000000000" * 4)
    return "\n".join([*lines, *extra, "mc_enable 0x20"]) + "\n"


def readings(found: Iterable[Decoded]) -> dict[str, Seen]:
    return {one.sensor.name: one for one in found if isinstance(one, Seen)}


def flaws(found: Iterable[Decoded]) -> list[Undecoded]:
    return [one for one in found if isinstance(one, Undecoded)]


TEMP = demo.Analogue(number=1, name="CPU1 Temp", type=1, unit=1, entity=3, reading=45, limits={"uc": 95, "unc": 85})
SUPPLY = demo.Discrete(number=0x30, name="PS1 Status", type=8, entity=10, bits=(0, 1, 3), asserted=(0, 3))


def test_a_simulators_file_gives_parts_values_and_states_of_the_server() -> None:
    found = decode(emulator([TEMP, SUPPLY]))
    seen = readings(found)
    assert flaws(found) == []
    assert seen["CPU1 Temp"].reading == Number(45.0)
    assert seen["CPU1 Temp"].source == "ipmi.analogue"
    assert seen["CPU1 Temp"].sensor.limits.upper_critical == 95.0
    assert seen["PS1 Status"].reading == States(0b1001)
    assert seen["PS1 Status"].sensor.part.slot == "PSU1"
    assert seen["CPU1 Temp"].asset.serial == "RS900042"
    bmc = next(one.part for one in found if isinstance(one, Listed) and one.part.component is Component.BMC)
    assert bmc.firmware == "2.30"


def test_limits_that_the_bmc_told_outweigh_those_of_its_record() -> None:
    told = "sensor_set_threshold 0x20 0x0 0x01 settable 010000 0x00 0x50 0x00 0x00 0x00 0x00"
    limits = readings(decode(emulator([TEMP], told)))["CPU1 Temp"].sensor.limits
    assert (limits.upper_critical, limits.upper_non_critical) == (80.0, None)
    silent = "sensor_set_threshold 0x20 0x0 0x01 none 000000 0x00 0x00 0x00 0x00 0x00 0x00"
    assert readings(decode(emulator([TEMP], silent)))["CPU1 Temp"].sensor.limits.upper_critical == 95.0


def test_comparison_bits_are_those_of_a_captured_bmc_and_a_file_made_for_a_simulator_has_none() -> None:
    fan = demo.Analogue(number=2, name="FAN 1", type=4, unit=18, entity=29, reading=0, limits={"lc": 5})
    made = readings(decode(emulator([TEMP, fan])))
    assert {made[name].sensor.comparison for name in ("CPU1 Temp", "FAN 1")} == {None}
    bits = ("sensor_set_bit 0x20 0x0 0x01 6 1 1", "sensor_set_bit 0x20 0x0 0x01 7 1 1")
    captured = readings(decode(emulator([TEMP, fan], *bits)))
    assert {captured[name].sensor.comparison for name in ("CPU1 Temp", "FAN 1")} == {0}
    said = readings(decode("# All these data are captured from physical server.\n" + emulator([TEMP, fan])))
    assert {said[name].sensor.comparison for name in ("CPU1 Temp", "FAN 1")} == {0}


def test_a_sensor_whose_scanning_is_off_is_a_gap_whatever_value_is_left_in_it() -> None:
    off = "sensor_set_event_support 0x20 0x0 0x01 enable no-scanning per-state" + " 000000000000000" * 4
    assert readings(decode(emulator([TEMP], off)))["CPU1 Temp"].reading == Gap(GapReason.DISABLED, "scanning disabled")


def test_state_bits_that_a_bay_does_not_have_are_no_drive_fault() -> None:
    bay = demo.Discrete(number=0x45, name="HDD0", type=0x0D, entity=26, bits=(0, 1), asserted=(0, 1, 11, 12, 13))
    off = "sensor_set_event_support 0x20 0x0 0x45 disable scanning per-state" + " 000000000000000" * 4
    reading = readings(decode(emulator([bay], off)))["HDD0"].reading
    assert isinstance(reading, Gap)
    assert reading.reason is GapReason.ERROR


def test_a_captured_sensor_whose_events_are_all_off_had_no_reading() -> None:
    off = "sensor_set_event_support 0x20 0x0 0x01 disable scanning per-state" + " 000000000000000" * 4
    assert readings(decode(emulator([TEMP], off)))["CPU1 Temp"].reading == Number(45.0)
    captured = "# All these data are captured from physical server.\n" + emulator([TEMP], off)
    assert isinstance(readings(decode(captured))["CPU1 Temp"].reading, Gap)


def test_sensors_of_system_software_have_no_reading_though_the_bmc_answered_for_their_number() -> None:
    raw = bytearray(demo.compact_sdr(demo.Discrete(number=1, name="ECC Corr Err", type=12, entity=34, bits=(0,))))
    raw[5] = 0xB1
    text = emulator([TEMP]) + sdr(bytes(raw)) + "sensor_set_value 0xb1 0x0 0x01 0xa1 0x1\n"
    reading = readings(decode(text))["ECC Corr Err"].reading
    assert isinstance(reading, Gap)
    assert reading.reason is GapReason.UNSUPPORTED


def test_an_event_in_the_file_is_decoded_with_the_sensor_it_names() -> None:
    entry = "sel_add 0x20 0x02 0x00 0x00 0x00 0x60 0x20 0x00 0x04 0x08 0x30 0x6f 0x03 0xff 0xff"
    (event,) = [one.event for one in decode(emulator([SUPPLY], entry)) if isinstance(one, Recorded)]
    assert (event.code, event.part.slot) == ("psu.input_lost", "PSU1")


def test_a_dump_of_records_gives_every_sensor_and_says_that_no_reading_is_there() -> None:
    dump = demo.full_sdr(TEMP) + demo.compact_sdr(SUPPLY)
    seen = readings(decode(dump))
    assert list(seen) == ["CPU1 Temp", "PS1 Status"]
    assert {type(one.reading) for one in seen.values()} == {Gap}
    assert seen["CPU1 Temp"].sensor.limits.upper_critical == 95.0


def test_records_in_hex_text_in_json_and_in_a_dump_are_the_same_sensors() -> None:
    raw = [demo.full_sdr(TEMP), demo.compact_sdr(SUPPLY)]
    as_hex = "# repository\n" + "\n".join(record.hex(" ") for record in raw)
    as_json = json.dumps([record.hex() for record in raw])
    as_object = json.dumps({"sdr_records": [{"mc": "0x20", "hex": record.hex()} for record in raw]})
    expected = [one.sensor for one in decode(b"".join(raw)) if isinstance(one, Seen)]
    for text in (as_hex, as_json, as_object):
        assert [one.sensor for one in decode(text) if isinstance(one, Seen)] == expected


def test_json_with_readings_says_what_the_simulators_file_says() -> None:
    sensors = [
        {"mc": "0x20", "lun": "0x0", "num": "0x01", "value": ["0x2d", "0x1"], "event_support": ["enable", "scanning"]},
        {
            "mc": "0x20", "lun": "0x0", "num": "0x30", "value": ["0x00", "0x1"],
            "bits": [["0", "1", "1"], ["3", "1", "1"]], "event_support": ["enable", "scanning"],
        },
    ]  # fmt: skip
    content = {
        "mc_add": [["0x20", "32", "no-device-sdrs", "0x1", "2", "30", "0xdf", "0x2a2", "0x100", "dynsens"]],
        "sdr_records": [{"hex": demo.full_sdr(TEMP).hex()}, {"hex": demo.compact_sdr(SUPPLY).hex()}],
        "fru": {"0x00": {"mc": "0x20", "size": "0x200", "hex": FRU.hex()}},
        "sensors": sensors,
    }
    said = [line for line in decode(json.dumps(content)) if isinstance(line, Seen)]
    header = "# All these data are captured from physical server.\n"
    assert said == [line for line in decode(header + emulator([TEMP, SUPPLY])) if isinstance(line, Seen)]


def test_a_dump_that_ends_within_a_record_gives_the_records_before_it() -> None:
    whole, cut = demo.full_sdr(TEMP), demo.compact_sdr(SUPPLY)[:-4]
    found = decode(whole + cut)
    assert list(readings(found)) == ["CPU1 Temp"]
    assert [(flaw.flaw, flaw.at) for flaw in flaws(found)] == [(Flaw.TRUNCATED, f"offset {len(whole):#x}")]


def test_bytes_between_two_records_are_told_and_the_second_record_is_found() -> None:
    found = decode(demo.full_sdr(TEMP) + b"\xff" * 7 + demo.compact_sdr(SUPPLY))
    assert list(readings(found)) == ["CPU1 Temp", "PS1 Status"]
    assert [flaw.flaw for flaw in flaws(found)] == [Flaw.MALFORMED]


def test_one_wrong_command_is_named_with_its_line_and_the_rest_is_read() -> None:
    found = decode(emulator([TEMP], "sensor_set_value 0x20 0x0 0x01 banana 0x1", "sensor_set_bit 0x20 0 0x01 99 1 1"))
    assert readings(found)["CPU1 Temp"].reading == Number(45.0)
    assert [flaw.flaw for flaw in flaws(found)] == [Flaw.MALFORMED, Flaw.MALFORMED]
    assert all(flaw.at.startswith("line ") for flaw in flaws(found))


def test_a_makers_own_record_is_no_error_and_an_unknown_type_is() -> None:
    oem = bytes((1, 0, 0x51, 0xC0, 5, 0xA2, 2, 0, 1, 2))
    unknown = bytes((2, 0, 0x51, 0x77, 2, 1, 2))
    assert flaws(decode(demo.full_sdr(TEMP) + oem)) == []
    assert [flaw.flaw for flaw in flaws(decode(demo.full_sdr(TEMP) + unknown))] == [Flaw.UNKNOWN]


def test_prose_is_foreign() -> None:
    assert [flaw.flaw for flaw in flaws(decode("Dear customer,\nthe server is broken.\n"))][-1] is Flaw.FOREIGN


EMULATOR = emulator([TEMP, SUPPLY]).encode()
DUMP = demo.full_sdr(TEMP) + demo.compact_sdr(SUPPLY)


@settings(max_examples=300)
@given(st.data())
def test_whatever_is_changed_in_a_file_decoding_raises_nothing(data: st.DataObject) -> None:
    changed = bytearray(data.draw(st.sampled_from((EMULATOR, DUMP))))
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(changed) - 1))
        changed[place] = data.draw(st.integers(0, 255))
    changed = changed[: data.draw(st.integers(1, len(changed)))]
    for one in decode(bytes(changed)):
        assert isinstance(one, Seen | Listed | Recorded | Undecoded)


def test_captured_servers_decode_whole(captures: Path) -> None:
    files = sorted((captures / "ipmi").rglob("*.emu"))
    assert files
    for file in files:
        found = list(sdr_decoding.decode(Capture(file.name, {"": file.read_bytes()})))
        # Dell's backplanes hold something else than a FRU image where theirs should be.
        assert [flaw for flaw in flaws(found) if "no FRU header" not in flaw.message] == [], file.name
        assert len(readings(found)) > 60
        assert found[0].asset.vendor  # type: ignore[union-attr]  # the first is a part
