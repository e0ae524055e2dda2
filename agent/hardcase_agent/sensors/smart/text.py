"""Text of `smartctl -a`, `-x` or `-i` (5.x to 7.5) to the document that `smartctl --json` would have printed. Pure.

Called by `decoding.py`: what customers send is mostly text. Values are taken by `report.py`, as from JSON. Label lines
are here; attributes and logs of ATA disks in `text_ata.py`, those of NVMe and SAS disks in `text_logs.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from hardcase_agent.sensors.smart import text_ata, text_logs
from hardcase_agent.sensors.smart.figures import integer, tidy, whole

_BANNER = re.compile(
    r"^(?:[#$>\s]*smartctl )(?:version |pre-|\(pre\) )*(\d{1,2})\.(\d{1,2})\b.*(?:\[| r\d|Copyright)", re.MULTILINE
)
_LABEL = re.compile(r"^\s{0,4}([A-Z][A-Za-z0-9 .,/()'-]{1,60}?)\s*(?::|\bis:)\s*(.*?)\s*$")
_SETTERS: dict[str, Callable[[dict[str, Any], str], None]] = {}

_ATA = re.compile(
    r"^(Device Model|ATA Version is|SATA Version is|Vendor Specific SMART Attributes)|ATA Error Count:", re.M
)
_NVME = re.compile(r"NVMe Log 0x0|^(Number of Namespaces|NVMe Version|IEEE OUI Identifier):|^Model Number:", re.M)
_SCSI = re.compile(
    r"^(SMART Health Status:|Transport protocol:|Logical Unit id:|Elements in grown defect|Vendor:|Device: .*Version: )"
    r"|^Current Drive Temperature:",
    re.M,
)
_MESSAGE = re.compile(
    r"(open device: .* failed|in (STANDBY|SLEEP|IDLE)\b|Permission denied|Operation not permitted|Unknown USB bridge"
    r"|specify device type|Unable to detect device type|No such (device|file)|lacks SMART|not support SMART"
    r"|Read Device Identity failed|INQUIRY failed|Inquiry response|mandatory SMART command failed)",
    re.I,
)
_MOST_MESSAGES = 8
_SHORTEST = 60
"""Characters; a banner alone has as many."""
_EXCEPTION = re.compile(r"\[asc=([0-9a-f]{1,2}), ?ascq=([0-9a-f]{1,2})\]", re.I)


def split_reports(text: str) -> list[str]:
    """One text per report: smartctl begins each with its banner. Text before the first goes with the first."""
    starts = [found.start() for found in _BANNER.finditer(text)]
    if not starts:
        return [text]
    edges = [0, *starts[1:], len(text)]
    return [text[begin:end] for begin, end in pairwise(edges)]


def has_banner(text: str) -> bool:
    return _BANNER.search(text) is not None


def is_report(text: str) -> bool:
    """Whether smartctl wrote it: its banner, or lines that only it prints."""
    return len(text) >= _SHORTEST and (has_banner(text) or protocol_of(text) != "")


def protocol_of(text: str) -> str:
    for protocol, pattern in (("NVMe", _NVME), ("ATA", _ATA), ("SCSI", _SCSI)):
        if pattern.search(text):
            return protocol
    return ""


def parse_text(text: str) -> dict[str, Any]:
    """The document of one report; what the text does not tell is not in it. Never raises."""
    document: dict[str, Any] = {"smartctl": {"text": True}, "device": {}}
    banner = _BANNER.search(text)
    if banner:
        document["smartctl"]["version"] = [int(banner[1]), int(banner[2])]
    protocol = protocol_of(text)
    if protocol:
        document["device"]["protocol"] = protocol
    lines = text.split("\n")
    messages = [{"string": tidy(line)[:200]} for line in lines if len(line) < 400 and _MESSAGE.search(line)]
    if messages:
        document["smartctl"]["messages"] = messages[:_MOST_MESSAGES]
    for label, value in _labels(lines):
        setter = _SETTERS.get(label)
        if setter is not None:
            setter(document, value)
    if protocol == "ATA":
        text_ata.read(document, lines)
    elif protocol == "NVMe":
        text_logs.read_nvme(document, lines)
    elif protocol == "SCSI":
        text_logs.read_scsi(document, lines)
    return document


def _labels(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        if len(line) > 400 or ":" not in line:
            continue
        found = _LABEL.match(line)
        if found:
            yield re.sub(r"\s+", " ", found[1]).lower(), tidy(found[2])


def _sets(*labels: str) -> Callable[[Callable[[dict[str, Any], str], None]], None]:
    def keep(setter: Callable[[dict[str, Any], str], None]) -> None:
        for label in labels:
            _SETTERS[label] = setter

    return keep


def _plain(key: str, *labels: str) -> None:
    """A text that stands at the document's top; the first line counts."""

    def keep(document: dict[str, Any], value: str) -> None:
        if value and value != "[No Information Found]":
            document.setdefault(key, value)

    _sets(*labels)(keep)


