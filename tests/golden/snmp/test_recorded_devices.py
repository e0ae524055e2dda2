"""Recorded devices of many makers against what another project expects of the same recordings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hardcase_agent.domain.reading import Gap, Kind, Number, States
from hardcase_agent.sensors.snmp.identity import Told, identify
from hardcase_agent.sensors.snmp.layout import Item, is_present, lay_out
from hardcase_agent.sensors.snmp.measure import decode
from hardcase_agent.sensors.snmp.objects import Objects
from hardcase_agent.sensors.snmp.profile import makers, shipped_profiles
from hardcase_agent.sensors.snmp.specs import Profile
from hardcase_agent.sensors.snmp.values import Oid, dotted, parse_oid

from tests.golden.snmp.captures import captures, needs_captures, read_capture

STANDARDS = {"ups-mib", "entity-sensor", "lm-sensors", "ucd"}
"""Here the standards alone; all profiles are held against the recordings by tests/truth/snmp.py."""
PROFILES = [profile for profile in shipped_profiles() if profile.name in STANDARDS]
FOLDERS = ("ups", "pdu", "netfault", "storage", "os", "bmc", "appliance", "env")
RECORDED = [pytest.param(path, id=path.stem) for folder in FOLDERS for path in captures(f"librenms/{folder}")] or [
    pytest.param(None, id="no captures")
]


def found(objects: Objects) -> list[Profile]:
    return [profile for profile in PROFILES if is_present(profile, objects)]


def items_of(objects: Objects) -> list[Item]:
    return [item for profile in found(objects) for item in lay_out(profile, objects)]


NOT_OURS = {
    # LibreNMS divides this card's frequencies by 100; mains at 5.0 Hz is its mistake.
    ("huaweiups_ups2000", "frequency"),
}


def expected_numbers(path: Path) -> Iterator[tuple[Oid, float, str]]:
    """(object, value as LibreNMS shows it, class) of the numbers it expects."""
    expected = path.with_name(f"{path.stem}.expected.json")
    if not expected.exists():
        return
    sensors = json.loads(expected.read_text()).get("sensors", {}).get("discovery", {}).get("sensors", [])
    for sensor in sensors:
        name, shown = sensor["sensor_class"], sensor["sensor_current"]
        # Optical power is shown in dBm there and in watts here.
        if name in ("state", "dbm") or shown is None or (path.stem, name) in NOT_OURS:
            continue
        yield parse_oid(sensor["sensor_oid"]), float(shown), name


@pytest.mark.parametrize("path", RECORDED)
def test_every_recording_decodes_into_finite_numbers_states_and_gaps(path: Path | None) -> None:
    needs_captures()
    assert path is not None
    objects = read_capture(path)
    items = items_of(objects)
    assert len({item.sensor.id for item in items}) == len(items)
    for item in items:
        reading = decode(item, objects)
        if isinstance(reading, States):
            assert reading.bits < 1 << len(item.sensor.states)
        elif isinstance(reading, Number):
            assert reading.value == reading.value
            assert item.spec.lowest is None or reading.value >= item.spec.lowest
        else:
            assert reading.detail


def test_numbers_are_those_another_project_expects() -> None:
    needs_captures()
    compared: dict[Kind, int] = {}
    for folder in FOLDERS:
        for path in captures(f"librenms/{folder}"):
            objects = read_capture(path)
            ours = {item.oid: (item, decode(item, objects)) for item in items_of(objects) if not item.spec.collect}
            for oid, value, name in expected_numbers(path):
                if oid not in ours:
                    continue
                item, reading = ours[oid]
                if isinstance(reading, Gap):
                    continue
                assert isinstance(reading, Number)
                shown = reading.value / 60 if name == "runtime" else reading.value
                assert shown == pytest.approx(value, rel=1e-3, abs=0.051), (
                    f"{path.stem} {dotted(oid)} {item.sensor.name}"
                )
                compared[item.sensor.kind] = compared.get(item.sensor.kind, 0) + 1
    assert sum(compared.values()) > 150, compared
    assert {Kind.VOLTAGE, Kind.TEMPERATURE, Kind.FAN, Kind.PERCENTAGE, Kind.DURATION} <= set(compared)


def recorded(name: str) -> Objects:
    needs_captures()
    (path,) = [path for folder in FOLDERS for path in captures(f"librenms/{folder}") if path.stem == name]
    return read_capture(path)


def test_a_line_of_1222_volts_is_a_gap_and_no_voltage() -> None:
    objects = recorded("cxc_ups")
    (line,) = [item for item in items_of(objects) if item.sensor.id == "ups-mib/input_voltage/1"]
    assert isinstance(decode(line, objects), Gap)


def test_a_runtime_of_all_ones_is_no_runtime() -> None:
    objects = recorded("huaweiups_ups2000")
    (runtime,) = [item for item in items_of(objects) if item.sensor.quantity == "ups.runtime"]
    assert isinstance(decode(runtime, objects), Gap)


def test_the_devices_own_low_battery_time_is_the_limit_of_the_runtime() -> None:
    objects = recorded("eaton-mgeups_9pxle")
    (runtime,) = [item for item in items_of(objects) if item.sensor.quantity == "ups.runtime"]
    assert runtime.sensor.limits.lower_critical == 180.0
    assert runtime.sensor.limits.source == "mib"


def test_a_switch_tells_maker_model_and_serial_by_its_chassis() -> None:
    objects = recorded("arista_eos")
    asset = identify(objects, found(objects), Told(address="snmp:10.0.0.9"), makers())
    assert (asset.vendor, asset.model, asset.serial) == ("Arista Networks", "DCS-7050S-52", "JPE00000000")
    assert asset.address == "snmp:10.0.0.9"


def test_a_bmc_without_a_known_table_has_no_sensors_at_all() -> None:
    objects = recorded("supermicro-bmc_x11")
    assert [item.sensor.id for item in items_of(objects) if not item.sensor.id.startswith("ucd/")] == []
