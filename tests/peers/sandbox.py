"""`python -m tests.peers.sandbox UNIT FOLDER -- PROGRAM ...`: runs a program as its systemd unit confines it, where no
systemd runs: the unit's list of system calls, address families, no writable code, no capability beyond the unit's, a
root that cannot be written but for FOLDER, /dev with nothing in it, and of /proc what ProcSubset= leaves.

Needs root and libseccomp2 (systemd depends on it). Name spaces of users and cgroups of devices are not imitated; the
guest has those. Used by test_units_run.py.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_LIBRARY = "libseccomp.so.2"
_ALLOW = 0x7FFF0000
_EPERM = 0x00050000 | 1
_PROT_WRITE, _PROT_EXEC = 2, 4
_MASKED_EQ = 7
_NEWNS = 0x00020000
_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
_NO_NEW_PRIVS, _CAPBSET_READ, _CAPBSET_DROP, _CAP_AMBIENT = 38, 23, 24, 47
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}
_CAPABILITIES = {"CAP_DAC_READ_SEARCH": 2, "CAP_SYS_RAWIO": 17, "CAP_SYS_ADMIN": 21, "CAP_SYSLOG": 34}


class _Compare(ctypes.Structure):
    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


def settings(unit: Path) -> dict[str, list[str]]:
    """Of the unit's file: each key's values in order, with continued lines joined."""
    found: dict[str, list[str]] = {}
    text = unit.read_text(encoding="utf-8").replace("\\\n", " ")
    for key, value in re.findall(r"^([A-Za-z]+)=(.*)$", text, re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


def allowed_calls(filters: Sequence[str]) -> set[str]:
    """The first line is the list, the others add or, with ~, take away; as systemd.exec(5) says."""
    calls: set[str] = set(_members("@default"))
    for line in filters:
        taken = line.startswith("~")
        for word in line.removeprefix("~").split():
            calls = calls - _members(word) if taken else calls | _members(word)
    return calls


def _members(word: str) -> set[str]:
    if not word.startswith("@"):
        return {word}
    listed = subprocess.run(
        ["systemd-analyze", "syscall-filter", word], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    found: set[str] = set()
    for line in listed.splitlines()[1:]:
        name = line.strip()
        if name and not name.startswith("#"):
            found |= _members(name)
    return found


def confine(unit: Path, folder: Path) -> None:
    """This process, until its end and for all its children. Raises OSError."""
    found = settings(unit)
    library = ctypes.CDLL(None, use_errno=True)
    _mounts(library, folder, found)
    _capabilities(library, found["CapabilityBoundingSet"][0].split())
    _check(library.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    os.umask(int(found["UMask"][0], 8))
    _filter(found)


def _mounts(library: ctypes.CDLL, folder: Path, found: Mapping[str, Sequence[str]]) -> None:
    def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
        words = (source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode())
        _check(library.mount(*words), f"mount {target}")

    _check(library.unshare(_NEWNS), "unshare")
    mount("none", "/", "", _MS_REC | _MS_PRIVATE)
    place = str(folder)
    mount(place, place, "", _MS_BIND)
    if found.get("ProcSubset") == ["pid"]:
        mount("proc", "/proc", "proc", 0, "subset=pid,hidepid=invisible")
    if found.get("PrivateDevices") == ["yes"]:
        aside = folder / "dev"
        aside.mkdir(exist_ok=True)
        for name in _DEVICES:
            (aside / name).touch()
            mount(f"/dev/{name}", str(aside / name), "", _MS_BIND)
        (aside / "shm").mkdir(exist_ok=True)
        mount("shm", str(aside / "shm"), "tmpfs", 0)
        mount(str(aside), "/dev", "", _MS_BIND | _MS_REC)
    for point in sorted({line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}):
        inside = point == place or point.startswith((f"{place}/", "/dev/", "/proc/")) or point in ("/dev", "/proc")
        if not inside and os.path.isdir(point):
            mount("none", point, "", _MS_REMOUNT | _MS_BIND | _MS_RDONLY)


def _capabilities(library: ctypes.CDLL, kept: Sequence[str]) -> None:
    numbers = {_CAPABILITIES[name] for name in kept}
    for number in range(64):
        if number not in numbers and library.prctl(_CAPBSET_READ, number, 0, 0, 0) == 1:
            _check(library.prctl(_CAPBSET_DROP, number, 0, 0, 0), f"drop capability {number}")


def _filter(found: Mapping[str, Sequence[str]]) -> None:
    seccomp = ctypes.CDLL(_LIBRARY, use_errno=True)
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(_EPERM)))

    def rule(name: str, *compared: _Compare) -> None:
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            array = (_Compare * max(1, len(compared)))(*compared)
            seccomp.seccomp_rule_add_array(context, ctypes.c_uint32(_ALLOW), number, len(compared), array)

    calls = allowed_calls(found["SystemCallFilter"])
    for name in calls - {"socket", "mmap", "mprotect", "pkey_mprotect"}:
        rule(name)
    for family in found["RestrictAddressFamilies"][0].split():
        rule("socket", _Compare(0, 4, _FAMILIES[family], 0))  # SCMP_CMP_EQ
    # MemoryDenyWriteExecute=: nothing mapped writable and executable, nothing made executable afterwards.
    both = _PROT_WRITE | _PROT_EXEC
    for lacking in (0, _PROT_WRITE, _PROT_EXEC):
        rule("mmap", _Compare(2, _MASKED_EQ, both, lacking))
    for name in ("mprotect", "pkey_mprotect"):
        rule(name, _Compare(2, _MASKED_EQ, _PROT_EXEC, 0))
    _check(seccomp.seccomp_load(context), "the filter of system calls")


def _check(status: int, what: str) -> None:
    if status != 0:
        number = ctypes.get_errno() or -status
        raise OSError(number, f"{what}: {os.strerror(number)}")


def main() -> None:
    unit, folder, _, *program = sys.argv[1:]
    # What is looked up by name is looked up before the root cannot be left any more.
    confine(Path(unit), Path(folder))
    os.execv(program[0], program)


if __name__ == "__main__":
    main()
