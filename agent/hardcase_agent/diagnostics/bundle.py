"""The support bundle: collects its parts, hides what is to be hidden, keeps to its size, and lists everything.

Called by `desk.py`, and by `hardcase-agent bundle` without any collector. Nothing is sent here.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hardcase_agent.diagnostics import packing
from hardcase_agent.diagnostics.bench import Made, Work, is_host
from hardcase_agent.diagnostics.collecting import KEEPS_ITS_END, PARTS, parts_wanted
from hardcase_agent.diagnostics.redaction import Redactor
from hardcase_agent.diagnostics.settings import Hidden
from hardcase_agent.domain.diagnostic import LARGEST_ANSWER, DiskDoor
from hardcase_agent.domain.errors import DiagnosticRefused
from hardcase_agent.sampling.breaker import describe

PART_S = 600.0
"""One part: a BMC's log over a slow link."""
LARGEST_FILE = 8 << 20
"""Characters of one file in the bundle; longer ones are cut, and the manifest says so."""
VERSION = 1


@dataclass(slots=True)
class _Bundle:
    room: int
    folder: Path
    """Members lie here until they are packed: a bundle may be larger than the memory this service has."""
    members: list[tuple[str, Path]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[dict[str, str]] = field(default_factory=list)

    def leave_out(self, part: str, why: str) -> None:
        self.left_out.append({"part": part, "reason": why})

    def add(self, part: str, name: str, text: str, whole: int, hidden: Mapping[str, int], at_ms: int) -> None:
        """`whole`: its length before it was cut. Blocking; raises OSError."""
        content = text.encode("utf-8", "replace")
        if len(content) > self.room:
            self.leave_out(part, f"{name}: no room is left ({len(content)} bytes)")
            return
        self.room -= len(content)
        member = self.folder / f"{len(self.members)}"
        member.write_bytes(content)
        self.members.append((name, member))
        told: dict[str, Any] = {
            "name": name,
            "part": part,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "collected_ms": at_ms,
        }
        if whole:
            told["cut_from"] = whole
        if hidden:
            told["hidden"] = dict(hidden)
        self.files.append(told)


async def bundle(work: Work) -> Made:
    """Raises DiagnosticRefused for an unknown part; what cannot be had is left out and said."""
    if not is_host(work.bench.host, work.asset):
        raise DiagnosticRefused("bundles are of the agent's own host")
    wanted = parts_wanted(work.argument("parts"))
    path, manifest = await make(work, wanted)
    files, left_out = len(manifest["files"]), len(manifest["left_out"])
    size = path.stat().st_size
    detail = f"{files} files, {size} bytes packed" + (f", {left_out} left out" if left_out else "")
    shown = shortened(manifest)
    return Made(detail=detail, answer=shown, files=(path,), consent=work.settings.consent_before_sending)


async def make(work: Work, wanted: Iterable[str]) -> tuple[Path, dict[str, Any]]:
    """The packed file and its manifest."""
    gathered = work.folder / "gathered"
    gathered.mkdir(mode=0o700)
    bundled = _Bundle(room=work.settings.bundle_max_mib << 20, folder=gathered)
    redactor = Redactor(work.settings.redact, _words(work))
    for part in wanted:
        work.tell(f"collecting {part}")
        try:
            async with asyncio.timeout(PART_S):
                texts = await PARTS[part](work)
        except TimeoutError:
            bundled.leave_out(part, f"not collected within {PART_S:g} s")
            continue
        except Exception as error:
            # A defect in one part must not cost the others: the bundle is made because something is wrong.
            bundled.leave_out(part, describe(error))
            continue
        at_ms = work.bench.clock.now().wall_ms
        for name, text in sorted(texts.items()):
            short = cut(text, keep_end=name in KEEPS_ITS_END)
            # A long text takes a second: never on the loop.
            hidden_text, hidden = await asyncio.to_thread(redactor.hide, short)
            whole = len(text) if len(short) < len(text) else 0
            await asyncio.to_thread(bundled.add, part, redactor.hide(name)[0], hidden_text, whole, hidden, at_ms)
    at_s = work.bench.clock.now().wall_ms // 1000
    manifest = _manifest(work, bundled, redactor, at_s)
    path = work.folder / f"bundle-{work.id.hex()[:12]}.tar.gz"
    folder = path.name.removesuffix(".tar.gz")
    await asyncio.to_thread(packing.pack, path, folder, manifest, bundled.members, at_s)
    await asyncio.to_thread(shutil.rmtree, gathered)
    return path, manifest


def cut(text: str, *, keep_end: bool) -> str:
    """At most LARGEST_FILE characters of it, in whole lines where it has lines."""
    if len(text) <= LARGEST_FILE:
        return text
    if keep_end:
        kept = text[-LARGEST_FILE:]
        return kept.partition("\n")[2] or kept
    kept = text[:LARGEST_FILE]
    head, newline, _ = kept.rpartition("\n")
    return head + newline if newline else kept


def _manifest(work: Work, bundled: _Bundle, redactor: Redactor, at_s: int) -> dict[str, Any]:
    host = work.bench.host
    asset = {"vendor": host.vendor, "model": host.model, "serial": host.serial, "hostname": host.hostname}
    return {
        "version": VERSION,
        "request": work.id.hex(),
        "asked_by": work.asked_by,
        "reason": work.reason,
        "asset": {name: redactor.hide(value)[0] for name, value in asset.items() if value},
        "made_ms": at_s * 1000,
        "files": sorted(bundled.files, key=lambda one: str(one["name"])),
        "left_out": [{**one, "reason": redactor.hide(one["reason"])[0]} for one in bundled.left_out],
        "hidden_by": list(redactor.names),
        "limits": {"file_characters": LARGEST_FILE, "bundle_bytes": work.settings.bundle_max_mib << 20},
    }


def shortened(manifest: dict[str, Any]) -> dict[str, Any]:
    """As much of it as a report holds; the whole is in the bundle."""
    if len(json.dumps(manifest, ensure_ascii=False).encode("utf-8", "replace")) <= LARGEST_ANSWER - 1024:
        return manifest
    parts: dict[str, dict[str, int]] = {}
    for one in manifest["files"]:
        told = parts.setdefault(one["part"], {"files": 0, "bytes": 0})
        told["files"] += 1
        told["bytes"] += one["bytes"]
    return {**manifest, "files": [], "parts": parts, "left_out": manifest["left_out"][:100], "shortened": True}


def _words(work: Work) -> Iterable[tuple[Hidden, str]]:
    host = work.bench.host
    names = {host.hostname, host.hostname.partition(".")[0]}
    yield from ((Hidden.HOSTNAMES, name) for name in names if name)
    yield from ((Hidden.SERIALS, word) for word in (host.serial, host.uuid, host.machine_id) if word)
    for source in work.bench.sources():
        for asset in work.bench.assets_of(source.name):
            yield from ((Hidden.SERIALS, word) for word in (asset.serial, asset.uuid, asset.machine_id) if word)
            yield from ((Hidden.HOSTNAMES, word) for word in (asset.hostname,) if word)
            yield from ((Hidden.ADDRESSES, word) for word in (asset.address,) if word)
        for disk in source.known_disks() if isinstance(source, DiskDoor) else ():
            yield from ((Hidden.SERIALS, word) for word in (disk.part.serial, disk.part.wwn) if word)
