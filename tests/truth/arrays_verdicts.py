"""What is documented of RAID tools' outputs: notes of the index, and incidents in public trackers. For `arrays.py`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from hardcase_agent.domain.capture import Capture, Seen

from tests.truth.arrays_captures import decoded, raid_files
from tests.truth.comparison import Truth, Verdict

TOOLS = re.compile(
    r"ssacli|hpacucli|hpssacli|cciss_vol_status|storcli|perccli|megacli|mdstat|mdadm|zpool|arcconf|sas[23]ircu", re.I
)


def verdicts(folder: Path) -> Iterable[Verdict]:
    notes = _notes(folder)
    for path in (*raid_files(folder), folder / "kernel" / "proc" / "mdstat"):
        name = str(path.relative_to(folder))
        kind, note = notes.get(name, ("", ""))
        if not path.exists() or kind not in ("raid-cli", "mdstat", "storage-rest-json", ""):
            continue
        if not any(isinstance(one, Seen) for one in decoded(path)) and kind != "raid-cli":
            # Statistics of an appliance say nothing of hardware.
            continue
        captures = (("arrays", Capture(path.name, {"": path.read_bytes()})),)
        truth, named = _verdict_of(note)
        for word in named or ("",):
            yield Verdict(
                name=f"{name} {word}".strip(),
                truth=truth,
                captures=captures,
                classes=_classes(word) if truth is Truth.FAULT else (),
                part=(word,) if word else (),
                why=f"index.tsv: {note}",
            )
    yield from _incidents(folder)


def _incidents(folder: Path) -> Iterator[Verdict]:
    for path in sorted((folder / "cases").glob("real_incidents*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            case = json.loads(line) if line.strip() else {}
            if not TOOLS.search(str(case.get("evidence_source", ""))):
                continue
            text = "\n".join(case.get("evidence") or ())
            alarm = "false" in str(case.get("ground_truth", "")).lower()
            component = str(case.get("component", ""))
            classes = ("battery", "raid") if "battery" in component else ("disk", "raid")
            yield Verdict(
                name=f"{path.name}:{case.get('id')}",
                truth=Truth.FALSE_ALARM if alarm else Truth.FAULT,
                captures=(("arrays", Capture(str(case.get("id")), {"": text.encode()})),),
                classes=() if alarm else classes,
                why=f"{case.get('fault')}; {case.get('url')}",
            )


def _verdict_of(note: str) -> tuple[Truth, tuple[str, ...]]:
    """From the words of index.tsv; with what its note names and the capture has as a name, each a verdict."""
    if note.startswith("FAULT"):
        named = re.findall(r"\b(md\d+|mirror-\d+|sd[a-z]+\d*|Fan-\d+)\b", note)
        words = [re.sub(r"^(sd[a-z]+)\d+$", r"\1", word) for word in named]
        return Truth.FAULT, (*words, *re.findall(r"pool (?!and\b)(\w+)", note))
    if "not a fault" in note or "not a hardware fault" in note or "trap" in note:
        return Truth.FALSE_ALARM, ()
    if re.search(r"healthy|no failed/degraded text|no failure text", note):
        return Truth.HEALTHY, ()
    return Truth.UNKNOWN, ()


def _classes(word: str) -> tuple[str, ...]:
    if word.startswith("sd"):
        return ("disk",)
    return ("raid",) if word and not word.startswith("Fan") else ("raid", "disk", "fan", "psu", "battery")


@cache
def _notes(folder: Path) -> dict[str, tuple[str, str]]:
    try:
        rows = (folder / "index.tsv").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    cells = (row.split("\t") for row in rows)
    return {row[0]: (row[1], row[3]) for row in cells if len(row) > 3}
