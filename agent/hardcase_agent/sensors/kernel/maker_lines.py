"""What BMCs of several makers write into their own logs in words (Lifecycle log, XCC and iBMC events). Tried after
`management_lines.py`, in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.kernel.log_rule import Found, LineRule, Make, Outcome, event, rule

_SUPPLY = r"(?:power supply|PSU|PS) ?#?(?P<number>\d)"
_DIMM = r"(?P<slot>(?:PROC ?\d |CPU ?\d[ _-]?|P\d-)?DIMM[ _-]?[A-Z]?\d{1,3}|[A-L]\d{1,2})\b"


def _numbered(code: str, component: Component, prefix: str) -> Make:
    def make(match: re.Match[str]) -> Iterable[Outcome]:
        yield Found(code, Part(component=component, slot=f"{prefix}{match['number']}"))

    return make


def _bus(match: re.Match[str]) -> Iterable[Outcome]:
    groups = match.groupdict()
    if groups.get("bus"):
        slot = f"{int(groups['bus']):02x}:{int(groups['device']):02x}.{groups['function']}"
    else:
        slot = f"slot {groups['slot']}"
    fatal = "fatal" in match[0].lower() and "non-fatal" not in match[0].lower()
    yield Found(
        "pcie.bus_fatal_error" if fatal else "pcie.bus_uncorrectable_error", Part(component=Component.PCIE, slot=slot)
    )


RULES: tuple[LineRule, ...] = (
    # Dell Lifecycle and SEL words
    rule(
        "power supply",
        rf"power input for {_SUPPLY} is (?:lost|outside)",
        _numbered("psu.input_lost", Component.PSU, "PSU"),
    ),
    rule(
        "power supply", rf"predictive failure .*\b{_SUPPLY}", _numbered("psu.predictive_failure", Component.PSU, "PSU")
    ),
    rule(
        "power supply", r"Power supply redundancy (?:is|has been) lost", event("power.redundancy_lost", Component.POWER)
    ),
    rule(
        "power supply",
        rf"^(?:.*[:|] *)?{_SUPPLY} (?:has )?(?:failed|fault(?:ed)?)\b\.?",
        _numbered("psu.failure_detected", Component.PSU, "PSU"),
    ),
    rule(
        "failure detected",
        rf"\b{_SUPPLY}(?: Status)?\b.{{0,24}}\bFailure detected\b(?!.*(?:[Dd]e-?assert|\bno\b))",
        _numbered("psu.failure_detected", Component.PSU, "PSU"),
    ),
    rule("drive", r"Fault detected on [Dd]rive (?P<slot>\d+) in", event("disk.fault", Component.DISK, "slot")),
    rule(
        "predictive failure",
        r"Predictive failure reported for .*?(?P<slot>\d+)",
        event("disk.predictive_failure", Component.DISK, "slot"),
    ),
    rule(
        "internal error (ierr)",
        r"CPU ?(?P<number>\d) has an internal error",
        _numbered("cpu.ierr", Component.CPU, "CPU"),
    ),
    rule(
        "machine check",
        r"CPU (?P<number>\d) machine check error detected",
        _numbered("cpu.uncorrectable_machine_check", Component.CPU, "CPU"),
    ),
    rule(
        "error was detected on a component",
        r"(?:bus )?(?:non-)?fatal (?:IO )?error was detected on a component at "
        r"(?:slot (?P<slot>\d+)|bus (?P<bus>\d+) device (?P<device>\d+) function (?P<function>\d))",
        _bus,
    ),
    rule(
        "logging disabled",
        r"Correctable memory error logging disabled for a memory device at location (?P<slot>DIMM\S+?)[.,]?(?: |$)",
        event("memory.logging_disabled", Component.MEMORY, "slot"),
    ),
    rule(
        "memory error rate",
        rf"Correctable memory error rate exceeded for {_DIMM}",
        event("memory.correctable_ecc_logging_limit", Component.MEMORY, "slot"),
    ),
    rule(
        "fan",
        r"(?:System Board )?Fan ?(?P<number>\w{1,3}) (?:has )?(?:failed|failure detected)\b",
        _numbered("fan.failed", Component.FAN, "Fan "),
    ),
    # Lenovo and IBM
    rule(
        "uncorrectable error",
        rf"Uncorrectable error (?:detected|has been detected) (?:for|on|in) .*?{_DIMM}",
        event("memory.uncorrectable_ecc", Component.MEMORY, "slot"),
    ),
    rule(
        "logging limit",
        rf"(?:Memory )?[Ll]ogging [Ll]imit [Rr]eached (?:for|on) .*?{_DIMM}",
        event("memory.correctable_ecc_logging_limit", Component.MEMORY, "slot"),
    ),
    rule(
        "failure predicted on",
        r"Failure Predicted on (?:drive )?\[?(?P<slot>[^\]]+?)\]?(?: for|\.|$)",
        event("disk.predictive_failure", Component.DISK, "slot"),
    ),
    rule("has failed", rf"{_SUPPLY} has [Ff]ailed", _numbered("psu.failure_detected", Component.PSU, "PSU")),
    # Huawei iBMC
    rule(
        "triggered an uncorrectable",
        rf"{_DIMM}.* triggered an uncorrectable error",
        event("memory.uncorrectable_ecc", Component.MEMORY, "slot"),
    ),
)
