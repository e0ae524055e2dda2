"""Every error the agent names. Permanent: do not try again until something is changed. Temporary: try again.

AgentError
├── PermanentError
│   ├── ConfigError            the configuration file is wrong; lists every mistake
│   ├── CredentialsRefused     the device or the collector refused the credentials
│   ├── AccessDenied           this process has no right to the device
│   ├── Unsupported            the device says it does not know the request
│   ├── DeviceAbsent           the device is not there
│   ├── MalformedAnswer        the device answered with something that cannot be decoded
│   ├── ToolMissing            a program that the source needs is not installed or too old
│   ├── RecordTooLarge         above the frame limit; refused at the spool's door
│   ├── UploadRefused          the collector does not take this file
│   ├── DiagnosticRefused      a request for diagnostics is not carried out here, or not now
│   ├── FileRefused            a receipt or an identity carried by hand is not taken; says why
│   └── EnrolmentRefused       the collector refused the token, or this host is a clone
└── TemporaryError
    ├── DeviceBusy             answered "busy"; ask again within the sweep
    ├── DeviceHung             no answer by the deadline
    ├── DeviceFailed           answered with an error
    ├── OutputFlood            a program printed more than its limit
    ├── ExportFailed           an export cannot be written where it shall be
    ├── SpoolFailed            the disk under the spool refuses writes
    ├── LogChanged             the event log is no longer what was archived
    ├── CollectorUnreachable   no stream to the collector
    └── WaitingForApproval     a person at the collector must let this host in
"""

from __future__ import annotations


class AgentError(Exception):
    """Something went wrong in the agent."""


class PermanentError(AgentError):
    """Trying again changes nothing until somebody acts."""


class TemporaryError(AgentError):
    """Trying again later may work."""


class ConfigError(PermanentError):
    """The configuration is wrong. `mistakes` has one line each, with file and key."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class CredentialsRefused(PermanentError):
    """The user name or password was refused."""


class AccessDenied(PermanentError):
    """No right to open the device."""


class Unsupported(PermanentError):
    """The device does not know this request."""


class DeviceAbsent(PermanentError):
    """The device is not there."""


class MalformedAnswer(PermanentError):
    """The answer cannot be decoded."""


class ToolMissing(PermanentError):
    """A needed program is not installed, or too old."""


class RecordTooLarge(PermanentError):
    """The record is above the frame limit."""


class UploadRefused(PermanentError):
    """The collector does not take this file. `refusal`: its name of the cause, "" = none of the collector's."""

    def __init__(self, sentence: str, refusal: str = "") -> None:
        super().__init__(sentence)
        self.refusal = refusal


class DiagnosticRefused(PermanentError):
    """This request for diagnostics is not carried out here, or not now."""


class EnrolmentRefused(PermanentError):
    """The collector refused to enrol this host. `refusal`: its name of the cause, "" = none of the collector's;
    `collector_ms`: its Unix time, 0 = not told."""

    def __init__(self, sentence: str, refusal: str = "", collector_ms: int = 0) -> None:
        super().__init__(sentence)
        self.refusal = refusal
        self.collector_ms = collector_ms


class FileRefused(PermanentError):
    """A receipt or an identity carried by hand is not taken; nothing was changed."""


class DeviceBusy(TemporaryError):
    """The device answered that it is busy."""


class DeviceHung(TemporaryError):
    """The device did not answer by its deadline."""


class DeviceFailed(TemporaryError):
    """The device answered with an error."""


class OutputFlood(TemporaryError):
    """A program printed more than its limit."""


class ExportFailed(TemporaryError):
    """An export cannot be written where it shall be."""


class SpoolFailed(TemporaryError):
    """The spool's disk refuses writes."""


class LogChanged(TemporaryError):
    """The event log is no longer what was archived."""


class CollectorUnreachable(TemporaryError):
    """No stream to the collector."""


class WaitingForApproval(TemporaryError):
    """A person must let this host in; it asks again with the same key."""
