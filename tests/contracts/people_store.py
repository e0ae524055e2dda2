"""What people's sessions, API tokens, kept answers and the audit log promise, on either database."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hardcase_collector.domain.audit import CUSTOMER_FORGOTTEN, KEPT_LONG_ENOUGH, PERSON_FORGOTTEN
from hardcase_collector.domain.errors import NotAllowed, NotFound
from hardcase_collector.domain.people import ApiScope, ApiToken, KeptAnswer
from hardcase_collector.domain.ports import Transaction, User
from hardcase_collector.domain.stored import AuditFilter
from hardcase_collector.storage.state.store import SqlStateStore
from hardcase_collector.web.audit_check import AuditCheck, check_audit
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

NOON = 1_800_000_000_000
DAY = 86_400_000
LI = User(name="li", role="engineer", customer=None, password_hash="$argon2")
TOKEN = ApiToken(
    hash="h1",
    user=None,
    automation="bridge",
    customer="north",
    scopes=(ApiScope.CASES_READ, ApiScope.CASES_WRITE),
    networks=("10.0.0.0/8",),
    made_by="root",
    made_ms=NOON,
    expires_ms=NOON + DAY,
)


def wrote(tx: Transaction, *actions: str, actor: str = "li", at_ms: int = NOON) -> None:
    for action in actions:
        tx.access.audit(at_ms=at_ms, actor=actor, action=action, subject="HC-1", facts={"who": actor})


def checked(store: SqlStateStore, head: str = "") -> AuditCheck:
    with store.read() as tx:
        return check_audit(tx, head)


def tamper(store: SqlStateStore, statement: str) -> None:
    """As somebody would who has the product's own connection and nothing else."""
    with store._writer.begin() as connection:
        connection.execute(text(statement))


class PeopleContract:
    def test_a_locked_user_has_no_session_and_one_that_idles_is_over(self, store: SqlStateStore) -> None:
        with store.write() as tx:
            tx.access.add_user(LI)
            tx.access.add_session(hash="s", user="li", expires_ms=NOON + DAY, at_ms=NOON, address="10.0.0.1")
            assert tx.access.session_user("s", now_ms=NOON + 99, idle_ms=100) == LI
            assert tx.access.session_user("s", now_ms=NOON + 100, idle_ms=100) is None
            tx.access.touch_session("s", now_ms=NOON + 99)
            assert tx.access.session_user("s", now_ms=NOON + 100, idle_ms=100) == LI
            tx.access.change_user(replace(LI, locked=True), but="s")
            assert tx.access.session_user("s", now_ms=NOON) is None
            found = tx.access.user("li")
            assert found is not None
            assert (found.locked, found.must_change) == (True, False)

    def test_sessions_are_listed_and_ended_all_but_one(self, store: SqlStateStore) -> None:
        with store.write() as tx:
            tx.access.add_user(LI)
            tx.access.add_user(replace(LI, name="chen", customer="north"))
            for number, user in enumerate(("li", "li", "chen")):
                tx.access.add_session(hash=f"{number}" * 64, user=user, expires_ms=NOON + DAY, at_ms=NOON + number)
            listed = tx.access.sessions(user=None, customer=None, now_ms=NOON)
            assert [one.id for one in listed] == ["2" * 12, "1" * 12, "0" * 12]
            assert [one.user for one in tx.access.sessions(user=None, customer="north", now_ms=NOON)] == ["chen"]
            assert tx.access.sessions(user="li", customer=None, now_ms=NOON + DAY) == []
            assert tx.access.end_sessions_of("li", but="1" * 64) == 1
            assert [one.id for one in tx.access.sessions(user="li", customer=None, now_ms=NOON)] == ["1" * 12]

    def test_a_password_hashed_anew_ends_no_session(self, store: SqlStateStore) -> None:
        with store.write() as tx:
            tx.access.add_user(LI)
            tx.access.add_session(hash="s", user="li", expires_ms=NOON)
            tx.access.keep_password("li", "$new")
            assert tx.access.session_user("s", now_ms=1) == replace(LI, password_hash="$new")

    def test_a_token_is_known_by_its_hash_until_it_is_revoked(self, store: SqlStateStore) -> None:
        with store.write() as tx:
            made = tx.access.add_api_token(TOKEN)
            assert tx.access.api_token("h1") == made == replace(TOKEN, id=made.id)
            assert tx.access.api_token("other") is None
            tx.access.api_token_used(made.id, day_ms=NOON)
            tx.access.revoke_api_token(made.id, now_ms=NOON + 1)
            assert tx.access.api_token("h1") == replace(made, used_ms=NOON, revoked_ms=NOON + 1)
            with pytest.raises(NotFound):
                tx.access.revoke_api_token(made.id, now_ms=NOON + 2)

    def test_tokens_go_with_their_user_and_are_listed_by_customer(self, store: SqlStateStore) -> None:
        with store.write() as tx:
            tx.access.add_user(LI)
            tx.access.add_user(replace(LI, name="chen", customer="north"))
            theirs = replace(TOKEN, hash="h2", user="chen", automation="", customer=None)
            for token in (TOKEN, theirs, replace(theirs, hash="h3", user="li")):
                tx.access.add_api_token(token)
            assert [one.hash for one in tx.access.api_tokens(customer="north")] == ["h1", "h2"]
            assert [one.hash for one in tx.access.api_tokens(customer=None, user="li")] == ["h3"]
            tx.access.keep_answer(
                KeptAnswer(
                    token=tx.access.api_tokens(customer=None, user="li")[0].id,
                    key="k",
                    fingerprint="f",
                    status=200,
                    body="{}",
                    at_ms=NOON,
                )
            )
            tx.access.remove_user("li")
            assert tx.access.api_token("h3") is None

    def test_nobody_can_be_taken_for_an_automation(self, store: SqlStateStore) -> None:
        with store.write() as tx:
            tx.access.add_api_token(TOKEN)
            with pytest.raises(NotAllowed, match="automation"):
                tx.access.add_user(replace(LI, name="bridge"))
            tx.access.add_user(LI)
            with pytest.raises(NotAllowed, match="is a user"):
                tx.access.add_api_token(replace(TOKEN, hash="h9", automation="li"))

    def test_answers_are_kept_for_a_token_and_a_key(self, store: SqlStateStore) -> None:
        with store.write() as tx:
            number = tx.access.add_api_token(TOKEN).id
            answer = KeptAnswer(token=number, key="k", fingerprint="f", status=0, body="", at_ms=NOON)
            tx.access.keep_answer(answer)
            tx.access.keep_answer(replace(answer, status=200, body="{}"))
            assert tx.access.kept_answer(number, "k") == replace(answer, status=200, body="{}")
            assert tx.access.kept_answer(number, "other") is None
            tx.access.drop_answers_before(NOON)
            assert tx.access.kept_answer(number, "k") is not None
            tx.access.drop_answers_before(NOON + 1)
            assert tx.access.kept_answer(number, "k") is None


