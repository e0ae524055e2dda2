"""What is known of incidents in public trackers, of labelled logs and of machines in use. Called by `kernel.py`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hardcase_agent import decoding
from hardcase_agent.domain.capture import Capture

from tests.truth.comparison import Truth, Verdict
from tests.truth.kernel_captures import ALERTS, dmi_texts, labelled_lines, trees


def verdicts(folder: Path) -> Iterable[Verdict]:
    for found in (_incidents, _gpu_logs, _healthy_tables, _sysfs_verdicts, _quiet_lines, _cluster_logs, _checks):
        yield from found(folder)


_CLASSES = {
    "disk": ("disk", "cable", "raid"),
    "nvme": ("disk", "cable", "pcie"),
    "ssd": ("disk", "cable", "raid"),
    "sas": ("disk", "cable", "raid"),
    "memory": ("memory", "cpu"),
    "cpu": ("cpu", "memory", "thermal"),
    "psu": ("psu", "power"),
    "power": ("power", "psu"),
    "fan": ("fan", "thermal"),
    "raid": ("raid", "battery", "disk"),
    "raid-battery": ("battery", "raid"),
    "bmc": ("bmc",),
    "pcie": ("pcie",),
    "nic": ("nic", "cable"),
    "gpu": ("gpu",),
}
_FALSE = re.compile(r"false|not a fault|tool defect|sensor fault|no fault", re.IGNORECASE)
_FAULT = re.compile(r"fault|wear|minor|suspected", re.IGNORECASE)
_NO_MACHINE_TEXT = re.compile(r"post mortem|temps|board table|rvitals|inventory$|photo|BMC log", re.IGNORECASE)
"""Sources whose evidence was written by a person: nothing to decode, so nobody could be right about it."""


def _incidents(folder: Path) -> Iterator[Verdict]:
    for path in sorted(folder.glob("**/real_incidents*.jsonl")):
        for raw in path.read_text(encoding="utf-8").splitlines():
            if raw.strip():
                yield _incident(json.loads(raw))


def _incident(case: dict[str, Any]) -> Verdict:
    said = case["ground_truth"]
    truth = Truth.UNKNOWN
    if _FALSE.search(said):
        truth = Truth.FALSE_ALARM
    elif _FAULT.search(said) and not _NO_MACHINE_TEXT.search(case["evidence_source"]):
        truth = Truth.FAULT
    components = re.split(r"[/+]", case["component"])
    return Verdict(
        name=f"incident {case['id']}",
        truth=truth,
        captures=(("kernel-log", Capture(case["id"], {"": "\n".join(case["evidence"]).encode()})),),
        classes=tuple(sorted({name for one in components for name in _CLASSES.get(one, (one,))})),
        why=f"{case['fault']}: {said} ({case['url']})",
    )


_OF_APPLICATIONS = ("13", "31", "43", "45", "68", "69")
_BROKEN = ("48", "64", "74", "79", "94", "95", "119", "120", "140")


def _gpu_logs(folder: Path) -> Iterator[Verdict]:
    for path in sorted(folder.glob("**/kernel/logs/*")):
        number = re.search(r"xid_?(\d+)", path.name)
        if number and number[1] in _OF_APPLICATIONS:
            yield _of_file(folder, path, "kernel-log", Truth.FALSE_ALARM, why=f"Xid {number[1]} is an application's")
        elif number and number[1] in _BROKEN:
            yield _of_file(folder, path, "kernel-log", Truth.FAULT, classes=("gpu",), why=f"Xid {number[1]}")
        elif "pstore" in path.name:
            yield _of_file(folder, path, "kernel-log", Truth.FALSE_ALARM, why="a crash that was made on purpose")
        elif "fabricmanager" in path.name:
            yield _of_file(folder, path, "kernel-log", Truth.UNKNOWN, why="a non-fatal NVSwitch error")


def _healthy_tables(folder: Path) -> Iterator[Verdict]:
    for path in (*dmi_texts(folder), *sorted(folder.glob("**/*smbios*.bin"))):
        yield _of_file(folder, path, "dmi", Truth.HEALTHY, why="an inventory")


def _sysfs_verdicts(folder: Path) -> Iterator[Verdict]:
    for tree, _ in trees(folder):
        classes = ("memory.uncorrectable",)
        why = "uncorrected errors are counted"
        yield _of_file(folder, tree, "edac", Truth.FAULT, classes=classes, part=("csrow", "MC0"), why=why)
    for tree in sorted(folder.glob("**/telegraf_hwmon_*.json")):
        yield _of_file(folder, tree, "edac", Truth.HEALTHY, why="values of a computer in use")


def _quiet_lines(folder: Path) -> Iterator[Verdict]:
    for number, (path, one) in enumerate(labelled_lines(folder)):
        if not one["match"]:
            capture = Capture(f"{path.name} {number}", {"": one["line"].encode()})
            name = f"{path.name}: {one['line'][:80]}"
            yield Verdict(name=name, truth=Truth.FALSE_ALARM, captures=(("kernel-log", capture),), why=one["group"])


def _cluster_logs(folder: Path) -> Iterator[Verdict]:
    for path in sorted(folder.glob("**/BGL_*.log")):
        lines = path.read_bytes().split(b"\n")
        quiet = b"\n".join(line for line in lines if line.startswith(b"- "))
        name = f"{path.relative_to(folder)}: lines without an alert"
        yield Verdict(name=name, truth=Truth.UNKNOWN, captures=(("kernel-log", Capture(path.name, {"": quiet})),))
        for label in ALERTS:
            alerts = b"\n".join(line for line in lines if line.startswith(label.encode() + b" "))
            if alerts:
                yield Verdict(
                    name=f"{path.relative_to(folder)}: {label}",
                    truth=Truth.FAULT,
                    captures=(("kernel-log", Capture(path.name, {"": alerts})),),
                    classes=("cpu",),
                    why="labelled as an alert of the hardware",
                )
    for path in sorted(folder.glob("**/HPC_*.log")):
        if b"psu failure" in path.read_bytes():
            yield _of_file(folder, path, "kernel-log", Truth.FAULT, classes=("psu",), why="psu failure")


def _checks(folder: Path) -> Iterator[Verdict]:
    for path in sorted(folder.glob("**/mce/*.txt")):
        comment = path.read_text(encoding="utf-8", errors="replace").partition("\n")[0].lower()
        broken = "srar" in comment or "uncorrect" in comment or "fatal" in comment
        truth = Truth.FAULT if broken else Truth.UNKNOWN
        yield _of_file(folder, path, "kernel-log", truth, classes=("cpu", "memory") if broken else (), why=comment)


def _of_file(
    folder: Path,
    path: Path,
    kind: str,
    truth: Truth,
    *,
    classes: tuple[str, ...] = (),
    part: tuple[str, ...] = (),
    why: str = "",
) -> Verdict:
    name = str(path.relative_to(folder))
    captures = ((kind, decoding.read(path)),)
    return Verdict(name=name, truth=truth, captures=captures, classes=classes, part=part, why=why)
