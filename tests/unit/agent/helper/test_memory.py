"""Which memory may be given back."""

from __future__ import annotations

from hardcase_agent.helper.memory import clean_file_ranges, give_back

SMAPS = """
1000-2000 r-xp 00000000 fe:00 1    /usr/lib/libx.so
Rss:                 100 kB
Anonymous:             0 kB
2000-3000 r--p 00000000 fe:00 1    /usr/lib/libx.so
Anonymous:             8 kB
3000-4000 rw-p 00000000 fe:00 1    /usr/lib/libx.so
Anonymous:             0 kB
4000-5000 r--p 00000000 fe:00 1    /usr/lib/liby.so
Anonymous:             0 kB
5000-6000 rw-p 00000000 00:00 0    [heap]
Anonymous:             0 kB
6000-7000 r-xp 00000000 00:00 0    [vdso]
Anonymous:             0 kB
7000-8000 r--s 00000000 fe:00 2    /usr/share/shared
Anonymous:             0 kB
"""


def test_only_unwritten_private_mappings_of_files_are_forgotten() -> None:
    ranges = list(clean_file_ranges(SMAPS.strip().splitlines()))
    assert ranges == [(0x1000, 0x2000), (0x4000, 0x5000)]


def test_the_process_goes_on_after_it() -> None:
    import decimal
    import hashlib

    give_back()
    assert hashlib.sha256(b"x").hexdigest().startswith("2d711642")
    assert decimal.Decimal("1.1") + 1 == decimal.Decimal("2.1")
