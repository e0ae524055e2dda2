"""The timetable of retries."""

from __future__ import annotations

from hardcase_collector.notify.retry import TIMETABLE_S, next_try_ms
from hypothesis import given
from hypothesis import strategies as st

HOUR_MS = 3_600_000


def test_the_waits_grow_from_seconds_to_a_day_and_end_after_three_days() -> None:
    waits = [next_try_ms(attempt, now_ms=0, jitter=0.5) for attempt in range(1, len(TIMETABLE_S) + 1)]
    assert waits[:5] == [5_000, 30_000, 120_000, 600_000, 1_800_000]
    assert waits == sorted(waits, key=lambda wait: wait or 0)
    assert 72 * HOUR_MS <= sum(wait or 0 for wait in waits) <= 80 * HOUR_MS
    assert next_try_ms(len(TIMETABLE_S) + 1, now_ms=0, jitter=0.5) is None


@given(st.integers(1, len(TIMETABLE_S)), st.floats(0, 1, exclude_max=True))
def test_jitter_moves_a_wait_by_a_fifth_at_most(attempt: int, jitter: float) -> None:
    plain = TIMETABLE_S[attempt - 1] * 1000
    moved = next_try_ms(attempt, now_ms=7, jitter=jitter)
    assert moved is not None
    assert 0.8 * plain - 1 <= moved - 7 <= 1.2 * plain


def test_a_receiver_may_ask_for_patience_but_not_for_more_than_a_day() -> None:
    assert next_try_ms(1, now_ms=0, jitter=0.5, retry_after_s=60) == 60_000
    assert next_try_ms(4, now_ms=0, jitter=0.5, retry_after_s=1) == 600_000
    assert next_try_ms(1, now_ms=0, jitter=0.5, retry_after_s=1e9) == 24 * HOUR_MS
