"""The tools' own words for states, each with what it means here. Used by every parser of this folder.

Sources: Broadcom "12Gb/s MegaRAID SAS Software" and "StorCLI Reference" (legends of the tables), HPE "Smart Storage
Administrator", Microchip "ARCCONF User Guide", LSI "SAS-2 Integrated RAID Configuration Utility", md(4), zpool(8),
zpoolconcepts(7).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from hardcase_agent.sensors.arrays.model import BatteryState, Health, MemberState, VolumeState

T = TypeVar("T")
M = MemberState
V = VolumeState
B = BatteryState

MEMBER: Mapping[str, tuple[MemberState, ...]] = {
    # MegaRAID, long (MegaCli) and short (storcli) forms
    "online": (M.ONLINE,),
    "onln": (M.ONLINE,),
    "conf": (M.ONLINE,),
    "configured": (M.ONLINE,),
    "offline": (M.OFFLINE,),
    "offln": (M.OFFLINE,),
    "ofln": (M.OFFLINE,),
    "unconfigured(good)": (M.UNCONFIGURED,),
    "unconfigured good": (M.UNCONFIGURED,),
    "ugood": (M.UNCONFIGURED,),
    "uconf": (M.UNCONFIGURED,),
    "ugunsp": (M.UNCONFIGURED,),
    "ugshld": (M.UNCONFIGURED,),
    "uconfshld": (M.UNCONFIGURED,),
    "uconfunsp": (M.UNCONFIGURED,),
    "unconfigured(bad)": (M.FAILED,),
    "unconfigured bad": (M.FAILED,),
    "ubad": (M.FAILED,),
    "uconf(bad)": (M.FAILED,),
    "ubunsp": (M.FAILED,),
    "unusable": (M.FAILED,),
    "unsupported": (M.UNCONFIGURED,),
    "unsp": (M.UNCONFIGURED,),
    "failed": (M.FAILED,),
    "fail": (M.FAILED,),
    "fld": (M.FAILED,),
    "dead": (M.FAILED,),
    "missing": (M.MISSING,),
    "msng": (M.MISSING,),
    "mis": (M.MISSING,),
    "hotspare": (M.HOT_SPARE,),
    "global hotspare": (M.HOT_SPARE,),
    "dedicated hotspare": (M.HOT_SPARE,),
    "emergency hotspare": (M.HOT_SPARE,),
    "good": (M.UNCONFIGURED,),
    "hot spare": (M.HOT_SPARE,),
    "hot-spare": (M.HOT_SPARE,),
    "ghs": (M.HOT_SPARE,),
    "dhs": (M.HOT_SPARE,),
    "ehs": (M.HOT_SPARE,),
    "hspshld": (M.HOT_SPARE,),
    "ghsshld": (M.HOT_SPARE,),
    "dhsshld": (M.HOT_SPARE,),
    "cfshld": (M.ONLINE,),
    "rebuild": (M.REBUILDING,),
    "rebuilding": (M.REBUILDING,),
    "rbld": (M.REBUILDING,),
    "copyback": (M.COPYBACK,),
    "copy back": (M.COPYBACK,),
    "cpybck": (M.COPYBACK,),
    "repl": (M.COPYBACK,),
    "replacing": (M.COPYBACK,),
    "jbod": (M.JBOD,),
    "system": (M.JBOD,),
    "non-raid": (M.JBOD,),
    "frgn": (M.FOREIGN,),
    "foreign": (M.FOREIGN,),
    "sntze": (M.UNCONFIGURED,),
    "sanitize": (M.UNCONFIGURED,),
    # HPE
    "ok": (M.ONLINE,),
    "predictive failure": (M.ONLINE, M.PREDICTED),
    "inquiry failed": (M.FAILED,),
    "s.m.a.r.t. predictive": (M.ONLINE, M.PREDICTED),
    "s.m.a.r.t. predictive failure": (M.ONLINE, M.PREDICTED),
    "smart predictive failure": (M.ONLINE, M.PREDICTED),
    "predictive failure rebuilding": (M.REBUILDING, M.PREDICTED),
    "waiting for rebuild": (M.REBUILDING,),
    "queued for rebuild": (M.REBUILDING,),
    "ready for rebuild": (M.REBUILDING,),
    "not configured": (M.UNCONFIGURED,),
    "erase in progress": (M.UNCONFIGURED,),
    "erase complete": (M.UNCONFIGURED,),
    "erase failed": (M.FAILED,),
    "sanitize in progress": (M.UNCONFIGURED,),
    "not supported": (M.UNCONFIGURED,),
    "not authenticated": (M.ONLINE,),
    "transient data drive": (M.ONLINE,),
    # Adaptec
    "ready": (M.UNCONFIGURED,),
    "raw": (M.JBOD,),
    "pass through": (M.JBOD,),
    "present": (M.ONLINE,),
    "optimal": (M.ONLINE,),
    "inconsistent": (M.REBUILDING,),
    "global hot-spare": (M.HOT_SPARE,),
    "dedicated hot-spare": (M.HOT_SPARE,),
    "pooled hot-spare": (M.HOT_SPARE,),
    "removed": (M.MISSING,),
    # LSI integrated RAID
    "available": (M.UNCONFIGURED,),
    "standby": (M.UNCONFIGURED,),
    "out of sync": (M.REBUILDING,),
    "degraded": (M.PREDICTED,),
    # ZFS
    "avail": (M.HOT_SPARE,),
    "inuse": (M.HOT_SPARE,),
    "faulted": (M.FAILED,),
    "unavail": (M.MISSING,),
}

VOLUME: Mapping[str, tuple[VolumeState, ...]] = {
    "optimal": (V.OPTIMAL,),
    "optl": (V.OPTIMAL,),
    "ok": (V.OPTIMAL,),
    "okay": (V.OPTIMAL,),
    "online": (V.OPTIMAL,),
    "onln": (V.OPTIMAL,),
    "normal": (V.OPTIMAL,),
    "degraded": (V.DEGRADED,),
    "dgrd": (V.DEGRADED,),
    "partially degraded": (V.PARTIALLY_DEGRADED,),
    "partial degraded": (V.PARTIALLY_DEGRADED,),
    "pdgd": (V.PARTIALLY_DEGRADED,),
    "suboptimal": (V.PARTIALLY_DEGRADED,),
    "suboptimal, fault tolerant": (V.PARTIALLY_DEGRADED,),
    "impacted": (V.INITIALIZING, V.OPTIMAL),
    "failed": (V.FAILED,),
    "fld": (V.FAILED,),
    "faulted": (V.FAILED,),
    "suspended": (V.FAILED,),
    "unavail": (V.FAILED,),
    "dead": (V.FAILED,),
    "missing": (V.FAILED,),
    "inactive": (V.FAILED,),
    "offline": (V.OFFLINE,),
    "ofln": (V.OFFLINE,),
    "offln": (V.OFFLINE,),
    "removed": (V.OFFLINE,),
    "recovery": (V.DEGRADED, V.REBUILDING),
    "rec": (V.DEGRADED, V.REBUILDING),
    "rebuilding": (V.DEGRADED, V.REBUILDING),
    "rbld": (V.DEGRADED, V.REBUILDING),
    "degraded, rebuilding": (V.DEGRADED, V.REBUILDING),
    "initializing": (V.INITIALIZING, V.OPTIMAL),
    "init": (V.INITIALIZING, V.OPTIMAL),
    "reconfiguring": (V.INITIALIZING, V.OPTIMAL),
    "logical device reconfiguring": (V.INITIALIZING, V.OPTIMAL),
    "building": (V.INITIALIZING, V.OPTIMAL),
    "building/verifying": (V.INITIALIZING, V.OPTIMAL),
    "verifying": (V.CHECKING, V.OPTIMAL),
    "hidden": (V.OPTIMAL,),
    "hd": (V.OPTIMAL,),
    "trans": (V.INITIALIZING, V.OPTIMAL),
    # HPE
    "interim recovery mode": (V.DEGRADED,),
    "interim recovery": (V.DEGRADED,),
    "using interim recovery mode": (V.DEGRADED,),
    "ready for rebuild": (V.DEGRADED,),
    "ready for recovery": (V.DEGRADED,),
    "ready to recover": (V.DEGRADED,),
    "recovering": (V.DEGRADED, V.REBUILDING),
    "currently recovering": (V.DEGRADED, V.REBUILDING),
    "waiting for rebuild": (V.DEGRADED,),
    "wrong physical drive replaced": (V.FAILED,),
    "wrong drive was replaced": (V.FAILED,),
    "wrong drive replaced": (V.FAILED,),
    "physical drive not properly connected": (V.FAILED,),
    "a physical drive is not properly connected": (V.FAILED,),
    "drive is not properly connected": (V.FAILED,),
    "hardware is overheating": (V.OPTIMAL,),
    "hardware has overheated": (V.FAILED,),
    "expanding": (V.INITIALIZING, V.OPTIMAL),
    "currently expanding": (V.INITIALIZING, V.OPTIMAL),
    "queued for expansion": (V.OPTIMAL,),
    "transforming": (V.INITIALIZING, V.OPTIMAL),
    "not yet available": (V.OPTIMAL,),
    "not configured": (V.OPTIMAL,),
    "ejected": (V.OFFLINE,),
    "disabled from scsi id conflict": (V.OFFLINE,),
    "erase in progress": (V.INITIALIZING, V.OPTIMAL),
    "encryption migration": (V.INITIALIZING, V.OPTIMAL),
}

BATTERY: Mapping[str, tuple[BatteryState, ...]] = {
    "optimal": (B.OK,),
    "opt": (B.OK,),
    "ok": (B.OK,),
    "good": (B.OK,),
    "healthy": (B.OK,),
    "operational": (B.OK,),
    "normal": (B.OK,),
    "ready": (B.OK,),
    "zmm optimal": (B.OK,),
    "fully charged": (B.OK,),
    "learning": (B.OK, B.LEARNING),
    "learn": (B.OK, B.LEARNING),
    "charging": (B.OK, B.CHARGING),
    "recharging": (B.OK, B.CHARGING),
    "zmm charging": (B.OK, B.CHARGING),
    "discharging": (B.OK,),
    "low": (B.LOW,),
    "not ready": (B.LOW,),
    "degraded": (B.REPLACE,),
    "degraded(need attention)": (B.REPLACE,),
    "degraded(needs attention)": (B.REPLACE,),
    "dgd": (B.REPLACE,),
    "dgrd": (B.REPLACE,),
    "non-optimal": (B.REPLACE,),
    "not optimal": (B.REPLACE,),
    "needs attention": (B.REPLACE,),
    "need attention": (B.REPLACE,),
    "unhealthy": (B.FAILED,),
    "non operational": (B.FAILED,),
    "failed": (B.FAILED,),
    "failed (replace batteries)": (B.FAILED,),
    "failed (replace batteries/capacitors)": (B.FAILED,),
    "fail": (B.FAILED,),
    "fld": (B.FAILED,),
    "bad": (B.FAILED,),
    "dead": (B.FAILED,),
    "missing": (B.MISSING,),
    "msng": (B.MISSING,),
    "over temperature": (B.HOT,),
}
NO_BATTERY = frozenset(
    {
        *("absent", "abs", "not present", "not installed", "not available", "na", "n/a", "none", "unknown", "", "-"),
        *("zmm not installed", "zmm not present", "no battery", "battery not installed"),
    }
)
"""The controller has none, which is how it was bought."""

HEALTH: Mapping[str, Health] = {
    "ok": Health.OK,
    "opt": Health.OK,
    "optimal": Health.OK,
    "optl": Health.OK,
    "normal": Health.OK,
    "good": Health.OK,
    "healthy": Health.OK,
    "redundant": Health.OK,
    # One supply where two may be is how many enclosures are bought; a failed one is said in other words.
    "not redundant": Health.OK,
    "enabled": Health.OK,
    "working": Health.OK,
    "needs attention": Health.WARNING,
    "need attention": Health.WARNING,
    "ndatn": Health.WARNING,
    "noncritical": Health.WARNING,
    "non-critical": Health.WARNING,
    "warning": Health.WARNING,
    "degraded": Health.DEGRADED,
    "dgrd": Health.DEGRADED,
    "partially degraded": Health.DEGRADED,
    "failed": Health.FAILED,
    "fail": Health.FAILED,
    "fld": Health.FAILED,
    "faulted": Health.FAILED,
    "critical": Health.CRITICAL,
    "unrecoverable": Health.CRITICAL,
    "not installed": Health.ABSENT,
    "absent": Health.ABSENT,
    "not found": Health.ABSENT,
    "not available": Health.UNKNOWN,
    "unavailable": Health.UNKNOWN,
    "unknown": Health.UNKNOWN,
    "unsupported": Health.UNKNOWN,
    "not supported": Health.UNKNOWN,
}

_NOTHING = frozenset({"", "-", "n/a", "na", "none", "unknown", "not available", "unavailable", "not supported", "null"})
_PLACEHOLDER = re.compile(r"redacted|x{4,}|\*{3,}|0{4,}|hidden|anonymi[sz]ed|serial ?number", re.IGNORECASE)


def squeeze(text: str) -> str:
    return " ".join(text.split())


def look_up(table: Mapping[str, T], word: str) -> T | None:
    """The word's meaning: as it stands, without what stands in brackets or behind a comma, in any case."""
    said = squeeze(word).lower().rstrip(".")
    first = said.split(",")[0].strip()
    for form in (said, squeeze(re.sub(r"\([^()]*\)", " ", said)), first, first.split("(")[0].strip()):
        if form in table:
            return table[form]
    return None


