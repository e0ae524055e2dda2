"""Logs of clusters: the node's place, what was corrected and what stopped it; registers printed after say nothing."""

from __future__ import annotations

import pytest
from hardcase_agent.domain.capture import Capture, Recorded
from hardcase_agent.sensors.kernel import log_decoding


def told(line: str) -> list[tuple[str, str, int]]:
    decoded = log_decoding.decode(Capture("log", {"": line.encode()}))
    return [(one.event.code, one.event.part.slot, one.event.device_ms) for one in decoded if isinstance(one, Recorded)]


def blue_gene(severity: str, text: str, label: str = "-") -> str:
    place = "R02-M1-N0-C:J12-U11"
    return f"{label} 1117838570 2005.06.03 {place} 2005-06-03-15.42.50.675872 {place} RAS KERNEL {severity} {text}"


@pytest.mark.parametrize(
    ("severity", "text", "code"),
    [
        ("INFO", "instruction cache parity error corrected", "cpu.correctable_machine_check"),
        ("INFO", "8 ddr errors(s) detected and corrected on rank 0, symbol 15, bit 4", "memory.correctable_ecc"),
        ("FATAL", "data TLB error interrupt", "cpu.uncorrectable_machine_check"),
        ("FATAL", "data storage interrupt", "cpu.uncorrectable_machine_check"),
    ],
)
def test_a_node_card_is_named_by_its_place(severity: str, text: str, code: str) -> None:
    assert told(blue_gene(severity, text)) == [(code, "R02-M1-N0-C:J12-U11", 1_117_838_570_000)]


@pytest.mark.parametrize(
    ("severity", "text"),
    [
        ("INFO", "generating core.2275"),
        ("FATAL", "machine check: i-fetch......................0"),
        ("FATAL", "Lustre mount FAILED : bglio11 : point /p/gb1"),
        ("INFO", "data storage interrupt"),
    ],
)
def test_registers_programs_and_file_systems_are_no_hardware(severity: str, text: str) -> None:
    assert told(blue_gene(severity, text)) == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("51338 node-3 node psu 1106496000 1 psu failure\\ ambient=28", "psu.failure_detected"),
        ("7 node-9 node fan 1106496000 1 Fan speeds ( 3552 3534 3375 **** 3515 3479 )", "fan.failed"),
        ("7 node-9 node temperature 1106496000 1 Temperature (41C) exceeds warning threshold",
         "temperature.upper_non_critical"),
    ],
)  # fmt: skip
def test_a_node_of_the_other_log_is_too(line: str, code: str) -> None:
    (found,) = told(line)
    assert found[0] == code
    assert found[2] == 1_106_496_000_000


@pytest.mark.parametrize(
    "line",
    [
        "7 node-9 node fan 1106496000 1 Fan speeds ( 3552 3534 3375 3515 3515 3479 )",
        "134681 node-246 unix.hw state_change.unavailable 1077804742 1 Component State Change: Component alt0 is in the"
        " unavailable state (HWID=3180)",
        "66410 node-226 action start 1076874863 1 wait  (command 2217)",
    ],
)
def test_ordinary_lines_of_it_are_none(line: str) -> None:
    assert told(line) == []
