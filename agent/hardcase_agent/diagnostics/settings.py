"""agent.toml's `[diagnostics]`: what a collector may ask of this agent. Read by `config.py`; light, unlike the rest of
this package, which is imported at the first request."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hardcase_agent.domain.diagnostic import DiagnosticKind

LONGEST_LAMP_S = 3600


class Hidden(StrEnum):
    """What a site may want hidden beyond secrets, which always are."""

    ADDRESSES = "addresses"
    HOSTNAMES = "hostnames"
    SERIALS = "serials"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticsSettings:
    """One switch a kind; the collector can turn none of them on."""

    read_sel: bool = True
    """The whole event log of a BMC."""
    read_sensors: bool = True
    """Every source at once, out of turn."""
    inventory: bool = True
    """FRU, DMI, disks, arrays."""
    self_test: bool = False
    """SMART self-tests of disks: they cost the disk's speed for minutes to a day."""
    identify: bool = True
    """The lamps of chassis and drive bay."""
    clear_sel: bool = False
    """Archive and clear a BMC's event log; what was not archived elsewhere is gone from the machine."""
    bundle: bool = True
    """A support bundle."""
    consent_before_sending: bool = False
    """A bundle is sent only after somebody of the customer has seen its manifest and agreed."""
    redact: tuple[Hidden, ...] = ()
    """Hidden in bundles beside secrets: addresses, hostnames, serials."""
    bundle_max_mib: int = 32
    """Of everything in one bundle before it is compressed."""
    upload_max_kib_s: int = 1024
    """Answers travel at most this fast; 0 = as fast as they can."""
    identify_max_s: int = 900
    """A lamp burns at most this long."""
    no_self_test: tuple[str, ...] = ()
    """Models that are never tested, as shell patterns, beside the shipped list."""

    def __post_init__(self) -> None:
        if not 1 <= self.bundle_max_mib <= 512:
            raise ValueError("bundle_max_mib must be 1 to 512")
        if self.upload_max_kib_s < 0:
            raise ValueError("upload_max_kib_s must be 0 or more")
        if not 1 <= self.identify_max_s <= LONGEST_LAMP_S:
            raise ValueError(f"identify_max_s must be 1 to {LONGEST_LAMP_S}")

    def allowed(self) -> tuple[DiagnosticKind, ...]:
        """The kinds that are on, in the order of the protocol."""
        return tuple(kind for kind in DiagnosticKind if getattr(self, kind.value))
