"""Logs, sysfs trees and firmware tables against what others read of the same: node_exporter, telegraf, dmidecode,
gpud's labels, Blue Gene's alert column, and verdicts of incidents in public trackers.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cache
from math import isclose
from pathlib import Path
from typing import Any

from hardcase_agent import decoding
from hardcase_agent.domain.capture import Capture, Listed, Recorded, Seen
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.reading import Gap, Number, States

from tests.truth.comparison import Comparison, Truth, Verdict

DIFFERENCES = Path(__file__).with_name("kernel_differences.toml")


def compare(folder: Path) -> Iterable[Comparison]:
    for found in (_node_exporter, _telegraf, _dmidecode, _raw_tables, _labelled, _blue_gene, _machine_checks):
        yield from found(folder)


def made(folder: Path, path: Path, what: str, expected: object, got: object, equal: bool | None = None) -> Comparison:
    capture, wanted, told = str(path.relative_to(folder)), _words(expected), _words(got)
    same = wanted == told if equal is None else equal
    explained = "" if same else _explained(capture, what, wanted, told)
    return Comparison(capture=capture, what=what, expected=wanted, got=told, equal=same, explained=explained)


def _words(value: object) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)


@cache
def _reviewed() -> tuple[dict[str, str], ...]:
    return tuple(tomllib.loads(DIFFERENCES.read_text(encoding="utf-8"))["difference"])


def _explained(capture: str, what: str, expected: str, got: str) -> str:
    told = {"capture": capture, "what": what, "expected": expected, "got": got}
    for one in _reviewed():
        if all(fnmatchcase(told[key], pattern) for key, pattern in one.items() if key != "reason"):
            return one["reason"]
    return ""


def read(kind: str, path: Path) -> list[Any]:
    return list(decoding.decode(kind, decoding.read(path)))


# --------------------------------------------------------------------- sysfs

_METRIC = re.compile(r"^(node_\w+?)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_HWMON = {
    "node_hwmon_temp_celsius": ("value", ""),
    "node_hwmon_fan_rpm": ("value", ""),
    "node_hwmon_in_volts": ("value", ""),
    "node_hwmon_temp_max_celsius": ("limit", "upper_non_critical"),
    "node_hwmon_temp_crit_celsius": ("limit", "upper_critical"),
    "node_hwmon_temp_crit_alarm_celsius": ("alarm", "crit"),
    "node_hwmon_in_alarm": ("alarm", "alarm"),
    "node_hwmon_fan_alarm": ("alarm", "alarm"),
    "node_hwmon_intrusion_alarm": ("alarm", "alarm"),
}
_SUPPLY = {
    "node_power_supply_capacity": ("capacity", 1.0),
    "node_power_supply_voltage_volt": ("voltage_now", 1.0),
    "node_power_supply_power_watt": ("power_now", 1.0),
    "node_power_supply_energy_watthour": ("energy_now", 3600.0),
    "node_power_supply_energy_full": ("energy_full", 3600.0),
    "node_power_supply_energy_full_design": ("energy_full_design", 3600.0),
    "node_power_supply_cyclecount": ("cycle_count", 1.0),
}
"""Watt hours there, joules here."""


def _trees(folder: Path) -> Iterator[tuple[Path, Path]]:
    """(tree, metrics): node_exporter's, whatever form the tree is kept in."""
    for metrics in sorted(folder.glob("**/*node_exporter*expected*metrics*")):
        for tree in sorted(metrics.parent.glob("*node_exporter*sys*")):
            if tree != metrics:
                yield tree, metrics


def _node_exporter(folder: Path) -> Iterator[Comparison]:
    for tree, metrics in _trees(folder):
        seen = {(one.source, one.sensor.id): one for one in read("edac", tree) if isinstance(one, Seen)}
        for name, labels, value in _metrics(metrics):
            wanted = _wanted(name, labels, value, seen)
            if wanted is not None:
                what, expected, got = wanted
                close = isinstance(expected, float) and isinstance(got, float) and isclose(expected, got, rel_tol=1e-9)
                yield made(folder, tree, what, expected, got, close or _words(expected) == _words(got))


