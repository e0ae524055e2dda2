"""What was asked of this agent, for people on the spot (`hardcase-agent diagnostics`). Pure; used by `desk.py`."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from hardcase_agent.diagnostics.ledger import Entry, Stage
from hardcase_agent.domain.errors import DiagnosticRefused

MOST_LISTED = 20
SHORTEST_PREFIX = 4


def listed(entries: Collection[Entry], progress: Mapping[bytes, str]) -> list[dict[str, Any]]:
    """Those that wait for somebody before all, then newest first."""
    ordered = sorted(entries, key=lambda one: (one.stage is not Stage.AWAITS, -one.taken_ms))
    return [
        {
            "id": entry.name,
            "kind": str(entry.kind or "unknown"),
            "state": entry.state.value,
            "asked_by": entry.asked_by,
            "reason": entry.reason[:100],
            "taken_ms": entry.taken_ms,
            "detail": (progress.get(entry.id) or entry.detail)[:200],
        }
        for entry in ordered[:MOST_LISTED]
    ]


def named(entries: Collection[Entry], prefix: str) -> Entry:
    """Raises DiagnosticRefused unless exactly one id begins so."""
    found = [entry for entry in entries if len(prefix) >= SHORTEST_PREFIX and entry.name.startswith(prefix)]
    if len(found) != 1:
        raise DiagnosticRefused(f"{len(found)} requests begin with {prefix[:40]!r}; give more of the id")
    return found[0]


def shown(entry: Entry) -> Mapping[str, Any]:
    """With the answer, which is a bundle's manifest where it waits for consent."""
    return {"id": entry.name, "detail": entry.detail, "answer": json.loads(entry.answer or b"{}")}
