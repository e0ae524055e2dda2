"""Event logs in sentences: Dell's `racadm getsel` and lifecycle log, HPE's integrated management log, and their like.

Pure; used by `sel_decoding.py`. The sentences are the vendors' message registries; only those whose meaning is certain
become a code, the others travel as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from hardcase_agent.domain.event import Event
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.ipmi import sel_dates, sel_place

_C = Component
_SENTENCES: tuple[tuple[str, Component, str, bool], ...] = (
    (r"multi-?bit memory error|dimm\S* triggered an uncorrectable"
     r"|uncorrectable error (?:has occurred|detected) (?:on|for) .*dimm|uncorrectable (?:memory|ecc)"
     r"|uncorrectable .*memory error",
     _C.MEMORY, "memory.uncorrectable_ecc", True),
    (r"correctable memory error (?:rate|log|threshold).*(?:exceed|limit|disabled)|correctable .*threshold exceeded"
     r"|persistent correctable memory|memory error logging limit",
     _C.MEMORY, "memory.correctable_ecc_logging_limit", True),
    (r"correctable memory error|single-?bit", _C.MEMORY, "memory.correctable_ecc", True),
    (r"power input (?:for|to) power supply .* (?:is|was|has been) (?:lost|removed)|lost input power"
     r"|input power (?:loss|lost)|power supply .* power input .* lost|ac (?:power )?lost"
     r"|power supply (?:\S+ )?(?:has )?(?:input )?lost(?: input| power)?",
     _C.PSU, "psu.input_lost", True),
    (r"(?:input )?power (?:input )?(?:for|to) power supply .* (?:has been )?restored|input power .*restored",
     _C.PSU, "psu.input_lost", False),
    (r"power supply redundancy is lost|power suppl(?:y|ies) (?:are )?(?:no longer|not) redundant"
     r"|redundancy (?:is |has been )?lost",
     _C.PSU, "psu.redundancy_lost", True),
    (r"power suppl(?:y|ies) (?:are )?redundant|redundancy (?:is |has been )?(?:regained|restored)",
     _C.PSU, "psu.redundancy_lost", False),
    (r"predictive failure (?:detected )?(?:on|for) power supply", _C.PSU, "psu.predictive_failure", True),
    (r"power supply (?:\S+ )?(?:has )?(?:failed|failure)|failure detected (?:on|for) power supply",
     _C.PSU, "psu.failure_detected", True),
    (r"power supply .* (?:is operating normally|ok\b|repaired)", _C.PSU, "psu.failure_detected", False),
    (r"(?:drive|disk) .*(?:predictive failure|failure is predicted|predicts)",
     _C.DISK, "disk.predictive_failure", True),
    (r"fault detected on (?:drive|disk)|(?:drive|disk) .*disabled due to a detected fault|(?:drive|disk) fault"
     r"|(?:drive|disk) \S+ .*(?:failed|is offline)|(?:drive|disk) .*failure",
     _C.DISK, "disk.fault", True),
    (r"(?:drive|disk) .* (?:is )?removed", _C.DISK, "disk.present", False),
    (r"(?:drive|disk) .* (?:is )?(?:installed|inserted)", _C.DISK, "disk.present", True),
    (r"fan (?:\S+ )?(?:rpm )?is (?:less than the lower critical|below the lower critical)|fan .*fail(?:ed|ure)",
     _C.FAN, "fan.lower_critical", True),
    (r"fan redundancy is lost|fans? not redundant", _C.FAN, "fan.redundancy_lost", True),
    (r"cpu \d+ has an internal error|processor .*internal error|ierr\b|caterr", _C.CPU, "cpu.ierr", True),
    (r"cpu \d+ .*thermal trip|over-?temperature .* cpu", _C.CPU, "cpu.thermal_trip", True),
    (r"machine check error detected|uncorrectable machine check", _C.CPU, "cpu.uncorrectable_machine_check", True),
    (r"fatal error (?:was )?detected on a component at bus|pci express .*fatal|bus fatal error",
     _C.PCIE, "pcie.bus_fatal_error", True),
    (r"log (?:was )?cleared|event log .* cleared|log has been cleared", _C.BMC, "sel.cleared", True),
    (r"log is full|event log .*\bfull\b", _C.BMC, "sel.full", True),
    (r"system board .*battery (?:is )?(?:failed|failing|low)|cmos battery .*fail", _C.BATTERY, "battery.failed", True),
    (r"chassis is open|cover .*(?:removed|open)", _C.CHASSIS, "chassis.general_intrusion", True),
)  # fmt: skip
_COMPILED: tuple[tuple[Callable[[str], object], Component, str, bool], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE).search, component, code, asserted)
    for pattern, component, code, asserted in _SENTENCES
)
_LINE = re.compile(
    r"\s*(?:(?P<id>\d{1,6})[\s|,]+)?(?P<severity>ok|info(?:rmational)?|non-critical|caution|warning|critical|repaired)"
    r"[\s|,:]+(?P<rest>.*\d{1,4}[/\-]\d{1,2}[/\-]\d{2,4}.*)",
    re.IGNORECASE,
)
_DIRECTIONS = {"assertion": "", "asserted": "", "deassertion": "repaired", "deasserted": "repaired"}
"""How Supermicro's pages and ipmicfg end a sentence, and the severity that this amounts to."""
_NUMBERED = re.compile(r"\s*(?:Event\s*:\s*)?(\d{1,6})[\s|,]+", re.IGNORECASE)
_LOCATION = re.compile(r"location(?:\(s\)|s)?\s+(.*?)[.\s]*$", re.IGNORECASE)
_REPAIRED = ("repaired",)


