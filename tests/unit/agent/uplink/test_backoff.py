"""How long the uplink waits."""

from __future__ import annotations

from hardcase_agent.uplink.backoff import Backoff
from hypothesis import given
from hypothesis import strategies as st


def test_it_doubles_from_one_to_sixty_seconds() -> None:
    backoff = Backoff()
    assert [backoff.delay_s(1.0) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    backoff.reset()
    assert backoff.delay_s(1.0) == 1
    backoff.longest()
    assert backoff.delay_s(1.0) == 60


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_chance_spreads_the_wait_over_its_upper_half(chances: list[float]) -> None:
    backoff, bases = Backoff(), Backoff()
    for chance in chances:
        base = bases.delay_s(1.0)
        assert base / 2 <= backoff.delay_s(chance) <= base
