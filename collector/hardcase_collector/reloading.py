"""What SIGHUP does: log level, rules and channels are read again, all or nothing. Made by `app.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from hardcase_collector import config, logs
from hardcase_collector.config import Settings
from hardcase_collector.delivering import Prepared, prepare
from hardcase_collector.domain.errors import CollectorError
from hardcase_collector.judging import Judging, judging_of
from hardcase_collector.sdnotify import Notifier
from hardcase_collector.storage.state.store import SqlStateStore

log = structlog.stdlib.get_logger("hardcase_collector")

FIXED = (
    "data_dir",
    "listen",
    "tls",
    "state",
    "telemetry",
    "disk",
    "cases",
    "attachments",
    "diagnostics",
    "web",
    "mode",
    "customer",
    "log_format",
)
"""Settings that a reload does not change."""


@dataclass(frozen=True, slots=True)
class Reload:
    """How the last SIGHUP went; `mistakes` empty: it was taken."""

    at_ms: int
    mistakes: tuple[str, ...]
    restart_for: tuple[str, ...] = ()


class Reloading:
    """`rules` and `channels` take what was read; the first may still refuse by a CollectorError."""

    def __init__(
        self,
        settings: Settings,
        config_path: Path | None,
        state: SqlStateStore,
        notifier: Notifier,
        *,
        rules: Callable[[Judging], Awaitable[None]],
        channels: Callable[[Prepared], Awaitable[None]],
        clock_ms: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._config_path = config_path
        self._state = state
        self._notifier = notifier
        self._rules = rules
        self._channels = channels
        self._clock_ms = clock_ms
        self._turn = asyncio.Lock()
        self.last: Reload | None = None

    async def reload(self) -> None:
        """One mistake keeps all that was. One at a time."""
        async with self._turn:
            self._notifier.reloading()
            try:
                settings, judging, channels = await asyncio.to_thread(self._read_again)
                await self._rules(judging)
            except CollectorError as error:
                mistakes = tuple(str(error).split("\n"))
                self.last = Reload(self._clock_ms(), mistakes)
                log.error("reload refused; everything stays as it was", mistakes=mistakes)
                self._notifier.ready("Serving; the last reload was refused, see the journal")
                return
            await self._channels(channels)
            logs.set_up(settings.log_level, self._settings.log_format)
            fixed = tuple(name for name in FIXED if getattr(settings, name) != getattr(self._settings, name))
            self.last = Reload(self._clock_ms(), (), restart_for=fixed)
            if fixed:
                log.warning("these settings take a restart", settings=fixed)
            log.info("reloaded", rules=len(judging.book.rules), channels=len(settings.channel.webhook))
            self._notifier.ready("Serving")

    def _read_again(self) -> tuple[Settings, Judging, Prepared]:
        """Everything that can be wrong, before anything is changed. Raises CollectorError."""
        settings = config.load(self._config_path)
        return settings, judging_of(settings, self._state), prepare(settings.channel)
