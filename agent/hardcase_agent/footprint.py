"""What start-up leaves in the kernel's memory of files, and how to be rid of it. Called once by `app.py`, after the
first sweeps; memory of the process itself is given back by `helper/memory.py`.
"""

from __future__ import annotations

import contextlib
import os
import sys


def forget_files() -> int:
    """Lets the kernel's copies go of what this process read and mapped at its start. Returns of how many files.

    A service manager counts them as the memory of whoever read them first: 34 MB after a start of the machine, most of
    it touched once. To be called after `give_back`, which unmaps them. What another process maps stays; what is needed
    is read again. Only for a program with a virtual environment of its own: else its files are everybody's.
    """
    if sys.prefix == sys.base_prefix:
        return 0
    forgotten = 0
    for path in _files_read():
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                forgotten += 1
            finally:
                os.close(descriptor)
    return forgotten


def _files_read() -> set[str]:
    """What modules were loaded from, and every file that is mapped."""
    found = {
        path
        for module in list(sys.modules.values())
        for name in ("__cached__", "__file__")
        if isinstance(path := getattr(module, name, None), str)
    }
    with contextlib.suppress(OSError), open("/proc/self/maps") as lines:
        found.update(line.split(maxsplit=5)[5].rstrip("\n") for line in lines if " /" in line)
    return found
