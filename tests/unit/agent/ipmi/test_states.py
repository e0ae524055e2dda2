"""The state tables against the wire's vocabulary and the specification's own table."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hardcase_agent.sensors.ipmi.states import GENERIC, OFFSETS, SENSOR_SPECIFIC, meaning
from hypothesis import given
from hypothesis import strategies as st

VOCABULARY = {
    "psu.status": (0x08, 0x6F),
    "psu.redundancy": (0x08, 0x0B),
    "power.redundancy": (0x09, 0x0B),
    "fan.redundancy": (0x04, 0x0B),
    "memory.redundancy": (0x0C, 0x0B),
    "cpu.status": (0x07, 0x6F),
    "memory.status": (0x0C, 0x6F),
    "disk.bay": (0x0D, 0x6F),
    "chassis.intrusion": (0x05, 0x6F),
    "battery.status": (0x29, 0x6F),
}


def words_of(root: Path, quantity: str) -> list[str]:
    for line in (root / "protos" / "README.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 3 and f"`{quantity}`" in cells[1]:
            return re.findall(r"`(\w+)`", cells[3])
    raise AssertionError(f"{quantity} is not in the vocabulary")


@pytest.mark.parametrize("quantity", VOCABULARY)
def test_the_words_of_the_wire_are_used_in_the_specifications_order(root: Path, quantity: str) -> None:
    says = meaning(*VOCABULARY[quantity])
    assert says.quantity == quantity
    assert list(says.states) == words_of(root, quantity)


@given(kind=st.integers(0, 255), code=st.integers(0, 0x7F))
def test_every_sensor_type_has_a_quantity_and_at_most_fifteen_names(kind: int, code: int) -> None:
    says = meaning(kind, code)
    assert re.fullmatch(r"[a-z_]+\.[a-z0-9_]+", says.quantity)
    assert 0 < len(says.states) <= OFFSETS
    assert all(re.fullmatch(r"[a-z0-9_]*", state) for state in says.states)
    named = [state for state in says.states if state]
    assert len(set(named)) == len(named)


def test_an_oem_event_type_keeps_its_bits_by_number() -> None:
    assert meaning(0x08, 0x72).states[3] == "offset_3"
    assert meaning(0xC5, SENSOR_SPECIFIC).quantity == "ipmi.oem_c5"


def test_a_predictive_failure_of_a_supply_is_the_supplys_own_word() -> None:
    says = meaning(0x08, 0x04)
    assert (says.quantity, says.states) == ("psu.status", ("", "predictive_failure"))


def test_as_many_states_as_the_specification_names(captures: Path) -> None:
    tables = json.loads((captures / "ipmi" / "tables" / "sensor_event_tables.json").read_text())
    compared = 0
    for key, name in tables["event_reading_types"].items():
        offsets = tables["generic_offsets"].get(name)
        # Ranges ("0x70-0x7F") are the vendors'; thresholds are events by direction, not states.
        if offsets is not None and len(key) == 4 and name != "threshold":
            assert len(GENERIC[int(key, 16)]) == len(offsets), name
            compared += 1
    assert compared >= 10
