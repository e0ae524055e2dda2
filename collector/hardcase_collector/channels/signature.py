"""Standard Webhooks: the headers that let a receiver know who sent a body, and that it is not an old one replayed.

Spec: Standard Webhooks 1.0.0 (symmetric signatures, "v1").
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

from hardcase_collector.domain.errors import ConfigError

PREFIX = "whsec_"
# The specification asks for 24 to 64 bytes.
_KEY_BYTES = range(24, 65)


def signing_key(secret: str) -> bytes:
    """The key of a secret "whsec_<base64>". Raises ConfigError; the message never holds the secret."""
    text = secret.strip()
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not text.startswith(PREFIX) or len(key) not in _KEY_BYTES:
        raise ConfigError((f"a webhook's secret must be {PREFIX} and the base64 of 24 to 64 random bytes",))
    return key


def signed_headers(key: bytes, *, event_id: str, timestamp_s: int, body: bytes) -> Mapping[str, str]:
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"v1,{sign(key, event_id, str(timestamp_s), body)}",
    }


def sign(key: bytes, event_id: str, timestamp: str, body: bytes) -> str:
    signed = b".".join((event_id.encode(), timestamp.encode(), body))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode("ascii")
