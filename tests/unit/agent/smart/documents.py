"""smartctl answers made for the tests, in the shapes of smartctl 7.0 to 7.5, with only the fields that matter."""

from __future__ import annotations

import json
from typing import Any


def document(protocol: str, *, status: int = 0, messages: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    smartctl: dict[str, Any] = {"version": [7, 3], "exit_status": status}
    if messages:
        smartctl["messages"] = [{"string": message, "severity": "error"} for message in messages]
    device = {"device": {"name": "/dev/x", "protocol": protocol}} if protocol else {}
    return {"json_format_version": [1, 0], "smartctl": smartctl, **device, **fields}


def ata(serial: str = "Z1", *, attributes: tuple[dict[str, Any], ...] = (), **fields: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "model_name": "ST8000NM0055",
        "serial_number": serial,
        "firmware_version": "SN05",
        "smart_status": {"passed": True},
        "temperature": {"current": 31},
        "power_on_time": {"hours": 10},
        "ata_smart_attributes": {"table": list(attributes)},
    }
    return document("ATA", **{**given, **fields})


def attribute(
    number: int, name: str, raw: str, *, value: int = 100, when_failed: str = "", prefailure: bool = False
) -> dict[str, Any]:
    return {
        "id": number,
        "name": name,
        "value": value,
        "worst": value,
        "thresh": 0,
        "when_failed": when_failed,
        "flags": {"prefailure": prefailure},
        "raw": {"value": int(raw.split()[0], 0) if raw.split()[0].isdigit() else 0, "string": raw},
    }


def nvme(serial: str = "N1", *, log: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    health = {
        "critical_warning": 0,
        "temperature": 40,
        "available_spare": 100,
        "available_spare_threshold": 10,
        "percentage_used": 3,
        "data_units_read": 2,
        "data_units_written": 1,
        "media_errors": 0,
    }
    given: dict[str, Any] = {
        "model_name": "SSDPE2KX020T8",
        "serial_number": serial,
        "firmware_version": "VDV1",
        "smart_status": {"passed": True},
        "temperature": {"current": 40},
        "power_on_time": {"hours": 10},
        "nvme_smart_health_information_log": {**health, **(log or {})},
    }
    return document("NVMe", **{**given, **fields})


def sas(serial: str = "S1", **fields: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "scsi_vendor": "SEAGATE",
        "scsi_product": "ST1200MM0088",
        "scsi_model_name": "SEAGATE ST1200MM0088",
        "scsi_revision": "N004",
        "serial_number": serial,
        "logical_unit_id": "0x5000C500A1B2C3D4",
        "smart_status": {"passed": True},
        "temperature": {"current": 31, "drive_trip": 60},
        "power_on_time": {"hours": 20, "minutes": 30},
        "scsi_grown_defect_list": 0,
        "scsi_error_counter_log": {
            "read": {"gigabytes_processed": "11523.849", "total_uncorrected_errors": 0},
            "write": {"gigabytes_processed": "386.568", "total_uncorrected_errors": 0},
        },
    }
    return document("SCSI", **{**given, **fields})


def asleep() -> dict[str, Any]:
    return document("ATA", status=3, messages=("Device is in STANDBY mode, exit(3)",))


def scan(*devices: tuple[str, str]) -> dict[str, Any]:
    return document("", devices=[{"name": name, "type": kind} for name, kind in devices])


def as_text(value: dict[str, Any]) -> str:
    return json.dumps(value)
