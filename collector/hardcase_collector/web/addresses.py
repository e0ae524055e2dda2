"""Where a request comes from, also behind a reverse proxy of the site. For throttles, networks of tokens, audit."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.requests import HTTPConnection


class Addresses:
    """`proxies`: networks whose X-Forwarded-For is believed; of others that header says nothing."""

    def __init__(self, proxies: Sequence[str] = ()) -> None:
        self._proxies: tuple[IPv4Network | IPv6Network, ...] = tuple(map(ip_network, proxies))

    def of(self, request: HTTPConnection) -> str:
        """The last address that is no proxy of ours: whatever stands before it the caller may have written himself."""
        address = request.client.host if request.client else ""
        told = [one.strip() for one in ",".join(request.headers.getlist("x-forwarded-for")).split(",")]
        while told and self._is_proxy(address):
            before = told.pop()
            if _known(before) is None:
                break
            address = before
        return address

    def _is_proxy(self, address: str) -> bool:
        known = _known(address)
        return known is not None and any(known in network for network in self._proxies)


def _known(address: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(address)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def address_of(request: HTTPConnection) -> str:
    """As the application it came to believes."""
    addresses: Addresses = request.app.state.addresses
    return addresses.of(request)
