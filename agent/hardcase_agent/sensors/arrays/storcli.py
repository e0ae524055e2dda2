"""storcli and perccli: JSON (`J`), and the same document made of their text by `storcli_text.py`.

Tables are recognised by their columns and not by their titles, which differ between commands and versions.
Source: Broadcom "StorCLI Reference Manual" with the legends under its tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from hardcase_agent.domain.capture import Flaw
from hardcase_agent.domain.part import Component
from hardcase_agent.sensors.arrays import storcli2, words
from hardcase_agent.sensors.arrays.lsi_battery import BATTERY_ALARMS, COUNTS, FIRMWARE_STATUS, add_alarm
from hardcase_agent.sensors.arrays.model import (
    NOT_TOLD,
    Battery,
    Disk,
    Health,
    MemberState,
    Report,
)

_DEEPEST = 6
"""Tables inside tables: the deepest seen is 4 (HBA: device information, drive, details, port list)."""
_PATH = re.compile(r"/c(\d{1,3})(?:/e(\d{1,4}))?(?:/s(\d{1,4}))?(?:/v(\d{1,5}))?")
_PLACE = re.compile(r"\s*(\d*)\s*:\s*(\d+)\s*")

Row = Mapping[str, Any]


def read_document(document: object, report: Report, at: str = "") -> bool:
    """Adds what a JSON document of storcli says. False: it is none."""
    if not isinstance(document, dict):
        return False
    controllers = document.get("Controllers")
    if not isinstance(controllers, list):
        # RackHD and other inventories keep the tool's document in a field of theirs.
        return any(read_document(document.get(key), report, at) for key in ("data", "Data", "output"))
    for entry in controllers:
        if isinstance(entry, dict):
            _read_controller(entry, report, at)
    return True


def _read_controller(entry: Row, report: Report, at: str) -> None:
    status = entry.get("Command Status")
    status = status if isinstance(status, dict) else {}
    data = entry.get("Response Data")
    if str(status.get("Status", "")).lower().startswith("fail"):
        report.flaw(Flaw.REFUSED, f"the tool says: {words.squeeze(str(status.get('Description', 'failed')))}", at)
    if not isinstance(data, dict):
        return
    basics = data.get("Basics")
    number = status.get("Controller", basics.get("Controller") if isinstance(basics, dict) else None)
    # storcli2 has it in quotes.
    controller = f"c{number}" if re.fullmatch(r"\d{1,3}", str(number)) else "c0"
    walk = _Walk(report, controller, at)
    walk.walk(storcli2.in_tables(data, controller))
    walk.finish()


class _Walk:
    """Goes through one controller's answer; every table and section is taken by what stands in it."""

    def __init__(self, report: Report, controller: str, at: str) -> None:
        self._report = report
        self._controller = controller
        self._at = at
        self._battery_flags = 0
        self._sections: dict[str, Callable[[Row], None]] = {
            "Basics": self._basics,
            "Version": self._version,
            "Status": self._status,
            "HwCfg": self._hardware,
        }

    def walk(self, node: Row, disk: Disk | None = None, depth: int = 0) -> None:
        for key, value in node.items():
            here = self._disk_of(str(key)) or disk
            if isinstance(value, list):
                self._table(str(key), [row for row in value if isinstance(row, dict)])
            elif isinstance(value, dict):
                section = self._sections.get(str(key).strip())
                if section is not None and depth == 0:
                    section(value)
                elif depth < _DEEPEST:
                    self._volume_properties(str(key), value)
                    self.walk(value, here, depth + 1)
            elif here is not None:
                self._disk_fact(here, str(key), value)
            elif depth == 0:
                self._summary_fact(str(key), value)

    def finish(self) -> None:
        """Whether there is a battery is told behind its flags."""
        for bit, state in FIRMWARE_STATUS if (self._controller, "battery") in self._report.batteries else ():
            if self._battery_flags & bit:
                add_alarm(self._report.battery(self._controller), state)

    def _disk_of(self, key: str) -> Disk | None:
        found = _PATH.search(key) if key.startswith("Drive /c") else None
        if found is None or found[3] is None:
            return None
        return self._report.disk(f"c{found[1]}", f"{found[2] or ''}:{found[3]}")

    # Tables

    def _table(self, key: str, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            if "EID:Slt" in row:
                self._disk_row(row)
            elif "DG/VD" in row:
                self._volume_row(key, row)
            elif "EID:Slot" in row:
                self._topology_row(row)
            elif "EID" in row and "Slots" in row:
                self._enclosure_row(row)
            elif "Hlth" in row and "Ctl" in row:
                self._overview_row(row)
            elif "Drive-ID" in row:
                self._progress_row(row)
            elif key.startswith(("BBU_Info", "Cachevault_Info", "BBU Info", "Cachevault Info")) and "State" in row:
                self._battery_row(row)
            elif "Property" in row and "Value" in row:
                self._battery_property(key, str(row["Property"]), row["Value"])

    def _disk_row(self, row: Row) -> None:
        place = _PLACE.fullmatch(str(row["EID:Slt"]))
        if place is None:
            return
        disk = self._report.disk(self._controller, f"{place[1]}:{place[2]}")
        disk.slot = disk.key
        disk.model = disk.model or words.told(row.get("Model"))
        group = str(row.get("DG", "-")).strip()
        disk.group = disk.group or (group if group.isdecimal() else "")
        disk.state = self._member(disk, storcli2.told_of_drive(row))
        if group.upper() == "F" and disk.state is not None:
            disk.state |= {MemberState.FOREIGN}

    def _member(self, disk: Disk, word: object) -> frozenset[MemberState] | None:
        known = words.look_up(words.MEMBER, str(word))
        if known is None:
            disk.word = words.squeeze(str(word))
            self._report.unknown(f"state of disk {disk.key}", disk.word, self._at)
            return disk.state
        return frozenset(known)

    def _volume_row(self, key: str, row: Row) -> None:
        group, _, number = str(row["DG/VD"]).partition("/")
        found = _PATH.fullmatch(key.strip())
        volume = self._report.volume(f"c{found[1]}" if found else self._controller, f"VD {number.strip() or group}")
        volume.group = group.strip() if number and group.strip().isdecimal() else volume.group
        volume.name = words.squeeze(str(row.get("Name", "") or "")) or volume.name
        volume.level = words.told(row.get("TYPE")) or volume.level
        said = words.squeeze(str(row.get("State")))
        known = words.look_up(words.VOLUME, said)
        if known is None:
            volume.word = said
            self._report.unknown(f"state of {volume.key}", said, self._at)
        else:
            volume.state = frozenset(known)

    def _volume_properties(self, key: str, section: Row) -> None:
        """ "VD13 Properties": what is done to it now, and its name on the bus."""
        found = re.fullmatch(r"VD\s?(\d{1,5}) Properties", key)
        if found is None:
            return
        volume = self._report.volume(self._controller, f"VD {found[1]}")
        volume.serial = words.wwn(section.get("SCSI NAA Id")) or volume.serial
        volume.progress = words.percent(str(section.get("Active Operations", "")))

    def _topology_row(self, row: Row) -> None:
        """A member that is not there has no other trace than its row in the topology; and of a drive group alone
        (storcli2's `/cN/dall show`) the topology is all that is printed. There "State" says what is configured."""
        if str(row.get("Type", "")).strip() != "DRIVE":
            return
        said = storcli2.told_of_drive(row)
        known = words.look_up(words.MEMBER, str(said))
        place = _PLACE.fullmatch(str(row["EID:Slot"]))
        if place is None:
            if known == (MemberState.MISSING,):
                self._missing_member(row)
            return
        disk = self._report.disk(self._controller, f"{place[1]}:{place[2]}")
        if disk.state is None and known is not None:
            disk.slot, disk.state = disk.key, frozenset(known)
            group = str(row.get("DG", "-")).strip()
            disk.group = disk.group or (group if group.isdecimal() else "")

    def _missing_member(self, row: Row) -> None:
        group, array, place = (
            str(row.get(name, row.get(other, "-"))).strip()
            for name, other in (("DG", "-"), ("Arr", "Span"), ("Row", "-"))
        )
        disk = self._report.disk(self._controller, f"missing {group}:{array}:{place}")
        disk.slot = f"slot unknown (drive group {group}, array {array}, row {place})"
        disk.group = group
        disk.state = frozenset({MemberState.MISSING})

    def _enclosure_row(self, row: Row) -> None:
        element = self._report.element(self._controller, Component.BACKPLANE, str(row["EID"]).strip())
        element.name = f"enclosure {element.key}"
        element.model = words.told(row.get("ProdID"))
        element.health = self._health(element.name, row.get("State"))

    def _overview_row(self, row: Row) -> None:
        controller = self._report.controller(f"c{str(row['Ctl']).strip()}")
        controller.model = controller.model or words.told(row.get("Model"))
        controller.health = self._health(f"controller {controller.key}", row["Hlth"])
        self._battery_word(controller.key, row.get("BBU"))

    def _progress_row(self, row: Row) -> None:
        found = _PATH.match(str(row["Drive-ID"]))
        if found and found[3] is not None and str(row.get("Status", "")).lower() == "in progress":
            disk = self._report.disk(f"c{found[1]}", f"{found[2] or ''}:{found[3]}")
            disk.progress = words.number(row.get("Progress%"))

    # Battery

    def _battery_row(self, row: Row) -> None:
        battery = self._battery_word(self._controller, row["State"])
        if battery is not None:
            battery.model = words.told(row.get("Model")) or battery.model
            battery.temperature = words.celsius(row.get("Temp"))

    def _battery_word(self, controller: str, word: object) -> Battery | None:
        said = words.squeeze(str(word))
        if word is None or said.lower() in words.NO_BATTERY:
            return None
        known = words.look_up(words.BATTERY, said)
        battery = self._report.battery(controller)
        if known is None:
            battery.word = said
            self._report.unknown(f"state of the cache battery of {controller}", said, self._at)
        else:
            battery.state = (battery.state or frozenset()) | frozenset(known)
        return battery

    def _battery_property(self, key: str, name: str, value: object) -> None:
        """ "/cN/bbu show all" and "/cN/cv show all" list properties in several tables."""
        title = key.lower()
        if not title.startswith(("bbu", "cachevault", "firmware_status", "firmware status", "gasgauge", "design")):
            return
        name = words.squeeze(name).lower()
        if name in ("type", "model", "battery type") and words.told(value):
            self._report.battery(self._controller).model = words.told(value)
        elif name in ("serial number", "serialnumber"):
            self._report.battery(self._controller).serial = words.serial(value)
        elif name in ("state", "battery state"):
            self._battery_word(self._controller, value)
        elif name == "temperature":
            self._report.battery(self._controller).temperature = words.celsius(value)
        elif name in ("relative state of charge", "pack energy", "remaining capacity") and "%" in str(value):
            self._report.battery(self._controller).charge = words.percent(str(value))
        elif str(value).strip().lower() == "yes" and name in BATTERY_ALARMS:
            add_alarm(self._report.battery(self._controller), BATTERY_ALARMS[name])

    # Sections

    def _summary_fact(self, name: str, value: object) -> None:
        """ "/cN show" without "all" tells the controller outside of any section."""
        if name == "Product Name":
            self._report.controller(self._controller).model = words.told(value)
        elif name == "Serial Number":
            self._report.controller(self._controller).serial = words.serial(value)
        elif name in ("FW Package Build", "FW Version"):
            self._report.controller(self._controller).firmware = words.told(value)
        elif name == "Controller Status":
            self._report.controller(self._controller).health = self._health("controller", value)

    def _basics(self, section: Row) -> None:
        controller = self._report.controller(self._controller)
        # The last is storcli2's.
        told = (words.told(section.get(name)) for name in ("Model", "Adapter Type", "Product Name"))
        controller.model = next(filter(None, told), "")
        controller.serial = words.serial(section.get("Serial Number"))
        controller.slot = f"PCI {words.told(section.get('PCI Address'))}" if section.get("PCI Address") else ""

    def _version(self, section: Row) -> None:
        told = (
            words.told(section.get(name)) for name in ("Firmware Package Build", "Package Version", "Firmware Version")
        )
        self._report.controller(self._controller).firmware = next(filter(None, told), "")

    def _status(self, section: Row) -> None:
        controller = self._report.controller(self._controller)
        if "Controller Status" in section:
            controller.health = self._health(f"controller {controller.key}", section["Controller Status"])
        controller.corrected = words.number(section.get("Memory Correctable Errors"))
        controller.uncorrected = words.number(section.get("Memory Uncorrectable Errors"))
        flags = section.get("BBU Status")
        self._battery_flags = flags if isinstance(flags, int) and not isinstance(flags, bool) else 0

    def _hardware(self, section: Row) -> None:
        controller = self._report.controller(self._controller)
        for name, value in section.items():
            found = re.match(r"(ROC|Ctrl|Controller) temperature", str(name), re.IGNORECASE)
            temperature = words.celsius(value) if found else None
            if found and temperature is not None:
                controller.temperatures["chip" if found[1] == "ROC" else "board"] = temperature

    def _health(self, what: str, word: object) -> Health | None:
        known = words.look_up(words.HEALTH, str(word))
        if known is None:
            self._report.unknown(f"state of {what}", str(word), self._at)
        return known

    # One disk's own sections

    def _disk_fact(self, disk: Disk, name: str, value: object) -> None:
        name = words.squeeze(name).lower()
        disk.slot = disk.slot or disk.key
        if name in COUNTS:
            count = words.number(value)
            disk.counts[COUNTS[name]] = NOT_TOLD if count is None else count
        elif re.match(r"s.m.a.r.t.? alert flagged", name):
            disk.alert = disk.alert or str(value).strip().lower() == "yes"
        elif name == "drive temperature":
            disk.temperature = words.celsius(value)
        elif name == "sn":
            disk.serial = words.serial(value)
        elif name == "wwn":
            disk.wwn = words.wwn(value)
        elif name == "firmware revision":
            disk.firmware = words.told(value)
        elif name == "manufacturer id":
            disk.model = words.disk_model(value, disk.model)
        elif name == "model number":
            vendor = disk.model.removesuffix(words.told(value)).strip()
            disk.model = words.disk_model(vendor, value)
