"""What Centreon's own tests expect its checks of hardware to say of recorded walks. Used by `snmp.py`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from hardcase_agent.domain.capture import Capture

from tests.truth.comparison import Truth, Verdict

_MODES = frozenset({"hardware", "components", "equipment", "sensors", "battery-status"})
_PLAIN = frozenset({"tc", "component", "arguments", "snmpcommunity", "expected_result", "walk"})
_EMPTY = frozenset({"", "_empty_", "''", "${EMPTY}", "${Empty}", ".*"})
_ACCUSED = re.compile(r"(\w+) '([^']+)'|'([^']+)' health status for '([^']+)'")


def verdicts(folder: Path) -> Iterator[Verdict]:
    """Of the checks of hardware with no limits of the tester's own; the worst of a recording counts."""
    said: dict[str, set[str]] = {}
    for table in sorted((folder / "snmp" / "centreon").glob("expected_results*.json")):
        for entry in json.loads(table.read_text(encoding="utf-8")):
            row = entry["row"]
            own = {key for key, value in row.items() if str(value) not in _EMPTY} - _PLAIN
            text = str(row.get("expected_result", "")).lstrip("^")
            if set(entry["plugin_mode"]) & _MODES and not own and "No components" not in text:
                said.setdefault(entry["file"], set()).add(text)
    for file, texts in sorted(said.items()):
        path = folder / file
        if path.suffix == ".snmpwalk" and path.exists():
            yield _verdict(path, file, texts)


def _verdict(path: Path, file: str, texts: set[str]) -> Verdict:
    captures = (capture_of(path),)
    bad = sorted(text for text in texts if text.startswith(("WARNING", "CRITICAL")))
    if not bad:
        ok = all(text.startswith("OK") for text in texts)
        truth = Truth.HEALTHY if ok else Truth.UNKNOWN
        return Verdict(name=file, truth=truth, captures=captures, why="Centreon: OK" if ok else "Centreon is not sure")
    named = [found for text in bad for found in _ACCUSED.findall(text.partition("|")[0])]
    if any("Anonymized" in text.partition("status is")[2][:14] for text in bad):
        return Verdict(name=file, truth=Truth.UNKNOWN, captures=captures, why="Centreon's states were anonymised")
    classes = {"host" if health else kind.lower() for kind, _, health, _ in named}
    parts = {part or other for _, part, _, other in named}
    why = f"Centreon: {bad[0][:80]}"
    return Verdict(
        name=file,
        truth=Truth.FAULT,
        captures=captures,
        classes=tuple(sorted(classes)),
        part=tuple(sorted(parts)),
        why=why,
    )


def capture_of(path: Path) -> tuple[str, Capture]:
    return ("snmp", Capture(path.name, {"": path.read_bytes()}))
