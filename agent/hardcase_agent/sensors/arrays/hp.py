"""ssacli, hpssacli, hpacucli: `ctrl all show [status|config|detail]`, `pd|ld all show`. Pure.

Two forms of each thing: one line with everything in brackets, and a heading with "Name: value" lines below it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from hardcase_agent.domain.part import Component
from hardcase_agent.sensors.arrays import words
from hardcase_agent.sensors.arrays.hp_notes import Notes
from hardcase_agent.sensors.arrays.model import (
    Battery,
    BatteryState,
    Controller,
    Disk,
    Element,
    Health,
    MemberState,
    Report,
    Volume,
    VolumeState,
)

CONTROLLER = re.compile(
    r"(?P<model>(?:HPE?\s+|Smart\s|Dynamic\s|MSA|StorageWorks|RAID|Modular).{0,80}?) in Slot (?P<slot>[\w.-]{1,12})"
    r"(?P<more>.*)"
)
_SN = re.compile(r"\(sn:\s*([^)]*)\)")
_ARRAY = re.compile(r"array:? (\w{1,4})\b(?:\s+\(([^()]*)\))?.*", re.IGNORECASE)
_DRIVE = re.compile(r"physicaldrive (\S{1,40})(?:\s+\((.*?)\))?(?:\s*:\s*(.*))?", re.IGNORECASE)
_VOLUME = re.compile(r"logical\s?drive:? (\d{1,4})(?:\s+\((.*?)\))?(?:\s*:\s*(.*))?", re.IGNORECASE)
_ENCLOSURE = re.compile(r"(.{1,60}?) at Port (\S{1,10}), Box (\d{1,4}), (.*)")
_SIZE = re.compile(r"[\d.]+ [KMGTP]B")
_FACT = re.compile(r"([^:]{1,60}?)\s*:\s+(.*)|([^:]{1,60}?)\s*:")
_CONTROLLER_FACT = re.compile(r"(Controller Status|Cache Status|Cache Status Details|Battery/Capacitor Status): .*")
STRAY = _CONTROLLER_FACT.pattern
"""Lines that are this tool's though no heading stands before them."""
_POWER = (
    (r"charg\w* is low|not fully charged|low charge|is low", BatteryState.LOW),
    (r"missing|not attached|not present|disconnected", BatteryState.MISSING),
    (r"fail|bad|dead", BatteryState.FAILED),
    (r"charging", BatteryState.CHARGING),
)
_HINTS = ("spare", "active spare", "transient")


