"""One smartctl answer to one disk: identity, readings, and the reason where there are none."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hardcase_agent.domain.errors import AgentError, MalformedAnswer, ToolMissing
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.reading import Gap, GapReason, Limits, Number, Reading, Sensor, States
from hardcase_agent.sensors.smart import measure
from hardcase_agent.sensors.smart.report import DiskReport, check_banner, parse_report, parse_scan
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.agent.smart.documents import as_text, asleep, ata, attribute, document, nvme, sas, scan


def parsed(value: dict[str, Any]) -> DiskReport:
    return parse_report(as_text(value), path="/dev/sda")


def readings(report: DiskReport) -> dict[str, Reading]:
    return {sensor.quantity: reading for sensor, reading in zip(report.sensors, report.readings, strict=True)}


def asserted(sensor: Sensor, reading: Reading) -> set[str]:
    assert isinstance(reading, States)
    return {name for place, name in enumerate(sensor.states) if reading.bits >> place & 1}


def limits(report: DiskReport, quantity: str) -> Limits:
    return next(sensor.limits for sensor in report.sensors if sensor.quantity == quantity)


# Identity


def test_a_disk_is_its_model_and_serial_and_never_its_path() -> None:
    report = parsed(ata("ZA1 23", wwn={"naa": 5, "oui": 3152, "id": 2712847316}))
    assert report.identity == "ST8000NM0055/ZA1_23"
    part = report.part
    assert (part.component, part.model, part.serial, part.firmware) == (
        Component.DISK,
        "ST8000NM0055",
        "ZA1 23",
        "SN05",
    )
    assert (part.paths, part.wwn) == (("/dev/sda",), "5000c500a1b2c3d4")
    assert all(sensor.id.startswith("ST8000NM0055/ZA1_23/") and sensor.part == part for sensor in report.sensors)


def test_a_disk_without_a_serial_is_known_by_its_world_wide_name() -> None:
    assert parsed(sas("")).identity == "SEAGATE_ST1200MM0088/wwn-5000c500a1b2c3d4"


def test_disks_behind_a_controller_that_share_the_wwn_of_its_volume_are_told_apart_by_their_slots() -> None:
    told = [parse_report(as_text(sas("")), path="/dev/sda", slot=f"cciss {slot}").identity for slot in range(5)]
    assert len(set(told)) == 5


def test_a_disk_with_neither_is_known_by_its_place() -> None:
    text = as_text(ata("", model_name=""))
    in_bay = parse_report(text, path="/dev/sda", slot="Bay 3", address="SCSI 0:0:1:0")
    assert (in_bay.identity, in_bay.part.slot) == ("place/Bay_3", "Bay 3")
    by_address = parse_report(text, path="/dev/sda", address="SCSI 0:0:1:0")
    assert (by_address.identity, by_address.part.slot) == ("place/SCSI_0:0:1:0", "SCSI 0:0:1:0")


def test_an_address_is_no_place_for_a_disk_that_tells_its_serial() -> None:
    assert parse_report(as_text(ata()), path="/dev/sda", address="SCSI 0:0:1:0").part.slot == ""


def test_an_nvme_disk_without_wwn_takes_the_identifier_of_its_first_namespace() -> None:
    report = parsed(nvme(nvme_namespaces=[{"id": 1, "eui64": {"oui": 6083300, "ext_id": 391110459468}}]))
    assert report.part.wwn == "5cd2e45b1000004c"


def test_a_scsi_disk_of_an_older_smartctl_has_its_model_in_vendor_and_product() -> None:
    old = document("SCSI", vendor="HP", product="EG0600", revision="HPD4", serial_number="X", scsi_grown_defect_list=1)
    report = parsed(old)
    assert (report.part.model, report.part.firmware) == ("HP EG0600", "HPD4")


# ATA


def test_counters_of_an_ata_disk_are_read_by_the_names_of_the_drive_database() -> None:
    report = parsed(
        ata(
            attributes=(
                attribute(5, "Reallocated_Sector_Ct", "8"),
                attribute(10, "Spin_Retry_Count", "1"),
                attribute(184, "End-to-End_Error", "2"),
                attribute(187, "Reported_Uncorrect", "3"),
                attribute(197, "Current_Pending_Sector", "4"),
                attribute(198, "Offline_Uncorrectable", "5"),
                attribute(199, "UDMA_CRC_Error_Count", "644"),
            )
        )
    )
    found = readings(report)
    assert found["disk.reallocated"] == Number(8)
    assert found["disk.spin_retry"] == Number(1)
    assert found["disk.end_to_end"] == Number(2)
    assert found["disk.reported_uncorrectable"] == Number(3)
    assert found["disk.pending"] == Number(4)
    assert found["disk.offline_uncorrectable"] == Number(5)
    assert found["disk.crc_errors"] == Number(644)
    assert found["disk.hours"] == Number(36000)
    assert found["disk.temperature"] == Number(31)
    assert found["disk.health"] == States(0)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (5, "Unknown_Attribute"),
        (197, "Not_In_Use"),
        (197, "Bogus_Current_Pend_Sect"),
        (184, "Error_Correction_Count"),
        (10, "Unknown_SSD_Attribute"),
        (187, "Unknown_Attribute"),
    ],
)
def test_an_attribute_whose_name_does_not_say_so_is_left_alone(number: int, name: str) -> None:
    report = parsed(ata(attributes=(attribute(number, name, "99"),)))
    assert {quantity for quantity in readings(report) if quantity.startswith("disk.")} == {
        "disk.temperature",
        "disk.hours",
        "disk.health",
        "disk.attributes",
    }


def test_seagates_packed_command_timeouts_count_only_their_lowest_word() -> None:
    report = parsed(ata(attributes=(attribute(188, "Command_Timeout", "8590065666"),)))
    assert readings(report)["disk.command_timeout"] == Number(2)


def test_what_smartctl_unpacked_counts_and_not_the_packed_number() -> None:
    row = attribute(5, "Reallocated_Sector_Ct", "12 (4 0)")
    row["raw"]["value"] = 17179869196
    assert readings(parsed(ata(attributes=(row,))))["disk.reallocated"] == Number(12)


def test_a_counter_no_disk_could_reach_is_a_gap_and_no_fault() -> None:
    found = readings(parsed(ata(attributes=(attribute(5, "Reallocated_Sector_Ct", "281470681743360"),))))
    gap = found["disk.reallocated"]
    assert isinstance(gap, Gap)
    assert gap.reason is GapReason.ERROR


def test_attributes_below_their_threshold_are_states_with_heat_apart() -> None:
    report = parsed(
        ata(
            attributes=(
                attribute(5, "Reallocated_Sector_Ct", "0", when_failed="now", prefailure=True),
                attribute(190, "Airflow_Temperature_Cel", "70", when_failed="now", prefailure=True),
                attribute(9, "Power_On_Hours", "9", when_failed="past"),
            )
        )
    )
    sensor = next(sensor for sensor in report.sensors if sensor.quantity == "disk.attributes")
    assert asserted(sensor, readings(report)["disk.attributes"]) == {
        "prefailure_now",
        "temperature_now",
        "old_age_past",
    }


@pytest.mark.parametrize(
    ("row", "used"),
    [
        (attribute(202, "Percent_Lifetime_Remain", "9", value=91), 9),
        (attribute(233, "Media_Wearout_Indicator", "0", value=88), 12),
        (attribute(177, "Wear_Leveling_Count", "1661", value=91), 9),
        (attribute(231, "SSD_Life_Left", "54", value=54), 46),
        (attribute(231, "SSD_Life_Left", "54", value=100), None),
        (attribute(233, "SandForce_Internal", "343699", value=0), None),
        (attribute(230, "Media_Wearout_Indicator", "0x022d0100022d", value=2), 2.45),
        (attribute(230, "Media_Wearout_Indicator", "0x5606330e5606", value=100), 86.06),
        (attribute(230, "Media_Wearout_Indicator", "0", value=1), None),
        (attribute(230, "Media_Wearout_Indicator", "0x000100005a06", value=100), None),
    ],
)
def test_wear_is_taken_only_where_the_makers_agree_on_its_meaning(row: dict[str, Any], used: float | None) -> None:
    found = readings(parsed(ata(attributes=(row,), rotation_rate=0))).get("disk.used")
    assert found == (None if used is None else Number(used))


def test_a_spinning_disk_has_no_wear() -> None:
    row = attribute(177, "Wear_Leveling_Count", "1", value=50)
    assert "disk.used" not in readings(parsed(ata(attributes=(row,), rotation_rate=7200)))


def test_wear_told_by_newer_smartctl_comes_first() -> None:
    row = attribute(233, "Media_Wearout_Indicator", "0", value=88)
    told = ata(attributes=(row,), endurance_used={"current_percent": 7})
    assert readings(parsed(told))["disk.used"] == Number(7)


def test_bytes_are_taken_only_where_the_unit_is_sure() -> None:
    sure = ata(
        attributes=(attribute(241, "Host_Writes_32MiB", "3"), attribute(242, "Total_LBAs_Read", "5")),
        in_smartctl_database=True,
        logical_block_size=512,
    )
    assert readings(parsed(sure))["disk.written"] == Number(3 * (32 << 20))
    assert readings(parsed(sure))["disk.read"] == Number(5 * 512)
    unsure = ata(attributes=(attribute(241, "Total_LBAs_Written", "5"), attribute(249, "NAND_Writes_1GiB", "5")))
    assert "disk.written" not in readings(parsed(unsure))


def self_tests(*statuses: int) -> dict[str, Any]:
    return {"standard": {"table": [{"status": {"value": value}} for value in statuses]}}


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((0,), States(0)),
        ((0x79, 0), States(1)),
        ((0, 0x79), States(0)),
        ((0x19, 0xF4, 0x79), States(1)),
        ((0x19, 0x29), None),
        ((), None),
    ],
    ids=["passed", "failed", "passed since", "aborted since", "only aborted", "never run"],
)
def test_the_newest_self_test_that_concluded_counts(statuses: tuple[int, ...], expected: States | None) -> None:
    report = parsed(ata(ata_smart_self_test_log=self_tests(*statuses)))
    assert readings(report).get("disk.selftest") == expected


def test_seagates_own_log_is_read_where_it_alone_was_asked_for() -> None:
    errors = {"number_of_reallocated_sectors": 7, "attr_spin_retry_count": 0, "normal_spin_retry_count": 100}
    log = {"page_1_drive_information": {"serial_number": "ZA5", "poh": 2}, "page_3_error_statistics": errors}
    report = parsed(document("ATA", seagate_farm_log=log))
    assert report.part.serial == "ZA5"
    assert readings(report) == {
        "disk.reallocated": Number(7),
        "disk.spin_retry": Number(0),
        "disk.hours": Number(7200),
    }


@pytest.mark.parametrize(("raw", "retries"), [("0", 0), ("2", 2), ("65536", 1), ("196611", 3)])
def test_of_packed_counters_the_lowest_that_is_not_nought_counts(raw: str, retries: int) -> None:
    found = readings(parsed(ata(attributes=(attribute(10, "Spin_Retry_Count", raw),))))
    assert found["disk.spin_retry"] == Number(retries)


@pytest.mark.parametrize(
    ("value", "string", "expected"),
    [(10, "0", 10), (0, "10", 10), (17179869196, "12 (4 0)", 12), (17179869184, "0", 0), (5, "0/5", 0)],
    ids=["value edited", "text edited", "packed and printed so", "packed", "another form"],
)
def test_number_and_text_of_a_raw_value_that_contradict_each_other(value: int, string: str, expected: int) -> None:
    row = attribute(197, "Current_Pending_Sector", string)
    row["raw"]["value"] = value
    assert readings(parsed(ata(attributes=(row,))))["disk.pending"] == Number(expected)


@pytest.mark.parametrize(
    ("number", "name", "quantity"),
    [
        (5, "Reallocate_NAND_Blk_Cnt", "disk.reallocated"),
        (170, "Grown_Bad_Block_Ct", "disk.reallocated"),
        (160, "Uncorrectable_Error_Cnt", "disk.reported_uncorrectable"),
        (210, "SATA_CRC_Error_Count", "disk.crc_errors"),
        (180, "End_to_End_Err_Detect", "disk.end_to_end"),
        (197, "Total_Pending_Sectors", "disk.pending"),
    ],
)
def test_a_counter_is_known_by_its_name_under_any_number(number: int, name: str, quantity: str) -> None:
    assert readings(parsed(ata(attributes=(attribute(number, name, "3"),))))[quantity] == Number(3)


def test_an_mx500s_one_pending_sector_is_a_gap_and_more_are_not() -> None:
    for raw, expected in (("1", Gap), ("2", Number)):
        row = attribute(197, "Current_Pending_Sector", raw)
        assert isinstance(
            readings(parsed(ata(model_name="CT2000MX500SSD1", attributes=(row,))))["disk.pending"], expected
        )


@pytest.mark.parametrize(
    ("bits", "health"),
    [(0b00010, States(0)), (0b10000, States(0)), (0, States(1))],
    ids=["heat", "backup", "no bit"],
)
def test_failed_of_an_nvme_disk_counts_only_where_no_bit_says_why(bits: int, health: States) -> None:
    found = readings(parsed(nvme(log={"critical_warning": bits}, smart_status={"passed": False})))
    assert (found["disk.health"], found["disk.nvme_warning"]) == (health, States(bits))


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("Media_Wearout_Indicator", "worn_now"),
        ("Percent_Lifetime_Remain", "worn_now"),
        ("Airflow_Temperature_Cel", "temperature_now"),
        ("Power_Loss_Cap_Test", "power_loss_protection_now"),
        ("Raw_Read_Error_Rate", "old_age_now"),
    ],
)
def test_an_attribute_below_its_threshold_fails_as_what_it_means(name: str, state: str) -> None:
    report = parsed(ata(attributes=(attribute(200, name, "0", when_failed="now"),)))
    sensor = next(sensor for sensor in report.sensors if sensor.quantity == "disk.attributes")
    assert asserted(sensor, readings(report)["disk.attributes"]) == {state}


@pytest.mark.parametrize(("version", "defects"), [([7, 1], 30), ([7, 2], 240), ([7, 5], 240)])
def test_a_grown_list_that_old_smartctl_measured_in_bytes_is_counted(version: list[int], defects: int) -> None:
    told = sas(scsi_grown_defect_list=240)
    told["smartctl"]["version"] = version
    assert readings(parsed(told))["disk.grown_defects"] == Number(defects)


def test_a_failed_overall_health_is_a_state() -> None:
    assert readings(parsed(ata(smart_status={"passed": False}, status=8)))["disk.health"] == States(1)


@pytest.mark.parametrize(("status", "health"), [(8, States(1)), (8 | 64, States(1)), (4, None), (0xE0, None)])
def test_of_the_exit_status_only_the_failing_bit_is_health(status: int, health: States | None) -> None:
    told = ata(status=status)
    del told["smart_status"]
    assert readings(parsed(told)).get("disk.health") == health


def test_exit_bits_that_speak_of_the_past_are_no_trouble() -> None:
    # smartctl(8): bits 5 to 7 are old attribute failures, the error log and the self-test log.
    assert parsed(ata(status=0xE0)).trouble is None


# NVMe


def test_an_nvme_disk_gives_its_health_log() -> None:
    report = parsed(nvme(log={"critical_warning": 0b1001, "media_errors": 7}))
    found = readings(report)
    assert found["disk.nvme_warning"] == States(0b1001)
    assert found["disk.media_errors"] == Number(7)
    assert found["disk.used"] == Number(3)
    assert found["disk.written"] == Number(512_000)
    assert found["disk.read"] == Number(1_024_000)
    assert limits(report, "disk.spare") == Limits(lower_critical=10, source="smart")


def test_a_health_log_that_was_left_empty_gives_no_spare() -> None:
    empty = {"available_spare": 0, "available_spare_threshold": 0, "percentage_used": 0}
    assert "disk.spare" not in readings(parsed(nvme(log=empty)))
    assert readings(parsed(nvme(log={**empty, "percentage_used": 99})))["disk.spare"] == Number(0)
    assert readings(parsed(nvme(log={"available_spare": 0})))["disk.spare"] == Number(0)


@pytest.mark.parametrize("threshold", [0, 100, None])
def test_a_spare_threshold_that_states_none_is_no_limit(threshold: int | None) -> None:
    assert limits(parsed(nvme(log={"available_spare_threshold": threshold})), "disk.spare") == Limits()


def test_counters_of_128_bits_stay_numbers() -> None:
    found = readings(parsed(nvme(log={"data_units_written": 1 << 100})))
    assert found["disk.written"] == Number(float((1 << 100) * 512_000))


@pytest.mark.parametrize(
    "fields",
    [
        {"nvme_composite_temperature_threshold": {"warning": 70, "critical": 80}},
        {"temperature": {"current": 40, "op_limit_max": 70, "critical_limit_max": 80}},
    ],
)
def test_the_disks_own_temperature_limits_travel_with_it(fields: dict[str, Any]) -> None:
    stated = limits(parsed(nvme(**fields)), "disk.temperature")
    assert stated == Limits(upper_non_critical=70, upper_critical=80, source="smart")


def test_error_log_entries_are_no_quantity() -> None:
    # Most of them are commands that the monitor or the system itself should not have sent.
    assert parsed(nvme(log={"num_err_log_entries": 5000})).readings == parsed(nvme()).readings


@pytest.mark.parametrize(("results", "expected"), [((1, 7), States(1)), ((0, 7), States(0)), ((8, 9), None)])
def test_nvme_self_tests_ended_from_outside_say_nothing(results: tuple[int, ...], expected: States | None) -> None:
    log = {"table": [{"self_test_result": {"value": value}} for value in results]}
    assert readings(parsed(nvme(nvme_self_test_log=log))).get("disk.selftest") == expected


# SAS


def test_a_sas_disk_gives_defects_errors_and_its_trip_point() -> None:
    counters = {
        "read": {"total_uncorrected_errors": 1, "gigabytes_processed": "11523.849"},
        "verify": {"total_uncorrected_errors": 2},
    }
    report = parsed(sas(scsi_grown_defect_list=260, scsi_error_counter_log=counters))
    found = readings(report)
    assert found["disk.grown_defects"] == Number(260)
    assert found["disk.uncorrected_errors"] == Number(3)
    assert found["disk.hours"] == Number(20 * 3600 + 1800)
    assert found["disk.read"] == Number(11_523_849_000_000)
    assert limits(report, "disk.temperature") == Limits(upper_critical=60, source="smart")


def test_a_temperature_of_nought_with_a_trip_of_nought_is_no_temperature() -> None:
    assert "disk.temperature" not in readings(parsed(sas(temperature={"current": 0, "drive_trip": 0})))
    assert "disk.temperature" not in readings(parsed(sas(temperature={"current": 255, "drive_trip": 0})))


def test_a_failed_sas_self_test_is_a_state() -> None:
    tests = {"scsi_self_test_0": {"result": {"value": 15}}, "scsi_self_test_1": {"result": {"value": 5}}}
    assert readings(parsed(sas(**tests)))["disk.selftest"] == States(1)


# Order


@pytest.mark.parametrize("made", [ata(attributes=(attribute(5, "Reallocated_Sector_Ct", "8"),)), nvme(), sas()])
def test_numbers_come_before_states_and_every_word_is_in_the_contract(made: dict[str, Any], root: Path) -> None:
    report = parsed(made)
    kinds = [bool(sensor.states) for sensor in report.sensors]
    assert kinds == sorted(kinds)
    words = (root / "protos" / "README.md").read_text()
    for sensor in report.sensors:
        assert f"`{sensor.quantity}`" in words
        assert all(f"`{state}`" in words for state in sensor.states)


def test_every_quantity_of_the_contract_can_be_said(root: Path) -> None:
    words = (root / "protos" / "README.md").read_text()
    assert all(f"`{quantity}`" in words for quantity in measure.ORDER)


# Trouble


def test_a_sleeping_disk_is_asleep_by_its_exit_status_alone() -> None:
    silent = document("ATA", status=3)
    for answer in (asleep(), silent):
        trouble = parsed(answer).trouble
        assert trouble is not None
        assert trouble.reason is GapReason.ASLEEP


@pytest.mark.parametrize(
    ("answer", "reason", "cure"),
    [
        (
            document("", status=2, messages=("open device: /dev/sda failed: Permission denied",)),
            GapReason.DENIED,
            "helper",
        ),
        (document("", status=2, messages=("open device: /dev/sda failed: No such device",)), GapReason.ABSENT, ""),
        (
            document("", status=1, messages=("/dev/sdb: Unknown USB bridge [0x1234:0x5678]",)),
            GapReason.UNSUPPORTED,
            "type",
        ),
        (document("SCSI", status=4, messages=("Device does not support SMART",)), GapReason.UNSUPPORTED, "megaraid"),
        (document("ATA", smart_support={"available": False}), GapReason.UNSUPPORTED, "megaraid"),
        (document("ATA", smart_support={"available": True, "enabled": False}), GapReason.DISABLED, "--smart=on"),
        (document("ATA", status=2), GapReason.ERROR, ""),
        (document("ATA", status=1), GapReason.ERROR, "smartmontools"),
        (document("SCSI", temperature={"current": 30}), GapReason.UNSUPPORTED, "megaraid"),
    ],
)
def test_why_a_disk_tells_nothing_is_named_with_its_cure(answer: dict[str, Any], reason: GapReason, cure: str) -> None:
    report = parsed(answer)
    assert report.trouble is not None
    assert (report.trouble.reason, report.sensors) == (reason, ())
    assert cure in report.cure


def test_a_message_beside_good_values_is_no_trouble() -> None:
    warned = ata(status=4, messages=("Read Device Statistics page 0x00 failed: Invalid argument",))
    assert parsed(warned).trouble is None


# Text around and instead of JSON


def test_junk_before_the_document_is_passed_over() -> None:
    text = "Pending defect count: {not read}\n{} \x00" + as_text(ata())
    assert parse_report(text, path="/dev/sda").identity == "ST8000NM0055/Z1"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", "smartctl: out of memory", "{" * 3000, '{"a":' * 3000])
def test_an_answer_without_a_document_is_malformed(text: str) -> None:
    with pytest.raises(MalformedAnswer):
        parse_report(text, path="/dev/sda")


def test_a_smartctl_without_json_is_too_old() -> None:
    banner = "smartctl 6.6 2016-05-31 r4324 [x86_64-linux] (local build)\n=======> UNRECOGNIZED OPTION: json=c\n"
    with pytest.raises(ToolMissing, match=r"6\.6 is too old: install smartmontools 7\.0"):
        parse_report(banner, path="/dev/sda")
    with pytest.raises(ToolMissing):
        check_banner(banner)
    check_banner("smartctl 7.0 2018-12-30 r4883 [x86_64-linux] (local build)")
    check_banner("smartctl 10.1 2030-01-01")


def test_a_scan_gives_paths_and_types() -> None:
    text = as_text(scan(("/dev/sda", "sat"), ("/dev/nvme0", "nvme"), ("/dev/bus/0", "megaraid,8"), ("/dev/sdb", "")))
    assert parse_scan(text) == (
        ("/dev/sda", "sat"),
        ("/dev/nvme0", "nvme"),
        ("/dev/bus/0", "megaraid,8"),
        ("/dev/sdb", "auto"),
    )


def test_a_scan_of_nothing_is_no_error() -> None:
    assert parse_scan(as_text(document(""))) == ()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(data=st.data())
def test_any_value_anywhere_is_read_or_refused_by_name(data: st.DataObject) -> None:
    made = data.draw(st.sampled_from([ata(attributes=(attribute(5, "Reallocated_Sector_Ct", "8"),)), nvme(), sas()]))
    target: Any = made
    for _ in range(data.draw(st.integers(0, 3))):
        keys = list(target) if isinstance(target, dict) else list(range(len(target)))
        inner = [key for key in keys if isinstance(target[key], dict | list) and target[key]]
        if not inner:
            break
        target = target[data.draw(st.sampled_from(inner))]
    keys = list(target) if isinstance(target, dict) else list(range(len(target)))
    target[data.draw(st.sampled_from(keys))] = data.draw(_JSON)
    try:
        report = parse_report(json.dumps(made), path="/dev/sda")
    except AgentError:
        return
    assert len(report.sensors) == len(report.readings)
    assert len({sensor.id for sensor in report.sensors}) == len(report.sensors)


def test_every_captured_disk_is_read_or_refused_by_name(captures: Path) -> None:
    smart = captures / "smart"
    files = [*sorted((smart / "json").rglob("*.json")), *sorted((smart / "derived_json").rglob("*.json"))]
    read = 0
    for file in files:
        with contextlib.suppress(AgentError):
            report = parse_report(file.read_text(errors="replace"), path="/dev/disk")
            assert (report.trouble is None) == bool(report.sensors), file.name
            read += report.trouble is None
    assert read >= 0.95 * len(files)


def test_every_captured_failure_is_seen(captures: Path) -> None:
    for file in sorted((captures / "smart" / "derived_json").rglob("failed-*.json")):
        report = parse_report(file.read_text(errors="replace"), path="/dev/disk")
        told = readings(report)
        failed = told["disk.health"] == States(1) or told.get("disk.nvme_warning", States(0)) != States(0)
        assert failed, file.name
