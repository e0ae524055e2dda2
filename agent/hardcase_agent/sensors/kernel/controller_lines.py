"""What drivers of RAID controllers and host bus adapters write, and their firmware's own log through them. Tried before
`maker_lines.py`, in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.kernel.log_rule import Found, LineRule, Make, Outcome, event, nothing, rule

_BDF = r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]"


def _pd(code: str, *, asserted: bool = True) -> Make:
    """MegaRAID names a disk "PD 04(e0xfc/s4)": device, enclosure in hexadecimal, slot."""

    def make(match: re.Match[str]) -> Iterable[Outcome]:
        slot = f"{int(match['enclosure'], 16)}:{match['slot']}" if match["enclosure"] else f"PD {match['pd']}"
        yield Found(code, Part(component=Component.DISK, slot=slot), asserted)

    return make


def _in_enclosure(code: str, component: Component, word: str) -> Make:
    def make(match: re.Match[str]) -> Iterable[Outcome]:
        yield Found(
            code, Part(component=component, slot=f"enclosure {int(match['enclosure'], 16)} {word}{match['number']}")
        )

    return make


def _whole_again(match: re.Match[str]) -> Iterable[Outcome]:
    for code in ("raid.degraded", "raid.failed"):
        yield Found(code, Part(component=Component.RAID, slot=match["vd"]), asserted=False)


_PD = r"PD (?P<pd>[0-9a-f]{2,4})(?:\(e0x(?P<enclosure>[0-9a-f]+)/s(?P<slot>\d+)\))?"

RULES: tuple[LineRule, ...] = (
    # MegaRAID's event log and driver
    rule("predictive failure", rf"Predictive failure: {_PD}", _pd("disk.predictive_failure")),
    rule("state change on pd", rf"State change on {_PD} from \w+.* to FAILED", _pd("disk.fault")),
    rule("state change on pd", rf"State change on {_PD} from ONLINE.* to (?:OFFLINE|MISSING)", _pd("disk.offline")),
    rule("removed: pd", rf"\bRemoved: {_PD}", _pd("disk.offline")),
    rule("inserted: pd", rf"\bInserted: {_PD}", _pd("disk.offline", asserted=False)),
    rule("command timeout on pd", rf"Command timeout on {_PD}", _pd("disk.command_timeout")),
    rule("unexpected sense", rf"Unexpected sense: {_PD}.*Sense: 3/", _pd("disk.media_error")),
    rule(
        "medium error",
        rf"(?:Unrecoverable|Uncorrectable|Corrected|Unable to recover) medium error (?:during \w+ )?(?:at|on) {_PD}",
        _pd("disk.media_error"),
    ),
    # It names the disk that is rebuilt onto, which may be new: what could not be read lies on another, and the array
    # has lost it (12Gb/s MegaRAID SAS Software User Guide, rev. F, "Patrol Read", "Rebuild"). The line names no array.
    rule(
        "puncturing bad block",
        rf"(?:(?P<slot>{_BDF}).*)?Puncturing bad block on PD",
        event("raid.bad_blocks", Component.RAID, "slot"),
    ),
    rule(
        "power supply",
        r"Enclosure PD (?P<enclosure>[0-9a-f]+)\([^)]*\) power supply (?P<number>\d+) (?:has )?failed",
        _in_enclosure("psu.failure_detected", Component.PSU, "PSU"),
    ),
    rule(
        "fan",
        r"Enclosure PD (?P<enclosure>[0-9a-f]+)\([^)]*\) fan (?P<number>\d+) (?:has )?failed",
        _in_enclosure("fan.failed", Component.FAN, "fan"),
    ),
    rule(
        "above error threshold",
        r"Enclosure PD (?P<enclosure>[0-9a-f]+)\([^)]*\) temperature sensor (?P<number>\d+) above error threshold",
        _in_enclosure("thermal.critical", Component.THERMAL, "sensor"),
    ),
    rule(
        "degraded",
        r"VD (?P<vd>\S+) is now (?:PARTIALLY )?DEGRADED",
        event("raid.degraded", Component.RAID, "vd"),
    ),
    rule("is now optimal", r"VD (?P<vd>\S+) is now OPTIMAL", _whole_again),
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
        "megaraid_sas",
        rf"megaraid_sas (?P<slot>{_BDF}).*(?:FW in FAULT state|Adapter is (?:dead|not operational|OFFLINE or DEAD)"
        r"|Unable to transition FW to ready|Controller encountered a fatal error|- Multi-bit ECC error)",
        event("raid.controller_fault", Component.RAID, "slot"),
    ),
    rule(
        "controller",
        rf"smartpqi (?P<slot>{_BDF}): controller (?:is )?offline",
        event("raid.controller_fault", Component.RAID, "slot"),
    ),
    rule(
        "fault_state",
        r"(?P<slot>mpt[23]?sas\w*): (?:\w+ ?: )?(?:fault_state|SAS host is non-operational)",
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
