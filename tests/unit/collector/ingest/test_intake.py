"""Intake over fakes: what is acknowledged, what is refused, what is asked for, and what failure leaves behind."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hardcase_collector.domain.asset import AssetFacts, AssetMode, Part
from hardcase_collector.domain.errors import Cloned, NotBound
from hardcase_collector.domain.observation import GapReason
from hardcase_collector.ingest.incoming import Farewell, Heard, HoldCause, Refused, RejectionStatus
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.collector import HOST, NOW, FakeAgent, FakeCollector, sequences


@pytest.fixture
def collector() -> FakeCollector:
    return FakeCollector()


@pytest.fixture
def agent(collector: FakeCollector) -> FakeAgent:
    enrolled = collector.enroll()
    enrolled.hello()
    enrolled.offer()
    return enrolled


def stored(collector: FakeCollector) -> list[int]:
    return [frame.sequence for frame in collector.telemetry.frames]


# ---------------------------------------------------------------------- the plain way


def test_a_batch_is_stored_judged_and_acknowledged(collector: FakeCollector, agent: FakeAgent) -> None:
    agent.frame(20, 30)
    agent.frame(20, 95)
    assert sequences(agent.send()) == [(3, [])]
    assert stored(collector) == [2, 3]
    assert agent.mark() == (3, 3)
    assert [move.key.sensor for move in collector.state.data.transitions] == ["n1"]
    assert collector.intake.counts.samples == 4


def test_a_duplicate_is_acknowledged_and_neither_stored_nor_judged_again(
    collector: FakeCollector, agent: FakeAgent
) -> None:
    agent.frame(20, 95)
    agent.send()
    assert sequences(agent.send()) == [(2, [])]
    assert stored(collector) == [2]
    assert len(collector.state.data.transitions) == 1
    assert collector.intake.counts.duplicates == 2


def test_a_new_epoch_is_never_mistaken_for_duplicates(collector: FakeCollector, agent: FakeAgent) -> None:
    agent.frame(20, 30)
    agent.send()
    agent.epoch = b"z" * 16
    assert sequences(agent.send()) == [(2, [])]
    assert stored(collector) == [2, 2]


def test_one_group_holds_many_agents(collector: FakeCollector) -> None:
    agents = [collector.enroll(f"a{at}", facts=replace(HOST, serial=f"SER{at}77", machine_id="")) for at in range(3)]
    for one in agents:
        one.hello()
        one.offer()
        one.frame(1, 2)
    answers = collector.process(*(one.batch() for one in agents))
    assert [sequences(answers[one.agent.number]) for one in agents] == [[(2, [])]] * 3


def test_a_stale_session_is_not_answered(collector: FakeCollector, agent: FakeAgent) -> None:
    agent.frame(1, 2)
    old = agent.batch()
    agent.hello()
    assert collector.process(old) == {}
    assert stored(collector) == []


def test_resume_is_the_lower_of_both_marks(collector: FakeCollector, agent: FakeAgent) -> None:
    agent.frame(1, 2)
    agent.send()
    agent.frame(3, 95)
    collector.state.fail_writes = 1
    assert agent.send(3).hold is not None
    assert agent.mark() == (2, 3)
    assert agent.hello().resume == ((agent.epoch, 2),)
    assert sequences(agent.send(3)) == [(3, [])]
    assert stored(collector) == [2, 3]
    assert len(collector.state.data.transitions) == 1


def test_a_telemetry_store_that_lost_its_end_gets_it_again_without_judging_twice(
    collector: FakeCollector, agent: FakeAgent
) -> None:
    agent.frame(1, 95)
    agent.send()
    collector.telemetry.__init__()  # type: ignore[misc]  # restored from an older backup
    collector.restart()
    assert agent.hello().resume == ((agent.epoch, 0),)
    assert sequences(agent.send()) == [(2, [])]
    assert stored(collector) == [2]
    assert len(collector.state.data.transitions) == 1


# ---------------------------------------------------------------------- bad records


@pytest.mark.parametrize(
    ("values", "gaps"),
    [((1,), None), ((1, 2, 3), None), ((1, 2), {2: GapReason.HUNG}), ((), None)],
)
def test_a_frame_that_contradicts_its_catalogue_is_rejected_inside_the_ack(
    collector: FakeCollector, agent: FakeAgent, values: tuple[float, ...], gaps: dict[int, GapReason] | None
) -> None:
    agent.frame(*values, gaps=gaps)
    agent.frame(5, 6)
    answer = agent.send()
    assert sequences(answer) == [(3, [2])]
    assert answer.acks[0].rejected[0].status is RejectionStatus.MALFORMED
    assert stored(collector) == [3]
    assert [row[2:4] for row in collector.state.data.quarantined] == [(2, "malformed")]


def test_a_record_of_unknown_kind_is_rejected_and_the_rest_is_kept(collector: FakeCollector, agent: FakeAgent) -> None:
    agent.add(lambda at: Refused(sequence=at, status=RejectionStatus.UNKNOWN_KIND, detail="?", raw=b"x"))
    agent.frame(5, 6)
    assert sequences(agent.send()) == [(3, [2])]
    assert stored(collector) == [3]


def test_what_the_judge_refuses_is_rejected(collector: FakeCollector, agent: FakeAgent) -> None:
    agent.frame(1, 2)
    agent.frame(3, 4)
    collector.judge.bad.add(2)
    assert sequences(agent.send()) == [(3, [2])]


def test_a_record_that_breaks_the_judge_is_rejected_and_nothing_else_suffers(
    collector: FakeCollector, agent: FakeAgent
) -> None:
    agent.frame(1, 95)
    agent.frame(3, 95)
    agent.frame(4, 5)
    collector.judge.break_on.add(3)
    assert sequences(agent.send()) == [(4, [3])]
    assert [move.change for move in collector.state.data.transitions] == ["raised", "cleared"]
    assert collector.intake.trouble == ""


def test_a_judge_that_breaks_on_everything_holds_the_group(collector: FakeCollector, agent: FakeAgent) -> None:
    for at in range(20):
        agent.frame(at, at)
    collector.judge.break_on.update(range(100))
    answer = agent.send()
    assert answer.hold is not None
    assert answer.acks == []
    assert agent.mark()[0] == 0


def test_frames_of_a_refused_catalogue_are_rejected_and_not_asked_for(
    collector: FakeCollector, agent: FakeAgent
) -> None:
    bad = b"x" * 16
    agent.add(
        lambda at: Refused(
            sequence=at, status=RejectionStatus.BAD_CATALOGUE, detail="ids repeat", raw=b"", catalogue_id=bad
        )
    )
    agent.frame(1, 2, id=bad)
    answer = agent.send()
    assert sequences(answer) == [(3, [2, 3])]
    assert answer.need is None


# ---------------------------------------------------------------------- catalogues


def test_an_unknown_catalogue_is_asked_for_and_its_frame_neither_acknowledged_nor_lost(
    collector: FakeCollector, agent: FakeAgent
) -> None:
    agent.frame(1, 2)
    agent.frame(3, 4, id=b"u" * 16)
    agent.frame(5, 6)
    answer = agent.send()
    assert sequences(answer) == [(2, [])]
    assert answer.need is not None
    assert (answer.need.sequence, answer.need.catalogue_id) == (3, b"u" * 16)
    # What was under way behind it is passed over, and is no jump.
    agent.frame(7, 8)
    assert sequences(agent.send(5)) == []
    collector.process(agent.deliver(agent.catalogue(0, id=b"u" * 16, source="other")))
    assert sequences(agent.send(3)) == [(5, [])]
    assert stored(collector) == [2, 3, 4, 5]
    assert collector.state.data.losses == []


def test_an_answer_that_cannot_be_read_lets_the_stream_go_on(collector: FakeCollector, agent: FakeAgent) -> None:
    agent.frame(3, 4, id=b"u" * 16)
    agent.frame(5, 6)
    agent.send()
    refusal = Refused(sequence=0, status=RejectionStatus.BAD_CATALOGUE, detail="no", raw=b"", catalogue_id=b"u" * 16)
    collector.process(agent.deliver(refusal))
    assert sequences(agent.send(2)) == [(3, [2])]


def test_a_known_catalogue_need_not_be_sent_again_after_a_restart(collector: FakeCollector, agent: FakeAgent) -> None:
    agent.frame(1, 2)
    agent.send()
    collector.restart()
    assert agent.hello().catalogues == (b"c" * 16,)
    agent.frame(3, 4)
    assert sequences(agent.send(3)) == [(3, [])]


def test_a_changed_catalogue_keeps_feed_and_sensor_numbers(collector: FakeCollector, agent: FakeAgent) -> None:
    agent.frame(1, 2)
    agent.offer(3, id=b"d" * 16)
    agent.frame(1, 2, 3, id=b"d" * 16)
    assert sequences(agent.send()) == [(4, [])]
    first, second = (frame.catalogue for frame in collector.telemetry.frames)
    assert first.feed == second.feed
    assert second.sensor_numbers[:2] == first.sensor_numbers


# ---------------------------------------------------------------------- losses


def test_a_jump_without_a_loss_record_is_a_counted_loss(collector: FakeCollector, agent: FakeAgent) -> None:
    for at in range(10):
        agent.frame(at, at)
    agent.send(1, 3)
    assert sequences(agent.send(8)) == [(11, [])]
    (loss,) = collector.state.data.losses
    assert (loss.epoch, loss.first, loss.through, loss.records, loss.cause) == (agent.epoch, 4, 7, 4, "jump")
    assert collector.intake.counts.lost == 4


def test_a_loss_that_the_agent_told_of_is_counted_once(collector: FakeCollector, agent: FakeAgent) -> None:
    for at in range(6):
        agent.frame(at, at)
    agent.send(1, 3)
    agent.loss(4, 5)
    agent.send(6)
    agent.send(8)
    assert [(loss.first, loss.through) for loss in collector.state.data.losses] == [(4, 5)]
    assert collector.intake.counts.lost == 2


def test_a_collector_restored_from_a_backup_records_a_gap_and_goes_on(
    collector: FakeCollector, agent: FakeAgent
) -> None:
    for at in range(4):
        agent.frame(at, at)
    agent.send(1, 1)
    assert sequences(agent.send(4)) == [(5, [])]
    assert [(loss.first, loss.through) for loss in collector.state.data.losses] == [(2, 3)]


# ---------------------------------------------------------------------- holding


def test_below_the_reserve_nothing_is_acknowledged_and_it_resumes_by_itself(
    collector: FakeCollector, agent: FakeAgent
) -> None:
    agent.frame(1, 2)
    collector.trouble = "3 MiB free, 1024 MiB are the reserve"
    answer = agent.send()
    assert answer.hold is not None
    assert answer.hold.cause is HoldCause.DISK_FULL
    assert answer.acks == []
    assert collector.intake.trouble.startswith("3 MiB")
    collector.trouble = ""
    # What was sent before the agent knew is passed over; what comes from the last ack on is taken.
    agent.frame(3, 4)
    assert sequences(agent.send(3)) == []
    assert sequences(agent.send(1)) == [(3, [])]
    assert collector.state.data.losses == []
    assert collector.intake.trouble == ""


def test_after_a_hold_an_agent_that_lost_records_meanwhile_is_taken_too(
    collector: FakeCollector, agent: FakeAgent
) -> None:
    for at in range(5):
        agent.frame(at, at)
    agent.send(1, 1)
    collector.trouble = "full"
    agent.send(2, 3)
    agent.send(4, 6)
    collector.trouble = ""
    assert sequences(agent.send(4)) == [(6, [])]
    assert [(loss.first, loss.through) for loss in collector.state.data.losses] == [(2, 3)]


def test_an_agent_that_never_comes_back_to_a_record_is_found_after_a_minute(
    collector: FakeCollector, agent: FakeAgent
) -> None:
    agent.frame(3, 4, id=b"u" * 16)
    agent.send()
    assert collector.intake.stuck(NOW + 60_000) == []
    assert collector.intake.stuck(NOW + 60_001) == [agent.agent.number]
    agent.hello()
    assert collector.intake.stuck(NOW + 60_001) == []


@pytest.mark.parametrize("store", ["state", "telemetry"])
def test_a_store_that_fails_holds_the_group_and_judges_nothing_twice(
    collector: FakeCollector, agent: FakeAgent, store: str
) -> None:
    agent.frame(1, 20)
    agent.send()
    agent.frame(1, 95)
    if store == "state":
        collector.state.fail_writes = 1
    else:
        collector.telemetry.fail_next = 1
    answer = agent.send(3)
    assert answer.hold is not None
    assert answer.hold.cause is HoldCause.STORE_FAILED
    assert collector.state.data.transitions == []
    assert sequences(agent.send(3)) == [(3, [])]
    assert [move.time_ms for move in collector.state.data.transitions] == [NOW]
    assert stored(collector) == [2, 3]


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.sampled_from([20.0, 95.0]), min_size=1, max_size=12),
    cuts=st.lists(st.integers(1, 12), max_size=4),
    failures=st.lists(st.sampled_from(["", "state", "telemetry", "kill"]), min_size=5, max_size=5),
)
def test_failures_and_kills_between_commits_change_no_finding(
    values: list[float], cuts: list[int], failures: list[str]
) -> None:
    def run(failing: bool) -> list[tuple[str, int]]:
        collector = FakeCollector()
        agent = collector.enroll()
        agent.offer(1)
        for at, value in enumerate(values):
            agent.frame(value, age_ms=60_000 - at * 1_000)
        agent.hello()
        for end, failure in zip([*sorted(cuts), len(agent.records)], failures, strict=False):
            first = min(agent.mark()) + 1
            through = min(end, len(agent.records))
            if failing and failure == "state":
                collector.state.fail_writes = 1
            if failing and failure == "telemetry":
                collector.telemetry.fail_next = 1
            if through >= first:
                agent.send(first, through)
            collector.state.fail_writes = collector.telemetry.fail_next = 0
            if failing and failure == "kill":
                collector.restart()
                agent.hello()
        if min(agent.mark()) < len(agent.records):
            agent.send(min(agent.mark()) + 1)
        assert stored(collector) == list(range(2, len(agent.records) + 1))
        return [(move.change.value, move.time_ms) for move in collector.state.data.transitions]

    assert run(failing=True) == run(failing=False)


# ---------------------------------------------------------------------- assets


def test_a_new_asset_joins_for_a_day(collector: FakeCollector, agent: FakeAgent) -> None:
    asset = collector.state.data.assets[1]
    assert (asset.key, asset.mode) == ("dell|7ABC123", AssetMode.JOINING)
    assert asset.live_from_ms - asset.joined_ms == 86_400_000


def test_a_drill_is_live_at_once(collector: FakeCollector) -> None:
    drill = collector.enroll(facts=replace(HOST, rehearsal=True))
    drill.hello()
    assert collector.state.data.assets[1].mode is AssetMode.LIVE


def test_an_asset_of_another_customer_is_refused(collector: FakeCollector, agent: FakeAgent) -> None:
    other = collector.enroll("a2", customer="rival", facts=replace(HOST, serial="OTHER99", machine_id="2" * 32))
    other.hello()
    other.facts = HOST
    other.offer()
    other.frame(1, 2)
    answer = other.send()
    assert sequences(answer) == [(2, [1, 2])]
    assert {one.status for one in answer.acks[0].rejected} == {RejectionStatus.NOT_BOUND}
    with pytest.raises(NotBound):
        other.hello(machine_id="2" * 32)


def test_a_second_observer_of_an_asset_is_a_feed_of_its_own(collector: FakeCollector, agent: FakeAgent) -> None:
    other = collector.enroll("a2", facts=replace(HOST, serial="OTHER99", machine_id="2" * 32))
    other.hello()
    other.facts = HOST
    other.offer()
    other.frame(1, 2)
    agent.frame(1, 2)
    agent.send()
    assert sequences(other.send()) == [(2, [])]
    first, second = (frame.catalogue for frame in collector.telemetry.frames)
    assert first.asset == second.asset
    assert first.feed != second.feed


def test_a_cloned_host_is_refused(agent: FakeAgent) -> None:
    with pytest.raises(Cloned, match="machine-id"):
        agent.hello(machine_id="9" * 32)


# ---------------------------------------------------------------------- other records


def test_an_event_known_already_is_not_judged_again(collector: FakeCollector, agent: FakeAgent) -> None:
    agent.event(7)
    agent.event(7)
    agent.send()
    assert len(collector.state.data.events) == 1
    assert len(collector.state.data.transitions) == 1


def test_an_event_older_than_joining_is_history(collector: FakeCollector, agent: FakeAgent) -> None:
    agent.event(7, device_ms=NOW - 1)
    agent.send()
    assert len(collector.state.data.events) == 1
    assert collector.state.data.transitions == []
    (why,) = collector.state.data.whys
    assert (why.asset, why.opened, why.reason, why.facts["record_id"]) == (1, False, "history", 7)


def test_inventory_status_and_window_are_stored(collector: FakeCollector, agent: FakeAgent) -> None:
    agent.inventory(Part(component="disk", slot="Bay 1"))
    agent.status("hung")
    agent.maintenance(7200)
    assert sequences(agent.send()) == [(4, [])]
    data = collector.state.data
    assert data.inventories[1, "smart.ata"] == (Part(component="disk", slot="Bay 1"),)
    assert [one.state for one in data.statuses] == ["hung"]
    assert collector.judge.statuses == [(1, "hung")]
    assert [(one.asset, one.until_ms - one.from_ms) for one in data.windows] == [(1, 7_200_000)]


# ---------------------------------------------------------------------- backlog and time


def test_the_end_of_a_backlog_is_told_to_the_desk_once(collector: FakeCollector, agent: FakeAgent) -> None:
    agent.frame(1, 2, age_ms=3_600_000)
    assert agent.send().backlog is True
    assert collector.telemetry.frames[0].backlog
    agent.frame(1, 2)
    assert agent.send(3).backlog is False
    agent.frame(1, 2)
    agent.send(4)
    assert collector.desk.caught == [(1,)]


def test_an_agent_with_much_in_its_spool_starts_behind(collector: FakeCollector, agent: FakeAgent) -> None:
    for _ in range(300):
        agent.frame(1, 2)
    assert agent.hello().behind


def test_the_last_acknowledged_time_bounds_records_of_an_earlier_boot(
    collector: FakeCollector, agent: FakeAgent
) -> None:
    agent.frame(1, 2, age_ms=1_000)
    agent.send()
    collector.restart()
    agent.hello()
    agent.frame(1, 2, age_ms=999_000, boot_id=b"o" * 16)
    agent.send(3)
    assert [frame.time_ms for frame in collector.telemetry.frames] == [NOW - 1_000, NOW - 1_000]


# ---------------------------------------------------------------------- time alone


def test_silence_and_its_end_reach_the_judge_once_each(collector: FakeCollector, agent: FakeAgent) -> None:
    for second in range(0, 200, 5):
        collector.ticker.tick(now_ms=NOW + second * 1000, monotonic_ms=second * 1000)
    assert collector.judge.statuses == [(1, "ok"), (1, "silent")]
    collector.process(agent.deliver(Heard(NOW, 0)))
    collector.ticker.tick(now_ms=NOW + 205_000, monotonic_ms=205_000)
    assert collector.judge.statuses == [(1, "ok"), (1, "silent"), (1, "ok")]


def test_silence_is_judged_after_a_restart_though_the_agent_never_came_back(
    collector: FakeCollector, agent: FakeAgent
) -> None:
    collector.restart()
    for second in range(0, 200, 5):
        collector.ticker.tick(now_ms=NOW + second * 1000, monotonic_ms=second * 1000)
    assert collector.judge.statuses == [(1, "silent")]


def test_goodbye_is_told_and_remembered(collector: FakeCollector, agent: FakeAgent) -> None:
    collector.process(agent.deliver(Farewell("stopped")))
    collector.ticker.tick(now_ms=NOW, monotonic_ms=0)
    assert collector.judge.statuses == [(1, "stopped")]
    assert collector.state.data.agents[1].stopped_cleanly
    collector.restart()
    for second in range(0, 200, 5):
        collector.ticker.tick(now_ms=NOW + second * 1000, monotonic_ms=second * 1000)
    assert collector.judge.statuses == [(1, "stopped")]


def test_a_wrong_clock_is_told(collector: FakeCollector, agent: FakeAgent) -> None:
    agent.hello(skew_ms=-120_000)
    collector.ticker.tick(now_ms=NOW, monotonic_ms=0)
    assert collector.judge.statuses == [(1, "clock_off")]


def test_a_tick_that_fails_is_done_again(collector: FakeCollector, agent: FakeAgent) -> None:
    agent.hello(skew_ms=-120_000)
    collector.state.fail_writes = 1
    with pytest.raises(Exception, match="fire"):
        collector.ticker.tick(now_ms=NOW, monotonic_ms=0)
    collector.ticker.tick(now_ms=NOW, monotonic_ms=5_000)
    assert collector.judge.statuses == [(1, "clock_off")] * 2
    assert collector.state.data.rows


def test_facts_that_change_are_kept(collector: FakeCollector, agent: FakeAgent) -> None:
    agent.facts = AssetFacts(**{**{name: getattr(HOST, name) for name in HOST.__slots__}, "hostname": "web2"})
    agent.hello()
    assert collector.state.data.assets[1].facts.hostname == "web2"
