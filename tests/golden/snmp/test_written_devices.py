"""Devices written down after their MIBs: what is read of them, and that health raises nothing while faults do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import pytest
from hardcase_agent.domain.capture import Capture, Listed, Seen
from hardcase_agent.domain.reading import Gap, Number, States
from hardcase_agent.sensors.snmp.decoding import decode
from hardcase_collector.rules.offline import OfflineJudge
from hardcase_collector.rules.sheet_reader import load_sheets

from tests.truth.comparison import Truth, Verdict
from tests.truth.judging import outcome

APC, ARRAY = "1.3.6.1.4.1.318.1.1", "1.3.6.1.3.94.1.8.1"
RARITAN, EATON, SENTRY4 = "1.3.6.1.4.1.13742.6", "1.3.6.1.4.1.534.6.6.7", "1.3.6.1.4.1.1718.4.1"
BLUECOAT, SYNOLOGY, QNAP = "1.3.6.1.4.1.3417.2", "1.3.6.1.4.1.6574", "1.3.6.1.4.1.24681.1"
RITTAL, NETAPP, TRUENAS = "1.3.6.1.4.1.2606.7.4.2.2.1", "1.3.6.1.4.1.789.1", "1.3.6.1.4.1.50536.1.1.1.1"
CPS, GEIST = "1.3.6.1.4.1.3808.1.1", "1.3.6.1.4.1.21239.5.2"

Device: TypeAlias = dict[str, int | str]

UPS_CARD: Device = {
    f"{APC}.1.1.1.1.0": "Smart-UPS 1500",
    f"{APC}.1.1.2.3.0": "AS1234567890",
    f"{APC}.1.2.1.1.0": 2,
    f"{APC}.1.2.2.1.0": 100,
    f"{APC}.1.2.3.1.0": 1000,
    f"{APC}.1.2.2.3.0": 180000,
    f"{APC}.1.2.2.4.0": 1,
    f"{APC}.1.3.2.1.0": 230,
    f"{APC}.1.4.1.1.0": 2,
    f"{APC}.1.4.3.3.0": 215,
    f"{APC}.1.7.2.3.0": 1,
    f"{APC}.1.8.1.0": 1,
}
RACK_PDU: Device = {
    f"{APC}.26.4.3.1.3.1": "rack 7 A",
    f"{APC}.26.4.3.1.4.1": 2,
    f"{APC}.26.4.3.1.5.1": 114,
    f"{APC}.26.4.3.1.9.1": 35128,
    f"{APC}.26.4.3.1.12.1": 1,
    f"{APC}.26.6.3.1.4.1": 2,
    f"{APC}.26.6.3.1.5.1": 49,
    f"{APC}.26.6.3.1.6.1": -1,
    f"{APC}.26.10.2.2.1.3.1": "probe",
    f"{APC}.26.10.2.2.1.6.1": 1,
    f"{APC}.26.10.2.2.1.8.1": -1,
    f"{APC}.26.10.2.2.1.9.1": 1,
}
PX2: Device = {
    f"{RARITAN}.3.2.1.1.3.1": "PX2-2000",
    f"{RARITAN}.3.2.1.1.4.1": "QPH1234567",
    f"{RARITAN}.3.3.3.1.2.1.1": "I1",
    f"{RARITAN}.3.3.4.1.7.1.1.1": 3,
    f"{RARITAN}.3.3.4.1.7.1.1.23": 1,
    f"{RARITAN}.5.2.3.1.3.1.1.1": 4,
    f"{RARITAN}.5.2.3.1.3.1.1.23": 4,
    f"{RARITAN}.5.2.3.1.4.1.1.1": 3497,
    f"{RARITAN}.5.2.3.1.4.1.1.23": 500,
    f"{RARITAN}.3.6.3.1.2.1.1": 10,
    f"{RARITAN}.3.6.3.1.4.1.1": "Inlet air",
    f"{RARITAN}.3.6.3.1.16.1.1": 7,
    f"{RARITAN}.3.6.3.1.17.1.1": 1,
    f"{RARITAN}.5.5.3.1.3.1.1": 4,
    f"{RARITAN}.5.5.3.1.4.1.1": 229,
}
PROXY: Device = {
    f"{BLUECOAT}.11.1.4.0": "4117123456",
    **{f"{BLUECOAT}.1.1.1.1.1.9.{row}": name for row, name in enumerate(("CPU", "+12V", "Fan 1", "Fan 2", "PSU 1"), 1)},
    **{f"{BLUECOAT}.1.1.1.1.1.3.{row}": unit for row, unit in enumerate((5, 4, 6, 6, 1), 1)},
    **{f"{BLUECOAT}.1.1.1.1.1.4.{row}": power for row, power in enumerate((0, -2, 0, 0, 0), 1)},
    **{f"{BLUECOAT}.1.1.1.1.1.5.{row}": value for row, value in enumerate((41, 1214, 5500, 0, 8), 1)},
    **{f"{BLUECOAT}.1.1.1.1.1.6.{row}": code for row, code in enumerate((1, 1, 1, 3, 8), 1)},
    **{f"{BLUECOAT}.1.1.1.1.1.7.{row}": status for row, status in enumerate((1, 1, 1, 4, 1), 1)},
    f"{BLUECOAT}.2.1.1.1.1.3.1": 1,
    f"{BLUECOAT}.2.1.1.1.1.8.1": "WD-1234",
    f"{BLUECOAT}.2.1.1.1.1.3.2": 7,
    f"{BLUECOAT}.4.1.1.1.3.1": "CPU",
    f"{BLUECOAT}.4.1.1.1.4.1": 12,
    f"{BLUECOAT}.4.1.1.1.5.1": 90,
    f"{BLUECOAT}.7.1.2.1.1.1.3.100.110.115": "dns.",
    f"{BLUECOAT}.7.1.2.1.1.2.3.100.110.115": 6,
}
NAS: Device = {
    f"{SYNOLOGY}.1.1.0": 1,
    f"{SYNOLOGY}.1.3.0": 1,
    f"{SYNOLOGY}.1.4.1.0": 1,
    f"{SYNOLOGY}.1.5.1.0": "DS920+",
    f"{SYNOLOGY}.1.5.2.0": "2040PDN123456",
    f"{SYNOLOGY}.2.1.1.2.0": "Disk 1",
    f"{SYNOLOGY}.2.1.1.2.1": "Disk 2",
    f"{SYNOLOGY}.2.1.1.3.1": "WD40EFRX",
    f"{SYNOLOGY}.2.1.1.5.0": 1,
    f"{SYNOLOGY}.2.1.1.5.1": 3,
    f"{SYNOLOGY}.2.1.1.6.0": 31,
    f"{SYNOLOGY}.2.1.1.13.0": 1,
    f"{SYNOLOGY}.2.1.1.13.1": 1,
    f"{SYNOLOGY}.3.1.1.2.0": "Volume 1",
    f"{SYNOLOGY}.3.1.1.3.0": 13,
}
STORE: Device = {
    f"{ARRAY}.3.1.2.1": '"CPU Temperature-Ctlr A"',
    f"{ARRAY}.3.1.2.2": '"Capacitor Pack Voltage-Ctlr A"',
    f"{ARRAY}.3.1.2.3": '"Power Supply 1 Status"',
    f"{ARRAY}.4.1.2.1": 3,
    f"{ARRAY}.4.1.2.2": 3,
    f"{ARRAY}.4.1.2.3": 3,
    f"{ARRAY}.6.1.2.1": '"CPU Temperature-Ctlr A: 62 C 143.60F"',
    f"{ARRAY}.6.1.2.2": '"Capacitor Pack Voltage-Ctlr A: 8.15V"',
    f"{ARRAY}.6.1.2.3": '"Power Supply 1 Status: OK"',
    f"{ARRAY}.7.1.2.1": 8,
    f"{ARRAY}.7.1.2.2": 8,
    f"{ARRAY}.7.1.2.3": 5,
    f"{ARRAY}.8.1.2.1": 3,
    f"{ARRAY}.8.1.2.2": 9,
    f"{ARRAY}.8.1.2.3": 1,
}
CABINET: Device = {
    **{f"{RITTAL}.3.1.{row}": name for row, name in enumerate(("Temperature.Value", "Temperature.Status"), 2)},
    f"{RITTAL}.3.1.9": "Input 1.Status",
    f"{RITTAL}.4.1.2": 2,
    f"{RITTAL}.5.1.2": "degree C",
    f"{RITTAL}.7.1.2": -100,
    f"{RITTAL}.10.1.2": "20.90 degree C",
    f"{RITTAL}.11.1.2": 2090,
    f"{RITTAL}.10.1.3": "OK",
    f"{RITTAL}.10.1.9": "OK",
}
HEALTHY: dict[str, Device] = {
    "a UPS on mains": UPS_CARD,
    "a rack PDU with an empty probe socket": RACK_PDU,
    "a PDU with its decimal digits": PX2,
    "a proxy with an empty fan bay, a spare disk slot and a supply's code 8": PROXY,
    "a NAS with a disk that is not initialised and a volume that scrubs": NAS,
    "an array whose values stand in messages": STORE,
    "a cabinet": CABINET,
    "a filer": {f"{NETAPP}.2.2.4.0": 3, f"{NETAPP}.2.4.2.0": 0, f"{NETAPP}.2.4.4.0": 0, f"{NETAPP}.2.5.1.0": 9},
    "pools online, by number and by word": {
        f"{TRUENAS}.2.1": "boot",
        f"{TRUENAS}.3.1": "ONLINE",
        f"{TRUENAS}.2.2": "tank",
        f"{TRUENAS}.3.2": 0,
    },
}
FAULTS: dict[str, tuple[Device, str]] = {
    "on battery": ({**UPS_CARD, f"{APC}.1.4.1.1.0": 3}, "ups.on_battery"),
    "battery to be replaced": ({**UPS_CARD, f"{APC}.1.2.2.4.0": 2}, "ups.battery_failed"),
    "battery in fault": ({**UPS_CARD, f"{APC}.1.2.1.1.0": 4}, "ups.battery_failed"),
    "bypass by a fault": ({**UPS_CARD, f"{APC}.1.4.1.1.0": 10}, "ups.bypass"),
    "self-test failed": ({**UPS_CARD, f"{APC}.1.7.2.3.0": 2}, "ups.battery_failed"),
    "card has lost its UPS": ({**UPS_CARD, f"{APC}.1.8.1.0": 2}, "ups.unreachable"),
    "overload of a phase": ({**RACK_PDU, f"{APC}.26.6.3.1.4.1": 4}, "pdu.overload"),
    "supply of the PDU": ({**RACK_PDU, f"{APC}.26.4.3.1.12.1": 2}, "psu.failed"),
    "threshold of the PDU": ({**PX2, f"{RARITAN}.5.2.3.1.3.1.1.1": 6}, "pdu.failed"),
    "fan stopped": ({**PROXY, f"{BLUECOAT}.1.1.1.1.1.6.3": 15}, "fan.failed"),
    "supply without power": ({**PROXY, f"{BLUECOAT}.1.1.1.1.1.6.5": 6}, "psu.failed"),
    "disk with an I/O error": ({**PROXY, f"{BLUECOAT}.2.1.1.1.1.3.1": 8}, "disk.failed"),
    "disk crashed": ({**NAS, f"{SYNOLOGY}.2.1.1.5.1": 5}, "disk.failed"),
    "volume degraded": ({**NAS, f"{SYNOLOGY}.3.1.1.3.0": 11}, "raid.degraded"),
    "supply of the array": ({**STORE, f"{ARRAY}.4.1.2.3": 5}, "psu.failed"),
    "contact in alarm": ({**CABINET, f"{RITTAL}.10.1.9": "Alarm"}, "appliance.environment"),
    "fans of the filer": ({f"{NETAPP}.2.4.2.0": 2}, "fan.failed"),
}
READ: dict[str, tuple[Device, dict[str, float | str]]] = {
    "the finer of two objects is read, alone": (
        UPS_CARD,
        {
            "apc-ups/charge_exact": 100.0,
            "apc-ups/load_exact": 21.5,
            "apc-ups/runtime": 1800.0,
            "apc-ups/output": "normal",
        },
    ),
    "tens of watts, tenths of kWh; -1 is none": (
        RACK_PDU,
        {
            "apc-rpdu2/power/1": 1140.0,
            "apc-rpdu2/energy/1": 12_646_080_000.0,
            "apc-rpdu2/phase_current/1": 4.9,
            "apc-rpdu2/phase_voltage/1": "gap absent",
            "apc-rpdu2/temperature/1": "gap absent",
            "apc-rpdu2/temperature_state/1": "absent",
        },
    ),
    "digits and kind of a row": (
        PX2,
        {"raritan-px2/inlet/1.1.1": 3.497, "raritan-px2/inlet/1.1.23": 50.0, "raritan-px2/external/1.1": 22.9},
    ),
    "powers of ten, empty bays": (
        PROXY,
        {
            "bluecoat-sg/sensor/1": 41.0,
            "bluecoat-sg/sensor/2": 12.14,
            "bluecoat-sg/sensor/4": "gap absent",
            "bluecoat-sg/fan_state/4": "absent",
            "bluecoat-sg/supply_state/5": "ok",
            "bluecoat-sg/disk/2": "absent",
            "bluecoat-sg/usage/1": 12.0,
            "bluecoat-sg/health_check/3.100.110.115": "failed",
        },
    ),
    "numbers out of messages": (STORE, {"fc-mgmt/temperature/1.2.1": 62.0, "fc-mgmt/voltage/1.2.2": 8.15}),
    "units in words": (CABINET, {"rittal-cmc3/value/1.2": 20.9, "rittal-cmc3/status/1.9": "normal"}),
    "degrees Fahrenheit": (
        {f"{CPS}.4.2.1.0": 683, f"{CPS}.4.3.1.0": 56},
        {"cyberpower-environment/temperature": 20.166666666, "cyberpower-environment/humidity": 56.0},
    ),
    "temperatures in words": (
        {f"{QNAP}.2.11.1.2.1": "HDD1", f"{QNAP}.2.11.1.3.1": "28 C/82 F", f"{QNAP}.2.11.1.4.1": -5},
        {"qnap/disk_temperature/1": 28.0, "qnap/disk/1": "absent"},
    ),
    "thousandths, thresholds of none": (
        {f"{EATON}.3.2.1.3.0.1.1": 118450, f"{EATON}.3.2.1.4.0.1.1": 0, f"{EATON}.6.4.1.3.0.1": -1},
        {
            "eaton-epdu/input_voltage/0.1.1": 118.45,
            "eaton-epdu/input_voltage_state/0.1.1": "ok",
            "eaton-epdu/outlet_current/0.1": "gap absent",
        },
    ),
    "a lost sensor is absent": (
        {f"{SENTRY4}.9.1.10.0": 0, f"{SENTRY4}.9.3.1.1.1.1": 239, f"{SENTRY4}.9.3.1.2.1.1": 7},
        {"sentry4/temperature/1.1": 23.9, "sentry4/temperature_status/1.1": "absent"},
    ),
}


def recorded(objects: Device) -> Capture:
    lines = (f"{oid}|{2 if isinstance(value, int) else 4}|{value}" for oid, value in objects.items())
    return Capture("written", {"": "\n".join(lines).encode()})


def said(objects: Device) -> Iterator[tuple[str, float | str]]:
    for one in decode(recorded(objects)):
        if isinstance(one, Seen):
            match one.reading:
                case Number(value):
                    yield one.sensor.id, value
                case States(bits):
                    yield one.sensor.id, " ".join(name for bit, name in enumerate(one.sensor.states) if bits >> bit & 1)
                case Gap(reason):
                    yield one.sensor.id, f"gap {reason.value}"


@pytest.fixture(scope="module")
def judge() -> OfflineJudge:
    return OfflineJudge(load_sheets())


@pytest.mark.parametrize("name", READ)
def test_what_the_mib_says_is_read(name: str) -> None:
    objects, expected = READ[name]
    found = dict(said(objects))
    assert {key: found.get(key) for key in expected} == expected


def test_the_coarser_of_two_objects_is_left_out() -> None:
    assert "apc-ups/charge" not in dict(said(UPS_CARD))
    assert dict(said({f"{APC}.1.2.2.1.0": 97}))["apc-ups/charge"] == 97.0


def test_maker_model_and_serial_and_the_disks_are_told() -> None:
    seen = [one for one in decode(recorded(NAS)) if isinstance(one, Seen)]
    asset = seen[0].asset
    assert (asset.vendor, asset.model, asset.serial) == ("Synology", "DS920+", "2040PDN123456")
    disks = {one.part.slot: one.part.model for one in decode(recorded(NAS)) if isinstance(one, Listed)}
    assert disks == {"Disk 1": "", "Disk 2": "WD40EFRX"}


@pytest.mark.parametrize(
    ("unit", "raw", "expected"),
    [
        pytest.param(1, 213, {"vertiv-geist/thd_temperature/1": 21.3}, id="celsius"),
        pytest.param(None, 213, {"vertiv-geist/thd_temperature/1": 21.3}, id="not told"),
        pytest.param(0, 700, {"vertiv-geist/thd_temperature_f/1": pytest.approx(21.11, abs=0.01)}, id="fahrenheit"),
    ],
)
def test_degrees_are_those_the_unit_counts(unit: int | None, raw: int, expected: dict[str, float]) -> None:
    objects: Device = {f"{GEIST}.9.1.3.1": "inlet", f"{GEIST}.9.1.4.1": 1, f"{GEIST}.9.1.5.1": raw}
    assert dict(said(objects if unit is None else {**objects, f"{GEIST}.1.7.0": unit})) == expected


@pytest.mark.parametrize("name", HEALTHY)
def test_health_raises_nothing(name: str, judge: OfflineJudge) -> None:
    verdict = Verdict(name=name, truth=Truth.HEALTHY, captures=(("snmp", recorded(HEALTHY[name])),))
    made = outcome(judge, verdict)
    assert made.unnamed == []
    assert [(one.fault_class, one.part.slot) for one in made.opened] == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_raised_by_its_class(name: str, judge: OfflineJudge) -> None:
    objects, fault_class = FAULTS[name]
    verdict = Verdict(name=name, truth=Truth.FAULT, captures=(("snmp", recorded(objects)),), classes=(fault_class,))
    made = outcome(judge, verdict)
    assert {one.fault_class for one in made.opened} == {fault_class}
