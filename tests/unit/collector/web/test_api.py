"""The API's door: only a good token opens it, for what it is for, as fast as it may, and every refusal has a name."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute
from hardcase_collector.cases.workflow import MAY
from hardcase_collector.domain.actor import Role
from hardcase_collector.domain.people import ApiScope, is_api_token
from hardcase_collector.web.api.application import permitted
from hardcase_collector.web.api.permits import PERMITS
from hardcase_collector.web.api.problems import MEDIA, TITLES
from hardcase_collector.web.rendering import SECURITY_HEADERS

from tests.unit.collector import scene_of_two_customers as scene
from tests.unit.collector.scene_of_two_customers import Half, leaks
from tests.unit.collector.web.api_client import DAY_MS, Api
from tests.unit.collector.web.control_client import NOW
from tests.unit.collector.web.whole_counter import kept, named, whole_counter, without

BODIES_HELD = {"/v1/books", "/v1/books/{kind}"}
"""These name their customer in the body; see below."""


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    made = Api(whole_counter(tmp_path))
    yield made
    made.socket.store.close()


@pytest.fixture
def halves(api: Api) -> tuple[Half, Half]:
    return scene.make(api.socket.store)


def offered(api: Api) -> list[tuple[str, str]]:
    """(method, path) of every route, as the document has them."""
    api.make()
    paths = api.get("/openapi.json").json()["paths"]
    found = [(method.upper(), path) for path, turns in paths.items() for method in turns]
    assert len(found) >= 60
    return found


def filled(path: str) -> str:
    return re.sub(r"{\w+}", "1", path).removeprefix("/v1")


def refusal(answer: httpx.Response) -> str:
    """Its name, once it is found to be whole."""
    told = answer.json()
    assert answer.headers["content-type"] == MEDIA
    assert told["type"] == f"urn:hardcase:problem:{told['name']}"
    assert (told["status"], told["title"]) == TITLES[told["name"]]
    assert answer.status_code == told["status"]
    return str(told["name"])


def test_every_route_needs_a_token_and_a_cookie_is_none(api: Api, halves: tuple[Half, Half]) -> None:
    walked = offered(api)
    api.token = ""
    for method, path in walked:
        answer = api.ask(method, filled(path), headers={"Cookie": "__Host-hardcase=abc", "Content-Length": "0"})
        assert answer.status_code in (401, 429), (method, path)
        assert refusal(answer) in ("token-missing", "token-refused", "too-many-requests")
        assert "north" not in answer.text.lower()
    assert refusal(api.get("/openapi.json")) in ("token-missing", "too-many-requests")


def test_every_route_needs_its_scope_and_a_role_that_may(api: Api, halves: tuple[Half, Half]) -> None:
    walked = offered(api)
    for method, path in walked:
        permit = PERMITS[method, path]
        api.make(*(scope for scope in ApiScope if scope is not permit.scope), automation="all-but-one")
        answer = api.ask(method, filled(path))
        assert (refusal(answer), permit.scope in answer.headers["www-authenticate"]) == ("scope-missing", True), path
    for role in Role:
        api.user(f"a-{role}", str(role), "north")
        api.make(user=f"a-{role}")
        for method, path in walked:
            permit = PERMITS[method, path]
            if role not in MAY[permit.deed]:
                assert refusal(api.ask(method, filled(path))) == "not-allowed", (role, method, path)


def test_what_has_no_permit_is_not_there(api: Api, halves: tuple[Half, Half]) -> None:
    api.user("boss", "administrator")
    api.make(user="boss")
    for path in (
        "/users",
        "/tokens",
        "/api-tokens",
        "/forget/person",
        "/rules",
        "/replays",
        "/nothing",
        "/../v1/users",
    ):
        assert refusal(api.get(path)) == "not-found", path
        assert refusal(api.post(path)) == "not-found", path
    assert refusal(api.ask("DELETE", "/cases")) == "method-not-allowed"
    assert refusal(api.ask("PUT", "/cases/HC-1/note", json={})) == "method-not-allowed"


def test_a_token_held_to_a_customer_finds_nothing_of_another_by_any_route(api: Api, halves: tuple[Half, Half]) -> None:
    _, south = halves
    walked = offered(api)
    api.user("boss", "administrator")
    api.make(user="boss", customer="north")
    before, seen = kept(api.socket, south), 0
    permitted = {(method, route.path): route for route in _routes(api) for method in route.methods}
    for method, path in walked:
        there = named(permitted[method, path], south)
        if there is None or path in BODIES_HELD:
            continue
        answer = api.ask(method, there, **({"json": {"text": ""}} if method == "POST" else {}))
        assert refusal(answer) == "not-found", (method, there, answer.text)
        assert leaks(without(answer.text, there)) == []
        seen += 1
    assert seen >= 30
    assert kept(api.socket, south) == before


def test_a_token_held_to_a_customer_has_lists_of_him_alone(api: Api, halves: tuple[Half, Half]) -> None:
    walked = offered(api)
    needed = {"from_ms": 0, "until_ms": NOW * 2, "by": "plan", "days": 30, "limit": 100, "country": "CN"}
    api.user("boss", "administrator")
    shown = 0
    for customer in ("north", None):
        api.make(user="boss", customer=customer)
        for method, path in walked:
            if method != "GET" or "{" in path or not PERMITS[method, path].held:
                continue
            answer = api.get(path.removeprefix("/v1"), **_wanted(api, path, needed))
            assert answer.status_code == 200, (path, answer.text)
            if customer is None:
                shown += bool(leaks(answer.text))
                continue
            assert leaks(answer.text) == [], path
            other = api.get(path.removeprefix("/v1"), **{**_wanted(api, path, needed), "customer": "south"})
            assert refusal(other) == "not-found", path
    assert shown >= 12, "otherwise the walk would prove nothing"


def _routes(api: Api) -> list[APIRoute]:
    return list(permitted(api.socket.application().routes))


def _wanted(api: Api, path: str, needed: dict[str, object]) -> dict[str, object]:
    route = next(one for one in _routes(api) if one.path == path and "GET" in one.methods)
    return {one.name: needed[one.name] for one in route.dependant.query_params if one.field_info.is_required()}


def test_a_body_that_names_another_customer_finds_nobody(api: Api, halves: tuple[Half, Half]) -> None:
    north, south = halves
    api.user("boss", "administrator")
    api.make(user="boss", customer="north")
    before = kept(api.socket, south)
    contact = {"customer": "south", "name": "Eve", "mail": "eve@x.example"}
    told = {"category": "disk.reported", "description": "x"}
    window = {"breadth": "customer", "customer": "south", "name": ""}
    for path, body in (
        ("/books", {"files": {"contacts.csv": "customer,name\nsouth,Eve\n"}, "dry_run": False, "customer": "south"}),
        ("/books/contact", {"values": contact, "customer": "south"}),
        (f"/entitlements/{north.entitlement}/end", {"on": "2027-01-20", "customer": "south"}),
        ("/reports", {**told, "asset": south.key}),
        ("/part-orders", {"case": south.number}),
    ):
        answer = api.post(path, **body)  # type: ignore[arg-type]  # fields of the body
        assert (path, refusal(answer)) == (path, "not-found"), answer.text
    for path, body in (
        ("/books", {"files": {"contacts.csv": "customer,name\nsouth,Eve\n"}, "dry_run": False}),
        ("/books/contact", {"values": contact}),
        ("/windows", {"target": window, "reason": "x"}),
        ("/reports", {**told, "customer": "south"}),
    ):
        api.post(path, **body)  # type: ignore[arg-type]  # fields of the body
    assert kept(api.socket, south) == before
    assert len(api.socket.get("/windows", customer="south").json()["windows"]) == 1


def test_a_token_is_refused_by_name_once_it_is_no_good(api: Api, halves: tuple[Half, Half]) -> None:
    api.make(days=1)
    assert api.get("/cases").status_code == 200
    api.socket.now_ms = NOW + DAY_MS
    expired = api.get("/cases")
    assert (refusal(expired), "expired" in expired.json()["detail"]) == ("token-refused", True)
    api.socket.now_ms = NOW

    api.make(networks=("10.2.0.0/16",))
    assert "this address" in api.get("/cases").json()["detail"]
    api.address = "10.2.3.4"
    assert api.get("/cases").status_code == 200
    api.address = "::ffff:10.2.3.4"
    assert api.get("/cases").status_code == 200

    api.make(user=api.user("li", "engineer"))
    assert api.get("/cases").status_code == 200
    assert api.socket.post("/users/li", locked=True).status_code == 200
    assert "locked" in api.get("/cases").json()["detail"]
    api.socket.post("/users/li", locked=False)
    assert api.get("/cases").status_code == 200
    number = api.socket.get("/api-tokens").json()["api_tokens"][-1]["id"]
    assert api.socket.post(f"/api-tokens/{number}/revoke").status_code == 200
    assert "revoked" in api.get("/cases").json()["detail"]
    assert {one.facts["reason"].split()[-1] for one in api.audits("api_token.refused")} == {
        "expired",
        "address",
        "gone",
        "revoked",
    }


def test_a_users_token_is_what_the_user_is_now(api: Api, halves: tuple[Half, Half]) -> None:
    north, _ = halves
    api.make(user=api.user("li", "engineer"))
    assert api.post(f"/cases/{north.number}/note", text="from here").status_code == 200
    api.socket.post("/users/li", role="viewer")
    assert refusal(api.post(f"/cases/{north.number}/note", text="no more")) == "not-allowed"
    assert api.get(f"/cases/{north.number}").status_code == 200
    with api.socket.store.read() as tx:
        entry = tx.cases.timeline(north.case)[-1]
    assert (entry.actor, entry.parameters["text"]) == ("li", "from here")


def test_a_customers_contact_reads_nothing_internal(api: Api, halves: tuple[Half, Half]) -> None:
    north, _ = halves
    assert api.socket.post(f"/cases/{north.number}/note", text="inside", internal=True).status_code == 200
    assert api.socket.post(f"/cases/{north.number}/note", text="outside").status_code == 200
    api.make(user=api.user("chen", "customer_contact", "north"))
    whole = api.get(f"/cases/{north.number}").json()
    assert ("inside" in str(whole), "outside" in str(whole), whole["whys"]) == (False, True, [])
    assert refusal(api.get(f"/assets/{north.asset}")) == "not-allowed"
    api.make()
    assert "inside" in api.get(f"/cases/{north.number}").text


def test_who_asks_too_fast_waits_as_long_as_he_is_told(api: Api, halves: tuple[Half, Half]) -> None:
    api.per_minute = 3
    api.make()
    assert [api.get("/cases").status_code for _ in range(4)] == [200, 200, 200, 429]
    told = api.get("/cases")
    assert (refusal(told), int(told.headers["retry-after"])) == ("too-many-requests", 20)
    first = api.token
    api.make()
    assert api.get("/cases").status_code == 200, "another token has its own"
    api.token = first
    api.socket.now_ms += 20_000
    assert api.get("/cases").status_code == 200


def test_guessing_tokens_is_slow_and_seen(api: Api, halves: tuple[Half, Half]) -> None:
    good = api.make()
    for guess in ("hck_x", "Basic", good[:-1] + ("a" if good[-1] != "a" else "b"), good.upper()):
        api.token = guess
        assert refusal(api.get("/cases")) == "token-refused"
    for _ in range(40):
        last = api.get("/cases")
    assert refusal(last) == "too-many-requests"
    api.token, api.address = good, "10.0.0.9"
    assert api.get("/cases").status_code == 200
    assert len(api.audits("api_token.refused")) == 1
    assert all(guess not in repr(api.audits("api_token.refused")) for guess in (good, good.upper()))


def test_behind_a_proxy_of_ours_the_last_foreign_address_counts(tmp_path: Path) -> None:
    api = Api(whole_counter(tmp_path), proxies=("10.0.0.0/24",))
    api.make(networks=("192.0.2.7/32",))
    for forwarded, status in (("192.0.2.7", 200), ("6.6.6.6, 192.0.2.7", 200), ("192.0.2.7, 6.6.6.6", 401), ("x", 401)):
        assert api.ask("GET", "/cases", headers={"X-Forwarded-For": forwarded}).status_code == status, forwarded
    api.address = "6.6.6.6"
    assert api.ask("GET", "/cases", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 401
    api.socket.store.close()


def test_a_bearer_opens_no_page_and_every_answer_has_the_strict_headers(api: Api, halves: tuple[Half, Half]) -> None:
    api.user("boss", "administrator")
    api.make(user="boss")

    async def page(path: str) -> httpx.Response:
        transport = httpx.ASGITransport(api.app, client=("10.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="https://collector", trust_env=False) as client:
            return await client.get(path, headers={"Authorization": f"Bearer {api.token}"})

    assert asyncio.run(page("/cases")).headers["location"].startswith("/login")
    for answer in (api.get("/cases"), api.get("/nothing"), api.ask("POST", "/reports", content=b"{")):
        assert {name: answer.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_what_is_too_large_or_not_understood_is_named(api: Api, halves: tuple[Half, Half]) -> None:
    api.make()
    assert (
        refusal(api.ask("POST", "/reports", content=b"{", headers={"Content-Type": "application/json"}))
        == "bad-request"
    )
    assert refusal(api.get("/cases", limit="many")) == "bad-request"
    assert refusal(api.ask("POST", "/books", content=b"x" * ((4 << 20) + 1))) == "too-large"


def test_long_lists_go_on_where_they_stopped(api: Api, halves: tuple[Half, Half]) -> None:
    api.user("boss", "administrator")
    api.make(user="boss")
    first = api.get("/cases", limit=1, all=True).json()
    second = api.get("/cases", limit=1, all=True, before=first["cases"][0]["id"]).json()
    assert (first["more"], second["more"]) == (True, False)
    assert {first["cases"][0]["number"], second["cases"][0]["number"]} == {half.number for half in halves}
    entries, after = [], 0
    while found := api.get("/audit", after=after, limit=1).json()["audit"]:
        entries += found
        after = found[-1]["number"]
    assert [one["number"] for one in entries] == sorted(one["number"] for one in entries)


def test_the_day_of_its_last_use_is_noted(api: Api, halves: tuple[Half, Half]) -> None:
    api.make()
    assert api.socket.get("/api-tokens").json()["api_tokens"][0]["used_ms"] == 0
    api.get("/cases")
    used = api.socket.get("/api-tokens").json()["api_tokens"][0]["used_ms"]
    assert (used % DAY_MS, 0 <= NOW - used < DAY_MS) == (0, True)


def test_tokens_are_told_by_their_look(api: Api) -> None:
    secret = api.make()
    assert re.fullmatch(r"hck_[0-9A-Za-z]{39}", secret)
    assert is_api_token(secret)
    assert not any(
        is_api_token(text) for text in (secret[:-1], secret + "0", secret.replace("hck_", "hct_"), "hck_", "")
    )


def test_the_document_says_what_each_route_takes(api: Api) -> None:
    api.make()
    told = api.get("/openapi.json").json()
    assert (told["openapi"][0], told["servers"], told["security"]) == ("3", [{"url": "/api"}], [{"token": []}])
    for path, turns in told["paths"].items():
        for method, turn in turns.items():
            assert turn["x-scope"] in list(ApiScope), path
            assert MEDIA in turn["responses"]["default"]["content"]
            keyed = any(one["name"] == "Idempotency-Key" for one in turn.get("parameters", ()))
            assert keyed == (method == "post"), path
    assert set(told["paths"]) <= {path for _, path in PERMITS}


def test_a_body_that_is_nested_without_end_is_malformed(api: Api) -> None:
    """At 900 levels the text is still read, and what it tells must not be walked by recursion; at 50,000 it is not."""
    api.make()
    told = []
    for levels in (900, 50_000):
        deep = "[" * levels + "]" * levels
        for path in ("/cases/1/handle/priority", "/reports"):
            body = f'{{"values": {deep}, "problem": {deep}, "reason": {deep}}}'
            answer = api.ask("POST", path, content=body, headers={"content-type": "application/json"})
            told.append((answer.status_code, refusal(answer)))

    assert set(told) == {(400, "bad-request")}
