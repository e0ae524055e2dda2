"""What a support engineer holds in hand, and what decoding makes of it.

Decoders of the sensor families (`sensors/decoders.py`) turn a `Capture` into `Decoded` with the parsers of the live
path; `decoding.py` prints them as JSON lines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hardcase_agent.domain.event import Event
from hardcase_agent.domain.part import Asset, Part
from hardcase_agent.domain.reading import Reading, Sensor


class Flaw(StrEnum):
    """Why something in a capture could not be decoded."""

    EMPTY = "empty"
    """There is nothing in it."""
    FOREIGN = "foreign"
    """Not of this kind: nothing of the format was recognised."""
    TRUNCATED = "truncated"
    """It ends in the middle of a record."""
    CHECKSUM = "checksum"
    """A checksum is wrong; what could be read all the same is told beside it."""
    MALFORMED = "malformed"
    """A record or value is not as its format says."""
    UNKNOWN = "unknown"
    """Well-formed, but of a type that is not known here."""
    REFUSED = "refused"
    """The tool or device itself said that it could not read (its words are in the message)."""
    TOO_LARGE = "too_large"
    """More than the bounds of decoding."""
    NOTHING_KNOWN = "nothing_known"
    """The device answered, but no profile knows it: nothing is watched, which is not health."""


@dataclass(frozen=True, slots=True)
class Capture:
    """One file, or one tree of files, as bytes. Bounded by who reads it (`decoding.py`)."""

    name: str
    """For messages, and for formats that are told apart by their file's name."""
    files: Mapping[str, bytes]
    """Path inside the tree -> content; a single file has the one path ""."""

    @property
    def data(self) -> bytes:
        """Content of a single file; of a tree, that of its first file; b"" when there is none."""
        return next(iter(self.files.values()), b"")

    @property
    def text(self) -> str:
        """`data` as UTF-8; what is not UTF-8 becomes U+FFFD, line ends become "\\n"."""
        return self.data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")


_TAILS = ("true", "false", "null", "-", ".", "e", "e-", "e+", "E", "E-", "E+")


def is_cut_json(text: str) -> bool:
    """Whether it is a JSON document that ends in its middle: of whom it is may then not be told any more."""
    text = text.strip()
    if not text.startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        left = text[error.pos :]
        in_text = error.msg.startswith("Unterminated") or ("escape" in error.msg and len(left) <= len("\\u123"))
        return in_text or any(word.startswith(left) for word in _TAILS)
    except (ValueError, RecursionError):
        return False
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One reading of one sensor."""

    asset: Asset
    source: str
    """As the live path names it, without what only a live source has: "ipmi.analogue", "smart", "snmp"."""
    sensor: Sensor
    reading: Reading
    time_ms: int = 0
    """Unix ms that the capture tells; 0 = it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One hardware event."""

    asset: Asset
    source: str
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One part of the inventory."""

    asset: Asset
    source: str
    part: Part
    ratings: Mapping[str, float] = field(default_factory=dict)
    """What its maker rated it for, by names that end in their unit: "capacity_w", "output_1_nominal_v"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecoded:
    """One record or value that could not be decoded; the others are not affected."""

    flaw: Flaw
    message: str
    """What is wrong, and with which words or bytes; under 200 characters."""
    at: str = ""
    """Where: "line 12", "offset 0x40", "record 0x001f", a path, an OID."""


Decoded = Seen | Recorded | Listed | Undecoded
