"""What every NoiseStore does: windows by scope, storms due, stored answers by every filter."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hardcase_collector.domain.asset import Asset, AssetFacts, AssetMode, Part
from hardcase_collector.domain.case import Case, CaseState
from hardcase_collector.domain.finding import Change, FindingKey, Severity, Transition, Why
from hardcase_collector.domain.noise import Breadth, PlannedWindow, Storm, StormSeen, WhyFilter, scope_key
from hardcase_collector.domain.ports import StateStore, Transaction, Window

NOON = 1_795_521_600_000
SITE = scope_key(Breadth.SITE, "north", "a/b")
TAG = scope_key(Breadth.TAG, "north", "db")


def planned(id: bytes = b"w" * 16, **changes: object) -> PlannedWindow:
    window = PlannedWindow(
        id=id, breadth=Breadth.SITE, scope=SITE, customer="north", subject="a/b", from_ms=NOON, until_ms=NOON + 10,
        last_ms=NOON + 10, moved={NOON: NOON + 5}, reason="fans", by="li", opened_ms=NOON - 1,
        time_zone="Asia/Shanghai",
    )  # fmt: skip
    return replace(window, **changes)  # type: ignore[arg-type]  # fields given by the test


def asset(tx: Transaction, key: str, customer: str = "north") -> Asset:
    return tx.assets.add(
        key=key, basis="serial", facts=AssetFacts(serial=key), customer=customer, mode=AssetMode.LIVE, joined_ms=0,
        live_from_ms=0,
    )  # fmt: skip


def case(tx: Transaction, of: Asset, group: str = "psu", parent: int | None = None) -> Case:
    return tx.cases.add(
        Case(
            id=0, number="", asset=of.id, part=Part(component="psu"), repair_group=group, state=CaseState.NEW,
            severity=Severity.MAJOR, fault_classes=("psu.failed",), since_ms=NOON, opened_ms=NOON, version=1,
            parent=parent,
        )
    )  # fmt: skip


def why(of: Asset, at: int, **changes: object) -> Why:
    made = Why(
        asset=of.id, rule="r1", part="psu@PSU1", sensor="s", time_ms=at, decided_ms=at + 1, opened=False, case=None,
        reason="window", facts={"count": "2 of 3"},
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]  # fields given by the test


class NoiseContract:
    """Subclass it with a `store` fixture."""

    @pytest.fixture
    def store(self) -> StateStore:
        raise NotImplementedError

    def test_a_window_is_found_by_its_scope_from_its_beginning_until_it_is_over(self, store: StateStore) -> None:
        with store.write() as tx:
            tx.noise.save_window(planned())
        with store.read() as tx:
            assert tx.noise.windows_in([TAG, SITE], at_ms=NOON) == [planned()]
            assert tx.noise.windows_in([SITE], at_ms=NOON - 1) == []
            assert tx.noise.windows_in([SITE], at_ms=NOON + 10) == []
            assert tx.noise.windows_in([TAG], at_ms=NOON) == []
            assert tx.noise.windows_in([], at_ms=NOON) == []

    def test_a_window_saved_again_is_changed(self, store: StateStore) -> None:
        with store.write() as tx:
            tx.noise.save_window(planned())
            tx.noise.save_window(planned(last_ms=NOON + 3, moved={}))
            assert tx.noise.window(b"w" * 16, customer=None) == planned(last_ms=NOON + 3, moved={})

    def test_windows_are_of_their_customer_alone(self, store: StateStore) -> None:
        with store.write() as tx:
            tx.noise.save_window(planned())
            tx.noise.save_window(planned(b"s" * 16, customer="south", from_ms=NOON - 5))
            one, two = asset(tx, "one"), asset(tx, "two", "south")
            for number, of in enumerate((one, two)):
                tx.assets.open_window(
                    Window(id=bytes([number]), asset=of.id, from_ms=NOON, until_ms=NOON + 9, reason="", by="root")
                )
            assert tx.noise.window(b"s" * 16, customer="north") is None
            assert [w.customer for w in tx.noise.windows(customer="north", over_since_ms=NOON, limit=9)] == ["north"]
            everything = tx.noise.windows(customer=None, over_since_ms=NOON, limit=9)
            assert [w.customer for w in everything] == ["south", "north"]
            assert tx.noise.windows(customer=None, over_since_ms=NOON + 10, limit=9) == []
            hosts = tx.noise.host_windows(customer="south", over_since_ms=NOON, limit=9)
            assert [w.asset for w in hosts] == [two.id]
            assert tx.noise.host_window(b"\x00", customer="south") == []
            assert [w.asset for w in tx.noise.host_window(b"\x00", customer="north")] == [one.id]

    def test_findings_held_until_a_moment_are_let_go_at_another(self, store: StateStore) -> None:
        with store.write() as tx:
            of = asset(tx, "one")
            for number, held in enumerate(("window", "window", "backlog")):
                transition = Transition(
                    key=FindingKey(asset=of.id, feed=0, rule=f"r{number}", part="psu"), change=Change.RAISED,
                    severity=Severity.MAJOR, fault_class="psu.failed", repair_group="psu", part=Part(component="psu"),
                    time_ms=NOON, backlog=False, rehearsal=False, self_clearing=True, soak_s=0, opens=True,
                )  # fmt: skip
                tx.findings.save(transition, case=None, held=held, held_until_ms=NOON + 9)
            assert tx.noise.release(held="window", until_ms=NOON + 8, at_ms=NOON) == 0
            assert tx.noise.release(held="window", until_ms=NOON + 9, at_ms=NOON + 1) == 2
            assert len(tx.findings.held(reasons=["window"], until_ms=NOON + 1, limit=9)) == 2
            assert tx.findings.held(reasons=["backlog"], until_ms=NOON + 1, limit=9) == []

    def test_a_storm_is_kept_as_it_is_and_found_by_kind_and_scope_and_by_its_case(self, store: StateStore) -> None:
        seen = (StormSeen(1, 2, 3, NOON, "gz/R1"), StormSeen(4, 5, 6, NOON + 1))
        with store.write() as tx:
            parent = case(tx, asset(tx, "one"), "storm")
            child = case(tx, asset(tx, "two"), parent=parent.id)
            case(tx, asset(tx, "three"))
            storm = Storm(kind="rack", scope="rack:x", parent=parent.id, last_ms=NOON, due_ms=NOON + 5, seen=seen)
            tx.noise.save_storm(replace(storm, seen=()))
            tx.noise.save_storm(storm)
            tx.noise.save_storm(Storm(kind="feed", scope="rack:x", due_ms=NOON + 4))
            assert tx.noise.storm("rack", "rack:x") == storm
            assert tx.noise.storm("rack", "rack:y") is None
            assert tx.noise.storm_of(parent.id) == storm
            assert tx.noise.storm_of(child.id) is None
            assert tx.noise.children(parent.id) == [child]
            assert [one.kind for one in tx.noise.storms_due(now_ms=NOON + 5, limit=5)] == ["feed", "rack"]
            assert [one.kind for one in tx.noise.storms_due(now_ms=NOON + 5, limit=1)] == ["feed"]
            assert tx.noise.storms_due(now_ms=NOON + 3, limit=5) == []
            tx.noise.drop_storm(storm)
            assert tx.noise.storm("rack", "rack:x") is None

    def test_answers_are_found_by_every_filter_newest_first(self, store: StateStore) -> None:
        with store.write() as tx:
            one, two = asset(tx, "one"), asset(tx, "two", "south")
            of = case(tx, one)
            stored = [
                why(one, NOON),
                why(one, NOON + 1, rule="r2", opened=True, case=of.id, reason="opened"),
                why(one, NOON + 2, part="psu:M|1"),
                why(two, NOON + 3, part="psu"),
                why(two, NOON + 4, part="psu_x"),
            ]
            for line in stored:
                tx.findings.add_why(line)

            def found(**wanted: object) -> list[int]:
                which = WhyFilter(customer=wanted.pop("customer", None), **wanted)  # type: ignore[arg-type]  # by name
                return [line.time_ms - NOON for line in tx.noise.whys(which)]

            assert found() == [4, 3, 2, 1, 0]
            assert found(limit=2) == [4, 3]
            assert found(customer="south") == [4, 3]
            assert found(asset=one.id) == [2, 1, 0]
            assert found(asset=one.id, customer="south") == []
            assert found(case=of.id) == [1]
            assert found(part="psu") == [3, 2, 1, 0]
            assert found(part="psu@PSU1") == [1, 0]
            assert found(rule="r2") == [1]
            assert found(reason="window") == [4, 3, 2, 0]
            assert found(opened=True) == [1]
            assert found(opened=False, from_ms=NOON + 2, until_ms=NOON + 4) == [3, 2]

    def test_what_is_asked_for_every_finding_uses_an_index(self, store: StateStore) -> None:
        with store.write() as tx:
            for number in range(300):
                tx.noise.save_storm(Storm(kind="asset", scope=f"asset:{number}", due_ms=NOON + number))
                tx.noise.save_window(planned(number.to_bytes(16, "big"), scope=f"site:{number}"))
            assert [one.scope for one in tx.noise.storms_due(now_ms=NOON + 1, limit=9)] == ["asset:0", "asset:1"]
            assert len(tx.noise.windows_in(["site:7", "site:9"], at_ms=NOON)) == 2
