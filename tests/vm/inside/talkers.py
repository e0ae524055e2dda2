"""In the guest: `talkers.py SECONDS` prints who holds an internet socket, in any network name space, as JSON lines.

Each line: the process's user number, its name, its service, and whether the socket is connected.
"""

import contextlib
import json
import os
import sys
import time

TABLES = ("tcp", "tcp6", "udp", "udp6", "udplite", "raw", "raw6", "icmp", "packet")
LOOKS_EVERY_S = 0.5


def inet_inodes(pid: str) -> "dict[str, bool]":
    """Sockets of the process's network name space: inode, and whether there is a peer."""
    found = {}
    for table in TABLES:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/net/{table}") as lines:
            next(lines, None)
            for line in lines:
                words = line.split()
                inode = words[-1] if table == "packet" else words[9]
                found[inode] = table != "packet" and set(words[2].rpartition(":")[0]) != {"0"}
    return found


def holders() -> "set[tuple[int, str, str, bool]]":
    spaces: dict[str, dict[str, bool]] = {}
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            space = os.readlink(f"/proc/{pid}/ns/net")
            if space not in spaces:
                spaces[space] = inet_inodes(pid)
            for fd in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    target = os.readlink(f"/proc/{pid}/fd/{fd}")
                    inode = target[8:-1] if target.startswith("socket:[") else ""
                    if inode in spaces[space]:
                        found.add((*who(pid), spaces[space][inode]))
    return found


def who(pid: str) -> "tuple[int, str, str]":
    with open(f"/proc/{pid}/comm") as comm, open(f"/proc/{pid}/cgroup") as cgroup:
        return os.stat(f"/proc/{pid}").st_uid, comm.read().strip(), cgroup.read().strip().rpartition("/")[2]


if __name__ == "__main__":
    until = time.monotonic() + float(sys.argv[1])
    everybody: "set[tuple[int, str, str, bool]]" = set()
    while time.monotonic() < until:
        everybody |= holders()
        time.sleep(LOOKS_EVERY_S)
    for one in sorted(everybody):
        print(json.dumps(one))
