"""What agents are told and report, and what time ends. A final state never changes."""

from __future__ import annotations

import pytest
from hardcase_collector.diagnostics import telling
from hardcase_collector.domain.diagnostic import AgentReport, ToldFile
from hardcase_collector.domain.diagnostic import DiagnosticKind as K
from hardcase_collector.domain.diagnostic import RequestState as S
from hardcase_collector.domain.errors import StoreFailed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.collector.diagnostics.bench import HOUR, LI, MAX, NOON, DiagnosticBench

REPORTED = (S.ACCEPTED, S.AWAITS_CONSENT, S.DONE, S.REFUSED, S.FAILED, S.EXPIRED)


def test_a_request_is_sent_again_until_a_final_report_came(bench: DiagnosticBench) -> None:
    agent, asset = bench.ready()
    asked = bench.ask(asset)
    (first,) = bench.desk.telling.greeted(agent.number, tuple(K), now_ms=NOON + 3)
    assert (first.state, first.sent_ms) == (S.SENT, NOON + 3)
    (again,) = bench.desk.telling.greeted(agent.number, tuple(K), now_ms=NOON + 9)
    assert again == first
    bench.report(asked, S.ACCEPTED)
    assert len(bench.desk.telling.owed(agent.number, now_ms=NOON)) == 1
    bench.report(asked, S.DONE)
    assert bench.desk.telling.owed(agent.number, now_ms=NOON) == ()
    assert bench.actions() == ["asked", "sent", "accepted", "done"]


def test_an_agent_is_told_its_own_requests_alone(bench: DiagnosticBench) -> None:
    _, asset = bench.ready()
    other = bench.agent("agent-2")
    bench.ask(asset)
    assert bench.desk.telling.greeted(other.number, (), now_ms=NOON) == ()
    assert bench.desk.telling.waiting() == [1]


def test_what_expired_before_its_agent_came_is_not_sent(bench: DiagnosticBench) -> None:
    agent, asset = bench.ready()
    asked = bench.ask(asset)
    assert bench.desk.telling.owed(agent.number, now_ms=asked.expires_ms) == []
    bench.tick(asked.expires_ms - 1)
    assert bench.now(asked).state is S.ASKED
    bench.tick(asked.expires_ms)
    ended = bench.now(asked)
    assert (ended.state, ended.detail, ended.owed) == (S.EXPIRED, "not_sent", False)


@pytest.mark.parametrize(("reached", "ends"), [(S.SENT, S.EXPIRED), (S.ACCEPTED, S.FAILED)])
def test_an_agent_that_never_answers_is_given_up(bench: DiagnosticBench, reached: S, ends: S) -> None:
    agent, asset = bench.ready()
    asked = bench.sent(asset)
    if reached is S.ACCEPTED:
        bench.report(asked, S.ACCEPTED)
    over = asked.expires_ms + bench.limits.give_up_ms
    bench.tick(over - 1)
    assert bench.now(asked).state is reached
    assert len(bench.desk.telling.owed(agent.number, now_ms=over - 1)) == 1, "its answer is still wanted"
    bench.tick(over)
    assert (bench.now(asked).state, bench.now(asked).detail) == (ends, "no_report")


def test_a_report_of_nobodys_request_changes_nothing_and_is_audited_once_a_minute(bench: DiagnosticBench) -> None:
    agent, _ = bench.ready()
    for at_ms in (NOON, NOON + 59_000, NOON + 61_000):
        report = AgentReport(id=b"?" * 16, state=S.DONE, detail="")
        bench.desk.telling.take(agent.number, report, now_ms=at_ms)
    assert bench.desk.telling.counts.ignored == 3
    entries = bench.audits()
    assert [one.action for one in entries] == ["diagnostic.report_refused"] * 2
    assert (entries[0].actor, entries[0].subject) == ("agent:agent-1", "agent-1")
    assert entries[0].facts["cause"] == "unknown-request"


def test_another_agents_report_changes_nothing(bench: DiagnosticBench) -> None:
    _, asset = bench.ready()
    thief = bench.agent("agent-2")
    asked = bench.sent(asset)
    assert bench.report(asked, S.DONE, agent=thief.number) == asked
    assert bench.audits()[-1].facts["cause"] == "another-agents-request"
    assert bench.desk.telling.counts.ignored == 1


def test_a_flood_of_reports_is_not_even_looked_up(bench: DiagnosticBench) -> None:
    agent, asset = bench.ready()
    asked = bench.sent(asset)
    for _ in range(300):
        bench.desk.telling.take(agent.number, AgentReport(id=b"?" * 16, state=S.DONE, detail=""), now_ms=NOON)
    assert bench.desk.telling.counts.ignored == 300
    assert bench.report(asked, S.DONE).state is S.SENT, "of this minute nothing more is taken"
    bench.now_ms += 60_000
    assert bench.report(asked, S.DONE).state is S.DONE


def test_what_was_not_sent_cannot_be_answered(bench: DiagnosticBench) -> None:
    _, asset = bench.ready()
    asked = bench.ask(asset)
    assert bench.report(asked, S.DONE) == asked


def test_only_a_bundle_awaits_consent(bench: DiagnosticBench) -> None:
    _, asset = bench.ready()
    asked = bench.sent(asset, K.READ_SEL)
    assert bench.report(asked, S.AWAITS_CONSENT).state is S.SENT


