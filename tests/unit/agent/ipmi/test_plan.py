"""Records to sensors: identity, parts, what is powered by the host, whole captured servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.ports import Controller
from hardcase_agent.domain.reading import Limits, Number
from hardcase_agent.sensors.ipmi.plan import Plan, build_plan
from hardcase_agent.sensors.ipmi.records import Record, parse_record
from hardcase_agent.sensors.ipmi.repository import Repository, default_limits

from tests.fakes.bmc import FakeBmc
from tests.peers.ipmi_sim import demo


def records_of(sensors: list[Any]) -> list[Record]:
    return [found for raw in FakeBmc(sensors).records for found in parse_record(raw)]


def plan_of(*sensors: Any) -> Plan:
    return build_plan(records_of(list(sensors)), {}, {})


def part_of(sensor: Any) -> Part:
    plan = plan_of(sensor)
    return (*plan.analogue, *plan.discrete)[0].sensor.part


def analogue(name: str, **fields: Any) -> Any:
    return demo.Analogue(**({"number": 1, "name": name, "type": 1, "unit": 1, "entity": 7} | fields))


def test_sensors_are_numbers_or_states_in_the_repositorys_order() -> None:
    plan = build_plan(records_of(list(demo.server_sensors())), {}, {})
    assert [planned.sensor.name for planned in plan.analogue][:3] == ["CPU 1 Temp", "CPU 2 Temp", "Inlet Temp"]
    assert [planned.sensor.quantity for planned in plan.discrete] == [
        "psu.status", "psu.status", "power.redundancy", "chassis.intrusion", "memory.status", "cpu.status", "disk.bay",
    ]  # fmt: skip


def test_a_record_that_is_there_twice_is_one_sensor_and_equal_names_are_told_apart() -> None:
    temp = analogue("Temp", entity=3)
    plan = plan_of(temp, temp, analogue("Temp", number=2, entity=3, instance=2))
    assert [planned.sensor.name for planned in plan.analogue] == ["Temp (3.1)", "Temp (3.2)"]
    assert len({planned.sensor.id for planned in plan.analogue}) == 2


def test_eight_fans_on_one_entity_are_eight_parts_and_one_fan_on_its_own_keeps_its_number() -> None:
    fan = {"type": 4, "unit": 18, "entity": 29}
    plan = plan_of(analogue("Fan_SYS0", number=1, **fan), analogue("Fan_SYS1", number=2, **fan))
    assert [planned.sensor.part.slot for planned in plan.analogue] == ["Fan_SYS0", "Fan_SYS1"]
    assert part_of(analogue("FAN 3", instance=3, **fan)) == Part(component=Component.FAN, slot="FAN3")


def test_a_fan_a_dimm_and_a_bay_are_parts_though_the_vendor_says_system_board() -> None:
    assert part_of(analogue("Fan1A", type=4, unit=18)) == Part(component=Component.FAN, slot="Fan1A")
    dimm = demo.Discrete(number=1, name="DIMM A1", type=12, entity=7, bits=(0, 1))
    assert part_of(dimm) == Part(component=Component.MEMORY, slot="DIMM A1")


def test_a_fan_within_a_supply_is_the_supply() -> None:
    assert part_of(analogue("PSU Fan", type=4, unit=18, entity=10, instance=2)) == Part(
        component=Component.PSU, slot="PSU2"
    )


def test_a_supply_is_where_its_name_says_though_its_maker_counts_entities_from_0() -> None:
    supply = {"type": 8, "entity": 10, "bits": (0, 1)}
    plan = plan_of(
        demo.Discrete(number=1, name="PSU1", instance=0, **supply),
        demo.Discrete(number=2, name="PSU2", instance=1, **supply),
        analogue("Pwr Out", number=3, type=3, unit=5, entity=10, instance=1),
    )
    assert [planned.sensor.part.slot for planned in (*plan.discrete, *plan.analogue)] == ["PSU1", "PSU2", "PSU2"]


def test_names_that_contradict_each_other_leave_the_entity_s_number() -> None:
    temps = [analogue(f"CPU{number} Temp", number=number, entity=3, instance=3) for number in (1, 2)]
    assert {planned.sensor.part.slot for planned in plan_of(*temps).analogue} == {"CPU3"}
    assert part_of(analogue("P1V8 CPU", type=2, unit=4, entity=3, instance=2)).slot == "CPU2"


def test_the_voltage_of_the_clocks_cell_is_the_batterys() -> None:
    for name in ("VBAT", "P3V_BAT", "BB +3.3V Vbat", "3VBAT"):
        assert part_of(analogue(name, type=2, unit=4)) == Part(component=Component.BATTERY, slot=name)
    assert part_of(analogue("P12V", type=2, unit=4)).component is Component.BOARD


def test_rails_and_fans_go_off_with_the_host_and_inlet_supply_and_battery_do_not() -> None:
    volt = {"type": 2, "unit": 4}
    powered = {
        sensor.name: plan_of(sensor).analogue[0].sensor.host_powered
        for sensor in (
            analogue("P12V", **volt), analogue("P3V3_AUX", **volt), analogue("VBAT", **volt),
            analogue("Vin", entity=10, **volt), analogue("Inlet", entity=55), analogue("CPU", entity=3),
            analogue("Fan1", type=4, unit=18),
        )
    }  # fmt: skip
    assert powered == {
        "P12V": True, "P3V3_AUX": False, "VBAT": False, "Vin": False, "Inlet": False, "CPU": True, "Fan1": True,
    }  # fmt: skip


def test_sensors_of_other_controllers_are_asked_behind_the_bmc_and_never_of_it() -> None:
    raw = bytearray(demo.full_sdr(analogue("ME Temp", owner=0x2C)))
    raw[6] = 0x61
    plan = build_plan(parse_record(bytes(raw)), {}, {})
    assert plan.analogue == ()
    ((controller, (planned,)),) = plan.behind.items()
    assert (controller, planned.sensor.name, planned.request.lun) == (Controller(6, 0x2C), "ME Temp", 1)
    assert (0x2C, 1, 1) in plan.directory


def test_a_supply_that_tells_watts_beside_its_states_is_two_sensors() -> None:
    raw = bytearray(demo.full_sdr(analogue("Power Supply 1", type=8, unit=6, entity=10)))
    raw[13] = 0x6F
    plan = build_plan(parse_record(bytes(raw)), {}, {})
    (states,), (watts,) = plan.discrete, plan.analogue
    assert (states.sensor.quantity, watts.sensor.unit) == ("psu.status", "W")
    assert watts.sensor.id == states.sensor.id + ":value"
    assert watts.read(bytes((0, 95, 0xC0, 1, 0))) == Number(95.0)


def test_sensors_of_system_software_are_neither_asked_nor_said_to_be_behind_the_bmc() -> None:
    raw = bytearray(demo.compact_sdr(demo.Discrete(number=1, name="ECC Corr Err", type=12, entity=34, bits=(0,))))
    raw[5] = 0xB1
    plan = build_plan(parse_record(bytes(raw)), {}, {})
    assert (plan.analogue, plan.discrete, plan.behind) == ((), (), {})
    assert (0xB1, 0, 1) in plan.directory


def test_dimms_that_share_an_entity_are_the_modules_their_names_say() -> None:
    dimms = [demo.Discrete(number=n, name=f"A{n}", type=12, entity=32, bits=(0, 1)) for n in (1, 2)]
    plan = plan_of(*dimms)
    assert [planned.sensor.part.slot for planned in plan.discrete] == ["A1", "A2"]


def test_an_instance_from_96_on_counts_from_its_controllers_first() -> None:
    assert part_of(analogue("FAN_5", type=4, unit=18, entity=29, instance=100)).slot == "FAN5"
    assert part_of(analogue("Inlet", entity=55, instance=96)).slot == "1"


def test_comparison_bits_of_first_sight_go_into_the_sensor() -> None:
    plan = build_plan(records_of([analogue("Temp", entity=3)]), {}, {"20.0.1/3.1": 0b001000})
    assert plan.analogue[0].sensor.comparison == 0b001000


def captured(captures: Path) -> dict[str, dict[str, Any]]:
    folder = captures / "ipmi" / "emu"
    return {path.name.split(".")[0]: json.loads(path.read_text()) for path in sorted(folder.glob("*.sdr_fru.json"))}


def test_captured_servers_give_unique_sensors_with_ordered_limits(captures: Path) -> None:
    for name, content in captured(captures).items():
        raw = tuple(bytes.fromhex(record["hex"]) for record in content["sdr_records"])
        repository = Repository(records=raw, stated={})
        records, broken = repository.parsed()
        plan = build_plan(records, default_limits(repository), {})
        ids = [planned.sensor.id for planned in (*plan.analogue, *plan.discrete)]
        assert broken == 0, name
        assert len(ids) == len(set(ids)) > 60, name
        for planned in plan.analogue:
            _in_order(planned.sensor.limits)


def _in_order(limits: Limits) -> None:
    lower = [limits.lower_non_recoverable, limits.lower_critical, limits.lower_non_critical]
    upper = [limits.upper_non_critical, limits.upper_critical, limits.upper_non_recoverable]
    for side in (lower, upper):
        stated = [value for value in side if value is not None]
        # Vendors leave single limits at 0 in the record; those are refused by the collector, one by one.
        if all(stated):
            assert stated == sorted(stated)


def test_captured_raw_bytes_give_values_a_healthy_server_has(captures: Path) -> None:
    content = captured(captures)["dell_r630"]
    raw_by_number = {int(sensor["num"], 16): int(sensor["value"][0], 16) for sensor in content["sensors"]}
    records = [found for record in content["sdr_records"] for found in parse_record(bytes.fromhex(record["hex"]))]
    temperatures = []
    for planned in build_plan(records, {}, {}).analogue:
        number = planned.request.data[0]
        if planned.sensor.unit == "Cel" and number in raw_by_number:
            reading = planned.read(bytes((0, raw_by_number[number], 0xC0, 0, 0)))
            assert isinstance(reading, Number)
            temperatures.append(reading.value)
    assert temperatures
    assert all(-128 <= value < 90 for value in temperatures)
    assert any(15 < value < 60 for value in temperatures)
