"""Where the examination looks: the root of its files, and the user whose rights count. And the lines it tells."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.part import Component

SMALL = 1 << 16
"""Bytes read of a file of the kernel or of systemd at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user with the groups that its processes have."""

    name: str
    uid: int
    gids: frozenset[int] = frozenset()

    def may(self, status: os.stat_result, *, write: bool) -> bool:
        """By owner, group and mode, as open(2) decides for who has no capability."""
        if self.uid == 0:
            return True
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid in self.gids else 0
        wanted = 0o6 if write else 0o4
        return (status.st_mode >> shift) & wanted == wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    root: Path = Path("/")
    """Of /dev, /proc, /sys, /run, /etc and /usr."""
    uid: int = field(default_factory=os.geteuid)
    """Who runs doctor."""

    def at(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def text(self, path: str) -> str:
        """ "" where it cannot be read."""
        try:
            with self.at(path).open("rb") as file:
                return file.read(SMALL).decode("utf-8", "replace")
        except OSError:
            return ""

    def there(self, path: str) -> bool:
        return os.path.lexists(self.at(path))

    def account(self, name: str, *groups: str) -> Account | None:
        """From /etc/passwd and /etc/group: a service's user is made there. None = there is no such user."""
        for line in self.text("/etc/passwd").splitlines():
            fields = line.split(":")
            if len(fields) >= 4 and fields[0] == name and fields[2].isdigit() and fields[3].isdigit():
                return Account(name=name, uid=int(fields[2]), gids=self._groups(name, groups) | {int(fields[3])})
        return None

    def _groups(self, user: str, besides: Sequence[str]) -> frozenset[int]:
        found = set()
        for line in self.text("/etc/group").splitlines():
            fields = line.split(":")
            if len(fields) >= 4 and fields[2].isdigit() and (fields[0] in besides or user in fields[3].split(",")):
                found.add(int(fields[2]))
        return frozenset(found)

    def owner(self, status: os.stat_result) -> str:
        """ "root:disk 0660"."""
        user = self._name("/etc/passwd", status.st_uid)
        group = self._name("/etc/group", status.st_gid)
        return f"{user}:{group} {stat.S_IMODE(status.st_mode):04o}"

    def _name(self, path: str, number: int) -> str:
        for line in self.text(path).splitlines():
            fields = line.split(":")
            if len(fields) >= 3 and fields[2] == str(number):
                return fields[0]
        return str(number)


def good(reason: str) -> CoverageLine:
    return CoverageLine(component=Component.AGENT, status=CoverageStatus.WATCHED, reason=reason)


def hint(reason: str, cure: str) -> CoverageLine:
    """Something to know or to do, without which all is watched all the same: no reason for exit status 1."""
    return CoverageLine(component=Component.AGENT, status=CoverageStatus.WATCHED, reason=reason, cure=cure)


def bad(reason: str, cure: str, component: Component = Component.AGENT) -> CoverageLine:
    return CoverageLine(component=component, status=CoverageStatus.UNREADABLE, reason=reason, cure=cure)


def absent(reason: str, component: Component) -> CoverageLine:
    return CoverageLine(component=component, status=CoverageStatus.NOT_PRESENT, reason=reason)
