"""Captures over time: a part that a later capture of the same machine and kind no longer lists is gone."""

from __future__ import annotations

from typing import Any

import pytest
from hardcase_collector.domain.finding import Severity
from hardcase_collector.rules.captured import gather
from hardcase_collector.rules.offline import Judgement, OfflineJudge
from hardcase_collector.rules.sheet_reader import load_sheets

NAMELESS = {"vendor": "", "model": "", "serial": ""}
ERROR = {"type": "error", "kind": "truncated", "message": "it ends within a record", "at": "line 40", "file": "x"}


@pytest.fixture(scope="module")
def judge() -> OfflineJudge:
    return OfflineJudge(load_sheets())


def disk(serial: str = "", *, slot: str = "", source: str = "arrays", **more: Any) -> dict[str, Any]:
    told = {"type": "part", "asset": NAMELESS, "source": source, "class": "disk", "slot": slot, "serial": serial}
    return {**told, "model": "ST4000NM" if serial else "", **more}


def temperature(serial: str, time: str | None, source: str = "arrays") -> dict[str, Any]:
    return {
        "type": "reading",
        "asset": NAMELESS,
        "source": source,
        "part": {"class": "disk", "model": "ST4000NM", "serial": serial},
        "sensor": {"id": f"{serial}/t", "name": "Temperature", "kind": "temperature", "unit": "Cel"},
        "value": 30.0,
        "time": time,
    }


CONTROLLER = {**disk("SV04616189", slot="PCI 0a:00"), "class": "raid"}


def judged(judge: OfflineJudge, *, why: bool = False, **files: list[dict[str, Any]]) -> Judgement:
    """Each keyword is a file; __ in its name is a folder's end."""
    places = (
        (f"visits/{name.replace('__', '/')}:{n}", line) for name, of in files.items() for n, line in enumerate(of)
    )
    machines, bad = gather(places)
    assert bad == []
    (machine,) = machines
    return judge.judge(machine, why=why)


def explained(judgement: Judgement) -> dict[str, str]:
    return {
        one.part.serial or one.part.slot: str(one.facts["because"])
        for one in judgement.unraised
        if one.reason == "not_listed"
    }


def shelf(*serials: str) -> list[dict[str, Any]]:
    return [CONTROLLER, *(disk(serial, slot=f"252:{number}") for number, serial in enumerate(serials))]


def test_a_disk_that_the_second_capture_no_longer_lists_is_gone(judge: OfflineJudge) -> None:
    (found,) = judged(judge, day1=shelf("A", "B", "C"), day2=shelf("A", "B")).found
    assert (found.fault_class, found.severity, found.rule) == ("disk.missing", Severity.MAJOR, "disk-gone")
    assert (found.part.serial, found.part.slot, found.evidence["seen_by"]) == ("C", "252:2", "inventory")
    assert found.firing
    assert found.since_ms is None


def test_it_is_gone_since_the_capture_that_misses_it_whatever_the_order_of_the_files(judge: OfflineJudge) -> None:
    first = [disk("A"), temperature("A", "2026-11-01T10:00:00Z"), disk("B"), temperature("B", "2026-11-01T10:00:00Z")]
    second = [disk("A"), temperature("A", "2026-11-02T10:00:00Z")]
    (found,) = judged(judge, b=second, c=first).found
    assert (found.part.serial, found.since_ms) == ("B", 1_793_613_600_000)


def test_a_part_that_is_back_in_the_third_capture_has_cleared(judge: OfflineJudge) -> None:
    found = judged(judge, day1=shelf("A", "B"), day2=shelf("A"), day3=shelf("A", "B")).found
    assert [(one.part.serial, one.firing) for one in found] == [("B", False)]


def test_one_capture_alone_accuses_nothing_however_often_it_names_a_part(judge: OfflineJudge) -> None:
    assert judged(judge, day1=[*shelf("A", "B"), *shelf("A")], why=True).unraised == ()


def test_files_of_one_visit_are_one_capture(judge: OfflineJudge) -> None:
    of = {serial: [disk(serial), temperature(serial, None)] for serial in "ABC"}
    both = judged(judge, visit1__sda=of["A"], visit1__sdb=of["B"], visit1__sdc=of["C"])
    assert both.found == ()
    found = judged(
        judge, visit1__sda=of["A"], visit1__sdb=of["B"], visit1__sdc=of["C"], visit2__sda=of["A"], visit2__sdc=of["C"]
    ).found
    assert [one.part.serial for one in found] == ["B"]


