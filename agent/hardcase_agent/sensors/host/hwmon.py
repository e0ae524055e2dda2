"""The kernel's hwmon chips: temperatures, fans, voltages, currents, power, humidity, with the chip's own limits.

File names and units as in the kernel's Documentation/hwmon/sysfs-interface.rst. Super-I/O chips report whatever their
open inputs float to, and registers at their reset value: what cannot be is a gap, and a limit that cannot be is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Limits, Number, Reading, Sensor, States, Unit
from hardcase_agent.sensors.cell_names import names_battery
from hardcase_agent.sensors.host.probe import Probe, Scan
from hardcase_agent.sensors.host.tree import F, Folder, entries, read_integer, read_text

SKIPPED_CHIPS = ("drivetemp", "nvme")
"""Disks: the smart family reads them, and reading drivetemp keeps some of them from sleeping."""


@dataclass(frozen=True, slots=True)
class _Quantity:
    """How one file prefix is read. A value outside lowest..highest (in `unit`) is no measurement."""

    kind: Kind
    unit: Unit
    scale: float
    lowest: float
    highest: float
    component: Component


_QUANTITIES = {
    # -40 and 150 bound what sensors inside a computer can say; -62, -128 and 255 are open diodes.
    "temp": _Quantity(Kind.TEMPERATURE, Unit.CELSIUS, 1e-3, -40.0, 150.0, Component.THERMAL),
    # 65535 is a 16-bit counter that never ticked.
    "fan": _Quantity(Kind.FAN, Unit.RPM, 1.0, 0.0, 60_000.0, Component.FAN),
    "in": _Quantity(Kind.VOLTAGE, Unit.VOLT, 1e-3, -60.0, 600.0, Component.VOLTAGE),
    "curr": _Quantity(Kind.CURRENT, Unit.AMPERE, 1e-3, -1000.0, 1000.0, Component.POWER),
    "power": _Quantity(Kind.POWER, Unit.WATT, 1e-6, 0.0, 50_000.0, Component.POWER),
    "humidity": _Quantity(Kind.HUMIDITY, Unit.PERCENT, 1e-3, 0.0, 100.0, Component.THERMAL),
    "energy": _Quantity(Kind.ENERGY, Unit.JOULE, 1e-6, 0.0, 1e15, Component.POWER),
    "freq": _Quantity(Kind.FREQUENCY, Unit.HERTZ, 1.0, 0.0, 1e12, Component.NONE),
}
_SHOWN_ONLY = ("energy", "freq")
"""Never judged, so read from captured trees only."""
_OPEN_DIODES_C = frozenset({127.0, 127.5})
"""0x7f: what a diode that is not connected reads on many chips."""

_INPUT = re.compile(r"(temp|fan|in|curr|power|humidity|energy|freq)(\d+)_(input|average)$")
_ALARM = re.compile(r"((?:temp|fan|in|curr|power|humidity|intrusion)\d+)_((?:[a-z]+_)?alarm)$")
ALARMS = ("alarm", "min", "max", "crit", "lcrit", "emergency", "cap")
"""States of an alarm sensor: the file's word between channel and _alarm; "alarm" where the chip does not say which."""
_PACKAGE_LABELS = ("Package id", "Physical id")
_CPU_CHIPS = ("coretemp", "k10temp", "zenpower", "cpu_thermal")
_MEMORY_CHIPS = ("jc42", "spd5118")


def scan(sysfs: Folder, *, skip: tuple[str, ...] = SKIPPED_CHIPS, whole: bool = False) -> Scan:
    """Every chip below `sysfs`/class/hwmon but those named in `skip`. `whole`: with what is not worth reading every
    minute (single cores, clocks, energy)."""
    probes: list[Probe] = []
    keys: dict[str, int] = {}
    for folder in entries(sysfs / "class" / "hwmon", "hwmon[0-9]*"):
        # Drivers of before 3.15 keep their files with the device.
        base = folder if (folder / "name").exists() or not (folder / "device" / "name").exists() else folder / "device"
        chip = read_text(base / "name") or "unnamed"
        if chip in skip:
            continue
        key = f"{chip}@{_device_name(folder)}"
        keys[key] = keys.get(key, 0) + 1
        if keys[key] > 1:
            key = f"{key}#{keys[key]}"
        probes += _chip(base, chip, key, whole=whole)
        probes += _alarms(base, chip, key, whole=whole)
    status = CoverageStatus.WATCHED if probes else CoverageStatus.NOT_PRESENT
    reason = "" if probes else "the kernel knows no sensor chip; on virtual machines that is normal"
    return Scan(tuple(probes), (CoverageLine(component=Component.THERMAL, status=status, reason=reason),))


