"""Sentences of vendors' message registries and what they say: Dell's EEMI, HPE's IML, Lenovo's XCC, Huawei's iBMC.

Pure; asked by `sel_prose.py`. Only sentences whose meaning is certain are here; the first that fits decides, so that
an end ("is within range") stands before its beginning and the particular before the general.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from hardcase_agent.domain.part import Component

_C = Component

_MEMORY: tuple[tuple[str, str], ...] = (
    (r"memory (?:\w+ )?redundancy is lost|mirrored memory (?:engaged|failed)", "memory.redundancy_lost"),
    (r"memory (?:\w+ )?redundancy is degraded", "memory.redundancy_degraded"),
    (r"memory device .* is disabled|dimm\S* .*(?:has been|was|is) (?:disabled|mapped out)", "memory.device_disabled"),
    (r"unsupported memory configuration|memory .*not configurable", "memory.configuration_error"),
    (r"multi-?bit memory error|dimm\S* triggered an uncorrectable"
     r"|uncorrectable error (?:has occurred|detected) (?:on|for) .*dimm|uncorrectable (?:memory|ecc)"
     r"|uncorrectable .*memory error|unrecoverable memory error", "memory.uncorrectable_ecc"),
    (r"parity memory error", "memory.parity"),
    (r"stuck bit memory error", "memory.scrub_failed"),
    (r"correct(?:able|ed) memory error (?:rate|log|limit|threshold).*(?:exceed|limit|reached|disabled|increased)"
     r"|correct(?:able|ed) .*threshold (?:has been )?exceeded|persistent correctable memory"
     r"|memory (?:error )?logging limit|degradation in the dimm", "memory.correctable_ecc_logging_limit"),
    (r"correct(?:able|ed) memory error|single-?bit", "memory.correctable_ecc"),
)  # fmt: skip
_POWER: tuple[tuple[str, str], ...] = (
    (r"(?:input )?power (?:input )?(?:for|to) power supply .* (?:has been |is )?(?:restored|within range)"
     r"|input power .*restored|power supply .*(?:has )?(?:regained|returned to).* input", "-psu.input_lost"),
    (r"power suppl(?:y|ies) (?:are )?(?:no longer|not) redundant|power (?:supply |resource |unit )?redundancy (?:is|has"
     r" been) lost|redundancy lost for power|non-redundant.* for power \w+ has asserted", "psu.redundancy_lost"),
    (r"power suppl(?:y|ies) (?:are )?(?:fully )?redundant|power .*redundancy (?:is |has been )?(?:regained|restored)",
     "-psu.redundancy_lost"),
    (r"power supply redundancy is degraded", "psu.redundancy_degraded"),
    (r"power supply .* (?:is operating normally|ok\b|repaired)", "-psu.failure_detected"),
    (r"power input (?:for|to) power supply .* (?:is|was|has been) (?:lost|removed)|lost input power"
     r"|input power (?:loss|lost)|power supply .* power input .* lost|ac (?:power )?lost|power supply .*input is lost"
     r"|power supply (?:.* )?(?:has )?(?:input )?lost(?: input| power)?|unplugged power cord", "psu.input_lost"),
    (r"power input (?:for|to) power supply .* (?:is|was) out(?:side)? of", "psu.input_out_of_range"),
    (r"predictive failure (?:was )?(?:detected )?(?:on|for) power supply", "psu.predictive_failure"),
    (r"power supply .*(?:incorrectly configured|mismatch)", "psu.configuration_error"),
    (r"(?:under|over) (?:voltage|current) fault (?:was )?detected on power supply|fan failure detected on power supply"
     r"|power supply:? (?:.* )?(?:has )?(?:general )?(?:failed|failure)|failure detected (?:on|for) power supply",
     "psu.failure_detected"),
    (r"power supply .* ?(?:is |was |has been )?(?:removed|absent|not present)", "-psu.present"),
    (r"power supply .* ?(?:is |was |has been )?(?:inserted|installed|present)\b", "psu.present"),
)  # fmt: skip
_DISK: tuple[tuple[str, str], ...] = (
    (r"(?:drive|disk) .*(?:predictive failure|failure is predicted|predicts)"
     r"|(?:predictive failure|failure predicted) (?:was )?(?:detected |reported )?(?:on|for) (?:physical )?"
     r"(?:drive|disk)",
     "disk.predictive_failure"),
    (r"(?:drive|disk) .*(?:operating normally|returned to (?:ready|normal))", "-disk.fault"),
    (r"fault detected on (?:drive|disk)|(?:drive|disk) .*disabled due to a detected fault|(?:drive|disk) fault"
     r"|(?<!virtual )(?:drive|disk) \S+ .*(?:failed|is offline)|(?<!virtual )(?:drive|disk) .*failure"
     r"|storage enclosure device failure", "disk.fault"),
    (r"(?:drive|disk) .* (?:is )?removed", "-disk.present"),
    (r"(?:drive|disk) .* (?:is )?(?:installed|inserted)", "disk.present"),
)  # fmt: skip
_COOLING: tuple[tuple[str, str], ...] = (
    (r"fan .*(?:is|are|returned) (?:with)?in (?:normal )?range|fan \S+ .*(?:operating normally|repaired)",
     "-fan.lower_critical"),
    (r"fans? ?(?:\S+ )?(?:rpm )?(?:is |are )?(?:less than|below) the lower warning", "fan.lower_non_critical"),
    (r"fans? redundancy (?:is|has been) lost|fans? (?:are )?not redundant", "fan.redundancy_lost"),
    (r"fans? redundancy is degraded", "fan.redundancy_degraded"),
    (r"fans? (?:are )?(?:fully )?redundant|fan redundancy .*(?:regained|restored)", "-fan.redundancy_lost"),
    (r"fan ?(?:\S+ )?(?:rpm )?is (?:less than the lower critical|below the lower critical)|fan .*fail(?:ed|ure)"
     r"|fan \S+ .*outside of range", "fan.lower_critical"),
    (r"\bfan .* ?(?:is |was |has been )?(?:removed|absent)", "-fan.present"),
    (r"\bfan .* ?(?:is |was |has been )?(?:inserted|installed)", "fan.present"),
)  # fmt: skip
_THERMAL: tuple[tuple[str, str], ...] = (
    (r"(?:the )?(?P<name>\S.{0,60}?) temperature is (?:with)?in (?:normal )?range", "-temperature.upper_critical"),
    (r"(?:the )?(?P<name>\S.{0,60}?) temperature is (?:greater than|above) the upper warning",
     "temperature.upper_non_critical"),
    (r"(?:the )?(?P<name>\S.{0,60}?) temperature is (?:greater than|above) the upper critical|system overheating"
     r"|shutdown initiated due to overheat", "temperature.upper_critical"),
    (r"(?:the )?(?P<name>\S.{0,60}?) temperature is (?:less than|below) the lower critical",
     "temperature.lower_critical"),
)  # fmt: skip
_VOLTAGE: tuple[tuple[str, str], ...] = (
    (r"(?:the )?(?P<name>\S.{0,60}?) voltage is (?:with)?in (?:normal )?range", "-voltage.lower_critical"),
    (r"(?:the )?(?P<name>\S.{0,60}?) voltage is (?:outside of (?:the allowable )?range"
     r"|(?:less than|below) the lower critical)",
     "voltage.lower_critical"),
    (r"(?:the )?(?P<name>\S.{0,60}?) voltage is (?:greater than|above) the upper critical", "voltage.upper_critical"),
)  # fmt: skip
_PROCESSOR: tuple[tuple[str, str], ...] = (
    (r"(?:cpu|processor) .*internal error|\bierr\b|caterr", "cpu.ierr"),
    (r"(?:cpu|processor) \d+ .*thermal trip|over-?temperature .* cpu", "cpu.thermal_trip"),
    (r"machine check (?:error detected|exception)|uncorrectable machine check", "cpu.uncorrectable_machine_check"),
    (r"(?:cpu|processor) \d+ (?:initialization|protocol) error|cpu bus (?:parity|initialization) error",
     "cpu.frb3_startup_failure"),
    (r"(?:cpu|processor) \d+ configuration is unsupported", "cpu.configuration_error"),
)  # fmt: skip
_BUS: tuple[tuple[str, str], ...] = (
    (r"bus correctable error was detected|correctable pci express error|corrected pci express",
     "pcie.bus_correctable_error"),
    (r"bus fatal error|fatal (?:io )?error (?:was )?detected on a component at", "pcie.bus_fatal_error"),
    (r"bus uncorrectable error|uncorrectable pci express error|pci express .*fatal|pci bus error",
     "pcie.bus_uncorrectable_error"),
    (r"bus time-?out was detected", "pcie.bus_timeout"),
    (r"pci parity error was detected", "pcie.pci_perr"),
    (r"pci system error was detected", "pcie.pci_serr"),
)  # fmt: skip
_LOG: tuple[tuple[str, str], ...] = (
    (r"log (?:was )?cleared|event log .* cleared|log has been cleared|\biml cleared", "sel.cleared"),
    (r"event log .*\balmost full|log is almost full", "sel.almost_full"),
    (r"log is full|event log .*\bfull\b", "sel.full"),
    (r"all event logging is disabled", "sel.all_logging_disabled"),
)  # fmt: skip
_NAMED_BATTERY = r"(?P<name>system board|cmos|storage|romb|smart storage) battery"
_BATTERY: tuple[tuple[str, str], ...] = (
    (rf"{_NAMED_BATTERY} .*(?:operating normally|is present)", "-battery.failed"),
    (rf"{_NAMED_BATTERY} .*(?:fail(?:ed|ing|ure)?\b)", "battery.failed"),
    (rf"{_NAMED_BATTERY} (?:is )?low", "battery.low"),
)  # fmt: skip
_CHASSIS: tuple[tuple[str, str], ...] = (
    (r"chassis is closed|cover .*(?:closed|replaced)", "-chassis.general_intrusion"),
    (r"chassis is open|cover .*(?:removed|open)|chassis hood removed", "chassis.general_intrusion"),
)
_CABLE: tuple[tuple[str, str], ...] = (
    (r"(?P<name>\S+(?: \S+)?) cable is not connected, or is improperly|(?P<name2>\S+) cable or interconnect failure",
     "cable.configuration_error"),
)  # fmt: skip
_HOST: tuple[tuple[str, str], ...] = (
    (r"watchdog timer (?:reset|power cycled|powered off) the system|\basr detected by system rom",
     "host.watchdog_hard_reset"),
    (r"watchdog timer expired", "host.watchdog_expired"),
    (r"critical stop occurred during os load", "host.stop_during_load"),
    (r"run-?time critical stop occurred", "host.runtime_stop"),
    (r"unknown system hardware failure", "host.undetermined_hardware_failure"),
)  # fmt: skip
_BY_COMPONENT: tuple[tuple[Component, tuple[tuple[str, str], ...]], ...] = (
    (_C.MEMORY, _MEMORY), (_C.BATTERY, _BATTERY), (_C.PSU, _POWER), (_C.DISK, _DISK), (_C.FAN, _COOLING),
    (_C.CPU, _PROCESSOR), (_C.PCIE, _BUS), (_C.THERMAL, _THERMAL), (_C.VOLTAGE, _VOLTAGE), (_C.CHASSIS, _CHASSIS),
    (_C.BMC, _LOG), (_C.CABLE, _CABLE), (_C.HOST, _HOST),
)  # fmt: skip
"""Code by pattern; "-" = the end of it. `name`: what of several the sentence speaks of, where no number tells."""

_COMPILED = tuple(
    (re.compile(pattern, re.IGNORECASE), component, code.lstrip("-"), not code.startswith("-"))
    for component, sentences in _BY_COMPONENT
    for pattern, code in sentences
)
_STILL = re.compile(r"\bmaintenance note|\bfirmware (?:flash|updat)|\bdiagnostic event", re.IGNORECASE)
"""People's own notes and updates speak of parts that are well."""


LONGEST_SENTENCE = 400
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Sentence:
    """What a sentence says."""

    component: Component = Component.NONE
    code: str = ""
    """Of protos/README.md; "" = not known."""
    asserted: bool = True
    name: str = ""


@lru_cache(maxsize=_REMEMBERED)
def said_in(sentence: str) -> Sentence:
    """By its beginning: no registry's sentence is longer than `LONGEST_SENTENCE`."""
    sentence = sentence[:LONGEST_SENTENCE]
    if _STILL.search(sentence):
        return Sentence()
    for pattern, component, code, asserted in _COMPILED:
        found = pattern.search(sentence)
        if found is not None:
            name = next((word for word in found.groupdict().values() if word), "")
            return Sentence(component, code, asserted, name)
    return Sentence()
