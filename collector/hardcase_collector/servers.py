"""The collector's listening ends: pages over HTTPS, control socket, enrolment port. Built and stopped by `app.py`.

All share the event loop. The telemetry port is `rpc/server.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import h11
import uvicorn
from cryptography import x509
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from hardcase_collector import pki
from hardcase_collector.domain.errors import CollectorError, ConfigError
from hardcase_collector.rpc.enrolment import EnrolmentService, add_enrolment
from hardcase_collector.rpc.server import OPTIONS, build_server
from hardcase_collector.rpc.service import TelemetryService
from hardcase_collector.secret_files import check_key
from hardcase_collector.web.control import peers

Showing = Callable[[], pki.Shown]
"""What a port shows now."""
STOP_S = 3
MAX_CONNECTIONS = 512
REQUEST_S = 10.0
FLOW = 65_536
"""Bytes of a body that earn another second: a file may come over a slow line, a trickle may not."""
ENROLMENT_OPTIONS = (
    # A certificate request is under 2 KiB.
    ("grpc.max_receive_message_length", 65_536),
    ("grpc.max_concurrent_streams", 4),
    ("grpc.so_reuseport", 0),
    ("grpc.server_handshake_timeout_ms", 15_000),
)


@dataclass(frozen=True, slots=True)
class Ends:
    """What listens, and where."""

    telemetry: str
    enrolment: str
    web: str
    socket: str


def at(address: str, port: int) -> str:
    """The configured address with the port that was really bound."""
    return f"{address.rpartition(':')[0]}:{port}"


def reached_at(name: str, address: str) -> str:
    """A name of the server certificate with the port of a listening address, as people type it."""
    host = f"[{name}]" if ":" in name else name
    return f"{host}:{address.rpartition(':')[2]}"


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 whose requests must be whole within ten seconds, or the connection is cut: uvicorn itself waits for
    ever for the rest of a header, and a few hundred such connections would keep everybody else out. A body that flows
    has longer, by its bytes.
    """

    _cut: asyncio.TimerHandle | None = None
    _received = 0
    """Bytes since the last second that they earned."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in H11Protocol
        super().connection_made(transport)
        self._cut = self.loop.call_later(REQUEST_S, transport.abort)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._whole()
        elif self._cut is None:
            self._cut = self.loop.call_later(REQUEST_S, self.transport.abort)
        elif self.conn.their_state is h11.SEND_BODY:
            self._extend(self._cut, len(data))

    def connection_lost(self, exc: Exception | None) -> None:
        self._whole()
        super().connection_lost(exc)

    def _extend(self, cut: asyncio.TimerHandle, received: int) -> None:
        earned, self._received = divmod(self._received + received, FLOW)
        if earned:
            cut.cancel()
            # What came fast is no credit for standing still.
            at = min(cut.when() + earned, self.loop.time() + REQUEST_S)
            self._cut = self.loop.call_at(max(at, cut.when()), self.transport.abort)

    def _whole(self) -> None:
        self._received = 0
        if self._cut is not None:
            self._cut.cancel()
            self._cut = None


class HttpServer(uvicorn.Server):
    """A uvicorn server that leaves the process's signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpEnd:
    """One HTTP application on one listening socket."""

    def __init__(self, app: FastAPI, listener: socket.socket, *, tls: ssl.SSLContext | None) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            http=uvicorn_protocol(tls),
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=15,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=STOP_S,
            ssl_context_factory=None if tls is None else lambda *_: tls,
        )
        self._server = HttpServer(config)
        self._listener = listener
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when it listens. Raises RuntimeError where it ended at once."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        while not self._server.started:
            await asyncio.sleep(0.01)
            if self._task.done():
                self._task.result()
                raise RuntimeError("an HTTP server ended while it started")

    async def stop(self) -> None:
        self._server.should_exit = True
        if self._task is not None:
            await self._task


def uvicorn_protocol(tls: ssl.SSLContext | None) -> type[asyncio.Protocol]:
    """Connections without TLS are those of the control socket: their peers are checked."""
    return BoundedProtocol if tls is not None else peers.PeerCheckedProtocol


