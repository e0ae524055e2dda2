"""Faults of several parts with one cause are one case; what has a cause of its own stays apart."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hardcase_collector.domain.asset import Part
from hardcase_collector.domain.case import CaseAction
from hardcase_collector.domain.correlation import Relation, Subject, case_of
from hardcase_collector.domain.finding import Change, Severity
from hardcase_collector.domain.places import place_name
from hardcase_collector.rules.sheet_reader import load_sheets

from tests.unit.collector.cases.bench import DAY, DISK, NOON, Bench, raised

FAN = Part(component="fan", slot="Fan 3")
CPU = Part(component="cpu", slot="CPU1")
PSU = Part(component="psu", slot="PSU 2")
SUPPLY = Part(component="psu")


@pytest.fixture
def bench(bench: Bench) -> Bench:
    bench.joins = load_sheets().joins
    return bench


def test_a_temperature_that_rises_while_a_fan_stands_still_is_the_fans_case(bench: Bench) -> None:
    asset = bench.asset()
    bench.apply(raised(asset, "fan.slow", part=FAN, group="fan", severity=Severity.MINOR))
    bench.apply(raised(asset, "cpu.hot", part=CPU, group="thermal", severity=Severity.CRITICAL, sensor="t"))
    case = bench.only_case()
    assert (case.part, case.repair_group, case.severity) == (FAN, "fan", Severity.CRITICAL)
    assert case.fault_classes == ("fan.slow", "cpu.hot")


def test_a_cause_that_is_told_later_takes_the_case_over(bench: Bench) -> None:
    asset = bench.asset()
    bench.apply(raised(asset, "psu.redundancy_lost", part=SUPPLY, group="psu", sensor="r"))
    bench.apply(raised(asset, "psu.input_lost", part=PSU, group="psu"))
    case = bench.only_case()
    assert (case.part, case.repair_group) == (PSU, "psu")
    assert case.fault_classes == ("psu.redundancy_lost", "psu.input_lost")


def test_a_failure_lost_input_and_lost_redundancy_of_a_power_supply_are_one_case(bench: Bench) -> None:
    asset = bench.asset()
    bench.apply(raised(asset, "psu.failed", part=PSU, group="psu"))
    bench.apply(raised(asset, "psu.input_lost", part=PSU, group="psu", sensor="i"))
    bench.apply(raised(asset, "psu.redundancy_lost", part=SUPPLY, group="psu", sensor="r"))
    assert bench.only_case().part == PSU


def test_two_power_supplies_that_fail_are_two_cases(bench: Bench) -> None:
    asset = bench.asset()
    bench.apply(raised(asset, "psu.failed", part=PSU, group="psu"))
    bench.apply(raised(asset, "psu.failed", part=Part(component="psu", slot="PSU 1"), group="psu", sensor="s1"))
    assert len(bench.cases()) == 2


def test_a_fan_does_not_take_over_a_case_that_has_another_fault(bench: Bench) -> None:
    asset = bench.asset()
    bench.apply(raised(asset, "cpu.hot", part=CPU, group="thermal", sensor="t"))
    bench.apply(raised(asset, "cpu.failed", part=CPU, group="thermal", sensor="c"))
    bench.apply(raised(asset, "fan.failed", part=FAN, group="fan"))
    assert len(bench.cases()) == 2


def test_another_assets_fan_has_nothing_to_do_with_it(bench: Bench) -> None:
    bench.apply(raised(bench.asset(), "fan.failed", part=FAN, group="fan"))
    bench.apply(raised(bench.asset("dell|2"), "cpu.hot", part=CPU, group="thermal"))
    assert len(bench.cases()) == 2


def test_a_case_of_cause_and_effect_verifies_only_when_both_are_clear(bench: Bench) -> None:
    asset = bench.asset()
    fan = raised(asset, "fan.slow", part=FAN, group="fan")
    hot = raised(asset, "cpu.hot", part=CPU, group="thermal", sensor="t")
    bench.apply(fan, hot)
    bench.apply(replace(fan, change=Change.CLEARED, severity=Severity.CLEARED, time_ms=fan.time_ms + 1000))
    assert bench.only_case().state == "new"
    bench.apply(replace(hot, change=Change.CLEARED, severity=Severity.CLEARED, time_ms=hot.time_ms + 1000))
    assert bench.only_case().state == "verifying"


def test_a_module_told_by_event_log_and_kernel_under_two_names_is_one_case(bench: Bench) -> None:
    asset = bench.asset()
    logged = Part(component="memory", slot="DIMM_A1")
    counted = Part(component="memory", slot="A1", serial="0123", part_number="M393")
    bench.apply(raised(asset, "memory.uncorrectable", part=logged, group="memory", sensor="sel"))
    bench.apply(raised(asset, "memory.corrected", part=counted, group="memory", sensor="edac"))
    assert bench.only_case().part == counted


def test_a_memory_error_without_a_module_is_of_the_only_module_that_is_bad(bench: Bench) -> None:
    asset = bench.asset()
    module = Part(component="memory", slot="DIMM_A1")
    bench.apply(raised(asset, "memory.corrected", part=module, group="memory", sensor="edac"))
    bench.apply(raised(asset, "memory.uncorrectable", part=Part(component="memory"), group="memory", sensor="sel"))
    case = bench.only_case()
    assert (case.part, case.fault_classes) == (module, ("memory.corrected", "memory.uncorrectable"))


def test_of_two_bad_modules_none_is_guessed(bench: Bench) -> None:
    asset = bench.asset()
    for slot in ("DIMM_A1", "DIMM_A2"):
        bench.apply(raised(asset, "memory.corrected", part=Part(component="memory", slot=slot), group="memory"))
    bench.apply(raised(asset, "memory.uncorrectable", part=Part(component="memory"), group="memory", sensor="sel"))
    assert [case.part.slot for case in bench.cases()] == ["DIMM_A1", "DIMM_A2", ""]


@pytest.mark.parametrize(
    "part",
    [
        Part(component="disk", paths=("/dev/sdb",)),
        Part(component="disk", wwn="5000c500a1b2c3d4"),
        Part(component="raid"),
    ],
)
def test_a_part_that_is_told_in_another_way_or_is_another_thing_is_no_part_without_a_name(part: Part) -> None:
    class Opened:
        part = Part(component="disk", slot="Bay 3")
        repair_group = "disk"
        fault_classes = ("disk.failed",)

    assert case_of(Subject(part, "disk", "disk.degraded"), [Opened()], ()) is None
    nameless = case_of(Subject(Part(component="disk"), "disk", "disk.degraded"), [Opened()], ())
    assert nameless is not None
    assert nameless[1] is Relation.ONLY_ONE


def test_healthy_neighbours_are_not_drawn_in(bench: Bench) -> None:
    asset = bench.asset()
    for slot in ("DIMM_A1", "DIMM_A2"):
        bench.apply(raised(asset, "memory.corrected", part=Part(component="memory", slot=slot), group="memory"))
    assert [case.part.slot for case in bench.cases()] == ["DIMM_A1", "DIMM_A2"]


@pytest.mark.parametrize(
    ("component", "names"),
    [
        ("memory", ["DIMM_A1", "A1", "DIMM A1", "DIMMA1", "dimm.a1", "Memory Module A1"]),
        ("memory", ["P2-DIMME1", "DIMME1(CPU2)", "CPU2_DIMM_E1", "CPU 2 DIMM E1", "PROC 2 DIMM E1"]),
        ("memory", ["PROC 1 DIMM 12", "CPU1 DIMM12", "P1_DIMM_12"]),
        ("psu", ["PSU 2", "PS2", "PSU2", "Power Supply 2", "power supply bay 2", "2"]),
        ("fan", ["Fan 3", "FAN3", "System Fan 3", "SYS_FAN3"]),
        ("cpu", ["CPU 1", "CPU1", "Processor 1", "Proc 1", "P1"]),
        ("disk", ["Bay 3", "Slot 3", "Drive 3", "Drive Slot 3", "Disk3"]),
    ],
)
def test_one_place_has_one_name(component: str, names: list[str]) -> None:
    assert len({place_name(component, name) for name in names}) == 1


@pytest.mark.parametrize(
    ("component", "one", "other"),
    [
        ("memory", "DIMM_A1", "DIMM_A2"),
        ("memory", "CPU1_DIMM_A1", "CPU2_DIMM_A1"),
        ("memory", "DIMM_A1", "DIMM_A11"),
        ("psu", "PSU 1", "PSU 2"),
        ("fan", "Fan 1A", "Fan 1B"),
        ("disk", "Bay 3", "Rear Bay 3"),
        ("disk", "SSD 1", "HDD 1"),
        ("disk", "Disk Bay 1:2", "12"),
        ("memory", "Node1 DIMM A1", "Node2 DIMM A1"),
        ("memory", "P1 Node 1 DIMM A1", "P1 Node 2 DIMM A1"),
        ("memory", "A_DIMM1", "B_DIMM1"),
        ("psu", "PS 1A", "PS 1B"),
        ("psu", "Chassis 1 PSU 2", "Chassis 2 PSU 1"),
        ("fan", "Fan1 Front", "Fan1 Rear"),
        ("fan", "PSU1 Fan", "PSU2 Fan"),
        ("cpu", "Node1 CPU1", "Node2 CPU1"),
        ("board", "Slot 3", "3"),
        ("psu", "PSU", "PSU 1"),
    ],
)
def test_two_places_have_two_names(component: str, one: str, other: str) -> None:
    assert place_name(component, one) != place_name(component, other)


def test_of_two_cases_in_one_slot_none_is_guessed() -> None:
    class Opened:
        repair_group = "disk"
        fault_classes = ("disk.failed",)

        def __init__(self, serial: str) -> None:
            self.part = Part(component="disk", slot="Bay 3", model="ST4000", serial=serial)

    subject = Subject(Part(component="disk", slot="Bay 3"), "disk", "disk.failed")
    assert case_of(subject, [Opened("1"), Opened("2")], ()) is None
    found = case_of(subject, [Opened("1")], ())
    assert found is not None
    assert found[1] is Relation.SAME_PLACE


@pytest.mark.parametrize(
    ("told", "known"),
    [
        (("WDC WD740ADFD-00", "WD-WMANS1732855"), ("WDC WD740ADFD-00NLR1", "WD-WMANS1732855")),
        (("ST1200MM0088", "S400M4R0"), ("SEAGATE ST1200MM0088", "S400M4R00000B412ABCD")),
        (("", "Z1Z00001"), ("ST4000NM0033-9ZM170", "Z1Z00001")),
    ],
)
def test_one_disk_by_its_controller_and_by_itself_is_one_case(
    bench: Bench, told: tuple[str, str], known: tuple[str, str]
) -> None:
    asset = bench.asset()
    by_itself = Part(component="disk", model=known[0], serial=known[1])
    by_controller = Part(component="disk", slot="1I:1:2", model=told[0], serial=told[1])
    bench.apply(raised(asset, "disk.predicted", part=by_itself, group="disk"))
    bench.apply(raised(asset, "disk.failed", part=by_controller, group="disk", sensor="c"))
    assert bench.only_case().fault_classes == ("disk.predicted", "disk.failed")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ST1200MM0088", "S400M4R0"), ("ST1200MM0088", "S400M4R1")),
        (("ST1200MM0088", "S400"), ("ST1200MM0088", "S400M4R0")),
        (("ST1200MM0088", "S400M4R0"), ("INTEL SSDSC2BB240G4", "S400M4R0")),
    ],
)
def test_two_disks_with_names_alike_stay_two_cases(bench: Bench, one: tuple[str, str], other: tuple[str, str]) -> None:
    asset = bench.asset()
    for index, (model, serial) in enumerate((one, other)):
        part = Part(component="disk", model=model, serial=serial)
        bench.apply(raised(asset, "disk.failed", part=part, group="disk", sensor=f"s{index}"))
    assert len(bench.cases()) == 2


def test_a_failed_disk_its_array_and_its_controllers_warning_are_one_case(bench: Bench) -> None:
    asset = bench.asset()
    array = Part(component="raid", slot="VD 0", model="RAID5")
    controller = Part(component="raid", model="AVAGO", serial="SR1")
    disk = Part(component="disk", slot="252:1", model="SEAGATE ST4000NM0023", serial="Z1Z00002")
    bench.apply(raised(asset, "raid.degraded", part=array, group="raid", sensor="v"))
    bench.apply(raised(asset, "disk.failed", part=disk, group="disk", sensor="d"))
    bench.apply(raised(asset, "raid.member", part=disk, group="disk", sensor="m"))
    bench.apply(raised(asset, "raid.controller_degraded", part=controller, group="raid", sensor="c"))
    case = bench.only_case()
    assert (case.part, case.repair_group) == (disk, "disk")


def test_a_cache_that_is_off_belongs_to_its_battery(bench: Bench) -> None:
    asset = bench.asset()
    controller = Part(component="raid", slot="slot 0")
    battery = Part(component="battery", slot="cache battery of slot 0")
    bench.apply(raised(asset, "raid.cache_off", part=controller, group="cache_battery", sensor="c"))
    bench.apply(raised(asset, "battery.cache_failed", part=battery, group="cache_battery", sensor="b"))
    assert bench.only_case().part == battery


def test_a_disk_that_failed_degrades_the_array_not_one_that_may_fail_some_day(bench: Bench) -> None:
    asset = bench.asset()
    worn = Part(component="disk", slot="252:0", model="ST4000NM0023", serial="Z1Z00001")
    dead = Part(component="disk", slot="252:7", model="ST4000NM0023", serial="Z1Z00007")
    bench.apply(raised(asset, "disk.predicted", part=worn, group="disk", sensor="w"))
    bench.apply(raised(asset, "disk.failed", part=dead, group="disk", sensor="d"))
    bench.apply(raised(asset, "raid.degraded", part=Part(component="raid", slot="VD 0"), group="raid", sensor="v"))
    assert [case.fault_classes for case in bench.cases()] == [
        ("disk.predicted",),
        ("disk.failed", "raid.degraded"),
    ]


def test_a_hot_room_is_not_laid_to_a_fan(bench: Bench) -> None:
    asset = bench.asset()
    inlet = raised(asset, "thermal.hot", part=Part(component="board", slot="1"), group="thermal", sensor="i")
    bench.apply(raised(asset, "fan.slow", part=FAN, group="fan"))
    bench.apply(replace(inlet, evidence={"name": "Inlet Temp"}))
    assert [case.repair_group for case in bench.cases()] == ["fan", "thermal"]


def test_a_case_that_a_cause_took_over_gives_its_place_to_what_comes_next(bench: Bench) -> None:
    """One open case for a part and group is a unique index: whoever took over must not stand in another's way."""
    asset = bench.asset()
    array = Part(component="raid", slot="VD 0")
    lost = raised(asset, "raid.degraded", part=array, group="raid", sensor="v")
    bench.apply(lost)
    bench.apply(raised(asset, "disk.failed", part=DISK, group="disk", sensor="d"))
    bench.apply(raised(asset, "raid.failed", part=array, group="raid", sensor="f"))
    again = replace(lost, change=Change.CLEARED, severity=Severity.CLEARED, time_ms=lost.time_ms + 1000)
    bench.apply(again)
    bench.apply(replace(lost, time_ms=lost.time_ms + 2000))
    assert [(case.part, case.repair_group) for case in bench.cases()] == [(DISK, "disk"), (array, "raid")]


