"""Keeps a stream to the collector: connects, resumes, sends what the spool holds, waits and tries again.

`app.py` runs `Uplink.run` as one task, calls `notify` after each append and `stop` at the end. What one open stream
does is in `stream.py`; what it may send is in `flow.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass

from hardcase_agent.domain.diagnostic import DiagnosticReport, DiagnosticRequest
from hardcase_agent.domain.errors import AgentError, CollectorUnreachable
from hardcase_agent.domain.ports import Clock
from hardcase_agent.domain.stream import Backlog
from hardcase_agent.uplink.answers import CloseCause, Trust
from hardcase_agent.uplink.backoff import Backoff
from hardcase_agent.uplink.codec import Introduction
from hardcase_agent.uplink.endpoint import Proxy
from hardcase_agent.uplink.flow import Suspects
from hardcase_agent.uplink.identity import Identity
from hardcase_agent.uplink.stream import Stream
from hardcase_agent.uplink.terms import Closed, Ended, Tally, Timing
from hardcase_agent.uplink.wire import Channel, plain_channel, secure_channel

log = logging.getLogger(__name__)

_UNPROVED = ("andshake failed", "CERTIFICATE", "certificate")
"""What gRPC says where one side did not take the other's certificate."""
CLOSE_S = 2.0
"""A channel that does not close by then is left to the library."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UplinkStatus:
    """For the systemd status line, `agent@self` and the log."""

    connected: bool
    reason: str
    refused: bool
    """The collector refuses this agent for good; nothing is tried until its configuration or identity changes."""
    streams: int
    rejected: int
    withheld: int
    reports_dropped: int


class Uplink:
    """`identity` is read anew at each connection, so that a renewed certificate is used. `chance` gives 0..1."""

    def __init__(
        self,
        *,
        target: str,
        server_name: str,
        insecure: bool,
        identity: Callable[[], Identity | None],
        backlog: Backlog,
        clock: Clock,
        introduction: Introduction,
        chance: Callable[[], float],
        timing: Timing | None = None,
        ask: Callable[[DiagnosticRequest], None] = lambda request: None,
        trust: Callable[[Trust], None] = lambda told: None,
        unproved: Callable[[str], None] = lambda reason: None,
        proxy: Proxy | None = None,
    ) -> None:
        """`ask` takes the collector's requests for diagnostics, `trust` what it says of its CAs, `unproved` why one
        side did not take the other's certificate; they neither wait nor raise."""
        self._trust = trust
        self._unproved = unproved
        self._proxy = proxy
        self._target = target
        self._server_name = server_name
        self._insecure = insecure
        self._identity = identity
        self._backlog = backlog
        self._clock = clock
        self._introduction = introduction
        self._chance = chance
        self._timing = timing or Timing()
        self._ask = ask
        self._backoff = Backoff()
        self._suspects = Suspects()
        self._tally = Tally()
        self._stopping = asyncio.Event()
        self._again = asyncio.Event()
        self._stream: Stream | None = None
        self._channel: Channel | None = None
        self._reason = "not connected yet"
        self._said = ""
        self._refused = False
        self._streams = 0

    def notify(self) -> None:
        """There is something new in the spool."""
        if self._stream is not None:
            self._stream.wake()

    def say(self, report: DiagnosticReport) -> None:
        """Tell the collector how a request stands, if it is connected; else it asks again when it is."""
        if self._stream is not None and self._stream.welcomed:
            self._stream.say(report)

    def channel(self) -> Channel | None:
        """The connection of the open stream, for a further call on it; None while there is none."""
        return self._channel if self._stream is not None and self._stream.welcomed else None

    def reconnect(self) -> None:
        """Configuration or identity changed: forget refusals and try now."""
        self._refused = False
        self._backoff.reset()
        self._again.set()
        if self._stream is not None:
            self._stream.finish("new identity or configuration")

    def status(self) -> UplinkStatus:
        return UplinkStatus(
            connected=self._stream is not None and self._stream.welcomed,
            reason=self._reason,
            refused=self._refused,
            streams=self._streams,
            rejected=self._tally.rejected,
            withheld=self._tally.withheld,
            reports_dropped=self._tally.reports_dropped,
        )

    def stop(self, reason: str) -> None:
        """Ask `run` to end: what is spooled is sent for a moment, then goodbye. The caller bounds the wait."""
        self._stopping.set()
        self._again.set()
        if self._stream is not None:
            self._stream.finish(reason)

    async def run(self) -> None:
        """Until `stop`. Never raises for anything the network or the collector does."""
        while not self._stopping.is_set():
            try:
                await self._once()
            except AgentError as error:
                self._say(str(error))
                if any(word in str(error) for word in _UNPROVED):
                    self._unproved(str(error))
            except Exception as error:
                # The library's own defects must not end the uplink for good; the next try starts from nothing.
                log.exception("uplink failed: %s", type(error).__name__)
                self._say(f"{type(error).__name__}: {error}")
            if not self._stopping.is_set():
                await self._pause()

    async def _once(self) -> None:
        channel = self._open()
        try:
            stream = Stream(
                channel,
                backlog=self._backlog,
                clock=self._clock,
                introduction=self._introduction,
                suspects=self._suspects,
                tally=self._tally,
                timing=self._timing,
                ask=self._ask,
                trust=self._trust,
            )
            self._stream, self._channel = stream, channel
            if self._stopping.is_set():
                return
            try:
                ended = await stream.run()
            finally:
                self._stream = self._channel = None
                if stream.welcomed:
                    self._streams += 1
                if stream.useful:
                    self._backoff.reset()
            self._after(ended)
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await channel.close()

    def _after(self, ended: Ended) -> None:
        if isinstance(ended, Closed):
            self._refused = ended.cause.permanent
            if ended.cause is CloseCause.SUPERSEDED:
                # Another agent holds this identity: two that answer each other at once would never end.
                self._backoff.longest()
            self._say(f"the collector closed the stream: {ended.cause}: {ended.detail}")
        else:
            self._say(ended.reason)
            if any(word in ended.reason for word in _UNPROVED):
                self._unproved(ended.reason)

    def _open(self) -> Channel:
        if self._insecure:
            return plain_channel(self._target)
        identity = self._identity()
        if identity is None:
            raise CollectorUnreachable("this host is not enrolled: run hardcase-agent enroll")
        if identity.expired(self._clock.now().wall_ms):
            # By this host's clock: whoever renews it says which of the two is wrong.
            self._unproved("expired")
        key_pem, certificate_pem = identity.pair()
        return secure_channel(
            self._target,
            ca_pem=identity.ca_pem.encode(),
            key_pem=key_pem,
            certificate_pem=certificate_pem,
            server_name=self._server_name or identity.server_name,
            proxy=self._proxy,
        )

    async def _pause(self) -> None:
        """Wait out the backoff; for ever if refused, until `reconnect` or `stop`."""
        delay = None if self._refused else self._backoff.delay_s(self._chance())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._again.wait()
        self._again.clear()

    def _say(self, reason: str) -> None:
        """Log a reason once, not at each try."""
        self._reason = reason
        if reason != self._said:
            self._said = reason
            log.warning("no stream to the collector: server=%s reason=%s", self._target, reason)
