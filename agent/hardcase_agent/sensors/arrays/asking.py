"""Which commands one tool takes to tell everything, and their output as one report. Used by `source.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from hardcase_agent.domain.errors import AgentError, DeviceFailed, ToolMissing
from hardcase_agent.domain.ports import CommandRunner
from hardcase_agent.sensors.arrays.model import MemberState, Report

_ONCE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "storcli": ("controllers", "drives", "direct-drives"),
        "perccli": ("controllers", "drives", "direct-drives"),
        "megacli": ("disks", "volumes", "enclosures", "battery"),
        "ssacli": ("config",),
        "zpool": ("status", "list"),
    }
)
"""Views of tools that tell of all their controllers at once."""
_EACH: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "arcconf": (r"Controllers found:\s*(\d{1,2})", "config"),
        "sas2ircu": (r"^\s+(\d{1,2})\s+\S+\s+[0-9a-fA-F]+h\s", "display"),
        "sas3ircu": (r"^\s+(\d{1,2})\s+\S+\s+[0-9a-fA-F]+h\s", "display"),
    }
)
"""Views of tools that take a controller's number: what in the list tells the numbers, and the view."""
_MOST_CONTROLLERS = 16
_PROGRESS = frozenset({"storcli", "perccli"})
"""Tools that tell how far a rebuild is in a view of its own; asked only while one is under way."""
_MOVING = frozenset({MemberState.REBUILDING, MemberState.COPYBACK})


async def ask(commands: CommandRunner, tool: str, *, deadline_s: float) -> Report:
    """Raises ToolMissing, AccessDenied, DeviceHung, DeviceBusy, OutputFlood; DeviceFailed where the tool says nothing
    that is recognised."""
    said = [await _say(commands, tool, view, deadline_s) for view in await _views(commands, tool, deadline_s)]
    report = _read(said)
    if tool in _PROGRESS and any(disk.state and disk.state & _MOVING for disk in report.disks.values()):
        report = _read([*said, await _say(commands, tool, ("rebuild",), deadline_s)])
    return report


async def ask_all_views(commands: CommandRunner, tool: str, *, deadline_s: float) -> list[tuple[str, str]]:
    """(view, what it printed) for a support bundle. Nothing where the tool is not installed; raises nothing."""
    found: list[tuple[str, str]] = []
    try:
        views = await _views(commands, tool, deadline_s)
        for view in [*views, *([("rebuild",)] if tool in _PROGRESS else [])]:
            result = await commands.run(tool, view, deadline_s=deadline_s)
            found.append(("-".join(view), (result.stdout or result.stderr).decode("utf-8", "replace")))
    except ToolMissing:
        return found
    except AgentError as error:
        found.append(("error", f"{type(error).__name__}: {error}\n"))
    return found


def _read(said: list[str]) -> Report:
    if not any(text.strip() for text in said):
        return Report()
    # The parsers of every maker's tool: half a megabyte, for machines with such a tool.
    from hardcase_agent.sensors.arrays.recognise import read_text

    return read_text("\n".join(said))


async def _say(commands: CommandRunner, tool: str, view: tuple[str, ...], deadline_s: float) -> str:
    result = await commands.run(tool, view, deadline_s=deadline_s)
    text = result.stdout.decode("utf-8", "replace")
    if result.status < 0:
        raise DeviceFailed(f"{tool} {view[0]} was ended by signal {-result.status}")
    if not text.strip() and result.status and result.stderr:
        words = " ".join(result.stderr.decode("utf-8", "replace").split())
        raise DeviceFailed(f"{tool} {view[0]}: {words[:160]}")
    return text


async def _views(commands: CommandRunner, tool: str, deadline_s: float) -> list[tuple[str, ...]]:
    if tool in _ONCE:
        return [(view,) for view in _ONCE[tool]]
    pattern, view = _EACH[tool]
    listed = (await commands.run(tool, ("list",), deadline_s=deadline_s)).stdout.decode("utf-8", "replace")
    numbers = re.findall(pattern, listed, re.MULTILINE)[:_MOST_CONTROLLERS]
    if tool == "arcconf":
        # Its list tells how many there are; they are numbered from 1.
        numbers = [str(number) for number in range(1, min(int(numbers[0]), _MOST_CONTROLLERS) + 1)] if numbers else []
    return [(view, number) for number in numbers]
