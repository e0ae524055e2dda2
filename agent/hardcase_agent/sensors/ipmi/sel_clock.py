"""The clock by which a BMC stamps its event log, against this machine's. Asked for by `sel_source.py`'s doctor.

Times of entries are sent as the BMC wrote them, and the collector keeps its time of receipt beside them; here a person
learns that the log's times are wrong, and by how much.
"""

from __future__ import annotations

from hardcase_agent.domain.errors import AgentError
from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.ports import Clock
from hardcase_agent.sensors.ipmi.commands import GET_SEL_TIME
from hardcase_agent.sensors.ipmi.conversation import Conversation

TOLERATED_S = 120
"""Two clocks that are set by different servers, read by a slow way."""
UNSET_BELOW_S = 0x2000_0000
"""Seconds since the BMC's start, and not since 1970 (IPMI 2.0, 37): its clock was never set."""
UNSPECIFIED = 0xFFFF_FFFF
_CURE = "set the BMC's clock to UTC or have it follow a time server (ipmitool sel time set now)"


async def clock_line(talk: Conversation, clock: Clock) -> CoverageLine | None:
    """None where it is right, and where the BMC does not tell."""
    try:
        told = await talk.ask(GET_SEL_TIME, "SEL time")
    except AgentError:
        return None
    if len(told) < 4:
        return None
    why = difference(int.from_bytes(told[:4], "little"), clock.now().wall_ms // 1000)
    return CoverageLine(component=Component.BMC, status=CoverageStatus.WATCHED, reason=why, cure=_CURE) if why else None


def difference(bmc_s: int, own_s: int) -> str:
    """In words; "" where it is tolerable."""
    if bmc_s < UNSET_BELOW_S or bmc_s == UNSPECIFIED:
        return "the BMC's clock was never set: its event log counts from its start"
    apart = bmc_s - own_s
    if abs(apart) <= TOLERATED_S:
        return ""
    minutes, hours = abs(apart) // 60 % 60, abs(apart) // 3600
    return f"the BMC's clock is {hours} h {minutes} min {'ahead' if apart > 0 else 'behind'}: so are its log's times"
