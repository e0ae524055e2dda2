"""What an address is, without loading the gRPC library."""

from __future__ import annotations

import ipaddress


def is_loopback(target: str) -> bool:
    """True for 127.0.0.0/8, ::1, "localhost" and unix sockets."""
    if target.startswith("unix:"):
        return True
    host = target.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