def told(text: object) -> str:
    """What is said, or "" where it only says that nothing is."""
    said = squeeze(str(text)) if isinstance(text, str | int | float) else ""
    return "" if said.lower() in _NOTHING else said


def serial(text: object) -> str:
    """A serial number, or "" for what somebody put in its place."""
    if not told(text) or _PLACEHOLDER.fullmatch(told(text)):
        return ""
    return str(text).strip()


def percent(text: str) -> float | None:
    """The first percentage in a text: "Rebuilding, 13.5% complete"."""
    found = re.search(r"(\d{1,3}(?:\.\d{1,6})?)\s*%", text)
    value = float(found[1]) if found else None
    return value if value is not None and value <= 100 else None


def number(text: object) -> float | None:
    """A whole or decimal number at the beginning: 3, "3", "71 %", "34C (93.20 F)". None where there is none."""
    if isinstance(text, bool):
        return None
    if isinstance(text, int | float):
        value = float(text)
        return value if abs(value) < 1e18 else None
    found = re.match(r"\s*([+-]?\d{1,18}(?:\.\d{1,6})?)", text) if isinstance(text, str) else None
    return float(found[1]) if found else None


def celsius(text: object) -> float | None:
    """A temperature; 0 and what no part of a computer survives are what tools print where there is no sensor."""
    value = number(text)
    return value if value is not None and 0 < value < 130 else None


def wwn(text: object) -> str:
    """A WWN as smartctl's has it here: lower-case hex without prefix."""
    said = told(text).lower().removeprefix("0x").removeprefix("naa.").removeprefix("eui.").replace("-", "")
    return said if re.fullmatch(r"[0-9a-f]{16}|[0-9a-f]{32}", said) and said.strip("0") else ""


def disk_model(vendor: object, product: object) -> str:
    """As smartctl has it, so that both know one disk by one name: SAS with its vendor, SATA without "ATA"."""
    maker, name = told(vendor), told(product)
    if maker.upper() in ("", "ATA", "SATA", "NVME", "(SATA)") or name.upper().startswith(maker.upper()):
        return name
    return f"{maker} {name}".strip()