class _Parser:
    def __init__(self, report: Report) -> None:
        self.report = report
        self.controller = "slot 0"
        self.array = ""
        self.thing: Controller | Disk | Volume | Element | None = None
        self.line = 0
        self.notes = Notes(report)

    def read(self, line: str, number: int) -> None:
        self.line = number
        said = words.squeeze(line)
        if not said or self.notes.read(said, self.controller):
            return
        for pattern, reader in _OPENERS:
            found = pattern.fullmatch(said)
            if found is not None:
                reader(self, found)
                return
        if said.lower() in ("unassigned", "physical drives", "hba drives") or said.startswith(
            ("SEP ", "Expander ", "Enclosure SEP", "Port Name:")
        ):
            self.thing = None
            self.array = "" if said.lower() in ("unassigned", "hba drives") else self.array
            return
        fact = _FACT.fullmatch(said)
        if fact is not None and self.thing is None and fact[1] == "Status":
            self.notes.array(self.controller, self.array, fact[2])
        if fact is not None and self.thing is None and _CONTROLLER_FACT.fullmatch(said):
            self.thing = self.report.controller(self.controller)
        if fact is not None and self.thing is not None:
            self._fact((fact[1] or fact[3]).lower(), (fact[2] or "").strip())

    # Headings

    def _controller(self, found: re.Match[str]) -> None:
        self.notes.controller()
        self.controller = f"slot {found['slot']}"
        self.array = ""
        controller = self.report.controller(self.controller)
        controller.model = words.squeeze(found["model"])
        controller.slot = f"slot {found['slot']}"
        serial = _SN.search(found["more"])
        controller.serial = words.serial(serial[1]) if serial else controller.serial
        self.thing = controller

    def _array(self, found: re.Match[str]) -> None:
        self.array = found[1].upper()
        self.notes.array(self.controller, self.array, found[2] or "")
        self.thing = None

    def _drive(self, found: re.Match[str]) -> None:
        key = found[1].rstrip(":")
        disk = self._known_disk(key)
        disk.slot = disk.slot or disk.key
        disk.group = disk.group or self.array
        self.thing = disk
        if found[2] or found[3]:
            cells = [cell.strip() for cell in (found[2] or "").split(",")]
            set_disk_state(self.report, disk, found[3] or _status(cells), cells, self.line)

    def _known_disk(self, key: str) -> Disk:
        """Detailed lists of old firmware name a drive without its port: "1:1" is told as "2I:1:1" elsewhere."""
        if (self.controller, key) not in self.report.disks and key.count(":") == 1:
            same = [
                disk
                for (controller, name), disk in self.report.disks.items()
                if controller == self.controller and name.partition(":")[2] == key
            ]
            if len(same) == 1:
                return same[0]
        return self.report.disk(self.controller, key)

    def _volume(self, found: re.Match[str]) -> None:
        volume = self.report.volume(self.controller, f"LD {found[1]}")
        volume.group = volume.group or self.array
        self.notes.volume(volume)
        self.thing = volume
        if found[2] or found[3]:
            cells = [cell.strip() for cell in (found[2] or "").split(",")]
            volume.level = volume.level or next((cell for cell in cells[1:] if re.match(r"RAID|\d", cell)), "")
            set_volume_state(self.report, volume, found[3] or ", ".join(cells[2:]), self.line)

    def _enclosure(self, found: re.Match[str]) -> None:
        element = self.report.element(self.controller, Component.BACKPLANE, f"{found[2]}:{found[3]}")
        element.name = f"enclosure {found[2]}:{found[3]}"
        element.model = found[1]
        element.health = self._health(element.name, found[4])
        self.thing = element

    # Facts

    def _fact(self, key: str, value: str) -> None:
        if key in ("port", "box", "bay") and isinstance(self.thing, Disk):
            self._place(self.thing, key, value)
        elif isinstance(self.thing, Disk):
            self._disk_fact(self.thing, key, value)
        elif isinstance(self.thing, Volume):
            self._volume_fact(self.thing, key, value)
        elif isinstance(self.thing, Element):
            self._element_fact(self.thing, key, value)
        elif self.thing is not None:
            self._controller_fact(self.thing, key, value)

    def _place(self, disk: Disk, key: str, value: str) -> None:
        if key == "port" and disk.key.count(":") == 1 and value:
            disk.slot = f"{value}:{disk.key}"

    def _disk_fact(self, disk: Disk, key: str, value: str) -> None:
        if key == "status":
            set_disk_state(self.report, disk, value, [], self.line)
        elif key == "drive type":
            _use(disk, value)
        elif key == "serial number":
            disk.serial = words.serial(value)
        elif key == "model":
            vendor, _, product = value.partition(" ")
            disk.model = words.disk_model(vendor, product) if product else words.told(value)
        elif key == "firmware revision":
            disk.firmware = words.told(value)
        elif key == "wwid":
            disk.wwn = words.wwn(value)
        elif key.startswith("current temperature"):
            disk.temperature = words.celsius(value)
        elif key in ("usage remaining", "ssd usage remaining") and words.percent(value) is not None:
            disk.counts["disk.used"] = 100.0 - (words.percent(value) or 0.0)
        elif key == "rebuild status" or (key == "status" and "%" in value):
            disk.progress = words.percent(value)

    def _volume_fact(self, volume: Volume, key: str, value: str) -> None:
        if key == "status":
            set_volume_state(self.report, volume, value, self.line)
        elif key == "fault tolerance":
            volume.level = f"RAID {value}"
        elif key == "unrecoverable media errors" and value.lower() == "detected":
            volume.state = (volume.state or frozenset()) | {VolumeState.BAD_BLOCKS}
        elif key == "unique identifier":
            volume.serial = words.told(value)
        elif key == "logical drive label":
            volume.name = words.told(value)
        elif key == "disk name" and value.startswith("/dev/"):
            volume.paths = (value,)

    def _element_fact(self, element: Element, key: str, value: str) -> None:
        component = _ELEMENTS.get(key)
        if component is not None and value:
            part = self.report.element(self.controller, component, element.key)
            part.name = f"{element.name} {key.removesuffix(' status')}"
            part.health = self._health(part.name, value)
        elif key == "serial number":
            element.serial = words.serial(value)

    def _controller_fact(self, controller: Controller, key: str, value: str) -> None:
        if key == "controller status":
            controller.health = self._health(f"controller {controller.key}", value)
        elif key == "cache status":
            controller.cache, controller.cache_word = _cache(value)
            if controller.cache is None:
                self.report.unknown(f"cache of controller {controller.key}", value, f"line {self.line}")
        elif key == "cache status details":
            note_backup_power(self.report, self.controller, value)
        elif key == "battery/capacitor status":
            self._battery(value)
        elif key == "serial number":
            controller.serial = words.serial(value)
        elif key == "host serial number":
            self.report.host_serial = words.serial(value)
        elif key == "firmware version":
            controller.firmware = words.told(value)
        elif "temperature (c)" in key and not key.startswith("maximum"):
            self._temperature(controller, key.partition(" temperature")[0], words.celsius(value))

    def _temperature(self, controller: Controller, place: str, value: float | None) -> None:
        if value is None:
            return
        if place in ("capacitor", "battery"):
            self.report.battery(controller.key).temperature = value
        else:
            controller.temperatures[place.removesuffix(" module")] = value

    def _battery(self, value: str) -> None:
        if value.lower() in words.NO_BATTERY:
            return
        battery: Battery = self.report.battery(self.controller)
        known = words.look_up(words.BATTERY, value)
        if known is None:
            battery.word = value
            self.report.unknown(f"cache battery of {self.controller}", value, f"line {self.line}")
        else:
            battery.state = frozenset[BatteryState](known)

    def _health(self, what: str, value: str) -> Health | None:
        known = words.look_up(words.HEALTH, value)
        if known is None:
            self.report.unknown(f"state of {what}", value, f"line {self.line}")
        return known


