"""Every error the collector names. Permanent: nothing helps until somebody acts. Temporary: try again.

CollectorError
├── PermanentError
│   ├── ConfigError         the configuration file is wrong; lists every mistake
│   ├── SheetError          a sheet is wrong; lists every mistake with file, line and key
│   ├── BadRecord           one record contradicts itself or its catalogue: rejected inside the ack
│   ├── NotBound            the asset belongs to another agent's customer
│   ├── NotAllowed          the actor may not do this
│   ├── NotFound            no such case, asset, user or rule
│   ├── IllegalAction       the workflow table has no such transition
│   ├── LinkRefused         a link without login: unknown, expired or taken back
│   ├── TokenRefused        enrolment token wrong, used up or expired
│   └── Cloned              machine-id or DMI UUID differs from enrolment
└── TemporaryError
    ├── DiskFull            below the reserve: nothing is acknowledged
    ├── StoreFailed         a store refused a write; nothing of the batch was kept
    │   └── TryAgain        the database gave way to another session (deadlock): the same may succeed at once
    ├── StoreLocked         another process holds the stores
    ├── SessionSuperseded   a newer stream of this agent was accepted
    └── DeliveryFailed      a channel did not take the event; carries when to try again
"""

from __future__ import annotations


class CollectorError(Exception):
    """Something went wrong in the collector."""


class PermanentError(CollectorError):
    """Trying again changes nothing until somebody acts."""


class TemporaryError(CollectorError):
    """Trying again later may work."""


class ConfigError(PermanentError):
    """The configuration is wrong. `mistakes` has one line each, with file and key."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class SheetError(PermanentError):
    """A sheet is wrong. `mistakes` has one line each: file, line, key, what is wrong."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class BadRecord(PermanentError):
    """The record contradicts itself or its catalogue."""


class NotBound(PermanentError):
    """The asset is bound to another agent's customer."""


class NotAllowed(PermanentError):
    """The actor may not do this."""


class NotFound(PermanentError):
    """There is no such thing."""


class IllegalAction(PermanentError):
    """The workflow table has no such transition."""


class LinkRefused(PermanentError):
    """A link without login that is unknown, has expired or was taken back; or too many wrong ones were tried."""


class TokenRefused(PermanentError):
    """The enrolment token is wrong, used up or expired."""


class Cloned(PermanentError):
    """The host's machine-id or DMI UUID differs from enrolment."""


class DiskFull(TemporaryError):
    """Free space is below the reserve."""


class StoreFailed(TemporaryError):
    """A store refused a write."""


class TryAgain(StoreFailed):
    """The database gave way to another session (deadlock, serialization): the same may succeed at once."""


class StoreLocked(TemporaryError):
    """Another process holds the stores."""


class SessionSuperseded(TemporaryError):
    """A newer stream of this agent was accepted."""


class DeliveryFailed(TemporaryError):
    """A channel did not take the event."""
