"""What an event says by type, offset, direction and data; which module a memory event names."""

from __future__ import annotations

import pytest
from hardcase_agent.domain.part import Component
from hardcase_agent.sensors.ipmi import sel_data, sel_dimm
from hardcase_agent.sensors.ipmi.sel import Machine, parse_entry
from hardcase_agent.sensors.ipmi.sel_meaning import said_by
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("kind", "code", "offset", "asserted", "says", "holds"),
    [
        (0x08, 0x6F, 3, True, "psu.input_lost", True),
        (0x08, 0x6F, 3, False, "psu.input_lost", False),
        (0x08, 0x08, 0, True, "psu.present", False),
        (0x08, 0x08, 0, False, "psu.present", True),
        (0x0D, 0x04, 0, True, "disk.predictive_failure", False),
        (0x04, 0x01, 2, True, "fan.lower_critical", True),
        (0x04, 0x01, 3, True, "fan.lower_critical", False),
        (0x04, 0x07, 6, True, "fan.transition_non_recoverable", True),
        (0x01, 0x07, 2, True, "thermal.transition_critical", True),
        (0x01, 0x07, 0, True, "thermal.transition_ok", True),
        (0x01, 0x05, 0, True, "thermal.limit_exceeded", False),
        (0x10, 0x6F, 0, True, "memory.logging_disabled", True),
        (0x10, 0x6F, 4, True, "sel.full", True),
        (0x23, 0x6F, 1, True, "host.watchdog_hard_reset", True),
        (0x1D, 0x6F, 1, True, "host.hard_reset", True),
        (0xC0, 0x6F, 1, True, "", True),
        (0x08, 0x0B, 1, True, "psu.redundancy_lost", True),
    ],
)
def test_one_code_for_what_begins_and_ends(
    kind: int, code: int, offset: int, asserted: bool, says: str, holds: bool
) -> None:
    said = said_by(kind, code, offset, asserted=asserted)
    assert (said.code, said.asserted) == (says, holds)


def test_disabled_logging_of_corrected_errors_speaks_of_memory() -> None:
    assert said_by(0x10, 0x6F, 0, asserted=True).component is Component.MEMORY


@given(kind=st.integers(0, 255), code=st.integers(0, 127), offset=st.integers(0, 15), asserted=st.booleans())
def test_every_event_says_something(kind: int, code: int, offset: int, asserted: bool) -> None:
    assert said_by(kind, code, offset, asserted=asserted).text


@pytest.mark.parametrize(
    ("vendor", "model", "data", "slot"),
    [
        ("Dell Inc.", "PowerEdge R740", "a18002", "DIMMA2"),
        ("Dell Inc.", "PowerEdge R740", "a18010", "DIMMB1"),
        ("Dell Inc.", "PowerEdge R740", "a19101", "DIMMB3"),
        ("Dell Inc.", "PowerEdge R740", "a1c101", "DIMMA9"),
        ("Dell Inc.", "PowerEdge R740", "a18003", ""),
        ("Supermicro", "X10DRG-O+", "a11a81", "P2-DIMME1"),
        ("Supermicro", "X10DRU-i+", "a12b00", "P1-DIMMB2"),
        ("Supermicro", "X10QRH", "a11a02", "P3-DIMMA1"),
        ("Supermicro", "X11DPU", "a11a81", ""),
        ("Supermicro", "X10DRG-O+", "a1fa81", ""),
        ("Quanta", "T22HF-1U", "a00231", ""),
        ("", "", "a11a81", ""),
        ("Dell Inc.", "PowerEdge R740", "01ffff", ""),
    ],
)
def test_a_module_is_named_only_where_the_layout_is_certain(vendor: str, model: str, data: str, slot: str) -> None:
    dimm = sel_dimm.from_bits(vendor, model, bytes.fromhex(data))
    assert dimm.slot == slot
    assert slot or dimm.note or data.startswith("01")


def test_the_machine_tells_the_layout_of_a_record() -> None:
    raw = bytes.fromhex("050002e1f561652000040c886fa11a81")
    known = parse_entry(raw, 0, {}, Machine("Supermicro", "X10DRG-O+"))
    unknown = parse_entry(raw, 0, {})
    assert (known.part.component, known.part.slot) == (Component.MEMORY, "P2-DIMME1")
    assert (unknown.part.component, unknown.part.slot) == (Component.MEMORY, "#0x88")
    assert "layout not known" in unknown.text


@pytest.mark.parametrize(
    ("kind", "code", "data", "words"),
    [
        (0x08, 0x6F, "36ff03", "rating mismatch"),
        (0x0F, 0x6F, "c002ff", "no usable memory"),
        (0x0F, 0x6F, "c207ff", "PCI resources"),
        (0x23, 0x6F, "c104ff", "timer of SMS/OS"),
        (0x2B, 0x6F, "c109ff", "system firmware"),
        (0x10, 0x6F, "35ff5a", "90 % full"),
        (0x21, 0x6F, "30ff07", "slot 7"),
        (0x08, 0x6F, "03ffff", ""),
        (0x08, 0x6F, "f3ffff", ""),
        (0x0F, 0x6F, "c0f0ff", "0xf0"),
    ],
)
def test_event_data_in_words(kind: int, code: int, data: str, words: str) -> None:
    assert sel_data.words(kind, code, bytes.fromhex(data)) == words


@given(kind=st.integers(0, 255), code=st.integers(0, 127), data=st.binary(min_size=3, max_size=3))
def test_no_event_data_make_it_raise(kind: int, code: int, data: bytes) -> None:
    sel_data.words(kind, code, data)
    sel_dimm.from_bits("Dell", "", data)
    sel_dimm.from_bits("Supermicro", "X10D", data)
