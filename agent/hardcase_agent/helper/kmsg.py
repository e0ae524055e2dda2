"""The kernel's ring from a record's number on: `table.py`'s entry `kernel-log`, and by hand
`python -m hardcase_agent.helper.kmsg FIRST`.

Reading never waits. A reader of its own beginning sees the whole ring (Documentation/ABI/testing/dev-kmsg), and one
that goes on where it was costs nothing; what was overwritten meanwhile is skipped. Only the kernel's own records pass.
"""

from __future__ import annotations

import errno
import os
import sys

DEVICE = "/dev/kmsg"
LIMIT = 1 << 20
"""Bytes told at most; the rest is asked for the next time. A ring has 256 kB to 2 MB."""
RECORD = 8192
"""A record is at most this long, the kernel says; a shorter buffer would get EINVAL."""
RECORDS = 200_000
"""Read at most: a kernel that logs faster than it is read must not hold the reader."""
_OVERTAKEN = 100
"""Times in a row that the kernel may overtake the reader."""
_DENIED, _FAILED = 2, 1


class KernelLog:
    """Keeps its reader between calls: asked for what follows the last answer, it goes on there."""

    __slots__ = ("_device", "_fd", "_follows")

    def __init__(self, device: str = DEVICE) -> None:
        self._device = device
        self._fd = -1
        self._follows = -1
        """What has to be asked for to go on with the open reader."""

    def read(self, first: int) -> tuple[int, bytes, bytes]:
        """Status (0, 1 failed, 2 no right), the lines, and the reason of a failure."""
        try:
            if first != self._follows:
                self.close()
                self._fd = os.open(self._device, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            return 0, self._lines(first), b""
        except OSError as error:
            self.close()
            status = _DENIED if isinstance(error, PermissionError) else _FAILED
            return status, b"", f"{self._device}: {error.strerror}\n".encode()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = self._follows = -1

    def _lines(self, first: int) -> bytes:
        """Raises OSError."""
        lines = bytearray()
        self._follows = first
        for _ in range(RECORDS):
            record = self._record()
            if not record:
                break
            line = of_kernel(record, first)
            if len(lines) + len(line) > LIMIT:
                self.close()  # this record was taken and not told: the next call begins anew
                break
            if line:
                lines += line
                self._follows = int(line.split(b",", 2)[1]) + 1
        return bytes(lines)

    def _record(self) -> bytes:
        """b"" at the end of the ring. Raises OSError."""
        for _ in range(_OVERTAKEN):
            try:
                return os.read(self._fd, RECORD)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.EPIPE:  # overwritten before it was read: the next one is the oldest there is
                    raise
        return b""


def of_kernel(record: bytes, first: int) -> bytes:
    """The record's line without its dictionary; b"" for one of a process, an older one, and what is no record."""
    fields = record.partition(b";")[0].split(b",")
    if len(fields) < 3 or not fields[0].isdigit() or not fields[1].isdigit():
        return b""
    if int(fields[0]) >> 3 or int(fields[1]) < first:
        return b""
    return record.partition(b"\n")[0] + b"\n"


def main() -> int:
    first = int(sys.argv[1]) if len(sys.argv) == 2 and sys.argv[1].isdigit() else 0
    status, lines, reason = KernelLog().read(first)
    sys.stdout.buffer.write(lines)
    sys.stderr.buffer.write(reason)
    return status


if __name__ == "__main__":
    sys.exit(main())
