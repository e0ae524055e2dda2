"""One agent's walk in four forms of snmpwalk, recorded by the project of its own net-snmp agent, and captures written
after the formats: what decoding makes of them.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hardcase_agent.domain.capture import Capture, Decoded, Flaw, Listed, Seen, Undecoded
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.reading import Gap, Number, States
from hardcase_agent.sensors.snmp.decoding import decode
from hardcase_agent.sensors.snmp.values import Oid, Value, parse_oid
from hardcase_agent.sensors.snmp.walk_text import read_walk

SNMPD = Path(__file__).with_name("snmpd")
FORMS = ("numeric", "enums", "names", "quick")
MOVING = [parse_oid(oid) for oid in ("1.3.6.1.2.1.1.3", "1.3.6.1.4.1.2021")]
"""Times, memory and load differ from one recording to the next."""
IDRAC = "1.3.6.1.4.1.674.10892.5"


def standing(form: str) -> dict[Oid, Value]:
    walk = read_walk((SNMPD / f"{form}.snmpwalk").read_text(encoding="utf-8"))
    assert walk.flaws == []
    return {oid: value for oid, value in walk.objects.items() if not any(oid[: len(r)] == r for r in MOVING)}


@pytest.mark.parametrize("form", FORMS[1:])
def test_every_form_of_a_walk_has_the_same_objects(form: str) -> None:
    assert len(standing(FORMS[0])) > 20
    # Without types, a time is told by its looks and an address is a text.
    assert standing(form) == standing(FORMS[0])


@pytest.mark.parametrize("form", FORMS)
def test_a_host_that_shows_software_alone_is_decoded_and_its_hardware_said_to_be_unknown(form: str) -> None:
    capture = Capture(form, {"": (SNMPD / f"{form}.snmpwalk").read_bytes()})
    made = list(decode(capture))
    (flaw,) = [one for one in made if isinstance(one, Undecoded)]
    assert flaw.flaw is Flaw.NOTHING_KNOWN
    assert "UCD-SNMP-MIB" in flaw.message
    assert {one.asset.hostname for one in made if isinstance(one, Seen)} == {"lab-host"}
    used = [one for one in made if isinstance(one, Seen) and one.sensor.quantity == "filesystem.used"]
    assert used
    assert all(isinstance(one.reading, Number) and 0 <= one.reading.value <= 100 for one in used)


def decoded(lines: str) -> list[Decoded]:
    return list(decode(Capture("walk", {"": lines.encode()})))


def states_of(made: list[Decoded]) -> dict[str, list[str]]:
    return {
        one.sensor.id: [name for bit, name in enumerate(one.sensor.states) if one.reading.bits >> bit & 1]
        for one in made
        if isinstance(one, Seen) and isinstance(one.reading, States)
    }


SERVER = f"""1.3.6.1.2.1.1.2.0|6|{IDRAC}
1.3.6.1.2.1.1.5.0|4|idrac-lab
{IDRAC}.1.3.2.0|4|LAB0001
{IDRAC}.1.3.12.0|4|PowerEdge R740
{IDRAC}.2.1.0|2|5
{IDRAC}.4.600.12.1.2.1.1|2|1
{IDRAC}.4.600.12.1.2.1.2|2|2
{IDRAC}.4.600.12.1.5.1.1|2|3
{IDRAC}.4.600.12.1.5.1.2|2|5
{IDRAC}.4.600.12.1.8.1.1|4|PS1 Status
{IDRAC}.4.600.12.1.8.1.2|4|PS2 Status
{IDRAC}.4.600.12.1.11.1.1|2|1
{IDRAC}.4.600.12.1.11.1.2|2|9
{IDRAC}.4.700.20.1.5.1.1|2|3
{IDRAC}.4.700.20.1.6.1.1|2|235
{IDRAC}.4.700.20.1.8.1.1|4|System Board Inlet Temp
{IDRAC}.4.700.20.1.10.1.1|2|470
{IDRAC}.4.1100.50.1.2.1.1|2|1
{IDRAC}.4.1100.50.1.5.1.1|2|3
{IDRAC}.4.1100.50.1.8.1.1|4|DIMM.Socket.A1
{IDRAC}.4.1100.50.1.22.1.1|4|M393A2K43BB1
{IDRAC}.4.1100.50.1.23.1.1|4|37D2F8C1
{IDRAC}.5.1.20.130.4.1.2.1|4|Physical Disk 0:1:4
{IDRAC}.5.1.20.130.4.1.4.1|2|7
{IDRAC}.5.1.20.130.4.1.6.1|4|ST1200MM0099
{IDRAC}.5.1.20.130.4.1.7.1|4|WFK1234A
{IDRAC}.5.1.20.130.4.1.31.1|2|1
{IDRAC}.5.1.20.130.4.1.49.1|2|255
"""


def test_a_server_is_known_with_its_parts() -> None:
    made = decoded(SERVER)
    assert not [one for one in made if isinstance(one, Undecoded)]
    (asset,) = {one.asset for one in made if isinstance(one, Seen | Listed)}
    assert (asset.vendor, asset.model, asset.serial, asset.hostname) == (
        "Dell",
        "PowerEdge R740",
        "LAB0001",
        "idrac-lab",
    )
    parts = {(one.part.component, one.part.slot): one.part for one in made if isinstance(one, Listed)}
    assert set(parts) == {
        (Component.PSU, "PS1"),
        (Component.PSU, "PS2"),
        (Component.MEMORY, "A1"),
        (Component.DISK, "Physical Disk 0:1:4"),
    }
    assert parts[Component.MEMORY, "A1"].serial == "37D2F8C1"
    assert parts[Component.DISK, "Physical Disk 0:1:4"].model == "ST1200MM0099"


def test_its_states_are_the_words_of_the_rules() -> None:
    states = states_of(decoded(SERVER))
    assert states["dell-idrac/global"] == ["failed"]
    assert states["dell-idrac/psu_status/1.1"] == ["ok"]
    assert states["dell-idrac/psu_status/1.2"] == ["failed"]
    assert states["dell-idrac/psu_state/1.2"] == ["present", "input_lost"]
    assert states["dell-idrac/disk/1"] == ["failed"]
    assert states["dell-idrac/disk_smart/1"] == ["predicted"]
    assert states["dell-idrac/memory/1.1"] == ["ok"]


def test_its_numbers_have_units_and_the_devices_own_limits_and_what_is_not_applicable_is_a_gap() -> None:
    made = {one.sensor.id: one for one in decoded(SERVER) if isinstance(one, Seen)}
    inlet = made["dell-idrac/temperature/1.1"]
    assert (inlet.reading, inlet.sensor.limits.upper_critical) == (Number(23.5), 47.0)
    assert isinstance(made["dell-idrac/disk_endurance/1"].reading, Gap)


def test_a_bmc_with_standard_tables_alone_is_not_healthy_but_unknown() -> None:
    lines = (
        ".1.3.6.1.2.1.1.1.0 = STRING: Linux (none) 2.6.28.9 armv5tejl\n"
        ".1.3.6.1.2.1.1.2.0 = OID: .1.3.6.1.4.1.8072.3.2.10\n"
        ".1.3.6.1.2.1.2.2.1.2.1 = STRING: lo\n"
    )
    (flaw,) = decoded(lines)
    assert isinstance(flaw, Undecoded)
    assert flaw.flaw is Flaw.NOTHING_KNOWN
    assert "not health" in flaw.message


def test_an_empty_slot_with_zero_thresholds_is_no_sensor_and_zero_is_not_invented() -> None:
    aten = ".1.3.6.1.4.1.21317.1.3.1"
    rows = (("CPU Temp", "32.000", "95.000"), ("P1-DIMMB2 Temp", "0.000", "0.000"), ("FAN3", "0.000", "0.000"))
    lines = "".join(
        f'{aten}.2.{row} = STRING: "{value}"\n{aten}.9.{row} = STRING: "{limit}"\n{aten}.13.{row} = STRING: "{name}"\n'
        for row, (name, value, limit) in enumerate(rows, start=1)
    )
    (seen,) = decoded(lines)
    assert isinstance(seen, Seen)
    assert (seen.sensor.name, seen.reading, seen.sensor.limits.upper_critical) == ("CPU Temp", Number(32.0), 95.0)


def test_readings_with_units_in_words_and_states_in_hexadecimal_are_read() -> None:
    aten = ".1.3.6.1.4.1.21317.1.3.1"
    rows = (
        ("CPU Temp", "36 degrees C", "95 degrees C"),
        ("Chassis Intru", "0x0001", "0"),
        ("PS2 Status", "0x0009", "0"),
    )
    lines = "".join(
        f'{aten}.2.{row} = STRING: "{value}"\n{aten}.9.{row} = STRING: "{limit}"\n{aten}.13.{row} = STRING: "{name}"\n'
        for row, (name, value, limit) in enumerate(rows, start=1)
    )
    made = decoded(lines)
    heat = next(one for one in made if isinstance(one, Seen) and one.sensor.name == "CPU Temp")
    assert (heat.reading, heat.sensor.limits.upper_critical) == (Number(36.0), 95.0)
    assert states_of(made) == {
        "supermicro-bmc/intrusion/2": ["general_intrusion"],
        "supermicro-bmc/psu_sensor/3": ["present", "input_lost"],
    }


def test_an_absent_fan_that_says_abnormal_is_no_fault() -> None:
    table = ".1.3.6.1.4.1.2011.5.25.31.1.1.10.1"
    rows = {"6.1.8": 2, "7.1.8": 2, "6.1.7": 1, "7.1.7": 2}
    made = decoded("".join(f"{table}.{row} = INTEGER: {value}\n" for row, value in rows.items()))
    readings = {one.sensor.id: one.reading for one in made if isinstance(one, Seen)}
    assert isinstance(readings["huawei-switch/fan/1.8"], Gap)
    assert states_of(made) == {"huawei-switch/fan/1.7": ["failed"]}


def test_text_that_is_no_walk_is_said_to_be_none() -> None:
    (flaw,) = decoded("{'json': 1}\n" * 5)
    assert isinstance(flaw, Undecoded)
    assert flaw.flaw is Flaw.FOREIGN