def test_consent_given_at_the_machine_goes_on_without_us(bench: DiagnosticBench) -> None:
    _, asset = bench.ready()
    asked = bench.sent(asset, K.BUNDLE)
    bench.report(asked, S.AWAITS_CONSENT)
    gone_on = bench.report(asked, S.ACCEPTED)
    assert (gone_on.state, gone_on.consented_by) == (S.ACCEPTED, "on_the_spot")
    assert "consented" in bench.actions()


def test_progress_is_shown_every_few_seconds_and_makes_no_entries(bench: DiagnosticBench) -> None:
    _, asset = bench.ready()
    asked = bench.sent(asset)
    bench.report(asked, S.ACCEPTED)
    before = bench.actions()
    assert bench.report(asked, S.ACCEPTED, "10 %").detail == ""
    bench.now_ms += 5_000
    assert bench.report(asked, S.ACCEPTED, "20 %").detail == "20 %"
    assert bench.actions() == before


def test_the_answer_is_kept_as_it_came(bench: DiagnosticBench) -> None:
    _, asset = bench.ready()
    asked = bench.sent(asset)
    bench.report(asked, S.DONE, "3 entries", answer=b'{"entries":3}')
    with bench.store.read() as tx:
        assert tx.diagnostics.answer(asked.id) == b'{"entries":3}'


def test_done_without_a_file_that_it_lists_has_failed(bench: DiagnosticBench) -> None:
    _, asset = bench.ready()
    asked = bench.sent(asset)
    told = ToldFile(request=asked.id, name="sel.bin", size=3, sha256=b"s" * 32)
    ended = bench.report(asked, S.DONE, "3 entries", files=(told,))
    assert (ended.state, ended.detail) == (S.FAILED, "file_missing, sel.bin, 3 entries")


def test_a_late_report_on_what_was_withdrawn_is_noted_and_changes_nothing(bench: DiagnosticBench) -> None:
    agent, asset = bench.ready()
    asked = bench.sent(asset)
    withdrawn = bench.desk.asking.withdraw(asked.name, by=LI, reason="", now_ms=NOON)
    assert bench.report(asked, S.ACCEPTED) == withdrawn
    late = bench.report(asked, S.DONE, answer=b"{}")
    assert (late.state, late.owed) == (S.WITHDRAWN, False)
    assert bench.actions()[-1] == "late_report"
    assert bench.desk.telling.owed(agent.number, now_ms=NOON) == ()
    with bench.store.read() as tx:
        assert tx.diagnostics.answer(asked.id) == b""


def test_a_withdrawal_is_not_told_for_ever(bench: DiagnosticBench) -> None:
    agent, asset = bench.ready()
    asked = bench.sent(asset)
    bench.desk.asking.withdraw(asked.name, by=LI, reason="", now_ms=NOON)
    over = asked.expires_ms + bench.limits.give_up_ms
    assert len(bench.desk.telling.owed(agent.number, now_ms=over - 1)) == 1
    assert bench.desk.telling.owed(agent.number, now_ms=over) == []
    assert not bench.now(asked).owed


def test_what_an_agent_says_is_one_line_of_bounded_length(bench: DiagnosticBench) -> None:
    _, asset = bench.ready()
    asked = bench.sent(asset)
    ended = bench.report(asked, S.REFUSED, "not now:\n\x1b[31mrebuild\u202e " + "x" * 2000)
    assert ended.detail.startswith("not now: [31mrebuild x")
    assert len(ended.detail) == 500


def test_a_report_that_could_not_be_kept_is_kept_later(bench: DiagnosticBench, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, asset = bench.ready()
    asked = bench.sent(asset)

    def full() -> object:
        raise StoreFailed("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(bench.store, "write", full)
        assert bench.report(asked, S.DONE).state is S.SENT
        bench.desk.telling.again(now_ms=NOON)
    bench.desk.telling.again(now_ms=NOON)
    assert bench.now(asked).state is S.DONE
    assert bench.desk.telling.waiting() == []
    assert agent.number == asked.agent


def test_reports_that_find_too_many_waiting_are_counted_and_the_newest_are_kept(
    bench: DiagnosticBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, asset = bench.ready()
    asked = bench.sent(asset)

    def full() -> object:
        raise StoreFailed("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(bench.store, "write", full)
        patched.setattr(telling, "_WAITING_REPORTS", 3)
        for number in range(5):
            bench.report(asked, S.ACCEPTED, f"step {number}")
    assert bench.desk.numbers()["diagnostic_reports_dropped"] == 2
    bench.desk.telling.again(now_ms=NOON)
    assert bench.now(asked).state is S.ACCEPTED
    assert bench.now(asked).detail == "step 2"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    reports=st.lists(st.tuples(st.sampled_from(REPORTED), st.integers(0, 2 * HOUR)), max_size=12),
    kind=st.sampled_from(K),
)
def test_whatever_is_reported_a_final_state_stays_and_replays_change_nothing(
    bench: DiagnosticBench, reports: list[tuple[S, int]], kind: K
) -> None:
    if not bench.nudged:
        bench.ready()
    arguments = {"disk": "ST|1"} if kind is K.SELF_TEST else {}
    asked = bench.sent(1, kind, by=MAX, arguments=arguments, reason="r")
    final: S | None = None
    for state, later in reports:
        bench.now_ms += 60_000 + later
        found = bench.report(asked, state)
        if final is not None:
            assert found.state is final
        if found.state.final:
            final = found.state
        assert bench.report(asked, state) == found, "the same once more"
    if final is None:
        bench.report(asked, S.FAILED)
    bench.now_ms = NOON
