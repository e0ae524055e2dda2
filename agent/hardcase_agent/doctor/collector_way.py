"""The way to the collector: certificate, name, port, and whether who answers there is the one that is known."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator

from hardcase_agent.config import CollectorSettings
from hardcase_agent.doctor.place import bad, good, hint
from hardcase_agent.domain.errors import AgentError, CollectorUnreachable
from hardcase_agent.domain.event import CoverageLine
from hardcase_agent.proxies import proxy_for
from hardcase_agent.uplink.endpoint import is_loopback
from hardcase_agent.uplink.identity import Identity
from hardcase_agent.uplink.refusals import CLOCK_TOLD_MS, clock_sentence

EXPIRY_DAYS = 7
DAY_MS = 86_400_000
LATE_DAYS = 14
"""Renewal is tried every hour from two thirds of the life on."""
CONNECT_S = 8.0
REFUSED_MS = 600_000
"""From here on the collector renews nothing (enrolment.proto, RenewRequest.wall_ms)."""
_SET_CLOCK = (
    "enable chrony or systemd-timesyncd, then: timedatectl; or set the collector's clock, where it is the wrong one"
)


def certificate_lines(held: Identity, wall_ms: int) -> Iterator[CoverageLine]:
    days = (held.not_after_ms - wall_ms) // DAY_MS
    if wall_ms < held.not_before_ms:
        ahead = (held.not_before_ms - wall_ms) / 3_600_000
        why = f"this machine's clock is off: the client certificate begins to hold in {ahead:.1f} hours"
        yield bad(why, "set the clock: enable chrony or systemd-timesyncd")
    elif days < 0:
        why = f"the client certificate ended {-days} days ago: the collector refuses the stream"
        yield bad(why, "run hardcase-agent enroll again; before that, check the clock with timedatectl")
    elif days < EXPIRY_DAYS:
        yield bad(f"the client certificate ends in {days} days", "check collector.enrolment")
    elif held.renewal_due(wall_ms - LATE_DAYS * DAY_MS):
        why = f"the client certificate should have been renewed for {LATE_DAYS} days; it holds {days} days yet"
        yield hint(why, f"look whether {held.enrolment or 'collector.enrolment'} can be reached; the log says more")
    else:
        yield good(f"enrolled as {held.agent_id}, the certificate holds {days} days")


async def reach_lines(collector: CollectorSettings, held: Identity | None) -> list[CoverageLine]:
    """Name, port, and TLS with the CA that this agent knows. Sends no request; raises nothing."""
    host, _, port = collector.address.rpartition(":")
    proxy = str(getattr(collector, "proxy", "") or "")
    if proxy or collector.address.startswith("unix:"):
        return [good(f"the collector {collector.address} is reached {'through a proxy' if proxy else 'by a socket'}")]
    bare = host.strip("[]")
    try:
        async with asyncio.timeout(CONNECT_S):
            found = await asyncio.get_running_loop().getaddrinfo(bare, int(port), type=socket.SOCK_STREAM)
    except (OSError, TimeoutError) as error:
        why = f"the collector's name {bare} is not resolved: {getattr(error, 'strerror', None) or 'no answer'}"
        return [bad(why, "check collector.address, /etc/resolv.conf and /etc/hosts")]
    addresses = ", ".join(sorted({str(one[4][0]) for one in found}))
    context = None
    if held is not None:
        context = ssl.create_default_context(cadata=held.ca_pem)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols(["h2"])
    name = (collector.server_name or (held.server_name if held else "") or bare) if context else None
    return [await _connect(bare, int(port), addresses, context, name)]


async def clock_lines(collector: CollectorSettings, held: Identity, wall_ms: Callable[[], int]) -> list[CoverageLine]:
    """How far this host's clock is from the collector's, as its enrolment port tells. Raises nothing."""
    if not held.enrolment:
        return []
    from hardcase_agent.uplink import enrol  # brings the cryptography library

    try:
        server = enrol.Server(
            target=held.enrolment, server_name=held.server_name, proxy=proxy_for(collector, held.enrolment)
        )
        before_ms = wall_ms()
        told_ms = await enrol.collector_ms(server, held.ca_pem.encode(), within_s=CONNECT_S)
        after_ms = wall_ms()
    except CollectorUnreachable as error:
        if trouble := await enrol.clock_trouble(server, wall_ms()):
            return [bad(trouble, _SET_CLOCK)]
        cure = "check collector.enrolment and the firewalls in between: the certificate is renewed there"
        return [hint(f"the collector's clock could not be asked: {error}", cure)]
    except AgentError as error:
        return [bad(str(error), "check collector.proxy")]
    return [_clock_line((before_ms + after_ms) // 2 - told_ms, (after_ms - before_ms) // 2)]


def _clock_line(off_ms: int, unsure_ms: int) -> CoverageLine:
    """`unsure_ms`: half of what question and answer took together."""
    if abs(off_ms) > REFUSED_MS:
        return bad(f"{clock_sentence(off_ms)}: it refuses to renew the certificate", _SET_CLOCK)
    if abs(off_ms) > CLOCK_TOLD_MS:
        return hint(clock_sentence(off_ms), _SET_CLOCK)
    if abs(off_ms) <= max(unsure_ms, 1000):
        return good("this host's clock is the collector's, within a second")
    return good(clock_sentence(off_ms))


async def _connect(
    host: str, port: int, addresses: str, context: ssl.SSLContext | None, name: str | None
) -> CoverageLine:
    where = f"{host}:{port} ({addresses})"
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=name)
    except ssl.SSLCertVerificationError as error:
        cure = "check collector.server_name; another CA needs hardcase-agent enroll; a wrong clock refuses good ones"
        return bad(f"who answers at {where} is not the known collector: {error.verify_message}", cure)
    except ssl.SSLError as error:
        cure = "check that collector.address is the telemetry port, and that nothing in between opens TLS"
        return bad(f"{where} does not speak TLS 1.3 as the collector does: {error.reason or error}", cure)
    except TimeoutError:
        return bad(f"{where} does not answer within {CONNECT_S:g} s", "open the port in the firewalls in between")
    except OSError as error:
        why = error.strerror or str(error) or "it hung up"
        cure = (
            "check that the collector runs and listens there: hardcase-collector status; and the firewalls in between"
        )
        return bad(f"{where} cannot be reached: {why}", cure)
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(1.0):
            await writer.wait_closed()
    if context is None and not is_loopback(f"{host}:{port}"):
        return hint(f"the collector's port {where} is open", "run hardcase-agent enroll")
    if context is None:
        return hint(f"the collector's port {where} is open; readings travel as plain text", "only for trials")
    return good(f"the collector answers at {where} with a certificate of the known CA")
