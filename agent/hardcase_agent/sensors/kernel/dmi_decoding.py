"""Capture kind `dmi`: dmidecode text, a raw SMBIOS dump, or the folder /sys/firmware/dmi/tables, to an inventory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hardcase_agent.domain.capture import Capture, Decoded, Flaw, Listed, Seen, Undecoded
from hardcase_agent.sensors.kernel.dmi_inventory import read_inventory
from hardcase_agent.sensors.kernel.dmi_structure import Structure
from hardcase_agent.sensors.kernel.dmidecode_text import parse_text
from hardcase_agent.sensors.kernel.smbios_table import looks_raw, parse_dump, parse_table, read_entry

SOURCE = "kernel.dmi"


def decode(capture: Capture) -> Iterable[Decoded]:
    structures: list[Structure] = []
    for item in parse_capture(capture):
        if isinstance(item, Structure):
            structures.append(item)
        else:
            yield item
    inventory = read_inventory(structures)
    if structures and not inventory.parts:
        yield Undecoded(flaw=Flaw.UNKNOWN, message="no structure that names a part", at="")
    for part in inventory.parts:
        yield Listed(asset=inventory.asset, source=SOURCE, part=part)
    for sensor, states in inventory.verdicts:
        yield Seen(asset=inventory.asset, source=SOURCE, sensor=sensor, reading=states)


def parse_capture(capture: Capture) -> Iterator[Structure | Undecoded]:
    files = {path.rpartition("/")[2]: data for path, data in capture.files.items()}
    if "DMI" in files:
        yield from parse_table(files["DMI"], read_entry(files.get("smbios_entry_point", b"")))
    elif looks_raw(capture.data):
        yield from parse_dump(capture.data)
    else:
        yield from parse_text(capture.text)