def test_a_fault_that_another_observer_tells_again_soon_reopens_its_case(bench: Bench) -> None:
    asset = bench.asset()
    logged, counted = Part(component="memory", slot="DIMM_A1"), Part(component="memory", slot="A1", serial="0123")
    bench.apply(raised(asset, "memory.uncorrectable", part=logged, group="memory", sensor="sel"))
    bench.act(CaseAction.CLOSE)
    neighbour = Part(component="memory", slot="DIMM_A2")
    bench.apply(raised(asset, "memory.corrected", part=neighbour, group="memory", at=NOON + 1000), at=NOON + 1000)
    bench.apply(raised(asset, "memory.corrected", part=counted, group="memory", at=NOON + 2000), at=NOON + 2000)
    assert [(case.part, case.reopened) for case in bench.cases()] == [(counted, 1), (neighbour, 0)]


def test_long_after_its_case_was_closed_a_fault_told_by_another_name_opens_a_new_one(bench: Bench) -> None:
    asset = bench.asset()
    for slot, at in (("DIMM_A1", NOON), ("A1", NOON + 90 * DAY)):
        part = Part(component="memory", slot=slot)
        bench.apply(raised(asset, "memory.corrected", part=part, group="memory", at=at), at=at)
        if at == NOON:
            bench.act(CaseAction.CLOSE)
    assert len(bench.cases()) == 2
