"""Joining: tokens with their conditions, hosts that wait for a person, certificates by key, and names of refusals.

Values only. `rpc/enrolment.py` decides by them, `joining_store.py` beside this is their port.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from hardcase_collector.domain.errors import NotAllowed
from hardcase_collector.domain.identity import is_placeholder_serial, normalise_serial

WAIT_MS = 7 * 86_400_000
"""How long a host waits for approval: over a long weekend. Then it may ask anew while its token is good."""
MOST_WAITING = 1_000
"""Hosts that wait for approval by one token: a list that a person still goes through."""


class RefusalName(StrEnum):
    """Travels as metadata `hardcase-refusal` beside the sentence, and stands in the audit log."""

    TOKEN_UNKNOWN = "token-unknown"
    TOKEN_EXPIRED = "token-expired"
    TOKEN_USED_UP = "token-used-up"
    TOKEN_REVOKED = "token-revoked"
    NETWORK_NOT_ALLOWED = "network-not-allowed"
    SERIAL_NOT_LISTED = "serial-not-listed"
    WAITING_FOR_APPROVAL = "waiting-for-approval"
    TOO_MANY_WAITING = "too-many-waiting"
    REFUSED_BY_PERSON = "refused-by-person"
    ALREADY_BOUND = "already-bound"
    OTHER_CUSTOMER = "other-customer"
    CLONED = "cloned"
    CLOCK_OFF = "clock-off"
    CERTIFICATE_EXPIRED = "certificate-expired"
    CERTIFICATE_FOREIGN = "certificate-foreign"
    NOT_PROVED = "key-not-proved"
    REVOKED = "revoked"
    ENROLLED_ANEW = "enrolled-anew"
    UNKNOWN_IDENTITY = "unknown-identity"
    BAD_REQUEST = "bad-request"
    TOO_MANY_ATTEMPTS = "too-many-attempts"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingHost:
    """A host that asked with a token whose hosts a person must approve. Known by (token, key)."""

    token: str
    """Hash of the token's secret."""
    key: str
    """SHA-256 of its public key (DER SubjectPublicKeyInfo), hex: what a person compares with the host."""
    customer: str
    hostname: str
    vendor: str
    serial: str
    machine_id: str
    dmi_uuid: str
    address: str
    asked_ms: int
    seen_ms: int
    """When it asked last."""
    decision: str = ""
    """"" = waits, "approved", "refused"."""
    decided_by: str = ""
    decided_ms: int = 0
    reason: str = ""

    @property
    def id(self) -> str:
        """What a person types: the start of its key's fingerprint and of its token's hash."""
        return f"{self.key[:8]}{self.token[:4]}"

    @property
    def expires_ms(self) -> int:
        return self.asked_ms + WAIT_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedByToken:
    """What a (token, key) was answered with, for a host whose answer was lost."""

    token: str
    key: str
    customer: str
    agent_id: str
    enrolled_ms: int
    """`Agent.enrolled_ms` of the enrolment: another one since ends it."""
    certificate: str
    """PEM."""
    expires_ms: int


def read_networks(written: Sequence[str]) -> tuple[str, ...]:
    """Networks in their plain form, "10.0.0.0/8", "2001:db8::/32"; an address stands for itself. Raises NotAllowed."""
    found = []
    for text in written:
        try:
            found.append(str(ipaddress.ip_network(text.strip(), strict=True)))
        except ValueError as error:
            raise NotAllowed(f"{text!r} is no network such as 10.1.0.0/16 or 2001:db8::/48: {error}") from None
    return tuple(dict.fromkeys(found))


def read_serials(written: Sequence[str]) -> tuple[str, ...]:
    """Serials as hardware's are compared. Raises NotAllowed for one that many machines share."""
    wrong = [text for text in written if is_placeholder_serial(text)]
    if wrong:
        raise NotAllowed(f"{', '.join(wrong)}: not a serial that tells one machine from another")
    return tuple(dict.fromkeys(normalise_serial(text) for text in written))


def within(networks: Sequence[str], address: str) -> bool:
    """Whether the address is in one of them; without networks every address is."""
    if not networks:
        return True
    try:
        asked = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(asked, "ipv4_mapped", None)
    asked = mapped or asked
    return any(asked in ipaddress.ip_network(one) for one in networks)


def listed(serials: Sequence[str], serial: str) -> bool:
    """Whether the serial is one of them; without a list every serial is."""
    return not serials or (not is_placeholder_serial(serial) and normalise_serial(serial) in serials)
