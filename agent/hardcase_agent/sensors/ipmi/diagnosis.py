"""What `doctor` says about a BMC: one question, and in words what its answer means and what to do about it.

Every IPMI source asks its own command by it.
"""

from __future__ import annotations

from hardcase_agent.domain.errors import (
    AccessDenied,
    AgentError,
    CredentialsRefused,
    DeviceAbsent,
    DeviceFailed,
    DeviceHung,
    Unsupported,
)
from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.ports import IpmiRequest
from hardcase_agent.sensors.ipmi.commands import NO_RIGHT, completion
from hardcase_agent.sensors.ipmi.conversation import Conversation

_CURES: tuple[tuple[type[AgentError], str, str], ...] = (
    (AccessDenied, "start hardcase-helper, or give this user the right to /dev/ipmi0", "check the BMC's access rules"),
    (CredentialsRefused, "", "correct user, password or privilege of the BMC's profile, then restart the agent"),
    (DeviceHung, "reset the BMC (ipmitool mc reset cold)", "check the network to the BMC; else reset the BMC"),
    (Unsupported, "", "set interface = 'rmcp' for this BMC"),
    (DeviceFailed, "load the driver again, else reset the BMC", "check host and port, and IPMI over LAN in the BMC"),
)
"""Error: cure on the local device, cure over the LAN."""


async def diagnose(
    talk: Conversation, request: IpmiRequest, component: Component, *, local: bool, quiet: bool = False
) -> list[CoverageLine]:
    """`quiet`: say nothing where the whole BMC cannot be reached; another source of it says so."""
    try:
        answer = await talk.ask_raw(request)
    except DeviceAbsent as error:
        return [] if quiet else [no_bmc(str(error))]
    except AgentError as error:
        return [] if quiet else [_unreadable(component, str(error), _cure(error, local))]
    if answer[:1] == b"\0":
        return [CoverageLine(component=component, status=CoverageStatus.WATCHED)]
    code = answer[0] if answer else 0xFF
    cure = "raise the privilege of the BMC's profile" if code == NO_RIGHT else "update the BMC's firmware"
    return [_unreadable(component, f"{completion(code).words} (0x{code:02x})", cure)]


def no_bmc(reason: str) -> CoverageLine:
    """Where there is no device at all: no fault of anybody."""
    return CoverageLine(
        component=Component.BMC,
        status=CoverageStatus.NOT_PRESENT,
        reason=reason,
        cure="modprobe ipmi_si ipmi_devintf; a virtual machine or a desktop has no BMC: set ipmi.local = false",
    )


def _unreadable(component: Component, reason: str, cure: str) -> CoverageLine:
    return CoverageLine(component=component, status=CoverageStatus.UNREADABLE, reason=reason, cure=cure)


def _cure(error: AgentError, local: bool) -> str:
    for kind, on_host, on_lan in _CURES:
        if isinstance(error, kind):
            return on_host if local else on_lan
    return "see the agent's log"