def test_single_disks_over_time_in_one_folder_miss_nothing(judge: OfflineJudge) -> None:
    of = {serial: [disk(serial), temperature(serial, None)] for serial in "AB"}
    assert judged(judge, a1=of["A"], a2=of["A"], b1=of["B"], b2=of["B"]).found == ()


def test_a_capture_of_another_kind_or_of_one_disk_misses_nothing_and_why_says_so(judge: OfflineJudge) -> None:
    md = [{**CONTROLLER, "slot": "md0", "serial": "", "model": "md raid1"}, disk(slot="sda1"), disk(slot="sdb1")]
    told = judged(judge, storcli=shelf("A", "B"), mdstat=md, again=shelf("A", "B"), one=[disk("A")], why=True)
    assert told.found == ()
    assert explained(told)["B"] == "other_parts"


def test_a_loss_is_seen_past_a_capture_of_another_kind(judge: OfflineJudge) -> None:
    md = [{**CONTROLLER, "slot": "md0", "serial": "", "model": "md raid1"}, disk(slot="sda1"), disk(slot="sdb1")]
    found = judged(judge, day1=shelf("A", "B"), day1md=md, day2=shelf("A"), day2md=md).found
    assert [one.part.serial for one in found] == ["B"]


@pytest.mark.parametrize(
    ("later", "because"),
    [
        ([*shelf("A", "B"), ERROR], "errors"),
        ([*shelf("A", "B"), temperature("C", None)], "heard"),
        ([*shelf("A", "B"), disk("D", slot="252:2")], "replaced"),
        ([*shelf("A", "B"), {**disk("C"), "model": "SEAGATE ST4000NM"}], "heard"),
    ],
)
def test_what_explains_the_absence_is_told_instead(
    judge: OfflineJudge, later: list[dict[str, Any]], because: str
) -> None:
    told = judged(judge, day1=shelf("A", "B", "C"), day2=later, why=True)
    assert told.found == ()
    assert explained(told) == {"C": because}


def test_an_error_that_both_captures_have_explains_nothing(judge: OfflineJudge) -> None:
    found = judged(judge, day1=[*shelf("A", "B"), ERROR], day2=[*shelf("A"), ERROR]).found
    assert [one.part.serial for one in found] == ["B"]


def test_all_of_a_class_at_once_is_a_table_that_was_not_read(judge: OfflineJudge) -> None:
    psus = [{**disk(f"P{number}", slot=f"PSU{number}"), "class": "psu"} for number in (1, 2)]
    told = judged(judge, day1=[*shelf("A", "B"), *psus], day2=shelf("A", "B"), why=True)
    assert told.found == ()
    assert explained(told) == {"P1": "none_of_its_class", "P2": "none_of_its_class"}


def test_a_member_known_by_its_kernel_name_alone_is_gone_unless_another_name_came(judge: OfflineJudge) -> None:
    array = {**CONTROLLER, "slot": "md0", "serial": "", "model": "md raid1"}

    def mdstat(*names: str) -> list[dict[str, Any]]:
        return [array, *(disk(slot=name, paths=[f"/dev/{name}"]) for name in names)]

    (found,) = judged(judge, day1=mdstat("sda1", "sdb1"), day2=mdstat("sda1")).found
    assert found.part.slot == "sdb1"
    renamed = judged(judge, day1=mdstat("sda1", "sdb1"), day2=mdstat("sda1", "sdc1"), why=True)
    assert renamed.found == ()
    assert explained(renamed) == {"sdb1": "renamed"}


def test_a_part_that_no_rule_looks_for_is_said_to_be_so(judge: OfflineJudge) -> None:
    cards = [{**disk(f"N{number}", slot=f"{number}"), "class": "nic"} for number in (1, 2)]
    told = judged(judge, day1=[*shelf("A"), *cards], day2=[*shelf("A"), cards[0]], why=True)
    assert told.found == ()
    assert [(one.part.serial, one.reason) for one in told.unraised] == [("N2", "no_rule")]
