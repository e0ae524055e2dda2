"""How the agent logs: a line per event to stderr, for the journal; JSON on request. Called by `cli.py`, `app.py`."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections import deque

from hardcase_agent.config import LogForm, LogLevel

_PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
"""Syslog priorities; journald takes "<4>" at the start of a line."""


RECENT_LINES, LONGEST_LINE = 1000, 500
"""Kept in memory for support bundles: half a megabyte at most, a few kilobytes on an agent with nothing to say."""


class _Recent(logging.Handler):
    """The last lines of this process; the journal is not readable by the agent's user."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[str] = deque(maxlen=RECENT_LINES)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.lines.append(self.format(record)[:LONGEST_LINE])
        except Exception:
            self.handleError(record)


_recent = _Recent()


def recent() -> str:
    """The last lines that were logged, oldest first."""
    return "".join(f"{line}\n" for line in tuple(_recent.lines))


class _JsonForm(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


class _JournalForm(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        priority = _PRIORITY.get(record.levelno, 6)
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())


def set_up(level: LogLevel, form: LogForm) -> None:
    """Again at each reload: the level may have changed."""
    handler = logging.StreamHandler(sys.stderr)
    if form is LogForm.JSON:
        handler.setFormatter(_JsonForm())
    elif "JOURNAL_STREAM" in os.environ:
        handler.setFormatter(_JournalForm("%(name)s: %(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler, _recent]
    root.setLevel(level.upper())
    # Their chatter is not ours; python-ipmi prints passwords at debug.
    for noisy in ("pyipmi", "asyncio", "grpc"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
