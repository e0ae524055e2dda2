"""sas2ircu and sas3ircu: LIST and DISPLAY. Pure. Source: LSI "SAS-2 Integrated RAID Configuration Utility" guide."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hardcase_agent.domain.part import Component
from hardcase_agent.sensors.arrays import words
from hardcase_agent.sensors.arrays.model import Disk, MemberState, Report, Volume

_CONTROLLER = re.compile(r"Read configuration has been initiated for controller (\d{1,3})")
_VOLUME = re.compile(r"IR volume (\d{1,4})", re.IGNORECASE)
_DEVICE = re.compile(r"Device is an? (.*)")
_FACT = re.compile(r"(.{1,60}?)\s*:\s(.*)")
_ADAPTER = re.compile(r"(\d{1,3})\s+(\S{1,40})\s+([0-9a-f]{1,4})h\s+([0-9a-f]{1,4})h\s+(\S{1,30})\s.*", re.IGNORECASE)


class _Parser:
    def __init__(self, report: Report) -> None:
        self.report = report
        self.key = "c0"
        self.volume: Volume | None = None
        self.facts: dict[str, str] = {}
        self.device = ""
        self.line = 0

    def read(self, line: str, number: int) -> None:
        said = words.squeeze(line)
        controller, volume, device = _CONTROLLER.match(said), _VOLUME.fullmatch(said), _DEVICE.match(said)
        if (
            controller
            or volume
            or device
            or said.lower().endswith("information")
            or said.startswith(("SAS2IRCU", "SAS3"))
        ):
            self.finish()
            self.line = number
            self.volume, self.device = None, ""
        if controller:
            self.key = f"c{controller[1]}"
            self.report.controller(self.key)
        elif volume:
            self.volume = self.report.volume(self.key, f"volume {volume[1]}")
        elif device:
            self.device = device[1].lower()
        else:
            self._fact(said, number)

    def _fact(self, said: str, number: int) -> None:
        adapter = _ADAPTER.fullmatch(said)
        fact = _FACT.fullmatch(said)
        if adapter is not None:
            controller = self.report.controller(f"c{adapter[1]}")
            controller.model, controller.slot = adapter[2], f"PCI {adapter[5]}"
        elif fact is not None and self.volume is not None:
            self._volume_fact(self.volume, fact[1].lower(), fact[2].strip(), number)
        elif fact is not None and self.device:
            self.facts[fact[1].lower()] = fact[2].strip()
        elif fact is not None and fact[1] == "Controller type":
            self.report.controller(self.key).model = words.told(fact[2])
        elif fact is not None and fact[1] == "Firmware version":
            self.report.controller(self.key).firmware = words.told(fact[2])

    def _volume_fact(self, volume: Volume, key: str, value: str, number: int) -> None:
        if key in ("status of volume", "volume state"):
            known = words.look_up(words.VOLUME, value)
            if known is None:
                volume.word = value
                self.report.unknown(f"state of {volume.key}", value, f"line {number}")
            else:
                volume.state = frozenset(known)
        elif key == "raid level":
            volume.level = value
        elif key == "volume wwid":
            volume.serial = value
        elif key.startswith("phy["):
            volume.members.append(value)
        elif "%" in value or key.startswith("percentage"):
            volume.progress = words.percent(value if "%" in value else f"{value}%")

    def finish(self) -> None:
        """A device's lines are complete: only now its place is known."""
        facts, self.facts = self.facts, {}
        if not facts:
            return
        place = f"{facts.get('enclosure #', '')}:{facts.get('slot #', '')}"
        if "hard disk" in self.device or facts.get("drive type") or "solid state" in self.device:
            self._disk(place, facts)
        elif "enclosure" in self.device:
            element = self.report.element(self.key, Component.BACKPLANE, place.partition(":")[0])
            element.name = f"enclosure {element.key}"
            element.model = words.disk_model(facts.get("manufacturer"), facts.get("model number"))
            element.serial = words.serial(facts.get("serial no"))

    def _disk(self, place: str, facts: dict[str, str]) -> None:
        state = facts.get("state", "")
        known = words.look_up(words.MEMBER, state)
        serial = words.serial(facts.get("serial no"))
        if known == (MemberState.MISSING,) and place in ("0:0", ":") and not serial:
            # The utility prints enclosure 0, slot 0 for a member that is nowhere.
            place = f"missing {self.line}"
        disk = self.report.disk(self.key, place)
        disk.slot = place if ":" in place else "slot unknown"
        _identify(disk, facts, serial)
        if known is None:
            disk.word = state
            self.report.unknown(f"state of disk {place}", state, f"line {self.line}")
        else:
            disk.state = frozenset(known)


def _identify(disk: Disk, facts: dict[str, str], serial: str) -> None:
    disk.model = words.disk_model(facts.get("manufacturer"), facts.get("model number"))
    disk.serial = serial
    disk.firmware = words.told(facts.get("firmware revision"))
    disk.wwn = words.wwn(facts.get("guid"))


def parse_text(lines: Sequence[str], report: Report, first: int) -> None:
    """`first`: number of the first line, for messages."""
    parser = _Parser(report)
    for offset, line in enumerate(lines):
        parser.read(line, first + offset)
    parser.finish()
    for volume in report.volumes.values():
        for key in volume.members:
            disk = report.disks.get((volume.controller, key))
            # Firmware tells of a member of a volume that it is ready, as of a disk that belongs to none.
            if disk is not None and disk.state == frozenset({MemberState.UNCONFIGURED}):
                disk.state = frozenset({MemberState.ONLINE})
