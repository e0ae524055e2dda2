"""Lines of the programs that watch disks: smartd (log and mail), mdadm's monitor, smartctl's error log as text,
HP's cciss_vol_status. What such a line counts is a level of a counter; what it announces is an event.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.kernel.disk_lines import disk_part
from hardcase_agent.sensors.kernel.log_rule import Counted, Found, LineRule, Make, Outcome, nothing, rule

_DEVICE = r"Device: (?P<dev>/dev/\S+?)(?P<kind> \[[^\]]+\](?: \[[^\]]+\])?)?"
_BUS_WORDS = re.compile(r"\[(SAT|SCSI|ATA|NVMe|USB[^\]]*)\]", re.IGNORECASE)


def watched_part(device: str, kind: str) -> Part:
    """Of smartd's words: "/dev/sg2" and " [areca_disk#06_enc#01]" (a disk behind a controller) or " [SAT]"."""
    behind = _BUS_WORDS.sub("", kind or "").strip(" []")
    name = device.removesuffix(",").removeprefix("/dev/")
    if not behind:
        part = disk_part(name)
        return part if part is not None else Part(component=Component.DISK, slot=name)
    return Part(component=Component.DISK, slot=behind.replace("_", " "), paths=(f"{device} {behind}",))


def _of_device(code: str) -> Make:
    def make(match: re.Match[str]) -> Iterable[Outcome]:
        yield Found(code, watched_part(match["dev"], match["kind"] or ""))

    return make


def _level(quantity: str) -> Make:
    def make(match: re.Match[str]) -> Iterable[Outcome]:
        yield Counted(quantity, watched_part(match["dev"], match["kind"] or ""), float(match["count"]))

    return make


def _grown(code: str) -> Make:
    """An event where the count rose; a count that fell (another disk, a reset log) is none."""

    def make(match: re.Match[str]) -> Iterable[Outcome]:
        if int(match["new"]) > int(match["old"]):
            yield Found(code, watched_part(match["dev"], match["kind"] or ""))

    return make


WARNED = (
    (0x01, "disk.nvme_spare_low"),
    (0x04, "disk.reliability_degraded"),
    (0x08, "disk.read_only"),
    (0x10, "disk.backup_failed"),
)
"""Bits of the NVMe critical warning. 0x02, temperature, is heat and no fault of the disk; 0x20 is persistent memory."""


def _critical_warning(match: re.Match[str]) -> Iterable[Outcome]:
    bits = int(match["bits"], 16)
    for bit, code in WARNED:
        if bits & bit:
            yield Found(code, watched_part(match["dev"], match["kind"] or ""))


def _usage(match: re.Match[str]) -> Iterable[Outcome]:
    # 190 and 194 fail by heat, and 201 and above are the maker's own.
    if int(match["id"]) not in (190, 194):
        yield Found("disk.predictive_failure", watched_part(match["dev"], match["kind"] or ""))


def _md_event(match: re.Match[str]) -> Iterable[Outcome]:
    word = match["event"].lower()
    groups = match.groupdict()
    member = disk_part(groups.get("member") or groups.get("component") or "")
    array = match["array"] or ""
    if word in ("fail", "failspare") and member is not None:
        yield Found("disk.fault", member)
    part = Part(component=Component.RAID, slot=array, paths=(f"/dev/{array}",) if array else ())
    if word in ("fail", "degradedarray"):
        yield Found("raid.degraded", part)
    elif word == "devicedisappeared":
        yield Found("raid.failed", part)


def _ata_error(match: re.Match[str]) -> Iterable[Outcome]:
    yield Found("disk.media_error", Part(component=Component.DISK))


def _bay(match: re.Match[str]) -> Iterable[Outcome]:
    """cciss_vol_status names a disk by connector, box and bay."""
    slot = f"{match['connector']}:{match['box']}:{match['bay']}"
    yield Found("disk.fault", Part(component=Component.DISK, slot=slot))


