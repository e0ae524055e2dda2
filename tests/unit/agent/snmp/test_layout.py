"""From a device's objects to sensors and readings."""

from __future__ import annotations

import pytest
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Number, Reading, States, Unit
from hardcase_agent.sensors.snmp.identity import Told, identify
from hardcase_agent.sensors.snmp.layout import Item, lay_out, particulars
from hardcase_agent.sensors.snmp.measure import decode
from hardcase_agent.sensors.snmp.profile import makers, shipped_profiles
from hardcase_agent.sensors.snmp.reference import printable
from hardcase_agent.sensors.snmp.specs import Profile
from hardcase_agent.sensors.snmp.values import Missing, Oid, Value, parse_oid

from tests.golden.snmp.captures import value_of
from tests.peers.snmpsim import Rows, entity_rows, plain_rows, ups_rows

PROFILES = {profile.name: profile for profile in shipped_profiles()}
ENTITY_VALUE = "1.3.6.1.2.1.99.1.1.1"
UPS = "1.3.6.1.2.1.33.1"


def objects_of(rows: Rows) -> dict[Oid, Value]:
    objects: dict[Oid, Value] = {}
    for oid, (tag, text) in rows.items():
        value = value_of(tag, text)
        assert value is not None
        objects[parse_oid(oid)] = value
    return objects


def readings(profile: Profile, objects: dict[Oid, Value]) -> dict[str, Reading]:
    return {item.sensor.id: decode(item, objects) for item in lay_out(profile, objects)}


def item(profile: str, objects: dict[Oid, Value], sensor: str) -> Item:
    (found,) = [entry for entry in lay_out(PROFILES[profile], objects) if entry.sensor.id == sensor]
    return found


def test_a_ups_on_battery_is_read_in_units_of_the_wire() -> None:
    read = readings(PROFILES["ups-mib"], objects_of(ups_rows()))
    assert read["ups-mib/runtime"] == Number(1260.0)
    assert read["ups-mib/charge"] == Number(74.0)
    assert read["ups-mib/battery_voltage"] == Number(82.5)
    assert read["ups-mib/battery_current"] == Number(-1.2)
    assert read["ups-mib/input_voltage/1"] == Number(3.0)
    assert read["ups-mib/load/1"] == Number(34.0)
    assert read["ups-mib/alarms"] == Number(2.0)


def test_states_of_a_ups_are_named_as_on_the_wire() -> None:
    objects = objects_of(ups_rows())
    output, battery = item("ups-mib", objects, "ups-mib/output"), item("ups-mib", objects, "ups-mib/battery")
    assert output.sensor.quantity == "ups.output"
    assert output.sensor.states == ("other", "none", "normal", "bypass", "battery", "booster", "reducer")
    assert decode(output, objects) == States(1 << output.sensor.states.index("battery"))
    assert decode(battery, objects) == States(1 << battery.sensor.states.index("normal"))


def test_alarms_that_stand_in_the_table_are_one_set() -> None:
    objects = objects_of(ups_rows())
    alarm = item("ups-mib", objects, "ups-mib/alarm")
    reading = decode(alarm, objects)
    assert isinstance(reading, States)
    names = {name for bit, name in enumerate(alarm.sensor.states) if reading.bits >> bit & 1}
    assert names == {"on_battery", "input_bad"}
    del objects[parse_oid(f"{UPS}.6.2.1.2.1")], objects[parse_oid(f"{UPS}.6.2.1.2.2")]
    assert decode(alarm, objects) == States(0)


def test_a_ups_without_an_alarm_group_has_no_alarm_sensor() -> None:
    objects = objects_of(ups_rows())
    del objects[parse_oid(f"{UPS}.6.1.0")]
    assert "ups-mib/alarm" not in readings(PROFILES["ups-mib"], objects)


@pytest.mark.parametrize(
    ("column", "raw"), [("2.3.0", 4294967295), ("2.4.0", 255), ("2.4.0", -1), ("2.7.0", 2147483647), ("2.1.0", 9)]
)
def test_what_a_ups_cannot_mean_is_a_gap(column: str, raw: int) -> None:
    objects = objects_of(ups_rows())
    oid = parse_oid(f"{UPS}.{column}")
    (entry,) = [entry for entry in lay_out(PROFILES["ups-mib"], objects) if entry.oid == oid]
    reading = decode(entry, {**objects, oid: raw})
    assert isinstance(reading, Gap)
    assert reading.reason is GapReason.ERROR


def test_an_object_that_vanished_is_absent_and_one_that_failed_is_an_error() -> None:
    objects = objects_of(ups_rows())
    charge = item("ups-mib", objects, "ups-mib/charge")
    for missing, reason in (
        (Missing.NO_SUCH_INSTANCE, GapReason.ABSENT),
        (Missing.NO_SUCH_OBJECT, GapReason.ABSENT),
        (Missing.FAILED, GapReason.ERROR),
    ):
        reading = decode(charge, {charge.oid: missing})
        assert isinstance(reading, Gap)
        assert reading.reason is reason
    assert isinstance(decode(charge, {}), Gap)


def test_entity_sensors_are_scaled_by_scale_and_precision() -> None:
    read = readings(PROFILES["entity-sensor"], objects_of(entity_rows()))
    assert read["entity-sensor/value/1001"] == Number(23.4)
    assert read["entity-sensor/value/1002"] == Number(8426.0)
    assert read["entity-sensor/value/1003"] == Number(229.8)


