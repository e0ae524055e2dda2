"""The way to the collector over the agent's life: one `Uplink` at a time, its identity, and the certificate's renewal.

Started, told of new settings and stopped by `app.py`; what a connection does is in `uplink/`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from hardcase_agent import __version__
from hardcase_agent.clock import boot_id
from hardcase_agent.config import CollectorSettings
from hardcase_agent.domain.diagnostic import DiagnosticKind, DiagnosticReport, DiagnosticRequest
from hardcase_agent.domain.errors import AgentError
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.ports import Clock
from hardcase_agent.domain.stream import Backlog
from hardcase_agent.joining import LOOK_S, FileJoining
from hardcase_agent.proxies import proxy_for
from hardcase_agent.uplink import codec, identity
from hardcase_agent.uplink.answers import Trust
from hardcase_agent.uplink.client import Uplink, UplinkStatus
from hardcase_agent.uplink.identity import certificates
from hardcase_agent.uplink.refusals import CLOCK_TOLD_MS, clock_sentence
from hardcase_agent.uplink.upload import Uploads

log = logging.getLogger(__name__)

RENEWAL_LOOK_S = 3600.0
RENEWAL_REST_S = 60.0
LONGEST_SPREAD_S = 3600
"""A collector that gives a fleet longer to open its streams anew is not believed."""


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
        self._renew_now = asyncio.Event()

    def start(self, collector: CollectorSettings) -> None:
        self._collector = collector
        self._identity = self._read_identity()
        self._connect()

    async def use(self, collector: CollectorSettings, *, deadline_s: float) -> None:
        """After a reload: another collector, or the same one with the identity that now lies on the disk."""
        changed = collector != self._collector
        self._collector = collector
        self._identity = self._read_identity()
        if changed or self._uplink is None:
            await self.stop("another collector is configured", deadline_s=deadline_s)
            self._connect()
        else:
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

    async def join_when_told(self) -> None:
        """Forever: while this host has not joined, looks for a drop-in file, and for what `enroll` made meanwhile."""
        joining = FileJoining(host=self._host, clock=self._clock, state_dir=self._state_dir, chance=random.random)
        while True:
            if self._identity is None:
                self._identity = self._read_identity()
            pause_s = LOOK_S
            if self._identity is None and not self._insecure:
                pause_s = await joining.once(self._collector) or LOOK_S
                self._identity = self._read_identity()
            if self._identity is not None and self._uplink is None:
                self._connect()
            await asyncio.sleep(pause_s)

    async def renew_when_due(self) -> None:
        """Forever: a certificate that comes to its end, or that is not taken any more, is exchanged; a failure is told
        once and tried again."""
        said, pause_s = "", 0.0
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._renew_now.wait()
            present = self._identity
            asked = self._renew_now.is_set()
            self._renew_now.clear()
            pause_s = RENEWAL_LOOK_S
            if present is None or present.brought or not (asked or present.renewal_due(self._clock.now().wall_ms)):
                continue
            try:
                await self._renew(present)
                said = ""
            except AgentError as error:
                if str(error) != said:
                    log.error("certificate cannot be renewed: %s", error)
                said = str(error)
                pause_s = RENEWAL_LOOK_S / 4
            # Whoever asks is heard again after a while: a server that shows a wrong certificate would never end it.
            await asyncio.sleep(RENEWAL_REST_S)

    def _unproved(self, reason: str) -> None:
        """One side did not take the other's certificate: a renewal says why, and brings what to trust now."""
        if self._identity is not None and not self._identity.brought:
            self._renew_now.set()

    def _trust(self, told: Trust) -> None:
        """CAs have changed. Kept at once; the stream is opened anew at a random moment of the time it may take."""
        present = self._identity
        try:
            fresh = certificates(told.ca_pem)
            if present is None or not fresh or not set(fresh) & set(certificates(present.ca_pem)):
                log.error("audit: the collector names CAs of which none was trusted before: they are not taken")
                return
            present = replace(present, ca_pem=told.ca_pem)
            identity.store(self._state_dir, present)
        except (ValueError, AgentError) as error:
            log.error("CAs of the collector cannot be kept: %s", error)
            return
        self._identity = present
        log.info("audit: trusts %d CA(s) of the collector from now on: renew=%s", len(fresh), told.renew)
        delay_s = random.random() * min(told.within_s, LONGEST_SPREAD_S)
        act = self._renew_now.set if told.renew and not present.brought else self._again
        asyncio.get_running_loop().call_later(delay_s, act)

    def _again(self) -> None:
        if self._uplink is not None:
            self._uplink.reconnect()

    def _roots(self) -> Sequence[bytes]:
        try:
            return self._identity.roots() if self._identity is not None else ()
        except ValueError:
            return ()

    def _connect(self) -> None:
        self._task = self._uplink = None
        told = self._identity.telemetry if self._identity is not None else ""
        address = self._collector.address or told
        if not address:
            log.warning("not joined yet and no collector.address: nothing is sent, readings stay in the spool")
            return
        try:
            proxy = None if self._insecure else proxy_for(self._collector, address)
        except AgentError as error:
            log.error("the collector cannot be reached: %s", error)
            return
        self._uplink = Uplink(
            target=address,
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
                roots=self._roots,
            ),
            chance=random.random,
            ask=self._ask,
            trust=self._trust,
            unproved=self._unproved,
            proxy=proxy,
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

        target = self._collector.enrolment or present.enrolment
        proxy = proxy_for(self._collector, target)
        joined = await enrol.renew(present, target, self._host, self._clock.now().wall_ms, proxy=proxy)
        identity.store(self._state_dir, joined.identity)
        self._identity = joined.identity
        log.info("audit: certificate renewed: id=%s", joined.identity.agent_id)
        if abs(joined.clock_off_ms) > CLOCK_TOLD_MS:
            log.warning("%s: set it (timedatectl)", clock_sentence(joined.clock_off_ms))
        self._again()