def _metrics(path: Path) -> Iterator[tuple[str, dict[str, str], float]]:
    for match in _METRIC.finditer(path.read_text(encoding="utf-8", errors="replace")):
        yield match[1], dict(_LABEL.findall(match[2] or "")), float(match[3])


Kept = dict[tuple[str, str], Seen]


def _wanted(name: str, labels: dict[str, str], value: float, seen: Kept) -> tuple[str, object, object] | None:
    """(what, expected, got); None for what is not compared: other subjects, and files the copy of the tree lacks."""
    what = f"{name}{sorted(labels.values())}"
    if name in _HWMON:
        ids = [key for key in seen if key[0] == "host.hwmon" and _is_chip(key[1], labels["chip"])]
        return _hwmon(name, labels, value, {key[1]: seen[key] for key in ids}, what)
    if name in _SUPPLY:
        suffix, scale = _SUPPLY[name]
        return what, value * scale, _number(seen.get(("host.supplies", f"{labels['power_supply']}/{suffix}")))
    if name.startswith("node_edac_"):
        return _edac(name, labels, value, seen, what)
    if name == "node_thermal_zone_temp":
        return what, value, _number(seen.get(("host.thermal", f"{labels['type']}@thermal_zone{labels['zone']}")))
    if name == "node_md_degraded":
        arrays = [
            one for key, one in seen.items() if key[0] == "host.arrays" and one.sensor.part.slot == labels["device"]
        ]
        return (what, bool(value), "degraded" in _states(arrays[0])) if arrays else None
    return None


def _is_chip(key: str, chip: str) -> bool:
    named, _, rest = key.partition("@")
    device = rest.partition("/")[0]
    clean = re.sub(r"[^a-z0-9]+", "_", f"{device} {named}".lower())
    tails = {re.sub(r"[^a-z0-9]+", "_", part.lower()) for part in (device, named)} | {clean}
    return (chip.startswith("hwmon") and named == "unnamed") or any(chip == t or chip.endswith(f"_{t}") for t in tails)


def _hwmon(
    name: str, labels: dict[str, str], value: float, chips: dict[str, Seen], what: str
) -> tuple[str, object, object] | None:
    form, word = _HWMON[name]
    suffix = f"/{labels['sensor']}" + ("/alarm" if form == "alarm" else "")
    found = next((one for key, one in chips.items() if key.endswith(suffix)), None)
    if found is None:
        # The copy of the tree has no file of this chip: others' metrics name chips whose files were left out.
        return None if not chips else (what, value, "no sensor")
    if form == "alarm":
        return what, bool(value), word in _states(found)
    if form == "limit":
        return what, value, getattr(found.sensor.limits, word)
    return what, value, _number(found)


def _edac(name: str, labels: dict[str, str], value: float, seen: Kept, what: str) -> tuple[str, object, object] | None:
    kind = "uncorrected" if "uncorrectable" in name else "corrected"
    place = f"mc{labels['controller']}"
    if "channel" in labels:
        place += f"/csrow{labels['csrow']}/ch{labels['channel']}"
    elif labels.get("csrow") == "unknown":
        place += "/noinfo"
    elif "csrow" in labels:
        place += f"/csrow{labels['csrow']}/sum"
    else:
        place += "/sum"
    return what, value, _number(seen.get(("host.memory", f"{place}/{kind}")))


def _number(one: Seen | None) -> object:
    if one is None:
        return "no sensor"
    if isinstance(one.reading, Gap):
        return f"gap {one.reading.reason.value}"
    return one.reading.value if isinstance(one.reading, Number) else "states"


def _states(one: Seen) -> list[str]:
    if not isinstance(one.reading, States):
        return []
    return [name for bit, name in enumerate(one.sensor.states) if one.reading.bits >> bit & 1]


_TELEGRAF = re.compile(r"^temp,device=([^,]+),sensor=(\w+?)_(input|crit|max|min|alarm) temp=(\S+)$", re.MULTILINE)
_SENTINELS = (-273.15, 65261.85)
"""What a register at its end reads: no limit was set."""
_LIMITS = {"crit": "upper_critical", "max": "upper_non_critical", "min": "lower_non_critical"}


