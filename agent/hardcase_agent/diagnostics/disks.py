"""Which disk a request means: by model and serial number, never by the kernel's name. Used by the kinds."""

from __future__ import annotations

import re

from hardcase_agent.diagnostics.bench import Work, is_host
from hardcase_agent.domain.diagnostic import DiskDoor, KnownDisk
from hardcase_agent.domain.errors import DiagnosticRefused


def find_disk(work: Work) -> tuple[DiskDoor, KnownDisk]:
    """The disk of the argument `disk` ("MODEL SERIAL") and the source that reads it. Raises DiagnosticRefused."""
    wanted = work.argument("disk")
    if not wanted:
        raise DiagnosticRefused("the argument disk is missing: model and serial number")
    if not is_host(work.bench.host, work.asset):
        raise DiagnosticRefused("only disks of the agent's own host are reached")
    found = [
        (source, disk)
        for source in work.bench.sources()
        if isinstance(source, DiskDoor)
        for disk in source.known_disks()
        if _is(disk, wanted)
    ]
    if not found:
        raise DiagnosticRefused(f"no disk here is {wanted[:100]!r}, or it has not told its name yet")
    if len(found) > 1:
        raise DiagnosticRefused(f"{len(found)} disks here are {wanted[:100]!r}")
    return found[0]


def _is(disk: KnownDisk, wanted: str) -> bool:
    """Model and serial with whatever stands between them: people and programs write blanks, slashes, underscores."""
    part = disk.part
    return bool(part.serial) and _squeezed(wanted) == _squeezed(part.model + part.serial)


def _squeezed(text: str) -> str:
    return re.sub(r"[\s/_,:;|]+", "", text).lower()
