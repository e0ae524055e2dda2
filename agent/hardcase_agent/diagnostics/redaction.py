"""Hides what is nobody's business in texts of a support bundle, by the rules of redaction.toml. Pure but for that file.

The same thing is hidden by the same mark everywhere in a bundle ("<address 2>"), so that what belongs together can
still be seen; a secret's mark tells nothing at all.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
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
    words: tuple[str, ...]
    """In lower case; a line without any of them cannot match."""
    when: str = ""
    across: bool = False
    check: str = ""


@cache
def rules() -> tuple[Rule, ...]:
    """As shipped."""
    told = tomllib.loads(RULES.read_text(encoding="utf-8"))
    return tuple(
        Rule(
            name=row["name"],
            pattern=re.compile(row["pattern"].replace("%KEY%", told["key"]), 0 if row.get("across") else re.MULTILINE),
            words=tuple(told["words"] if row["words"] == ["%WORDS%"] else row["words"]),
            when=row.get("when", ""),
            across=row.get("across", False),
            check=row.get("check", ""),
        )
        for row in told["rule"]
    )


class Redactor:
    """One bundle's. `words`: names and serial numbers known to this agent, hidden wherever they stand."""

    def __init__(self, hide: Sequence[Hidden], words: Iterable[tuple[Hidden, str]] = ()) -> None:
        wanted = {hidden.value for hidden in hide}
        known = sorted(
            {(kind, word) for kind, word in words if kind in hide and len(word) >= SHORTEST_WORD},
            key=lambda pair: (-len(pair[1]), pair[1]),
        )
        shipped = tuple(rule for rule in rules() if not rule.when or rule.when in wanted)
        self.rules = (*shipped, *(_word_rule(kind, word) for kind, word in known))
        self._marks: dict[tuple[str, str], str] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Of the rules that apply, each once."""
        return tuple(dict.fromkeys(rule.name for rule in self.rules))

    def hide(self, text: str) -> tuple[str, dict[str, int]]:
        """The text without them, and how often each rule found something."""
        found: dict[str, int] = {}
        for rule in self.rules:
            count = 0

            def instead(match: re.Match[str], rule: Rule = rule) -> str:
                nonlocal count
                told = self._instead(rule, match)
                count += told != match[0]
                return told

            text = _substitute(rule, text, instead)
            if count:
                found[rule.name] = found.get(rule.name, 0) + count
        return text, found

    def _instead(self, rule: Rule, match: re.Match[str]) -> str:
        secret = match["secret"]
        if secret.startswith("<hidden") or re.match(r"<\w+ \d+>", secret):
            return match[0]
        if rule.check == "address" and not _is_address(secret):
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


def _word_rule(kind: Hidden, word: str) -> Rule:
    pattern = re.compile(rf"(?<![A-Za-z0-9])(?P<secret>{re.escape(word)})(?![A-Za-z0-9])", re.IGNORECASE)
    return Rule(_ONE[kind.value], pattern, (word.lower(),), kind.value)


def _substitute(rule: Rule, text: str, instead: Callable[[re.Match[str]], str]) -> str:
    """Only in lines that hold one of the rule's words: a kernel log of megabytes holds a handful."""
    lowered = text.lower()
    if len(lowered) != len(text):
        # A letter whose small form is two: places in one are not places in the other.
        return rule.pattern.sub(instead, text)
    if rule.across:
        return rule.pattern.sub(instead, text) if any(word in lowered for word in rule.words) else text
    kept: list[str] = []
    done = 0
    for start, end in _lines_with(rule.words, lowered):
        kept += (text[done:start], rule.pattern.sub(instead, text[start:end]))
        done = end
    return "".join((*kept, text[done:])) if kept else text


def _lines_with(words: Sequence[str], lowered: str) -> Iterable[tuple[int, int]]:
    """(start, end) of each line that holds one of them, in order."""
    nearest = {word: lowered.find(word) for word in words}
    while nearest := {word: at for word, at in nearest.items() if at >= 0}:
        at = min(nearest.values())
        start, end = lowered.rfind("\n", 0, at) + 1, lowered.find("\n", at)
        end = len(lowered) if end < 0 else end
        yield start, end
        nearest = {word: where if where >= end else lowered.find(word, end) for word, where in nearest.items()}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
