"""The ports: what sampling asks of sources, sources of devices, and the application of spool and uplink."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from hardcase_agent.domain.errors import AgentError
from hardcase_agent.domain.event import CoverageLine
from hardcase_agent.domain.frame import Moment, Sweep
from hardcase_agent.domain.part import Asset


class Source(Protocol):
    """One thing the agent asks on its own period.

    `sweep` raises `DeviceHung`, `CredentialsRefused`, `DeviceAbsent`, `AccessDenied`, `ToolMissing` or another
    `AgentError` only when nothing could be read at all; a single unreadable sensor is a Gap in the sweep. It may be
    cancelled at its deadline at any await and must then leave no second call in flight: the device stays "hung"
    until the abandoned call returns.
    """

    @property
    def name(self) -> str:
        """Unique in this agent: "ipmi.analogue@local", "smart.nvme", "snmp@ups1"."""

    @property
    def device(self) -> str:
        """Sources that name the same device never run at the same time."""

    @property
    def period_s(self) -> float: ...

    @property
    def deadline_s(self) -> float: ...

    async def sweep(self, now: Moment) -> Sweep: ...

    async def doctor(self) -> Sequence[CoverageLine]:
        """What it may read, what it may not, why, and what to do; bounded in time, wakes nothing, changes nothing."""

    async def close(self) -> None:
        """Let go of the device without waiting for it."""


class IpmiDevice(Protocol):
    """One BMC. Raw request and answer, so that /dev/ipmi0, LAN and the helper look the same to the IPMI family."""

    async def request(self, netfn: int, command: int, data: bytes, *, lun: int = 0, deadline_s: float) -> bytes:
        """Answer: completion code first, then data.

        Raises DeviceHung, DeviceAbsent, CredentialsRefused, AccessDenied, DeviceFailed. A completion code other
        than 0 is an answer, not an error.
        """

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class IpmiRequest:
    """One raw IPMI request."""

    netfn: int
    command: int
    data: bytes = b""
    lun: int = 0


@dataclass(frozen=True, slots=True)
class IpmiAnswers:
    """Answers in the order asked, up to the first failure; `error` is that failure."""

    answers: tuple[bytes, ...]
    error: AgentError | None = None


@runtime_checkable
class BatchIpmiDevice(Protocol):
    """An IpmiDevice that takes many requests in one call, one after the other on the wire. Saves a change of thread
    (or a crossing to the helper) per sensor; what cannot do it is asked one by one."""

    async def request_many(self, requests: Sequence[IpmiRequest], *, deadline_s: float) -> IpmiAnswers:
        """No request is begun after `deadline_s`; the one under way has its own 5 s. Fewer answers than requests and no
        error: the time was up. Raises nothing of the device's: what was answered is never lost."""


@dataclass(frozen=True, slots=True, order=True)
class Controller:
    """A management controller behind the BMC: an ME (usually 2Ch), a chassis manager, a board's own controller."""

    channel: int
    """Of the BMC, 0 to 7; 0 is the primary IPMB."""
    address: int
    """Slave address on that bus, even, as SDRs write it."""


@runtime_checkable
class BridgingIpmiDevice(Protocol):
    """An IpmiDevice whose BMC passes messages on (Send Message, IPMI 2.0, 6.13)."""

    async def request_behind(self, controller: Controller, request: IpmiRequest, *, deadline_s: float) -> bytes:
        """As `request`. A controller that stays silent is an answer with completion code C3h (timeout), as the kernel's
        driver tells it; a BMC that does not pass the message on is one with the code of its refusal."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a program said. `status` is its exit status; negative = the signal that ended it."""

    status: int
    stdout: bytes
    stderr: bytes


class CommandRunner(Protocol):
    """Runs one of the fixed tools on a validated device: directly, or through the helper."""

    async def run(self, tool: str, arguments: Sequence[str], *, deadline_s: float) -> CommandResult:
        """`tool` and the shape of `arguments` are keys of the fixed table (`helper/table.py`).

        Raises DeviceHung (deadline; the process group is killed and reaped later), OutputFlood, ToolMissing,
        AccessDenied.
        """


class Clock(Protocol):
    def now(self) -> Moment: ...


class SecretReader(Protocol):
    def read(self, reference: str) -> str:
        """The secret behind "file:/path" or "credential:NAME" (a systemd credential). Raises ConfigError.

        Never logs it, never keeps it.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Everything a sensor family may use of the machine. Built by `app.py`, given to each family's `build`."""

    host: Asset
    """This machine, for sources that read it."""
    commands: CommandRunner
    local_ipmi: Callable[[], IpmiDevice]
    """/dev/ipmi0, directly or through the helper."""
    secrets: SecretReader
    state_dir: Path
    """For caches (SDR): private to the agent."""
    sysfs: Path
    """/sys, or a captured tree."""
    clock: Clock
