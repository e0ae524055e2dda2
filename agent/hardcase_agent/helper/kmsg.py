"""Prints the kernel's log from a sequence number on, and ends: `python -m hardcase_agent.helper.kmsg FIRST`.

Run by `table.py`'s entry `kernel-log`. A reader of its own beginning sees the whole ring (Documentation/ABI/testing/
dev-kmsg); what was overwritten while reading is skipped. Only the kernel's own records pass, not what processes wrote.
"""

from __future__ import annotations

import errno
import os
import sys

DEVICE = "/dev/kmsg"
LIMIT = 1 << 20
"""Bytes printed at most; the rest is asked for the next time. A ring has 256 kB to 2 MB."""
RECORD = 8192
"""A record is at most this long, the kernel says; a shorter buffer would get EINVAL."""
RECORDS = 200_000
"""Read at most: a kernel that logs faster than it is read must not hold the reader."""


def copy(source: int, target: int, first: int) -> int:
    """Copies records from number `first` on; how many were lost to overwriting while reading. Raises OSError."""
    lost = printed = 0
    for _ in range(RECORDS):
        try:
            record = os.read(source, RECORD)
        except BlockingIOError:
            break
        except OSError as error:
            if error.errno != errno.EPIPE:
                raise
            lost += 1
            continue
        if not record:
            break
        line = of_kernel(record, first)
        if line and printed + len(line) > LIMIT:
            break
        os.write(target, line)
        printed += len(line)
    return lost


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
    try:
        source = os.open(DEVICE, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        sys.stderr.write(f"{DEVICE}: {error.strerror}\n")
        return 2 if isinstance(error, PermissionError) else 1
    try:
        copy(source, 1, first)
    except OSError as error:
        sys.stderr.write(f"{DEVICE}: {error.strerror}\n")
        return 1
    finally:
        os.close(source)
    return 0


if __name__ == "__main__":
    sys.exit(main())
