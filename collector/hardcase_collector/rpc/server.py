"""Builds the gRPC server of the telemetry port. `app.py` starts and stops it.

TLS 1.3 alone is switched on in this package's `__init__.py`.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

import grpc

from hardcase_collector.domain.errors import ConfigError
from hardcase_collector.rpc.service import TelemetryService
from hardcase_collector.rpc.welcome import MAX_MESSAGE_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """PEM of the server's chain and key, and of the CA that signs agents."""

    certificate: bytes
    key: bytes
    ca: bytes


OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", 2 * MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", 2 * MAX_MESSAGE_BYTES),
    # One stream a connection; a few spare for a reconnect whose old stream is not gone yet.
    ("grpc.max_concurrent_streams", 8),
    # A dead peer is noticed in 40 s without a byte of telemetry.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.so_reuseport", 0),
    # A connection that does not even shake hands holds a file descriptor no longer than that.
    ("grpc.server_handshake_timeout_ms", 15_000),
)


def build_server(
    service: TelemetryService, address: str, credentials: Credentials | None
) -> tuple[grpc.aio.Server, int]:
    """The server, not yet started, and its port. Without credentials: plain text, on loopback only (ConfigError)."""
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers((service.handler(),))
    if credentials is None:
        if not is_loopback(address):
            raise ConfigError((f"plain text is possible on loopback only, not on {address}",))
        return server, server.add_insecure_port(address)
    secured = grpc.ssl_server_credentials(
        [(credentials.key, credentials.certificate)], credentials.ca, require_client_auth=True
    )
    return server, server.add_secure_port(address, secured)


def is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