_OPENERS: tuple[tuple[re.Pattern[str], Callable[[_Parser, re.Match[str]], None]], ...] = (
    (CONTROLLER, _Parser._controller),
    (_ARRAY, _Parser._array),
    (_DRIVE, _Parser._drive),
    (_VOLUME, _Parser._volume),
    (_ENCLOSURE, _Parser._enclosure),
)
_ELEMENTS = {
    "fan status": Component.FAN,
    "temperature status": Component.THERMAL,
    "power supply status": Component.PSU,
}


def set_disk_state(report: Report, disk: Disk, word: str, cells: Sequence[str], line: int) -> None:
    """`cells`: what else stands in the brackets, by commas."""
    said = words.squeeze(word)
    known = words.look_up(words.MEMBER, said)
    if known is None:
        disk.word = said
        report.unknown(f"state of drive {disk.key}", said, f"line {line}")
        return
    kept = (disk.state or frozenset()) & {MemberState.HOT_SPARE, MemberState.UNCONFIGURED}
    disk.state = (frozenset(known) - {MemberState.ONLINE} | kept) if kept else frozenset(known)
    disk.progress = words.percent(said)
    if any(cell.lower().startswith(_HINTS) for cell in cells):
        _use(disk, "spare")


def set_volume_state(report: Report, volume: Volume, word: str, line: int) -> None:
    said = words.squeeze(word)
    known = words.look_up(words.VOLUME, said)
    if known is None:
        volume.word = said
        report.unknown(f"state of logical drive {volume.key}", said, f"line {line}")
    else:
        volume.state = frozenset(known) | ((volume.state or frozenset()) & {VolumeState.BAD_BLOCKS})
        volume.progress = words.percent(said)


def note_backup_power(report: Report, controller: str, said: str) -> None:
    """Why a cache is off, in a sentence: what it says of the battery or capacitor."""
    lower = said.lower()
    if not re.search(r"batter|capacitor|backup power", lower):
        return
    state = next((state for pattern, state in _POWER if re.search(pattern, lower)), None)
    if state is not None:
        battery = report.battery(controller)
        battery.state = (battery.state or frozenset()) | {state}


def _status(cells: Sequence[str]) -> str:
    """The cell behind the size is the status; sizes are the last cell with a unit."""
    sizes = [index for index, cell in enumerate(cells) if _SIZE.fullmatch(cell)]
    after = cells[sizes[-1] + 1 :] if sizes else cells[-1:]
    return after[0] if after else ""


def _use(disk: Disk, value: str) -> None:
    said = value.lower()
    state = disk.state or frozenset()
    if "spare" in said:
        disk.state = (state - {MemberState.ONLINE}) | {MemberState.HOT_SPARE}
    elif said.startswith("unassigned"):
        disk.state = (state - {MemberState.ONLINE}) | {MemberState.UNCONFIGURED}


def _cache(value: str) -> tuple[Health | None, str]:
    """Off because somebody wants it so is no fault; off because something broke is."""
    said = value.lower()
    if said.startswith(("not configured", "not enabled")):
        return Health.OK, value
    if said.startswith(("temporarily disabled", "temporarily not")):
        return Health.DEGRADED, value
    if said.startswith(("permanently disabled", "permanently not")):
        return Health.FAILED, value
    return words.look_up(words.HEALTH, value), value


def parse_text(lines: Sequence[str], report: Report, first: int) -> None:
    """`first`: number of the first line, for messages."""
    parser = _Parser(report)
    for offset, line in enumerate(lines):
        parser.read(line, first + offset)
    parser.notes.finish()