def _device_name(folder: Folder) -> str:
    """Stable over boots, unlike the number of hwmonN."""
    # Of a copied tree the link may be there and its target not.
    name = (folder / "device").resolve().name
    return name if name != "device" else "virtual"


def _chip(base: F, chip: str, key: str, *, whole: bool) -> Iterator[Probe]:
    inputs: dict[str, F] = {}
    for path in entries(base, "*_*"):
        match = _INPUT.match(path.name)
        if match and match[1] in _SHOWN_ONLY and not whole:
            continue
        # powerN_average only where there is no powerN_input.
        if match and (match[3] == "input" or not (base / f"{match[1]}{match[2]}_input").exists()):
            inputs[f"{match[1]}{match[2]}"] = path
    labels = {channel: read_text(base / f"{channel}_label") for channel in inputs}
    has_package = any(label.startswith(_PACKAGE_LABELS) for label in labels.values())
    for channel, path in inputs.items():
        label = labels[channel]
        # The package is as hot as its hottest core: a hundred cores would say it a hundred times.
        if has_package and label.startswith("Core ") and not whole:
            continue
        yield _probe(base, chip, key, channel, label, path)


def _probe(base: Folder, chip: str, key: str, channel: str, label: str, path: Folder) -> Probe:
    quantity = _QUANTITIES[channel.rstrip("0123456789")]
    sensor = Sensor(
        id=f"{key}/{channel}",
        name=f"{chip} {label or channel}",
        kind=quantity.kind,
        unit=quantity.unit,
        part=_part(base, chip, key, label or channel, quantity.component),
        limits=_limits(base, channel, quantity),
    )
    if quantity.kind is Kind.FAN:
        return Probe(sensor, FanReader(path, base / channel, sensor.limits))
    return Probe(sensor, partial(read_channel, path, base / channel, quantity))


def _alarms(base: Folder, chip: str, key: str, *, whole: bool) -> Iterator[Probe]:
    """One state sensor for the alarm files of each channel. Only temperature alarms are judged: super-I/O chips raise
    the others on inputs that nothing is connected to, and latch an intrusion that was their own assembly."""
    files: dict[str, list[tuple[int, Folder]]] = {}
    for path in entries(base, "*_*"):
        match = _ALARM.match(path.name)
        if match:
            word = match[2].removesuffix("_alarm")
            if word in ALARMS:
                files.setdefault(match[1], []).append((ALARMS.index(word), path))
    for channel, alarms in files.items():
        stem = channel.rstrip("0123456789")
        label = read_text(base / f"{channel}_label") or channel
        if label.startswith("Core ") and not whole:
            continue
        component = _QUANTITIES[stem].component if stem in _QUANTITIES else Component.CHASSIS
        sensor = Sensor(
            id=f"{key}/{channel}/alarm",
            name=f"{chip} {label} alarm",
            kind=Kind.STATE,
            part=_part(base, chip, key, label, component),
            states=ALARMS,
            quantity="thermal.alarm" if stem == "temp" else "",
        )
        yield Probe(sensor, partial(read_alarms, tuple(alarms)))


def _part(base: Folder, chip: str, key: str, label: str, component: Component) -> Part:
    device = base / "device"
    place = key.partition("@")[2]
    if chip in _CPU_CHIPS:
        return Part(component=Component.CPU, slot=f"CPU{_socket(place) + 1}")
    if chip in _MEMORY_CHIPS:
        return Part(component=Component.MEMORY, slot=f"SPD {place}")
    if chip in SKIPPED_CHIPS:
        place = place if place != "virtual" else device.resolve().name
        model, serial = read_text(device / "model"), read_text(device / "serial")
        return Part(component=Component.DISK, slot=place, model=model, serial=serial)
    if (device / "net").is_dir():
        return Part(component=Component.NIC, slot=place)
    if (device / "drm").is_dir():
        return Part(component=Component.GPU, slot=place)
    if component is Component.VOLTAGE and names_battery(label):
        component = Component.BATTERY
    return Part(component=component, slot=f"{chip} {label}")


