"""Capture kind `edac`: a copy of sysfs, through the same scans as the live host (`sensors/host`).

EDAC, hwmon, md, network ports, processors, thermal zones, enclosures, supplies; who the machine is from its DMI files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from hardcase_agent.domain.capture import Capture, Decoded, Flaw, Listed, Seen, Undecoded
from hardcase_agent.domain.part import Asset, Part
from hardcase_agent.sensors.host import (
    arrays,
    edac,
    enclosures,
    hwmon,
    nics,
    power_supplies,
    thermal_zones,
    throttling,
)
from hardcase_agent.sensors.host.identity import read_host_asset
from hardcase_agent.sensors.host.kept_tree import KeptFolder, KeptTree, read_tree
from hardcase_agent.sensors.host.probe import Scan
from hardcase_agent.sensors.host.processors import scan_processors
from hardcase_agent.sensors.host.tree import read_text
from hardcase_agent.sensors.kernel.dmi_inventory import Module, read_inventory
from hardcase_agent.sensors.kernel.dmi_structure import Structure
from hardcase_agent.sensors.kernel.dmidecode_text import parse_text
from hardcase_agent.sensors.kernel.smbios_table import parse_table, read_entry


def decode(capture: Capture) -> Iterable[Decoded]:
    tree, bad = read_tree(capture)
    yield from bad
    if not tree.files:
        if not bad:
            yield Undecoded(flaw=Flaw.EMPTY, message="the tree holds no file")
        return
    sysfs = tree.root
    # The name of the machine that decodes is none of the captured one's.
    asset = replace(read_host_asset(sysfs, sysfs / "etc"), hostname=read_text(sysfs / "etc" / "hostname"))
    found = False
    for source, scan in _scans(sysfs, capture):
        for decoded in _of_scan(asset, source, scan):
            found = True
            yield decoded
    if not found:
        yield Undecoded(flaw=Flaw.NOTHING_KNOWN, message="the tree has no sensor, counter or part that is known")


def _scans(sysfs: KeptFolder, capture: Capture) -> Iterator[tuple[str, Scan]]:
    yield "host.memory", edac.scan(sysfs, _modules(sysfs, capture), sums=True)
    yield "host.hwmon", hwmon.scan(sysfs, skip=(), whole=True)
    yield "host.thermal", thermal_zones.scan(sysfs)
    yield "host.arrays", arrays.scan(sysfs)
    yield "host.nics", nics.scan(sysfs)
    yield "host.processors", throttling.scan(sysfs, cores=True)
    yield "host.processors", scan_processors(sysfs, "")
    yield "host.enclosures", enclosures.scan(sysfs)
    yield "host.supplies", power_supplies.scan(sysfs)


def _modules(sysfs: KeptFolder, capture: Capture) -> tuple[Module, ...]:
    """What DMI lists, where the copy holds its table, or a file of dmidecode's text lies beside."""
    tables = sysfs / "firmware" / "dmi" / "tables"
    if (tables / "DMI").exists():
        point = tables / "smbios_entry_point"
        entry = read_entry(point.read_bytes()) if point.exists() else None
        items = list(parse_table((tables / "DMI").read_bytes(), entry))
    else:
        beside = [data for path, data in capture.files.items() if "dmidecode" in path.rpartition("/")[2]]
        items = [item for data in beside[:4] for item in parse_text(data.decode("utf-8", "replace"))]
    return read_inventory(item for item in items if isinstance(item, Structure)).modules


def _of_scan(asset: Asset, source: str, scan: Scan) -> Iterator[Decoded]:
    for probe in scan.probes:
        yield Seen(asset=asset, source=source, sensor=probe.sensor, reading=probe.read())
    for part in _named(scan.parts):
        yield Listed(asset=asset, source=source, part=part)


def _named(parts: Iterable[Part]) -> Iterator[Part]:
    return (part for part in parts if part.slot or part.serial)


__all__ = ["KeptTree", "decode"]
