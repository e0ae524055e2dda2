"""The collector's own log: structured lines on standard error, as text for the journal or as JSON.

Set up by `app.py` at start and again on reload. Libraries that use `logging` come out the same way.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from hardcase_collector.config import LogFormat, LogLevel

# sd-daemon(3): the journal reads the level of a line from this prefix.
_PRIORITIES = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}
_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.format_exc_info,
)


def set_up(level: LogLevel, form: LogFormat, *, environment: Mapping[str, str] = os.environ) -> None:
    """Replaces what was set up before."""
    journal = "JOURNAL_STREAM" in environment
    if form is LogFormat.JSON:
        last: tuple[Processor, ...] = (
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        )
    else:
        last = (
            *(() if journal else (structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),)),
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "event"], drop_missing=True)
            if journal
            else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
            *((_prefixed,) if journal else ()),
        )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[_keep_level, structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.value.upper())
    for noisy in ("uvicorn.access", "httpx", "httpcore", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


def _keep_level(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    event.setdefault("level", "info")
    return event


def _prefixed(_: WrappedLogger, method: str, rendered: EventDict) -> str:
    """The last step for the journal. A line break inside would make a second line without a level."""
    text = str(rendered).replace("\n", "\\n")
    return f"<{_PRIORITIES.get(method, 6)}>{text}"
