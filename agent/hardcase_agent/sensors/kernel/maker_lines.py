"""What BMCs of several makers write into their own logs in words (Lifecycle log, XCC and iBMC events), and drivers of
RAID controllers of theirs. Tried after `management_lines.py`, in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.kernel.log_rule import Found, LineRule, Make, Outcome, event, nothing, rule

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


def _pd(code: str) -> Make:
    """MegaRAID names a disk "PD 04(e0xfc/s4)": device, enclosure in hexadecimal, slot."""

    def make(match: re.Match[str]) -> Iterable[Outcome]:
        slot = f"{int(match['enclosure'], 16)}:{match['slot']}" if match["enclosure"] else f"PD {match['pd']}"
        yield Found(code, Part(component=Component.DISK, slot=slot))

    return make


_PD = r"PD (?P<pd>[0-9a-f]{2,4})(?:\(e0x(?P<enclosure>[0-9a-f]+)/s(?P<slot>\d+)\))?"

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
    # MegaRAID's event log and driver
    rule("predictive failure", rf"Predictive failure: {_PD}", _pd("disk.predictive_failure")),
    rule("state change on pd", rf"State change on {_PD} from \w+.* to FAILED", _pd("disk.fault")),
    rule("state change on pd", rf"State change on {_PD} from ONLINE.* to (?:OFFLINE|MISSING)", _pd("disk.offline")),
    rule("unexpected sense", rf"Unexpected sense: {_PD}.*Sense: 3/", _pd("disk.media_error")),
    rule(
        "medium error",
        rf"(?:Unrecoverable|Uncorrectable|Corrected) medium error (?:during \w+ )?(?:at|on) {_PD}",
        _pd("disk.media_error"),
    ),
    rule(
        "is now degraded",
        r"VD (?P<vd>\S+) is now (?:PARTIALLY )?DEGRADED",
        event("raid.degraded", Component.RAID, "vd"),
    ),
    rule("is now offline", r"VD (?P<vd>\S+) is now OFFLINE", event("raid.failed", Component.RAID, "vd")),
    rule(
        "battery",
        r"(?:BBU|Battery) (?:has failed|needs (?:to be replaced|replacement))",
        event("raid.cache_battery_failed", Component.BATTERY, slot="array controller cache"),
    ),
    rule(
        "storage battery",
        r"[Ss](?:torage|mart Storage) [Bb]attery\b.{0,80}?(?:has failed|\bfailure\b|needs to be replaced)",
        event("raid.cache_battery_failed", Component.BATTERY, slot="array controller cache"),
    ),
    rule(
        "fw in fault",
        r"megaraid_sas (?P<slot>[0-9a-f:.]+).*(?:FW in FAULT state|Adapter is (?:dead|not operational))",
        event("raid.controller_fault", Component.RAID, "slot"),
    ),
    rule(
        "fault_state",
        r"(?P<slot>mpt[23]?sas\w*): (?:fault_state|SAS host is non-operational)",
        event("raid.controller_fault", Component.RAID, "slot"),
    ),
    rule(
        "adapter",
        r"(?:(?P<driver>aacraid)(?: (?P<slot>[0-9a-f]{4}:[0-9a-f:.]+))?|AAC\d*): "
        r"(?:Host [Aa]dapter (?:dead|BLINK LED)|Adapter health - -\d)",
        event("raid.controller_fault", Component.RAID, "slot"),
    ),
    rule(
        "non-operational",
        r"(?P<slot>mpt[23]?sas\w*): .*non-operational",
        event("raid.controller_fault", Component.RAID, "slot"),
    ),
    rule(
        "controller lockup",
        r"hpsa (?P<slot>[0-9a-f:.]+): [Cc]ontroller lockup detected",
        event("raid.controller_fault", Component.RAID, "slot"),
    ),
    rule(
        "aen: error",
        r"3w-\w+: (?P<c>scsi\d+): AEN: ERROR .*Drive (?:timeout|error|ECC error) detected:port=(?P<slot>\d+)",
        event("disk.hardware_error", Component.DISK, "slot"),
    ),
    rule(
        "smart threshold exceeded",
        r"3w-\w+: scsi\d+: AEN: \w+ .*SMART threshold exceeded:port=(?P<slot>\d+)",
        event("disk.predictive_failure", Component.DISK, "slot"),
    ),
    rule(
        "aen: ",
        r"3w-\w+: (?P<c>scsi\d+): AEN: \w+ .*Degraded (?:array|unit)",
        event("raid.degraded", Component.RAID, "c"),
    ),
    rule("sas host is", r"SAS host is operational", nothing),
)
