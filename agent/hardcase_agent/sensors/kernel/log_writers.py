"""The rules of everybody who writes into the logs that people capture: kernels, daemons, makers' tools, clusters.

Used by `log_decoding.py` alone: in the ring of a running kernel (`log_source.py`) only that kernel writes.
"""

from __future__ import annotations

from collections.abc import Sequence

from hardcase_agent.sensors.kernel import (
    cluster_lines,
    controller_lines,
    daemon_lines,
    device_lines,
    disk_lines,
    filesystem_lines,
    freebsd_lines,
    gpu_lines,
    maker_lines,
    management_lines,
    memory_lines,
    registry_lines,
)
from hardcase_agent.sensors.kernel.log_line import Line
from hardcase_agent.sensors.kernel.log_reader import Told
from hardcase_agent.sensors.kernel.log_rule import LineRule

RULES: tuple[LineRule, ...] = (
    *memory_lines.RULES,
    *filesystem_lines.RULES,
    *disk_lines.RULES,
    *freebsd_lines.RULES,
    *daemon_lines.RULES,
    *device_lines.RULES,
    *gpu_lines.RULES,
    *management_lines.RULES,
    *registry_lines.RULES,
    *controller_lines.RULES,
    *maker_lines.RULES,
)


def read_whole(line: Line) -> Sequence[Told] | None:
    """A line of a cluster's log, which names node and time itself; None for any other."""
    cluster = cluster_lines.read(line.text)
    if cluster is None:
        return None
    stamped = Line(cluster.text, line.number, cluster.when_ms)
    return [Told(stamped, outcome) for outcome in cluster.outcomes]
