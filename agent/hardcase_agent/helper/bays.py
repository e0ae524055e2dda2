"""Lamps of drive bays: which bay is meant, and that every lamp that was lit goes out again.

A bay is the disk in it ("/dev/sda") or enclosure and bay as class/enclosure in sysfs names them ("0:0:8:0/Slot 01"),
which also finds an empty one (Documentation/ABI/testing/sysfs-class-enclosure). A disk in a bay without SES has a lamp
that `ledctl` may reach; the process is `server.py`'s matter, its end is remembered here. What may be said: `table.py`.
What is lit stands in a file, so that a helper that was killed puts it out when it is back.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable

from hardcase_agent.domain.errors import AccessDenied, AgentError, DeviceAbsent, DeviceBusy, DeviceFailed

LONGEST_S = 3600
"""Seconds one request may light a lamp: the walk to the machine. Who needs it longer asks again."""
LIT_AT_ONCE = 64
"""Lamps: more than a row of them finds nothing."""
_AGAIN_S = 60.0
"""A lamp that could not be put out is tried again after this."""
_LINKED = "enclosure_device:"
_LEDCTL = "ledctl "
"""Before a disk's path: its lamp is no file."""


class Bays:
    """Not told the time: `now` is CLOCK_BOOTTIME in seconds, which goes on over a restart of this process."""

    def __init__(self, *, sysfs: str = "/sys", kept: str = "") -> None:
        """`kept`: the file of what is lit; "" = in memory only. `put_out`: how a disk's lamp goes out by ledctl."""
        self.put_out: Callable[[str], None] | None = None
        self._root = os.path.join(sysfs, "class", "enclosure")
        self._blocks = os.path.join(sysfs, "class", "block")
        self._kept = kept
        self._lit: dict[str, float] = self._load()

    @property
    def lit(self) -> tuple[str, ...]:
        return tuple(self._lit)

    def light(self, bay: str, seconds: int, now: float) -> None:
        """0 seconds = put it out. Raises DeviceAbsent, AccessDenied, DeviceBusy, DeviceFailed."""
        lamp = self._lamp_of(bay)
        if seconds == 0:
            _write(lamp, b"0")
            self._forget(lamp)
            return
        burned = lamp in self._lit
        self._remember(lamp, now + min(seconds, LONGEST_S))
        try:
            _write(lamp, b"1")
        except AgentError:
            if not burned:
                self._forget(lamp)
            raise

    def lit_by_ledctl(self, disk: str, seconds: int, now: float) -> None:
        """Before `ledctl` is begun. Raises DeviceBusy, DeviceFailed."""
        if seconds:
            self._remember(_LEDCTL + disk, now + min(seconds, LONGEST_S))
        else:
            self._forget(_LEDCTL + disk)

    def tick(self, now: float) -> list[str]:
        """Puts out what has been lit long enough; lines for the log. Raises nothing."""
        lines = []
        for lamp in [lamp for lamp, until in self._lit.items() if now >= until]:
            if lamp.startswith(_LEDCTL):
                if self.put_out is not None:
                    self._forget(lamp)
                    self.put_out(lamp.removeprefix(_LEDCTL))
                continue
            try:
                _write(lamp, b"0")
            except DeviceAbsent:
                lines.append(f"{lamp} went away while it was lit")
            except AgentError as error:
                lines.append(f"a lamp could not be put out: {error}")
                self._lit[lamp] = now + _AGAIN_S
                continue
            self._forget(lamp)
        return lines

    def next_deadline(self) -> float | None:
        return min(self._lit.values(), default=None)

    def put_all_out(self) -> None:
        """At the end of this process. What fails is tried again by the next one, from the file."""
        for lamp in self._lit:
            self._lit[lamp] = 0.0
        self.put_out = None  # there is no time left to wait for a process
        self.tick(0.0)
        with contextlib.suppress(DeviceFailed):
            self._save()

    def _lamp_of(self, bay: str) -> str:
        folder = (
            self._of_disk(os.path.basename(bay)) if bay.startswith("/") else self._of_names(*bay.partition("/")[::2])
        )
        # One name for one lamp, whichever way it was named.
        lamp = os.path.join(os.path.realpath(folder), "locate")
        if not os.path.exists(lamp):
            raise DeviceAbsent(f"{bay}: this bay has no lamp that the kernel knows")
        return lamp

    def _of_names(self, enclosure: str, slot: str) -> str:
        # Compared with what is there, so that no name of the asker's ever becomes part of a path.
        for name in _listed(self._root):
            if name == enclosure:
                for one in _listed(os.path.join(self._root, name)):
                    if one == slot:
                        return os.path.join(self._root, name, one)
        raise DeviceAbsent(f"{enclosure}/{slot}: no such bay in {self._root}")

    def _of_disk(self, disk: str) -> str:
        device = os.path.join(self._blocks, disk, "device")
        for name in _listed(device):
            if name.startswith(_LINKED):
                return os.path.join(device, name)
        raise DeviceAbsent(f"/dev/{disk}: the kernel knows of no enclosure (SES) that holds it")

    def _remember(self, lamp: str, until: float) -> None:
        """Written down before it is lit: killed in between, a dark lamp is put out once more, and none stays lit."""
        before = self._lit.get(lamp)
        if before is None and len(self._lit) >= LIT_AT_ONCE:
            raise DeviceBusy(f"{LIT_AT_ONCE} lamps are lit")
        self._lit[lamp] = until
        try:
            self._save()
        except DeviceFailed:
            del self._lit[lamp]
            if before is not None:
                self._lit[lamp] = before  # it burns, and still goes out
            raise

    def _forget(self, lamp: str) -> None:
        self._lit.pop(lamp, None)
        with contextlib.suppress(DeviceFailed):  # a line too many only puts a dark lamp out
            self._save()

    def _load(self) -> dict[str, float]:
        """What another life of this process left lit; only what is a lamp."""
        lit: dict[str, float] = {}
        try:
            with open(self._kept, encoding="utf-8") as file:
                for line in file.read(1 << 16).splitlines()[:LIT_AT_ONCE]:
                    until, _, lamp = line.partition(" ")
                    if (lamp.endswith("/locate") or lamp.startswith(_LEDCTL)) and until.isdigit():
                        lit[lamp] = float(until)
        except (OSError, UnicodeDecodeError):
            return {}
        return lit

    def _save(self) -> None:
        if not self._kept:
            return
        lines = "".join(f"{int(until)} {lamp}\n" for lamp, until in self._lit.items())
        try:
            with open(f"{self._kept}.new", "w", encoding="utf-8") as file:
                file.write(lines)
            os.replace(f"{self._kept}.new", self._kept)
        except OSError as error:
            raise DeviceFailed(f"{self._kept}: {error.strerror}") from error


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _write(lamp: str, value: bytes) -> None:
    try:
        fd = os.open(lamp, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, value)
        finally:
            os.close(fd)
    except FileNotFoundError as error:
        raise DeviceAbsent(f"{lamp}: {error.strerror}") from error
    except OSError as error:
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            cure = "let the helper write it: agent/README.md, section The helper"
            raise AccessDenied(f"{lamp}: {error.strerror}; {cure}") from error
        raise DeviceFailed(f"{lamp}: {error.strerror}") from error
