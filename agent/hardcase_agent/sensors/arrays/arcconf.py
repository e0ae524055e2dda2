"""Adaptec and Microchip `arcconf getconfig N [AD|LD|PD|AL]`. Pure. Source: "ARCCONF Command Line Utility" guide."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from hardcase_agent.domain.part import Component
from hardcase_agent.sensors.arrays import words
from hardcase_agent.sensors.arrays.model import (
    Controller,
    Disk,
    Element,
    Health,
    MemberState,
    Report,
    Volume,
    VolumeState,
)

_FACT = re.compile(r"(.{1,80}?)\s*:\s(.*)|(.{1,80}?)\s*:")
_SEGMENT = re.compile(r"Present|Missing|Inconsistent|Rebuilding|Failed|Offline|Not Present", re.IGNORECASE)
_SECTIONS = ("controller information", "logical device information", "physical device information")
_SUBSECTIONS = {
    "controller battery information": "battery",
    "controller zmm information": "battery",
    "controller battery/zmm information": "battery",
    "controller cache backup unit information": "battery",
    "supercap information": "battery",
    "green backup information": "battery",
    "controller version information": "version",
    "raid properties": "",
    "temperature sensors information": "sensors",
    "logical device segment information": "segments",
    "array physical device information": "segments",
}
"""The rest of the rules' titles (physical information, connectors, statistics) hold nothing that is read here."""


