"""A plain TLS connection to the collector, through the proxy where there is one: to look at what a server shows.

Used by `enrol.py` before anything is sent; streams and calls are gRPC's own (`wire.py`).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from hardcase_agent.domain.errors import CollectorUnreachable
from hardcase_agent.uplink.endpoint import Proxy, host_of

CALL_S = 20.0
"""Deadline of each step with the collector: a slow WAN and a busy disk fit in."""
LONGEST_HEAD = 16 * 1024
_LOOK = (
    "is the collector running (systemctl status hardcase-collector), is this the enrolment port (`listen.enrolment` of "
    "its collector.toml), and does a firewall let it through? Nothing was sent"
)


async def presented_chain(target: str, proxy: Proxy | None) -> list[bytes]:
    """DER certificates as the server sends them, not verified: only fingerprints and dates are taken from them.

    Raises CollectorUnreachable.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["h2"])
    host, port = host_of(target), int(target.rpartition(":")[2])
    try:
        async with asyncio.timeout(CALL_S):
            if proxy is None:
                _, writer = await asyncio.open_connection(host, port, ssl=context)
            else:
                writer = await _through(proxy, target)
                with _closed_on_failure(writer):
                    await writer.start_tls(context, server_hostname=host)
    except (OSError, ValueError, TimeoutError) as error:
        raise CollectorUnreachable(f"no TLS 1.3 connection to {target}: {_why(error)}; {_LOOK}") from error
    try:
        return _der_chain(writer.get_extra_info("ssl_object"))
    finally:
        writer.transport.abort()


async def _through(proxy: Proxy, target: str) -> asyncio.StreamWriter:
    """A connection that the proxy passes on (RFC 9110, 9.3.6). Raises CollectorUnreachable, OSError."""
    try:
        reader, writer = await asyncio.open_connection(
            host_of(proxy.address), int(proxy.address.rpartition(":")[2]), limit=LONGEST_HEAD
        )
    except OSError as error:
        raise CollectorUnreachable(f"the proxy {proxy.address} cannot be reached: {_why(error)}") from error
    with _closed_on_failure(writer):
        await _connect(reader, writer, proxy, target)
    return writer


async def _connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, proxy: Proxy, target: str) -> None:
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.authorization:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError) as error:
        raise CollectorUnreachable(f"the proxy {proxy.address} does not answer CONNECT") from error
    words = head.split(b"\r\n", 1)[0].decode("latin-1").split()
    code = words[1] if len(words) > 1 else "nothing"
    if code != "200":
        raise CollectorUnreachable(f"the proxy {proxy.address} {_refusal(code)}")


@contextmanager
def _closed_on_failure(writer: asyncio.StreamWriter) -> Iterator[None]:
    """Also where the deadline, or who waits for it, gives up: nobody else has the socket."""
    try:
        yield
    except BaseException:
        writer.transport.abort()
        raise


def _refusal(code: str) -> str:
    if code == "407":
        return "wants a user and a password (407): set collector.proxy_user and collector.proxy_password"
    return f"does not let the connection through ({code})"


def _why(error: OSError | ValueError | TimeoutError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, TimeoutError):
        return f"no answer within {CALL_S:g} s"
    return str(error) or type(error).__name__


def _der_chain(connection: ssl.SSLObject) -> list[bytes]:
    # Public from Python 3.13 on (there as bytes); before that only on the inner object.
    public = getattr(connection, "get_unverified_chain", None)
    if public is not None:
        return [bytes(der) for der in public()]
    inner = connection._sslobj  # type: ignore[attr-defined]  # no other way on 3.11 and 3.12
    return [certificate.public_bytes(2) for certificate in inner.get_unverified_chain() or ()]
