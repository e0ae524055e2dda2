"""storcli, perccli and MegaCli: states, counts, batteries, identity, and words that are no fault."""

from __future__ import annotations

import json

import pytest
from hardcase_agent.domain.capture import Flaw
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.reading import GapReason

from tests.unit.agent.arrays import outputs
from tests.unit.agent.arrays.reading import Told


@pytest.fixture(scope="module")
def degraded() -> Told:
    return Told(outputs.storcli(outputs.storcli_degraded()))


def test_a_degraded_virtual_disk_and_the_disk_that_degrades_it_are_both_told(degraded: Told) -> None:
    assert degraded.states("raid.volume", "VD 0 (data)") == {"degraded"}
    assert degraded.states("disk.member", "252:1") == {"failed", "in_degraded_array"}
    assert degraded.states("raid.volume", "VD 1") == {"optimal"}


def test_neighbours_of_the_failed_disk_are_not_accused(degraded: Told) -> None:
    assert degraded.states("disk.member", "252:0") == {"online"}
    assert degraded.states("disk.member", "252:4") == {"hot_spare"}


def test_a_member_that_is_nowhere_has_its_row_in_the_topology_as_its_place(degraded: Told) -> None:
    assert degraded.states("disk.member", "slot unknown (drive group 0, array 0, row 2)") == {
        "missing",
        "in_degraded_array",
    }


def test_a_disk_with_an_array_of_somebody_else_is_foreign(degraded: Told) -> None:
    assert degraded.states("disk.member", "252:2") == {"unconfigured", "foreign"}


def test_a_disk_that_flags_smart_is_predicted_though_it_is_online(degraded: Told) -> None:
    assert degraded.states("disk.member", "252:3") == {"online", "predicted"}
    assert degraded.value("disk.predictive_failures", "252:3") == 1


def test_a_sas_disk_has_the_name_that_smartctl_gives_it(degraded: Told) -> None:
    part = degraded.disk("252:1")
    assert (part.model, part.serial) == ("SEAGATE ST4000NM0023", "Z1Z00002")
    assert (part.wwn, part.firmware) == ("5000c5008ec959c4", "0004")


def test_counts_and_temperatures_are_numbers(degraded: Told) -> None:
    assert degraded.value("disk.media_errors", "252:1") == 17
    assert degraded.value("disk.other_errors", "252:1") == 2
    assert degraded.value("disk.temperature", "252:1") == 31
    (controller,) = [part for part in degraded.parts(Component.RAID) if "9361" in part.model]
    assert degraded.value("raid.temperature", controller.slot) == 71


def test_the_controller_and_its_enclosure_have_their_verdicts(degraded: Told) -> None:
    (controller,) = [part for part in degraded.parts(Component.RAID) if "9361" in part.model]
    assert (controller.serial, controller.firmware) == ("SR12345678", "24.21.0-0012")
    assert degraded.states("raid.controller", "SR12345678") == {"warning"}
    assert degraded.states("backplane.health", "enclosure 252") == {"ok"}


def test_nothing_of_the_settings_is_taken_for_a_state(degraded: Told) -> None:
    assert degraded.flaws == []
    assert "raid.progress" not in degraded.quantities()


@pytest.mark.parametrize(
    ("word", "states"),
    [
        ("Onln", {"online"}),
        ("Offln", {"offline"}),
        ("UGood", {"unconfigured"}),
        ("UBad", {"failed"}),
        ("JBOD", {"jbod"}),
        ("GHS", {"hot_spare"}),
        ("DHS", {"hot_spare"}),
        ("Rbld", {"rebuilding"}),
        ("Cpybck", {"copyback"}),
        ("Failed", {"failed"}),
        ("Msng", {"missing"}),
        ("UGUnsp", {"unconfigured"}),
        ("CFShld", {"online"}),
        ("Conf", {"online"}),
    ],
)
def test_every_short_word_of_a_disk_has_its_meaning(word: str, states: set[str]) -> None:
    told = Told(outputs.storcli({"PD LIST": [outputs.storcli_row("8:3", word)]}))
    assert told.states("disk.member", "8:3") == states


