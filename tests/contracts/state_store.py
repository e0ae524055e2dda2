"""What every StateStore must do, whatever database it stands on. Run by test_state_store.py and its like.

A subclass gives a fixture `store`: an open, empty store.
"""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from hardcase_collector.domain.asset import Agent, Asset, AssetFacts, AssetMode, IdentityBasis, Part
from hardcase_collector.domain.case import Case, CaseState, TimelineEntry
from hardcase_collector.domain.errors import NotAllowed, NotFound, SessionSuperseded, StoreFailed, TokenRefused
from hardcase_collector.domain.finding import Change, FindingKey, Severity, Transition, Why
from hardcase_collector.domain.joining import WAIT_MS, IssuedByToken, WaitingHost
from hardcase_collector.domain.observation import (
    Coverage,
    CoverageLine,
    Event,
    Limits,
    Loss,
    Sensor,
    SourceStatus,
    Stamp,
)
from hardcase_collector.domain.ports import (
    AssetSummary,
    Baseline,
    CaseFilter,
    EnrolmentToken,
    EpochKey,
    FeedRow,
    Mark,
    StateStore,
    Transaction,
    User,
    Window,
)
from hardcase_collector.domain.spares import OrderState, PartOrder, Sighting

DAY = 86_400_000
NOON = 1_795_521_600_000
"""2026-11-24 12:00:00 UTC."""
PSU = Part(component="psu", slot="PSU2")


def an_agent(tx: Transaction, id: str = "agent-1", customer: str = "north") -> Agent:
    return tx.agents.add(
        Agent(
            id=id,
            number=0,
            customer=customer,
            hostname="web1",
            machine_id=f"machine-{id}",
            dmi_uuid=f"uuid-{id}",
            fingerprint="f0",
            enrolled_ms=NOON,
        )
    )


def an_asset(tx: Transaction, key: str = "dell|7ABC123", customer: str = "north") -> Asset:
    return tx.assets.add(
        key=key,
        basis=IdentityBasis.SERIAL,
        facts=AssetFacts(vendor="Dell Inc.", model="R750", serial="7ABC123", hostname="web1"),
        customer=customer,
        mode=AssetMode.LIVE,
        joined_ms=NOON,
        live_from_ms=NOON,
    )


def a_case(asset: Asset, part: Part = PSU, group: str = "psu", opened_ms: int = NOON) -> Case:
    return Case(
        id=0,
        number="",
        asset=asset.id,
        part=part,
        repair_group=group,
        state=CaseState.NEW,
        severity=Severity.MAJOR,
        fault_classes=("psu.input_lost",),
        since_ms=opened_ms - 5_000,
        opened_ms=opened_ms,
        version=1,
    )


def a_transition(asset: Asset, change: Change = Change.RAISED, at_ms: int = NOON, sensor: str = "s1") -> Transition:
    return Transition(
        key=FindingKey(asset=asset.id, feed=0, rule="psu-input", part=PSU.key(), sensor=sensor),
        change=change,
        severity=Severity.CLEARED if change is Change.CLEARED else Severity.MAJOR,
        fault_class="psu.input_lost",
        repair_group="psu",
        part=PSU,
        time_ms=at_ms,
        backlog=False,
        rehearsal=False,
        self_clearing=True,
        soak_s=600,
        opens=True,
        evidence={"sensor": sensor, "value": 1.5, "ok": False, "text": "Eingang \u7535", "gone": None},
    )


def a_stamp(agent: Agent, asset: Asset, source: str = "bmc", sequence: int = 7) -> Stamp:
    return Stamp(
        agent=agent.number,
        asset=asset.id,
        source=source,
        epoch=b"e" * 16,
        sequence=sequence,
        time_ms=NOON,
        received_ms=NOON + 5,
        flag=1,
        backlog=False,
    )


