"""The units as systemd reads them: which are there, and what a drop-in or an own copy changes of their confinement."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hardcase_agent.doctor.place import Place, bad, good, hint
from hardcase_agent.domain.event import CoverageLine

SHIPPED = "/usr/lib/systemd/system"
_OWN = ("/etc/systemd/system", "/run/systemd/system")
_DROP_INS = (*_OWN, SHIPPED)
_HARMLESS = re.compile(
    # What a site changes without opening anything: words, order, limits, restart, credentials, start-up options.
    r"Description|Documentation|Wants|Requires|After|Before|PartOf|WantedBy|StartLimit\w+|Type|ExecStart|ExecReload"
    r"|Restart\w*|Timeout\w+|WatchdogSec|\w*Credential\w*|Memory(Max|High)|CPU\w+|TasksMax|OOMScoreAdjust|Nice|Slice"
    r"|IO(Weight|SchedulingClass)|Limit\w+|StateDirectory\w*|RuntimeDirectory\w*|Syslog\w+|Standard\w+|LogLevelMax"
)
_OF_THE_HELPER = frozenset(("User", "Group", "ReadWritePaths", "ExecStartPre", "Environment", "EnvironmentFile"))
"""What agent/README.md itself tells to change, for the makers' tools and the lamps of bays."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Settings in the order systemd reads them, each with the file it stands in."""

    name: str
    shipped: str
    """The unit's own file; "" = there is none."""
    lines: tuple[tuple[str, str, str], ...]
    """File, key, value."""

    def last(self, key: str) -> str:
        values = [value for _, one, value in self.lines if one == key]
        return values[-1] if values else ""

    def words(self, key: str) -> tuple[str, ...]:
        return tuple(word for _, one, value in self.lines if one == key for word in value.split())


def read(place: Place, name: str) -> Unit:
    """A unit of /etc takes the place of the shipped one; drop-ins come behind, by their names."""
    homes = [home for home in (*_OWN, SHIPPED) if place.there(f"{home}/{name}")]
    lines = list(_settings(place, f"{homes[0]}/{name}")) if homes else []
    drop_ins: dict[str, str] = {}
    for home in reversed(_DROP_INS):
        folder = place.at(f"{home}/{name}.d")
        for path in sorted(folder.glob("*.conf")) if folder.is_dir() else ():
            drop_ins[path.name] = f"{home}/{name}.d/{path.name}"
    for _, drop_in in sorted(drop_ins.items()):
        lines += _settings(place, drop_in)
    return Unit(name, f"{homes[0]}/{name}" if homes else "", tuple(lines))


def _settings(place: Place, path: str) -> Iterator[tuple[str, str, str]]:
    text = re.sub(r"\\\n", " ", place.text(path))
    for key, value in re.findall(r"^([A-Za-z]+)\s*=\s*(.*?)\s*$", text, re.MULTILINE):
        yield path, key, value


def lines(place: Place) -> Iterator[CoverageLine]:
    for name in ("hardcase-agent.service", "hardcase-helper.service"):
        unit = read(place, name)
        if not unit.shipped:
            yield hint(f"{name} is not installed: started by hand, nothing confines it", "install the package")
            continue
        changes = list(_changes(place, unit))
        yield from changes
        if not changes:
            yield good(f"{name} is confined as it is shipped")


def _changes(place: Place, unit: Unit) -> Iterator[CoverageLine]:
    if not unit.shipped.startswith(SHIPPED):
        cure = f"remove it, and put what differs into a drop-in: systemctl edit {unit.name}"
        yield bad(f"{unit.shipped} takes the place of the shipped {unit.name}: later versions will not reach it", cure)
        return
    known = {(key, value) for path, key, value in unit.lines if path == unit.shipped}
    for path, key, value in unit.lines:
        if path == unit.shipped or _HARMLESS.fullmatch(key) or (key, value) in known:
            continue
        told = f"{unit.name}: {Path(path).name} sets {key}={value}"
        if unit.name == "hardcase-helper.service" and key in _OF_THE_HELPER:
            yield hint(told, "as agent/README.md allows; remove it where it is not needed any more")
        else:
            yield bad(f"{told}, which opens what the shipped unit closes", f"systemctl revert {unit.name}")
