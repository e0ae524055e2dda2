"""What a DiagnosticStore keeps: requests by id and by agent, what agents allow, answers, files; each in its scope."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hardcase_collector.domain.actor import Role
from hardcase_collector.domain.diagnostic import (
    Allowed,
    DiagnosticFile,
    DiagnosticKind,
    DiagnosticRequest,
    RequestFilter,
    RequestState,
)
from hardcase_collector.domain.errors import NotFound, StoreFailed
from hardcase_collector.domain.ports import StateStore, Transaction
from hardcase_collector.domain.report import Attachment

from tests.contracts.state_store import NOON, a_case, an_agent, an_asset

HOUR = 3_600_000


def a_request(tx: Transaction, mark: int = 1, customer: str = "north", **changes: object) -> DiagnosticRequest:
    """Asked of an agent and an asset of their own; the id is sixteen times `mark`."""
    agent = an_agent(tx, f"agent-{customer}-{mark}", customer)
    asset = an_asset(tx, f"dell|{customer}{mark}", customer)
    request = DiagnosticRequest(
        id=bytes([mark]) * 16,
        agent=agent.number,
        asset=asset.id,
        kind=DiagnosticKind.SELF_TEST,
        arguments={"disk": "ST4000|ZC1", "test": "short"},
        target="ST4000|ZC1",
        serial="7ABC123",
        asked_by="li",
        role=Role.ENGINEER,
        reason="指示灯变黄",
        case=None,
        asked_ms=NOON,
        expires_ms=NOON + HOUR,
    )
    request = replace(request, **changes)  # type: ignore[arg-type]  # a test's own fields
    tx.diagnostics.add(request)
    return request


def ended(request: DiagnosticRequest, state: RequestState = RequestState.DONE, at_ms: int = NOON) -> DiagnosticRequest:
    return replace(request, state=state, changed_ms=at_ms, owed=False)


def a_file(request: DiagnosticRequest, name: str = "sel.json.gz", sha256: str = "a" * 64) -> DiagnosticFile:
    return DiagnosticFile(id=0, request=request.id, name=name, size=100, sha256=sha256, at_ms=NOON)


class DiagnosticContract:
    def test_a_request_comes_back_as_it_was_asked(self, store: StateStore) -> None:
        with store.write() as tx:
            case = tx.cases.add(a_case(an_asset(tx, "dell|case")))
            asked = a_request(tx, case=case.id)
        with store.read() as tx:
            assert tx.diagnostics.request(asked.id) == asked
            assert tx.diagnostics.request(b"?" * 16) is None

    def test_what_changes_is_kept(self, store: StateStore) -> None:
        with store.write() as tx:
            asked = a_request(tx)
            agreed = replace(
                asked, state=RequestState.AWAITS_CONSENT, consented_by="Wang", consented_ms=NOON + 2, sent_ms=NOON + 1
            )
            tx.diagnostics.save(agreed)
            assert tx.diagnostics.request(asked.id) == agreed
            with pytest.raises(NotFound):
                tx.diagnostics.save(replace(asked, id=b"?" * 16))

    def test_a_request_is_found_by_the_beginning_of_its_id(self, store: StateStore) -> None:
        with store.write() as tx:
            first, second = a_request(tx, 0xAB), a_request(tx, 0xAC, id=b"\xab\xab\xac" + bytes(13))
            for name in ("ababab", "ABABABAB", first.name, " abababa\n"):
                assert tx.diagnostics.find(name, customer=None) == first
            assert tx.diagnostics.find("ababac", customer="north") == second
            with pytest.raises(NotFound, match="several"):
                tx.diagnostics.find("abab", customer=None)
            for wrong in ("", "ab", "xyzw", "ab" * 17, "cdcdcd", "abab%"):
                with pytest.raises(NotFound):
                    tx.diagnostics.find(wrong, customer=None)

    def test_another_customers_request_and_file_are_not_found(self, store: StateStore) -> None:
        with store.write() as tx:
            theirs = a_request(tx, 2, "south")
            file = tx.diagnostics.add_file(a_file(theirs))
            assert tx.diagnostics.find(theirs.name, customer="south") == theirs
            assert tx.diagnostics.file(file.id, customer="south") == file == tx.diagnostics.file(file.id, customer=None)
            with pytest.raises(NotFound):
                tx.diagnostics.find(theirs.name, customer="north")
            with pytest.raises(NotFound):
                tx.diagnostics.file(file.id, customer="north")

    def test_lists_keep_to_their_customer_and_to_what_was_asked_for(self, store: StateStore) -> None:
        with store.write() as tx:
            older = a_request(tx, 1)
            newer = a_request(tx, 2, kind=DiagnosticKind.BUNDLE, asked_ms=NOON + 1)
            theirs = a_request(tx, 3, "south", asked_ms=NOON + 2)
            tx.diagnostics.save(ended(older))

            def listed(**asked: object) -> list[DiagnosticRequest]:
                return list(tx.diagnostics.listed(RequestFilter(**{"customer": None, **asked})))  # type: ignore[arg-type]

            assert listed() == [theirs, newer, ended(older)]
            assert listed(customer="north") == [newer, ended(older)]
            assert listed(customer="north", open_only=True) == [newer]
            assert listed(asset=theirs.asset, customer="north") == []
            assert listed(kinds=frozenset({DiagnosticKind.BUNDLE})) == [newer]
            assert listed(limit=1) == [theirs]
            assert listed(case=5) == []

    def test_one_of_a_kind_and_target_is_told_from_another(self, store: StateStore) -> None:
        with store.write() as tx:
            asked = a_request(tx)
            same = (asked.agent, asked.asset, asked.kind)
            assert tx.diagnostics.open_for(*same, asked.target) == asked
            assert tx.diagnostics.open_for(*same, "ST4000|ZC2") is None
            assert tx.diagnostics.open_for(asked.agent, asked.asset, DiagnosticKind.READ_SEL, asked.target) is None
            assert tx.diagnostics.open_count(asked.agent) == 1
            tx.diagnostics.save(ended(asked))
            assert tx.diagnostics.open_for(*same, asked.target) is None
            assert tx.diagnostics.open_count(asked.agent) == 0

    def test_an_agent_is_owed_what_it_has_not_answered_for_good(self, store: StateStore) -> None:
        with store.write() as tx:
            asked = a_request(tx, 1)
            a_request(tx, 2)
            assert tx.diagnostics.owed(asked.agent, limit=10) == [asked]
            assert asked.agent in tx.diagnostics.agents_waiting()
            withdrawn = replace(asked, state=RequestState.WITHDRAWN, changed_ms=NOON, owed=True)
            tx.diagnostics.save(withdrawn)
            assert tx.diagnostics.owed(asked.agent, limit=10) == [withdrawn]
            assert asked.agent not in tx.diagnostics.agents_waiting()
            tx.diagnostics.save(replace(withdrawn, owed=False))
            assert tx.diagnostics.owed(asked.agent, limit=10) == []

    def test_time_ends_first_what_no_agent_was_told(self, store: StateStore) -> None:
        with store.write() as tx:
            unsent = a_request(tx, 1, expires_ms=NOON + 10)
            sent = a_request(tx, 2, expires_ms=NOON + 10, state=RequestState.ACCEPTED)
            tx.diagnostics.save(ended(a_request(tx, 3, expires_ms=NOON)))

            def out(asked_ms: int, sent_ms: int) -> list[DiagnosticRequest]:
                found = tx.diagnostics.run_out(asked_before_ms=asked_ms, sent_before_ms=sent_ms, limit=10)
                return sorted(found, key=lambda one: one.id)

            assert out(NOON + 9, 0) == []
            assert out(NOON + 10, 0) == [unsent]
            assert out(NOON + 10, NOON + 10) == [unsent, sent]

    def test_answers_are_kept_apart_and_whole(self, store: StateStore) -> None:
        with store.write() as tx:
            asked, other = a_request(tx, 1), a_request(tx, 2)
            tx.diagnostics.keep_answer(asked.id, b'{"sel":[]}')
        with store.read() as tx:
            assert tx.diagnostics.answer(asked.id) == b'{"sel":[]}'
            assert tx.diagnostics.answer(other.id) == tx.diagnostics.answer(b"?" * 16) == b""

    def test_a_file_is_there_once_and_holds_its_content(self, store: StateStore) -> None:
        with store.write() as tx:
            asked = a_request(tx)
            first = tx.diagnostics.add_file(a_file(asked))
            again = tx.diagnostics.add_file(replace(a_file(asked), at_ms=NOON + 5))
            other = tx.diagnostics.add_file(a_file(asked, "dmesg.txt.gz", "b" * 64))
            assert again == first
            assert tx.diagnostics.files(asked.id) == [first, other]
            assert tx.reports.referenced(["a" * 64, "c" * 64]) == {"a" * 64}
            attached = Attachment(
                id=0,
                case=tx.cases.add(a_case(an_asset(tx, "dell|9"))).id,
                sha256="c" * 64,
                name="c",
                media="text/plain",
                size=1,
                attached_by="li",
                at_ms=NOON,
            )
            tx.reports.attach(attached)
            assert tx.reports.referenced(["a" * 64, "c" * 64]) == {"a" * 64, "c" * 64}

    def test_what_ended_long_ago_goes_with_its_files(self, store: StateStore) -> None:
        with store.write() as tx:
            old, fresh, going_on = a_request(tx, 1), a_request(tx, 2), a_request(tx, 3)
            for one in (old, fresh, going_on):
                tx.diagnostics.add_file(a_file(one, sha256=one.name * 2))
            tx.diagnostics.save(ended(old, at_ms=NOON + 1))
            tx.diagnostics.save(ended(fresh, at_ms=NOON + HOUR))
            assert list(tx.diagnostics.forget_before(NOON + 2, limit=10)) == [old.name * 2]
            assert tx.diagnostics.request(old.id) is None
            assert tx.diagnostics.files(old.id) == []
            assert tx.diagnostics.request(fresh.id) is not None
            assert list(tx.diagnostics.forget_before(NOON + 2, limit=10)) == []

    def test_an_agent_allows_what_it_said_last(self, store: StateStore) -> None:
        with store.write() as tx:
            agent = an_agent(tx).number
            assert tx.diagnostics.allowed(agent) is None
            for kinds in ((DiagnosticKind.READ_SEL, DiagnosticKind.BUNDLE), ()):
                said = Allowed(agent=agent, kinds=kinds, told_ms=NOON)
                tx.diagnostics.allow(said)
                assert tx.diagnostics.allowed(agent) == said

    def test_requests_are_counted_by_state(self, store: StateStore) -> None:
        with store.write() as tx:
            a_request(tx, 1)
            tx.diagnostics.save(ended(a_request(tx, 2), RequestState.REFUSED))
            counts = tx.diagnostics.counts()
        assert set(counts) == set(RequestState)
        assert {state: n for state, n in counts.items() if n} == {RequestState.ASKED: 1, RequestState.REFUSED: 1}

    def test_a_request_of_nobodys_agent_is_refused(self, store: StateStore) -> None:
        with store.write() as tx:
            asked = a_request(tx)
        with pytest.raises(StoreFailed), store.write() as tx:
            tx.diagnostics.add(replace(asked, id=b"z" * 16, agent=999))
