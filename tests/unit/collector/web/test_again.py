"""Where the database gives way to another session, a request is simply done again."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from hardcase_collector.domain.errors import StoreFailed, TryAgain
from hardcase_collector.web.again import TRIES, AgainRoute


def client(*outcomes: Exception | str) -> tuple[TestClient, list[int]]:
    """A route that ends like this, one outcome after the other; the numbers it was called with."""
    called: list[int] = []
    left = list(outcomes)
    router = APIRouter(route_class=AgainRoute)

    @router.post("/cases/{number}")
    def act(number: int) -> dict[str, str]:
        called.append(number)
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return {"done": outcome}

    app = FastAPI()
    app.include_router(router)
    return TestClient(app, raise_server_exceptions=False), called


def test_a_deadlock_is_not_told_to_who_asked() -> None:
    asked, called = client(TryAgain("deadlock"), TryAgain("deadlock"), "at last")
    answer = asked.post("/cases/7")
    assert (answer.status_code, answer.json(), called) == (200, {"done": "at last"}, [7, 7, 7])


def test_what_never_succeeds_is_given_up() -> None:
    asked, called = client(*[TryAgain("deadlock")] * (TRIES + 1))
    assert asked.post("/cases/7").status_code == 500
    assert len(called) == TRIES


def test_other_failures_are_told_at_once() -> None:
    asked, called = client(StoreFailed("disk full"), "never")
    assert asked.post("/cases/7").status_code == 500
    assert len(called) == 1
