"""What SMBIOS structures say of a machine: who it is, and its parts. Pure; for the decoder and the live inventory."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hardcase_agent.domain.part import Asset, Component, Part
from hardcase_agent.sensors.kernel import dmi_health
from hardcase_agent.sensors.kernel.dmi_structure import Structure, Type, meaningful


@dataclass(frozen=True, slots=True)
class Module:
    """One memory module as the firmware lists it."""

    part: Part
    locator: str
    bank: str
    order: int
    """Its place among all sockets, empty ones included."""


@dataclass(frozen=True, slots=True)
class Inventory:
    asset: Asset
    parts: tuple[Part, ...]
    modules: tuple[Module, ...]
    slots: tuple[tuple[str, str], ...] = ()
    """(PCI address, name on the board) of expansion slots and devices on the board."""
    verdicts: tuple[dmi_health.Verdict, ...] = ()


def read_inventory(structures: Iterable[Structure]) -> Inventory:
    listed = [one for one in structures if one.kind not in (Type.INACTIVE, Type.END)]
    modules = tuple(_modules(listed))
    parts = (*_firmware(listed), *_boards(listed), *_processors(listed))
    supplies = tuple(_supplies(listed))
    parts += (*(module.part for module in modules), *_old_modules(listed))
    parts += (*(part for _, part in supplies), *_batteries(listed))
    verdicts = [one for structure, part in supplies for one in dmi_health.of_supply(structure, part)]
    verdicts += dmi_health.of_chassis(listed)
    # Firmware that repeats a structure says nothing new by it.
    told = tuple({sensor.id: (sensor, states) for sensor, states in reversed(verdicts)}.values())
    return Inventory(_asset(listed), tuple(dict.fromkeys(parts)), modules, tuple(_slots(listed)), told)


def _of(structures: list[Structure], kind: Type) -> list[Structure]:
    return [one for one in structures if one.kind == kind]


def _asset(structures: list[Structure]) -> Asset:
    system = next(iter(_of(structures, Type.SYSTEM)), Structure(Type.SYSTEM, -1))
    board = next(iter(_of(structures, Type.BOARD)), Structure(Type.BOARD, -1))
    uuid = system.said("UUID").lower()
    return Asset(
        vendor=system.said("Manufacturer") or board.said("Manufacturer"),
        model=system.said("Product Name") or board.said("Product Name"),
        serial=system.said("Serial Number"),
        uuid=uuid if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", uuid) else "",
        node=board.said("Serial Number"),
    )


def _firmware(structures: list[Structure]) -> Iterator[Part]:
    for bios in _of(structures, Type.BIOS):
        version = bios.said("Version")
        if version:
            yield Part(component=Component.FIRMWARE, slot="BIOS", model=bios.said("Vendor"), firmware=version)
        controller = bios.said("Firmware Revision")
        if controller:
            # The embedded controller's release; on a machine with IPMI that controller is the BMC.
            managed = bool(_of(structures, Type.IPMI))
            component = Component.BMC if managed else Component.FIRMWARE
            yield Part(component=component, slot="BMC" if managed else "EC", firmware=controller)


def _boards(structures: list[Structure]) -> Iterator[Part]:
    for kind, component in ((Type.BOARD, Component.BOARD), (Type.CHASSIS, Component.CHASSIS)):
        for one in _of(structures, kind):
            model = one.said("Product Name") if kind is Type.BOARD else one.said("Version", "Type")
            model = "" if model == "Other" else model
            serial = one.said("Serial Number")
            if model or serial:
                slot = one.said("Location In Chassis")
                yield Part(component=component, slot=slot, model=model, serial=serial)


def _processors(structures: list[Structure]) -> Iterator[Part]:
    for one in _of(structures, Type.PROCESSOR):
        status = one.fields.get("Status", "")
        model = one.said("Version")
        if status.startswith("Unpopulated") or not (model or status.startswith("Populated")):
            continue
        yield Part(
            component=Component.CPU,
            slot=one.said("Socket Designation"),
            model=model or one.said("Family"),
            serial=one.said("Serial Number"),
            part_number=one.said("Part Number"),
        )


_SIZE = re.compile(r"(\d+) ?(kB|MB|GB|TB|MByte|Mbyte)\b")


def megabytes(size: str) -> int:
    """Of "16384 MB" or "32 GB"; 0 for an empty socket and for what tells no size."""
    match = _SIZE.match(size)
    if match is None:
        return 0
    scale = {"k": 1 / 1024, "M": 1, "G": 1024, "T": 1024 * 1024}[match[2][0]]
    return int(int(match[1]) * scale)


def _modules(structures: list[Structure]) -> Iterator[Module]:
    sockets = _of(structures, Type.MEMORY_DEVICE)
    names = Counter(one.said("Locator") for one in sockets)
    for order, one in enumerate(sockets):
        size = megabytes(one.fields.get("Size", ""))
        locator, bank = one.said("Locator"), one.said("Bank Locator")
        if not size and not _unmeasured(one):
            continue
        # Two boards of one machine repeat the names of their sockets; the bank tells them apart.
        slot = locator if names[locator] == 1 or not bank else f"{bank} {locator}".strip()
        yield Module(_module(one, slot or bank, size), locator, bank, order)


def _unmeasured(one: Structure) -> bool:
    """A module whose size the firmware does not know: the socket tells of one all the same."""
    unknown = one.fields.get("Size", "").startswith("Unknown")
    return unknown and any(character.isdigit() for character in one.said("Serial Number", "Part Number"))


_JEDEC = {"CE": "Samsung", "AD": "SK Hynix", "2C": "Micron", "98": "Kingston", "51": "Infineon"}
"""Last byte of the maker's code after JEP106, as Dell's firmware writes it instead of the name ("00AD00B300AD")."""
_CODED = re.compile(r"[0-9A-F]{2}([0-9A-F]{2})(?:[0-9A-F]{8})?")


def _maker(name: str) -> str:
    coded = _CODED.fullmatch(name)
    return _JEDEC.get(coded[1], name) if coded else name


def _module(one: Structure, slot: str, size: int) -> Part:
    kind = one.said("Type")
    much = _in_words(size) if size else ""
    model = f"{_maker(one.said('Manufacturer'))} {much} {kind if kind != 'Other' else ''}"
    return Part(
        component=Component.MEMORY,
        slot=slot,
        model=" ".join(model.split()),
        serial=one.said("Serial Number"),
        part_number=one.said("Part Number"),
        firmware=one.said("Firmware Version"),
    )


def _in_words(size: int) -> str:
    return f"{size // 1024} GB" if size % 1024 == 0 else f"{size} MB"


def _old_modules(structures: list[Structure]) -> Iterator[Part]:
    """Type 6, where type 17 tells nothing (SMBIOS before 2.1): socket and size, nothing more."""
    if any(one.fields.get("Size") for one in _of(structures, Type.MEMORY_DEVICE)):
        return
    for one in _of(structures, Type.MEMORY_MODULE):
        size = megabytes(one.fields.get("Installed Size", ""))
        slot = one.said("Socket Designation")
        if size and slot:
            yield Part(component=Component.MEMORY, slot=slot, model=_in_words(size))


def _supplies(structures: list[Structure]) -> Iterator[tuple[Structure, Part]]:
    supplies = _of(structures, Type.POWER_SUPPLY)
    for one in supplies:
        if one.fields.get("Status", "").startswith("Not Present"):
            continue
        name, serial = one.said("Name"), one.said("Serial Number")
        number = one.said("Model Part Number")
        slot = one.said("Location")
        # HPE writes the bay into the name and leaves the location empty.
        bay = re.fullmatch(r"(?:power supply|psu|pws?) ?#?(\d{1,2})", name, re.IGNORECASE)
        if bay and not slot:
            slot, name = name, number
        if name or serial or number:
            firmware = one.said("Revision")
            yield (
                one,
                Part(
                    component=Component.PSU, slot=slot, model=name, serial=serial, part_number=number, firmware=firmware
                ),
            )


def _batteries(structures: list[Structure]) -> Iterator[Part]:
    for one in _of(structures, Type.BATTERY):
        if one.said("Name", "Serial Number"):
            yield Part(
                component=Component.BATTERY,
                slot=one.said("Location"),
                model=one.said("Name"),
                serial=one.said("Serial Number"),
            )


def _slots(structures: list[Structure]) -> Iterator[tuple[str, str]]:
    for one in structures:
        if one.kind in (Type.SLOT, Type.ONBOARD):
            address = one.fields.get("Bus Address", "")
            name = one.said("Designation", "Reference Designation")
            if meaningful(address) and name:
                yield address.lower(), name
