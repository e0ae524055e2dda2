"""Runs mutants through decoding and judging and keeps what crashed or hung. `__main__.py` and the test call it."""

from __future__ import annotations

import random
import signal
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType

from hardcase_agent import decoding
from hardcase_agent.domain.capture import Capture
from hardcase_agent.sensors.decoders import DECODERS
from hardcase_collector.rules.captured import gather
from hardcase_collector.rules.offline import OfflineJudge

from tests.fuzz.mutation import mutate

HANGS_AFTER_S = 1.0
GIVEN_UP_AFTER_S = 20.0
"""A decoder that does not come back is broken off, so that the run ends and names it."""
OTHER_KIND_OF = 50
"""One mutant of so many is decoded as another kind than its own: people mix them up."""


@dataclass(frozen=True, slots=True)
class Failure:
    kind: str
    capture: str
    mutant: int
    what: str


class _TooLong(BaseException):
    """Not an Exception: what is tested must not be able to swallow it."""


def run(
    captures: Sequence[tuple[str, Capture]], mutants: range, *, seed: int, judge: OfflineJudge, judged_of: int
) -> list[Failure]:
    """Failures of these mutants. Every `judged_of`-th is also judged. A mutant's number tells all that is random."""
    signal.signal(signal.SIGALRM, _break_off)
    failures = []
    for number in mutants:
        chance = random.Random(f"{seed}:{number}")
        kind, capture = captures[chance.randrange(len(captures))]
        if number % OTHER_KIND_OF == 0:
            kind = chance.choice(DECODERS).kind
        mutant = Capture(capture.name, {"": mutate(capture.data, chance)})
        what = _try(kind, mutant, judge if number % judged_of == 0 else None)
        if what:
            failures.append(Failure(kind, capture.name, number, what))
    return failures


def _break_off(number: int, frame: FrameType | None) -> None:
    raise _TooLong


def _try(kind: str, mutant: Capture, judge: OfflineJudge | None) -> str:
    signal.setitimer(signal.ITIMER_REAL, GIVEN_UP_AFTER_S)
    # The processor's time, not the wall's: another program's load is no hang.
    began, judged = time.process_time(), 0.0
    try:
        lines = [decoding.line_of(one) for one in decoding.decode(kind, mutant)]
        took = time.process_time() - began
        if judge is not None:
            machines, bad = gather((str(number), line) for number, line in enumerate(lines))
            if bad:
                return f"a line that is none: {bad[0].message}"
            for machine in machines:
                judge.judge(machine)
            judged = time.process_time() - began - took
    except _TooLong:
        return f"did not end within {GIVEN_UP_AFTER_S:g} s"
    except Exception:
        return traceback.format_exc(limit=-4)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    if max(took, judged) > HANGS_AFTER_S:
        return f"took {took:.2f} s to decode, {judged:.2f} s to judge"
    return ""
