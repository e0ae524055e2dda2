"""How fast one token may ask."""

from __future__ import annotations

import threading

from hardcase_collector.domain.pace import Pace


class Meddled(dict[str, tuple[float, int]]):
    """While one request looks at its bucket, another one of the same token does."""

    def __init__(self, pace: Pace) -> None:
        super().__init__({"7": (10.0, 0)})
        self.other = threading.Thread(target=pace.wait_s, args=("7",), kwargs={"now_ms": 0})

    def pop(self, *given: object) -> tuple[float, int]:
        found = super().pop(*given)  # type: ignore[call-overload]  # as above
        if not self.other.ident:
            self.other.start()
            self.other.join(0.2)
        return found  # type: ignore[no-any-return]  # as above


def test_requests_at_once_are_counted_each() -> None:
    pace = Pace(10)
    buckets = Meddled(pace)
    pace._buckets = buckets
    pace.wait_s("7", now_ms=0)
    buckets.other.join(60)
    assert buckets["7"] == (8.0, 0)


def test_a_bucket_that_is_empty_says_how_long_to_wait_and_fills_again() -> None:
    pace = Pace(2)
    assert [pace.wait_s("7", now_ms=0) for _ in range(3)] == [0, 0, 30]
    assert pace.wait_s("8", now_ms=0) == 0
    assert pace.wait_s("7", now_ms=30_000) == 0
