"""cciss_vol_status: what Smart Array controllers say of their volumes, drives, enclosures and caches. Pure.

Prints sentences, and names a lost drive only with `-V`. Source: cciss_vol_status(8).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from hardcase_agent.domain.part import Component
from hardcase_agent.sensors.arrays import words
from hardcase_agent.sensors.arrays.hp import note_backup_power, set_disk_state, set_volume_state
from hardcase_agent.sensors.arrays.model import LOST, Health, MemberState, Report, Volume

_VOLUME = re.compile(r"(/dev/\S{1,40}):\s+\((?P<model>[^)]{1,60})\)\s+(?P<what>.*?)\s+status:\s+(?P<status>.*)")
_LOST = re.compile(r"Total of (\d{1,3}) failed physical drives detected on this logical drive\.?")
_DRIVE = re.compile(r"connector (\S{1,6}) box (\d{1,4}) bay (\d{1,4})\s+(.*)")
_CACHE = re.compile(r"Write [Cc]ache (temporarily|permanently) disabled.*|(Temporary|Permanent) disable condition: .*")
_FAILED_DRIVES = re.compile(r"Failed drives:")
_WHY = re.compile(r".*\b(?:battery|batteries|capacitor)\b.{0,80}\.", re.IGNORECASE)
OPENER = "|".join((r"/dev/\S{1,40}: \(.{1,60}\) .* status: .*", *(one.pattern for one in (_LOST, _DRIVE, _CACHE))))
_VERDICT = frozenset({"OK", "INQUIRY", "FAILED", "S.M.A.R.T", "SMART", "Predictive", "PREDICTIVE", "UNKNOWN"})
"""First words of what is said of a drive."""


class _Parser:
    def __init__(self, report: Report) -> None:
        self.report = report
        self.controller = "slot 0"
        self.volume: Volume | None = None
        self.line = 0
        self.lost: tuple[Volume, str] | None = None
        """A volume that has lost a member, as its controller says without naming it."""
        self.among_failed = False
        """Below "Failed drives:" lines name a drive and nothing of its state."""
        self.why = False
        """Below "disable condition" the sentence goes on in further lines."""

    def read(self, line: str, number: int) -> None:
        self.line = number
        said = words.squeeze(line)
        for pattern, reader in _READERS:
            found = pattern.fullmatch(said)
            if found is not None:
                reader(self, found)
                return

    def _told(self, found: re.Match[str]) -> None:
        """ "/dev/sda: (Smart Array P410i) RAID 1 Volume 0 status: OK. At least one spare drive designated." """
        self.controller = found[1]
        self.among_failed = self.why = False
        controller = self.report.controller(self.controller)
        controller.model, controller.slot = found["model"], found[1]
        status, _, notes = found["status"].partition(".")
        number = re.search(r"[Vv]olume (\d{1,4})", found["what"])
        if found["what"].startswith("Enclosure"):
            self._enclosure(found["what"], found["status"])
        elif number:
            volume = self.report.volume(self.controller, f"LD {number[1]}")
            volume.level = found["what"].partition(" Volume")[0]
            set_volume_state(self.report, volume, status, self.line)
            if "activated on-line spare" in notes:
                # The array is whole, and is so because a spare stands in for a member that failed.
                self.lost = (volume, "a spare stands in for it")
            self.volume = volume

    def _enclosure(self, what: str, status: str) -> None:
        """Says "OK", or in a sentence each what is wrong with it."""
        name = what.partition(" (S/N")[0]
        for word, component in (("fan", Component.FAN), ("power", Component.PSU), ("temperature", Component.THERMAL)):
            if word in status.lower():
                element = self.report.element(self.controller, component, what)
                element.name, element.health = f"{name} {word}", Health.FAILED
        if status.strip(" .").upper() == "OK":
            element = self.report.element(self.controller, Component.BACKPLANE, what)
            element.name, element.health = name, Health.OK

    def _lost(self, found: re.Match[str]) -> None:
        self.among_failed = False
        if self.volume is not None and int(found[1]):
            self.lost = (self.volume, "the controller counts it as failed")

    def _drive(self, found: re.Match[str]) -> None:
        """ "connector 1I box 1 bay 3   HP DG0146FARVU PTVN1234 HPD6 OK" """
        disk = self.report.disk(self.controller, f"{found[1]}:{found[2]}:{found[3]}")
        disk.slot = disk.key
        cells = found[4].split()
        end = next((index for index, cell in enumerate(cells) if cell.rstrip(".") in _VERDICT), len(cells))
        verdict = " ".join(cells[end:]) or ("failed" if self.among_failed else "")
        if end >= 4:
            disk.model = words.disk_model(cells[0], " ".join(cells[1 : end - 2]))
            disk.serial, disk.firmware = words.serial(cells[end - 2]), cells[end - 1]
        set_disk_state(self.report, disk, verdict, [], self.line)

    def _cache_note(self, found: re.Match[str]) -> None:
        controller = self.report.controller(self.controller)
        controller.cache = Health.FAILED if "permanent" in found[0].lower() else Health.DEGRADED
        note_backup_power(self.report, self.controller, found[0])
        self.why = True

    def _reason(self, found: re.Match[str]) -> None:
        if self.why:
            note_backup_power(self.report, self.controller, found[0])

    def _failed_drives(self, found: re.Match[str]) -> None:
        self.among_failed = True

    def finish(self) -> None:
        """A lost member that no line names is told all the same: by elimination it can be found."""
        if self.lost is None:
            return
        volume, why = self.lost
        if any(
            disk.controller == self.controller and disk.state and disk.state & LOST
            for disk in self.report.disks.values()
        ):
            return
        disk = self.report.disk(self.controller, f"lost of {volume.key}")
        disk.slot = f"slot unknown ({volume.key}: {why})"
        disk.state = frozenset({MemberState.FAILED})
        volume.members.append(disk.key)


_READERS: tuple[tuple[re.Pattern[str], Callable[[_Parser, re.Match[str]], None]], ...] = (
    (_VOLUME, _Parser._told),
    (_LOST, _Parser._lost),
    (_DRIVE, _Parser._drive),
    (_CACHE, _Parser._cache_note),
    (_FAILED_DRIVES, _Parser._failed_drives),
    (_WHY, _Parser._reason),
)


def parse_text(lines: Sequence[str], report: Report, first: int) -> None:
    """`first`: number of the first line, for messages."""
    parser = _Parser(report)
    for offset, line in enumerate(lines):
        parser.read(line, first + offset)
    parser.finish()
