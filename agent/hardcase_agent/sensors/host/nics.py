"""Physical network ports: link and error counters. Bridges, bonds, VLANs, virtual functions and the BMC's USB port are
not hardware that anybody replaces here, and are left out."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from functools import partial

from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Number, Reading, Sensor, States, Unit
from hardcase_agent.sensors.host.probe import Probe, Scan
from hardcase_agent.sensors.host.tree import Folder, entries, read_integer, read_text


def scan(sysfs: Folder) -> Scan:
    ports = [path for path in entries(sysfs / "class" / "net", "*") if is_physical(path)]
    probes = tuple(probe for port in ports for probe in _port(port))
    status = CoverageStatus.WATCHED if ports else CoverageStatus.NOT_PRESENT
    line = CoverageLine(component=Component.NIC, status=status, reason="" if ports else "no physical network port")
    return Scan(probes=probes, coverage=(line,), parts=tuple(dict.fromkeys(probe.sensor.part for probe in probes)))


def is_physical(port: Folder) -> bool:
    device = port / "device"
    if not device.exists() or (device / "physfn").exists():
        return False
    return "/usb" not in str(device.resolve())


def _port(port: Folder) -> Iterator[Probe]:
    device = port / "device"
    address = read_text(port / "address")
    # addr_assign_type 0: the address burnt into the card; others change and are no serial.
    burnt_in = read_text(port / "addr_assign_type") in ("0", "")
    model = ":".join(read_text(device / name).removeprefix("0x") for name in ("vendor", "device")).strip(":")
    place = device.resolve().name
    part = Part(
        component=Component.NIC,
        slot=f"{place} {port.name}",
        model=f"PCI {model}" if model else "",
        serial=address if burnt_in and model else "",
        paths=(port.name,),
    )
    key = part.serial or part.slot
    carrier = Sensor(
        id=f"{key}/carrier",
        name=f"{port.name} link",
        kind=Kind.STATE,
        part=part,
        states=("down",),
        quantity="nic.carrier",
    )
    errors = Sensor(
        id=f"{key}/errors", name=f"{port.name} errors", kind=Kind.COUNT, unit=Unit.ONE, part=part, quantity="nic.errors"
    )
    yield Probe(carrier, partial(read_carrier, port))
    yield Probe(errors, partial(read_errors, port))
    if (port / "carrier_down_count").exists():
        # Since Linux 4.16; tells of losses that were over before anybody looked.
        losses = Sensor(
            id=f"{key}/losses",
            name=f"{port.name} link losses",
            kind=Kind.COUNT,
            unit=Unit.ONE,
            part=part,
            quantity="nic.link_losses",
        )
        yield Probe(losses, partial(_read_losses, port))


def read_carrier(port: Folder) -> Reading:
    """`down` where an enabled port has no link. The kernel answers EINVAL for a port that is switched off."""
    try:
        text = (port / "carrier").read_bytes().decode("ascii", "replace")
    except OSError as error:
        if error.errno == errno.EINVAL:
            return Gap(GapReason.DISABLED, "the port is switched off")
        return Gap(GapReason.ABSENT if error.errno == errno.ENOENT else GapReason.ERROR, str(error.strerror))
    return States(0 if text.strip() == "1" else 1)


def _read_losses(port: Folder) -> Reading:
    value = read_integer(port / "carrier_down_count")
    return Number(float(value)) if isinstance(value, int) else value


def read_errors(port: Folder) -> Reading:
    """Receive and transmit errors since the driver was loaded."""
    total = 0
    for name in ("rx_errors", "tx_errors"):
        value = read_integer(port / "statistics" / name)
        if not isinstance(value, int):
            return value
        total += value
    return Number(float(total))
