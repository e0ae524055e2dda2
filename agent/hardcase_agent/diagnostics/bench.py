"""What the kinds may use of this agent, and what they hand back. Filled by `workbench.py` and by tests.

Strangers to sensors, uplink and spool: everything here is a domain type or port.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hardcase_agent.diagnostics.settings import DiagnosticsSettings
from hardcase_agent.domain.diagnostic import AskNow, Lend, WholeLog
from hardcase_agent.domain.errors import DeviceAbsent, DiagnosticRefused
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.ports import Clock, CommandRunner, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """This agent, as far as diagnostics reach."""

    host: Asset
    clock: Clock
    commands: CommandRunner
    sources: Callable[[], Sequence[Source]]
    assets_of: Callable[[str], Sequence[Asset]]
    """What a source reads, as far as it is known."""
    lend: Lend
    ask_now: AskNow
    log_lines: Callable[[WholeLog], Sequence[Mapping[str, Any]]]
    """An event log in the form of `hardcase-agent decode sel`."""
    recent_log: Callable[[], str]
    """The agent's own last log lines."""
    configuration: Callable[[], str]
    """The text of agent.toml; secrets do not belong there, and are hidden all the same."""
    facts: Callable[[], Mapping[str, Any]]
    """Versions, failing sources."""
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Between two looks at something that takes its time, seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One request under way."""

    bench: Bench
    settings: DiagnosticsSettings
    id: bytes
    arguments: Mapping[str, str]
    asset: str
    asked_by: str
    reason: str
    folder: Path
    """For the files of the answer; private to the agent."""
    tell: Callable[[str], None]
    """How far it has come, for people; not kept."""

    def argument(self, name: str, default: str = "") -> str:
        return " ".join(self.arguments.get(name, default).split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The answer of one request."""

    detail: str
    answer: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    consent: bool = False
    """Its files are sent only after somebody agreed; `answer` is what he is shown."""
    sent: bool = False
    """Its files have been sent already, and stay named."""


def is_host(host: Asset, asset: str) -> bool:
    """Whether a request about this serial is about the agent's own machine."""
    return asset in ("", host.serial, host.uuid, host.machine_id)


def door_of(work: Work, kind: type[Any]) -> Any:
    """The one source that opens this kind of door to the asset asked about. Raises DiagnosticRefused."""
    doors = [source for source in work.bench.sources() if isinstance(source, kind)]
    reasons = []
    for door in doors:
        try:
            asset = door.watched_asset()
        except DeviceAbsent as error:
            reasons.append(str(error))
            continue
        # Only a BMC on the LAN has an address: the other one is this machine's own.
        mine = not asset.address or (bool(asset.serial) and asset.serial == work.bench.host.serial)
        own = mine and is_host(work.bench.host, work.asset)
        if own or (work.asset and work.asset in (asset.serial, asset.uuid)):
            return door
    if not doors:
        raise DiagnosticRefused("this agent watches no BMC (the ipmi family is off)")
    what = f"no BMC of {work.asset}" if work.asset else "no BMC of its own host"
    raise DiagnosticRefused(f"this agent knows {what}{': ' if reasons else ''}{'; '.join(reasons)[:300]}")
