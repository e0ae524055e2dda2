"""Lines of the makers' management tools and logs, as they reach a log or a ticket: HPE's IML, hpasmcli and hplog,
Supermicro's and Dell's words for the event log, controllers' words for a failed part.

Each pattern needs the tool's own form: a person's sentence about a part is not taken for what a machine said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.kernel.disk_lines import of_disk
from hardcase_agent.sensors.kernel.log_rule import Found, LineRule, Outcome, event, nothing, rule
from hardcase_agent.sensors.kernel.machine_check import Record, outcomes, status_of


def _dimm(match: re.Match[str]) -> Iterable[Outcome]:
    """HPE: "DIMM Failure - Uncorrectable Memory Error (Processor 2, DIMM 3)"; its silkscreen says "PROC 2 DIMM 3"."""
    groups = match.groupdict()
    cpu, number, named = groups.get("cpu"), groups.get("dimm"), groups.get("slot")
    slot = f"PROC {cpu} DIMM {number}" if cpu and number else (named or (f"DIMM {number}" if number else ""))
    corrected = re.match(r"correct", match["kind"], re.IGNORECASE) is not None
    code = "memory.correctable_ecc" if corrected else "memory.uncorrectable_ecc"
    if corrected and re.search(r"threshold|rate exceeded|logging (?:limit|disabled)", match.string, re.IGNORECASE):
        code = "memory.correctable_ecc_logging_limit"
    yield Found(code, Part(component=Component.MEMORY, slot=slot.strip()))


def _dimm_failed(match: re.Match[str]) -> Iterable[Outcome]:
    slot = f"PROC {match['cpu']} DIMM {match['dimm']}"
    yield Found("memory.device_disabled", Part(component=Component.MEMORY, slot=slot))


def _machine_check(match: re.Match[str]) -> Iterable[Outcome]:
    status = status_of(match["status"])
    if status is not None:
        yield from outcomes(Record(line=0, status=status, socket=int(match["cpu"]) - 1))


def _supply(match: re.Match[str]) -> Iterable[Outcome]:
    slot = f"PSU{match['number']}"
    yield Found("psu.failure_detected", Part(component=Component.PSU, slot=slot))


def _input_lost(match: re.Match[str]) -> Iterable[Outcome]:
    yield Found("psu.input_lost", Part(component=Component.PSU, slot=f"PSU{match['number']}"))


def _bay(match: re.Match[str]) -> Iterable[Outcome]:
    """HPE's place of a disk: port, box, bay, as its array tools write it; of old logs the bay alone."""
    slot = ":".join(word for word in (match["connector"], match["box"], match["bay"]) if word)
    predicted = match[0].endswith("Predictive")
    yield Found("disk.predictive_failure" if predicted else "disk.fault", Part(component=Component.DISK, slot=slot))


def _fan(match: re.Match[str]) -> Iterable[Outcome]:
    yield Found("fan.failed", Part(component=Component.FAN, slot=f"Fan {match['number']}"))


_ASSERTED = {
    ("power unit", "redundancy lost"): ("power.redundancy_lost", Component.POWER),
    ("power supply", "failure detected"): ("psu.failure_detected", Component.PSU),
    ("power supply", "power supply ac lost"): ("psu.input_lost", Component.PSU),
    ("power supply", "predictive failure"): ("psu.predictive_failure", Component.PSU),
    ("memory", "uncorrectable ecc"): ("memory.uncorrectable_ecc", Component.MEMORY),
    ("drive slot / bay", "drive fault"): ("disk.fault", Component.DISK),
    ("drive slot / bay", "predictive failure"): ("disk.predictive_failure", Component.DISK),
    ("processor", "ierr"): ("cpu.ierr", Component.CPU),
    ("processor", "thermal trip"): ("cpu.thermal_trip", Component.CPU),
}
"""(sensor type, state) in ipmitool's words -> event code."""


def _asserted(match: re.Match[str]) -> Iterable[Outcome]:
    known = _ASSERTED.get((match["type"].strip().lower(), match["state"].strip().lower()))
    if known is not None:
        yield Found(known[0], Part(component=known[1]))


_KINDS = {"fan": Component.FAN, "temperature": Component.THERMAL, "voltage": Component.VOLTAGE}


def _threshold(match: re.Match[str]) -> Iterable[Outcome]:
    """ipmievd: "Fan sensor FAN 2 Lower Critical going low (Reading 0 < Threshold 500 RPM)"."""
    kind = match["type"].lower()
    limit = f"{match['side']}_{match['depth']}".lower().replace("-", "_")
    yield Found(f"{kind}.{limit}", Part(component=_KINDS[kind], slot=match["name"].strip()))


_NOT_A_FAULT = r"(?! *(?:No|Normal|OK|Ok|0)\b)"

