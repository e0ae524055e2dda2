"""A stored answer as one sentence, in English or Chinese: what was seen, and what the desk made of it.

For the control socket and pages. The words are messages `sentence.*` of the catalogue; a reason without one is told by
its short word.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC

from hardcase_collector.domain.finding import Fact, Why
from hardcase_collector.web.texts import Reader, messages

_TIMES = ("until_ms", "live_from_ms", "joined_ms", "closed_ms", "since_ms")


def sentence(why: Why, case_number: str, language: str) -> str:
    """`case_number`: of the case that the answer names, "" = none."""
    reader = Reader(language, UTC, why.decided_ms)
    return reader.say("sentence.both", seen=_seen(why, reader), answer=_answer(why, case_number, reader))


def _seen(why: Why, reader: Reader) -> str:
    facts = why.facts
    told = {
        "rule": why.rule or reader.say("sentence.no_rule"),
        "part": why.part or reader.say("sentence.whole"),
        "count": facts.get("count") or "1",
        "sensor": facts.get("name") or facts.get("sensor") or why.sensor,
        "unit": facts.get("unit") or "",
        "source": facts.get("limit_source") or "?",
    }
    for name in ("value", "limit"):
        number = facts.get(name)
        told[name] = reader.number(number) if isinstance(number, int | float) else str(number or "")
    said = facts.get("state") or facts.get("code") or facts.get("text")
    if told["value"] and told["limit"]:
        return reader.say("sentence.value", **told)
    return reader.say("sentence.state", **told, state=said) if said else reader.say("sentence.rule", **told)


def _answer(why: Why, case_number: str, reader: Reader) -> str:
    key = f"sentence.{why.reason}"
    if not reader.has(key):
        return reader.say(f"why.{why.reason}")
    told = _Gaps(_worded(why.facts, reader) | {"case": case_number or "?"})
    return messages(reader.language)[key].format_map(told)


def _worded(facts: Mapping[str, Fact], reader: Reader) -> dict[str, object]:
    told: dict[str, object] = {
        name: reader.time(value) if name in _TIMES and isinstance(value, int) else "?" if value is None else value
        for name, value in facts.items()
        if name != "case"
    }
    return told | {"window_s": reader.span(float(str(facts.get("window_s") or 0)))}


class _Gaps(dict[str, object]):
    """An answer stored by an older release may lack a fact that the sentence names."""

    def __missing__(self, name: str) -> str:
        return "?"
