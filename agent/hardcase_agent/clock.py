"""The machine's clocks as the `Clock` port, and the kernel's boot id. Made by `app.py` and `cli.py`."""

from __future__ import annotations

import time
from pathlib import Path

from hardcase_agent.domain.frame import Moment

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class MachineClock:
    """CLOCK_REALTIME and CLOCK_BOOTTIME, which counts through suspend."""

    def now(self) -> Moment:
        return Moment(
            wall_ms=time.time_ns() // 1_000_000,
            boot_ms=time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000,
        )


def boot_id() -> bytes:
    """16 bytes; zeros where the kernel does not tell."""
    try:
        return bytes.fromhex(BOOT_ID.read_text().strip().replace("-", ""))
    except (OSError, ValueError):
        return bytes(16)
