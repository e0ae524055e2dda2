"""Outputs that tell only a part: totals of an adapter, a pool by its state alone, a pool that waits for its import."""

from __future__ import annotations

import json

import pytest
from hardcase_agent.domain.part import Component

from tests.unit.agent.arrays.reading import Told

_TOTALS = """\
Adapter #0

Product Name    : PERC H700 Integrated
                    Device Present
Virtual Drives    : 2
  Degraded        : {degraded}
  Offline         : 0
Physical Devices  : 8
  Disks           : 6
  Critical Disks  : 0
  Failed Disks    : 0
"""


def test_an_adapter_that_only_counts_something_degraded_is_itself_degraded() -> None:
    assert Told(_TOTALS.format(degraded=1)).states("raid.controller", "controller 0") == {"degraded"}
    assert Told(_TOTALS.format(degraded=0)).all_states("raid.controller") in ({}, {"controller 0": {"ok"}})


def test_where_the_volumes_are_listed_the_count_says_nothing_more() -> None:
    listed = "\nAdapter 0 -- Virtual Drive Information:\nVirtual Drive: 0 (Target Id: 0)\nState : Degraded\n"
    told = Told(_TOTALS.format(degraded=1) + listed)
    assert "degraded" in told.states("raid.volume", "VD 0")
    assert {"degraded"} not in told.all_states("raid.controller").values()


@pytest.mark.parametrize(
    ("word", "state"), [("DEGRADED", {"degraded"}), ("ONLINE", {"optimal"}), ("UNAVAIL", {"failed"})]
)
def test_a_pool_is_known_by_its_state_alone(word: str, state: set[str]) -> None:
    assert Told(f"  pool: tank\n state: {word}\nstatus: cut here\n").states("raid.volume", "tank") == state


def test_a_pool_that_waits_for_its_import_is_read_without_headings() -> None:
    told = Told(
        "   pool: data\n     id: 123\n  state: FAULTED\n config:\n\n"
        "        data        FAULTED  corrupted data\n          raidz1-0  DEGRADED\n"
        "            sdb     ONLINE\n            sdc     UNAVAIL  corrupted data\n"
    )
    assert told.states("raid.volume", "data") == {"failed"}
    assert "missing" in told.states("disk.member", "sdc")


@pytest.mark.parametrize(
    ("word", "state"), [("Failed", {"failed"}), ("Ready", {"ok"}), ("Charging", {"ok", "charging"})]
)
def test_the_backup_unit_of_newer_adaptec_controllers_is_a_battery(word: str, state: set[str]) -> None:
    told = Told(
        "Controllers found: 1\nController information\n   Controller Status : Optimal\n"
        f"   Green Backup Information\n   Backup Power Status : {word}\n   Power Type : Supercap\n"
    )
    assert list(told.all_states("raid.battery").values()) == [state]


def test_a_worn_drive_behind_adaptec_predicts_its_failure() -> None:
    text = (
        "Physical Device information\n      Device #0\n         Device is a Solid State Drive (SSD)\n"
        "         State : Online\n         Reported Location : Connector 0, Device 0\n"
        "         SSD Smart Trip Wearout : {}\n"
    )
    assert "predicted" in Told(text.format("Yes")).states("disk.member", "Connector 0, Device 0")
    assert Told(text.format("Not Supported")).states("disk.member", "Connector 0, Device 0") == {"online"}


_TOPOLOGY = """\
CLI Version = 008.0004.0000.0022 Apr 28, 2023
Operating system = Linux6.8.8
Controller = 0
Status = Success
Description = Show Drive Group succeeded.

TOPOLOGY :
========

------------------------------------------------------------------------------
DG Span Row EID:Slot PID Type  State Status  BT       Size PDC  Secured FSpace
------------------------------------------------------------------------------
 0 -    -   -        -   RAID5 -     -       N   2.618 TiB dflt N       N
 0 0    -   -        -   RAID5 -     -       N   2.618 TiB dflt N       N
 0 0    0   306:0    275 DRIVE Conf  Online  N  893.75 GiB dflt N       -
 0 0    1   306:1    276 DRIVE Conf  Failed  N  893.75 GiB dflt N       -
 0 0    2   -        -   DRIVE Conf  Missing N  893.75 GiB dflt N       -
 - -    -   306:7    264 DRIVE GHS   Good    -  893.75 GiB -    -       -
------------------------------------------------------------------------------
"""


