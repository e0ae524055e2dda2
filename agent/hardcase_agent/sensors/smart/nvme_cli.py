"""Health logs and lists of nvme-cli (`-o json` of 1.x and 2.x, and `smart-log` text), as smartctl's document. Pure.

Called by `decoding.py`. A log alone does not tell which disk it is of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.smart.figures import whole

_KEYS = {
    "critical_warning": "critical_warning",
    "avail_spare": "available_spare",
    "available_spare": "available_spare",
    "spare_thresh": "available_spare_threshold",
    "available_spare_threshold": "available_spare_threshold",
    "percent_used": "percentage_used",
    "percentage_used": "percentage_used",
    "data_units_read": "data_units_read",
    "data_units_written": "data_units_written",
    "media_errors": "media_errors",
    "power_on_hours": "power_on_hours",
    "unsafe_shutdowns": "unsafe_shutdowns",
    "num_err_log_entries": "num_err_log_entries",
    "warning_temp_time": "warning_temp_time",
    "critical_comp_time": "critical_comp_time",
}
_KELVIN = 273
_TEXT_HEAD = re.compile(r"^Smart Log for NVME device ?:?\s*(\S+?)(?: namespace-id:\S*)?\s*$", re.M | re.I)
_TEXT_LINE = re.compile(r"^([A-Za-z][A-Za-z _]{3,40}?)\s*:\s*(.+?)\s*$", re.M)
_DEEPEST = 8
_MOST_PARTS = 4096


def is_log(document: Mapping[str, Any]) -> bool:
    return "critical_warning" in document and ("avail_spare" in document or "percent_used" in document)


def health_document(log: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """The log in smartctl's shape; fields that are no numbers are left out."""
    health: dict[str, Any] = {}
    for key, name in _KEYS.items():
        value = _number(log.get(key))
        if value is not None:
            health[name] = value
    document: dict[str, Any] = {
        "smartctl": {},
        "device": {"name": path, "protocol": "NVMe"},
        "nvme_smart_health_information_log": health,
    }
    kelvin = _number(log.get("temperature"))
    if kelvin is not None:
        # nvme-cli prints kelvin in JSON; its text, and some 1.x, Celsius.
        document["temperature"] = {"current": kelvin - _KELVIN if kelvin > 200 else kelvin}
    if "power_on_hours" in health:
        document["power_on_time"] = {"hours": health["power_on_hours"]}
    return document


def text_document(text: str) -> dict[str, Any] | None:
    """`nvme smart-log` without `-o json`, or None."""
    head = _TEXT_HEAD.search(text)
    if head is None:
        return None
    log: dict[str, Any] = {}
    for label, value in _TEXT_LINE.findall(text):
        key = label.lower().replace(" ", "_").removesuffix("_")
        number = int(value, 16) if re.fullmatch(r"0x[0-9a-fA-F]{1,16}", value) else whole(value)
        if number is not None:
            log.setdefault("temperature" if key == "temperature" else key, number)
    return health_document(log, f"/dev/{head[1].removeprefix('/dev/')}")


def listed(document: Mapping[str, Any]) -> Iterator[Part]:
    """The disks of `nvme list -o json`: flat rows in 1.x, subsystems with controllers in 2.x."""
    stack: list[tuple[Any, int]] = [(document.get("Devices"), 0)]
    seen = 0
    while stack and seen < _MOST_PARTS:
        here, depth = stack.pop()
        if isinstance(here, list) and depth < _DEEPEST:
            stack += [(entry, depth + 1) for entry in reversed(here)]
        elif isinstance(here, Mapping) and "ModelNumber" in here:
            seen += 1
            yield _part(here)
        elif isinstance(here, Mapping) and depth < _DEEPEST:
            stack += [(here[key], depth + 1) for key in ("Controllers", "Subsystems") if key in here]


def _part(row: Mapping[str, Any]) -> Part:
    def word(*keys: str) -> str:
        found = (row.get(key) for key in keys)
        return next((" ".join(value.split()) for value in found if isinstance(value, str) and value.strip()), "")

    path = word("DevicePath", "Controller")
    return Part(
        component=Component.DISK,
        slot=word("Slot"),
        model=word("ModelNumber"),
        serial=word("SerialNumber"),
        firmware=word("Firmware"),
        paths=(path if path.startswith("/") else f"/dev/{path}",) if path else (),
    )


def _number(value: Any) -> int | float | None:
    """Whole numbers, floats (1.14), strings of digits (2.3), and {"value": n} (2.9) are all printed."""
    if isinstance(value, Mapping):
        value = value.get("value")
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        return int(text) if re.fullmatch(r"\d{1,40}", text) else None
    return value if isinstance(value, int | float) else None