def _telegraf(folder: Path) -> Iterator[Comparison]:
    for tree in sorted(folder.glob("**/telegraf_hwmon_*.json")):
        metrics = tree.with_name(f"{tree.stem}_expected_v1.out")
        if not metrics.exists():
            continue
        seen = {}
        for one in read("edac", tree):
            if isinstance(one, Seen) and one.source == "host.hwmon":
                device = one.sensor.id.partition("@")[2].partition("/")[0]
                label = one.sensor.name.removesuffix(" alarm").replace(" ", "_", 1).replace(" ", "").lower()
                seen[device, label, bool(one.sensor.states)] = one
        for device, label, kind, raw in _TELEGRAF.findall(metrics.read_text()):
            value: object = float(raw)
            found = seen.get((device, label, kind == "alarm"))
            if kind == "alarm":
                got: object = float(bool(_states(found))) if found else "no sensor"
            elif kind == "input":
                got = _number(found)
            else:
                got = getattr(found.sensor.limits, _LIMITS[kind]) if found else "no sensor"
                value = None if value in _SENTINELS else value
            yield made(folder, tree, f"{device} {label} {kind}", value, got)


# ----------------------------------------------------------------- firmware

_BLOCK = re.compile(r"(?im)^[ \t]*Memory Device$")


def _dmidecode(folder: Path) -> Iterator[Comparison]:
    """Recounted without the parser: blocks of "Memory Device", their sizes and serials, cut by the next handle."""
    for path in _dmi_texts(folder):
        text = path.read_text(encoding="utf-8", errors="replace")
        parts = [one.part for one in read("dmi", path) if isinstance(one, Listed)]
        modules = [part for part in parts if part.component is Component.MEMORY]
        blocks = [re.split(r"(?m)^Handle 0x", text[match.end() :])[0] for match in _BLOCK.finditer(text)]
        filled = [block for block in blocks if re.search(r"(?m)^\s*Size: \d", block)]
        if blocks and any("Size:" in block for block in blocks):
            yield made(folder, path, "memory modules", len(filled), len(modules))
        for block in filled:
            serial = re.search(r"(?m)^\s*Serial Number: *([0-9A-F]{8})\s*$", block)
            locator = re.search(r"(?m)^\s*Locator: *(\S.*?)\s*$", block)
            if serial and locator and set(serial[1]) != {"0"} and set(serial[1]) != {"F"}:
                got = [part.slot for part in modules if part.serial == serial[1]]
                wanted = " ".join(locator[1].split())
                yield made(folder, path, f"module {serial[1]}", wanted, got, any(wanted in slot for slot in got))
        systems = [
            block for block in re.split(r"(?m)^Handle 0x", text) if re.search(r"(?m)^\s*System Information$", block)
        ]
        serial = re.search(r"(?m)^\s*Serial Number: *([A-Z0-9]{6,})\s*$", systems[0]) if systems else None
        if serial and parts:
            asset = next(one.asset for one in read("dmi", path) if isinstance(one, Listed))
            yield made(folder, path, "system serial", serial[1], asset.serial or "none")


def _dmi_texts(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.glob("**/dmidecode/*") if path.is_file() and path.suffix != ".bin")


def _raw_tables(folder: Path) -> Iterator[Comparison]:
    """The raw table against dmidecode's own reading of it, where that program is installed."""
    tool = shutil.which("dmidecode") or shutil.which("dmidecode", path="/usr/sbin:/sbin")
    for path in sorted(folder.glob("**/*smbios*.bin")):
        ours = [one.part for one in read("dmi", path) if isinstance(one, Listed)]
        if tool is None:
            data = path.read_bytes()
            for part in ours:
                if part.serial:
                    yield made(folder, path, f"{part.component.value} {part.slot}", True, part.serial.encode() in data)
            continue
        text = subprocess.run([tool, "--from-dump", str(path)], capture_output=True, check=False, timeout=10).stdout
        told = [one.part for one in decoding.decode("dmi", Capture(path.name, {"": text})) if isinstance(one, Listed)]
        for index, part in enumerate(told):
            got = ours[index] if index < len(ours) else None
            yield made(folder, path, f"{part.component.value} {part.slot}", part, got, part == got)