RULES: tuple[LineRule, ...] = (
    rule(
        "machine check exception",
        r"Machine Check Exception \(.*?Processor (?P<cpu>[1-9]),.*?Status (?P<status>0x[0-9A-Fa-f']+)",
        _machine_check,
    ),
    rule(
        "memory error",
        r"(?P<kind>Uncorrect(?:able|ed)|Correct(?:able|ed)) Memory Error (?:Threshold Exceeded )?"
        r"\((?:Slot \d+, )?(?:Processor (?P<cpu>\d+)|Memory Module (?P<slot>[^)]*))"
        r"(?:, (?:Memory Module|DIMM) (?P<dimm>\d+))?\)",
        _dimm,
    ),
    rule("dimm failed", r"Processor #: (?P<cpu>\d+).*Module #: (?P<dimm>\d+) .*\(.*DIMM failed\)", _dimm_failed),
    # Supermicro: "Uncorrectable ECC / other uncorrectable memory error @P2-DIMMA1(CPU2) - Assertion"
    rule(
        "@",
        r"(?P<kind>Uncorrectable|Correctable) ECC.* ?@ ?(?P<slot>[A-Z0-9_-]*DIMM[A-Z0-9_-]*)(?:\(CPU\d\))?.*Assert",
        _dimm,
    ),
    # Dell: "Multi-bit memory errors detected on a memory device at location(s) DIMM_A1."
    rule(
        "memory errors detected",
        r"(?P<kind>Multi-bit|Single-bit) memory errors? detected on a memory device at location"
        r"(?:\(s\)|s)? (?P<slot>DIMM\S+?)[.,]?(?: |$)",
        _dimm,
    ),
    rule(
        "correctable memory error",
        r"(?P<kind>Correctable|Uncorrectable) memory error.*(?:rate exceeded|threshold|logging"
        r" disabled)? (?:for|on|at) (?P<slot>DIMM[ _]?[A-Z]\d+)",
        _dimm,
    ),
    # The rest of HPE's integrated management log
    rule(
        "memory initialization error",
        r"Memory initialization error on Processor (?P<cpu>\d+),? DIMM (?P<dimm>\d+)",
        _dimm_failed,
    ),
    rule(
        "device failure",
        r"(?:Storage Enclosure|Drive Array|Array Controller) (?:Physical )?(?:Device|Drive) Failure "
        r"\((?=[^)]*\bBay (?P<bay>\d+))(?=[^)]*\bBox (?P<box>\d+))?(?=[^)]*\bPort (?P<connector>\w+))?",
        _bay,
    ),
    rule(
        "status is now failed",
        r"Port (?P<connector>\w+),? Box (?P<box>\d+),? Bay (?P<bay>\d+)\b.*status is now (?:Failed|Predictive)",
        _bay,
    ),
    rule("input power loss", r"Input Power Loss.*\(Power Supply (?P<number>\d+)\)", _input_lost),
    rule(
        "pci express error",
        r"Uncorrectable PCI Express Error \((?:(?P<slot>Slot \d+|Embedded[^,)]*)[,)])?",
        event("pcie.bus_uncorrectable_error", Component.PCIE, "slot"),
    ),
    # hpasmcli and hplog
    rule("power supply #", r"Power supply #(?P<number>\d+) +Present *: *Yes.*Condition *: *FAILED", _supply),
    rule("pwr. supply bay", r"^ *(?P<number>\d+) +\S+ +Pwr\. Supply Bay +Failed", _supply),
    rule("fan", r"^ *#(?P<number>\d+) +\S+ +(?:Yes|No) +(?:FAILED|Failed)", _fan),
    rule("fan failure", r"System Fan(?:s)? Failure \(Fan (?P<number>\d+)", _fan),
    rule("power supply failure", r"(?:System )?Power Supply Failure \((?:Bay|Power Supply) (?P<number>\d+)\)", _supply),
    rule("general failure", r"System Power Supply: General Failure \(Power Supply (?P<number>\d+)\)", _supply),
    rule(
        "not redundant",
        r"System Power Suppl(?:y|ies) (?:Are )?Not Redundant",
        event("power.redundancy_lost", Component.POWER),
    ),
    # Dell: "Power supply 1 failed.", "Fan 3A RPM is less than the lower critical threshold.", "PSU 1 failed."
    rule("failed", r"^(?:.*\bPSU\d{4}:? )?Power supply (?P<number>\d)(?: has)? failed\.?$", _supply),
    rule(
        "critical threshold",
        r"Fan (?P<number>\w+) RPM is (?:outside of range|less than the lower critical threshold)",
        _fan,
    ),
    # Controllers
    rule(
        "smart predictive",
        r"(?:Drive|Disk) (?P<slot>\S+).*(?:SMART predictive failure|predictive failure reported)",
        event("disk.predictive_failure", Component.DISK, "slot"),
    ),
    rule(
        "read errors on ide",
        r"read errors? on IDE channel (?P<slot>\d+)",
        event("disk.media_error", Component.DISK, "slot"),
    ),
    rule(
        "cache status",
        rf"Cache Status: {_NOT_A_FAULT}Permanently Disabled",
        event("raid.cache_battery_failed", Component.BATTERY, slot="array controller cache"),
    ),
    # ipmitool sdr -v: the states of a discrete sensor, whatever the "ok" of its row says
    rule("states asserted", r"States Asserted +: (?P<type>[A-Za-z /]+?) +\[(?P<state>[^\]]+)\]", _asserted),
    rule(
        "going",
        r"\b(?P<type>Fan|Temperature|Voltage) sensor (?P<name>.{1,40}?) +"
        r"(?P<side>Lower|Upper) (?P<depth>Non-critical|Critical|Non-recoverable) +going (?:low|high)(?!.*Deassert)",
        _threshold,
    ),
    rule(
        "sensor",
        r"(?:^|: )(?P<type>Memory|Power Supply|Processor|Drive Slot / Bay) sensor .{0,40}?- *"
        r"(?P<state>[A-Za-z /]+?) Asserted",
        _asserted,
    ),
    # A person's short statement of what the machine shows
    rule("fan", r"^Fan (?P<number>\d+) failed\b", _fan),
    rule("fans have failed", r"^\d+ fans? ha(?:ve|s) failed", event("fan.failed", Component.FAN)),
    rule(
        "out of the raid",
        r"(?P<dev>/dev/\w+) (?:was |has been )?(?:booted|kicked|dropped|thrown) out of the RAID",
        of_disk("disk.dropped"),
    ),
    rule("sel buffer", r"SEL buffer is \d+% full", nothing),
)
