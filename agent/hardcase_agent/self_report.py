"""What the agent measures of itself, for `sensors/host/self_source.py`. Called by `app.py`."""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping

from hardcase_agent.domain.stream import SpoolState
from hardcase_agent.sensors.host.self_source import SelfReport


def measure(spool: SpoolState, took_ms: Mapping[str, int]) -> SelfReport:
    """CPU includes children that have ended (smartctl and the like); memory is this process's alone."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open("/proc/self/statm", "rb") as file:
        pages = int(file.read().split()[1])
    return SelfReport(
        cpu_s=own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime,
        rss_bytes=pages * os.sysconf("SC_PAGE_SIZE"),
        spool_records=spool.records,
        spool_bytes=spool.bytes,
        lost=spool.lost,
        sweeps_s={name: took / 1000 for name, took in took_ms.items()},
    )
