"""Ports of loopback for programs that are told theirs before they start: the stage's, the simulated BMC's, the tests'.

A port that the kernel gives and that is let go of may be the next outgoing connection's, or the next asker's. These are
below the range that the kernel gives from, in blocks that one process claims for its life; and none is given twice.
"""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

_FIRST, _BLOCK = 10_000, 64
_ENOUGH = 4096
"""Ports; with fewer below the kernel's range, those above it are better, if they are enough."""
_LOCK = threading.Lock()


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """One that nobody is bound to on 127.0.0.1. Raises OSError where all are claimed or taken."""
    with _LOCK:
        for port in _CLAIMED:
            if _is_free(port, kind):
                return port
    raise OSError("no free port of loopback is left: end the programs that hold them")


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _claimed() -> Iterator[int]:
    given = given_by_the_kernel()
    blocks = [range(at, at + _BLOCK) for at in range(_FIRST, given.start - _BLOCK, _BLOCK)]
    if len(blocks) * _BLOCK < _ENOUGH:
        above = [range(at, at + _BLOCK) for at in range(given.stop, 65_536 - _BLOCK, _BLOCK)]
        # On a machine whose range is everything, at least no other asker has them.
        blocks = above if len(above) * _BLOCK >= _ENOUGH else [*blocks, *_blocks_within(given)]
    secrets.SystemRandom().shuffle(blocks)
    for block in blocks:
        if _claim(block):
            yield from block


def _blocks_within(given: range) -> list[range]:
    first = max(_FIRST, given.start)
    return [range(at, at + _BLOCK) for at in range(first, given.stop - _BLOCK, _BLOCK)]


def _claim(block: range) -> bool:
    """By a name in the kernel, which is free again when this process ends, however it does."""
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        claim.bind(f"\0hardcase-ports-{block.start}")
    except OSError:
        claim.close()
        return False
    claim.detach()
    return True


def given_by_the_kernel() -> range:
    """Ports of outgoing connections, and of whoever binds to port 0."""
    first, last = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()
    return range(int(first), int(last) + 1)


_CLAIMED = _claimed()
