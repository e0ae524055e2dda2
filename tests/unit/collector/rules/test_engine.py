"""The judge as intake and the ticker use it: evidence, gaps, baselines, overrides, silence, backlog, bad records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.errors import BadRecord
from hardcase_collector.domain.finding import Change, Severity, Transition
from hardcase_collector.domain.observation import Catalogue, GapReason, Sensor
from hardcase_collector.domain.ports import Baseline, FeedRow
from hardcase_collector.rules.engine import Engine
from hardcase_collector.rules.feed_row import RowUnreadable
from hardcase_collector.rules.feed_state import MAX_KEYED, PARKED_MS, FeedState
from hardcase_collector.rules.sheet_reader import load_sheets

from tests.unit.collector.rules import feeds
from tests.unit.collector.rules.feeds import Reading

MINUTE = 60


class Bench:
    """A judge with one feed; `frames` plays readings a minute apart."""

    def __init__(self, *sensors: Sensor, engine: Engine | None = None, **options: object) -> None:
        self.engine = engine or feeds.engine()
        self.catalogue: Catalogue = feeds.catalogue(sensors, **options)  # type: ignore[arg-type]
        self.state: FeedState = self.engine.open_feed(
            feeds.feed(self.catalogue.source), self.catalogue, None, (), rehearsal=False
        )
        self.at_s = 0.0

    def frame(self, after_s: float = MINUTE, backlog: bool = False, **readings: Reading) -> list[Transition]:
        self.at_s += after_s
        frame = feeds.frame(self.catalogue, readings, at_s=self.at_s, backlog=backlog)
        return list(self.engine.frame(self.state, frame))

    def tick(self, after_s: float = 0, *, silent: bool = False) -> list[Transition]:
        self.at_s += after_s
        now_ms = feeds.START_MS + round(self.at_s * 1000)
        return list(self.engine.tick(self.state, now_ms=now_ms, silent=silent))

    def row(self) -> FeedRow:
        return self.engine.row(self.state, received_ms=0)

    def use(self, *sensors: Sensor, number: int, **options: object) -> None:
        self.catalogue = feeds.catalogue(sensors, number=number, **options)  # type: ignore[arg-type]
        self.engine.use_catalogue(self.state, self.catalogue)

    def restart(self) -> None:
        row = self.row()
        self.state = self.engine.open_feed(feeds.feed(self.catalogue.source), self.catalogue, row, (), rehearsal=False)


def short(found: Sequence[Transition]) -> list[tuple[str, Change, Severity]]:
    return [(made.key.rule, made.change, made.severity) for made in found]


def test_a_transition_carries_everything_the_desk_needs() -> None:
    bench = Bench(feeds.temperature("t1", upper_non_critical=80, upper_critical=90))
    bench.frame(t1=40.0)

    (made,) = bench.frame(t1=95.0)

    assert made.key.asset == 3
    assert made.key.feed == 7
    assert made.key.part == "board@t1"
    assert made.key.sensor == "t1"
    assert (made.fault_class, made.repair_group) == ("thermal.hot", "thermal")
    assert made.time_ms == feeds.START_MS + 120_000
    assert (made.debounced, made.opens, made.self_clearing, made.soak_s) == ("1 of 1", True, True, 1800)
    assert not made.device_asserted
    assert dict(made.evidence) == {
        "sensor": "t1",
        "name": "Temp t1",
        "kind": "temperature",
        "unit": "Cel",
        "quantity": "",
        "value": 95.0,
        "limit": 90.0,
        "limit_name": "upper_critical",
        "limit_source": "device",
        "hysteresis": 2.0,
        "since_ms": made.time_ms,
        "rule": "thermal-hot",
        "condition": "limits",
    }


def test_an_asserted_state_is_the_devices_own_word() -> None:
    bench = Bench(feeds.states("psu.status"))

    (made,) = bench.frame(s1=("present", "failure_detected"))

    assert made.device_asserted
    assert made.evidence["state"] == "present,failure_detected"
    assert made.evidence["matched"] == "failure_detected"
    assert made.part.key() == "psu@PSU1"


def test_a_warning_is_a_watch_item() -> None:
    bench = Bench(feeds.temperature("t1", upper_non_critical=80))

    (made,) = bench.frame(t1=85.0) + bench.frame(t1=85.0)

    assert (made.severity, made.opens) == (Severity.WARNING, False)


def test_since_is_the_time_of_the_sensors_own_reading_within_a_long_sweep() -> None:
    bench = Bench(feeds.temperature("t1", upper_critical=90), feeds.temperature("t2", upper_critical=90))
    frame = feeds.frame(bench.catalogue, {"t1": 40.0, "t2": 95.0}, at_s=60, offsets_ms=(0, 2500))

    (made,) = bench.engine.frame(bench.state, frame)

    assert made.time_ms == feeds.START_MS + 62_500


def test_rehearsal_and_backlog_go_through_to_the_transition() -> None:
    bench = Bench(feeds.temperature("t1", upper_critical=90), rehearsal=True)

    (made,) = bench.frame(t1=95.0, backlog=True)

    assert made.rehearsal
    assert made.backlog
    assert made.evidence["rehearsal"] is True


@pytest.mark.parametrize(
    "spoil",
    [
        {"values": b"\0\0\0"},
        {"states": b"\0"},
        {"gap_index": b"\0\0\0\0"},
        {"gap_index": b"\x09\0", "gap_reason": b"\x01", "gap_age_s": b"\0\0\0\0"},
        {"gap_age_s": b"\0\0"},
        {"offsets_ms": b"\0\0\0\0"},
    ],
)
def test_a_frame_that_contradicts_its_catalogue_is_refused_and_changes_nothing(spoil: dict[str, bytes]) -> None:
    bench = Bench(feeds.temperature("t1", upper_critical=90), feeds.states("psu.status"))
    bench.frame(t1=40.0, s1=("present",))
    before = bench.row()
    frame = feeds.frame(bench.catalogue, {"t1": 40.0, "s1": ("present",)}, at_s=500)
    for name, value in spoil.items():
        setattr(frame, name, value)

    with pytest.raises(BadRecord):
        bench.engine.frame(bench.state, frame)

    assert bench.row() == before


def test_a_bad_frame_of_a_new_catalogue_leaves_the_old_one_in_place() -> None:
    bench = Bench(feeds.temperature("t1", upper_critical=90))
    bench.frame(t1=40.0)
    before = bench.row()
    other = feeds.catalogue([feeds.temperature("t1"), feeds.temperature("t2")], number=2)
    frame = feeds.frame(other, {"t1": 1.0, "t2": 1.0}, at_s=60)
    frame.values = b""

    with pytest.raises(BadRecord):
        bench.engine.frame(bench.state, frame)

    assert bench.row() == before


def test_host_off_asleep_and_absent_from_the_start_raise_nothing() -> None:
    disk = replace(feeds.counter("disk.temperature", "d1"), kind="temperature")
    bench = Bench(feeds.temperature("t1", lower_critical=5), disk)
    found = []
    for _ in range(20):
        found += bench.frame(t1=GapReason.HOST_OFF, d1=GapReason.ABSENT)
        found += bench.tick()
    for _ in range(20):
        found += bench.frame(t1=GapReason.DISABLED, d1=GapReason.ASLEEP)

    assert found == []


def test_one_unreadable_sensor_is_a_watch_item_and_a_silent_bmc_is_one_finding() -> None:
    bench = Bench(feeds.temperature("t1"), feeds.temperature("t2"))
    bench.frame(t1=40.0, t2=40.0)
    one = [made for _ in range(6) for made in bench.frame(t1=40.0, t2=GapReason.ERROR)]
    both = [made for _ in range(6) for made in bench.frame(t1=GapReason.HUNG, t2=GapReason.HUNG)]
    back = bench.frame(t1=40.0, t2=40.0)

    assert short(one) == [("sensor-no-data", Change.RAISED, Severity.WARNING)]
    assert (one[0].key.sensor, one[0].evidence["gap"], one[0].opens) == ("t2", "error", False)
    assert short(both) == [("bmc-no-data", Change.RAISED, Severity.MINOR)]
    assert both[0].part.key() == "bmc"
    assert short(back) == [
        ("bmc-no-data", Change.CLEARED, Severity.CLEARED),
        ("sensor-no-data", Change.CLEARED, Severity.CLEARED),
    ]


def test_the_age_of_a_gap_counts_from_the_last_value() -> None:
    bench = Bench(feeds.temperature("t1"), feeds.temperature("t2"))
    bench.frame(t1=40.0, t2=40.0)
    late = feeds.frame(bench.catalogue, {"t1": 40.0, "t2": GapReason.ERROR}, at_s=1000, ages_s=[400])

    (made,) = bench.engine.frame(bench.state, late)

    assert made.evidence["gap_s"] == 400


def test_no_frames_is_a_finding_only_while_the_agent_is_heard_and_this_process_waited() -> None:
    bench = Bench(feeds.temperature("t1"))
    bench.frame(t1=40.0)
    assert bench.tick() == []
    assert bench.tick(3600, silent=True) == []
    assert bench.tick(299) == []
    (made,) = bench.tick(1)
    assert short([made]) == [("bmc-no-data", Change.RAISED, Severity.MINOR)]
    assert bench.tick(60) == []

    bench.restart()
    assert short(bench.frame(t1=40.0)) == [("bmc-no-data", Change.CLEARED, Severity.CLEARED)]

    bench.restart()
    assert bench.tick(7200) == [], "time in which this process was not serving is no silence"


def test_a_part_whose_sensors_all_went_absent_is_gone_once() -> None:
    sensors = [feeds.counter("disk.pending", "p"), feeds.counter("disk.reallocated", "r")]
    bench = Bench(*sensors, source="smart.ata@local", width=8)
    bench.frame(p=0.0, r=0.0)
    partly = bench.frame(p=GapReason.ABSENT, r=0.0) + bench.frame(p=GapReason.ABSENT, r=0.0)
    gone = bench.frame(p=GapReason.ABSENT, r=GapReason.ABSENT) + bench.frame(p=GapReason.ABSENT, r=GapReason.ABSENT)

    assert partly == []
    assert short(gone) == [("disk-gone", Change.RAISED, Severity.MAJOR)]
    assert gone[0].key.part == "disk:M|S1"


def test_a_serial_that_becomes_known_and_a_moved_disk_are_not_gone() -> None:
    bench = Bench(feeds.counter("disk.pending", "p"), source="smart.ata@local", width=8)
    judge, state = bench.engine, bench.state

    def listed(*parts: Part, at_s: float) -> list[Transition]:
        return list(judge.inventory(state, feeds.inventory(parts, at_s)))

    assert listed(Part(component="disk", slot="Bay 1"), feeds.disk("B", "Bay 2"), at_s=0) == []
    assert listed(feeds.disk("A", "Bay 1"), feeds.disk("B", "Bay 7"), at_s=60) == []
    (gone,) = listed(feeds.disk("B", "Bay 7"), at_s=120)
    assert gone.key.part == "disk:M|A"
    (back,) = listed(feeds.disk("C", "Bay 1"), feeds.disk("B", "Bay 7"), at_s=180)
    assert back.change is Change.CLEARED
    assert back.evidence["replaced_by"] == "disk:M|C"


def test_a_replacement_that_shows_first_in_the_catalogue_clears_too() -> None:
    bench = Bench(feeds.counter("disk.pending", "p"), source="smart.ata@local", width=8)
    bench.frame(p=0.0)
    gone = bench.frame(p=GapReason.ABSENT) + bench.frame(p=GapReason.ABSENT)
    bench.use(feeds.counter("disk.pending", "p2", serial="NEW"), number=2, source="smart.ata@local", width=8)

    told = bench.frame(p2=0.0)

    assert short(gone) == [("disk-gone", Change.RAISED, Severity.MAJOR)]
    assert short(told) == [("disk-gone", Change.CLEARED, Severity.CLEARED)]
    assert told[0].evidence["replaced_by"] == "disk:M|NEW"


def test_a_finding_outlives_its_sensor_by_a_day_and_is_then_cleared() -> None:
    hot, other = feeds.temperature("t1", upper_critical=90), feeds.temperature("t2", upper_critical=90)
    bench = Bench(hot, other)
    bench.frame(t1=95.0, t2=40.0)
    bench.use(other, number=2)
    bench.restart()

    assert bench.frame(t2=40.0) == []
    (made,) = bench.frame(after_s=PARKED_MS / 1000, t2=40.0)
    assert short([made]) == [("thermal-hot", Change.CLEARED, Severity.CLEARED)]
    assert made.evidence["reason"] == "sensor_gone"
    assert made.key.sensor == "t1"


def test_a_sensor_that_comes_back_within_the_day_goes_on_where_it_was() -> None:
    hot, other = feeds.temperature("t1", upper_critical=90), feeds.temperature("t2", upper_critical=90)
    counted = feeds.counter("disk.command_timeout", "p")
    bench = Bench(hot, other, counted, width=8)
    bench.frame(t1=95.0, t2=40.0, p=2.0)
    bench.use(other, number=2, width=8)
    bench.frame(t2=40.0)
    bench.restart()
    bench.use(counted, other, hot, number=3, width=8)

    assert bench.frame(t1=95.0, t2=40.0, p=2.0) == []
    grown = bench.frame(t1=95.0, t2=40.0, p=3.0)
    assert short(grown) == [("disk-timeouts", Change.RAISED, Severity.WARNING)]
    cleared = [made for _ in range(3) for made in bench.frame(t1=40.0, t2=40.0, p=3.0)]
    assert short(cleared) == [("thermal-hot", Change.CLEARED, Severity.CLEARED)]


def test_a_finding_whose_limits_were_taken_away_is_cleared_at_the_next_frame() -> None:
    bench = Bench(feeds.temperature("t1", upper_critical=90))
    bench.frame(t1=95.0)
    bench.use(feeds.temperature("t1"), number=2)

    (made,) = bench.frame(t1=95.0)

    assert (made.change, made.evidence["reason"]) == (Change.CLEARED, "not_judged")


def baseline(value: float, *, rule: str, at_ms: int, sensor: str = "r") -> Baseline:
    return Baseline(asset=3, feed=7, sensor=sensor, rule=rule, value=value, by="ann", reason="known", at_ms=at_ms)


def test_level_and_growth_are_accepted_apart() -> None:
    bench = Bench(feeds.counter("disk.pending", "r"), width=8)
    bench.frame(r=0.0)
    raised = bench.frame(r=10.0) + bench.frame(r=10.0)
    assert {made.key.rule for made in raised} == {"disk-pending", "disk-pending-growth"}

    bench.engine.use_baselines(bench.state, [baseline(10, rule="disk-pending-growth", at_ms=5)])
    told = [made for _ in range(4) for made in bench.frame(r=10.0)]
    assert short(told) == [("disk-pending-growth", Change.CLEARED, Severity.CLEARED)]

    accepted = [baseline(10, rule="disk-pending-growth", at_ms=5), baseline(10, rule="disk-pending", at_ms=6)]
    bench.engine.use_baselines(bench.state, accepted)
    told = [made for _ in range(4) for made in bench.frame(r=10.0)]
    assert short(told) == [("disk-pending", Change.CLEARED, Severity.CLEARED)]

    grown = bench.frame(r=14.0) + bench.frame(r=14.0)
    assert {made.key.rule for made in grown} == {"disk-pending", "disk-pending-growth"}
    assert {made.evidence["baseline"] for made in grown} == {10.0}


def test_an_accepted_growth_baseline_is_not_applied_again_after_a_restart() -> None:
    accepted = [baseline(10, rule="disk-pending-growth", at_ms=5)]
    bench = Bench(feeds.counter("disk.pending", "r"), width=8)
    bench.frame(r=10.0)
    bench.engine.use_baselines(bench.state, accepted)
    bench.frame(r=0.0)
    bench.state = bench.engine.open_feed(feeds.feed(), bench.catalogue, bench.row(), accepted, rehearsal=False)

    assert ("disk-pending-growth", Change.RAISED, Severity.MINOR) in short(bench.frame(r=5.0))


OVERRIDES = """\
[override.inlet]
match = { name = ["Temp t1"], asset = ["dell|7ABC123"] }
upper = { minor = 30, critical = 45 }
reason = "the room is air conditioned"