@pytest.mark.parametrize(
    ("word", "states"),
    [
        ("Optl", {"optimal"}),
        ("Dgrd", {"degraded"}),
        ("Pdgd", {"partially_degraded"}),
        ("OfLn", {"offline"}),
        ("Rec", {"degraded", "rebuilding"}),
        ("HD", {"optimal"}),
    ],
)
def test_every_short_word_of_a_virtual_disk_has_its_meaning(word: str, states: set[str]) -> None:
    told = Told(outputs.storcli({"VD LIST": [{"DG/VD": "0/3", "TYPE": "RAID6", "State": word, "Name": ""}]}))
    assert told.states("raid.volume", "VD 3") == states


def test_a_word_that_is_not_known_is_a_gap_and_is_named() -> None:
    told = Told(outputs.storcli({"PD LIST": [outputs.storcli_row("8:3", "Zorg"), outputs.storcli_row("8:4", "Onln")]}))
    assert told.gap("disk.member", "8:3").reason is GapReason.ERROR
    assert told.states("disk.member", "8:4") == {"online"}
    assert told.flawed() == [Flaw.UNKNOWN]
    assert "Zorg" in told.flaws[0].message


def test_counters_that_the_controller_does_not_keep_are_gaps_and_not_zero() -> None:
    details = {
        "Drive /c0/e23/s0": [outputs.storcli_row("23:0", "JBOD", "-")],
        "Drive /c0/e23/s0 - Detailed Information": {
            "Drive /c0/e23/s0 State": {"Media Error Count": "N/A", "S.M.A.R.T alert flagged by drive": "N/A"},
            "Drive /c0/e23/s0 Device attributes": {"Manufacturer Id": "ATA     ", "SN": "REDACTED"},
        },
    }
    told = Told(outputs.storcli({"Physical Device Information": details}))
    assert told.gap("disk.media_errors", "23:0").reason is GapReason.UNSUPPORTED
    assert told.states("disk.member", "23:0") == {"jbod"}
    assert told.disk("23:0").serial == ""


def test_no_controller_is_what_the_tool_says_and_no_fault_of_hardware() -> None:
    told = Told(
        json.dumps({"Controllers": [{"Command Status": {"Status": "Failure", "Description": "No Controller found"}}]})
    )
    assert told.flawed() == [Flaw.REFUSED]
    assert told.seen == []


def test_a_document_that_ends_in_its_middle_is_truncated_and_nothing_is_guessed() -> None:
    told = Told(outputs.storcli(outputs.storcli_degraded())[:-600])
    assert told.flawed() in ([Flaw.TRUNCATED], [Flaw.MALFORMED])
    assert told.seen == []


def test_progress_of_a_rebuild_belongs_to_the_disk() -> None:
    rows = [
        {"Drive-ID": "/c0/e8/s4", "Progress%": 37, "Status": "In progress", "Estimated Time Left": "2 Hours"},
        {"Drive-ID": "/c0/e8/s5", "Progress%": "-", "Status": "Not in progress", "Estimated Time Left": "-"},
    ]
    told = Told(outputs.storcli({"PD LIST": [outputs.storcli_row("8:4", "Rbld")], "Rebuild": rows}))
    assert told.value("raid.progress", "8:4") == 37
    assert told.states("disk.member", "8:4") == {"rebuilding"}


@pytest.mark.parametrize(
    ("flags", "states"),
    [
        (0, {"ok"}),
        (8, {"ok", "charging"}),
        (64, {"ok", "learning"}),
        (4096, {"ok"}),
        (1024, {"replace"}),
        (1, {"missing"}),
    ],
)
def test_bits_of_the_battery_status_are_told_one_by_one(flags: int, states: set[str]) -> None:
    data = {
        "Status": {"Controller Status": "Optimal", "BBU Status": flags},
        "BBU_Info": [{"Model": "iBBU08", "State": "Optimal", "Temp": "34C"}],
    }
    told = Told(outputs.storcli(data))
    assert told.states("raid.battery", "cache battery of controller 0") == states


def test_no_battery_where_none_was_bought() -> None:
    data = {"Status": {"Controller Status": "Optimal", "BBU Status": "NA"}, "HwCfg": {"BBU": "Absent"}}
    assert Told(outputs.storcli(data)).parts(Component.BATTERY) == []