def test_of_drive_groups_alone_the_topology_tells_the_members_as_storcli2_prints_them() -> None:
    told = Told(_TOPOLOGY)
    assert not told.flaws
    assert told.states("disk.member", "306:0") == {"online"}
    assert told.states("disk.member", "306:1") == {"failed"}
    assert "missing" in told.states("disk.member", "slot unknown (drive group 0, array 0, row 2)")
    assert told.states("disk.member", "306:7") == {"hot_spare"}


def test_a_memory_module_that_adaptec_was_bought_without_is_no_battery() -> None:
    told = Told(
        "Controllers found: 1\nController information\n   Controller Status : Optimal\n"
        "   Controller ZMM Information\n   Status : ZMM not installed\n"
    )
    assert not told.flaws
    assert not told.all_states("raid.battery")


_LOST_BLOCKS = (
    "Warning: Unrecoverable Media Errors Detected on Drives during previous Rebuild\n"
    "or Background Surface Analysis (ARM) scan. Errors will be fixed automatically\n"
    "when the sector(s) are overwritten. Backup and Restore are recommended.{}\n"
)


def test_a_warning_between_logical_drives_is_about_the_one_below_it() -> None:
    told = Told(
        "HPE Smart Array P816i-a SR Gen10 in Slot 0 (Embedded)\n\n   Array B (SAS, Unused Space: 0  MB)\n\n"
        "      logicaldrive 2 (16.00 TB, RAID 6, OK)\n\n\n"
        + _LOST_BLOCKS.format("")
        + "\n      logicaldrive 3 (16.00 TB, RAID 6, OK)\n      logicaldrive 4 (16.00 TB, RAID 6, OK)\n"
    )
    assert told.all_states("raid.volume") == {
        "slot 0 LD 2": {"optimal"},
        "slot 0 LD 3": {"optimal", "bad_blocks"},
        "slot 0 LD 4": {"optimal"},
    }


def test_a_warning_of_the_controller_names_the_logical_drives_at_its_end() -> None:
    told = Told(
        "HPE Smart Array P816i-a SR Gen10 in Slot 0 (Embedded)\n\n"
        + _LOST_BLOCKS.format(" The\nfollowing logical drives are affected: 4, 5")
        + "\n   Controller Status: OK\n"
    )
    assert told.all_states("raid.volume") == {"slot 0 LD 4": {"bad_blocks"}, "slot 0 LD 5": {"bad_blocks"}}


def test_a_warning_that_names_its_logical_drives_in_one_line_accuses_no_other() -> None:
    told = Told(
        "HPE Smart Array P816i-a SR Gen10 in Slot 0 (Embedded)\n\n"
        "Warning: Unrecoverable Media Errors Detected on Drives. The following logical drives are affected: 5.\n"
        "      logicaldrive 4 (16.00 TB, RAID 6, OK)\n      logicaldrive 5 (16.00 TB, RAID 6, OK)\n"
    )
    assert told.all_states("raid.volume") == {"slot 0 LD 4": {"optimal"}, "slot 0 LD 5": {"optimal", "bad_blocks"}}


def test_another_warning_that_names_logical_drives_is_not_of_lost_blocks() -> None:
    told = Told(
        "HPE Smart Array P816i-a SR Gen10 in Slot 0 (Embedded)\n\n"
        "Warning: Caching is off. The following logical drives are affected: 4.\n"
        "      logicaldrive 4 (16.00 TB, RAID 6, OK)\n"
    )
    assert told.all_states("raid.volume") == {"slot 0 LD 4": {"optimal"}}


def test_a_warning_below_the_last_logical_drive_is_not_the_next_controllers() -> None:
    told = Told(
        "HPE Smart Array P816i-a SR Gen10 in Slot 0 (Embedded)\n\n      logicaldrive 1 (16.00 TB, RAID 6, OK)\n\n"
        + _LOST_BLOCKS.format("")
        + "\nHPE Smart Array P408i-p SR Gen10 in Slot 3\n\n      logicaldrive 1 (1.00 TB, RAID 1, OK)\n"
    )
    assert told.all_states("raid.volume") == {"slot 0 LD 1": {"optimal", "bad_blocks"}, "slot 3 LD 1": {"optimal"}}