class _Parser:
    def __init__(self, report: Report) -> None:
        self.report = report
        self.key = "c1"
        self.section = ""
        self.sub = ""
        self.thing: Controller | Disk | Volume | Element | None = None
        self.line = 0

    def read(self, line: str, number: int) -> None:
        self.line = number
        said = words.squeeze(line)
        lower = said.lower()
        if not said or set(said) == {"-"}:
            return
        if lower in _SECTIONS:
            self.section, self.sub = lower.split()[0], ""
            self.thing = self.report.controller(self.key) if self.section == "controller" else None
        elif lower in _SUBSECTIONS:
            self.sub = _SUBSECTIONS[lower]
        elif lower.endswith(" information") and ":" not in lower:
            self.sub = "other"
        elif not self._opens(said):
            fact = _FACT.fullmatch(said)
            if fact is not None:
                self._fact((fact[1] or fact[3]).lower(), (fact[2] or "").strip())

    def _opens(self, said: str) -> bool:
        found = re.fullmatch(r"(Controller|Logical [Dd]evice number|Device|Channel) #?(\d{1,4}):?", said)
        if found is None:
            return self._kind(said)
        what = found[1].lower()
        if what == "controller":
            self.key = f"c{found[2]}"
            self.thing = self.report.controller(self.key)
        elif what.startswith("logical"):
            self.thing = self.report.volume(self.key, f"LD {found[2]}")
        elif what == "device":
            self.thing = self.report.disk(self.key, f"device {found[2]}")
        self.sub = ""
        return True

    def _kind(self, said: str) -> bool:
        """What "Device #24" is stands on its next line: a drive, or an enclosure's processor."""
        if not said.startswith("Device is a"):
            return False
        if "enclosure" in said.lower() and isinstance(self.thing, Disk):
            del self.report.disks[(self.key, self.thing.key)]
            self.thing = self.report.element(self.key, Component.BACKPLANE, self.thing.key)
            self.thing.name = "enclosure"
        elif "drive" not in said.lower() and isinstance(self.thing, Disk):
            del self.report.disks[(self.key, self.thing.key)]
            self.thing = None
        return True

    def _fact(self, key: str, value: str) -> None:
        reader = _READERS.get((type(self.thing), self.sub)) or _READERS.get((type(self.thing), ""))
        if reader is not None:
            reader(self, key, value)

    def _health(self, what: str, value: str) -> Health | None:
        known = words.look_up(words.HEALTH, value)
        if known is None:
            self.report.unknown(f"state of {what}", value, f"line {self.line}")
        return known

    def _controller(self, key: str, value: str) -> None:
        assert isinstance(self.thing, Controller)
        if key == "controller status":
            self.thing.health = self._health(f"controller {self.key}", value)
        elif key == "controller model":
            self.thing.model = words.told(value)
        elif key == "controller serial number":
            self.thing.serial = words.serial(value)
        elif key == "physical slot" and words.told(value):
            self.thing.slot = f"slot {value}"
        elif key in ("temperature", "current temperature") and words.celsius(value) is not None:
            self.thing.temperatures["controller"] = words.celsius(value) or 0.0
        elif key == "firmware":
            self.thing.firmware = words.told(value)

    def _battery(self, key: str, value: str) -> None:
        if key in ("status", "overall backup unit status", "battery status", "supercap status", "backup power status"):
            self._battery_state(value)
        elif key in ("capacity remaining", "current charge level") and (self.key, "battery") in self.report.batteries:
            self.report.battery(self.key).charge = words.percent(value)
        elif key == "over temperature" and value.lower() == "yes":
            self.report.battery(self.key).state = frozenset(words.BATTERY["over temperature"])

    def _battery_state(self, value: str) -> None:
        if value.lower() in words.NO_BATTERY:
            return
        battery = self.report.battery(self.key)
        known = words.look_up(words.BATTERY, value)
        if known is None:
            battery.word = value
            self.report.unknown(f"cache battery of {self.key}", value, f"line {self.line}")
        else:
            battery.state = frozenset(known)

    def _volume(self, key: str, value: str) -> None:
        assert isinstance(self.thing, Volume)
        volume = self.thing
        if key == "status of logical device":
            known = words.look_up(words.VOLUME, value)
            if known is None:
                volume.word = value
                self.report.unknown(f"state of {volume.key}", value, f"line {self.line}")
            else:
                volume.state = frozenset(known) | (volume.state or frozenset())
                volume.progress = words.percent(value)
        elif key == "logical device name":
            volume.name = words.told(value)
        elif key == "raid level":
            volume.level = f"RAID{value}"
        elif key in ("unique identifier", "volume unique identifier"):
            volume.serial = words.serial(value)
        elif key == "failed stripes" and value.lower() == "yes":
            volume.state = (volume.state or frozenset()) | {VolumeState.BAD_BLOCKS}
        elif key == "disk name" and value.startswith("/dev/"):
            volume.paths = (value.split()[0],)
        elif key.startswith(("group ", "segment ")) or (self.sub == "segments" and key.startswith("device ")):
            self._segment(volume, key, value)

    def _segment(self, volume: Volume, key: str, value: str) -> None:
        """ "Group 0, Segment 1 : Present (457862MB, ..., Connector:0, Device:1) 7CS009RQ"."""
        found = _SEGMENT.match(value)
        if found is None:
            return
        # "Present (...) 7CS009RQ", "Missing": what stands behind the brackets, not the word itself.
        serial = words.serial(value.rpartition(")")[2].strip()) if ")" in value else ""
        disk = next((disk for disk in self._disks() if serial and disk.serial == serial), None)
        if disk is None and found[0].lower() in ("missing", "not present"):
            disk = self.report.disk(self.key, f"{volume.key} {key}")
            disk.slot = f"slot unknown ({volume.key}, {key})"
            disk.serial = serial
            disk.state = frozenset({MemberState.MISSING})
        elif disk is None and serial:
            disk = self.report.disk(self.key, f"serial {serial}")
            disk.serial = serial
            places = [
                re.search(rf"{name}:\s*(\d{{1,4}})", value) for name in ("Connector", "Enclosure", "Slot", "Device")
            ]
            disk.slot = ", ".join(words.squeeze(place[0].replace(":", " ")) for place in places if place)
            disk.state = frozenset(words.look_up(words.MEMBER, found[0]) or ())
        if disk is not None:
            volume.members.append(disk.key)

    def _disks(self) -> list[Disk]:
        return [disk for (key, _), disk in self.report.disks.items() if key == self.key]

    def _disk(self, key: str, value: str) -> None:
        assert isinstance(self.thing, Disk)
        disk = self.thing
        if key == "state":
            self._disk_state(disk, value)
        elif key == "serial number":
            self._serial(disk, words.serial(value))
        elif key in _IDENTITY:
            _IDENTITY[key](disk, value)
        elif key == "s.m.a.r.t.":
            disk.alert = disk.alert or value.lower().startswith("yes")
        elif key == "ssd smart trip wearout":
            disk.alert = disk.alert or value.lower() in ("yes", "true")
        elif key in ("temperature", "current temperature"):
            disk.temperature = words.celsius(value)
        elif key in _ERRORS and words.number(value) is not None:
            quantity = _ERRORS[key]
            disk.counts[quantity] = float(words.number(value) or 0) + float(disk.counts.get(quantity, 0))

    def _serial(self, disk: Disk, serial: str) -> None:
        """A segment of a volume may have told of this disk before, by its serial alone."""
        disk.serial = serial
        told = self.report.disks.pop((self.key, f"serial {serial}"), None) if serial else None
        if told is not None:
            for (key, _), volume in self.report.volumes.items():
                if key == self.key:
                    volume.members[:] = [disk.key if name == told.key else name for name in volume.members]

    def _disk_state(self, disk: Disk, value: str) -> None:
        known = words.look_up(words.MEMBER, value)
        if known is None:
            disk.word = value
            self.report.unknown(f"state of {disk.key}", value, f"line {self.line}")
        else:
            disk.state = frozenset(known)

    def _element(self, key: str, value: str) -> None:
        assert isinstance(self.thing, Element)
        if key == "status of enclosure" or key == "state":
            self.thing.health = self._health(self.thing.name, value)
        elif key == "enclosure id":
            self.thing.name = f"enclosure {value}"
        elif key in ("model", "vendor"):
            self.thing.model = words.disk_model(self.thing.model, value) if key == "model" else words.told(value)
        elif key == "serial number":
            self.thing.serial = words.serial(value)
        elif re.fullmatch(r"(fan|power supply|temperature sensor)( status)? \d{1,3}( status)?", key):
            self._sub_element(self.thing, words.squeeze(key.replace("status", "")), value)

    def _sub_element(self, enclosure: Element, name: str, value: str) -> None:
        component = {"f": Component.FAN, "p": Component.PSU, "t": Component.THERMAL}[name[0]]
        # "0 rpm (Not Installed)", "24 C/ 75 F (Normal)", "Not Installed"
        verdict = re.search(r"\(([^()]*)\)\s*$", value)
        health = self._health(f"{enclosure.name} {name}", verdict[1] if verdict else value)
        if health is not None:
            part = self.report.element(self.key, component, f"{enclosure.key} {name}")
            part.name = f"{enclosure.name} {name}"
            part.health = health