[override.quiet]
match = { sensor = ["t2"] }
off = true
reason = "broken sensor, vendor case 1"
"""


def test_the_operators_overrides_hold_for_the_sensors_and_assets_they_name(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(OVERRIDES, encoding="utf-8")
    book = load_sheets([tmp_path])
    sensors = [feeds.temperature("t1", upper_critical=90), feeds.temperature("t2", upper_critical=90)]
    here = Bench(*sensors, engine=Engine(book, asset_key=lambda number: "dell|7ABC123"))
    elsewhere = Bench(*sensors, engine=Engine(book, asset_key=lambda number: "dell|OTHER"))

    told = here.frame(t1=46.0, t2=99.0) + here.frame(t1=46.0, t2=99.0)

    assert short(told) == [("thermal-hot", Change.RAISED, Severity.CRITICAL)]
    assert told[0].evidence["limit_source"] == "operator"
    assert elsewhere.frame(t1=46.0, t2=99.0) == []


def test_states_without_a_rule_raise_nothing_but_show_in_the_explanation() -> None:
    odd = replace(feeds.states("psu.status"), states=("present", "", "glows"))
    bench = Bench(odd)

    assert bench.frame(s1=("present", "glows")) == []
    assert "present,glows" in {why.facts["state"] for why in bench.engine.explain(bench.state, "s1")}


def test_the_explanation_says_what_was_counted_and_what_is_needed() -> None:
    bench = Bench(feeds.temperature("t1", upper_non_critical=80, upper_critical=90))
    bench.frame(t1=40.0)
    bench.frame(t1=85.0)

    (why,) = bench.engine.explain(bench.state, "t1")

    assert (why.rule, why.severity, why.level) == ("thermal-hot", Severity.CLEARED, Severity.WARNING)
    assert why.facts["needs_warning"] == "2 of 3"
    assert why.facts["seen_warning"] == 1
    assert why.facts["needs_major"] == "1 of 1"
    assert why.facts["upper_critical"] == 90.0
    assert why.facts["upper_critical_source"] == "device"
    assert bench.engine.explain(bench.state, "none") == ()


def test_events_older_than_joining_raise_nothing() -> None:
    bench = Bench(feeds.temperature("t1"), source="ipmi.sel@local")

    assert bench.engine.event(bench.state, feeds.event("psu.input_lost", 0), history=True) == ()


def test_an_event_that_runs_out_gets_the_time_it_ran_out_whenever_somebody_looks() -> None:
    early, late = Bench(feeds.temperature("t1")), Bench(feeds.temperature("t1"))
    for bench in (early, late):
        assert len(bench.engine.event(bench.state, feeds.event("memory.uncorrectable_ecc", 0), history=False)) == 1

    (at_once,) = early.tick(24 * 3600)
    (days_later,) = late.tick(72 * 3600)

    assert at_once.time_ms == days_later.time_ms == feeds.START_MS + 24 * 3_600_000
    assert at_once.key == days_later.key
    assert at_once.key.feed == 0


def test_nothing_runs_out_by_the_present_time_while_old_records_still_arrive() -> None:
    bench = Bench(feeds.temperature("t1"))
    three_days_s = 72 * 3600.0
    told = []
    for index in range(3):
        old = feeds.event("memory.correctable_ecc", 60.0 * index, backlog=True)
        old = replace(old, stamp=replace(old.stamp, received_ms=feeds.START_MS + round(three_days_s * 1000)))
        told += bench.engine.event(bench.state, old, history=False)
        now_ms = feeds.START_MS + round(three_days_s * 1000) + 1000 * index
        told += bench.engine.tick(bench.state, now_ms=now_ms, silent=False)

    assert short(told) == [
        ("memory-corrected-event", Change.RAISED, Severity.WARNING),
        ("memory-corrected-events", Change.RAISED, Severity.MINOR),
    ]
    assert told[1].evidence["count"] == 3


def test_a_chattering_log_does_not_grow_the_state_without_end() -> None:
    bench = Bench(feeds.temperature("t1"))
    for index in range(MAX_KEYED + 50):
        bench.engine.event(bench.state, feeds.event("disk.fault", 0, slot=f"Bay {index}"), history=False)

    assert len(bench.state.keyed) == MAX_KEYED
    assert bench.state.dropped == 50


def test_liveness_belongs_to_the_asset_and_a_hung_source_to_its_feed() -> None:
    bench = Bench(feeds.temperature("t1"))

    (silent,) = bench.engine.status(bench.state, feeds.status("silent", 0, "liveness"))
    (hung,) = bench.engine.status(bench.state, feeds.status("hung", 0))

    assert (silent.key.feed, silent.key.part) == (0, "agent")
    assert (hung.key.feed, hung.key.part, hung.fault_class) == (7, "bmc", "bmc.hung")
    assert hung.evidence["failures"] == 3


def test_a_rule_that_was_removed_and_comes_back_raises_anew() -> None:
    bench = Bench(feeds.temperature("t1"))
    whole = bench.engine
    lesser = Engine(replace(whole.book, rules=tuple(rule for rule in whole.book.rules if rule.name != "bmc-hung")))
    bench.frame(t1=40.0)

    def fault(engine: Engine) -> list[Change]:
        bench.engine = engine
        bench.restart()
        return [made.change for made in engine.status(bench.state, feeds.status("hung", bench.at_s))]

    assert fault(whole) == [Change.RAISED]
    assert fault(lesser) == []
    assert fault(whole) == [Change.RAISED]


def test_a_feed_without_a_catalogue_takes_events_and_keeps_them_over_a_restart() -> None:
    engine = feeds.engine()
    state = engine.open_feed(feeds.feed(), None, None, (), rehearsal=False)
    engine.event(state, feeds.event("disk.in_critical_array", 0, slot="3"), history=False)
    row = engine.row(state, received_ms=1)
    again = engine.open_feed(feeds.feed(), None, row, (), rehearsal=False)

    (made,) = engine.event(again, feeds.event("disk.in_critical_array", 60, slot="3", asserted=False), history=False)

    assert made.change is Change.CLEARED
    assert row.catalogue == 0


def test_an_event_that_has_yet_to_settle_does_so_after_a_restart_as_of_its_beginning() -> None:
    engine = feeds.engine()
    state = engine.open_feed(feeds.feed(), None, None, (), rehearsal=False)
    assert engine.event(state, feeds.event("psu.input_lost", 0, slot="PSU1"), history=False) == []
    row = engine.row(state, received_ms=1)
    again = engine.open_feed(feeds.feed(), None, row, (), rehearsal=False)

    early = engine.tick(again, now_ms=feeds.START_MS + 299_000, silent=False)
    (made,) = engine.tick(again, now_ms=feeds.START_MS + 900_000, silent=False)

    assert not early
    assert (made.change, made.time_ms) == (Change.RAISED, feeds.START_MS + 300_000)
    assert (made.evidence["since_ms"], made.evidence["reason"]) == (feeds.START_MS, "settled")


def test_redundancy_regained_ends_the_events_of_every_supply() -> None:
    engine = feeds.engine()
    state = engine.open_feed(feeds.feed(), None, None, (), rehearsal=False)
    for number, slot in enumerate(("PSU1", "PSU2")):
        engine.event(state, feeds.event("psu.input_lost", number, slot=slot), history=False)
    engine.tick(state, now_ms=feeds.START_MS + 900_000, silent=False)

    ended = engine.event(state, feeds.event("psu.redundancy_lost", 1000, slot="all", asserted=False), history=False)

    assert sorted((made.part.slot, made.change) for made in ended) == [
        ("PSU1", Change.CLEARED),
        ("PSU2", Change.CLEARED),
    ]


@pytest.mark.parametrize("spoil", [lambda b: b"\x09" + b[1:], lambda b: b[:-1], lambda b: b[:20], lambda b: b"\x01"])
def test_a_damaged_row_is_a_named_error(spoil: object) -> None:
    bench = Bench(feeds.temperature("t1"))
    bench.frame(t1=40.0)
    row = bench.row()

    with pytest.raises(RowUnreadable):
        bench.engine.open_feed(
            feeds.feed(),
            bench.catalogue,
            replace(row, state=spoil(row.state)),  # type: ignore[operator]
            (),
            rehearsal=False,
        )


def test_a_row_of_a_hundred_sensors_is_compact_and_a_quiet_frame_changes_only_its_tail() -> None:
    sensors = [feeds.temperature(f"t{i}", upper_critical=90, comparison=0) for i in range(60)]
    sensors += [feeds.states("psu.status", f"s{i}", slot=f"PSU{i}") for i in range(40)]
    bench = Bench(*sensors)
    readings: dict[str, Reading] = {s.id: ("present",) if s.states else 40.0 for s in sensors}
    bench.frame(**readings)
    first = bench.row()
    stable = bench.state.stable
    bench.frame(**readings)
    bench.row()

    assert len(first.state) <= 1500
    assert bench.state.stable is stable


def test_rejected_limit_sets_are_listed_with_their_reason() -> None:
    bench = Bench(
        feeds.temperature("t1", upper_non_critical=0, upper_critical=0),
        feeds.temperature("t2", upper_non_critical=90, upper_critical=10),
        feeds.temperature("t3", upper_critical=30, comparison=0),
        feeds.temperature("t4", upper_critical=90, comparison=0),
    )
    bench.frame(t1=40.0, t2=40.0, t3=40.0, t4=40.0)
    bench.restart()

    assert bench.engine.rejected_limits(bench.state) == (
        ("t1", "all_zero"),
        ("t2", "unordered"),
        ("t3", "contradicted"),
    )


def test_a_gap_without_a_reason_is_still_a_gap() -> None:
    bench = Bench(feeds.states("psu.status"))
    bench.frame(s1=("present",))
    found = []
    for index in range(3):
        frame = feeds.frame(bench.catalogue, {"s1": GapReason.ERROR}, at_s=120 + 60 * index)
        frame.gap_reason = b"\0"
        found += bench.engine.frame(bench.state, frame)

    assert found == []


def test_the_quiet_frame_makes_nothing_but_takes_the_newest_readings() -> None:
    bench = Bench(feeds.temperature("t1", upper_critical=90))
    bench.frame(t1=40.0)
    quiet = feeds.frame(bench.catalogue, {"t1": 41.5}, at_s=120)

    assert bench.engine.frame(bench.state, quiet) == ()
    assert bench.state.last is quiet
    assert bench.row().time_ms == quiet.time_ms


def test_events_read_late_are_counted_by_the_devices_clock() -> None:
    def told(apart_s: float) -> list[str]:
        engine = feeds.engine()
        state = engine.open_feed(feeds.feed(), None, None, (), rehearsal=False)
        found = []
        for index in range(3):
            read = feeds.event("memory.correctable_ecc", index)
            event = replace(read, device_ms=feeds.START_MS - 10**9 + round(index * apart_s * 1000))
            found += engine.event(state, event, history=False)
        return [made.key.rule for made in found]

    assert "memory-corrected-events" in told(apart_s=3600)
    assert "memory-corrected-events" not in told(apart_s=2 * 86400)
