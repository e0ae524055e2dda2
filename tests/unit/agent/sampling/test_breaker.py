"""When a failing source is asked again, and what is said."""

from __future__ import annotations

import pytest
from hardcase_agent.domain.errors import AccessDenied, CredentialsRefused, DeviceAbsent, DeviceFailed, DeviceHung
from hardcase_agent.domain.event import SourceState
from hardcase_agent.sampling.breaker import NEVER, Breaker, describe, state_of

MINUTE = 60_000


def test_it_opens_at_the_third_failure_for_one_five_fifteen_and_sixty_minutes() -> None:
    breaker = Breaker()
    waits = [breaker.failed(DeviceHung(), 0).retry_ms for _ in range(8)]
    assert waits == [None, None, MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE, 60 * MINUTE, 60 * MINUTE]


def test_a_success_closes_it_and_starts_the_count_anew() -> None:
    breaker = Breaker()
    for _ in range(5):
        breaker.failed(DeviceHung(), 0)
    recovered = breaker.succeeded()
    assert (recovered.state, recovered.changed) == (SourceState.OK, True)
    assert [breaker.failed(DeviceHung(), 0).retry_ms for _ in range(3)] == [None, None, MINUTE]


def test_refused_credentials_are_never_tried_again() -> None:
    verdict = Breaker().failed(CredentialsRefused("wrong password"), 0)
    assert (verdict.state, verdict.retry_ms) == (SourceState.REFUSED, NEVER)


def test_only_changes_are_said() -> None:
    breaker = Breaker()
    said = [breaker.succeeded().changed, breaker.succeeded().changed]
    said += [breaker.failed(DeviceFailed("x"), 0).changed for _ in range(4)]
    said += [breaker.failed(DeviceHung(), 0).changed, breaker.succeeded().changed, breaker.succeeded().changed]
    assert said == [True, False, True, False, False, False, True, True, False]


def test_a_stretched_source_says_so_once() -> None:
    breaker = Breaker()
    breaker.succeeded()
    stretched = breaker.succeeded(stretched=True, detail="slow")
    assert (stretched.state, stretched.changed, stretched.detail) == (SourceState.STRETCHED, True, "slow")
    assert not breaker.succeeded(stretched=True, detail="slow").changed
    assert breaker.succeeded().changed


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (DeviceHung(), SourceState.HUNG),
        (CredentialsRefused(), SourceState.REFUSED),
        (DeviceAbsent(), SourceState.ABSENT),
        (AccessDenied(), SourceState.FAILING),
        (ZeroDivisionError(), SourceState.FAILING),
    ],
)
def test_each_error_means_one_condition(error: Exception, state: SourceState) -> None:
    assert state_of(error) is state


def test_an_error_is_told_in_one_line() -> None:
    assert describe(DeviceFailed("two\nlines")) == "two lines"
    assert describe(DeviceHung()) == "The device did not answer by its deadline."
    assert describe(KeyError("x")) == "KeyError: 'x'"
