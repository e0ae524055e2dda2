"""When to try a delivery again: the timetable. Pure; asked by `delivery.py`."""

from __future__ import annotations

# The first steps bridge a restart of the receiver, the middle ones an outage, the last ones a weekend: 3.2 days in all.
TIMETABLE_S = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400, 86_400)
JITTER = 0.2
"""Each wait is stretched or shortened by up to this share, so that a thousand cases do not come back at once."""
LONGEST_WAIT_S = 86_400
"""A receiver may ask for more patience than the timetable has, but not for more than a day."""


def next_try_ms(attempts: int, *, now_ms: int, jitter: float, retry_after_s: float | None = None) -> int | None:
    """When to try again after the `attempts`-th failed attempt (1 or more); None = give up.

    `jitter`: a random number in [0, 1).
    """
    if attempts > len(TIMETABLE_S):
        return None
    wait_s = TIMETABLE_S[attempts - 1] * (1 - JITTER + 2 * JITTER * jitter)
    if retry_after_s is not None:
        wait_s = max(wait_s, min(retry_after_s, LONGEST_WAIT_S))
    return now_ms + int(wait_s * 1000)