def line(text: str, order: sel_dates.Order) -> Event | None:
    """A line with severity, date and sentence, or with sentence and direction. None where it is none.

    The first is how HPE's and Dell's tables print it, the second how Supermicro's pages do.
    """
    words, dash, direction = text.rpartition(" - ")
    severity = _DIRECTIONS.get(direction.strip(" \t\"',;").lower())
    if dash and severity is not None and "|" not in words and any(char.isalpha() for char in words):
        numbered = _NUMBERED.match(words)
        return _event(int(numbered[1]) if numbered is not None else 0, words, words, severity, order)
    found = _LINE.fullmatch(text)
    if found is None:
        return None
    return _event(int(found["id"] or 0), found["rest"], found["rest"], found["severity"], order)


def fields(named: dict[str, str], order: sel_dates.Order) -> Event | None:
    """A block of `racadm getsel` ("Record:", "Date/Time:", "Severity:", "Description:") or of the lifecycle log."""
    sentence = named.get("description") or named.get("message", "")
    date = named.get("datetime") or named.get("timestamp") or named.get("date", "")
    if not sentence or not date:
        return None
    number = re.match(r"\d{1,9}", named.get("record") or named.get("seqnumber") or named.get("sequencenumber") or "")
    severity = named.get("severity", "")
    return _event(int(number[0]) if number is not None else 0, date.replace("T", " "), sentence, severity, order)


def _event(record_id: int, date: str, sentence: str, severity: str, order: sel_dates.Order) -> Event:
    when = sel_dates.moment(date, order)
    component, code, asserted = Component.NONE, "", True
    for matches, its_component, its_code, its_asserted in _COMPILED:
        if matches(sentence):
            component, code, asserted = its_component, its_code, its_asserted
            break
    if severity.lower() in _REPAIRED:
        asserted = False
    place = _LOCATION.search(sentence)
    part, note = sel_place.part_of(component, "", "", place[1] if place is not None else sentence)
    if component is Component.NONE:
        part = Part()
    return Event(
        log="sel",
        record_id=record_id,
        raw=b"",
        device_ms=when.ms,
        part=part,
        code=code,
        asserted=asserted,
        text=f"{sentence.strip()}{f' ({note})' if note else ''}",
    )
