"""One search box: what a serial, address, host name, rack or case number leads to, and the port that looks it up.

Part of the transaction in `state_store.py`; implemented by `storage/state/search_store.py`, asked by the pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from hardcase_collector.domain.asset import Part

SHORTEST = 2
"""A single letter is in nearly everything."""


class HitKind(StrEnum):
    """Where it was found, the most telling first."""

    CASE = "case"
    ASSET = "asset"
    PART = "part"
    """A part that an asset has, or had: the model and serial stay known."""
    CASE_PART = "case_part"
    """The part that a case is about, whether or not it is still in the machine."""
    RACK = "rack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    kind: HitKind
    asset: int
    asset_name: str
    case: str = ""
    """Number of the case, for a case and a case's part."""
    part: Part | None = None
    place: str = ""
    """Site, rack and height unit, for a rack."""
    exact: bool
    """All of it is what was asked for, upper and lower case alike; otherwise it holds it."""


class SearchStore(Protocol):
    def find(self, text: str, *, customer: str | None, limit: int) -> Sequence[Hit]:
        """At most `limit` of each kind, exact ones first. Nothing for a text shorter than `SHORTEST`."""
