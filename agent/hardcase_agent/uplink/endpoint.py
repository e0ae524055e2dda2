"""What an address is, and by which proxy it is reached, without loading the gRPC library."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

ENROLMENT_PORT = 4741
TELEMETRY_PORT = 4740


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """An HTTP proxy that passes connections on by CONNECT."""

    address: str
    """host:port."""
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def authorization(self) -> str:
        """Value of Proxy-Authorization; "" = none is sent."""
        if not self.user:
            return ""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def is_loopback(target: str) -> bool:
    """True for 127.0.0.0/8, ::1, "localhost" and unix sockets."""
    if target.startswith("unix:"):
        return True
    host = host_of(target)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(target: str) -> str:
    """The host of host:port, without the brackets of IPv6."""
    return target.rpartition(":")[0].strip("[]")


def target_of(text: str, default_port: int) -> str:
    """host:port of "host", "host:port", "::1", "[::1]" or "[::1]:port". Raises ValueError."""
    text = text.strip()
    bare = text.strip("[]")
    if ":" in bare and "]:" not in text:
        try:
            return f"[{ipaddress.IPv6Address(bare)}]:{default_port}"
        except ValueError:
            pass
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = text, str(default_port)
    if not host or any(c.isspace() or c in "/@" for c in host) or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is not a host or host:port")
    return f"{host}:{port}"


def parse_proxy(text: str) -> str:
    """host:port of "http://host:port" or "host:port". Raises ValueError, also for user and password in it: they would
    be seen by every user of this host."""
    scheme, found, rest = text.strip().partition("://")
    if not found:
        scheme, rest = "http", text.strip()
    if scheme != "http":
        raise ValueError(f"a proxy is reached by http://, not {scheme}://: the connection inside is encrypted anyway")
    if "@" in rest:
        raise ValueError("user and password do not stand in the address: use proxy_user and proxy_password")
    return target_of(rest.rstrip("/"), 3128)


def proxy_of_environment(target: str, environment: Mapping[str, str]) -> Proxy | None:
    """As https_proxy and no_proxy say; loopback is reached directly. Raises ValueError for one that cannot be used."""
    text = environment.get("https_proxy") or environment.get("HTTPS_PROXY") or ""
    if not text or is_loopback(target):
        return None
    without = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    if _excepted(host_of(target), without):
        return None
    return Proxy(address=parse_proxy(text))


def _excepted(host: str, without: str) -> bool:
    for one in (word.strip().lower() for word in without.split(",") if word.strip()):
        if one == "*" or host.lower() == one.strip("[]") or host.lower().endswith("." + one.lstrip(".")):
            return True
        try:
            if ipaddress.ip_address(host) in ipaddress.ip_network(one):
                return True
        except ValueError:
            continue
    return False
