"""Gives memory back that only start-up needed. Called by `server.py` and by the agent (`app.py`) after their first
work, and now and then.

The agent's libraries map about 28 MB of code, of which most pages are touched once, at import. They are clean copies of
files: the kernel may forget them and reads them again if they are ever needed.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterable, Iterator

MADV_RANDOM, MADV_DONTNEED = 1, 4
"""Linux, asm-generic/mman-common.h. With the first a page that is needed again is read without its neighbours."""


def give_back() -> bool:
    """Whether it could: never raises, a C library without these calls just keeps what it has."""
    gc.collect()
    try:
        library = ctypes.CDLL(None, use_errno=True)
        madvise = library.madvise
        madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        with open("/proc/self/smaps") as lines:
            found = list(clean_file_ranges(lines))
        for start, end in found:
            madvise(start, end - start, MADV_DONTNEED)
            madvise(start, end - start, MADV_RANDOM)
        library.malloc_trim(0)
    except (OSError, AttributeError):
        return False
    return True


def clean_file_ranges(smaps: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Mappings of files that nobody wrote to: not writable, and without a single page of their own. Relocated tables
    are read-only too, but have such pages; forgetting those would lose the relocations."""
    current: tuple[int, int] | None = None
    for line in smaps:
        fields = line.split()
        if "-" in fields[0] and not fields[0].endswith(":"):
            start, end = (int(text, 16) for text in fields[0].split("-"))
            plain = len(fields) >= 6 and fields[5].startswith("/") and "w" not in fields[1] and fields[1].endswith("p")
            current = (start, end) if plain else None
        elif fields[0] == "Anonymous:" and current is not None:
            if fields[1] == "0":
                yield current
            current = None
