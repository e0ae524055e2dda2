"""Decodes and judges what a verdict names, and holds the findings against it. `__main__.py` and the tests call it."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field

from hardcase_agent import decoding
from hardcase_collector.domain.finding import Severity
from hardcase_collector.rules.captured import gather
from hardcase_collector.rules.offline import Found, OfflineJudge

from tests.truth.comparison import Truth, Verdict


@dataclass(slots=True)
class Outcome:
    """What became of one verdict."""

    verdict: Verdict
    found: list[Found] = field(default_factory=list)
    lines: int = 0
    named_errors: int = 0
    unnamed: list[str] = field(default_factory=list)
    """What raised instead of being told: a defect whatever the capture holds."""

    @property
    def heard(self) -> int:
        """Readings, events and parts that came out of the captures."""
        return self.lines - self.named_errors

    @property
    def opened(self) -> list[Found]:
        """Findings at minor or above that a person would have to look at."""
        return [one for one in self.found if one.stands and one.opens and one.severity >= Severity.MINOR]

    @property
    def warned(self) -> list[Found]:
        return [one for one in self.found if one.stands and one not in self.opened]

    @property
    def right(self) -> bool:
        if self.verdict.truth is Truth.FAULT:
            accused = any(_right_class(one, self.verdict) and _right_part(one, self.verdict) for one in self.opened)
            return accused and not self.wrongly_accused
        if self.verdict.truth is Truth.UNKNOWN:
            return True
        # A log may hold nothing to tell; of a healthy machine at least the reason must come why nothing is known.
        return not self.opened and (self.lines > 0 or self.verdict.truth is not Truth.HEALTHY)

    @property
    def wrongly_accused(self) -> list[Found]:
        return [one for one in self.opened if any(_names(one, word) for word in self.verdict.innocent)]


def outcome(judge: OfflineJudge, verdict: Verdict) -> Outcome:
    made = Outcome(verdict)
    machines, bad = gather(_lines(verdict, made))
    made.unnamed += [f"{one.at}: {one.message}" for one in bad]
    for machine in machines:
        made.found += judge.judge(machine).found
    return made


def _lines(verdict: Verdict, made: Outcome) -> Iterator[tuple[str, dict[str, object]]]:
    for kind, capture in verdict.captures:
        try:
            for decoded in decoding.decode(kind, capture):
                line = decoding.line_of(decoded)
                made.lines += 1
                made.named_errors += line["type"] == "error"
                yield f"{capture.name}:{made.lines}", line
        except Exception:
            made.unnamed.append(f"{kind} {capture.name}: {traceback.format_exc(limit=-3)}")


def _right_class(one: Found, verdict: Verdict) -> bool:
    component = one.fault_class.partition(".")[0]
    return not verdict.classes or one.fault_class in verdict.classes or component in verdict.classes


def _right_part(one: Found, verdict: Verdict) -> bool:
    return not verdict.part or any(_names(one, word) for word in verdict.part)


def _names(one: Found, word: str) -> bool:
    part = one.part
    told = (part.slot, part.serial, part.model, part.part_number, *part.paths, str(one.evidence.get("name", "")))
    return any(says(name, word) for name in (*told, str(one.evidence.get("sensor", ""))))


def says(name: str, word: str) -> bool:
    """Whether the word stands in the name, and not within a longer number: "1" is not in "12", nor "A1" in "A10"."""
    first = r"(?<!\d)" if word[:1].isdigit() else ""
    last = r"(?!\d)" if word[-1:].isdigit() else ""
    return bool(word) and re.search(first + re.escape(word) + last, name, re.IGNORECASE) is not None