def test_the_overview_of_all_controllers_tells_each() -> None:
    row = {"Ctl": 1, "Model": "PERCH740P", "DNOpt": 1, "VNOpt": 1, "BBU": "Fld", "Hlth": "NdAtn"}
    told = Told(outputs.storcli({"System Overview": [row]}))
    assert told.states("raid.controller", "controller 1") == {"warning"}
    assert told.states("raid.battery", "cache battery of controller 1") == {"failed"}


def test_text_tells_the_same_as_json() -> None:
    told = Told(outputs.STORCLI_TEXT)
    assert told.flaws == []
    assert told.states("raid.volume", "VD 0 (os disk)") == {"degraded"}
    assert told.all_states("disk.member") == {
        "32:0": {"online"},
        "32:1": {"failed"},
        "slot unknown (drive group 0, array 0, row 1)": {"missing", "in_degraded_array"},
    }
    assert told.value("disk.media_errors", "32:0") == 3
    assert told.states("raid.battery", "cache battery of PCI 00:03:00:00") == {"ok"}
    part = told.disk("32:0")
    assert (part.model, part.serial, part.wwn) == ("WDC WD2003FYYS-02W0B0", "WD-WMAY00000001", "50014ee2b1c0ffee")


def test_megacli_lists_disks_with_their_states_and_names() -> None:
    told = Told(
        "Adapter #0\n\n"
        + outputs.megacli_disk(0, "S0M00001", "Online, Spun Up")
        + outputs.megacli_disk(1, "S0M00002", "Failed", media=40)
        + outputs.megacli_disk(2, "S0M00003", "Unconfigured(good), Spun down", foreign="Foreign")
        + outputs.megacli_disk(3, "S0M00004", "Unconfigured(bad)")
        + outputs.megacli_disk(4, "9XF2VNQ9", "Hotspare, Spun down", kind="SATA")
        + outputs.megacli_disk(5, "S0M00006", "Online, Spun Up", alert="Yes")
    )
    assert told.flaws == []
    assert told.all_states("disk.member") == {
        "32:0": {"online"},
        "32:1": {"failed"},
        "32:2": {"unconfigured", "foreign"},
        "32:3": {"failed"},
        "32:4": {"hot_spare"},
        "32:5": {"online", "predicted"},
    }
    assert told.value("disk.media_errors", "32:1") == 40
    assert (told.disk("32:0").model, told.disk("32:0").serial) == ("SEAGATE ST600MM0006", "S0M00001")
    assert (told.disk("32:4").model, told.disk("32:4").serial) == ("ST91000640NS", "9XF2VNQ9")


def test_a_list_of_disks_and_one_of_volumes_in_one_file_belong_together() -> None:
    disks = "Adapter #0\n\n" + outputs.megacli_disk(0, "A", "Online, Spun Up") + outputs.megacli_disk(1, "B", "Offline")
    told = Told(disks + "\n" + outputs.MEGACLI_VOLUME.format(state="Degraded", bad="No"))
    assert told.states("raid.volume", "VD 0 (system)") == {"degraded"}
    assert told.states("disk.member", "32:0") == {"online"}


def test_a_lost_disk_of_a_volume_that_lists_its_disks_is_its_member() -> None:
    volume = outputs.MEGACLI_VOLUME.format(state="Degraded", bad="Yes").replace(
        "Adapter 0 -- Virtual Drive Information:", "Adapter #0\n"
    )
    told = Told(volume + "Span: 0 - Number of PDs: 1\nPD: 0 Information\n" + outputs.megacli_disk(1, "B", "Failed"))
    assert told.states("raid.volume", "VD 0 (system)") == {"degraded", "bad_blocks"}
    assert told.states("disk.member", "32:1") == {"failed", "in_degraded_array"}


@pytest.mark.parametrize(
    ("said", "states"),
    [
        ({}, {"ok"}),
        ({"learning": "Yes", "low": "Yes", "charge": "12"}, {"ok", "learning"}),
        ({"charging": "Charging", "low": "Yes"}, {"ok", "charging"}),
        ({"low": "Yes"}, {"low"}),
        ({"replace": "Yes"}, {"replace"}),
        ({"state": "Failed"}, {"failed"}),
        ({"missing": "Yes", "state": "Missing"}, {"missing"}),
        ({"state": "Degraded(Need Attention)"}, {"replace"}),
    ],
)
def test_a_learn_cycle_is_no_fault_of_a_battery_and_a_bad_pack_is(said: dict[str, str], states: set[str]) -> None:
    told = Told(outputs.megacli_battery(**said))
    assert told.states("raid.battery", "cache battery of controller 0") == states


