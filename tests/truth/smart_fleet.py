"""A fleet's drives: each summary row with its attribute rows becomes the document smartctl would have printed."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hardcase_agent.domain.capture import Capture

from tests.truth.comparison import Truth, Verdict


def fleet(folder: Path) -> Iterable[Verdict]:
    """One verdict a drive: FAILED is a fault, a drive without any sign is healthy, the others are only judged."""
    for summary in sorted((folder / "smart" / "fleet").glob("*_summary.*.tsv.gz")):
        attributes = Path(str(summary).replace("_summary.", "_attrs."))
        for row, rows in _drives(summary, attributes):
            yield _drive(row, rows)


def _drives(summary: Path, attributes: Path) -> Iterator[tuple[dict[str, str], list[list[str]]]]:
    """Each row of the summary with its attribute rows. Some drives stand there twice: an id that comes again begins the
    next report."""
    of_drive: dict[str, list[str]] = {}
    with gzip.open(attributes, "rt", newline="") as stream:
        next(stream)
        for line in stream:
            of_drive.setdefault(line.split("\t", 1)[0], []).append(line)
    with gzip.open(summary, "rt", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            yield row, _next_report(of_drive.get(row["drive_id"], []), row["model"])


def _next_report(lines: list[str], model: str) -> list[list[str]]:
    """Takes the first report of this model out of the lines of one drive id."""
    taken: dict[str, list[str]] = {}
    for line in list(lines):
        fields = line.rstrip("\n").split("\t")
        if fields[1] != model:
            continue
        if fields[2] in taken:
            break
        taken[fields[2]] = fields
        lines.remove(line)
    return list(taken.values())


def _drive(row: dict[str, str], rows: list[list[str]]) -> Verdict:
    document = _document(row, rows)
    capture = Capture(row["drive_id"], {"": json.dumps(document).encode()})
    name = f"fleet {row['model']} {row['drive_id']}"
    if row["health"].startswith("FAILED"):
        return Verdict(
            name=name, truth=Truth.FAULT, captures=(("smart", capture),), classes=("disk",), part=(row["drive_id"],)
        )
    return Verdict(name=name, truth=Truth.UNKNOWN if _signs(row) else Truth.HEALTHY, captures=(("smart", capture),))


_SIGNS = (
    "a5_realloc", "a10_spin_retry", "a184_e2e", "a187_uncorrect", "a196_realloc_ev", "a197_pending", "a198_offl_unc",
    "attrs_now", "attrs_past", "ata_error_count", "selftest_failed_entries", "nvme_critical_warning",
    "nvme_media_errors",
)  # fmt: skip
_RATED = 100


def _signs(row: dict[str, str]) -> bool:
    worn = int(row["nvme_used"] or 0) >= _RATED
    return worn or any(row[key] not in ("", "0", "-", "0x00") for key in _SIGNS)


def _document(row: dict[str, str], rows: list[list[str]]) -> dict[str, Any]:
    protocol = {"ata": "ATA", "nvme": "NVMe", "scsi": "SCSI"}.get(row["proto"], "")
    document: dict[str, Any] = {
        "smartctl": {"version": [int(word) for word in re.findall(r"\d+", row["smartctl"])[:2]], "exit_status": 0},
        "device": {"name": "/dev/sda", "protocol": protocol},
        "model_name": row["model"],
        "serial_number": row["drive_id"],
        "firmware_version": row["firmware"],
        "rotation_rate": int(found[0]) if (found := re.match(r"\d+", row["rotation"])) else 0,
    }
    if row["health"]:
        document["smart_status"] = {"passed": not row["health"].startswith("FAILED")}
    if row["temp_nvme_or_scsi"]:
        document["temperature"] = {"current": int(row["temp_nvme_or_scsi"])}
    if rows:
        document["ata_smart_attributes"] = {"table": [_attribute(fields) for fields in rows]}
    if row["ata_error_count"]:
        document["ata_smart_error_log"] = {"extended": {"count": int(row["ata_error_count"])}}
    if protocol == "NVMe":
        keys = {
            "critical_warning": "nvme_critical_warning", "available_spare": "nvme_spare",
            "available_spare_threshold": "nvme_spare_thresh", "percentage_used": "nvme_used",
            "media_errors": "nvme_media_errors", "num_err_log_entries": "nvme_err_entries",
            "warning_temp_time": "nvme_warn_temp_min", "critical_comp_time": "nvme_crit_temp_min",
        }  # fmt: skip
        log = {key: int(row[name], 0) for key, name in keys.items() if row[name]}
        document["nvme_smart_health_information_log"] = log
    return document


def _attribute(fields: list[str]) -> dict[str, Any]:
    _, _, number, name, flags, value, worst, thresh, failed, raw = fields[:10]
    words = {"NOW": "now", "FAILING_NOW": "now", "Past": "past", "In_the_past": "past"}
    row: dict[str, Any] = {
        "id": int(number),
        "name": name,
        "when_failed": words.get(failed, ""),
        "flags": {"prefailure": flags.startswith("P")},
        "raw": {"string": raw},
    }
    for key, text in (("value", value), ("worst", worst), ("thresh", thresh)):
        if text.isdigit():
            row[key] = int(text)
    return row
