"""Every error the collector names. Permanent: nothing helps until somebody acts. Temporary: try again.

CollectorError
├── PermanentError
│   ├── ConfigError         the configuration file is wrong; lists every mistake
│   ├── SheetError          a sheet is wrong; lists every mistake with file, line and key
│   ├── BadRecord           one record contradicts itself or its catalogue: rejected inside the ack
│   ├── NotBound            the asset belongs to another agent's customer
│   ├── NotAllowed          the actor may not do this
│   │   └── JoiningRefused  a host is not let in; carries the name of the cause
│   │       └── TokenRefused    enrolment token unknown, revoked, used up or expired
│   ├── TermsUnreadable     what a case was frozen under is no text that this program reads
│   ├── NotFound            no such case, asset, user or rule
│   ├── IllegalAction       the workflow table has no such transition
│   │   ├── ChangedMeanwhile    somebody else changed what this would replace unseen
│   │   └── DiagnosticRefused   this cannot be asked of this agent, or not now; carries the name of the cause
│   ├── UploadRefused       a file of an answer is not taken; carries the name of the cause
│   ├── LinkRefused         a link without login: unknown, expired or taken back
│   ├── Cloned              machine-id or DMI UUID differs from enrolment
│   └── FileRefused         a file carried by hand is not taken; nothing of it was kept
│       ├── FileDamaged     it is no such file, is cut short, too large, or contradicts itself
│       ├── FileTampered    its signature is not that of its content
│       ├── FileForeign     it is for another collector, or from nobody whom this one knows now
│       ├── FileTaken       it, or one after it, was taken before
│       └── FileOutOfOrder  what comes before it is missing; says what is wanted
└── TemporaryError
    ├── DiskFull            below the reserve: nothing is acknowledged
    ├── StoreFailed         a store refused a write; nothing of the batch was kept
    │   └── TryAgain        the database gave way to another session (deadlock): the same may succeed at once
    ├── StoreLocked         another process holds the stores
    ├── UploadHeld          a file of an answer is not taken now; carries the name of the cause
    ├── SessionSuperseded   a newer stream of this agent was accepted
    └── DeliveryFailed      a channel did not take the event; carries when to try again
"""

from __future__ import annotations

from hardcase_collector.domain.said import Said


class CollectorError(Exception):
    """Something went wrong in the collector.

    What the desk refuses to people is a literal sentence with named places, and the values that fill them, so that
    pages and commands say it in their reader's language: `IllegalAction("case {case} is over", case=case.number)`.
    """

    def __init__(self, sentence: str | Said = "", /, **values: object) -> None:
        self.said = sentence if isinstance(sentence, Said) else Said(sentence, values)
        super().__init__(str(self.said))


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


class JoiningRefused(NotAllowed):
    """A host is not let in. The sentence is for people; `name` (of `joining.RefusalName`) is for programs."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.name = name


class TokenRefused(JoiningRefused):
    """The enrolment token is unknown, revoked, used up or expired."""


class TermsUnreadable(PermanentError):
    """What a case was frozen under is no text that this program reads: a newer one wrote it, or it is damaged."""


class NotFound(PermanentError):
    """There is no such thing."""


class IllegalAction(PermanentError):
    """The workflow table has no such transition."""


class ChangedMeanwhile(IllegalAction):
    """Somebody else changed meanwhile what this would replace; look at it, and name it."""


class TooLarge(IllegalAction):
    """A file or a request is above its limit, which the sentence names."""


class DiagnosticRefused(IllegalAction):
    """This cannot be asked of this agent, or not now. `name` is the cause in kebab-case, for programs."""

    def __init__(self, name: str, sentence: str | Said, /, **values: object) -> None:
        super().__init__(sentence, **values)
        self.name = name


class UploadRefused(PermanentError):
    """A file of an answer is not taken. `name` is the cause in kebab-case, for the agent."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.name = name


class LinkRefused(PermanentError):
    """A link without login that is unknown, has expired or was taken back; or too many wrong ones were tried."""


class Cloned(PermanentError):
    """The host's machine-id or DMI UUID differs from enrolment."""


class FileRefused(PermanentError):
    """A file carried by hand is not taken; nothing of it was kept."""


class FileDamaged(FileRefused):
    """No such file, cut short, too large, or contradicting itself."""


class FileTampered(FileRefused):
    """The signature is not that of the content."""


class FileForeign(FileRefused):
    """For another collector, or signed by nobody whom this one knows now (unknown, revoked, enrolled anew)."""


class FileTaken(FileRefused):
    """It, or one after it, was taken before."""


class FileOutOfOrder(FileRefused):
    """What comes before it is missing. Says which file is wanted."""


class DiskFull(TemporaryError):
    """Free space is below the reserve."""


class StoreFailed(TemporaryError):
    """A store refused a write."""


class TryAgain(StoreFailed):
    """The database gave way to another session (deadlock, serialization): the same may succeed at once."""


class StoreLocked(TemporaryError):
    """Another process holds the stores."""


class UploadHeld(TemporaryError):
    """A file of an answer is not taken now; what came of it stays. `name` as in UploadRefused."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.name = name


class SessionSuperseded(TemporaryError):
    """A newer stream of this agent was accepted."""


class DeliveryFailed(TemporaryError):
    """A channel did not take the event."""
