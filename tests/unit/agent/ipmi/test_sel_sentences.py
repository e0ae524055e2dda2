"""Sentences of vendors' registries: what each says, of which part, and that ends are ends."""

from __future__ import annotations

import time

import pytest
from hardcase_agent.domain.capture import Capture, Recorded
from hardcase_agent.domain.event import Event
from hardcase_agent.sensors.ipmi import sel_sentences
from hardcase_agent.sensors.ipmi.sel_decoding import decode


def told(sentence: str, severity: str = "Critical") -> Event:
    block = f"Record:      2\nDate/Time:   06/02/2023 11:00:00\nSeverity:    {severity}\nDescription: {sentence}\n"
    (event,) = [one.event for one in decode(Capture("log", {"": block.encode()})) if isinstance(one, Recorded)]
    return event


@pytest.mark.parametrize(
    ("sentence", "code", "slot"),
    [
        ("The power input for power supply 1 is lost.", "psu.input_lost", "PSU1"),
        ("Power supply 2 failed.", "psu.failure_detected", "PSU2"),
        ("System Power Supply: General Failure (Power Supply 2)", "psu.failure_detected", "PSU2"),
        ("Power supply 1 is incorrectly configured.", "psu.configuration_error", "PSU1"),
        ("Fan failure detected on power supply 1.", "psu.failure_detected", "PSU1"),
        ("Power Supply Power Supply 2 has lost input.", "psu.input_lost", "PSU2"),
        ("Fan 1A RPM is less than the lower critical threshold.", "fan.lower_critical", "FAN1A"),
        ("The system board Fan3 RPM is less than the lower critical threshold.", "fan.lower_critical", "FAN3"),
        ("The system board Fan3 RPM is less than the lower warning threshold.", "fan.lower_non_critical", "FAN3"),
        ("The system board 3.3V PG voltage is outside of the allowable range.",
         "voltage.lower_critical", "system board 3.3V PG"),
        ("Predictive failure reported for drive 3 in disk drive bay 1.", "disk.predictive_failure", "3"),
        ("System Fan Failure (Fan 3, Location System)", "fan.lower_critical", "FAN3"),
        ("The system inlet temperature is greater than the upper critical threshold.",
         "temperature.upper_critical", "system inlet"),
        ("CPU 1 VCORE PG voltage is outside of range.", "voltage.lower_critical", "CPU1"),
        ("Memory mirror redundancy is lost. Check memory device at location(s) DIMM_A1.",
         "memory.redundancy_lost", "DIMMA1"),
        ("Multi-bit memory errors detected on a memory device at location(s) DIMM_A3.",
         "memory.uncorrectable_ecc", "DIMMA3"),
        ("Predictive failure detected on drive 3 in disk drive bay 1.", "disk.predictive_failure", "3"),
        ("Drive 3 is removed from disk drive bay 1.", "disk.present", "3"),
        ("CPU 2 has a thermal trip (over-temperature) event.", "cpu.thermal_trip", "CPU2"),
        ("A fatal error was detected on a component at slot 2.", "pcie.bus_fatal_error", "2"),
        ("A bus correctable error was detected on a component at bus 0 device 2 function 0.",
         "pcie.bus_correctable_error", "00:02.0"),
        ("The storage battery has failed.", "battery.failed", "storage"),
        ("The watchdog timer expired.", "host.watchdog_expired", ""),
        ("System event log (SEL) is almost full.", "sel.almost_full", ""),
    ],
)  # fmt: skip
def test_a_sentence_names_its_fault_and_part(sentence: str, code: str, slot: str) -> None:
    event = told(sentence)
    assert (event.code, event.part.slot) == (code, slot)


@pytest.mark.parametrize(
    ("beginning", "end"),
    [
        ("The power input for power supply 1 is lost.", "The input power for power supply 1 has been restored."),
        ("Fan 3 RPM is less than the lower critical threshold.", "Fan 3 RPM is within range."),
        ("The system inlet temperature is greater than the upper critical threshold.",
         "The system inlet temperature is within range."),
        ("The chassis is open while the power is off.", "The chassis is closed while the power is off."),
        ("Power supply redundancy is lost.", "The power supplies are redundant."),
        ("Fan redundancy is lost.", "The fans are redundant."),
        ("The system board battery has failed.", "The system board battery is operating normally."),
    ],
)  # fmt: skip
def test_what_ended_is_the_same_code_on_the_same_part(beginning: str, end: str) -> None:
    begun, ended = told(beginning), told(end, "Ok")
    assert (begun.code, begun.part) == (ended.code, ended.part)
    assert (begun.asserted, ended.asserted) == (True, False)


@pytest.mark.parametrize(
    "sentence",
    [
        "C: boot completed.",
        "An OEM diagnostic event occurred.",
        "Maintenance note: Replaced power supply 2, it failed.",
        "Server power restored.",
        "An OS-graceful shutdown occurred.",
    ],
)
def test_what_is_no_fault_has_no_code(sentence: str) -> None:
    assert told(sentence).code == ""


def test_a_line_of_any_words_is_searched_in_bounded_time() -> None:
    started = time.process_time()
    for words in ("the temperature ", "power supply ", "fan fan ", "drive disk a ", "a b "):
        sel_sentences.said_in((words * 2000)[:20_000])
    assert time.process_time() - started < 1
