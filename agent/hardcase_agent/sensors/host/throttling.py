"""How often processors slowed down for their temperature: the kernel's counters since boot, one a package.

Documentation/ABI/testing/sysfs-devices-system-cpu, thermal_throttle. Called by `family.py` and by the decoder.
"""

from __future__ import annotations

from functools import partial

from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.reading import Gap, Kind, Number, Reading, Sensor, Unit
from hardcase_agent.sensors.host.probe import Probe, Scan
from hardcase_agent.sensors.host.tree import Folder, entries, read_integer


def scan(sysfs: Folder, *, cores: bool = False) -> Scan:
    """`cores`: also each core's own count, which is not judged: a core throttles with its package."""
    packages: dict[str, list[Folder]] = {}
    single: dict[str, Folder] = {}
    for cpu in entries(sysfs / "devices" / "system" / "cpu", "cpu[0-9]*"):
        counts = cpu / "thermal_throttle"
        if not counts.is_dir():
            continue
        package, core = _number(cpu / "topology" / "physical_package_id"), _number(cpu / "topology" / "core_id")
        # Without topology it is not known which processors share a package, so each tells for itself.
        known = package is not None
        packages.setdefault(f"package{package}" if known else cpu.name, []).append(counts / "package_throttle_count")
        key = f"package{package}/core{core}" if known and core is not None else f"{cpu.name}/core"
        single.setdefault(key, counts / "core_throttle_count")
    probes = [_probe(key, tuple(paths), "cpu.throttle_count") for key, paths in packages.items()]
    if cores:
        probes += [_probe(key, (path,), "") for key, path in single.items()]
    if not probes:
        return Scan((), ())
    return Scan(tuple(probes), (CoverageLine(component=Component.CPU, status=CoverageStatus.WATCHED),))


def _number(path: Folder) -> int | None:
    value = read_integer(path)
    return value if isinstance(value, int) and value >= 0 else None


def _probe(key: str, paths: tuple[Folder, ...], quantity: str) -> Probe:
    first = key.partition("/")[0]
    slot = f"CPU{int(first.removeprefix('package')) + 1}" if first.startswith("package") else ""
    sensor = Sensor(
        id=f"{key}/throttles",
        name=f"{slot or key} throttled",
        kind=Kind.COUNT,
        unit=Unit.ONE,
        part=Part(component=Component.CPU, slot=slot),
        quantity=quantity,
    )
    return Probe(sensor, partial(_highest, paths))


def _highest(paths: tuple[Folder, ...]) -> Reading:
    """Every processor of a package shows the package's count; one that came online later started at 0."""
    values = [read_integer(path) for path in paths]
    counts = [value for value in values if isinstance(value, int)]
    if counts:
        return Number(float(max(counts)))
    return next(value for value in values if isinstance(value, Gap))
