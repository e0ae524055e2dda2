"""Passwords, sessions, throttling: against the real state store."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import argon2
import pytest
from hardcase_collector.domain.errors import NotAllowed, NotFound
from hardcase_collector.domain.pace import group_of
from hardcase_collector.domain.ports import User
from hardcase_collector.domain.token import secret_hash
from hardcase_collector.storage.state.store import SqlStateStore
from hardcase_collector.web import access, passwords
from hardcase_collector.web import throttle as throttling
from hardcase_collector.web.access import Person, Sessions, TooManyAttempts
from hardcase_collector.web.passwords import hash_password, hashed_as_now

from tests.fakes.empty_store import empty_store

NOW = 1_800_000_000_000
PASSWORD = "correct horse staple"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStateStore]:
    opened = empty_store(tmp_path / "state.sqlite")
    with opened.write() as tx:
        tx.access.add_user(User(name="li", role="engineer", customer="acme", password_hash=hash_password(PASSWORD)))
    yield opened
    opened.close()


def test_the_right_password_gives_a_session_that_ends(store: SqlStateStore) -> None:
    sessions = Sessions(store, hours=1)
    secret = sessions.log_in("li", PASSWORD, address="10.0.0.1", now_ms=NOW)

    assert secret is not None
    person = sessions.person(secret, now_ms=NOW + 1000)
    assert person is not None
    assert (person.user.name, person.customer, person.may("note")) == ("li", "acme", True)
    assert sessions.person(secret, now_ms=NOW + 3_600_000) is None
    assert sessions.person("", now_ms=NOW) is None


def test_logging_out_ends_the_session_at_once(store: SqlStateStore) -> None:
    sessions = Sessions(store, hours=1)
    secret = sessions.log_in("li", PASSWORD, address="10.0.0.1", now_ms=NOW)
    assert secret is not None
    sessions.log_out(secret, now_ms=NOW)

    assert sessions.person(secret, now_ms=NOW) is None


def test_wrong_passwords_block_a_name_at_an_address_for_five_minutes(
    store: SqlStateStore,
) -> None:
    sessions = Sessions(store, hours=1)
    for _ in range(throttling.FAILURES_OF_NAME):
        assert sessions.log_in("li", "wrong", address="10.0.0.1", now_ms=NOW) is None

    with pytest.raises(TooManyAttempts):
        sessions.log_in("li", PASSWORD, address="10.0.0.1", now_ms=NOW + 1000)
    assert sessions.log_in("li", PASSWORD, address="10.0.0.2", now_ms=NOW + 1000) is not None
    assert sessions.log_in("li", PASSWORD, address="10.0.0.1", now_ms=NOW + throttling.WINDOW_MS) is not None


def test_a_burst_of_wrong_passwords_gets_no_more_looked_at_than_one_after_the_other(
    store: SqlStateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at, together = [], threading.Barrier(12)

    def matches(user: User | None, password: str) -> bool:
        looked_at.append(password)
        return False

    monkeypatch.setattr(access, "password_matches", matches)
    sessions = Sessions(store, hours=1)

    def try_one(number: int) -> None:
        together.wait(60)
        with suppress(TooManyAttempts):
            sessions.log_in("li", f"wrong {number}", address="10.0.0.1", now_ms=NOW)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(try_one, range(12)))

    assert len(looked_at) == throttling.FAILURES_OF_NAME


def test_right_passwords_never_count_as_wrong(store: SqlStateStore) -> None:
    sessions = Sessions(store, hours=1)
    for number in range(throttling.FAILURES_OF_NAME * 2):
        assert sessions.log_in("li", PASSWORD, address="10.0.0.1", now_ms=NOW + number) is not None


def test_refused_logins_and_logins_are_in_the_audit_log_without_the_password(store: SqlStateStore) -> None:
    sessions = Sessions(store, hours=1)
    sessions.log_in("nobody", "hunter2 hunter2", address="10.0.0.1", now_ms=NOW)
    sessions.log_in("li", PASSWORD, address="10.0.0.1", now_ms=NOW)
    with store.read() as tx:
        audits = tx.access.audits(customer=None, limit=10)

    assert [entry.action for entry in audits] == ["login", "login.refused"]
    assert "hunter2" not in repr(audits)


def test_the_session_is_stored_by_its_hash_only(store: SqlStateStore, tmp_path: Path) -> None:
    secret = Sessions(store, hours=1).log_in("li", PASSWORD, address="10.0.0.1", now_ms=NOW)

    assert secret is not None
    assert all(secret.encode() not in path.read_bytes() for path in tmp_path.glob("state.sqlite*"))


def test_a_short_password_is_refused() -> None:
    with pytest.raises(NotAllowed, match="12 characters"):
        hash_password("short")


@pytest.mark.usefixtures("real_cost")
def test_a_password_costs_what_guessing_must_and_a_name_that_is_not_there_costs_the_same() -> None:
    hashed = hash_password(PASSWORD)
    cost = argon2.extract_parameters(hashed)

    assert (cost.type, cost.memory_cost, cost.time_cost, cost.parallelism) == (argon2.Type.ID, 65_536, 3, 4)
    assert argon2.extract_parameters(passwords._hash_of_none()) == cost
    assert passwords.password_matches(User(name="li", role="engineer", customer=None, password_hash=hashed), PASSWORD)
    assert not passwords.password_matches(None, PASSWORD)


def test_a_form_token_belongs_to_one_session() -> None:
    assert access.form_token("a") == access.form_token("a")
    assert access.form_token("a") != access.form_token("b")


def test_the_throttle_forgets_the_oldest_before_it_grows_without_end() -> None:
    throttle = throttling.LoginThrottle()
    for number in range(throttling.REMEMBERED_KEYS * 2):
        throttle.failed("li", f"10.0.{number // 256}.{number % 256}", now_ms=NOW)

    assert len(throttle._failures) <= throttling.REMEMBERED_KEYS


def signed_in(store: SqlStateStore, sessions: Sessions, *, at_ms: int = NOW) -> tuple[str, Person]:
    secret = sessions.log_in("li", PASSWORD, address="10.0.0.1", now_ms=at_ms)
    assert secret is not None
    person = sessions.person(secret, now_ms=at_ms)
    assert person is not None
    return secret, person


def test_a_session_that_is_not_used_is_over_and_one_in_use_lives_to_its_end(store: SqlStateStore) -> None:
    sessions = Sessions(store, hours=1, idle_minutes=10)
    secret, _ = signed_in(store, sessions)
    for minute in range(9, 60, 9):
        assert sessions.person(secret, now_ms=NOW + minute * 60_000) is not None, minute
    assert sessions.person(secret, now_ms=NOW + 60 * 60_000) is None
    secret, _ = signed_in(store, sessions)
    assert sessions.person(secret, now_ms=NOW + 10 * 60_000) is None


def test_an_old_hash_is_made_anew_when_its_owner_signs_in(store: SqlStateStore) -> None:
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with store.write() as tx:
        tx.access.keep_password("li", weak)
    sessions = Sessions(store, hours=1)
    first, _ = signed_in(store, sessions)
    with store.read() as tx:
        user = tx.access.user("li")
    assert user is not None
    assert user.password_hash != weak
    assert hashed_as_now(user.password_hash)
    assert sessions.person(first, now_ms=NOW) is not None
    signed_in(store, sessions)


def test_who_is_locked_gets_the_answer_of_a_wrong_password(store: SqlStateStore) -> None:
    sessions = Sessions(store, hours=1)
    secret, _ = signed_in(store, sessions)
    with store.write() as tx:
        user = tx.access.user("li")
        assert user is not None
        tx.access.change_user(replace(user, locked=True))
    assert sessions.person(secret, now_ms=NOW) is None
    assert sessions.log_in("li", PASSWORD, address="10.0.0.1", now_ms=NOW) is None
    with store.read() as tx:
        entry = tx.access.audits(customer=None, limit=1)[0]
    assert (entry.action, entry.facts) == ("login.refused", {"address": "10.0.0.1", "locked": True})


def test_a_new_password_ends_the_other_sessions_and_takes_the_old_one(store: SqlStateStore) -> None:
    sessions = Sessions(store, hours=1)
    elsewhere, _ = signed_in(store, sessions)
    here, person = signed_in(store, sessions)

    def change(old: str, new: str) -> None:
        sessions.change_password(person, old, new, address="10.0.0.1", now_ms=NOW)

    for old, new, why in (
        ("wrong wrong wrong", "another horse staple", "another one"),
        (PASSWORD, PASSWORD, "the present one"),
        (PASSWORD, "short", "12 characters"),
        (PASSWORD, "a" * 20, "different characters"),
    ):
        with pytest.raises(NotAllowed, match=why):
            change(old, new)
    change(PASSWORD, "another horse staple")
    assert sessions.person(here, now_ms=NOW) is not None
    assert sessions.person(elsewhere, now_ms=NOW) is None
    assert sessions.log_in("li", PASSWORD, address="10.0.0.1", now_ms=NOW) is None
    assert sessions.log_in("li", "another horse staple", address="10.0.0.1", now_ms=NOW) is not None


def test_who_is_locked_or_made_less_while_his_new_password_is_hashed_stays_so(
    store: SqlStateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = Sessions(store, hours=1)
    _, person = signed_in(store, sessions)

    def meanwhile(role: str, *, locked: bool) -> None:
        def hashing(password: str) -> str:
            with store.write() as tx:
                tx.access.change_user(replace(person.user, role=role, locked=locked))
            return hash_password(password)

        monkeypatch.setattr(access, "hash_password", hashing)

    meanwhile("viewer", locked=False)
    sessions.change_password(person, PASSWORD, "another horse staple", address="10.0.0.1", now_ms=NOW)
    with store.read() as tx:
        less = tx.access.user("li")
        assert less is not None
        assert less.role == "viewer"
    meanwhile("viewer", locked=True)
    with pytest.raises(NotAllowed, match="meanwhile"):
        sessions.change_password(person, "another horse staple", PASSWORD, address="10.0.0.1", now_ms=NOW)
    with store.read() as tx:
        locked = tx.access.user("li")
        assert locked is not None
        assert locked.locked


def test_a_password_that_is_replaced_while_it_is_looked_at_lets_nobody_in(
    store: SqlStateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    matches = access.password_matches

    def meanwhile(user: User | None, password: str) -> bool:
        right = matches(user, password)
        assert user is not None
        with store.write() as tx:
            tx.access.change_user(replace(user, password_hash=hash_password("another horse staple")))
        return right

    monkeypatch.setattr(access, "password_matches", meanwhile)
    assert Sessions(store, hours=1).log_in("li", PASSWORD, address="10.0.0.1", now_ms=NOW) is None
    with store.read() as tx:
        assert not tx.access.sessions(user="li", customer=None, now_ms=NOW)


def test_one_ends_ones_own_sessions_and_nobody_elses(store: SqlStateStore) -> None:
    sessions = Sessions(store, hours=1)
    others = [signed_in(store, sessions)[0] for _ in range(3)]
    here, person = signed_in(store, sessions)
    with store.write() as tx:
        tx.access.add_session(hash="f" * 64, user="wang", expires_ms=NOW + 1000, at_ms=NOW)
    listed = sessions.open_sessions(person, now_ms=NOW)
    assert (len(listed), {one.user for one in listed}) == (4, {"li"})
    sessions.end_session(person, secret_hash(others[0])[:12], now_ms=NOW)
    assert [sessions.person(one, now_ms=NOW) is None for one in others] == [True, False, False]
    with pytest.raises(NotFound):
        sessions.end_session(person, "f" * 12, now_ms=NOW)
    sessions.end_session(person, "", now_ms=NOW)
    assert all(sessions.person(one, now_ms=NOW) is None for one in others)
    assert sessions.person(here, now_ms=NOW) is not None


def test_a_flood_from_many_addresses_leaves_the_door_open_for_whom_it_knows() -> None:
    throttle = throttling.LoginThrottle()
    throttle.succeeded("192.0.2.1")
    for number in range(throttling.FAILURES_AT_ALL):
        throttle.failed(f"name{number}", f"198.51.{number // 250}.{number % 250}", now_ms=NOW)
    assert throttle.blocked("li", "203.0.113.5", now_ms=NOW)
    assert not throttle.blocked("li", "192.0.2.1", now_ms=NOW)
    assert not throttle.blocked("li", "203.0.113.5", now_ms=NOW + throttling.WINDOW_MS)


def test_all_addresses_of_one_ipv6_customer_are_one() -> None:
    throttle = throttling.LoginThrottle()
    for number in range(throttling.FAILURES_OF_NAME):
        throttle.failed("li", f"2001:db8:1:2::{number:x}", now_ms=NOW)
    assert throttle.blocked("li", "2001:db8:1:2:ffff::1", now_ms=NOW)
    assert not throttle.blocked("li", "2001:db8:1:3::1", now_ms=NOW)
    assert group_of("::ffff:10.0.0.1") == "10.0.0.1"