def _location(disk: Disk, value: str) -> None:
    disk.slot = words.squeeze(value.partition("(")[0])


def _vendor(disk: Disk, value: str) -> None:
    disk.model = words.disk_model(value, disk.model)


def _model(disk: Disk, value: str) -> None:
    disk.model = words.disk_model(disk.model, value)


def _wwn(disk: Disk, value: str) -> None:
    disk.wwn = words.wwn(value)


def _firmware(disk: Disk, value: str) -> None:
    disk.firmware = words.told(value)


_IDENTITY: dict[str, Callable[[Disk, str], None]] = {
    "reported location": _location,
    "vendor": _vendor,
    "model": _model,
    "world-wide name": _wwn,
    "wwn": _wwn,
    "firmware": _firmware,
}
_ERRORS = {
    "s.m.a.r.t. warnings": "disk.predictive_failures",
    "medium error count": "disk.media_errors",
    "media failures": "disk.media_errors",
    "hardware error count": "disk.other_errors",
    "hardware errors": "disk.other_errors",
    "other error count": "disk.other_errors",
    "parity error count": "disk.other_errors",
    "link failure count": "disk.other_errors",
    "aborted command count": "disk.other_errors",
    "smart warning count": "disk.predictive_failures",
}
_READERS: dict[tuple[type, str], Callable[[_Parser, str, str], None]] = {
    (Controller, ""): _Parser._controller,
    (Controller, "version"): _Parser._controller,
    (Controller, "battery"): _Parser._battery,
    (Volume, ""): _Parser._volume,
    (Disk, ""): _Parser._disk,
    (Element, ""): _Parser._element,
}


def parse_text(lines: Sequence[str], report: Report, first: int) -> None:
    """`first`: number of the first line, for messages."""
    parser = _Parser(report)
    for offset, line in enumerate(lines):
        parser.read(line, first + offset)
