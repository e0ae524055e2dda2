"""The parts of a support bundle, one function each: texts, or a named reason why there are none."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hardcase_agent.diagnostics.bench import Work, door_of
from hardcase_agent.diagnostics.reading import parts_now, summary_of
from hardcase_agent.domain.diagnostic import ArrayDoor, DiskDoor, EventLogDoor
from hardcase_agent.domain.errors import AgentError, DeviceFailed, DiagnosticRefused, ToolMissing

TOOL_S = 30.0
LEND_S = 150.0
DOCTOR_S = 30.0
KERNEL_LOG_ROUNDS = 16
"""Portions of 1 MB, of rings of up to that many MB."""
PROC_FILES = ("mdstat", "cmdline", "modules", "interrupts", "meminfo", "cpuinfo", "uptime")
_SEQUENCE = re.compile(rb"^\d+,(\d+),", re.MULTILINE)

Texts = Mapping[str, str]
"""Name in the bundle -> text."""
Collector = Callable[[Work], Awaitable[Texts]]


async def _log(work: Work) -> Texts:
    text = work.bench.recent_log()
    if not text:
        raise DeviceFailed("this process has kept no log lines")
    return {"agent.log": text}


async def _config(work: Work) -> Texts:
    return {"agent.toml": await asyncio.to_thread(work.bench.configuration)}


async def _dmesg(work: Work) -> Texts:
    """Records as /dev/kmsg has them, the kernel's own only."""
    found: list[bytes] = []
    first = 0
    for _ in range(KERNEL_LOG_ROUNDS):
        result = await work.bench.commands.run("kernel-log", (str(first),), deadline_s=TOOL_S)
        if result.status != 0 and not found:
            raise DeviceFailed(_words(result.stderr) or "the kernel's log cannot be read")
        numbers = _SEQUENCE.findall(result.stdout)
        if not numbers:
            break
        found.append(result.stdout)
        first = int(numbers[-1]) + 1
    return {"dmesg.kmsg": b"".join(found).decode("utf-8", "replace")}


async def _sel(work: Work) -> Texts:
    door: EventLogDoor = door_of(work, EventLogDoor)
    log = await door.whole_log(work.bench.lend)
    lines = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in work.bench.log_lines(log))
    raw = "".join(f"{entry.hex(' ')}\n" for entry in log.entries)
    return {"sel/sel.jsonl": lines, "sel/sel.hex": raw, "sel/info.json": _json(summary_of(log))}


async def _fru(work: Work) -> Texts:
    return {"inventory.json": _json(await parts_now(work))}


async def _smart(work: Work) -> Texts:
    found: dict[str, str] = {}
    for source in [source for source in work.bench.sources() if isinstance(source, DiskDoor)]:
        for disk in source.known_disks():
            name = f"smart/{_file(disk.part.model, disk.part.serial or disk.path)}.json"
            if disk.suspended:
                found[name] = _json({"left_out": "the disk sleeps and is left asleep"})
                continue
            try:
                async with work.bench.lend(source.device, LEND_S):
                    found[name] = (await source.raw_report(disk)).decode("utf-8", "replace")
            except AgentError as error:
                found[name] = _json({"left_out": f"{type(error).__name__}: {error}"})
    if not found:
        raise DeviceFailed("no disk has told its name yet")
    return found


async def _arrays(work: Work) -> Texts:
    found: dict[str, str] = {}
    for source in [source for source in work.bench.sources() if isinstance(source, ArrayDoor)]:
        async with work.bench.lend("arrays", LEND_S):
            for tool, view, text in await source.tool_outputs():
                found[f"arrays/{_file(tool, view)}.txt"] = text
    mdstat = await asyncio.to_thread(_proc, "mdstat")
    if mdstat:
        found["arrays/mdstat.txt"] = mdstat
    if not found:
        raise ToolMissing("no RAID tool is installed, and the kernel has no md arrays")
    return found


async def _dmi(work: Work) -> Texts:
    result = await work.bench.commands.run("dmidecode", (), deadline_s=TOOL_S)
    if result.status != 0:
        raise DeviceFailed(_words(result.stderr) or "dmidecode failed")
    return {"dmidecode.txt": result.stdout.decode("utf-8", "replace")}


async def _lspci(work: Work) -> Texts:
    result = await work.bench.commands.run("lspci", (), deadline_s=TOOL_S)
    if result.status != 0:
        raise DeviceFailed(_words(result.stderr) or "lspci failed")
    return {"lspci.txt": result.stdout.decode("utf-8", "replace")}


async def _versions(work: Work) -> Texts:
    said: dict[str, Any] = dict(work.bench.facts())
    try:
        banner = await work.bench.commands.run("smartctl-version", (), deadline_s=TOOL_S)
        said["smartctl"] = banner.stdout.decode("utf-8", "replace").partition("\n")[0]
    except AgentError as error:
        said["smartctl"] = f"{type(error).__name__}: {error}"
    texts = {f"proc/{name}.txt": await asyncio.to_thread(_proc, name) for name in PROC_FILES if name != "mdstat"}
    os_release = await asyncio.to_thread(_read, Path("/etc/os-release"))
    return {"versions.json": _json(said), "os-release.txt": os_release, **{k: v for k, v in texts.items() if v}}


async def _doctor(work: Work) -> Texts:
    """What every source may and may not read: the coverage, and what `hardcase-agent doctor` says of sources."""
    entries: list[dict[str, Any]] = []
    for source in work.bench.sources():
        try:
            async with work.bench.lend(source.device, LEND_S):
                async with asyncio.timeout(DOCTOR_S):
                    lines = await source.doctor()
        except (AgentError, TimeoutError) as error:
            entries.append({"source": source.name, "error": str(error) or f"no answer within {DOCTOR_S:g} s"})
            continue
        told = [
            {"component": one.component.value, "status": one.status.value, "reason": one.reason, "cure": one.cure}
            for one in lines
        ]
        entries.append({"source": source.name, "lines": told})
    return {"doctor.json": _json(entries)}


PARTS: Mapping[str, Collector] = MappingProxyType(
    {
        "log": _log,
        "config": _config,
        "dmesg": _dmesg,
        "sel": _sel,
        "fru": _fru,
        "smart": _smart,
        "arrays": _arrays,
        "dmi": _dmi,
        "lspci": _lspci,
        "versions": _versions,
        "doctor": _doctor,
    }
)
"""In the order of collecting: what is said of a machine that is failing comes before what costs it time."""
KEEPS_ITS_END = frozenset({"agent.log", "dmesg.kmsg"})
"""Texts of which the newest, at the end, is wanted where they are too long."""


def parts_wanted(argument: str) -> Sequence[str]:
    """Of "sel,dmesg"; "" = all. Raises DiagnosticRefused."""
    named = [word for word in re.split(r"[,\s]+", argument) if word]
    unknown = [word for word in named if word not in PARTS]
    if unknown:
        raise DiagnosticRefused(f"no such part: {unknown[0][:40]!r}; known are {', '.join(PARTS)}")
    return [name for name in PARTS if not named or name in named]


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _file(*words: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "_", "_".join(words)).strip("_.")[:80] or "unnamed"


def _proc(name: str) -> str:
    return _read(Path("/proc") / name)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as opened:
            return opened.read(1 << 20).decode("utf-8", "replace")
    except OSError:
        return ""


def _words(text: bytes) -> str:
    return " ".join(text.decode("utf-8", "replace").split())[:200]
