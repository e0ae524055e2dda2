"""Captures of disks: text and JSON tell the same, whatever stands around, between or in the middle of the documents."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hardcase_agent.domain.capture import Capture, Decoded, Flaw, Listed, Seen, Undecoded
from hardcase_agent.domain.part import Part
from hardcase_agent.domain.reading import Gap, GapReason, Number, Reading, States
from hardcase_agent.sensors.smart.decoding import decode
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.agent.smart import reports
from tests.unit.agent.smart.documents import as_text, ata, attribute, nvme, sas, scan


def decoded(text: str | bytes, name: str = "disk.txt") -> list[Decoded]:
    return list(decode(Capture(name, {"": text if isinstance(text, bytes) else text.encode()})))


def readings(found: Iterable[Decoded]) -> dict[str, Reading]:
    return {one.sensor.quantity: one.reading for one in found if isinstance(one, Seen)}


def numbers(text: str) -> dict[str, float]:
    return {name: one.value for name, one in readings(decoded(text)).items() if isinstance(one, Number)}


def asserted(found: Iterable[Decoded], quantity: str) -> set[str]:
    (seen,) = [one for one in found if isinstance(one, Seen) and one.sensor.quantity == quantity]
    assert isinstance(seen.reading, States)
    return {name for place, name in enumerate(seen.sensor.states) if seen.reading.bits >> place & 1}


def parts(found: Iterable[Decoded]) -> list[Part]:
    return [one.part for one in found if isinstance(one, Listed)]


def flaws(found: Iterable[Decoded]) -> list[Flaw]:
    return [one.flaw for one in found if isinstance(one, Undecoded)]


# Text


@pytest.mark.parametrize("layout", [reports.BRIEF, reports.OLD], ids=["brief", "old"])
def test_text_of_an_ata_disk_is_read_in_both_layouts(layout: str) -> None:
    found = decoded(reports.ata(attributes=layout))
    assert numbers(reports.ata(attributes=layout)) == {
        "disk.temperature": 36,
        "disk.hours": 40003 * 3600,
        "disk.reallocated": 16,
        "disk.command_timeout": 4,
        "disk.pending": 24,
        "disk.error_log": 7,
        "disk.recent_uncorrectable": 1,
        "disk.used": 12,
    }
    assert asserted(found, "disk.health") == set()
    assert asserted(found, "disk.attributes") == set(), "heat of the past is history"
    assert asserted(found, "disk.selftest") == {"failed"}, "a short test does not cure what an extended one found"
    (part,) = parts(found)
    assert (part.model, part.serial, part.firmware) == ("ST8000NM000A-2KE101", "ZA1", "SN05")
    assert part.wwn == "5000c500a1b2c3d4"
    assert {one.time_ms for one in found if isinstance(one, Seen)} == {1709528767000}


def test_failed_in_text_is_failed() -> None:
    assert asserted(decoded(reports.ata(health="FAILED!")), "disk.health") == {"failed"}


@pytest.mark.parametrize(
    ("hours", "units"),
    [
        ("25,392", "16,626,888 [8.51 TB]"),
        ("25.392", "16.626.888 [8,51 TB]"),
        ("25 392", "16 626 888 [8,51 TB]"),
        ("25\u202f392", "16\u202f626\u202f888 [8,51 TB]"),
        ("25\u2019392", "16\u2019626\u2019888 [8.51 TB]"),
        ("25\ufffd392", "16\ufffd626\ufffd888 [8,51 TB]"),
        ("25392", "16626888"),
    ],
)
def test_numbers_are_read_whatever_the_locale_sets_between_thousands(hours: str, units: str) -> None:
    told = numbers(reports.nvme(hours=hours, units=units))
    assert (told["disk.hours"], told["disk.read"]) == (25392 * 3600, 16626888 * 512_000)


def test_text_of_an_nvme_disk() -> None:
    found = decoded(reports.nvme())
    told = numbers(reports.nvme())
    assert (told["disk.temperature"], told["disk.spare"], told["disk.used"]) == (47, 99, 3)
    assert told["disk.too_hot"] == 120
    limits = {one.sensor.quantity: one.sensor.limits for one in found if isinstance(one, Seen)}
    assert (limits["disk.temperature"].upper_non_critical, limits["disk.temperature"].upper_critical) == (80, 83)
    assert limits["disk.spare"].lower_critical == 10
    assert asserted(found, "disk.selftest") == {"failed"}
    assert parts(found)[0].wwn == "002538590141cfa4"


def test_text_of_a_sas_disk() -> None:
    told = numbers(reports.sas())
    assert told["disk.grown_defects"] == 30, "text counts elements in every version"
    assert told["disk.uncorrected_errors"] == 3
    assert told["disk.hours"] == 16003 * 3600 + 18 * 60
    assert told["disk.read"] == 10_311_154_000_000
    found = decoded(reports.sas())
    assert asserted(found, "disk.selftest") == {"failed"}
    assert parts(found)[0].model == "SEAGATE ST600MM0088"


@pytest.mark.parametrize(
    ("words", "health", "warning"),
    [
        ("HARDWARE IMPENDING FAILURE GENERAL HARD DRIVE FAILURE [asc=5d, ascq=10]", {"failed"}, set()),
        ("FAILURE PREDICTION THRESHOLD EXCEEDED [asc=5d, ascq=0]", {"failed"}, set()),
        ("FAILURE PREDICTION THRESHOLD EXCEEDED (FALSE) [asc=5d, ascq=ff]", set(), set()),
        ("SPARE AREA EXHAUSTION PREDICTION THRESHOLD EXCEEDED [asc=5d, ascq=3]", set(), {"spare_low"}),
        ("MEDIA IMPENDING FAILURE ENDURANCE LIMIT MET [asc=5d, ascq=73]", set(), {"worn"}),
        ("WARNING - SPECIFIED TEMPERATURE EXCEEDED [asc=b, ascq=1]", set(), {"temperature"}),
        ("WARNING - BACKGROUND SELF-TEST FAILED [asc=b, ascq=3]", set(), {"selftest_failed"}),
        ("WARNING - NON-VOLATILE CACHE NOW VOLATILE [asc=b, ascq=6]", set(), {"cache_volatile"}),
        ("WARNING - MICROCODE SECURITY AT RISK [asc=b, ascq=12]", set(), {"other"}),
    ],
)
def test_a_scsi_exception_is_what_its_code_says(words: str, health: set[str], warning: set[str]) -> None:
    found = decoded(reports.sas(health=words))
    assert (asserted(found, "disk.health"), asserted(found, "disk.scsi_warning")) == (health, warning)


def test_an_exception_without_codes_is_a_prediction() -> None:
    assert asserted(decoded(reports.sas(health="DATA CHANNEL IMPENDING FAILURE")), "disk.health") == {"failed"}


# What a disk does not tell


@pytest.mark.parametrize("text", [reports.ASLEEP, reports.IDLE])
def test_a_disk_left_asleep_or_idle_is_a_gap_and_no_error(text: str) -> None:
    found = decoded(text)
    gap = readings(found)["disk.health"]
    assert isinstance(gap, Gap)
    assert gap.reason is GapReason.ASLEEP
    assert flaws(found) == []


def test_idle_is_told_apart_from_asleep() -> None:
    told = [readings(decoded(text))["disk.health"] for text in (reports.ASLEEP, reports.IDLE)]
    assert [one.detail.split()[0] for one in told if isinstance(one, Gap)] == ["in", "idle,"]


def test_a_disk_that_could_not_be_opened_is_a_gap_and_an_error() -> None:
    found = decoded(reports.NOT_OPENED)
    gap = readings(found)["disk.health"]
    assert isinstance(gap, Gap)
    assert gap.reason is GapReason.DENIED
    assert flaws(found) == [Flaw.REFUSED]


def test_a_raid_volume_is_not_healthy_but_unknown() -> None:
    found = decoded(reports.NO_SMART)
    assert flaws(found) == [Flaw.NOTHING_KNOWN]
    assert isinstance(readings(found)["disk.health"], Gap)
    assert "disk.temperature" not in readings(found), "0 Cel with a trip of 0 is no sensor"


def test_a_serial_that_was_blotted_out_is_none() -> None:
    for serial in ("--", "XXXXXXXXXXXX", "0000000000", "xxx", "N/A", "REDACTED", "[REDACTED]"):
        (part,) = parts(decoded(reports.ata(serial)))
        assert part.serial == ""


def test_an_empty_capture_is_said_to_be_empty() -> None:
    assert flaws(decoded("")) == flaws(decoded(" \n")) == [Flaw.EMPTY]


@pytest.mark.parametrize("text", ["no such thing", "{}", "[1, 2]", '{"a": {"b": 1}}', "\x00\xff"])
def test_what_is_no_disk_is_foreign(text: str) -> None:
    assert flaws(decoded(text)) == [Flaw.FOREIGN]


# Several documents


def test_several_documents_with_junk_between_are_all_read() -> None:
    junk = "  Pending defect count:0 Pending Defects\n"
    text = junk + as_text(ata("Z1")) + "\n" + junk + "}{" + as_text(nvme("N1")) + junk + json.dumps(sas("S1"), indent=2)
    found = decoded(text)
    assert [part.serial for part in parts(found)] == ["Z1", "N1", "S1"]
    assert flaws(found) == []


def test_several_texts_in_one_file_are_several_disks() -> None:
    nameless = reports.ata("--").replace("LU WWN Device Id: 5 000c50 0a1b2c3d4\n", "")
    found = decoded(reports.ata("A1") + reports.nvme("N1") + reports.sas("S1") + nameless * 2)
    assert [part.serial for part in parts(found)] == ["A1", "N1", "S1", "", ""]
    assert len({part.paths for part in parts(found)}) == 5


def test_a_folder_of_reports_is_read_whole() -> None:
    files = {"sda.json": as_text(ata("Z1")), "nvme/0.txt": reports.nvme("N1"), "notes": "hello"}
    found = list(decode(Capture("bundle", {path: text.encode() for path, text in files.items()})))
    assert [part.serial for part in parts(found)] == ["Z1", "N1"]
    assert [one.at for one in found if isinstance(one, Undecoded)] == ["notes"]


def test_json_and_text_in_one_file_are_both_read() -> None:
    assert [part.serial for part in parts(decoded(as_text(ata("Z1")) + "\n" + reports.nvme("N1")))] == ["Z1", "N1"]


def test_documents_that_something_wrapped_are_found() -> None:
    wrapped = {"sda": ata("Z1"), "more": [{"result": nvme("N1")}]}
    assert {part.serial for part in parts(decoded(json.dumps(wrapped)))} == {"Z1", "N1"}


@pytest.mark.parametrize(
    ("cut", "flaw"),
    [(lambda text: text[:-40], Flaw.TRUNCATED), (lambda text: text.replace('"model', "'model", 1), Flaw.MALFORMED)],
)
def test_a_broken_document_is_named_and_the_rest_is_read(cut: Any, flaw: Flaw) -> None:
    broken = cut(json.dumps(ata("Z9"), indent=1))
    found = decoded(as_text(nvme("N1")) + "\n" + broken)
    assert [part.serial for part in parts(found)] == ["N1"]
    assert flaws(found) == [flaw]


def test_a_disk_by_two_paths_is_one_disk() -> None:
    first = ata("Z1", device={"name": "/dev/sda", "protocol": "ATA"}, local_time={"time_t": 1000})
    second = ata("Z1", device={"name": "/dev/bus/0", "protocol": "ATA"}, local_time={"time_t": 1030})
    found = decoded(as_text(first) + as_text(second))
    (part,) = parts(found)
    assert part.paths == ("/dev/bus/0", "/dev/sda")
    assert len(readings(found)) == sum(isinstance(one, Seen) for one in found)


def test_the_same_disk_an_hour_later_is_another_sweep() -> None:
    sweeps = [ata("Z1", local_time={"time_t": at}) for at in (1000, 4600)]
    found = decoded("".join(as_text(one) for one in sweeps))
    times = [one.time_ms for one in found if isinstance(one, Seen) and one.sensor.quantity == "disk.health"]
    assert times == [1_000_000, 4_600_000]


# Scans and other tools


@pytest.mark.parametrize(
    "text", [reports.SCAN, as_text(scan(("/dev/sda", "scsi"), ("/dev/bus/0", "megaraid,8"), ("/dev/nvme0", "nvme")))]
)
def test_a_scan_lists_places(text: str) -> None:
    found = decoded(text)
    assert [(part.paths[0], part.slot) for part in parts(found)] == [
        ("/dev/sda", ""),
        ("/dev/bus/0", "megaraid 8"),
        ("/dev/nvme0", ""),
    ]
    assert readings(found) == {}


@pytest.mark.parametrize(
    "form",
    [
        lambda value: value,
        str,
        float,
        lambda value: {"value": value},
    ],
    ids=["integers", "strings", "floats", "objects"],
)
def test_a_health_log_of_nvme_cli_is_read_in_all_its_shapes(form: Any) -> None:
    log = {"critical_warning": 16, "temperature": 310, "avail_spare": 100, "spare_thresh": 5, "percent_used": 2}
    log |= {"media_errors": 1, "power_on_hours": 4974}
    shaped = {
        key: form(value) if not (form is float and key == "critical_warning") else value for key, value in log.items()
    }
    if form is str:
        shaped["critical_warning"] = "16"
    found = decoded(json.dumps(shaped))
    told = readings(found)
    assert told["disk.temperature"] == Number(37)
    assert (told["disk.spare"], told["disk.used"], told["disk.media_errors"]) == (Number(100), Number(2), Number(1))
    assert asserted(found, "disk.nvme_warning") == {"backup_failed"}


def test_the_text_of_nvme_cli_is_read() -> None:
    text = (
        "Smart Log for NVME device:nvme0 namespace-id:ffffffff\ncritical_warning : 0x4\ntemperature : 38 C\n"
        "available_spare : 97%\navailable_spare_threshold : 10%\npercentage_used : 4%\nmedia_errors : 3\n"
    )
    found = decoded(text)
    assert asserted(found, "disk.nvme_warning") == {"reliability_degraded"}
    assert readings(found)["disk.temperature"] == Number(38)


def test_a_list_of_nvme_cli_is_an_inventory_in_both_shapes() -> None:
    flat = {"Devices": [{"DevicePath": "/dev/nvme0n1", "ModelNumber": "M ", "SerialNumber": "S", "Firmware": "F"}]}
    row = {"Controller": "nvme0", "ModelNumber": "M", "SerialNumber": "S", "Firmware": "F"}
    deep = {"Devices": [{"HostID": "x", "Subsystems": [{"Controllers": [row]}]}]}
    for document in (flat, deep):
        (part,) = parts(decoded(json.dumps(document)))
        assert (part.model, part.serial, part.firmware) == ("M", "S", "F")


def test_hddtemp_tells_asleep_from_warm() -> None:
    found = decoded("|/dev/sda|WDC WD40|SLP|*||/dev/sdb|ST8000|34|C||/dev/sdc|X|93|F|")
    told = [one.reading for one in found if isinstance(one, Seen)]
    assert told[1] == Number(34)
    assert isinstance(told[0], Gap)
    assert told[0].reason is GapReason.ASLEEP
    assert isinstance(told[2], Number)
    assert round(told[2].value) == 34


# Nothing breaks it


_PIECES = [as_text(ata(attributes=(attribute(5, "Reallocated_Sector_Ct", "8"),))), as_text(nvme()), as_text(sas())]
_PIECES += [reports.ata(), reports.nvme(), reports.sas(), reports.SCAN, reports.ASLEEP]


@settings(max_examples=150)
@given(
    piece=st.sampled_from(_PIECES),
    edits=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 20), st.binary(max_size=8)), max_size=8),
    again=st.integers(1, 3),
)
def test_mutated_captures_raise_nothing(piece: str, edits: list[tuple[int, int, bytes]], again: int) -> None:
    data = bytearray((piece * again).encode())
    for place, length, instead in edits:
        place %= len(data) + 1
        data[place : place + length] = instead
    for one in decoded(bytes(data)):
        if isinstance(one, Undecoded):
            assert len(one.message) < 200


@settings(max_examples=60)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from([*ata(), *nvme(), *sas(), "value", "table", "name", "raw", "string"]), inner, max_size=6
            )
        ),
        max_leaves=30,
    )
)
def test_documents_of_any_shape_raise_nothing(inner: Any) -> None:
    document = {"smartctl": inner, "device": {"protocol": "ATA"}, "ata_smart_attributes": inner, "temperature": inner}
    for protocol in ("ATA", "NVMe", "SCSI"):
        shaped = {**document, "device": {"protocol": protocol}, "nvme_smart_health_information_log": inner}
        shaped["scsi_error_counter_log"] = inner
        decoded(json.dumps(shaped))


@pytest.mark.parametrize(
    "piece", ['{"a":', "[", '{"smartctl": {', "{{", '{"x": 1} ', "smartctl 7.3 r5 [x]\n", "# 1  A  B  C\n"]
)
def test_a_megabyte_of_one_thing_ends(piece: str) -> None:
    decoded(piece * (1_000_000 // len(piece)))
