"""A name within what somebody wrote: where the whole of it stands, and putting a pseudonym in its place. Pure.

Used by `pseudonyms.py`. Which columns hold such texts is `WRITTEN`, held to the schema by a test; texts within JSON are
in its `COPIES`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

WRITTEN: Mapping[str, tuple[str, ...]] = {
    "attachments": ("name",),
    "baselines": ("reason",),
    "cases": ("title",),
    "diagnostics": ("reason", "detail"),
    "dispatches": ("reason", "result"),
    "duty_swaps": ("reason",),
    "follow_ups": ("comment",),
    "hand_offs": ("result",),
    "planned_windows": ("reason",),
    "proposals": ("solution", "reason"),
    "quotes": ("reason", "tax_note"),
    "reports": ("asset_told", "description"),
    "service_reports": ("done", "found"),
    "site_access": ("reason", "reference"),
    "waiting_hosts": ("reason",),
    "windows": ("reason",),
}
"""Columns with what people wrote."""
_SHORTEST = 2
"""Characters: a single letter stands in every text."""
_FEWEST_DIGITS = 6
"""Of a phone number: an extension of four stands in many a text as an error's number or a volt's."""
FILE_NAMES = frozenset({("attachments", "name")})
# What a name touches within a word, a mail address, a path or a host name. Chinese writes no spaces: between its
# characters a name begins and ends anywhere.
_BEFORE, _AFTER = r"(?<![0-9A-Za-z_@./\\-])", r"(?![0-9A-Za-z_@/\\-]|\.[0-9A-Za-z])"
_BEFORE_IN_FILE, _AFTER_IN_FILE = "(?<![0-9A-Za-z])", "(?![0-9A-Za-z])"
"""Whoever names a file writes li_wei-report.pdf."""


class Names:
    """What one person is called: his name, his mail address, his phone number."""

    def __init__(self, said: Sequence[str]) -> None:
        self.said = frozenset(said)
        long = sorted((word for word in said if _may_stand_within(word)), key=len, reverse=True)
        self._text = _pattern(long, _BEFORE, _AFTER)
        self._file = _pattern(long, _BEFORE_IN_FILE, _AFTER_IN_FILE)

    def in_text(self, text: str, *, file: bool = False) -> bool:
        """`file`: it is the name of one."""
        within = self._file if file else self._text
        return text in self.said or bool(within and within.search(text))

    def put(self, text: str, pseudonym: str, *, file: bool = False) -> str:
        if text in self.said:
            return pseudonym
        within = self._file if file else self._text
        return within.sub(lambda _: pseudonym, text) if within else text

    def in_tree(self, tree: Any) -> bool:
        """In a value of JSON; keys are ours."""
        if isinstance(tree, dict):
            return any(map(self.in_tree, tree.values()))
        if isinstance(tree, list):
            return any(map(self.in_tree, tree))
        return isinstance(tree, str) and self.in_text(tree)

    def put_in_tree(self, tree: Any, pseudonym: str) -> Any:
        if isinstance(tree, dict):
            return {key: self.put_in_tree(value, pseudonym) for key, value in tree.items()}
        if isinstance(tree, list):
            return [self.put_in_tree(value, pseudonym) for value in tree]
        return self.put(tree, pseudonym) if isinstance(tree, str) else tree


def _may_stand_within(word: str) -> bool:
    return len(word) >= _SHORTEST and (any(map(str.isalpha, word)) or sum(map(str.isdigit, word)) >= _FEWEST_DIGITS)


def _pattern(words: Sequence[str], before: str, after: str) -> re.Pattern[str] | None:
    ways = (
        f"{before if word[0].isascii() else ''}{re.escape(word)}{after if word[-1].isascii() else ''}" for word in words
    )
    return re.compile("|".join(ways)) if words else None
