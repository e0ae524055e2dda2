"""The gRPC library, imported here only, after its environment is set: it has no other switch for the TLS version.

Channels to the telemetry and enrolment ports. Everything else of the uplink takes a channel or a call.
"""

from __future__ import annotations

import os

from hardcase_agent.domain.errors import ConfigError
from hardcase_agent.uplink.endpoint import Proxy, is_loopback

# The list holds TLS 1.2 suites only (TLS 1.3 has its own, fixed in the library), and must name one it knows. This one
# needs a pre-shared key, which neither side has: TLS 1.2 is offered nothing it could agree on, TLS 1.3 is untouched.
os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-PSK-CHACHA20-POLY1305"
# Its log goes to stderr past our own; the errors come back as statuses anyway.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
# Children are started by exec alone; the fork handlers would stop the library's threads around each.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
# Which address goes by which proxy is decided in endpoint.py: the library would let no_proxy overrule a setting.
os.environ["no_grpc_proxy"] = "hardcase.invalid"  # noqa: SIM112  # the library reads it in small letters

import grpc
import grpc.aio

__all__ = ["ENROLL_PATH", "RENEW_PATH", "STREAM_PATH", "UPLOAD_PATH", "grpc", "plain_channel", "secure_channel"]

Channel = grpc.aio.Channel
StreamCall = grpc.aio.StreamStreamCall[bytes, bytes]

LARGEST_ANSWER = 4 * 1024 * 1024
"""Bytes of one message from the collector; gRPC's own default."""
KEEPALIVE_MS = 30_000
"""Ping after this much silence: a dead path is noticed within 40 s, well under NAT time-outs."""
KEEPALIVE_TIMEOUT_MS = 10_000
STREAM_PATH = "/hardcase_protos.v1.Telemetry/Stream"
UPLOAD_PATH = "/hardcase_protos.v1.Diagnostics/Upload"
ENROLL_PATH = "/hardcase_protos.v1.Enrolment/Enroll"
RENEW_PATH = "/hardcase_protos.v1.Enrolment/Renew"


def secure_channel(
    target: str,
    *,
    ca_pem: bytes,
    key_pem: bytes | None,
    certificate_pem: bytes | None,
    server_name: str,
    proxy: Proxy | None = None,
) -> grpc.aio.Channel:
    """TLS 1.3 to `target` ("host:port"), trusting these CAs alone. `server_name`: what the certificate must say; "" =
    the host of `target`. `proxy` None = directly."""
    credentials = grpc.ssl_channel_credentials(ca_pem, key_pem, certificate_pem)
    return grpc.aio.secure_channel(
        target, credentials, options=_options(server_name, proxy), compression=grpc.Compression.Gzip
    )


def plain_channel(target: str) -> grpc.aio.Channel:
    """No TLS; loopback only. Raises ConfigError for any other address."""
    if not is_loopback(target):
        raise ConfigError((f"collector.server: {target} is not a loopback address; --insecure is for loopback only",))
    return grpc.aio.insecure_channel(target, options=_options("", None), compression=grpc.Compression.Gzip)


def _options(server_name: str, proxy: Proxy | None) -> list[tuple[str, int | str]]:
    options: list[tuple[str, int | str]] = [
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
        ("grpc.max_receive_message_length", LARGEST_ANSWER),
        # A renewed certificate must not ride on an old connection.
        ("grpc.use_local_subchannel_pool", 1),
        # Our own backoff decides when to try again.
        ("grpc.enable_retries", 0),
    ]
    if proxy is None:
        options.append(("grpc.enable_http_proxy", 0))
    else:
        options.append(("grpc.http_proxy", f"http://{proxy.address}"))
        if proxy.authorization:
            options.append(("grpc.http_connect_headers", f"Proxy-Authorization:{proxy.authorization}"))
    if server_name:
        options.append(("grpc.ssl_target_name_override", server_name))
    return options
