"""A smartctl (and dmidecode) that misbehaves as it is told, device by device: a folder of tools and device nodes.

`FakeSmartctl(folder)` writes the tool and, for each disk, a node (a link to /dev/null, so that it is a device) and a
file with what to do: print a text, sleep, flood, stop answering. It also writes down how it was called.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

_TOOL = r"""
import ctypes, os, sys, time
folder = {folder!r}
with open(folder + "/calls", "a") as calls:
    calls.write("\0".join(sys.argv[1:]) + "\n")
name = sys.argv[-1].rpartition("/")[2] if sys.argv[-1].startswith("/") else sys.argv[-1].lstrip("-")
print_from = folder + "/answers/" + name
told = print_from + ".behaviour"
behaviour = open(told).read().split() if os.path.exists(told) else ["print", "0"]
if behaviour[0] == "sleep":
    time.sleep(600)
elif behaviour[0] == "flood":
    block = b"x" * 65536
    while True:
        os.write(1, block)
elif behaviour[0] == "vfork":
    # The parent of a vfork waits in state D until its child ends.
    if ctypes.CDLL(None).vfork() == 0:
        time.sleep(600)
        os._exit(0)
elif behaviour[0] == "orphan":
    # Ends at once and leaves a process in its group that keeps the pipe open.
    if os.fork() == 0:
        time.sleep(600)
        os._exit(0)
    os.write(1, b"gone before its child")
    os._exit(0)
elif behaviour[0] == "unkillable":
    # The first process of a pid namespace cannot end before every other one of it was reaped, SIGKILL or not. The
    # holder, outside of the group, keeps one unreaped until a file appears.
    if os.fork() == 0:
        if ctypes.CDLL(None, use_errno=True).unshare(0x20000000) != 0:
            os.write(1, b"no namespaces")
            os._exit(9)
        if os.fork() == 0:
            time.sleep(600)
            os._exit(0)
        if os.fork() == 0:
            os._exit(0)
        os.setpgid(0, 0)
        with open(folder + "/holder", "w") as holder:
            holder.write(str(os.getpid()))
        for fd in (1, 2):
            os.close(fd)
        ends = time.monotonic() + 300
        while not os.path.exists(folder + "/release") and time.monotonic() < ends:
            time.sleep(0.02)
        os._exit(0)
    while not os.path.exists(folder + "/holder"):
        time.sleep(0.01)
    time.sleep(600)
if os.path.exists(print_from):
    sys.stdout.buffer.write(open(print_from, "rb").read())
if behaviour[0] == "signal":
    os.kill(os.getpid(), int(behaviour[1]))
sys.stdout.flush()
sys.stderr.write("said on stderr " + " ".join(sorted(os.environ)))
sys.exit(int(behaviour[1]))
"""


class FakeSmartctl:
    """`path` is the tool, `devices` the folder that stands for /dev."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "smartctl"
        self.devices = folder / "dev"
        self.devices.mkdir()
        (folder / "answers").mkdir()
        # -I -S: starts in a third of the time, and needs nothing of the environment.
        self.path.write_text(f"#!{sys.executable} -IS\n" + _TOOL.replace("{folder!r}", repr(str(folder))))
        self.path.chmod(0o755)

    @property
    def tools(self) -> dict[str, str]:
        return {"smartctl": str(self.path), "dmidecode": str(self.path)}

    def disk(self, name: str, answer: str | bytes = "", *, behaviour: str = "print", status: int = 0) -> str:
        """Adds or changes a disk; gives its path."""
        node = self.devices / name
        if not node.is_symlink():
            node.symlink_to("/dev/null")
        self.answer(name, answer, behaviour=behaviour, status=status)
        return str(node)

    def answer(self, name: str, answer: str | bytes, *, behaviour: str = "print", status: int = 0) -> None:
        """What is printed for a disk, or for "scan-open", "version" and the like."""
        text = answer.encode() if isinstance(answer, str) else answer
        (self.folder / "answers" / name).write_bytes(text)
        (self.folder / "answers" / f"{name}.behaviour").write_text(f"{behaviour} {status}")

    def calls(self) -> list[list[str]]:
        """Argument lists it was called with, in order."""
        path = self.folder / "calls"
        return [line.split("\0") for line in path.read_text().splitlines()] if path.exists() else []

    def release(self) -> None:
        """Lets what is "unkillable" go."""
        (self.folder / "release").touch()

    def processes(self) -> list[int]:
        """Of this tool, whatever its state; a process that has ended its life and cannot go yet counts."""
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    line = Path("/proc", entry, "cmdline").read_bytes()
                except OSError:
                    continue
                if str(self.path).encode() in line.split(b"\0"):
                    found.append(int(entry))
        return found


def can_make_unkillable() -> bool:
    """Whether this process may make pid namespaces."""
    pid = os.fork()
    if pid == 0:
        os._exit(0 if ctypes.CDLL(None).unshare(0x20000000) == 0 else 1)
    return os.waitpid(pid, 0)[1] == 0
