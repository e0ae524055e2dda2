"""Reliability logs of clusters that carry the node's place in every line: IBM Blue Gene/L, the HPC log of Los Alamos.

Called by `log_reader.py` for lines of these forms; both name a node (a replaceable card), a time and a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.kernel.log_rule import Found, Outcome

_BLUE_GENE = re.compile(
    r"(?:-|[A-Z]+) (?P<at>\d{9,10}) \d{4}\.\d\d\.\d\d (?P<place>\S+) \S+ \S+ (?P<kind>\S+)"
    r" (?P<unit>[A-Z_]+) (?P<severity>INFO|WARNING|ERROR|SEVERE|FATAL|FAILURE)(?: (?P<text>.*))?$"
)
_HPC = re.compile(
    r"\d+ (?P<place>(?=[A-Za-z])\S+) (?P<unit>[\w.-]+)"
    r" (?P<state>[\w. -]+?) (?P<at>\d{9,10}) [01] ?(?P<text>.*)$"
)


@dataclass(frozen=True, slots=True)
class Told:
    """What a line of either form says."""

    place: str
    when_ms: int
    text: str
    outcomes: tuple[Outcome, ...]


def read(line: str) -> Told | None:
    """None for a line of another form."""
    match = _BLUE_GENE.match(line)
    if match:
        found = tuple(_blue_gene(match["place"], match["severity"], match["text"] or ""))
        return Told(match["place"], int(match["at"]) * 1000, match["text"] or "", found)
    match = _HPC.match(line)
    if match:
        found = tuple(_hpc(match["place"], match["state"], match["text"]))
        return Told(match["place"], int(match["at"]) * 1000, match["text"], found)
    return None


_DDR = re.compile(r"(\d+) ddr errors?(?:\(s\))? (?:errors? )?detected and corrected on rank|CE sym \d+, at")
_PARITY = re.compile(
    r"(?:instruction|data) cache .*parity error (?:corrected|detected)|L[123] .*(?:ecc|parity).*corrected"
)
_FATAL = re.compile(
    r"^(?:data (?:TLB error|storage) interrupt|machine check interrupt|.*uncorrectable.*(?:ecc|ddr|error)|.*double bit|"
    r"L3 major internal error|.*parity error.*uncorrect)",
    re.IGNORECASE,
)


def _blue_gene(place: str, severity: str, text: str) -> Iterator[Outcome]:
    """Severity and words together: INFO tells what was corrected, FATAL what stopped the node. The lines that follow a
    FATAL are its registers and say nothing more."""
    if _DDR.search(text):
        yield Found("memory.correctable_ecc", Part(component=Component.MEMORY, slot=place))
    elif _PARITY.search(text):
        yield Found("cpu.correctable_machine_check", Part(component=Component.CPU, slot=place))
    elif severity == "FATAL" and _FATAL.search(text):
        yield Found("cpu.uncorrectable_machine_check", Part(component=Component.CPU, slot=place))


def _hpc(place: str, state: str, text: str) -> Iterable[Outcome]:
    lowered = text.lower()
    if lowered.startswith("psu failure"):
        yield Found("psu.failure_detected", Part(component=Component.PSU, slot=place))
    elif lowered.startswith("fan speeds") and "****" in text:
        yield Found("fan.failed", Part(component=Component.FAN, slot=place))
    elif "exceeds warning threshold" in lowered:
        yield Found("temperature.upper_non_critical", Part(component=Component.THERMAL, slot=place))
    elif "exceeds critical" in lowered or ("temp" in state and lowered == "critical"):
        yield Found("temperature.upper_critical", Part(component=Component.THERMAL, slot=place))
    elif lowered.startswith("power/control problem"):
        yield Found("power.control_problem", Part(component=Component.POWER, slot=place))
    elif "detected a failed network connection" in lowered:
        yield Found("nic.link_down", Part(component=Component.NIC, slot=place))
    elif lowered.startswith("link error on"):
        yield Found("cable.link_error", Part(component=Component.NIC, slot=place))
