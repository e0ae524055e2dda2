"""The cell of a board's clock is a battery whoever tells its voltage, and a rail is none."""

from __future__ import annotations

import pytest
from hardcase_agent import decoding
from hardcase_agent.domain.capture import Capture, Seen
from hardcase_agent.domain.part import Component
from hardcase_agent.sensors.cell_names import names_battery

IDRAC = "1.3.6.1.4.1.674.10892.5"
ROW = f"{IDRAC}.4.600.20.1"


@pytest.mark.parametrize(
    "name",
    ["VBAT", "P3V_BAT", "BB +3.3V Vbat", "3VBAT", "CMOS 3V", "P3V3_RTC", "VRTC", "Coin cell", "CMOS Battery"],
)
def test_names_of_the_cell(name: str) -> None:
    assert names_battery(name)


@pytest.mark.parametrize("name", ["12V", "P3V3_AUX", "Combat", "VCORE", "Batch", "CPU1 VTT", "3.3VSB", "VDDQ_ABCD"])
def test_names_of_rails(name: str) -> None:
    assert not names_battery(name)


@pytest.mark.parametrize(
    ("name", "component"), [("System Board VBAT", Component.BATTERY), ("System Board 12V", Component.VOLTAGE)]
)
def test_a_bmc_that_tells_it_over_snmp_tells_of_a_battery(name: str, component: Component) -> None:
    rows = {
        "1.3.6.1.2.1.1.1.0": "4|iDRAC",
        "1.3.6.1.2.1.1.2.0": f"6|{IDRAC}",
        f"{ROW}.5.1.1": "2|3",
        f"{ROW}.6.1.1": "2|2900",
        f"{ROW}.8.1.1": f"4|{name}",
        f"{ROW}.13.1.1": "2|2500",
        f"{ROW}.14.1.1": "2|2000",
    }
    text = "\n".join(f"{oid}|{value}" for oid, value in rows.items())
    told = [one for one in decoding.decode("snmp", Capture("x.snmprec", {"": text.encode()})) if isinstance(one, Seen)]
    of_row = [one.sensor for one in told if one.sensor.part.slot == name]
    assert {sensor.part.component for sensor in of_row} == {component}
    assert {sensor.kind.value for sensor in of_row} == {"voltage", "state"}
