"""P1 to P4, and what a priority is made from. The table is `plans/priority.py`."""

from __future__ import annotations

from enum import StrEnum


class Priority(StrEnum):
    """P1 一级 .. P4 四级."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


class ServiceState(StrEnum):
    """What the fault does to what the asset is for."""

    DOWN = "down"
    REDUNDANCY_LOST = "redundancy_lost"
    REDUNDANCY_HOLDS = "redundancy_holds"
    PREDICTED = "predicted"


class Importance(StrEnum):
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"
