"""Memory error counters of the kernel's EDAC drivers, per DIMM. Counted since boot or since the driver was loaded.

Kernels since 3.6 show dimm*/ (or rank*/) folders; older drivers only csrow*/ with channels. Where the firmware handles
errors first (APEI), EDAC stays at zero although errors happen. The slot on the board comes from DMI
(`kernel/dimm_place.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.reading import Kind, Number, Reading, Sensor, Unit
from hardcase_agent.sensors.host.probe import Probe, Scan
from hardcase_agent.sensors.host.tree import F, Folder, entries, read_integer, read_text
from hardcase_agent.sensors.kernel.dimm_place import Board
from hardcase_agent.sensors.kernel.dmi_inventory import Module


def scan(sysfs: Folder, modules: Sequence[Module] = (), *, sums: bool = False) -> Scan:
    """Every counter below `sysfs`/devices/system/edac/mc. `modules`: what DMI lists, for slots, serials. `sums`: with
    what the drivers add up per row and controller: it says nothing of a module and is not judged."""
    controllers = entries(sysfs / "devices" / "system" / "edac" / "mc", "mc[0-9]*")
    board = Board(modules, [label for controller in controllers for label in _labels(controller)])
    probes = tuple(probe for controller in controllers for probe in _controller(controller, board, sums=sums))
    # Live, the inventory of modules is `kernel.dmi`'s: a table that is read later renames a driver's modules, and what
    # changes its name would count as gone.
    dimms = tuple(dict.fromkeys(probe.sensor.part for probe in probes if _is_module(probe.sensor))) if sums else ()
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


def _is_module(sensor: Sensor) -> bool:
    return bool(sensor.quantity) and not sensor.part.slot.startswith("MC")


def _labels(controller: Folder) -> Iterator[str]:
    for module in entries(controller, "dimm[0-9]*") or entries(controller, "rank[0-9]*"):
        yield read_text(module / "dimm_label")
    for row in entries(controller, "csrow[0-9]*"):
        for label in entries(row, "ch[0-9]*_dimm_label"):
            yield read_text(label)


def _controller(controller: F, board: Board, *, sums: bool) -> Iterator[Probe]:
    modules = entries(controller, "dimm[0-9]*") or entries(controller, "rank[0-9]*")
    for module in modules:
        part = board.part(
            read_text(module / "dimm_label"), f"{controller.name} {module.name}", read_text(module / "dimm_mem_type")
        )
        key = f"{controller.name}/{module.name}"
        yield _counter(key, "corrected", part, (module / "dimm_ce_count",))
        yield _counter(key, "uncorrected", part, (module / "dimm_ue_count",))
    if not modules:
        yield from _rows(controller, board)
    whole = Part(component=Component.MEMORY, slot=controller.name.upper())
    yield _counter(f"{controller.name}/noinfo", "corrected", whole, (controller / "ce_noinfo_count",))
    yield _counter(f"{controller.name}/noinfo", "uncorrected", whole, (controller / "ue_noinfo_count",))
    if sums:
        for folder in (controller, *entries(controller, "csrow[0-9]*")):
            key = controller.name if folder is controller else f"{controller.name}/{folder.name}"
            yield _counter(f"{key}/sum", "corrected", whole, (folder / "ce_count",), judged=False)
            yield _counter(f"{key}/sum", "uncorrected", whole, (folder / "ue_count",), judged=False)


def _rows(controller: F, board: Board) -> Iterator[Probe]:
    for row in entries(controller, "csrow[0-9]*"):
        counters = entries(row, "ch[0-9]*_ce_count")
        place = f"{controller.name} {row.name}"
        labels: list[str] = []
        for counter in counters:
            channel = counter.name.partition("_")[0]
            label = read_text(row / f"{channel}_dimm_label")
            labels.append(label)
            key = f"{controller.name}/{row.name}/{channel}"
            part = board.part(label, f"{place} {channel}")
            yield _counter(key, "corrected", part, (counter,))
            if (row / f"{channel}_ue_count").exists():
                yield _counter(key, "uncorrected", part, (row / f"{channel}_ue_count",))
        if not counters:
            yield _counter(f"{controller.name}/{row.name}", "corrected", board.part("", place), (row / "ce_count",))
        if not entries(row, "ch[0-9]*_ue_count"):
            # Known only for the row: with one channel that is the DIMM, otherwise all of them.
            part = board.part(" / ".join(label for label in labels if label), place)
            yield _counter(f"{controller.name}/{row.name}", "uncorrected", part, (row / "ue_count",))


def _counter(key: str, what: str, part: Part, paths: tuple[Folder, ...], *, judged: bool = True) -> Probe:
    sensor = Sensor(
        id=f"{key}/{what}",
        name=f"{part.slot} {what} errors",
        kind=Kind.COUNT,
        unit=Unit.ONE,
        part=part,
        quantity=f"memory.{what}" if judged else "",
    )
    return Probe(sensor, partial(_read_sum, paths))


def _read_sum(paths: tuple[Folder, ...]) -> Reading:
    total = 0
    for path in paths:
        value = read_integer(path)
        if not isinstance(value, int):
            return value
        total += value
    return Number(float(total))
