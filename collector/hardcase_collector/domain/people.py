"""Sessions of people and tokens of the API: their values, the closed set of scopes, and how a token is written.

Users themselves are in `stored.py`, what may be stored of all this is `people_store.py`. Randomness is an argument.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address, ip_network

API_TOKEN_DAYS = 90
LONGEST_API_TOKEN_DAYS = 397
"""As certificates: what is made is looked at again at least once a year."""
PREFIX = "hck_"
"""What scanners for leaked secrets look for."""
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
RANDOM_BYTES = 24
_RANDOM_LENGTH = 33
"""Digits of base 62 that hold 24 bytes."""
_CHECK_LENGTH = 6
"""62^6 is over 2^32: room for a CRC-32."""
_DAY_MS = 86_400_000


class ApiScope(StrEnum):
    """What an API token may be used for; its role must allow the deed as well."""

    CASES_READ = "cases:read"
    CASES_WRITE = "cases:write"
    REPAIRS_READ = "repairs:read"
    REPAIRS_WRITE = "repairs:write"
    ASSETS_READ = "assets:read"
    ASSETS_WRITE = "assets:write"
    WINDOWS_READ = "windows:read"
    WINDOWS_WRITE = "windows:write"
    DUTY_READ = "duty:read"
    DUTY_WRITE = "duty:write"
    PARTS_READ = "parts:read"
    PARTS_WRITE = "parts:write"
    BOOKS_READ = "books:read"
    BOOKS_WRITE = "books:write"
    DIAGNOSTICS_READ = "diagnostics:read"
    DIAGNOSTICS_ASK = "diagnostics:ask"
    AUDIT_READ = "audit:read"
    METRICS_READ = "metrics:read"


LEAST_SCOPES = (ApiScope.CASES_READ,)
"""Of a token that is made without naming any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A token of the API, stored by the SHA-256 of its secret. Either a user's or an automation's."""

    id: int = 0
    hash: str
    user: str | None
    """Acts as this user, with his role and within his scope as they are at that time."""
    automation: str
    """Name of the automation that it acts as; "" where it is a user's."""
    customer: str | None
    """Held to this customer; None: to what its user sees, or to nothing."""
    scopes: tuple[ApiScope, ...]
    networks: tuple[str, ...]
    """It is taken from there only; none: from everywhere."""
    made_by: str
    made_ms: int
    expires_ms: int
    used_ms: int = 0
    """Start of the UTC day on which it was used last; 0 = never."""
    revoked_ms: int = 0

    @property
    def name(self) -> str:
        """Whom it acts as."""
        return self.user or self.automation

    def taken_from(self, address: str) -> bool:
        """Whether its networks hold this address."""
        if not self.networks:
            return True
        try:
            known = ip_address(address)
        except ValueError:
            return False
        mapped = getattr(known, "ipv4_mapped", None)
        return any((mapped or known) in ip_network(network) for network in self.networks)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSession:
    """Somebody who is signed in to the pages, stored by the SHA-256 of the cookie."""

    hash: str
    user: str
    address: str
    made_ms: int
    seen_ms: int
    expires_ms: int

    @property
    def id(self) -> str:
        """What lists call it: nothing of the cookie can be told from it."""
        return self.hash[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """What a request with an idempotency key was answered. Status 0: it was done, and its answer is not known."""

    token: int
    key: str
    """SHA-256 of what the caller sent."""
    fingerprint: str
    """Of the request: the same key with another one is a mistake."""
    status: int
    body: str
    at_ms: int


def day_of(now_ms: int) -> int:
    return now_ms - now_ms % _DAY_MS


def api_token(random: bytes) -> str:
    """The secret as its owner writes it: prefix, random part, checksum. `random`: `RANDOM_BYTES` of them."""
    body = _digits(int.from_bytes(random, "big"), _RANDOM_LENGTH)
    return f"{PREFIX}{body}{_check(body)}"


def is_api_token(text: str) -> bool:
    """Whether this can be one at all: told without asking the store, by scanners as well."""
    if not text.startswith(PREFIX) or not text.isascii():
        return False
    body, check = text[len(PREFIX) : -_CHECK_LENGTH], text[-_CHECK_LENGTH:]
    return len(body) == _RANDOM_LENGTH and set(body) <= set(_ALPHABET) and check == _check(body)


def scopes_of(words: Sequence[str]) -> tuple[ApiScope, ...]:
    """In their own order. Raises ValueError for what is no scope."""
    given = {ApiScope(word) for word in words}
    return tuple(scope for scope in ApiScope if scope in given)


def networks_of(words: Sequence[str]) -> tuple[str, ...]:
    """Written as `ipaddress` writes them. Raises ValueError for what is no network or address."""
    return tuple(dict.fromkeys(str(ip_network(word)) for word in words))


def _check(body: str) -> str:
    return _digits(binascii.crc32(f"{PREFIX}{body}".encode("ascii")), _CHECK_LENGTH)


def _digits(number: int, length: int) -> str:
    made = ""
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        made = _ALPHABET[digit] + made
    return made
