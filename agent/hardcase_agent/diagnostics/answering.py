"""What a finished piece of work becomes in the ledger: its answer as bounded JSON, its files with their hashes.

Used by `desk.py`, on a thread: files are read.
"""

from __future__ import annotations

import json
from dataclasses import replace

from hardcase_agent.diagnostics.bench import Made
from hardcase_agent.diagnostics.ledger import Entry, Stage
from hardcase_agent.diagnostics.packing import file_of
from hardcase_agent.domain.diagnostic import LARGEST_ANSWER, ReportState


def answered(entry: Entry, made: Made, wall_ms: int) -> Entry:
    """The entry with its answer; it awaits consent where the work says so and there is something to send.

    Raises OSError.
    """
    answer = json.dumps(made.answer, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    if len(answer) > LARGEST_ANSWER:
        answer = json.dumps({"detail": made.detail[:500], "too_long": len(answer)}).encode()
    files = tuple(file_of(path) for path in made.files)
    waits = made.consent and bool(files)
    return replace(
        entry,
        stage=Stage.AWAITS if waits else Stage.MADE,
        state=ReportState.AWAITS_CONSENT if waits else ReportState.ACCEPTED,
        detail=made.detail,
        answer=answer,
        files=files,
        wall_ms=wall_ms,
    )