@pytest.mark.parametrize("array", ["array B (Failed)\n", "Array: B\n      Status: Failed Physical Drive\n"])
def test_an_array_counted_as_failed_has_lost_a_drive_though_its_logical_drive_is_well(array: str) -> None:
    told = Told(f"Smart Array P410 in Slot 1\n\n   {array}\n      logicaldrive 2 (2.2 TB, RAID 5, OK)\n")
    (slot,) = told.all_states("disk.member")
    assert "array B" in slot
    assert told.states("disk.member", slot) == {"failed"}


def test_an_array_whose_failed_drive_is_named_has_no_second_one() -> None:
    told = Told(
        "Smart Array P410 in Slot 1\n\n   array B (Failed)\n\n      logicaldrive 2 (2.2 TB, RAID 5, OK)\n"
        "      physicaldrive 1I:1:4 (port 1I:box 1:bay 4, SAS, 300 GB, Failed)\n"
    )
    assert set(told.all_states("disk.member")) == {"1I:1:4"}


def test_drives_below_failed_drives_are_failed_and_have_their_serial_number() -> None:
    told = Told(
        "/dev/sda: (Smart Array P410i) RAID 1 Volume 0 status: OK.   At least one spare drive has failed.\n"
        "  Failed drives:\n"
        "         connector 1I box 1 bay 4                 HP      EF0300FARMU       6SJ8ND84    HPD6\n\n"
        "    Total of 1 failed physical drives detected on this logical drive.\n"
    )
    assert not told.flaws
    assert told.states("disk.member", "1I:1:4") == {"failed"}
    assert (told.disk("1I:1:4").model, told.disk("1I:1:4").serial) == ("HP EF0300FARMU", "6SJ8ND84")


def test_why_a_write_cache_is_off_may_go_on_in_the_next_lines() -> None:
    told = Told(
        "/dev/sda: (Smart Array P410) RAID 6 Volume 0 status: OK.\n   Write Cache temporarily disabled\n"
        "           Temporary disable condition: The posted write cache has been\n"
        "disabled in a flash-backed write cache module because the\ncapacitor charge is low.\n"
    )
    assert list(told.all_states("raid.battery").values()) == [{"low"}]
    assert list(told.all_states("raid.cache").values()) == [{"degraded"}]


def test_a_missing_segment_has_no_serial_number() -> None:
    told = Told(
        "Logical device number 2\n   RAID level : 10\n   Status of logical device : Degraded\n"
        "   --------------------------------------------------------\n   Logical device segment information\n"
        "   --------------------------------------------------------\n"
        "   Group 0, Segment 0 : Present (Controller:1,Enclosure:1,Slot:2) Z1N00XW5\n"
        "   Group 0, Segment 1 : Missing\n"
    )
    missing = [one.sensor.part for one in told.seen if "slot unknown" in one.sensor.part.slot]
    assert [part.serial for part in missing] == [""]
    assert told.disk("Enclosure 1, Slot 2").serial == "Z1N00XW5"


def test_a_device_that_is_being_replaced_is_looked_for_where_it_was() -> None:
    told = Told(
        "  pool: storage\n state: DEGRADED\nconfig:\n\n        NAME         STATE     READ WRITE CKSUM\n"
        "        storage      DEGRADED     0     0     0\n          raidz2-0   DEGRADED     0     0     0\n"
        "            1168750  UNAVAIL      0     0     0  was /dev/sdv1/old\n"
    )
    assert "missing" in told.states("disk.member", "sdv")


@pytest.mark.parametrize(
    ("supercap", "states"), [("", {"low"}), ("   Supercap Status : Charging\n", {"ok", "charging"})]
)
def test_a_backup_unit_that_is_not_ready_does_not_protect_the_cache(supercap: str, states: set[str]) -> None:
    told = Told(
        "Controllers found: 1\nController information\n   Controller Status : Optimal\n"
        f"   Controller Cache Backup Unit Information\n   Overall Backup Unit Status : Not Ready\n{supercap}"
    )
    assert not told.flaws
    assert list(told.all_states("raid.battery").values()) == [states]


