"""Reading now: a BMC's whole event log, every sensor, the inventory. Called by `desk.py`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hardcase_agent.diagnostics.bench import Made, Work, door_of, is_host
from hardcase_agent.domain.diagnostic import ArrayDoor, Asked, DiskDoor, EventLogDoor, Refreshable, WholeLog
from hardcase_agent.domain.errors import DeviceFailed, DiagnosticRefused
from hardcase_agent.domain.part import Asset, Part
from hardcase_agent.domain.ports import Source
from hardcase_agent.domain.reading import Gap

SWEEP_S = 240.0
"""For every source to answer once: five of one BMC come one after the other."""
LARGEST_IN_REPORT = 48_000
"""Bytes of JSON that still go in the report itself; its limit is 65,536."""


async def read_sel(work: Work) -> Made:
    door: EventLogDoor = door_of(work, EventLogDoor)
    log = await door.whole_log(work.bench.lend)
    files = write_log(work, log)
    return Made(detail=f"{len(log.entries)} entries", answer=summary_of(log), files=files)


def write_log(work: Work, log: WholeLog) -> tuple[Path, ...]:
    """Decoded as lines of JSON, and raw: 16 bytes an entry, as `hardcase-agent decode sel` takes them."""
    lines = work.folder / "sel.jsonl"
    with lines.open("w", encoding="utf-8", errors="replace") as out:
        for line in work.bench.log_lines(log):
            out.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
    raw = work.folder / "sel.bin"
    raw.write_bytes(b"".join(log.entries))
    return (lines, raw)


def summary_of(log: WholeLog) -> dict[str, Any]:
    erased, added, count = log.stamp
    said: dict[str, Any] = {
        "source": log.source,
        "asset": _asset(log.asset),
        "entries": len(log.entries),
        "bmc_entries": count,
        "last_added_bmc_s": added,
        "last_erased_bmc_s": erased,
    }
    if log.unread:
        said["unread"] = list(log.unread[:50])
    return said


async def read_sensors(work: Work) -> Made:
    names = [source.name for source in sources_about(work)]
    found = await work.bench.ask_now(names, SWEEP_S)
    lines = [_line(asked) for asked in found]
    failed = sum(asked.sweep is None for asked in found)
    detail = f"{len(found) - failed} of {len(found)} sources read; the readings travel as usual"
    if found and failed == len(found):
        raise DeviceFailed(f"no source could be read: {found[0].source}: {found[0].error}")
    return Made(detail=detail, answer={"sources": lines})


def sources_about(work: Work) -> list[Source]:
    """Raises DiagnosticRefused where nothing here reads that asset."""
    bench = work.bench
    if is_host(bench.host, work.asset) and not work.asset:
        return list(bench.sources())
    found = [
        source
        for source in bench.sources()
        if any(work.asset in (asset.serial, asset.uuid, asset.machine_id) for asset in bench.assets_of(source.name))
    ]
    if not found:
        raise DiagnosticRefused(f"no source of this agent reads {work.asset[:60]}")
    return found


def _line(asked: Asked) -> dict[str, Any]:
    if asked.sweep is None:
        return {"source": asked.source, "error": asked.error}
    readings = asked.sweep.readings
    gaps = sum(isinstance(reading, Gap) for reading in readings)
    return {"source": asked.source, "readings": len(readings) - gaps, "gaps": gaps, "complete": asked.sweep.complete}


async def inventory(work: Work) -> Made:
    content = await parts_now(work)
    parts = sum(len(one["parts"]) for one in content["sources"])
    failed = [one["source"] for one in content["sources"] if "error" in one]
    detail = f"{parts} parts" + (f"; not read: {', '.join(failed)}" if failed else "")
    text = json.dumps(content, ensure_ascii=False)
    if len(text.encode("utf-8", "replace")) <= LARGEST_IN_REPORT:
        return Made(detail=detail, answer=content)
    path = work.folder / "inventory.json"
    path.write_text(text, encoding="utf-8", errors="replace")
    return Made(detail=detail, answer={"parts": parts, "file": path.name}, files=(path,))


async def parts_now(work: Work) -> dict[str, Any]:
    """FRU, DMI, disks, arrays, processors: every source that tells parts, read anew."""
    wanted = [source for source in sources_about(work) if isinstance(source, Refreshable | DiskDoor | ArrayDoor)]
    for source in wanted:
        if isinstance(source, Refreshable):
            source.refresh()
    found = await work.bench.ask_now([source.name for source in wanted], SWEEP_S)
    lines = [_parts_line(source, asked) for source, asked in zip(wanted, found, strict=True)]
    return {"host": _asset(work.bench.host), "sources": lines}


def _parts_line(source: Source, asked: Asked) -> dict[str, Any]:
    if asked.sweep is None:
        return {"source": asked.source, "error": asked.error, "parts": []}
    parts, whole = asked.sweep.parts, asked.sweep.complete
    if parts is None and isinstance(source, DiskDoor):
        # A disk that sleeps keeps the sweep from telling all of them; those that are known are told all the same.
        parts, whole = tuple(disk.part for disk in source.known_disks()), False
    return {
        "source": asked.source,
        "asset": _asset(asked.sweep.asset),
        "parts": [part_line(part) for part in parts or ()],
        **({} if whole else {"complete": False}),
    }


def part_line(part: Part) -> dict[str, Any]:
    told = {
        "class": part.component.value,
        "slot": part.slot,
        "model": part.model,
        "serial": part.serial,
        "part_number": part.part_number,
        "firmware": part.firmware,
        "wwn": part.wwn,
        "paths": list(part.paths),
    }
    return {key: value for key, value in told.items() if value}


def _asset(asset: Asset) -> Mapping[str, str]:
    told: Sequence[tuple[str, str]] = (
        ("vendor", asset.vendor),
        ("model", asset.model),
        ("serial", asset.serial),
        ("hostname", asset.hostname),
        ("address", asset.address),
    )
    return {key: value for key, value in told if value}