def test_the_two_columns_of_storcli2_are_one_state() -> None:
    rows = [
        {**outputs.storcli_row("8:0", "Conf"), "Status": "Online"},
        {**outputs.storcli_row("8:1", "Conf"), "Status": "Failed"},
        {**outputs.storcli_row("8:2", "UConf", "-"), "Status": "Good"},
    ]
    told = Told(outputs.storcli({"PD LIST": rows}))
    assert told.all_states("disk.member") == {"8:0": {"online"}, "8:1": {"failed"}, "8:2": {"unconfigured"}}


def test_a_short_show_names_the_controller() -> None:
    told = Told(outputs.storcli({"Product Name": "MegaRAID 9460-16i", "Serial Number": "SP1", "FW Version": "5.1"}))
    (part,) = told.parts(Component.RAID)
    assert (part.model, part.serial, part.firmware) == ("MegaRAID 9460-16i", "SP1", "5.1")


@pytest.mark.parametrize(
    ("inquiry", "firmware", "model", "serial"),
    [
        ("ATA     ST3500320NS     MA08            9QM0H0ZZ", "MA08", "ST3500320NS", "9QM0H0ZZ"),
        (f"{'WD-WMAUR1':>20}{'WDC WD2003FYYS-02W0B0':40}01.01D01", "01.01D01", "WDC WD2003FYYS-02W0B0", "WD-WMAUR1"),
        (f"{'BTWL345':20}{'INTEL SSDSC2BB240G4':40}D2010355", "D2010355", "INTEL SSDSC2BB240G4", "BTWL345"),
        ("SEAGATE ST600MM0006     LS0AS0M00001", "LS0A", "SEAGATE ST600MM0006", "S0M00001"),
        ("BTWL345 INTEL SSDSC2BB240G4 D2010355", "D2010355", "INTEL SSDSC2BB240G4", "BTWL345"),
    ],
)
def test_inquiry_data_is_read_in_all_its_layouts(inquiry: str, firmware: str, model: str, serial: str) -> None:
    told = Told(
        "Adapter #0\nEnclosure Device ID: 8\nSlot Number: 1\nFirmware state: Online, Spun Up\n"
        f"Device Firmware Level: {firmware}\nInquiry Data: {inquiry}\n"
    )
    assert (told.disk("8:1").model, told.disk("8:1").serial) == (model, serial)


@pytest.mark.parametrize(("replace", "states"), [("No", {"ok"}), ("Yes", {"replace"})])
def test_a_battery_without_a_state_is_what_its_firmware_answers(replace: str, states: set[str]) -> None:
    told = Told(
        "BBU status for Adapter: 0\n\nBatteryType: BBU\nTemperature: 36 C\n\nBBU Firmware Status:\n\n"
        f"  Temperature                  : OK\n  Battery Replacement required : {replace}\n\nBattery state:\n\n"
        "GasGuageStatus:\n  Fully Discharged        : No\n  Over Temperature        : No\n"
    )
    assert told.states("raid.battery", "cache battery of controller 0") == states
    assert told.value("raid.temperature", "cache battery of controller 0") == 36


@pytest.mark.parametrize(("answer", "states"), [("Yes", {"replace"}), ("No", {"ok"})])
def test_a_cache_vault_that_asks_to_be_replaced_is_heard_in_text_as_in_json(answer: str, states: set[str]) -> None:
    rule = "-" * 39
    told = Told(
        "Controller = 0\nStatus = Success\nDescription = None\n\n"
        "Cachevault_Info :\n===============\n\n"
        f"{rule[:20]}\nProperty    Value   \n{rule[:20]}\n"
        "Type        CVPM02  \nTemperature 28 C    \nState       Optimal \n"
        f"{rule[:20]}\n\nFirmware_Status :\n===============\n\n{rule}\n"
        f"Property                         Value \n{rule}\nReplacement required             {answer:<6}\n"
        f"Module microcode update required No    \n{rule}\n"
    )
    assert list(told.all_states("raid.battery").values()) == [states]
