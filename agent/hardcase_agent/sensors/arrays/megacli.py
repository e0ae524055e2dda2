"""MegaCli: PDList, LDInfo, LdPdInfo, CfgDsply, EncInfo, BBU commands, ShowSummary, AdpAllInfo, AdpPciInfo. Pure.

One line says one thing ("Name : value"); which adapter, disk, volume or battery it is about was said before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from hardcase_agent.domain.part import Component
from hardcase_agent.sensors.arrays import megacli_facts, words
from hardcase_agent.sensors.arrays.lsi_battery import COUNTS
from hardcase_agent.sensors.arrays.model import (
    Battery,
    Disk,
    Element,
    Health,
    MemberState,
    Report,
    Volume,
)

_ADAPTER = (
    re.compile(r"Adapter\s*#\s*(\d{1,3})"),
    re.compile(r"Adapter:?\s+(\d{1,3})\s*(?:--.*|:.*)?"),
    re.compile(r"BBU status for Adapter\s*:\s*(\d{1,3})"),
    re.compile(r"BBU .{1,30} for Adapter\s*:\s*(\d{1,3})"),
    re.compile(r"Number of enclosures on adapter (\d{1,3})\b.*"),
    re.compile(r"PCI information for Controller (\d{1,3})"),
)
_FACT = re.compile(r"([^:=]{1,80}?)\s*[:=]\s*(.*)")
_SUMMARY_PLACE = re.compile(r".*Slot\s+(\d{1,4})")


class _Parser:
    def __init__(self, report: Report) -> None:
        self.report = report
        self.adapter = "c0"
        self.enclosure = ""
        self.disk: Disk | None = None
        self.volume: Volume | None = None
        self.element: Element | None = None
        self.section = ""
        self.line = 0
        self.group = ""
        self.kind = ""
        """PD type of the disk that is being told."""
        self.vendor = ""
        self.counted: set[str] = set()
        """Adapters that count something degraded or failed among what they have."""

    def read(self, line: str, number: int) -> None:
        self.line = number
        said = words.squeeze(line)
        if not said:
            return
        for pattern in _ADAPTER:
            found = pattern.fullmatch(said)
            if found is not None:
                self._start(f"c{found[1]}", said)
                return
        if said in ("Controller", "BBU", "Enclosure", "PD", "Virtual Drives", "Hardware", "Storage", "System"):
            self.section, self.disk, self.volume = said, None, None
            return
        fact = _FACT.fullmatch(said)
        if fact is not None and fact[1] == "Inquiry Data" and self.disk is not None:
            megacli_facts.inquiry(self.disk, line.partition(":")[2].removeprefix(" "), self.kind)
        elif fact is not None:
            self._fact(fact[1].strip(), fact[2].strip())

    def _start(self, adapter: str, said: str) -> None:
        self.adapter = adapter
        self.disk = self.volume = self.element = None
        self.enclosure = self.group = ""
        self.section = "battery" if said.startswith("BBU") else ""
        self.report.controller(adapter)

    def _fact(self, name: str, value: str) -> None:
        key = name.lower()
        opener = _OPENERS.get(key)
        if opener is not None:
            opener(self, value)
        elif key.startswith("enclosure ") and key[10:].isdecimal() and not value:
            self.element = self.report.element(self.adapter, Component.BACKPLANE, key[10:])
            self.disk = self.volume = None
        elif self.section in _SECTIONS:
            _SECTIONS[self.section](self, key, value)
        elif self.element is not None:
            megacli_facts.enclosure_fact(self.element, key, value, self._unknown)
        elif self.disk is not None:
            self._disk_fact(self.disk, key, value)
        elif self.volume is not None:
            megacli_facts.volume_fact(self.volume, key, value, self._unknown)
        else:
            self._adapter_fact(key, value)

    def _unknown(self, what: str, word: str) -> None:
        self.report.unknown(what, word, f"line {self.line}")

    # What begins something

    def _enclosure_id(self, value: str) -> None:
        self.enclosure = value if value.isdecimal() else ""
        self.disk = self.element = None
        self.section = ""

    def _slot_number(self, value: str) -> None:
        if value.isdecimal():
            self.disk = self.report.disk(self.adapter, f"{self.enclosure}:{value}")
            self.disk.slot = self.disk.key if self.enclosure else f"slot {value}"
            self.kind = ""
            self.disk.group = self.disk.group or self.group
            if self.volume is not None and self.disk.key not in self.volume.members:
                self.volume.members.append(self.disk.key)

    def _virtual_drive(self, value: str) -> None:
        number = re.match(r"(\d{1,5})\b|Target Id (\d{1,5})", value)
        self.disk = self.element = None
        if number is not None:
            self.volume = self.report.volume(self.adapter, f"VD {number[1] or number[2]}")
            found = re.search(r"VD name (.*)", value)
            self.volume.name = found[1].strip() if found else self.volume.name
            self.volume.group = self.volume.group or self.group
        if self.section != "Virtual Drives":
            self.section = ""

    def _disk_group(self, value: str) -> None:
        """CfgDsply groups what follows."""
        if value.isdecimal():
            self.group = value
            self.disk = self.volume = None

    def _battery_type(self, value: str) -> None:
        self.section = "battery"
        if words.told(value):
            self.report.battery(self.adapter).model = words.told(value)

    # What is said of it

    def _disk_fact(self, disk: Disk, key: str, value: str) -> None:
        reader = _DISK_FACTS.get(key)
        if reader is not None:
            reader(self, disk, value)
        elif key in COUNTS:
            count = words.number(value)
            if count is not None:
                disk.counts[COUNTS[key]] = count
        elif key.startswith(("firmware state", "foreign state")):
            self._disk_state(disk, value, foreign=key.startswith("foreign"))

    def _disk_state(self, disk: Disk, value: str, *, foreign: bool) -> None:
        if foreign:
            if value.lower() == "foreign":
                disk.state = (disk.state or frozenset()) | {MemberState.FOREIGN}
            return
        known = words.look_up(words.MEMBER, value)
        if known is None:
            disk.word = value
            self._unknown(f"state of disk {disk.key}", value)
        else:
            kept = (disk.state or frozenset()) & {MemberState.FOREIGN}
            disk.state = frozenset(known) | kept

    def _place(self, disk: Disk, value: str) -> None:
        found = re.search(r"DiskGroup:\s*(\d{1,4})", value)
        disk.group = found[1] if found else disk.group

    def _adapter_fact(self, key: str, value: str) -> None:
        controller = self.report.controller(self.adapter)
        if key in ("product name", "productname"):
            controller.model = words.told(value)
        elif key == "serial no":
            controller.serial = words.serial(value)
        elif key in ("fw package build", "fw version"):
            controller.firmware = controller.firmware or words.told(value)
        elif key == "memory correctable errors":
            controller.corrected = words.number(value)
        elif key == "memory uncorrectable errors":
            controller.uncorrected = words.number(value)
        elif key == "roc temperature":
            temperature = words.celsius(value)
            if temperature is not None:
                controller.temperatures["chip"] = temperature
        elif key in ("status", "controller status"):
            controller.health = words.look_up(words.HEALTH, value)
        elif key in _TOTALS and words.number(value):
            self.counted.add(self.adapter)

    # ShowSummary, and the battery

    def _battery(self) -> Battery:
        return self.report.battery(self.adapter)

    def _battery_fact(self, key: str, value: str) -> None:
        megacli_facts.battery_fact(self._battery, key, value, self._unknown)

    def _summary_controller(self, key: str, value: str) -> None:
        if key == "productname":
            value = value.split("(")[0]
        self._adapter_fact(key, value)

    def _summary_battery(self, key: str, value: str) -> None:
        if key == "bbu type" and words.told(value):
            self.report.battery(self.adapter).model = words.told(value)
        elif key == "status" and value.lower() not in words.NO_BATTERY:
            megacli_facts.battery_state(self._battery(), value, self._unknown)

    def _summary_enclosure(self, key: str, value: str) -> None:
        element = self.report.element(self.adapter, Component.BACKPLANE, "summary")
        element.name = "enclosure"
        if key == "product id":
            element.model = words.told(value)
        elif key == "status":
            element.health = words.look_up(words.HEALTH, value)

    def _summary_disk(self, key: str, value: str) -> None:
        if key == "connector":
            found = _SUMMARY_PLACE.fullmatch(value)
            # The summary names the slot alone; where a list of disks told its enclosure, it is that disk.
            same = [
                disk
                for (adapter, name), disk in self.report.disks.items()
                if found and adapter == self.adapter and name.rpartition(":")[2] == found[1]
            ]
            self.disk = same[0] if len(same) == 1 else None
            if found and not same:
                self.disk = self.report.disk(self.adapter, f":{found[1]}")
                self.disk.slot = f"slot {found[1]}"
        elif self.disk is not None and key == "vendor id":
            self.vendor = value
        elif self.disk is not None and key == "product id":
            self.disk.model = self.disk.model or words.disk_model(self.vendor, value)
        elif self.disk is not None and key == "state":
            self._disk_state(self.disk, value, foreign=False)

    def _summary_volume(self, key: str, value: str) -> None:
        if self.volume is not None:
            megacli_facts.volume_fact(self.volume, key, value, self._unknown)


def _firmware(_: _Parser, disk: Disk, value: str) -> None:
    disk.firmware = words.told(value)


def _wwn(_: _Parser, disk: Disk, value: str) -> None:
    disk.wwn = words.wwn(value)


def _type(parser: _Parser, _: Disk, value: str) -> None:
    parser.kind = value.upper()


def _alert(_: _Parser, disk: Disk, value: str) -> None:
    disk.alert = disk.alert or value.lower() == "yes"


def _temperature(_: _Parser, disk: Disk, value: str) -> None:
    disk.temperature = words.celsius(value)


_OPENERS: dict[str, Callable[[_Parser, str], None]] = {
    "enclosure device id": _Parser._enclosure_id,
    "slot number": _Parser._slot_number,
    "virtual drive": _Parser._virtual_drive,
    "virtual disk": _Parser._virtual_drive,
    "disk group": _Parser._disk_group,
    "batterytype": _Parser._battery_type,
}
_SECTIONS: dict[str, Callable[[_Parser, str, str], None]] = {
    "battery": _Parser._battery_fact,
    "Controller": _Parser._summary_controller,
    "BBU": _Parser._summary_battery,
    "Enclosure": _Parser._summary_enclosure,
    "PD": _Parser._summary_disk,
    "Virtual Drives": _Parser._summary_volume,
}
_TOTALS = frozenset({"degraded", "offline", "critical disks", "failed disks"})
"""Of AdpAllInfo's list "Device Present"."""
_DISK_FACTS: dict[str, Callable[[_Parser, Disk, str], None]] = {
    "device firmware level": _firmware,
    "wwn": _wwn,
    "pd type": _type,
    "drive has flagged a s.m.a.r.t alert": _alert,
    "drive temperature": _temperature,
    "drive's position": _Parser._place,
}


def parse_text(lines: Sequence[str], report: Report, first: int) -> None:
    """`first`: number of the first line, for messages."""
    parser = _Parser(report)
    for offset, line in enumerate(lines):
        parser.read(line, first + offset)
    for adapter in parser.counted:
        if not any(key == adapter for key, _ in (*report.disks, *report.volumes)):
            # Nobody lists which: all that is left is that there is one.
            controller = report.controller(adapter)
            controller.health = controller.health or Health.DEGRADED
