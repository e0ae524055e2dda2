"""The machine itself and what is the agent's own on it: container, clock, disk under the spool."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

from hardcase_agent.doctor.place import Place, bad, good, hint
from hardcase_agent.domain.event import CoverageLine

MIB = 1 << 20
SPARE_MIB = 64
"""Beyond what the spool may grow to: the file system is not the agent's alone."""
_UNSYNCHRONISED = 5
"""adjtimex(2): TIME_ERROR, the kernel's clock is not disciplined by anything."""
_TIMEX_BYTES = 256
_OLDEST_S = 1_767_225_600
"""2026-01-01: no machine that runs this software has an earlier date."""


def container_lines(place: Place) -> Iterator[CoverageLine]:
    kind = place.text("/run/systemd/container").strip()
    for path, name in (("/.dockerenv", "docker"), ("/run/.containerenv", "podman")):
        kind = kind or (name if place.there(path) else "")
    for word in place.text("/proc/1/environ").split("\0"):
        kind = kind or (word.removeprefix("container=") if word.startswith("container=") else "")
    if kind:
        why = f"this is a container ({kind}): it sees its own file system, not the machine's devices and units"
        yield bad(why, "install the package on the host itself")
    elif " hypervisor" in place.text("/proc/cpuinfo"):
        yield hint("this is a virtual machine: fans, supplies and often disks are its host's", "watch the host too")


def clock_lines(wall_s: float, synchronised: bool | None) -> Iterator[CoverageLine]:
    """`synchronised`: None where the kernel was not asked."""
    cure = "enable chrony or systemd-timesyncd, then: timedatectl"
    if wall_s < _OLDEST_S:
        yield bad("the clock is years behind: certificates are refused, and readings get wrong times", cure)
    elif synchronised is False:
        yield hint("nothing keeps the clock right: the kernel says that it is not synchronised", cure)
    elif synchronised:
        yield good("the clock is synchronised")


def clock_state() -> bool | None:
    """Asks the kernel; changes nothing (modes 0)."""
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _UNSYNCHRONISED


def disk_lines(state_dir: Path, max_mib: int) -> Iterator[CoverageLine]:
    """Also whether it can be written by who asks."""
    try:
        writable = os.access(state_dir, os.R_OK | os.W_OK | os.X_OK, effective_ids=True)
        os.stat(state_dir)
    except PermissionError:
        writable = False
    except OSError:
        cure = "install the package, or: systemd-tmpfiles --create hardcase-agent.conf"
        yield bad(f"{state_dir} does not exist", cure)
        return
    if not writable:
        yield bad(f"{state_dir} cannot be written by this user", "run as the agent's user or as root")
        return
    free = os.statvfs(state_dir)
    used = sum(path.stat().st_size for path in (state_dir / "spool").glob("*.seg"))
    left = free.f_bavail * free.f_frsize
    wanted = max(0, max_mib * MIB - used) + SPARE_MIB * MIB
    if left < wanted:
        why = f"{left // MIB} MiB are free under {state_dir}; the spool may want {wanted // MIB} more"
        yield bad(why, "free disk space, or lower spool.max_mib")
    elif free.f_files and free.f_favail == 0:
        yield bad(f"no inode is free under {state_dir}: the spool cannot make files", "remove files from there")
    else:
        yield good(f"the spool can be written in {state_dir}, {left // MIB} MiB are free")