_plain("model_name", "device model", "model number")
_plain("model_family", "model family")
_plain("serial_number", "serial number")
_plain("firmware_version", "firmware version")
_plain("scsi_vendor", "vendor")
_plain("scsi_product", "product")
_plain("scsi_revision", "revision")
_plain("logical_unit_id", "logical unit id")


@_sets("lu wwn device id")
def _wwn(document: dict[str, Any], value: str) -> None:
    found = re.fullmatch(r"([0-9a-f]) ([0-9a-f]{6}) ([0-9a-f]{9})", value.lower())
    if found:
        naa, oui, number = (int(word, 16) for word in found.groups())
        document["wwn"] = {"naa": naa, "oui": oui, "id": number}


@_sets("namespace 1 ieee eui-64")
def _eui(document: dict[str, Any], value: str) -> None:
    found = re.fullmatch(r"([0-9a-f]{6}) ([0-9a-f]{10})", value.lower())
    if found:
        document["nvme_namespaces"] = [{"eui64": {"oui": int(found[1], 16), "ext_id": int(found[2], 16)}}]


@_sets("user capacity", "total nvm capacity", "namespace 1 size/capacity")
def _capacity(document: dict[str, Any], value: str) -> None:
    size = whole(value.partition("bytes")[0])
    if size is not None:
        document.setdefault("user_capacity", {"bytes": size})


@_sets("sector size", "sector sizes", "logical block size")
def _sector(document: dict[str, Any], value: str) -> None:
    size = integer(value)
    if size:
        document["logical_block_size"] = size


@_sets("rotation rate")
def _rotation(document: dict[str, Any], value: str) -> None:
    rate = 0 if "solid state" in value.lower() else integer(value)
    if rate is not None:
        document["rotation_rate"] = rate


# "Device is:" loses its last word to the label where smartctl pads it.
@_sets("device", "device is")
def _database(document: dict[str, Any], value: str) -> None:
    if "smartctl database" in value:
        document["in_smartctl_database"] = value.lower().startswith("in ")
        return
    old = re.fullmatch(r"(.+?)\s+Version: (\S+)", value)  # smartctl 5.x, SCSI
    if old:
        document.setdefault("scsi_model_name", old[1])
        document.setdefault("scsi_revision", old[2])


@_sets("smart support", "smart support is")
def _support(document: dict[str, Any], value: str) -> None:
    support = document.setdefault("smart_support", {})
    words = value.lower()
    if words.startswith(("available", "unavailable")):
        support["available"] = words.startswith("available")
    elif words.startswith(("enabled", "disabled")):
        support.setdefault("available", True)
        support["enabled"] = words.startswith("enabled")


@_sets("local time", "local time is")
def _time(document: dict[str, Any], value: str) -> None:
    document["local_time"] = {"asctime": value}


@_sets("smart overall-health self-assessment test result")
def _ata_health(document: dict[str, Any], value: str) -> None:
    if value.startswith(("PASSED", "FAILED")):
        document["smart_status"] = {"passed": value.startswith("PASSED")}


@_sets("smart health status")
def _scsi_health(document: dict[str, Any], value: str) -> None:
    if value == "OK":
        document["smart_status"] = {"passed": True}
        return
    found = _EXCEPTION.search(value)
    if found:
        code = {"asc": int(found[1], 16), "ascq": int(found[2], 16), "ie_string": value[: found.start()].strip()}
        document["smart_status"] = {"passed": False, "scsi": code}
    elif "IMPENDING FAILURE" in value or "PREDICTION THRESHOLD" in value:
        # smartctl 5.x names the exception and prints no codes.
        document["smart_status"] = {"passed": False}