def _storcli2(**answer: object) -> str:
    status = {"CLI Version": "008.0009.0000.0010", "Controller": "1", "Status": "Success"}
    return json.dumps({"Controllers": [{"Command Status": status, "Response Data": answer}]})


def _storcli2_drive(place: str, state: str, status: str, **details: object) -> dict[str, object]:
    row = {"EID:Slt": place, "PID": 275, "State": state, "Status": status, "DG": 0, "Model": "MTFDDAK960TDS-1AW1ZA"}
    return {"Drive Information": row, "Drive Detailed Information": details}


def test_each_drive_of_storcli2s_list_is_a_row_with_its_details_beside_it() -> None:
    details = {"Serial Number": "2144330E0001", "Vendor": "ATA", "Media Error Count": 3, "Temperature(C)": 31}
    told = Told(
        _storcli2(
            **{
                "Drives List": [
                    _storcli2_drive("306:0", "Conf", "Online", **details),
                    _storcli2_drive("306:1", "Conf", "Failed"),
                    _storcli2_drive("306:4", "JBOD", "Missing"),
                    _storcli2_drive("306:7", "GHS", "Good"),
                ]
            }
        )
    )
    assert not told.flaws
    assert told.states("disk.member", "306:0") == {"online"}
    assert told.states("disk.member", "306:1") == {"failed"}
    assert told.states("disk.member", "306:4") == {"missing"}
    assert told.states("disk.member", "306:7") == {"hot_spare"}
    assert (told.disk("306:0").model, told.disk("306:0").serial) == ("MTFDDAK960TDS-1AW1ZA", "2144330E0001")
    assert told.value("disk.media_errors", "306:0") == 3
    assert told.value("disk.temperature", "306:0") == 31


def test_each_volume_of_storcli2s_list_has_its_properties_beside_it() -> None:
    info = {"DG/VD": "0/2", "TYPE": "RAID1", "State": "Dgrd", "Name": "os"}
    naa = {"SCSI NAA Id": "600605b00a1b2c3d4e5f60718293a4b5"}
    told = Told(_storcli2(**{"Virtual Drives": [{"VD Info": info, "VD Properties": naa}]}))
    assert told.all_states("raid.volume") == {"c1 VD 2 (os)": {"degraded"}}
    (volume,) = [part for part in told.parts(Component.RAID) if part.serial]
    assert volume.serial == naa["SCSI NAA Id"]


def test_storcli2_calls_the_controller_by_its_product() -> None:
    told = Told(
        "CLI Version = 008.0004.0000.0022 Apr 28, 2023\nController = 0\nStatus = Success\n\nBasics :\n======\n"
        "Product Name = PERC H965i Front\n\nVersion :\n=======\nPackage Version = 8.0.0.0.18-82\n"
    )
    (controller,) = told.parts(Component.RAID)
    assert (controller.model, controller.firmware) == ("PERC H965i Front", "8.0.0.0.18-82")


def test_a_word_of_storcli2_that_nobody_knows_is_not_taken_for_well() -> None:
    told = Told(_storcli2(**{"Drives List": [_storcli2_drive("306:0", "Conf", "Ailing")]}))
    assert told.flaws
    assert "Ailing" in told.gap("disk.member", "306:0").detail


@pytest.mark.parametrize(
    "beside",
    [
        {"Drive /c1/e306/s0 - Detailed Information": [1], "PDs for VD 2": {"a": 1}},
        {"PD LIST of storcli2": {}, "VD LIST of storcli2": 1, "VD2 Properties": []},
    ],
)
def test_storcli2s_lists_beside_tables_of_the_same_names_are_read(beside: dict[str, object]) -> None:
    drive = _storcli2_drive("306:0", "Conf", "Online", **{"Serial Number": "2144330E0001"})
    volume = {"VD Info": {"DG/VD": "0/2", "State": "Optl"}, "PDs": [{"EID:Slt": "306:1"}], "VD Properties": {}}
    told = Told(_storcli2(**beside, **{"Drives List": [drive], "Virtual Drives": [volume]}))
    assert told.states("disk.member", "306:0") == {"online"}
    assert told.all_states("raid.volume") == {"c1 VD 2": {"optimal"}}