# --------------------------------------------------------------------- logs


def _labelled_lines(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(folder.glob("**/*kmsg_labelled_lines*.jsonl")):
        for raw in path.read_text(encoding="utf-8").splitlines():
            if raw.strip():
                yield path, json.loads(raw)


def _labelled(folder: Path) -> Iterator[Comparison]:
    for path, one in _labelled_lines(folder):
        got = [item.event.code for item in _decoded_line(one["line"]) if isinstance(item, Recorded)]
        what = f"{one['group']}: {one['line'][:120]}"
        yield made(folder, path, what, bool(one["match"]), bool(any(got)))


def _decoded_line(line: str) -> Iterable[Any]:
    return decoding.decode("kernel-log", Capture("line", {"": line.encode()}))


_ALERTS = {"KERNDTLB": True, "KERNSTOR": True}
"""Blue Gene's alert categories that name the hardware of a node; the others are of applications and file systems."""


def _blue_gene(folder: Path) -> Iterator[Comparison]:
    for path in sorted(folder.glob("**/BGL_*.log")):
        lines = path.read_bytes().split(b"\n")
        told = {one.event.record_id for one in read("kernel-log", path)
                if isinstance(one, Recorded) and one.event.code == "cpu.uncorrectable_machine_check"}  # fmt: skip
        labels = {label for line in lines if (label := line.partition(b" ")[0].decode())}
        for label in sorted(labels):
            numbers = {number for number, line in enumerate(lines, 1) if line.startswith(label.encode() + b" ")}
            expected = len(numbers) if _ALERTS.get(label) else 0
            yield made(folder, path, f"lines labelled {label}", expected, len(numbers & told))


def _machine_checks(folder: Path) -> Iterator[Comparison]:
    """The comment above each record says what it is."""
    for path in sorted(folder.glob("**/mce/*.txt")):
        text = path.read_text(encoding="utf-8", errors="replace")
        comment = text.partition("\n")[0].lower()
        codes = [one.event.code for one in read("kernel-log", path) if isinstance(one, Recorded)]
        status = re.search(r"STATUS (?:0x)?([0-9a-f]+)", text, re.IGNORECASE)
        if not comment.startswith("#") or status is None or not int(status[1], 16) >> 63:
            continue
        if "uncorrect" in comment or "srar" in comment or "srao" in comment:
            yield made(folder, path, comment, True, any(".uncorrectable" in code for code in codes))
        elif "correct" in comment:
            yield made(folder, path, comment, True, any(".correctable" in code for code in codes))


# ----------------------------------------------------------------- verdicts


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
    for path in (*_dmi_texts(folder), *sorted(folder.glob("**/*smbios*.bin"))):
        yield _of_file(folder, path, "dmi", Truth.HEALTHY, why="an inventory")


def _sysfs_verdicts(folder: Path) -> Iterator[Verdict]:
    for tree, _ in _trees(folder):
        classes = ("memory.uncorrectable",)
        why = "uncorrected errors are counted"
        yield _of_file(folder, tree, "edac", Truth.FAULT, classes=classes, part=("csrow", "MC0"), why=why)
    for tree in sorted(folder.glob("**/telegraf_hwmon_*.json")):
        yield _of_file(folder, tree, "edac", Truth.HEALTHY, why="values of a computer in use")


def _quiet_lines(folder: Path) -> Iterator[Verdict]:
    for number, (path, one) in enumerate(_labelled_lines(folder)):
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
        for label in _ALERTS:
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


def main() -> None:
    """Every difference below the folder that the command line names."""
    listed = list(compare(Path(sys.argv[1])))
    for one in [one for one in listed if not one.equal]:
        print(f"{one.capture}: {one.what}: expected {one.expected}, got {one.got} {one.explained or 'NOT EXPLAINED'}")
    print(f"{sum(one.equal for one in listed)} of {len(listed)}")


if __name__ == "__main__":
    main()