def test_an_entity_sensor_that_is_unavailable_is_absent_and_one_that_is_broken_an_error() -> None:
    read = readings(PROFILES["entity-sensor"], objects_of(entity_rows()))
    absent, broken = read["entity-sensor/value/1004"], read["entity-sensor/value/1005"]
    assert isinstance(absent, Gap)
    assert isinstance(broken, Gap)
    assert (absent.reason, broken.reason) == (GapReason.ABSENT, GapReason.ERROR)
    assert read["entity-sensor/status/1004"] == States(0b010)
    assert read["entity-sensor/status/1005"] == States(0b100)


def test_entity_sensors_bear_the_names_of_the_physical_entities() -> None:
    objects = objects_of(entity_rows())
    inlet = item("entity-sensor", objects, "entity-sensor/value/1001").sensor
    fan = item("entity-sensor", objects, "entity-sensor/value/1002").sensor
    assert (inlet.name, inlet.kind, inlet.unit) == ("Inlet temperature", Kind.TEMPERATURE, Unit.CELSIUS)
    assert (fan.part.component, fan.part.slot) == (Component.FAN, "Fan 1")


@pytest.mark.parametrize(("kind", "scale"), [(1, 9), (12, 9), (8, 0), (8, 99)])
def test_a_row_of_no_known_type_or_scale_is_no_sensor(kind: int, scale: int) -> None:
    objects = objects_of(entity_rows())
    objects[parse_oid(f"{ENTITY_VALUE}.1.1001")] = kind
    objects[parse_oid(f"{ENTITY_VALUE}.2.1001")] = scale
    assert "entity-sensor/value/1001" not in readings(PROFILES["entity-sensor"], objects)


@pytest.mark.parametrize("raw", [1_000_000_000, -1_000_000_000])
def test_overflow_of_an_entity_sensor_is_a_gap(raw: int) -> None:
    objects = objects_of(entity_rows())
    objects[parse_oid(f"{ENTITY_VALUE}.4.1001")] = raw
    assert isinstance(readings(PROFILES["entity-sensor"], objects)["entity-sensor/value/1001"], Gap)


def test_a_look_asks_for_what_describes_the_rows_it_found_and_for_nothing_twice() -> None:
    rows = objects_of({oid: row for oid, row in entity_rows().items() if oid.startswith(f"{ENTITY_VALUE}.4.")})
    wanted = particulars(PROFILES["entity-sensor"], rows)
    assert len(set(wanted)) == len(wanted)
    assert not set(wanted) & set(rows)
    assert parse_oid(f"{ENTITY_VALUE}.1.1001") in wanted
    assert parse_oid("1.3.6.1.2.1.47.1.1.1.1.7.1001") in wanted


def lm_rows(raw: int) -> dict[Oid, Value]:
    table = "1.3.6.1.4.1.2021.13.16.2.1"
    return {parse_oid(f"{table}.2.1"): b"Core 0", parse_oid(f"{table}.3.1"): raw}


def test_lm_sensors_are_read_in_thousandths() -> None:
    assert readings(PROFILES["lm-sensors"], lm_rows(42_500)) == {"lm-sensors/temperature/1": Number(42.5)}


def test_a_temperature_that_wrapped_below_zero_is_a_gap() -> None:
    assert isinstance(readings(PROFILES["lm-sensors"], lm_rows(2**32 - 5000))["lm-sensors/temperature/1"], Gap)


def test_file_systems_of_memory_are_left_out() -> None:
    table = "1.3.6.1.4.1.2021.9.1"
    objects: dict[Oid, Value] = {}
    for index, (point, device) in enumerate((("/", b"/dev/sda1"), ("/run", b"tmpfs")), start=1):
        objects |= {
            parse_oid(f"{table}.2.{index}"): point.encode(),
            parse_oid(f"{table}.3.{index}"): device,
            parse_oid(f"{table}.9.{index}"): 40 + index,
        }
    items = lay_out(PROFILES["ucd"], objects)
    assert [(entry.sensor.quantity, entry.sensor.part.slot) for entry in items] == [("filesystem.used", "/")]
    assert decode(items[0], objects) == Number(41.0)


def test_numbers_given_as_text_are_numbers_and_other_text_is_a_gap() -> None:
    objects = objects_of(ups_rows())
    charge = item("ups-mib", objects, "ups-mib/charge")
    assert decode(charge, {charge.oid: b"97"}) == Number(97.0)
    assert isinstance(decode(charge, {charge.oid: b"n/a"}), Gap)


def test_a_ups_is_known_by_its_ident_group_and_its_address() -> None:
    objects = objects_of(ups_rows())
    asset = identify(objects, [PROFILES["ups-mib"]], Told(address="snmp:10.0.0.5"), makers())
    assert (asset.vendor, asset.model, asset.kind, asset.hostname) == ("EATON", "9PX 3000", "ups", "ups1")
    assert (asset.serial, asset.address) == ("", "snmp:10.0.0.5")


def test_what_the_configuration_says_of_a_device_goes_first() -> None:
    told = Told(kind="pdu", vendor="Acme", model="P1", serial="SN1")
    asset = identify(objects_of(ups_rows()), [PROFILES["ups-mib"]], told, makers())
    assert (asset.kind, asset.vendor, asset.model, asset.serial) == ("pdu", "Acme", "P1", "SN1")


def test_a_maker_may_be_known_by_its_enterprise_number_alone() -> None:
    objects: dict[Oid, Value] = {parse_oid("1.3.6.1.2.1.1.2.0"): parse_oid("1.3.6.1.4.1.318.1.3.27")}
    assert identify(objects, [], Told(), makers()).vendor == "APC"
    assert identify(objects_of(plain_rows()), [], Told(), makers()).vendor == ""


def test_text_of_a_device_is_made_fit_for_people() -> None:
    assert printable(b"  Lab\x00 rack\r\n\xff1 ") == "Lab rack 1"
    assert len(printable(b"x" * 5000)) == 120
    assert printable(Missing.NO_SUCH_OBJECT) == ""
