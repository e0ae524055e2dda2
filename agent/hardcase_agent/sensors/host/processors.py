"""The processors of this machine, for its inventory: one part a socket. Called by `family.py`."""

from __future__ import annotations

from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.host.probe import Scan
from hardcase_agent.sensors.host.tree import Folder, entries, read_integer


def scan_processors(sysfs: Folder, cpuinfo: str) -> Scan:
    """Sockets from `sysfs`/devices/system/cpu, model from the text of /proc/cpuinfo."""
    folders = entries(sysfs / "devices" / "system" / "cpu", "cpu[0-9]*")
    packages = {read_integer(folder / "topology" / "physical_package_id") for folder in folders}
    # -1: the firmware tells no topology.
    sockets = sorted(number for number in packages if isinstance(number, int) and number >= 0)
    model = _model(cpuinfo)
    parts = tuple(Part(component=Component.CPU, slot=f"CPU{number + 1}", model=model) for number in sockets)
    line = CoverageLine(
        component=Component.CPU,
        status=CoverageStatus.WATCHED if parts else CoverageStatus.UNREADABLE,
        reason="" if parts else "the kernel tells no processor topology",
    )
    return Scan((), (line,), parts)


def _model(cpuinfo: str) -> str:
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return " ".join(value.split())
    return ""