def _volume(match: re.Match[str]) -> Iterable[Outcome]:
    said = match["status"].lower()
    part = Part(component=Component.RAID, slot=f"{match['name']} volume {match['number']}")
    if said.startswith(("failed", "logical drive failed")):
        yield Found("raid.failed", part)
    elif not said.startswith(("ok", "(ok")):
        yield Found("raid.degraded", part)
    elif "activated on-line spare" in said:
        # The array is whole again by its spare: the member that it replaced has failed.
        yield Found("raid.spare_used", part)


_ROW = r"^(?P<dev>)(?P<kind>) *{id} {name} +0x[0-9a-f]{{4}} .* (?P<count>\d+)(?: \(.*\))?$"
"""Of smartctl's attribute table; the drive is the one of the report."""


def _plain(code: str) -> Make:
    def make(match: re.Match[str]) -> Iterable[Outcome]:
        yield Found(code, Part(component=Component.DISK))

    return make


RULES: tuple[LineRule, ...] = (
    rule("smart failure", _DEVICE + r", SMART Failure: (?P<words>.+)", _of_device("disk.predictive_failure")),
    rule("failed smart self-check", _DEVICE + r", FAILED SMART self-check", _of_device("disk.fault")),
    rule("smart usage attribute", _DEVICE + r", Failed SMART usage Attribute: (?P<id>\d+) ", _usage),
    rule("smart prefailure", _DEVICE + r", Failed SMART Prefailure Attribute: (?P<id>\d+) ", _usage),
    rule(
        "currently unreadable",
        _DEVICE + r", (?P<count>\d+) Currently unreadable \(pending\) sectors",
        _level("disk.pending"),
    ),
    rule(
        "offline uncorrectable",
        _DEVICE + r", (?P<count>\d+) Offline uncorrectable sectors",
        _level("disk.offline_uncorrectable"),
    ),
    rule("total_pending_sectors", _DEVICE + r", (?P<count>\d+) Total_Pending_Sectors", _level("disk.pending")),
    rule(
        "total_unrecovered",
        _DEVICE + r", (?P<count>\d+) Total_Unrecovered_(?:Read_)?Errors",
        _level("disk.uncorrected_errors"),
    ),
    rule(
        "self-test log error count",
        _DEVICE + r", Self-Test Log error count increased from (?P<old>\d+) to (?P<new>\d+)",
        _grown("disk.selftest_failed"),
    ),
    rule(
        "self-test log error at",
        _DEVICE + r", new Self-Test Log error at hour timestamp \d+",
        _of_device("disk.selftest_failed"),
    ),
    rule(
        "integrity errors increased",
        _DEVICE + r", (?:number of )?Media and Data Integrity Errors increased from (?P<old>\d+) to (?P<new>\d+)",
        _grown("disk.media_error"),
    ),
    rule(
        "self-test",
        _DEVICE + r", (?:previous|new) self-test (?:completed|has completed) "
        r"(?:with error|.*(?:read|electrical|servo|handling|unknown) (?:failure|test element failure))",
        _of_device("disk.selftest_failed"),
    ),
    rule(
        "ata error count increased",
        _DEVICE + r", ATA error count increased from (?P<old>\d+) to (?P<new>\d+)",
        _grown("disk.ata_errors_grown"),
    ),
    rule("critical warning", _DEVICE + r", Critical Warning \((?P<bits>0x[0-9a-f]+)\)", _critical_warning),
    rule("unable to open", _DEVICE + r", unable to open (?:ATA|SCSI|NVMe) device", _of_device("disk.not_answering")),
    rule("unable to open", _DEVICE + r", [Uu]nable to open device", _of_device("disk.not_answering")),
    rule(
        "failed to read",
        _DEVICE + r", failed to read (?:SMART (?:Attribute )?(?:Data|values)|NVMe SMART)",
        _of_device("disk.not_answering"),
    ),
    rule("removed ata device", _DEVICE + r", (?:removed|not found) (?:ATA )?device", _of_device("disk.not_answering")),
    rule("error log entries", r"number of Error Log entries increased", nothing),
    # mdadm --monitor, in the log and in its mail
    rule(
        "event",
        r"(?P<event>Fail|FailSpare|DegradedArray|DeviceDisappeared) event (?:detected |had been detected )?on "
        r"md device /dev/(?:md/)?(?P<array>\S+?)[.,]?"
        r"(?:\s+It could be related to component device (?P<member>\S+?)\.?)?"
        r"(?:, component device (?P<component>\S+))?$",
        _md_event,
    ),
    rule(
        "event on",
        r"mdadm.*?(?P<event>Fail|FailSpare|DegradedArray|DeviceDisappeared) event (?:detected )?on "
        r"(?:md device )?/dev/(?:md/)?(?P<array>[^\s,]+)(?:, component device (?P<member>\S+))?",
        _md_event,
    ),
    rule(
        "component device",
        r"related to component device (?P<member>/dev/\S+?)\.?$(?P<array>)(?P<event>)",
        lambda match: _member(match),
    ),
    # smartctl -a as text: an entry of the ATA error log names an unreadable sector
    rule("error: unc", r"\bError: (?:UNC|IDNF|AMNF)\b.* at LBA", _ata_error),
    rule("error: icrc", r"\bError: ICRC", lambda match: _cable(match)),
    rule(
        "uncorrected",
        r"^(?P<dev>)(?P<kind>)(?:.*; )?(?:read|write|verify) uncorrected(?: errors)?[: ]+(?P<count>\d+)\b",
        _level("disk.uncorrected_errors"),
    ),
    # smartctl -a as text: verdicts and the rows that tell of bad media
    rule("self-assessment", r"SMART overall-health self-assessment test result: FAILED", _plain("disk.fault")),
    rule("smart health status", r"SMART Health Status: (?!OK\b)\S", _plain("disk.predictive_failure")),
    rule(
        "failing_now",
        r"^ *(?!190|194)(?P<id>\d{1,3}) [\w-]+ .*Pre-fail .*FAILING_NOW",
        _plain("disk.predictive_failure"),
    ),
    rule(
        "offline",
        r"^# ?1  (?:Short|Extended|Background).*Completed: (?:read|electrical|servo/seek) failure",
        _plain("disk.selftest_failed"),
    ),
    rule("current_pending_sector", _ROW.format(id=197, name="Current_Pending_Sector"), _level("disk.pending")),
    rule(
        "offline_uncorrectable", _ROW.format(id=198, name="Offline_Uncorrectable"), _level("disk.offline_uncorrectable")
    ),
    rule("reallocated_sector_ct", _ROW.format(id=5, name="Reallocated_Sector_Ct"), _level("disk.reallocated")),
    rule(
        "grown defect list",
        r"^(?P<dev>)(?P<kind>)Elements in grown defect list: (?P<count>\d+)",
        _level("disk.grown_defects"),
    ),
    # cciss_vol_status
    rule(
        "bay",
        r"connector (?P<connector>\w+) +box +(?P<box>\d+) +bay +(?P<bay>\d+) .*"
        r"(?:INQUIRY FAILED|\bFAILED\b|SMART predicts failure|predict\w* fail)",
        _bay,
    ),
    rule(
        "volume",
        r"\((?P<name>[^)]*)\) RAID \S+(?: \(?\S*\)?)?? Volume (?P<number>\d+)(?:\([^)]*\))? status: (?P<status>.*)",
        _volume,
    ),
    rule(
        "failed physical drives",
        r"Total of (?P<count>[1-9]\d*) failed physical drives detected",
        lambda match: (Found("disk.fault", Part(component=Component.DISK)),),
    ),
    rule("capacitor charge", r"(?:because|:)?.*(?:capacitor|battery) charge is low", lambda match: _cache(match)),
    rule("backup power source failed", r"Cache disabled; backup power source failed", lambda match: _cache(match)),
)


def _member(match: re.Match[str]) -> Iterable[Outcome]:
    part = disk_part(match["member"])
    if part is not None:
        yield Found("disk.fault", part)


def _cable(match: re.Match[str]) -> Iterable[Outcome]:
    yield Found("cable.crc_error", Part(component=Component.DISK))


def _cache(match: re.Match[str]) -> Iterable[Outcome]:
    """A controller that cannot keep its write cache over a loss of power."""
    yield Found("raid.cache_battery_failed", Part(component=Component.BATTERY, slot="array controller cache"))