class StateStoreContract:
    """Transactions, and the stores of agents, assets and feeds; cases and outbox follow below."""

    def test_nothing_is_visible_before_the_block_ends_well(self, store: StateStore) -> None:
        with store.write() as tx:
            an_asset(tx)
            with store.read() as seen:
                assert seen.assets.by_key("dell|7ABC123") is None
        with store.read() as seen:
            assert seen.assets.by_key("dell|7ABC123") is not None

    def test_nothing_of_a_failed_block_is_kept(self, store: StateStore) -> None:
        with pytest.raises(ValueError, match="stop"), store.write() as tx:  # noqa: PT012  # the whole block is undone
            an_asset(tx)
            raise ValueError("stop")
        with store.read() as seen:
            assert seen.assets.all(customer=None) == []

    def test_a_refused_statement_is_named_and_undoes_the_block(self, store: StateStore) -> None:
        with pytest.raises(StoreFailed), store.write() as tx:  # noqa: PT012  # the whole block is undone
            an_asset(tx, key="dell|SAME")
            an_asset(tx, key="dell|SAME")
        with store.read() as seen:
            assert seen.assets.all(customer=None) == []

    def test_a_failed_write_tells_no_value(self, store: StateStore) -> None:
        with pytest.raises(StoreFailed) as refused, store.write() as tx:  # noqa: PT012  # the whole block is undone
            an_asset(tx, key="dell|CONFIDENTIAL")
            an_asset(tx, key="dell|CONFIDENTIAL")
        assert "CONFIDENTIAL" not in str(refused.value)

    def test_a_reading_transaction_is_a_snapshot(self, store: StateStore) -> None:
        with store.read() as seen:
            assert seen.assets.all(customer=None) == []
            with store.write() as tx:
                an_asset(tx)
            assert seen.assets.all(customer=None) == []

    def test_a_reading_transaction_refuses_writes(self, store: StateStore) -> None:
        with pytest.raises(StoreFailed, match="may not write"), store.read() as tx:
            an_asset(tx)

    def test_an_agent_says_whom_it_trusts_and_how_it_stands(self, store: StateStore) -> None:
        with store.write() as tx:
            first, second = an_agent(tx), an_agent(tx, "agent-2")
            tx.agents.told_trust(first.number, roots="aa bb", issuer="aa")
            tx.agents.replace(replace(second, revoked=True, enrolled_ms=NOON + 1))
            assert tx.agents.by_number(first.number) == replace(first, roots="aa bb", issuer="aa")
            tx.agents.found_copies(first.number, "1 aa bb")
            assert tx.agents.by_number(first.number) == replace(first, roots="aa bb", issuer="aa", copies="1 aa bb")
            assert tx.agents.standing() == {first.number: (NOON, False), second.number: (NOON + 1, True)}

    def test_writers_take_turns(self, store: StateStore) -> None:
        with store.write() as tx:
            agent = an_agent(tx)

        def count() -> None:
            for _ in range(10):
                with store.write() as tx:
                    tx.agents.next_session(agent.number)

        writers = [threading.Thread(target=count) for _ in range(4)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(timeout=120)
        with store.read() as seen:
            assert seen.agents.session(agent.number) == 40

    def test_a_healthy_store_says_nothing(self, store: StateStore) -> None:
        assert store.healthy() == ""

    def test_an_agent_is_found_by_its_id_its_number_and_its_host(self, store: StateStore) -> None:
        with store.write() as tx:
            agent = an_agent(tx)
            assert agent.number > 0
            assert tx.agents.by_id("agent-1") == agent
            assert tx.agents.by_number(agent.number) == agent
            assert tx.agents.by_host(machine_id="machine-agent-1", dmi_uuid="") == agent
            assert tx.agents.by_host(machine_id="", dmi_uuid="uuid-agent-1") == agent
            assert tx.agents.by_host(machine_id="", dmi_uuid="") is None
            assert tx.agents.by_id("another") is None

    def test_agents_are_listed_per_customer(self, store: StateStore) -> None:
        with store.write() as tx:
            north, south = an_agent(tx), an_agent(tx, "agent-2", "south")
            assert tx.agents.all(customer="south") == [south]
            assert tx.agents.all(customer=None) == [north, south]

    def test_replacing_an_agent_keeps_its_session(self, store: StateStore) -> None:
        with store.write() as tx:
            agent = an_agent(tx)
            assert tx.agents.next_session(agent.number) == 1
            tx.agents.replace(replace(agent, fingerprint="f1", session=99))
            tx.agents.seen(agent.number, NOON + 9, stopped_cleanly=True)
            after = tx.agents.by_number(agent.number)
        assert (after.fingerprint, after.session, after.last_seen_ms, after.stopped_cleanly) == (
            "f1",
            1,
            NOON + 9,
            True,
        )

    def test_an_unknown_agent_is_not_found(self, store: StateStore) -> None:
        with pytest.raises(NotFound), store.write() as tx:
            tx.agents.next_session(404)

    def test_assets_keep_their_facts_and_customers_apart(self, store: StateStore) -> None:
        with store.write() as tx:
            asset = an_asset(tx)
            other = an_asset(tx, "hpe|X", "south")
            tx.assets.update_facts(asset.id, AssetFacts(hostname="web1-new", serial="7ABC123"))
            tx.assets.set_mode(asset.id, AssetMode.OBSERVE, live_from_ms=NOON + 1)
            after = tx.assets.by_number(asset.id)
            assert (after.facts.hostname, after.mode, after.live_from_ms) == ("web1-new", AssetMode.OBSERVE, NOON + 1)
            assert after.key == asset.key
            assert tx.assets.all(customer="south") == [other]
        with pytest.raises(NotFound), store.read() as seen:
            seen.assets.by_number(404)

    def test_joining_that_is_over_is_found(self, store: StateStore) -> None:
        with store.write() as tx:
            asset = an_asset(tx)
            tx.assets.set_mode(asset.id, AssetMode.JOINING, live_from_ms=NOON + DAY)
            assert tx.assets.joining_over(NOON + DAY - 1) == []
            assert [found.id for found in tx.assets.joining_over(NOON + DAY)] == [asset.id]

    def test_an_observer_is_bound_once(self, store: StateStore) -> None:
        with store.write() as tx:
            agent, asset = an_agent(tx), an_asset(tx)
            tx.assets.bind(asset.id, agent.number)
            tx.assets.bind(asset.id, agent.number)
            assert list(tx.assets.observers(asset.id)) == [agent.number]
            assert list(tx.assets.observed_by(agent.number)) == [asset.id]

    def test_a_part_no_longer_named_keeps_its_last_time(self, store: StateStore) -> None:
        disk = Part(component="disk", slot="Bay 3", model="ST4000", serial="ZC1", paths=("/dev/sda",))
        with store.write() as tx:
            agent, asset = an_agent(tx), an_asset(tx)
            tx.assets.save_inventory(asset.id, "smart", agent.number, [disk, PSU], NOON)
            tx.assets.save_inventory(asset.id, "smart", agent.number, [PSU], NOON + 1)
            assert sorted(tx.assets.inventory(asset.id), key=lambda line: line[2]) == [
                ("smart", disk, NOON),
                ("smart", PSU, NOON + 1),
            ]

    def test_coverage_of_a_source_is_replaced_whole(self, store: StateStore) -> None:
        watched = CoverageLine(component="disk", status="watched")
        denied = CoverageLine(component="psu", status="unreadable", reason="denied", cure="add it to group disk")
        with store.write() as tx:
            stamp = a_stamp(an_agent(tx), an_asset(tx))
            tx.assets.save_coverage(Coverage(stamp=stamp, lines=(watched, denied)))
            tx.assets.save_coverage(Coverage(stamp=stamp, lines=(denied,)))
            assert tx.assets.coverage(stamp.asset) == [("bmc", denied)]

    def test_a_summary_counts_what_lists_show(self, store: StateStore) -> None:
        lines = [CoverageLine(component=name, status="watched") for name in ("disk", "fan")]
        lines += [CoverageLine(component="psu", status="unreadable"), CoverageLine(component="gpu", status="absent")]
        with store.write() as tx:
            stamp = a_stamp(an_agent(tx), an_asset(tx))
            other = an_asset(tx, key="dell|OTHER").id
            tx.assets.bind(stamp.asset, stamp.agent)
            tx.assets.save_coverage(Coverage(stamp=stamp, lines=tuple(lines)))
            for source, at_ms in (("bmc", NOON), ("disks", NOON + 5)):
                feed = tx.feeds.feed(agent=stamp.agent, asset=stamp.asset, source=source)
                tx.feeds.save_rows(
                    [FeedRow(feed=feed.number, catalogue=0, state=b"", time_ms=at_ms, received_ms=at_ms)]
                )
            summary = AssetSummary(observers=(stamp.agent,), watched=2, unreadable=1, last_reading_ms=NOON + 5)
            assert tx.assets.summaries() == {stamp.asset: summary}
            assert tx.assets.summaries(asset=stamp.asset) == {stamp.asset: summary}
            assert tx.assets.summaries(asset=other) == {}

    def test_the_newest_status_of_a_source_is_kept(self, store: StateStore) -> None:
        with store.write() as tx:
            stamp = a_stamp(an_agent(tx), an_asset(tx))
            hung = SourceStatus(stamp=stamp, state="hung", detail="no answer", period_ms=1000, failures=3)
            tx.assets.save_source_status(hung)
            tx.assets.save_source_status(replace(hung, state="ok", failures=0))
            assert tx.assets.source_statuses(stamp.asset) == [replace(hung, state="ok", failures=0)]

    def test_an_event_is_known_by_log_erase_stamp_record_and_bytes(self, store: StateStore) -> None:
        with store.write() as tx:
            event = Event(
                stamp=a_stamp(an_agent(tx), an_asset(tx)),
                log="sel",
                erase_stamp=2**64 - 1,
                record_id=4,
                raw=b"\x04\x00\xff",
                device_ms=NOON,
                part=PSU,
                code="psu.input_lost",
                asserted=True,
                sensor="PS2",
                text="input\x00lost",
            )
            assert tx.assets.add_event(event)
            assert not tx.assets.add_event(event)
            assert tx.assets.add_event(replace(event, erase_stamp=0))
            assert tx.assets.add_event(replace(event, raw=b"other"))
            stored = tx.assets.events(event.stamp.asset, limit=10)
        assert len(stored) == 3
        assert stored[-1].erase_stamp == 2**64 - 1
        # PostgreSQL cannot hold a NUL in text: it is left out, on both databases alike.
        assert stored[-1].text == "inputlost"

    def test_a_window_is_found_while_it_holds_and_settled_once(self, store: StateStore) -> None:
        with store.write() as tx:
            asset = an_asset(tx)
            window = Window(id=b"w1", asset=asset.id, from_ms=NOON, until_ms=NOON + 10, reason="fans", by="li")
            tx.assets.open_window(window)
            tx.assets.open_window(replace(window, until_ms=NOON + 20))
            assert tx.assets.windows(asset.id, NOON - 1) == []
            assert tx.assets.windows(asset.id, NOON) == [replace(window, until_ms=NOON + 20)]
            assert tx.assets.windows(asset.id, NOON + 20) == []
            assert tx.assets.windows_ended(NOON + 19) == []
            ended = tx.assets.windows_ended(NOON + 20)
            assert [found.id for found in ended] == [b"w1"]
            tx.assets.settle_window(ended[0])
            assert tx.assets.windows_ended(NOON + 20) == []

    def test_a_feed_is_made_once(self, store: StateStore) -> None:
        with store.write() as tx:
            agent, asset = an_agent(tx), an_asset(tx)
            first = tx.feeds.feed(agent=agent.number, asset=asset.id, source="bmc")
            assert tx.feeds.feed(agent=agent.number, asset=asset.id, source="bmc") == first
            second = tx.feeds.feed(agent=agent.number, asset=asset.id, source="smart")
            assert tx.feeds.feeds(asset=asset.id) == [first, second]
            assert tx.feeds.feeds(asset=404) == []

    def test_a_catalogue_comes_back_whole_and_sensors_keep_their_numbers(self, store: StateStore) -> None:
        fan = Sensor(
            id="ipmi:20.0.1",
            name="FAN1",
            kind="fan",
            unit="rpm",
            part=Part(component="fan", slot="FAN1", paths=("a", "b")),
            limits=Limits(lower_critical=0.0, upper_critical=9000.5, source="bmc"),
            host_powered=True,
            comparison=0,
        )
        status = Sensor(
            id="ipmi:20.0.2", name="PS2", kind="psu", states=("present", "input_lost"), quantity="psu.status"
        )
        with store.write() as tx:
            agent, asset = an_agent(tx), an_asset(tx)
            feed = tx.feeds.feed(agent=agent.number, asset=asset.id, source="bmc")
            made = tx.feeds.add_catalogue(
                id=b"c1",
                feed=feed,
                period_ms=60_000,
                value_width=4,
                sensors=[fan, status],
                rehearsal=False,
                body=b"\x01",
            )
            again = tx.feeds.add_catalogue(
                id=b"c1",
                feed=feed,
                period_ms=60_000,
                value_width=4,
                sensors=[fan, status],
                rehearsal=False,
                body=b"\x01",
            )
            grown = tx.feeds.add_catalogue(
                id=b"c2",
                feed=feed,
                period_ms=60_000,
                value_width=8,
                sensors=[replace(fan, id="ipmi:20.0.9"), fan],
                rehearsal=True,
                body=b"\x02",
            )
        assert again == made
        assert (made.sensors, made.numbers, made.asset, made.source) == ((fan, status), 1, asset.id, "bmc")
        assert grown.sensor_numbers[1] == made.sensor_numbers[0]
        assert grown.sensor_numbers[0] not in made.sensor_numbers
        with store.read() as seen:
            assert seen.feeds.catalogue(b"c2", agent=agent.number) == grown
            assert seen.feeds.catalogue(b"c2", agent=404) is None
            assert seen.feeds.catalogue_numbered(made.number) == made
            assert list(seen.feeds.catalogue_ids(agent.number)) == [b"c1", b"c2"]
            with pytest.raises(NotFound):
                seen.feeds.catalogue_numbered(404)

    def test_rows_and_marks_are_overwritten(self, store: StateStore) -> None:
        with store.write() as tx:
            agent, asset = an_agent(tx), an_asset(tx)
            feeds = [tx.feeds.feed(agent=agent.number, asset=asset.id, source=f"s{n}").number for n in range(5)]
            rows = [
                FeedRow(feed=feed, catalogue=1, state=b"\x00\xff", time_ms=NOON, received_ms=NOON) for feed in feeds
            ]
            tx.feeds.save_rows(rows)
            tx.feeds.save_rows([replace(rows[0], state=b"new")])
            tx.feeds.save_marks({EpochKey(agent.number, b"e1"): Mark(through=5, last_time_ms=NOON)}, sessions={})
            tx.feeds.save_marks(
                {EpochKey(agent.number, b"e1"): Mark(through=2**64 - 2, last_time_ms=NOON)}, sessions={}
            )
            tx.feeds.save_rows([])
            tx.feeds.save_marks({}, sessions={})
        with store.read() as seen:
            assert seen.feeds.rows([*feeds, 404]) == {
                row.feed: row for row in [replace(rows[0], state=b"new"), *rows[1:]]
            }
            assert seen.feeds.marks(agent.number) == {b"e1": Mark(through=2**64 - 2, last_time_ms=NOON)}

    def test_a_newer_session_refuses_the_whole_batch(self, store: StateStore) -> None:
        with store.write() as tx:
            agent, asset = an_agent(tx), an_asset(tx)
            feed = tx.feeds.feed(agent=agent.number, asset=asset.id, source="s").number
            mine = tx.agents.next_session(agent.number)
            tx.agents.next_session(agent.number)
        with pytest.raises(SessionSuperseded), store.write() as tx:  # noqa: PT012  # the whole block is undone
            tx.feeds.save_rows([FeedRow(feed=feed, catalogue=1, state=b"x", time_ms=1, received_ms=1)])
            tx.feeds.save_marks(
                {EpochKey(agent.number, b"e"): Mark(through=1, last_time_ms=1)}, sessions={agent.number: mine}
            )
        with store.read() as seen:
            assert seen.feeds.rows([feed]) == {}
            assert seen.feeds.marks(agent.number) == {}

    def test_quarantine_is_bounded_and_counts_what_goes(self, store: StateStore) -> None:
        with store.write() as tx:
            agent = an_agent(tx)
            for sequence in range(205):
                tx.feeds.quarantine(
                    agent=agent.number,
                    epoch=b"e",
                    sequence=sequence,
                    status="bad_lengths",
                    detail="values",
                    raw=b"x" * 20_000,
                    at_ms=NOON,
                )
            kept = tx.feeds.quarantined(agent=agent.number, limit=1000)
            counts = tx.feeds.quarantine_counts()
        assert [record.sequence for record in kept] == list(range(204, 4, -1))
        assert len(kept[0].raw) == 16 * 1024
        assert counts == {agent.number: (205, 5)}

    def test_losses_are_listed_newest_first(self, store: StateStore) -> None:
        with store.write() as tx:
            agent = an_agent(tx)
            stamp = a_stamp(agent, an_asset(tx))
            first = Loss(stamp=stamp, epoch=b"old", first=3, through=9, records=7, cause="spool_full")
            second = replace(first, first=20, through=21, records=2)
            tx.feeds.add_loss(first)
            tx.feeds.add_loss(second)
            assert tx.feeds.losses(agent=agent.number, limit=10) == [second, first]
            assert tx.feeds.losses(agent=None, limit=1) == [second]
            assert tx.feeds.losses(agent=404, limit=10) == []

    def test_a_baseline_is_accepted_anew(self, store: StateStore) -> None:
        baseline = Baseline(
            asset=1, feed=3, sensor="s", rule="grown", value=8.0, by="li", reason="known since May", at_ms=NOON
        )
        with store.write() as tx:
            tx.feeds.accept_baseline(baseline)
            tx.feeds.accept_baseline(replace(baseline, value=9.5))
            assert tx.feeds.baselines([3, 4]) == [replace(baseline, value=9.5)]
            assert tx.feeds.baselines([]) == []


class CaseContract:
    """Findings, cases and their timeline."""

    def test_a_finding_keeps_its_since_while_it_fires(self, store: StateStore) -> None:
        with store.write() as tx:
            asset = an_asset(tx)
            raised = tx.findings.save(a_transition(asset), case=None, held="joining", held_until_ms=5)
            worse = replace(a_transition(asset, Change.WORSENED, NOON + 10), severity=Severity.CRITICAL)
            worsened = tx.findings.save(worse, case=None, held="", held_until_ms=0)
            cleared = tx.findings.save(
                a_transition(asset, Change.CLEARED, NOON + 20), case=None, held="", held_until_ms=0
            )
            again = tx.findings.save(a_transition(asset, at_ms=NOON + 30), case=None, held="", held_until_ms=0)
            assert tx.findings.get(raised.key) == tx.findings.numbered(raised.id) == again
        assert raised.id == worsened.id == cleared.id == again.id
        assert (raised.held, raised.held_until_ms, raised.evidence["value"]) == ("joining", 5, 1.5)
        assert (worsened.since_ms, worsened.changed_ms, worsened.severity) == (NOON, NOON + 10, Severity.CRITICAL)
        assert (cleared.firing, cleared.since_ms) == (False, NOON)
        assert (again.firing, again.since_ms) == (True, NOON + 30)

    def test_a_number_that_is_none_becomes_null(self, store: StateStore) -> None:
        with store.write() as tx:
            odd = replace(a_transition(an_asset(tx)), evidence={"value": float("nan"), "limit": float("inf")})
            assert tx.findings.save(odd, case=None, held="", held_until_ms=0).evidence == {"value": None, "limit": None}

    def test_a_transition_is_known_once_it_was_saved(self, store: StateStore) -> None:
        with store.write() as tx:
            asset = an_asset(tx)
            first = a_transition(asset)
            row = tx.findings.save(first, case=None, held="", held_until_ms=0)
            assert tx.findings.known(row.id, first)
            assert not tx.findings.known(row.id, replace(first, time_ms=NOON + 1))
            assert not tx.findings.known(row.id, a_transition(asset, Change.CLEARED))
            assert tx.findings.raises(row.id, since_ms=NOON) == 1
            tx.findings.forget_changes(NOON + 1)
            assert tx.findings.raises(row.id, since_ms=0) == 0

    def test_held_findings_are_listed_when_their_time_is_up(self, store: StateStore) -> None:
        with store.write() as tx:
            asset = an_asset(tx)
            row = tx.findings.save(a_transition(asset), case=None, held="backlog", held_until_ms=NOON + 60)
            endless = a_transition(asset, sensor="s2")
            tx.findings.save(endless, case=None, held="backlog", held_until_ms=0)
            other = tx.findings.save(
                a_transition(asset, sensor="s3"), case=None, held="window", held_until_ms=NOON + 60
            )

            def held(*reasons: str, until_ms: int = NOON + 60, limit: int = 9) -> list[int]:
                return [one.id for one in tx.findings.held(reasons=reasons, until_ms=until_ms, limit=limit)]

            assert held("backlog", until_ms=NOON + 59) == held("joining") == held() == []
            assert held("backlog") == held("backlog", "window", limit=1) == [row.id]
            assert held("window", "backlog") == [row.id, other.id]
            for one in (row, other):
                tx.findings.hold(one.id, held="", held_until_ms=0, case=None)
            assert held("backlog", "window") == []
            assert len(tx.findings.of_asset(asset.id, firing=True)) == 3
            assert tx.findings.of_asset(asset.id, firing=False) == []

    def test_why_is_kept_for_the_asset_and_for_the_case(self, store: StateStore) -> None:
        with store.write() as tx:
            asset = an_asset(tx)
            case = tx.cases.add(a_case(asset))
            why = Why(
                asset=asset.id,
                rule="r",
                part=PSU.key(),
                sensor="s1",
                time_ms=NOON,
                decided_ms=NOON + 1,
                opened=True,
                case=case.id,
                reason="opened",
                facts={"count": 2, "window": "2 of 3"},
            )
            tx.findings.add_why(why)
            tx.findings.add_why(replace(why, case=None, opened=False, reason="joining"))
            assert [found.reason for found in tx.findings.whys(asset=asset.id, case=None, limit=9)] == [
                "joining",
                "opened",
            ]
            assert tx.findings.whys(asset=None, case=case.id, limit=9) == [why]

    def test_case_numbers_are_unique_and_carry_the_day_in_utc(self, store: StateStore) -> None:
        with store.write() as tx:
            asset = an_asset(tx)
            numbers = [
                tx.cases.add(a_case(asset, replace(PSU, slot=f"PSU{n}"), opened_ms=at)).number
                for n, at in enumerate((NOON, NOON, NOON + DAY))
            ]
        assert numbers == ["HC-20261124-0001", "HC-20261124-0002", "HC-20261125-0001"]

    def test_a_second_open_case_for_the_same_part_and_group_is_refused(self, store: StateStore) -> None:
        with store.write() as tx:
            asset = an_asset(tx)
            first = tx.cases.add(a_case(asset))
            tx.cases.add(a_case(asset, group="link"))
        with pytest.raises(StoreFailed), store.write() as tx:
            tx.cases.add(a_case(asset))
        with store.write() as tx:
            tx.cases.save(replace(first, state=CaseState.CLOSED, closed_ms=NOON + 5))
            tx.cases.add(a_case(asset))

    def test_the_open_case_and_the_last_closed_one_are_found_by_part_and_group(self, store: StateStore) -> None:
        with store.write() as tx:
            asset = an_asset(tx)
            same = {"asset": asset.id, "part_key": PSU.key(), "repair_group": "psu"}
            case = tx.cases.add(a_case(asset))
            assert tx.cases.open_for(**same) == case
            assert tx.cases.open_for(**{**same, "repair_group": "link"}) is None
            assert tx.cases.last_closed_for(**same, since_ms=0) is None
            closed = replace(case, state=CaseState.CLOSED, closed_ms=NOON + 5, version=2)
            tx.cases.save(closed)
            assert tx.cases.open_for(**same) is None
            assert tx.cases.last_closed_for(**same, since_ms=NOON + 5) == closed
            assert tx.cases.last_closed_for(**same, since_ms=NOON + 6) is None

    def test_the_cases_of_a_group_that_ended_lately_are_found_newest_first(self, store: StateStore) -> None:
        with store.write() as tx:
            asset, other = an_asset(tx), an_asset(tx, "dell|2")
            ended = []
            for index, (of, group) in enumerate([(asset, "psu"), (asset, "psu"), (asset, "link"), (other, "psu")]):
                part = Part(component="psu", slot=f"PSU{index}")
                case = tx.cases.add(a_case(of, part, group))
                ended.append(replace(case, state=CaseState.CLOSED, closed_ms=NOON + index, version=2))
                tx.cases.save(ended[-1])
            tx.cases.add(a_case(asset))
            assert tx.cases.closed_of(asset=asset.id, repair_group="psu", since_ms=0) == [ended[1], ended[0]]
            assert tx.cases.closed_of(asset=asset.id, repair_group="psu", since_ms=NOON + 1) == [ended[1]]

    def test_the_open_cases_of_an_asset_are_found_oldest_first(self, store: StateStore) -> None:
        disk = Part(component="disk", slot="Bay 3", model="ST4000", serial="ZC1")
        with store.write() as tx:
            asset = an_asset(tx)
            first, second = tx.cases.add(a_case(asset, disk, "disk")), tx.cases.add(a_case(asset))
            assert tx.cases.open_of(asset.id) == [first, second]
            tx.cases.save(replace(first, state=CaseState.CLOSED, closed_ms=NOON + 5, version=2))
            assert tx.cases.open_of(asset.id) == [second]
            assert tx.cases.open_of(asset.id + 1) == []

    def test_another_customers_case_is_not_found(self, store: StateStore) -> None:
        with store.write() as tx:
            case = tx.cases.add(a_case(an_asset(tx)))
            assert tx.cases.by_number(case.number, customer="north") == case
            assert tx.cases.by_number(case.number, customer=None) == case
            with pytest.raises(NotFound):
                tx.cases.by_number(case.number, customer="south")
            with pytest.raises(NotFound):
                tx.cases.get(404)

    def test_cases_are_listed_by_customer_state_and_drill(self, store: StateStore) -> None:
        with store.write() as tx:
            north = tx.cases.add(a_case(an_asset(tx)))
            south = tx.cases.add(a_case(an_asset(tx, "hpe|Y", "south")))
            drill = tx.cases.add(replace(a_case(an_asset(tx, "rehearsal|Z", "south")), rehearsal=True))
            closed = replace(south, state=CaseState.CLOSED, closed_ms=NOON)
            tx.cases.save(closed)
            assert tx.cases.list(CaseFilter(customer=None)) == [drill, north]
            assert tx.cases.list(CaseFilter(customer="south", open_only=False)) == [drill, closed]
            assert tx.cases.list(CaseFilter(customer="south", open_only=False, rehearsal=False)) == [closed]
            assert tx.cases.list(CaseFilter(customer=None, open_only=False, states=("closed",))) == [closed]
            assert tx.cases.list(CaseFilter(customer=None, asset=north.asset)) == [north]
            assert tx.cases.list(CaseFilter(customer=None, limit=1)) == [drill]
            assert tx.cases.rehearsals(opened_before_ms=NOON + 1) == [drill]
            assert tx.cases.rehearsals(opened_before_ms=NOON) == []

    def test_unstable_cases_are_found_once_they_are_calm(self, store: StateStore) -> None:
        with store.write() as tx:
            unstable = replace(tx.cases.add(a_case(an_asset(tx))), clear_since_ms=NOON, unstable=True)
            tx.cases.save(unstable)
            assert tx.cases.unstable(clear_before_ms=NOON) == [unstable]
            assert tx.cases.unstable(clear_before_ms=NOON - 1) == []
            for over in (replace(unstable, state=CaseState.CLOSED), replace(unstable, clear_since_ms=0)):
                tx.cases.save(over)
                assert tx.cases.unstable(clear_before_ms=NOON) == []

    def test_verifying_cases_that_may_close_by_themselves_are_found_once_they_soaked(self, store: StateStore) -> None:
        with store.write() as tx:
            case = tx.cases.add(a_case(an_asset(tx)))
            soaking = replace(case, state=CaseState.VERIFYING, clear_since_ms=NOON, soak_s=60, self_clearing=True)
            tx.cases.save(soaking)
            assert tx.cases.soaked(now_ms=NOON + 60_000, limit=9) == [soaking]
            assert tx.cases.soaked(now_ms=NOON + 59_999, limit=9) == []
            others = (
                replace(soaking, state=CaseState.REPAIRED),
                replace(soaking, clear_since_ms=0),
                # A person closes it.
                replace(soaking, self_clearing=False),
            )
            for other in others:
                tx.cases.save(other)
                assert tx.cases.soaked(now_ms=NOON + 60_000, limit=9) == []
            order = tx.spares.add_order(
                PartOrder(
                    id=0,
                    case=case.id,
                    asset=case.asset,
                    component="disk",
                    slot="3",
                    wanted=("A",),
                    state=OrderState.INSTALLED,
                    requested_ms=NOON,
                    requested_by="li",
                    old=case.part,
                    installed_ms=NOON,
                )
            )
            assert tx.cases.soaked(now_ms=NOON + 60_000, limit=9) == []
            tx.spares.save_order(replace(order, sighting=Sighting.SEEN), was=order.state)
            assert tx.cases.soaked(now_ms=NOON + 60_000, limit=9) == [others[-1]]

    def test_a_timeline_is_in_order_and_holds_one_entry_a_version(self, store: StateStore) -> None:
        with store.write() as tx:
            case = tx.cases.add(a_case(an_asset(tx)))
            first = TimelineEntry(case=case.id, version=1, code="opened", at_ms=NOON, actor="collector")
            second = replace(first, version=2, code="note", actor="li", parameters={"text": "\u7535\u6e90", "n": 1})
            tx.cases.add_entry(second)
            tx.cases.add_entry(first)
            assert tx.cases.timeline(case.id) == [first, second]
        with pytest.raises(StoreFailed), store.write() as tx:
            tx.cases.add_entry(first)


class OutboxContract:
    """What is owed to the channels."""

    def test_only_the_oldest_row_of_a_case_and_channel_is_claimed(self, store: StateStore) -> None:
        with store.write() as tx:
            first, second = (tx.cases.add(a_case(an_asset(tx, f"k{n}"))) for n in range(2))
            for version in (1, 2):
                owe(tx, first, version)
            owe(tx, second, 1)
            owe(tx, first, 1, channel="mail")
            claimed = tx.outbox.claim(owner="me", now_ms=NOON, lease_ms=1000, limit=10)
            assert [(row.channel, row.case, row.version) for row in claimed] == [
                ("hook", first.id, 1),
                ("hook", second.id, 1),
                ("mail", first.id, 1),
            ]
            assert tx.outbox.claim(owner="me", now_ms=NOON, lease_ms=1000, limit=10) == []
            assert tx.outbox.delivered(claimed[0].id, owner="me", at_ms=NOON)
            then = tx.outbox.claim(owner="me", now_ms=NOON, lease_ms=1000, limit=10)
            assert [(row.case, row.version) for row in then] == [(first.id, 2)]

    def test_rows_are_claimed_for_one_channel(self, store: StateStore) -> None:
        with store.write() as tx:
            case = tx.cases.add(a_case(an_asset(tx)))
            owe(tx, case, 1)
            owe(tx, case, 1, channel="mail")
            assert tx.outbox.channels_owed() == ["hook", "mail"]
            claimed = tx.outbox.claim(owner="me", now_ms=NOON, lease_ms=1000, limit=10, channel="mail")
            assert [row.channel for row in claimed] == ["mail"]

    def test_a_lease_that_is_over_is_taken_by_another_and_lost_by_the_first(self, store: StateStore) -> None:
        with store.write() as tx:
            owe(tx, tx.cases.add(a_case(an_asset(tx))), 1)
            row = tx.outbox.claim(owner="one", now_ms=NOON, lease_ms=100, limit=1)[0]
            assert tx.outbox.claim(owner="two", now_ms=NOON + 99, lease_ms=100, limit=1) == []
            assert tx.outbox.claim(owner="two", now_ms=NOON + 100, lease_ms=100, limit=1)[0].id == row.id
            assert not tx.outbox.delivered(row.id, owner="one", at_ms=NOON + 101)
            assert not tx.outbox.failed(row.id, owner="one", error="x", next_try_ms=NOON, dead=True)
            assert tx.outbox.delivered(row.id, owner="two", at_ms=NOON + 101)
            assert tx.outbox.counts() == {"owed": 0, "delivered": 1, "dead": 0}

    def test_a_released_lease_is_free_at_once_and_no_attempt_is_counted(self, store: StateStore) -> None:
        with store.write() as tx:
            owe(tx, tx.cases.add(a_case(an_asset(tx))), 1)
            tx.outbox.claim(owner="one", now_ms=NOON, lease_ms=100_000, limit=1)
            tx.outbox.release(owner="one")
            assert tx.outbox.claim(owner="two", now_ms=NOON, lease_ms=100, limit=1)[0].attempts == 0

    def test_a_failed_row_waits_blocks_its_case_and_counts_its_attempts(self, store: StateStore) -> None:
        with store.write() as tx:
            case = tx.cases.add(a_case(an_asset(tx)))
            owe(tx, case, 1)
            owe(tx, case, 2)
            row = tx.outbox.claim(owner="me", now_ms=NOON, lease_ms=100, limit=5)[0]
            assert tx.outbox.failed(row.id, owner="me", error="503", next_try_ms=NOON + 5000, dead=False)
            assert tx.outbox.claim(owner="me", now_ms=NOON + 4999, lease_ms=100, limit=5) == []
            again = tx.outbox.claim(owner="me", now_ms=NOON + 5000, lease_ms=100, limit=5)
            assert [(found.version, found.attempts, found.last_error) for found in again] == [(1, 1, "503")]

    def test_a_dead_letter_blocks_nobody_and_is_resent_by_hand(self, store: StateStore) -> None:
        with store.write() as tx:
            case = tx.cases.add(a_case(an_asset(tx)))
            owe(tx, case, 1)
            owe(tx, case, 2)
            row = tx.outbox.claim(owner="me", now_ms=NOON, lease_ms=100, limit=5)[0]
            tx.outbox.failed(row.id, owner="me", error="410 gone", next_try_ms=NOON, dead=True)
            assert [found.id for found in tx.outbox.dead_letters(customer=None, limit=5)] == [row.id]
            assert [found.version for found in tx.outbox.claim(owner="me", now_ms=NOON, lease_ms=100, limit=5)] == [2]
            tx.outbox.resend(row.id, now_ms=NOON + 1)
            resent = tx.outbox.claim(owner="me", now_ms=NOON + 1, lease_ms=100, limit=5)
            assert [(found.version, found.attempts, found.event_id) for found in resent] == [(1, 0, row.event_id)]
            with pytest.raises(NotFound):
                tx.outbox.resend(row.id, now_ms=NOON + 1)

    def test_what_is_of_no_case_keeps_the_order_of_its_subject_and_its_owner(self, store: StateStore) -> None:
        with store.write() as tx:
            owe(tx, tx.cases.add(a_case(an_asset(tx))), 1)
            for subject, version in (("near/A", 1), ("near/A", 2), ("near/B", 1)):
                tx.outbox.owe(
                    channel="hook",
                    case=None,
                    subject=subject,
                    customer="south" if subject == "near/B" else "",
                    version=version,
                    event_id=f"{subject}-{version}",
                    body=b"{}",
                    at_ms=NOON,
                    not_before_ms=0,
                    critical=False,
                )
            rows = tx.outbox.claim(owner="me", now_ms=NOON, lease_ms=100, limit=9)
            assert [(row.subject, row.version, row.case is None) for row in rows] == [
                ("", 1, False),
                ("near/A", 1, True),
                ("near/B", 1, True),
            ]
            for row in rows:
                tx.outbox.failed(row.id, owner="me", error="410", next_try_ms=NOON, dead=True)
            assert [row.subject for row in tx.outbox.claim(owner="me", now_ms=NOON, lease_ms=1, limit=9)] == ["near/A"]
            dead = {
                customer: [row.subject for row in tx.outbox.dead_letters(customer=customer, limit=9)]
                for customer in (None, "north", "south")
            }
            assert dead == {None: ["", "near/A", "near/B"], "north": [""], "south": ["near/B"]}

    def test_an_event_is_owed_once_to_a_channel(self, store: StateStore) -> None:
        with store.write() as tx:
            case = tx.cases.add(a_case(an_asset(tx)))
            owe(tx, case, 1)
        with pytest.raises(StoreFailed), store.write() as tx:
            owe(tx, case, 1)

    def test_what_waited_for_a_backlog_is_released(self, store: StateStore) -> None:
        with store.write() as tx:
            asset = an_asset(tx)
            owe(tx, tx.cases.add(a_case(asset)), 1, not_before_ms=NOON + 60_000)
            assert tx.outbox.claim(owner="me", now_ms=NOON, lease_ms=100, limit=5) == []
            tx.outbox.release_backlog(agent_assets=[404], now_ms=NOON)
            assert tx.outbox.claim(owner="me", now_ms=NOON, lease_ms=100, limit=5) == []
            tx.outbox.release_backlog(agent_assets=[asset.id], now_ms=NOON)
            assert len(tx.outbox.claim(owner="me", now_ms=NOON, lease_ms=100, limit=5)) == 1

    def test_a_critical_event_takes_the_waiting_ones_of_its_case_along(self, store: StateStore) -> None:
        with store.write() as tx:
            case = tx.cases.add(a_case(an_asset(tx)))
            owe(tx, case, 1, not_before_ms=NOON + 60_000)
            owe(tx, case, 2, critical=True)
            assert [row.version for row in tx.outbox.claim(owner="me", now_ms=NOON, lease_ms=1, limit=5)] == [1]

    def test_what_is_owed_is_counted_and_aged(self, store: StateStore) -> None:
        with store.write() as tx:
            assert tx.outbox.oldest_owed_ms() is None
            case = tx.cases.add(a_case(an_asset(tx)))
            owe(tx, case, 1)
            assert tx.outbox.oldest_owed_ms() == NOON
            assert tx.outbox.counts() == {"owed": 1, "delivered": 0, "dead": 0}
            assert [row.version for row in tx.outbox.of_case(case.id)] == [1]


class AccessContract:
    """People, tokens, sessions, audit."""

    def test_a_users_name_is_taken_once(self, store: StateStore) -> None:
        user = User(name="li", role="engineer", customer=None, password_hash="$argon2", language="zh")
        with store.write() as tx:
            tx.access.add_user(user)
            assert tx.access.user("li") == user
            assert tx.access.user("wang") is None
            assert tx.access.users(customer=None) == [user]
            with pytest.raises(NotAllowed):
                tx.access.add_user(user)

    def test_a_user_who_changes_or_goes_loses_his_sessions(self, store: StateStore) -> None:
        li = User(name="li", role="engineer", customer=None, password_hash="$argon2", language="zh")
        with store.write() as tx:
            tx.access.add_user(li)
            tx.access.add_session(hash="s", user="li", expires_ms=NOON)
            tx.access.change_user(replace(li, role="viewer", password_hash="$other"))
            assert tx.access.user("li") == replace(li, role="viewer", password_hash="$other")
            assert tx.access.session_user("s", now_ms=1) is None
            tx.access.add_session(hash="t", user="li", expires_ms=NOON)
            tx.access.remove_user("li")
            assert tx.access.users(customer=None) == []
            tx.access.add_user(li)
            assert tx.access.session_user("t", now_ms=1) is None
            with pytest.raises(NotFound):
                tx.access.change_user(replace(li, name="wang"))
            with pytest.raises(NotFound):
                tx.access.remove_user("wang")

    def test_a_token_says_why_it_is_refused(self, store: StateStore) -> None:
        token = EnrolmentToken(
            hash="h", customer="north", uses_left=1, expires_ms=NOON, replace=True, made_by="li", made_ms=1
        )
        with store.write() as tx:
            tx.access.add_token(token)
            with pytest.raises(TokenRefused, match="unknown"):
                tx.access.use_token("other", now_ms=1)
            with pytest.raises(TokenRefused, match="expired"):
                tx.access.use_token("h", now_ms=NOON)
            assert tx.access.use_token("h", now_ms=NOON - 1) == replace(token, uses_left=0)
            with pytest.raises(TokenRefused, match="used up"):
                tx.access.use_token("h", now_ms=NOON - 1)
            assert tx.access.tokens(customer=None) == [replace(token, uses_left=0)]
            assert tx.access.revoke_token("h", now_ms=7).revoked_ms == 7
            with pytest.raises(TokenRefused, match="revoked"):
                tx.access.use_token("h", now_ms=8)
            with pytest.raises(NotFound):
                tx.access.revoke_token("other", now_ms=8)

    def test_what_a_token_is_bound_to_comes_back_as_it_was(self, store: StateStore) -> None:
        bound = EnrolmentToken(
            hash="b" * 64,
            customer="north",
            uses_left=5,
            expires_ms=NOON,
            replace=False,
            made_by="li",
            made_ms=1,
            site="berlin",
            networks=("10.0.0.0/8", "2001:db8::/32"),
            serials=("7ABC123",),
            approve=True,
            root="ab" * 32,
        )
        with store.write() as tx:
            tx.access.add_token(bound)
            assert tx.access.token(bound.hash) == bound
            assert tx.access.token("other") is None
            assert tx.access.tokens(customer="north") == [bound]
            assert tx.access.tokens(customer="south") == []

    def test_a_host_waits_is_decided_and_is_forgotten_after_a_week(self, store: StateStore) -> None:
        host = WaitingHost(
            token="t" * 64,
            key="k" * 64,
            customer="north",
            hostname="db1",
            vendor="Dell",
            serial="7ABC123",
            machine_id="m",
            dmi_uuid="u",
            address="10.0.0.7",
            asked_ms=NOON,
            seen_ms=NOON,
        )
        decided = replace(host, decision="refused", decided_by="li", decided_ms=NOON + 1, reason="not ours")
        with store.write() as tx:
            tx.access.save_waiting(host)
            assert tx.access.waiting_host(token=host.token, key=host.key) == host
            assert tx.access.waiting_host(token=host.token, key="other") is None
            tx.access.save_waiting(decided)
            assert tx.access.waiting(customer="north") == [decided]
            assert tx.access.waiting(customer="south") == []
            tx.access.forget_joining(now_ms=NOON + WAIT_MS - 1)
            assert tx.access.waiting(customer=None) == [decided]
            tx.access.forget_joining(now_ms=NOON + WAIT_MS)
            assert tx.access.waiting(customer=None) == []
            tx.access.save_waiting(host)
            tx.access.end_waiting(token=host.token, key=host.key)
            assert tx.access.waiting(customer=None) == []

    def test_the_answer_to_a_token_and_a_key_is_kept_until_it_expires(self, store: StateStore) -> None:
        answer = IssuedByToken(
            token="t",
            key="k",
            customer="north",
            agent_id="a1",
            enrolled_ms=1,
            certificate="-----BEGIN",
            expires_ms=NOON,
        )
        with store.write() as tx:
            tx.access.save_issued(answer)
            assert tx.access.issued(token="t", key="k") == answer
            assert tx.access.issued(token="t", key="other") is None
            tx.access.forget_joining(now_ms=NOON - 1)
            assert tx.access.issued(token="t", key="k") == answer
            tx.access.forget_joining(now_ms=NOON)
            assert tx.access.issued(token="t", key="k") is None

    def test_a_session_ends_by_time_and_by_hand(self, store: StateStore) -> None:
        user = User(name="li", role="engineer", customer="north", password_hash="x")
        with store.write() as tx:
            tx.access.add_user(user)
            tx.access.add_session(hash="s", user="li", expires_ms=NOON)
            assert tx.access.session_user("s", now_ms=NOON - 1) == user
            assert tx.access.session_user("s", now_ms=NOON) is None
            tx.access.end_session("s")
            assert tx.access.session_user("s", now_ms=1) is None

    def test_old_entries_go_in_steps_and_young_ones_stay(self, store: StateStore) -> None:
        with store.write() as tx:
            for at_ms in (NOON, NOON + 1, NOON + 800 * DAY):
                tx.access.audit(at_ms=at_ms, actor="li", action="login", subject="li", facts={})
            assert tx.forget(now_ms=NOON + 700 * DAY, limit=10) == 0
            assert tx.forget(now_ms=NOON + 800 * DAY, limit=1) == 1
            assert tx.forget(now_ms=NOON + 800 * DAY, limit=10) == 1
            assert [entry.at_ms for entry in tx.access.audits(customer=None, limit=10)] == [NOON + 800 * DAY]

    def test_the_audit_log_keeps_who_did_what(self, store: StateStore) -> None:
        with store.write() as tx:
            tx.access.audit(at_ms=NOON, actor="li", action="case.cancel", subject="HC-1", facts={"why": "test"})
            entry = tx.access.audits(customer=None, limit=5)[0]
        assert (entry.actor, entry.action, entry.subject, entry.facts) == ("li", "case.cancel", "HC-1", {"why": "test"})


def owe(
    tx: Transaction,
    case: Case,
    version: int,
    *,
    channel: str = "hook",
    not_before_ms: int = 0,
    critical: bool = False,
) -> None:
    tx.outbox.owe(
        channel=channel,
        case=case.id,
        version=version,
        event_id=f"{case.number}-{version}",
        body=b"{}",
        at_ms=NOON,
        not_before_ms=not_before_ms,
        critical=critical,
    )