def tls_context(chain: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.3 only. Loading the chain again later changes what new connections are shown. Raises ConfigError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    show(context, chain, key)
    return context


def show(context: ssl.SSLContext, chain: Path, key: Path) -> None:
    """New connections are shown this from now on. Raises ConfigError; then it is as it was."""
    check_key(key)
    try:
        context.load_cert_chain(chain, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError((f"{chain}, {key}: not a usable certificate and key: {error}",)) from error


def bind(address: str) -> socket.socket:
    """A listening TCP socket. Raises ConfigError naming the address."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # [::] takes both families, as the ports of gRPC do.
        return socket.create_server((host, int(port)), family=family, backlog=256, dualstack_ipv6=host == "::")
    except OSError as error:
        raise ConfigError((f"listen: {address} cannot be listened on: {error.strerror or error}",)) from error


def bound_port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def enrolment_server(service: EnrolmentService, address: str, shown: Showing) -> tuple[grpc.aio.Server, int]:
    """The server, not yet started, and its port. Presents the server certificate followed by the CA."""
    server = grpc.aio.server(options=ENROLMENT_OPTIONS, maximum_concurrent_rpcs=32)
    add_enrolment(server, service)
    return server, add_tls_port(server, address, shown)


def telemetry_server(
    service: TelemetryService, address: str, shown: Showing | None, *, joining: EnrolmentService | None = None
) -> tuple[grpc.aio.Server, int]:
    """The server, not yet started, and its port. Without `shown`: plain text, on loopback only (ConfigError).

    `joining`: hosts may join here with certificates that they brought.
    """
    if shown is None:
        return build_server(service, address, None)
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers((service.handler(),))
    if joining is not None:
        add_enrolment(server, joining)
    return server, add_tls_port(server, address, shown)


def add_tls_port(server: grpc.aio.Server, address: str, shown: Showing) -> int:
    """A port whose certificate and CAs are read anew when a file changed, so that a renewal needs no restart.

    Raises ConfigError where the address is taken, or a file cannot be used.
    """
    source = _CertificateSource(shown)
    credentials = grpc.dynamic_ssl_server_credentials(
        source.current,
        source.fetch,  # type: ignore[arg-type]  # None is allowed by its document and means: unchanged
        require_client_authentication=bool(shown().clients),
    )
    try:
        port = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise ConfigError((f"listen: {address} cannot be listened on: {error}",)) from error
    if port == 0:
        raise ConfigError((f"listen: {address} cannot be listened on",))
    return port


class _CertificateSource:
    """Asked by gRPC at every handshake, on a thread of its own; a look at the files' times is all it costs.

    Raises ConfigError when it is made from files that cannot be used.
    """

    def __init__(self, shown: Showing) -> None:
        self._shown = shown
        try:
            self._stamp = pki.stamp(shown())
            self.current = _configuration(shown())
        except (OSError, ValueError) as error:
            raise ConfigError((f"certificates: {error}",)) from error

    def fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """None: what you have is right."""
        try:
            shown = self._shown()
            stamp = pki.stamp(shown)
            if stamp == self._stamp:
                return None
            self.current = _configuration(shown)
        except (OSError, ValueError, CollectorError):
            # In the middle of a change, or a file of the site's that is wrong: what is in use stays in use.
            return None
        self._stamp = stamp
        return self.current


def _configuration(shown: pki.Shown) -> grpc.ServerCertificateConfiguration:
    """Raises OSError, ValueError."""
    chain = b"".join(path.read_bytes().rstrip() + b"\n" for path in (shown.chain, *shown.further))
    if not pki.is_pair(shown.key, x509.load_pem_x509_certificate(chain)):
        raise ValueError(f"{shown.key} is not the key of {shown.chain}")
    clients = b"".join(path.read_bytes().rstrip() + b"\n" for path in shown.clients)
    return grpc.ssl_server_certificate_configuration([(shown.key.read_bytes(), chain)], clients or None)
