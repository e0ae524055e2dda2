"""Memory error counters of the kernel's EDAC drivers, per DIMM. Counted since boot or since the driver was loaded.

Kernels since 3.6 show dimm*/ (or rank*/) folders; older drivers only csrow*/ with channels. Where the firmware handles
errors first (APEI), EDAC stays at zero although errors happen.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.reading import Kind, Number, Reading, Sensor, Unit
from hardcase_agent.sensors.host.probe import Probe, Scan
from hardcase_agent.sensors.host.tree import entries, read_integer, read_text


def scan(sysfs: Path) -> Scan:
    """Every counter below `sysfs`/devices/system/edac/mc."""
    controllers = entries(sysfs / "devices" / "system" / "edac" / "mc", "mc[0-9]*")
    probes = tuple(probe for controller in controllers for probe in _controller(controller))
    dimms = tuple(dict.fromkeys(probe.sensor.part for probe in probes if not probe.sensor.part.slot.startswith("MC")))
    if controllers:
        line = CoverageLine(component=Component.MEMORY, status=CoverageStatus.WATCHED)
    else:
        line = CoverageLine(
            component=Component.MEMORY,
            status=CoverageStatus.UNREADABLE,
            reason="no EDAC driver is bound to a memory controller",
            cure="load the driver of this chipset (amd64_edac, i10nm_edac, skx_edac, ...) or watch memory by the BMC",
        )
    return Scan(probes=probes, coverage=(line,), parts=dimms)


def _controller(controller: Path) -> Iterator[Probe]:
    modules = entries(controller, "dimm[0-9]*") or entries(controller, "rank[0-9]*")
    for module in modules:
        part = _part(read_text(module / "dimm_label"), f"{controller.name} {module.name}", module)
        key = f"{controller.name}/{module.name}"
        yield _counter(key, "corrected", part, (module / "dimm_ce_count",))
        yield _counter(key, "uncorrected", part, (module / "dimm_ue_count",))
    if not modules:
        yield from _rows(controller)
    whole = Part(component=Component.MEMORY, slot=controller.name.upper())
    yield _counter(f"{controller.name}/noinfo", "corrected", whole, (controller / "ce_noinfo_count",))
    yield _counter(f"{controller.name}/noinfo", "uncorrected", whole, (controller / "ue_noinfo_count",))


def _rows(controller: Path) -> Iterator[Probe]:
    for row in entries(controller, "csrow[0-9]*"):
        channels = entries(row, "ch[0-9]*_ce_count")
        labels = []
        for counter in channels:
            channel = counter.name.partition("_")[0]
            label = read_text(row / f"{channel}_dimm_label")
            labels.append(label)
            part = _part(label, f"{controller.name} {row.name} {channel}")
            yield _counter(f"{controller.name}/{row.name}/{channel}", "corrected", part, (counter,))
        # An uncorrected error is known only for the row: with one channel that is the DIMM, otherwise all of them.
        named = " / ".join(label for label in labels if label)
        part = _part(named, f"{controller.name} {row.name}")
        yield _counter(f"{controller.name}/{row.name}", "uncorrected", part, (row / "ue_count",))


def _part(label: str, place: str, module: Path | None = None) -> Part:
    kind = read_text(module / "dimm_mem_type") if module is not None else ""
    return Part(component=Component.MEMORY, slot=label or place, model=kind)


def _counter(key: str, what: str, part: Part, paths: tuple[Path, ...]) -> Probe:
    sensor = Sensor(
        id=f"{key}/{what}",
        name=f"{part.slot} {what} errors",
        kind=Kind.COUNT,
        unit=Unit.ONE,
        part=part,
        quantity=f"memory.{what}",
    )
    return Probe(sensor, partial(_read_sum, paths))


def _read_sum(paths: tuple[Path, ...]) -> Reading:
    total = 0
    for path in paths:
        value = read_integer(path)
        if not isinstance(value, int):
            return value
        total += value
    return Number(float(total))