def _socket(place: str) -> int:
    """Of a CPU chip's device: coretemp.1 is package 1; AMD's northbridges are PCI devices 18h, 19h, ... by node."""
    platform = re.fullmatch(r"coretemp\.(\d+)", place)
    if platform:
        return int(platform[1])
    pci = re.fullmatch(r"0000:00:(1[89a-f])\.3", place)
    return int(pci[1], 16) - 0x18 if pci else 0


def read_alarms(alarms: tuple[tuple[int, Folder], ...]) -> Reading:
    """The alarm bits of one channel; files that cannot be read are left out, unless all of them are."""
    bits, last = 0, None
    for bit, path in alarms:
        value = read_integer(path)
        if isinstance(value, int):
            bits |= (1 << bit) if value else 0
            last = States(bits)
        elif last is None and path is alarms[-1][1]:
            return value
    return States(bits)


class FanReader:
    """Reads a fan. 0 RPM without a lower limit is a header without a fan, until it has been seen turning."""

    def __init__(self, path: Folder, stem: Folder, limits: Limits) -> None:
        self._path = path
        self._stem = stem
        self._expected = limits.lower_non_critical is not None or limits.lower_critical is not None

    def __call__(self) -> Reading:
        reading = read_channel(self._path, self._stem, _QUANTITIES["fan"])
        if isinstance(reading, Number):
            if reading.value > 0:
                self._expected = True
            elif not self._expected:
                return Gap(GapReason.ABSENT, "0 RPM and no lower limit: no fan is connected, as far as the chip tells")
        return reading


def read_channel(path: Folder, stem: Folder, quantity: _Quantity) -> Reading:
    """The measurement in its unit; a Gap where the chip says fault or off, and where the value cannot be."""
    if read_text(stem.with_name(f"{stem.name}_enable")) == "0":
        return Gap(GapReason.DISABLED, "switched off by the driver")
    if read_text(stem.with_name(f"{stem.name}_fault")) == "1":
        return Gap(GapReason.ERROR, "the chip reports a fault of this input")
    raw = read_integer(path)
    if not isinstance(raw, int):
        return raw
    value = raw * quantity.scale
    if not quantity.lowest <= value <= quantity.highest or _is_open_diode(quantity, value):
        return Gap(GapReason.ERROR, f"{value:g} {quantity.unit.value} cannot be")
    return Number(value)


def _is_open_diode(quantity: _Quantity, value: float) -> bool:
    return quantity.kind is Kind.TEMPERATURE and value in _OPEN_DIODES_C


def _limits(base: Folder, channel: str, quantity: _Quantity) -> Limits:
    """max is the warning, crit the critical limit, emergency where hardware cuts off; a fan has lower limits only,
    because fanN_max is its full speed."""
    upper = () if quantity.kind is Kind.FAN else ("max", "crit", "emergency")
    found = {name: _limit(base, f"{channel}_{name}", quantity) for name in (*upper, "min", "lcrit")}
    if not _ordered(found) or all(value is None for value in found.values()):
        return Limits()
    first = "max" if found.get("max") is not None else "crit"
    high, back = found.get(first), _limit(base, f"{channel}_{first}_hyst", quantity)
    return Limits(
        lower_critical=found["lcrit"],
        lower_non_critical=found["min"],
        upper_non_critical=found.get("max"),
        upper_critical=found.get("crit"),
        upper_non_recoverable=found.get("emergency"),
        # hwmon states the value to come back to, not the distance.
        hysteresis_rising=high - back if high is not None and back is not None and 0 < back < high else None,
        source="hwmon",
    )


def _limit(base: Folder, name: str, quantity: _Quantity) -> float | None:
    """None where unset: absent, at a register's end (-273150, 65261850), or 0 but for a temperature's minimum."""
    raw = read_integer(base / name)
    if not isinstance(raw, int):
        return None
    value = raw * quantity.scale
    if not quantity.lowest < value < quantity.highest or _is_open_diode(quantity, value):
        return None
    if raw == 0 and not (quantity.kind is Kind.TEMPERATURE and name.endswith(("_min", "_lcrit"))):
        return None
    return value


def _ordered(found: dict[str, float | None]) -> bool:
    """Lower limits below upper ones. max above crit happens (i350bb: 120 and 110) and does no harm here."""
    low = [value for name in ("lcrit", "min") if (value := found.get(name)) is not None]
    high = [value for name in ("max", "crit", "emergency") if (value := found.get(name)) is not None]
    return not low or not high or max(low) < min(high)
