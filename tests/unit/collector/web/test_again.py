"""Where the database gives way to another session, a request is simply done again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from hardcase_collector.domain.errors import StoreFailed, TryAgain
from hardcase_collector.web.again import DEEPEST, TRIES, AgainRoute, again


def route(*outcomes: Exception | str) -> tuple[Callable[[int], str], list[int]]:
    """The endpoint of a route that ends like this, one outcome after the other; the numbers it was called with."""
    called: list[int] = []
    left = list(outcomes)
    router = APIRouter(route_class=AgainRoute)

    @router.post("/cases/{number}")
    def act(number: int) -> str:
        called.append(number)
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    made = router.routes[0]
    assert isinstance(made, APIRoute)
    assert made.dependant.call is not None
    return made.dependant.call, called  # type: ignore[return-value]  # the framework knows any callable


def test_a_deadlock_is_not_told_to_who_asked() -> None:
    act, called = route(TryAgain("deadlock"), TryAgain("deadlock"), "at last")
    assert act(7) == "at last"
    assert called == [7, 7, 7]


def test_what_never_succeeds_is_given_up() -> None:
    act, called = route(*[TryAgain("deadlock")] * (TRIES + 1))
    with pytest.raises(TryAgain):
        act(7)
    assert len(called) == TRIES


def test_other_failures_are_told_at_once() -> None:
    act, called = route(StoreFailed("disk full"), "never")
    with pytest.raises(StoreFailed):
        act(7)
    assert len(called) == 1


def nested(levels: int) -> object:
    value: object = 1
    for turn in range(levels - 1):
        value = [value] if turn % 2 else {"within": value}
    return value


def test_a_value_as_deep_as_allowed_is_taken_and_one_level_more_is_malformed() -> None:
    echo = again(lambda body: "taken")

    assert echo(body=nested(DEEPEST)) == "taken"
    with pytest.raises(RequestValidationError, match="levels deep"):
        echo(body=nested(DEEPEST + 1))
    with pytest.raises(RequestValidationError, match="levels deep"):
        echo(body=nested(100_000))


def test_a_number_too_large_is_found_at_any_depth() -> None:
    with pytest.raises(RequestValidationError, match="64 bits"):
        again(lambda body: "taken")(body=[{"within": [1, 1 << 63]}])
