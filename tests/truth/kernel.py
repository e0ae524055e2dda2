"""Logs, sysfs trees and firmware tables against what others read of the same: node_exporter, telegraf, dmidecode,
gpud's labels, Blue Gene's alert column. The verdicts are in `kernel_verdicts.py`.
"""

from __future__ import annotations

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

from tests.truth.comparison import Comparison
from tests.truth.kernel_captures import ALERTS, dmi_texts, labelled_lines, read, trees
from tests.truth.kernel_verdicts import verdicts

__all__ = ["compare", "verdicts"]

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


def _node_exporter(folder: Path) -> Iterator[Comparison]:
    for tree, metrics in trees(folder):
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
    for path in dmi_texts(folder):
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


def _labelled(folder: Path) -> Iterator[Comparison]:
    for path, one in labelled_lines(folder):
        got = [item.event.code for item in _decoded_line(one["line"]) if isinstance(item, Recorded)]
        what = f"{one['group']}: {one['line'][:120]}"
        yield made(folder, path, what, bool(one["match"]), bool(any(got)))


def _decoded_line(line: str) -> Iterable[Any]:
    return decoding.decode("kernel-log", Capture("line", {"": line.encode()}))


def _blue_gene(folder: Path) -> Iterator[Comparison]:
    for path in sorted(folder.glob("**/BGL_*.log")):
        lines = path.read_bytes().split(b"\n")
        told = {one.event.record_id for one in read("kernel-log", path)
                if isinstance(one, Recorded) and one.event.code == "cpu.uncorrectable_machine_check"}  # fmt: skip
        labels = {label for line in lines if (label := line.partition(b" ")[0].decode())}
        for label in sorted(labels):
            numbers = {number for number, line in enumerate(lines, 1) if line.startswith(label.encode() + b" ")}
            expected = len(numbers) if ALERTS.get(label) else 0
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


def main() -> None:
    """Every difference below the folder that the command line names."""
    listed = list(compare(Path(sys.argv[1])))
    for one in [one for one in listed if not one.equal]:
        print(f"{one.capture}: {one.what}: expected {one.expected}, got {one.got} {one.explained or 'NOT EXPLAINED'}")
    print(f"{sum(one.equal for one in listed)} of {len(listed)}")


if __name__ == "__main__":
    main()
