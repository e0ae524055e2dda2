"""Captures through the rules: what is raised, since when, and why the rest raised nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hardcase_collector.domain.finding import Severity
from hardcase_collector.rules.captured import gather
from hardcase_collector.rules.offline import Judgement, OfflineJudge
from hardcase_collector.rules.sheet_reader import load_sheets

DELL = {"vendor": "Dell Inc.", "model": "PowerEdge R730", "serial": "ABC"}
NAMELESS = {"vendor": "", "model": "", "serial": ""}


@pytest.fixture(scope="module")
def judge() -> OfflineJudge:
    return OfflineJudge(load_sheets())


def reading(value: float, *, sensor: str = "t1", asset: dict[str, str] = DELL, **more: Any) -> dict[str, Any]:
    return {
        "type": "reading",
        "asset": asset,
        "source": "ipmi.analogue",
        "part": {"class": "cpu", "slot": "CPU1"},
        "sensor": {"id": sensor, "name": "CPU1 Temp", "kind": "temperature", "unit": "Cel"},
        "value": value,
        "limits": {"upper_critical": 90.0, "upper_non_critical": 80.0, "source": "bmc"},
        "time": None,
    } | more


def event(code: str, *, asset: dict[str, str] = DELL, asserted: bool = True, **more: Any) -> dict[str, Any]:
    return {
        "type": "event",
        "asset": asset,
        "source": "ipmi.sel",
        "part": {"class": code.partition(".")[0], "slot": "1"},
        "log": "sel",
        "record_id": 1,
        "code": code,
        "asserted": asserted,
        "sensor": "x",
        "text": "",
        "raw": "",
        "time": None,
    } | more


def judged(judge: OfflineJudge, *lines: Any, why: bool = False) -> Judgement:
    machines, bad = gather((str(number), line) for number, line in enumerate(lines))
    assert bad == []
    (machine,) = machines
    return judge.judge(machine, why=why)


def test_a_value_above_the_devices_critical_limit_is_raised_from_one_capture(judge: OfflineJudge) -> None:
    (found,) = judged(judge, reading(95.0)).found
    assert (found.fault_class, found.severity, found.part.slot) == ("cpu.hot", Severity.MAJOR, "CPU1")
    assert found.evidence["value"] == 95.0


def test_a_rule_that_wants_two_of_three_sweeps_has_them_from_one_capture(judge: OfflineJudge) -> None:
    (found,) = judged(judge, reading(85.0)).found
    assert found.severity is Severity.WARNING
    assert not found.opens


def test_since_is_the_capture_s_time_and_nothing_where_it_tells_none(judge: OfflineJudge) -> None:
    assert judged(judge, reading(95.0)).found[0].since_ms is None
    told = judged(judge, reading(95.0, time="2026-11-01T10:00:00Z")).found[0]
    assert told.since_ms == 1_793_527_200_000


def test_a_sensor_that_speaks_again_is_the_next_capture(judge: OfflineJudge) -> None:
    first, second = "2026-11-01T10:00:00Z", "2026-11-01T11:00:00Z"
    (found,) = judged(judge, reading(95.0, time=first), reading(50.0, time=second)).found
    assert not found.firing
    assert found.since_ms == 1_793_527_200_000
    assert found.cleared_ms is not None
    assert found.cleared_ms >= 1_793_530_800_000


def test_lines_that_name_no_asset_are_of_the_only_one_named(judge: OfflineJudge) -> None:
    found = judged(judge, reading(95.0), event("memory.uncorrectable_ecc", asset=NAMELESS)).found
    assert {one.fault_class for one in found} == {"cpu.hot", "memory.uncorrectable"}
    assert {one.asset.serial for one in found} == {"ABC"}


def test_lines_of_several_assets_are_judged_apart() -> None:
    machines, _ = gather([("1", reading(95.0)), ("2", reading(95.0, asset={**DELL, "serial": "DEF"}))])
    assert [machine.name.serial for machine in machines] == ["ABC", "DEF"]


def test_a_line_that_is_none_is_told_with_its_place_and_the_rest_is_judged() -> None:
    lines: list[Any] = [{"type": "reading"}, {"type": "riddle", "asset": DELL}, reading(95.0), [], "text", None, 3]
    machines, bad = gather((f"f:{number}", line) for number, line in enumerate(lines, 1))
    assert len(machines[0].feeds["ipmi.analogue"].sensors) == 1
    assert [one.at for one in bad] == ["f:1", "f:2", "f:4", "f:5", "f:6", "f:7"]


def test_why_answers_for_every_sensor_and_event_that_raised_nothing(judge: OfflineJudge) -> None:
    gap = {"gap": {"reason": "absent", "detail": ""}}
    silent = {key: value for key, value in reading(0.0, sensor="t3").items() if key != "value"} | gap
    unknown = event("oem.riddle", part={"class": "board"})
    told = judged(judge, reading(95.0), reading(50.0, sensor="t2"), silent, unknown, why=True)
    assert {(one.sensor, one.reason) for one in told.unraised} == {
        ("t2", "within_limits"),
        ("t3", "gap"),
        ("", "no_rule_for_code"),
    }


def test_a_gap_raises_nothing(judge: OfflineJudge) -> None:
    line = {key: value for key, value in reading(0.0).items() if key != "value"}
    assert judged(judge, line | {"gap": {"reason": "error", "detail": ""}}).found == ()


def test_findings_that_one_repair_cures_have_one_case_number(judge: OfflineJudge) -> None:
    failed = event("psu.failure_detected", part={"class": "psu", "slot": "PSU 2"})
    lost = event("psu.input_lost", part={"class": "psu", "slot": "PS2"}, record_id=2)
    found = judged(judge, failed, lost, reading(95.0)).found
    assert {one.fault_class: one.case for one in found} == {"psu.failed": 1, "psu.input_lost": 1, "cpu.hot": 2}


def states(
    *asserted: str, named: tuple[str, ...] = ("failure_detected", "predictive_failure"), **more: Any
) -> dict[str, Any]:
    line = reading(0.0, sensor="p1", part={"class": "psu", "slot": "PSU1"}, **more)
    del line["value"], line["limits"]
    line["sensor"] |= {"kind": "state", "states": list(named), "quantity": "psu.status"}
    return line | {"states": list(asserted)}


@pytest.mark.parametrize(
    "line",
    [
        reading(10**400),
        reading(float("nan")),
        reading(True),
        reading(95.0, limits={"upper_critical": 10**400}),
        reading(95.0, time="9999-12-31T23:59:59-23:59"),
        reading(95.0, time="0001-01-01T00:00:00+23:59"),
        reading(95.0) | {"sensor": {"id": [1], "kind": "temperature"}},
        reading(95.0) | {"sensor": {"id": "t1", "kind": "temperature", "comparison": [1]}},
        reading(95.0, part={"class": "cpu", "slot": ["CPU1"]}),
        states("nobody_named_this"),
        states() | {"states": [{}]},
        {**reading(95.0), "sensor": {**reading(95.0)["sensor"], "states": ["ok"]}},
        event("psu.failed", record_id=float("inf")),
        event("psu.failed", record_id=10**30),
        event("psu.failed") | {"asserted": "false"},
        {key: value for key, value in event("psu.failed").items() if key != "code"},
    ],
)
def test_an_odd_line_is_told_and_leaves_nothing_behind(line: dict[str, Any]) -> None:
    machines, bad = gather([("odd:1", line)])
    assert [one.at for one in bad] == ["odd:1"]
    assert machines == []


def test_what_a_line_tells_as_null_is_not_told() -> None:
    machines, bad = gather([("1", reading(50.0, asset={"vendor": None, "model": None, "serial": None}))])
    assert (machines[0].name.untold, bad) == (True, [])


@pytest.mark.parametrize("time", ["1900-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59.999Z"])
def test_a_device_whose_clock_is_far_off_is_judged_all_the_same(judge: OfflineJudge, time: str) -> None:
    (found,) = judged(judge, reading(95.0, time=time)).found
    assert (found.severity, found.firing) == (Severity.MAJOR, True)


def test_one_number_of_two_sensors_hides_neither(judge: OfflineJudge) -> None:
    hot = reading(95.0)
    failed = states("failure_detected")
    failed["sensor"]["id"] = hot["sensor"]["id"]
    for lines in ((hot, failed), (failed, hot)):
        assert {one.fault_class for one in judged(judge, *lines).found} == {"cpu.hot", "psu.failed"}


def test_a_state_that_only_newer_firmware_names_is_read_by_its_name(judge: OfflineJudge) -> None:
    before = states("failure_detected", time="2026-01-01T00:00:00Z")
    after = states("failure_detected", named=("presence", "failure_detected"), time="2026-01-02T00:00:00Z")
    (found,) = judged(judge, before, after).found
    assert (found.fault_class, found.firing) == ("psu.failed", True)
    (found,) = judged(judge, before, states("presence", named=("presence", "failure_detected"))).found
    assert not found.firing


def test_since_is_of_the_capture_that_first_tells_it_though_its_sensor_is_new(judge: OfflineJudge) -> None:
    first = reading(50.0, sensor="t1", time="2026-01-01T00:00:00Z")
    second = reading(95.0, sensor="t2", time="2026-01-09T00:00:00Z")
    (found,) = judged(judge, first, second).found
    assert found.since_ms == 1_767_916_800_000


def test_what_only_one_of_two_captures_holds_is_no_loss_of_data(judge: OfflineJudge) -> None:
    first = reading(50.0, sensor="t1", time="2026-01-01T00:00:00Z")
    assert judged(judge, first, reading(50.0, sensor="t2", time="2026-03-01T00:00:00Z")).found == ()


def test_two_sources_of_one_machine_are_one_machine_though_they_name_its_vendor_differently(
    judge: OfflineJudge,
) -> None:
    board = {"vendor": "DELL", "model": "", "serial": "7abc123 "}
    label = {"vendor": "Dell Inc.", "model": "PowerEdge R730", "serial": "7ABC123"}
    log = event("memory.uncorrectable_ecc", asset=board, part={"class": "memory", "slot": "DIMM_A1"})
    kernel = event(
        "memory.uncorrectable_ecc", asset=label, part={"class": "memory", "slot": "A1"}, source="kernel.edac"
    )
    assert {one.case for one in judged(judge, log, kernel).found} == {1}


def test_machines_without_a_serial_number_of_their_own_stay_apart() -> None:
    blank = {"vendor": "Dell Inc.", "model": "R730", "serial": "To be filled by O.E.M."}
    lines = [reading(50.0, asset=blank), reading(50.0, asset=blank | {"model": "R740"})]
    nodes = [reading(50.0, asset=DELL | {"serial": "7ABC123", "node": node}) for node in ("1", "2")]
    machines, _ = gather((str(number), line) for number, line in enumerate(lines + nodes))
    assert len(machines) == 4


def test_what_a_log_went_on_from_for_a_year_is_history(judge: OfflineJudge) -> None:
    lost = event("memory.uncorrectable_ecc", time="2022-02-14T00:43:16Z")
    boots = [event("host.oem_boot", record_id=number, time=f"2023-06-{number:02}T00:00:00Z") for number in (2, 3, 4)]
    told = judged(judge, lost, *boots, why=True)
    assert told.found == ()
    assert "history" in {one.reason for one in told.unraised}


@pytest.mark.parametrize(
    "later",
    [
        ["2022-03-01T00:00:00Z", "2022-04-01T00:00:00Z", "2023-01-01T00:00:00Z"],
        ["2022-03-01T00:00:00Z", "2036-02-07T06:28:15Z"],
        ["2036-02-07T06:28:15Z", "2036-02-07T06:28:16Z"],
    ],
    ids=["within a year", "one clock that ran ahead", "two entries"],
)
def test_a_fault_that_is_not_long_past_is_told(judge: OfflineJudge, later: list[str]) -> None:
    lost = event("memory.uncorrectable_ecc", time="2022-02-14T00:43:16Z")
    others = [event("host.oem_boot", record_id=number, time=at) for number, at in enumerate(later, 2)]
    assert [one.fault_class for one in judged(judge, lost, *others).found] == ["memory.uncorrectable"]


def test_what_a_clock_that_fell_back_wrote_last_is_new(judge: OfflineJudge) -> None:
    boots = [event("host.oem_boot", record_id=number, time=f"2023-06-{number:02}T00:00:00Z") for number in (2, 3, 4)]
    lost = event("memory.uncorrectable_ecc", record_id=5, time="2010-01-01T00:00:05Z")
    assert [one.fault_class for one in judged(judge, *boots, lost).found] == ["memory.uncorrectable"]
