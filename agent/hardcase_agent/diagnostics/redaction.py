"""Hides what is nobody's business in texts of a support bundle, by the rules of redaction.toml. Pure but for that file.

The same thing is hidden by the same mark everywhere in a bundle ("<address 2>"), so that what belongs together can
still be seen; a secret's mark tells nothing at all.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hardcase_agent.diagnostics.settings import Hidden

RULES = Path(__file__).with_name("redaction.toml")
_ONE = {"addresses": "address", "hostnames": "hostname", "serials": "serial"}
SHORTEST_WORD = 4
"""A host called "a" would empty every text."""


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    pattern: re.Pattern[str]
    when: str = ""


@cache
def rules() -> tuple[Rule, ...]:
    """As shipped."""
    rows = tomllib.loads(RULES.read_text(encoding="utf-8"))["rule"]
    return tuple(Rule(row["name"], re.compile(row["pattern"], re.MULTILINE), row.get("when", "")) for row in rows)


class Redactor:
    """One bundle's. `words`: names and serial numbers known to this agent, hidden wherever they stand."""

    def __init__(self, hide: Sequence[Hidden], words: Iterable[tuple[Hidden, str]] = ()) -> None:
        wanted = {hidden.value for hidden in hide}
        self.rules = tuple(rule for rule in rules() if not rule.when or rule.when in wanted)
        self._marks: dict[tuple[str, str], str] = {}
        known = sorted(
            {(kind, word) for kind, word in words if kind in hide and len(word) >= SHORTEST_WORD},
            key=lambda pair: (-len(pair[1]), pair[1]),
        )
        self._words = tuple(
            Rule(_ONE[kind.value], re.compile(rf"(?<!\w)(?P<secret>{re.escape(word)})(?!\w)", re.IGNORECASE), kind)
            for kind, word in known
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Of the rules that apply, each once."""
        return tuple(dict.fromkeys(rule.name for rule in (*self.rules, *self._words)))

    def hide(self, text: str) -> tuple[str, dict[str, int]]:
        """The text without them, and how often each rule found something."""
        found: dict[str, int] = {}
        for rule in (*self.rules, *self._words):
            text, count = rule.pattern.subn(lambda match, rule=rule: self._instead(rule, match), text)  # type: ignore[misc]  # a lambda's default
            if count:
                found[rule.name] = found.get(rule.name, 0) + count
        return text, found

    def _instead(self, rule: Rule, match: re.Match[str]) -> str:
        secret = match["secret"]
        if secret.startswith("<hidden") or re.match(r"<\w+ \d+>", secret):
            return match[0]
        start, end = match.span("secret")
        begin = match.start()
        return match[0][: start - begin] + self._mark(rule, secret) + match[0][end - begin :]

    def _mark(self, rule: Rule, secret: str) -> str:
        if not rule.when:
            # Numbered marks would tell that two passwords are the same.
            return f"<hidden {rule.name}>"
        key = (rule.when, secret.lower())
        if key not in self._marks:
            number = 1 + sum(when == rule.when for when, _ in self._marks)
            self._marks[key] = f"<{_ONE[rule.when]} {number}>"
        return self._marks[key]
