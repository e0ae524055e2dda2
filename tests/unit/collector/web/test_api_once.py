"""A request with an idempotency key is done once, whatever becomes of its answer; a refused one may be tried again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hardcase_collector.domain.errors import StoreFailed
from hardcase_collector.domain.people import ApiScope
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.storage.state.store import SqlStateStore
from hardcase_collector.web.api.kept import Keys, Told
from hardcase_collector.web.api.problems import Problem
from httpx import Response

from tests.unit.collector import scene_of_two_customers as scene
from tests.unit.collector.scene_of_two_customers import Half
from tests.unit.collector.web.api_client import DAY_MS, Api
from tests.unit.collector.web.control_client import NOW
from tests.unit.collector.web.whole_counter import whole_counter

TOLD = {"category": "disk.reported", "description": "it blinks red"}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    made = Api(whole_counter(tmp_path))
    made.make(customer="north")
    yield made
    made.socket.store.close()


@pytest.fixture
def north(api: Api) -> Half:
    return scene.make(api.socket.store)[0]


def cases(api: Api) -> int:
    return len(api.get("/cases", all=True, limit=500).json()["cases"])


def notes(api: Api, half: Half) -> int:
    with api.socket.store.read() as tx:
        return sum(entry.code == "note" for entry in tx.cases.timeline(half.case))


def test_an_automation_that_retries_opens_no_second_case(api: Api, north: Half) -> None:
    before = cases(api)
    first = api.post("/reports", key="ticket-17", **TOLD, asset=north.key)
    again = api.post("/reports", key="ticket-17", **TOLD, asset=north.key)
    assert (first.status_code, again.status_code) == (200, 200), first.text
    assert first.json() == again.json()
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
    assert cases(api) == before + 1


def test_the_same_key_for_something_else_is_a_mistake(api: Api, north: Half) -> None:
    api.post(f"/cases/{north.number}/note", key="k", text="one")
    other = api.post(f"/cases/{north.number}/note", key="k", text="two")
    assert (other.status_code, other.json()["name"]) == (422, "key-used-otherwise")
    elsewhere = api.post("/reports", key="k", **TOLD)
    assert elsewhere.json()["name"] == "key-used-otherwise"
    assert notes(api, north) == 1


def test_keys_are_each_tokens_own_and_end_after_a_day(api: Api, north: Half) -> None:
    path = f"/cases/{north.number}/note"
    assert api.post(path, key="k", text="one").status_code == 200
    api.make(customer="north")
    assert api.post(path, key="k", text="one").status_code == 200
    assert notes(api, north) == 2
    api.socket.now_ms = NOW + DAY_MS
    assert api.post(path, key="k", text="another day").status_code == 200
    assert api.post(path, key="k", text="another day").headers["idempotent-replayed"] == "true"
    assert notes(api, north) == 3
    with api.socket.store.write() as tx:
        tx.access.drop_answers_before(NOW + DAY_MS + 1)
    assert api.post(path, key="k", text="another day").status_code == 200
    assert notes(api, north) == 4


def test_what_was_refused_may_be_tried_again_with_its_key(api: Api, north: Half) -> None:
    path = f"/cases/{north.number}/resume"
    refused = api.post(path, key="k", text="x")
    assert (refused.status_code, refused.json()["name"]) == (409, "illegal-action")
    assert api.post(f"/cases/{north.number}/defer", text="x").status_code == 200
    assert api.post(path, key="k", text="x").status_code == 200


class Failing:
    """The store, of which every write after so many fails."""

    def __init__(self, store: SqlStateStore) -> None:
        self.store = store
        self.left = 1000

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        if not self.left:
            raise StoreFailed("the disk is on fire")
        self.left -= 1
        with self.store.write() as tx:
            yield tx

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


@pytest.mark.parametrize(("writes", "done", "again"), [(0, 0, 200), (1, 1, 409), (2, 1, 200)])
def test_wherever_it_breaks_off_a_retry_does_nothing_twice(
    api: Api, north: Half, writes: int, done: int, again: int
) -> None:
    """The key lies in the transaction of the deed; the answer is filled in by the one after it."""
    assert api.get("/cases").status_code == 200
    failing = Failing(api.socket.store)
    breaking = Api(replace(api.socket, store=failing), token=api.token)  # type: ignore[type-var]  # of a dataclass
    failing.left = writes
    path = f"/cases/{north.number}/note"
    assert breaking.post(path, key="k", text="one").status_code == (200 if writes else 503)
    assert notes(api, north) == done
    retried = api.post(path, key="k", text="one")
    assert (retried.status_code, notes(api, north)) == (again, 1)
    if again == 409:
        assert retried.json()["name"] == "answer-not-kept"


@pytest.mark.parametrize(("writes", "done", "again"), [(0, 0, 200), (1, 1, 409), (2, 1, 200)])
def test_a_file_whose_answer_is_lost_is_not_attached_twice(
    api: Api, north: Half, writes: int, done: int, again: int
) -> None:
    def attach(by: Api) -> Response:
        return by.ask(
            "POST",
            f"/attachments/{north.number}",
            headers={"Idempotency-Key": "f"},
            content=b"\x89PNG\r\n\x1a\n" + bytes(40),
            params={"name": "a.png"},
        )

    assert attached(api, north) == 0
    breaking, failing = broken_after(api, writes)
    assert attach(breaking).status_code == (200 if writes else 503)
    assert attached(api, north) == done
    assert (attach(api).status_code, attached(api, north), failing.left) == (again, 1, 0)


@pytest.mark.parametrize(("writes", "done", "again"), [(0, 0, 200), (1, 1, 409), (2, 1, 200)])
def test_a_diagnosis_whose_answer_is_lost_is_not_asked_for_twice(
    api: Api, north: Half, writes: int, done: int, again: int
) -> None:
    def ask(by: Api) -> Response:
        return by.post("/diagnostics", key="d", asset=north.key, kind="read_sel", arguments={})

    def asked() -> int:
        return sum(one["kind"] == "read_sel" for one in api.get("/diagnostics").json()["diagnostics"])

    assert asked() == 0
    breaking, failing = broken_after(api, writes)
    assert ask(breaking).status_code == (200 if writes else 503)
    assert asked() == done
    assert (ask(api).status_code, asked(), failing.left) == (again, 1, 0)


def attached(api: Api, half: Half) -> int:
    return len(api.get(f"/cases/{half.number}/attachments").json()["attachments"])


def broken_after(api: Api, writes: int) -> tuple[Api, Failing]:
    failing = Failing(api.socket.store)
    breaking = Api(replace(api.socket, store=failing), token=api.token)  # type: ignore[type-var]  # of a dataclass
    failing.left = writes
    return breaking, failing


def test_two_at_once_do_it_once(api: Api, north: Half) -> None:
    async def both() -> list[int]:
        path = f"/cases/{north.number}/note"
        sent = [api.ask_now("POST", path, json={"text": "x"}, headers={"Idempotency-Key": "k"}) for _ in range(6)]
        return [answer.status_code for answer in await asyncio.gather(*sent)]

    assert set(asyncio.run(both())) <= {200, 409}
    assert notes(api, north) == 1


def test_a_key_that_is_running_is_refused_until_it_is_done(api: Api) -> None:
    keys, started, done = Keys(api.socket.store), threading.Event(), threading.Event()

    def work() -> None:
        begun = keys.begin(1, "k", "f", now_ms=NOW)
        assert not isinstance(begun, Told)
        started.set()
        done.wait(30)
        keys.end(begun.token, begun.key)

    thread = threading.Thread(target=work)
    thread.start()
    assert started.wait(30)
    with pytest.raises(Problem, match="still running"):
        keys.begin(1, "k", "f", now_ms=NOW)
    done.set()
    thread.join(30)
    assert not isinstance(keys.begin(1, "k", "f", now_ms=NOW), Told)


@pytest.mark.parametrize("key", ["x" * 256, "tab\there"])
def test_what_is_no_key_is_refused(api: Api, north: Half, key: str) -> None:
    assert api.post(f"/cases/{north.number}/note", key=key, text="x").json()["name"] == "bad-key"


def test_files_and_links_are_not_kept_and_not_done_twice(api: Api, north: Half) -> None:
    sent = {
        "headers": {"Idempotency-Key": "f"},
        "content": b"\x89PNG\r\n\x1a\n" + bytes(40),
        "params": {"name": "a.png"},
    }
    first = api.ask("POST", f"/attachments/{north.number}", **sent)  # type: ignore[arg-type]  # of several kinds
    assert first.status_code == 200, first.text
    again = api.ask("POST", f"/attachments/{north.number}", **sent)  # type: ignore[arg-type]  # of several kinds
    assert again.json() == first.json()
    assert len(api.get(f"/cases/{north.number}/attachments").json()["attachments"]) == 1
    api.user("boss", "manager")
    api.make(ApiScope.REPAIRS_WRITE, user="boss")
    offer = {"solution": "a new one", "manner": "remote"}
    assert api.post(f"/cases/{north.number}/confirm", text="").json()["name"] == "scope-missing"
    assert api.socket.post(f"/cases/{north.number}/confirm", text="x").status_code == 200
    made = api.post(f"/repairs/{north.number}/proposals", key="p", **offer)
    assert made.status_code == 200, made.text
    told = api.post(f"/repairs/{north.number}/proposals", key="p", **offer)
    assert (told.status_code, told.json()["name"]) == (409, "answer-not-kept")


def test_whatever_was_written_over_the_api_says_by_which_token(api: Api, north: Half) -> None:
    api.post(f"/cases/{north.number}/note", text="x")
    [called] = api.audits("api.called")
    assert (called.actor, called.subject, called.facts["address"]) == (
        "bridge",
        "/v1/cases/{number}/{action}",
        "10.0.0.1",
    )
    api.get("/cases")
    assert len(api.audits("api.called")) == 1
