"""The way to the collector over the agent's life: one `Uplink` at a time, its identity, and the certificate's renewal.

Started, told of new settings and stopped by `app.py`; what a connection does is in `uplink/`.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from hardcase_agent import __version__
from hardcase_agent.clock import boot_id
from hardcase_agent.config import CollectorSettings
from hardcase_agent.domain.diagnostic import DiagnosticKind, DiagnosticReport, DiagnosticRequest
from hardcase_agent.domain.errors import AgentError
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.ports import Clock
from hardcase_agent.domain.stream import Backlog
from hardcase_agent.uplink import codec, identity
from hardcase_agent.uplink.client import Uplink, UplinkStatus
from hardcase_agent.uplink.upload import Uploads

log = logging.getLogger(__name__)

RENEWAL_LOOK_S = 3600.0


class Link:
    """Without a collector's address nothing is sent, and all of this does nothing."""

    def __init__(
        self,
        *,
        host: Asset,
        backlog: Backlog,
        clock: Clock,
        state_dir: Path,
        insecure: bool,
        allowed: Callable[[], Sequence[DiagnosticKind]] = tuple,
        ask: Callable[[DiagnosticRequest], None] = lambda request: None,
        upload_bytes_per_s: Callable[[], int] = lambda: 0,
    ) -> None:
        """`allowed` diagnostics are told to the collector, which may `ask` for them."""
        self._allowed = allowed
        self._ask = ask
        self.uploads = Uploads(lambda: self._uplink.channel() if self._uplink else None, upload_bytes_per_s)
        self._host = host
        self._backlog = backlog
        self._clock = clock
        self._state_dir = state_dir
        self._insecure = insecure
        self._identity: identity.Identity | None = None
        self._uplink: Uplink | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, collector: CollectorSettings) -> None:
        self._collector = collector
        self._identity = self._read_identity()
        self._connect()

    async def use(self, collector: CollectorSettings, *, deadline_s: float) -> None:
        """After a reload: another collector, or the same one with the identity that now lies on the disk."""
        changed = collector != self._collector
        self._collector = collector
        self._identity = self._read_identity()
        if changed:
            await self.stop("another collector is configured", deadline_s=deadline_s)
            self._connect()
        elif self._uplink is not None:
            self._uplink.reconnect()

    @property
    def task(self) -> asyncio.Task[None] | None:
        """Ends only where `stop` was asked for. None: no collector is configured."""
        return self._task

    async def stop(self, reason: str, *, deadline_s: float) -> None:
        """Says goodbye if the collector hears it by the deadline."""
        if self._uplink is not None and self._task is not None:
            self._uplink.stop(reason)
            await asyncio.wait({self._task}, timeout=deadline_s)
            self._task.cancel()

    def notify(self) -> None:
        """There is something new to send."""
        if self._uplink is not None:
            self._uplink.notify()

    def say(self, report: DiagnosticReport) -> None:
        """How a request stands; without a stream it is asked for again."""
        if self._uplink is not None:
            self._uplink.say(report)

    def status(self) -> UplinkStatus | None:
        """None: no collector is configured."""
        return self._uplink.status() if self._uplink is not None else None

    async def renew_when_due(self) -> None:
        """Forever: a certificate that comes to its end is exchanged; a failure is told once and tried again."""
        said = ""
        while True:
            await asyncio.sleep(RENEWAL_LOOK_S if said == "" else RENEWAL_LOOK_S / 4)
            if self._identity is None or not self._identity.renewal_due(self._clock.now().wall_ms):
                continue
            try:
                await self._renew(self._identity)
                said = ""
            except AgentError as error:
                if str(error) != said:
                    log.error("certificate cannot be renewed: %s", error)
                said = str(error)

    def _connect(self) -> None:
        self._task = self._uplink = None
        if not self._collector.address:
            log.warning("no collector.address: nothing is sent, readings stay in the spool")
            return
        self._uplink = Uplink(
            target=self._collector.address,
            server_name=self._collector.server_name,
            insecure=self._insecure,
            identity=self._present_identity,
            backlog=self._backlog,
            clock=self._clock,
            introduction=codec.Introduction(
                version=__version__,
                host=self._host,
                boot_id=boot_id(),
                diagnostics=self._allowed,
            ),
            chance=random.random,
            ask=self._ask,
        )
        self._task = asyncio.create_task(self._uplink.run(), name="uplink")

    def _present_identity(self) -> identity.Identity | None:
        """Looks again while there is none: `enroll` may have been run beside the service."""
        if self._identity is None:
            self._identity = self._read_identity()
        return self._identity

    def _read_identity(self) -> identity.Identity | None:
        try:
            return identity.load(self._state_dir)
        except AgentError as error:
            log.error("identity cannot be used: %s", error)
            return None

    async def _renew(self, present: identity.Identity) -> None:
        from hardcase_agent.uplink import enrol  # brings the cryptography library, 8 MB, once in weeks

        enrolment = self._collector.enrolment or present.enrolment
        fresh = await enrol.renew(present, enrolment, self._host, self._clock.now().wall_ms)
        identity.store(self._state_dir, fresh)
        self._identity = fresh
        log.info("certificate renewed")
        if self._uplink is not None:
            self._uplink.reconnect()
