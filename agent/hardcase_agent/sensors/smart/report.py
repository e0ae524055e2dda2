"""One `smartctl --json` answer to one disk's identity, sensors and readings, or the reason why there are none. Pure.

Called by `source.py` for every disk and sweep. Shapes of smartctl 7.0 to 7.5.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from hardcase_agent.domain.errors import MalformedAnswer, ToolMissing
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.reading import Gap, GapReason, Reading, Sensor
from hardcase_agent.helper.table import STANDBY_STATUS
from hardcase_agent.sensors.smart import ata, measure, nvme, scsi
from hardcase_agent.sensors.smart.measure import Document

OLDEST = (7, 0)
"""First smartctl with JSON."""
CURE = "install smartmontools 7.0 or newer"

_BANNER = re.compile(r"\bsmartctl (?:pre-)?(\d+)\.(\d+)\b")

_MEASURES = {"ata": ata.measures, "nvme": nvme.measures, "scsi": scsi.measures}
_ASLEEP = re.compile(r"in (STANDBY|SLEEP)|low[- ]power", re.IGNORECASE)
_IDLE = re.compile(r"in IDLE", re.IGNORECASE)
_NO_SERIAL = re.compile(
    r"[-x0.*?_]+|(.)\1{3,}|n/?a|none|unknown|not (available|specified)|\[no information found\]"
    r"|[\[(<]?(redacted|removed|hidden|masked|anonymi[sz]ed)[\])>]?",
    re.I,
)
"""What stands where no serial is told: dashes, noughts or x throughout, or a word of whoever blotted it out."""
_VALUES = (
    "ata_smart_attributes",
    "nvme_smart_health_information_log",
    "scsi_error_counter_log",
    "scsi_grown_defect_list",
    "smart_status",
)
_JMICRON = re.compile(r"JMicron H/W RAID\d*", re.I)
_JMICRON_CURE = (
    "its disks can be read through sector 33 of the volume, which smartctl writes to: if that may be, set "
    "jmb39x = true in [smart] and --allow-jmb39x in /etc/hardcase/helper.conf"
)
_RAID_CURE = "name the disks behind the controller as [[smart.device]] with their type (megaraid,N; cciss,N; ...)"

_TROUBLES: tuple[tuple[re.Pattern[str], GapReason, str], ...] = (
    (re.compile(r"Permission denied|Operation not permitted", re.I), GapReason.DENIED, "read disks through the helper"),
    (re.compile(r"No such (device|file)", re.I), GapReason.ABSENT, ""),
    (
        re.compile(r"Unknown USB bridge", re.I),
        GapReason.UNSUPPORTED,
        "give its type as [[smart.device]] (sat, sntjmicron)",
    ),
    (re.compile(r"specify device type|Unable to detect device type", re.I), GapReason.UNSUPPORTED, _RAID_CURE),
    (re.compile(r"not support SMART|lacks? SMART|SMART .*unavailable", re.I), GapReason.UNSUPPORTED, _RAID_CURE),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskReport:
    """What one answer says. `readings[i]` belongs to `sensors[i]`; numbers come before states."""

    part: Part
    identity: str
    """Model and serial; model, slot and WWN where there is no serial; the place where there is neither."""
    protocol: str
    """ "ata", "nvme", "scsi", or "" where smartctl could not tell."""
    sensors: tuple[Sensor, ...] = ()
    readings: tuple[Reading, ...] = ()
    trouble: Gap | None = None
    """Why nothing was read; None = `sensors` is what this disk tells."""
    cure: str = ""


def parse_report(output: str, *, path: str, slot: str = "", address: str = "") -> DiskReport:
    """`slot` is where people find it, `address` where the kernel does: its place where nothing else is known.

    Raises MalformedAnswer (no JSON of smartctl in it), ToolMissing (smartctl older than 7.0).
    """
    return report_of(parse_document(output), path=path, slot=slot, address=address)


def report_of(document: Document, *, path: str, slot: str = "", address: str = "") -> DiskReport:
    """As `parse_report`, from smartctl's document. Raises nothing, whatever stands in it."""
    protocol = measure.text(document, "device", "protocol").lower()
    part = _part(document, path, slot, address)
    identity = _identity(part)
    trouble, cure = _trouble(document)
    if trouble is not None and trouble.reason is GapReason.ASLEEP and not _has_values(document):
        return DiskReport(part=part, identity=identity, protocol=protocol, trouble=trouble)
    if is_jmicron_volume(part.model):
        # It says PASSED for itself, with no attribute behind it, whatever becomes of its disks.
        reason = Gap(GapReason.UNSUPPORTED, "a RAID volume of a JMicron JMB39x, which says nothing of its disks")
        return DiskReport(part=part, identity=identity, protocol=protocol, trouble=reason, cure=_JMICRON_CURE)
    found = {entry.quantity: entry for entry in _MEASURES[protocol](document)} if protocol in _MEASURES else {}
    if not any(entry.quantity not in ("disk.temperature", "disk.hours") for entry in found.values()):
        reason = trouble or Gap(GapReason.UNSUPPORTED, "smartctl reads neither health nor counters from it")
        cure = cure if trouble else _RAID_CURE
        return DiskReport(part=part, identity=identity, protocol=protocol, trouble=reason, cure=cure)
    measured = sorted(found.values(), key=lambda entry: measure.ORDER[entry.quantity])
    return DiskReport(
        part=part,
        identity=identity,
        protocol=protocol,
        sensors=tuple(measure.sensor_of(entry, identity, part) for entry in measured),
        readings=tuple(entry.reading for entry in measured),
    )


