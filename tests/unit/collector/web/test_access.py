"""Passwords, sessions, throttling: against the real state store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hardcase_collector.domain.errors import NotAllowed
from hardcase_collector.domain.ports import User
from hardcase_collector.storage.state.store import SqlStateStore
from hardcase_collector.web import access
from hardcase_collector.web import throttle as throttling
from hardcase_collector.web.access import Sessions, TooManyAttempts
from hardcase_collector.web.passwords import hash_password

from tests.fakes.empty_store import empty_store

NOW = 1_800_000_000_000
PASSWORD = "correct horse staple"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStateStore]:
    opened = empty_store(tmp_path / "state.sqlite")
    with opened.write() as tx:
        tx.access.add_user(
            User(name="li", role="engineer", customer="acme", password_hash=hash_password(PASSWORD))
        )
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


def test_a_form_token_belongs_to_one_session() -> None:
    assert access.form_token("a") == access.form_token("a")
    assert access.form_token("a") != access.form_token("b")


def test_the_throttle_forgets_the_oldest_before_it_grows_without_end() -> None:
    throttle = throttling.LoginThrottle()
    for number in range(throttling.REMEMBERED_KEYS * 2):
        throttle.failed("li", f"10.0.{number // 256}.{number % 256}", now_ms=NOW)

    assert len(throttle._failures) <= throttling.REMEMBERED_KEYS
