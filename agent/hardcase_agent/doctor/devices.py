"""Device nodes, kernel modules and the kernel's log: what who opens them is refused, and what is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hardcase_agent.doctor.place import Account, Place, absent, bad, good, hint
from hardcase_agent.domain.event import CoverageLine
from hardcase_agent.domain.part import Component

_UDEV = (
    "check /usr/lib/udev/rules.d/60-hardcase-helper.rules, then: udevadm control --reload && udevadm trigger "
    "--subsystem-match=ipmi --subsystem-match=nvme"
)
_MODULES = "modprobe {0}; to keep it: echo {0} >> /etc/modules-load.d/ipmi.conf"


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of node in /dev."""

    names: re.Pattern[str]
    write: bool
    component: Component
    cure: str


_KINDS = (
    _Kind(re.compile(r"ipmi\d+"), True, Component.BMC, _UDEV),
    _Kind(re.compile(r"nvme\d+"), True, Component.DISK, _UDEV),
    _Kind(
        re.compile(r"sd[a-z]{1,3}"),
        False,
        Component.DISK,
        "SupplementaryGroups=disk belongs in hardcase-helper.service; a node that is not root:disk has a rule of udev",
    ),
)
_MAKERS_NODES = {
    "megaraid_sas_ioctl_node": "MegaRAID",
    "aac0": "Adaptec",
    "mpt3ctl": "LSI SAS",
    "mpt2ctl": "LSI SAS",
    "twa0": "3ware",
}


def lines(place: Place, opener: Account, *, wanted: frozenset[str], helped: bool) -> Iterator[CoverageLine]:
    """`opener`: who opens devices; `wanted`: families that are on; `helped`: it is the helper."""
    if "ipmi" in wanted:
        yield from _bmc(place)
    yield from _nodes(place, opener, wanted, helped)
    if wanted & {"smart", "arrays"}:
        yield from _makers(place, opener)
    if "kernel" in wanted and not helped and opener.uid != 0 and place.text(_RESTRICT).strip() == "1":
        cure = "systemctl enable --now hardcase-helper.socket, which has CAP_SYSLOG; or sysctl kernel.dmesg_restrict=0"
        yield bad("kernel.dmesg_restrict is set: this user may not read the kernel's log", cure, Component.HOST)


_RESTRICT = "/proc/sys/kernel/dmesg_restrict"


def _bmc(place: Place) -> Iterator[CoverageLine]:
    if any(place.there(f"/dev/ipmi{number}") for number in range(4)):
        return
    told = _firmware_tells_of_a_bmc(place)
    driver, door = (place.there(f"/sys/module/{module}") for module in ("ipmi_si", "ipmi_devintf"))
    found = place.there("/sys/class/ipmi/ipmi0") or place.there("/sys/bus/platform/drivers/ipmi_si/dmi-ipmi-si.0")
    if driver and not door:
        why = "ipmi_devintf is not loaded: the BMC's driver runs, but there is no /dev/ipmi0"
        yield bad(why, _MODULES.format("ipmi_devintf"), Component.BMC)
    elif told and not driver:
        why = "the firmware tells of a BMC, but ipmi_si is not loaded: there is no /dev/ipmi0"
        yield bad(why, f"{_MODULES.format('ipmi_si')}; the same for ipmi_devintf", Component.BMC)
    elif told or found:
        why = "ipmi_si and ipmi_devintf are loaded, but the driver found no BMC that answers"
        yield bad(why, "look for ipmi_si in dmesg; switch IPMI over KCS on in the BMC's settings", Component.BMC)
    else:
        yield absent("no BMC that the firmware or the kernel knows of", Component.BMC)


def _firmware_tells_of_a_bmc(place: Place) -> bool:
    """SMBIOS type 38 where the kernel shows it, or ACPI's IPMI device."""
    acpi = place.at("/sys/bus/acpi/devices")
    return place.there("/sys/firmware/dmi/entries/38-0") or (acpi.is_dir() and any(acpi.glob("IPI0001:*")))


def _nodes(place: Place, opener: Account, wanted: frozenset[str], helped: bool) -> Iterator[CoverageLine]:
    names = sorted(path.name for path in place.at("/dev").glob("*"))
    for kind in _KINDS:
        if not wanted & ({"ipmi"} if kind.component is Component.BMC else {"smart"}):
            continue
        open_to = 0
        for name in names:
            if kind.names.fullmatch(name) is None:
                continue
            status = place.at(f"/dev/{name}").stat()
            if opener.may(status, write=kind.write):
                open_to += 1
                continue
            cure = kind.cure if helped else "systemctl enable --now hardcase-helper.socket, or run it as root"
            yield bad(f"/dev/{name} ({place.owner(status)}) is closed to {opener.name}", cure, kind.component)
        if open_to:
            yield good(f"{opener.name} may open {open_to} of /dev/{kind.names.pattern}")


def _makers(place: Place, opener: Account) -> Iterator[CoverageLine]:
    """Controllers whose own node belongs to root: disks behind them need it, and the makers' tools insist on root."""
    for name, maker in _MAKERS_NODES.items():
        if place.there(f"/dev/{name}") and not opener.may(place.at(f"/dev/{name}").stat(), write=True):
            cure = "systemctl edit hardcase-helper: [Service] User=root; agent/README.md, Disks and RAID controllers"
            yield hint(f"disks behind the {maker} controller need /dev/{name}, which {opener.name} may not open", cure)