def is_jmicron_volume(model: str) -> bool:
    """Whether this model is what a JMB39x calls its own volume ("JMicron H/W RAID5", cut short by the kernel)."""
    return _JMICRON.fullmatch(model.strip()) is not None


def slot_of(kind: str) -> str:
    """The place behind a RAID controller that a -d type names, "megaraid 8"; "" for any other."""
    name, comma, number = kind.rpartition("+")[2].partition(",")
    controllers = ("megaraid", "cciss", "3ware", "areca", "aacraid", "sssraid", "hpt", "jmb39x", "jmb39x-q", "jms56x")
    return f"{name} {number}" if comma and name in controllers else ""


def parse_scan(output: str) -> tuple[tuple[str, str], ...]:
    """(path, -d type) of each device of `smartctl --scan-open`. Raises like `parse_report`."""
    document = parse_document(output)
    found = ((measure.text(row, "name"), measure.text(row, "type")) for row in measure.rows(document, "devices"))
    return tuple((name, kind or "auto") for name, kind in found if name)


def parse_document(output: str) -> Document:
    """smartctl's JSON, also behind the lines that 7.0 to 7.2 print before it. Raises MalformedAnswer, ToolMissing."""
    decoder = json.JSONDecoder()
    for start in [found.start() for found in re.finditer(r"\{", output)][:16]:
        try:
            document, _ = decoder.raw_decode(output, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(document, dict) and "smartctl" in document:
            return document
    check_banner(output)
    raise MalformedAnswer(f"smartctl printed no JSON: {' '.join(output[:120].split())!r}")


def check_banner(output: str) -> None:
    """Raises ToolMissing where smartctl's first line names a version without JSON."""
    banner = _BANNER.search(output)
    if banner and (int(banner[1]), int(banner[2])) < OLDEST:
        raise ToolMissing(f"smartctl {banner[1]}.{banner[2]} is too old: {CURE}")


def _has_values(document: Document) -> bool:
    return any(key in document for key in _VALUES)


def _trouble(document: Document) -> tuple[Gap | None, str]:
    """Why this answer holds nothing, where it says so; the cure. Exit status: smartctl(8), EXIT STATUS."""
    messages = "; ".join(measure.text(row, "string") for row in measure.rows(document, "smartctl", "messages"))
    status = int(measure.number(document, "smartctl", "exit_status") or 0)
    if status == STANDBY_STATUS or _ASLEEP.search(messages):
        return Gap(GapReason.ASLEEP, "in standby; left asleep"), ""
    if _IDLE.search(messages):
        return Gap(GapReason.ASLEEP, "idle, and left undisturbed"), ""
    support = measure.table(document, "smart_support")
    for pattern, reason, cure in _TROUBLES:
        if pattern.search(messages):
            return Gap(reason, messages[:200]), cure
    if support.get("available") is False:
        return Gap(GapReason.UNSUPPORTED, "it has no SMART"), _RAID_CURE
    if support.get("enabled") is False:
        return Gap(GapReason.DISABLED, "SMART is switched off"), "switch it on with smartctl --smart=on"
    if status & 1:
        return Gap(GapReason.ERROR, messages[:200] or "smartctl refused its arguments"), CURE
    if status & 2:
        return Gap(GapReason.ERROR, messages[:200] or "the device could not be opened or identified"), ""
    return None, ""


def _part(document: Document, path: str, slot: str, address: str) -> Part:
    vendor = measure.text(document, "scsi_vendor") or measure.text(document, "vendor")
    product = measure.text(document, "scsi_product") or measure.text(document, "product")
    model = measure.text(document, "model_name") or measure.text(document, "scsi_model_name")
    firmware = (measure.text(document, key) for key in ("firmware_version", "scsi_revision", "revision"))
    serial, wwn = measure.text(document, "serial_number"), _wwn(document)
    serial = serial or measure.text(document, "seagate_farm_log", "page_1_drive_information", "serial_number")
    if _NO_SERIAL.fullmatch(serial):
        serial = ""
    return Part(
        component=Component.DISK,
        slot=slot or ("" if serial or wwn else address),
        model=model or f"{vendor} {product}".strip(),
        serial=serial,
        firmware=next(filter(None, firmware), ""),
        paths=(path,),
        wwn=wwn,
    )


def _wwn(document: Document) -> str:
    naa, oui, number = (measure.number(document, "wwn", key) for key in ("naa", "oui", "id"))
    if naa is not None and oui is not None and number is not None:
        return f"{int(naa):x}{int(oui):06x}{int(number):09x}"
    unit = measure.text(document, "logical_unit_id").lower().removeprefix("0x")
    if unit:
        return unit
    for namespace in measure.rows(document, "nvme_namespaces"):
        oui, number = (measure.number(namespace, "eui64", key) for key in ("oui", "ext_id"))
        if oui is not None and number is not None:
            return f"{int(oui):06x}{int(number):010x}"
    return ""


def _identity(part: Part) -> str:
    if part.serial:
        return f"{part.model}/{part.serial}".replace(" ", "_")
    # Some controllers give every disk behind them the WWN of their volume: with the model and the slot it tells more.
    if part.wwn:
        return "/".join(filter(None, (part.model, part.slot, f"wwn-{part.wwn}"))).replace(" ", "_")
    return f"place/{part.slot or part.paths[0]}".replace(" ", "_")