class AuditContract:
    def test_entries_are_found_by_every_filter_and_read_on_from_a_number(self, store: SqlStateStore) -> None:
        with store.write() as tx:
            wrote(tx, "case.note", "case.cancel", "login")
            wrote(tx, "case.note", actor="wang", at_ms=NOON + 5)
            everything = AuditFilter(customer=None)

            def found(**which: object) -> list[tuple[str, str]]:
                return [
                    (one.actor, one.action)
                    for one in tx.access.audits_where(replace(everything, **which))  # type: ignore[arg-type]
                ]

            assert found(action="case.") == [("wang", "case.note"), ("li", "case.cancel"), ("li", "case.note")]
            assert found(action="case.note", actor="li") == [("li", "case.note")]
            assert found(from_ms=NOON + 1) == found(actor="wang") == [("wang", "case.note")]
            assert found(until_ms=NOON + 1, limit=1) == [("li", "login")]
            assert found(subject="HC-2") == []
            first = tx.access.audits_where(replace(everything, after=0, limit=2))
            assert [one.action for one in first] == ["case.note", "case.cancel"]
            assert found(after=first[-1].number) == [("li", "login"), ("wang", "case.note")]

    def test_what_was_written_is_proved_and_so_is_a_digest_noted_before(self, store: SqlStateStore) -> None:
        assert checked(store).good
        with store.write() as tx:
            wrote(tx, "login", "case.note\x00\ud800")
        noted = checked(store)
        assert (noted.good, noted.entries, noted.first, noted.head.split(":")[0]) == (True, 2, 1, "2")
        with store.write() as tx:
            wrote(tx, "logout")
        assert checked(store, noted.head).good
        other = checked(store, f"2:{'0' * 64}")
        assert (other.good, other.troubles) == (False, ("the digest of entry 2 is not the one that was noted",))
        assert checked(store, f"77:{'0' * 64}").troubles == ("there is no entry 77 any more",)
        with pytest.raises(NotAllowed):
            checked(store, "2:x")

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE audit SET actor = 'nobody'",
            "DELETE FROM audit",
            "UPDATE audit_seals SET salt = ''",
            "DELETE FROM audit_seals",
        ],
    )
    def test_no_statement_changes_an_entry_or_its_seal(self, store: SqlStateStore, statement: str) -> None:
        with store.write() as tx:
            wrote(tx, "login")
        with pytest.raises(DBAPIError, match="not changed"):
            tamper(store, statement)
        assert checked(store).good

    @pytest.mark.parametrize(
        ("statement", "trouble"),
        [
            ("UPDATE audit SET actor = 'nobody' WHERE id = 2", "entry 2 is not as it was written, or is gone"),
            ("DELETE FROM audit WHERE id = 2", "entry 2 is not as it was written, or is gone"),
            ("DELETE FROM audit_seals WHERE entry = 2", "entry 3 does not follow the one before it"),
            ("DELETE FROM audit_seals WHERE entry = 1", "entry 2 does not follow the one before it"),
            ("UPDATE audit_seals SET seal = digest WHERE entry = 2", "entry 2 does not follow the one before it"),
        ],
    )
    def test_whoever_gets_round_the_triggers_is_found_out(
        self, store: SqlStateStore, statement: str, trouble: str
    ) -> None:
        with store.write() as tx:
            wrote(tx, "a", "b", "c")
        tamper(store, "INSERT INTO audit_openings VALUES ('by hand', true, 1)")
        tamper(store, statement)
        tamper(store, "DELETE FROM audit_openings")
        found = checked(store)
        assert (found.good, trouble in found.troubles) == (False, True), found

    def test_an_entry_put_in_from_outside_has_no_seal(self, store: SqlStateStore) -> None:
        tamper(store, "INSERT INTO audit VALUES (7, 1, 'x', 'login', 'x', '{}')")
        assert checked(store).troubles == ("1 entries were put in from outside",)
        with store.write() as tx:
            wrote(tx, "login")
            assert tx.access.audits(customer=None, limit=1)[0].number == 8

    def test_forgetting_is_the_one_exception_and_says_so(self, store: SqlStateStore) -> None:
        with store.write() as tx:
            wrote(tx, "login", actor="li")
            wrote(tx, "login", actor="wang")
            tx.access.add_user(replace(LI, name="chen", customer="north"))
            wrote(tx, "login", actor="chen")
        noted = checked(store).head
        with store.write() as tx:
            tx.forgetting.replace_person("li", "forgotten-1", customer=None)
            tx.forgetting.erase_customer("north")
            wrote(tx, "person.forgotten", actor="root")
        found = checked(store, noted)
        assert found.good, found
        assert found.changed == {PERSON_FORGOTTEN: 1, CUSTOMER_FORGOTTEN: 1}
        with store.read() as tx:
            assert tx.access.audit_openings() == {PERSON_FORGOTTEN: 1, CUSTOMER_FORGOTTEN: 1}
            assert [one.actor for one in tx.access.audits(customer=None, limit=9)] == ["root", "wang", "forgotten-1"]
            salts = [seal.salt for _, seal in tx.access.audit_seals()]
        assert [bool(salt) for salt in salts] == [False, True, False, True]
        with pytest.raises(DBAPIError, match="not changed"):
            tamper(store, "DELETE FROM audit")

    def test_what_failed_half_way_leaves_the_log_closed(self, store: SqlStateStore) -> None:
        with store.write() as tx:
            wrote(tx, "login", actor="li")

        def change_his_mind() -> None:
            with store.write() as tx:
                tx.forgetting.replace_person("li", "forgotten-1", customer=None)
                raise NotAllowed("changed his mind")

        with pytest.raises(NotAllowed):
            change_his_mind()
        found = checked(store)
        assert (found.good, found.changed) == (True, {})
        with pytest.raises(DBAPIError, match="not changed"):
            tamper(store, "DELETE FROM audit")

    def test_the_oldest_go_after_their_time_up_to_the_first_that_is_younger(self, store: SqlStateStore) -> None:
        with store.write() as tx:
            for at_ms in (NOON, NOON + 900 * DAY, NOON + 1, NOON + 901 * DAY):
                wrote(tx, "login", at_ms=at_ms)
        noted = checked(store).head
        with store.write() as tx:
            assert tx.forget(now_ms=NOON + 800 * DAY, limit=10) == 1
            assert tx.forget(now_ms=NOON + 800 * DAY, limit=10) == 0
            wrote(tx, "login")
        found = checked(store, noted)
        assert (found.good, found.first, found.entries) == (True, 2, 4)
        with store.read() as tx:
            assert tx.access.audit_openings() == {KEPT_LONG_ENOUGH: 1}
