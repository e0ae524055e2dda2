"""ssacli, arcconf, sas2ircu, md, ZFS, sg_ses: states, places, what belongs together, and words that are no fault."""

from __future__ import annotations

import pytest
from hardcase_agent.domain.capture import Flaw, Seen
from hardcase_agent.domain.part import Component

from tests.unit.agent.arrays import outputs
from tests.unit.agent.arrays.reading import Told


def test_a_healthy_smart_array_has_nothing_but_good_states() -> None:
    told = Told(outputs.ssacli())
    assert told.flaws == []
    assert told.states("raid.controller", "slot 0") == {"ok"}
    assert told.states("raid.volume", "slot 0 LD 1") == {"optimal"}
    assert told.all_states("disk.member") == {"1I:1:1": {"online"}, "1I:1:2": {"online"}, "1I:1:3": {"unconfigured"}}
    assert told.states("raid.battery", "cache battery of slot 0") == {"ok"}


def test_a_single_supply_of_a_cage_is_how_it_was_bought() -> None:
    assert Told(outputs.ssacli()).all_states("psu.health") == {"enclosure 1I:1 power supply": {"ok"}}


def test_settings_named_rebuild_and_degraded_are_no_states() -> None:
    told = Told(outputs.ssacli())
    assert not {"rebuilding", "degraded"} & set().union(*told.all_states("raid.volume").values())


def test_the_identity_of_smart_array_disks_is_that_of_smartctl() -> None:
    told = Told(outputs.ssacli())
    assert (told.disk("1I:1:1").model, told.disk("1I:1:1").serial) == ("HP EG0600FBDSR", "KSJ00001")
    assert told.disk("1I:1:3").model == "WDC WD2003FYYS-0"
    assert told.decoded[0].asset.serial == "CZ1234ABCD"  # type: ignore[union-attr]  # a part


def test_a_failed_drive_and_its_array_are_told_together() -> None:
    told = Told(outputs.ssacli(volume="Interim Recovery Mode", drive="Failed"))
    assert told.states("raid.volume", "slot 0 LD 1") == {"degraded"}
    assert told.states("disk.member", "1I:1:2") == {"failed", "in_degraded_array"}
    assert told.states("disk.member", "1I:1:1") == {"online"}


@pytest.mark.parametrize(("word", "states"), [("Detected", {"optimal", "bad_blocks"}), ("None", {"optimal"})])
def test_blocks_that_no_member_could_give_back_are_told_of_the_drive_that_is_ok_otherwise(
    word: str, states: set[str]
) -> None:
    status = "         Status: OK\n"
    before, found, after = outputs.ssacli().partition(status)
    assert found
    text = f"{before}{status}         Unrecoverable Media Errors: {word}\n{after}"
    assert Told(text).states("raid.volume", "slot 0 LD 1") == states


@pytest.mark.parametrize(
    ("cache", "states"),
    [
        ("OK", {"ok"}),
        ("Not Configured", {"ok"}),
        ("Temporarily Disabled", {"degraded"}),
        ("Permanently Disabled", {"failed"}),
    ],
)
def test_a_cache_that_was_never_configured_is_no_fault_and_one_that_stopped_is(cache: str, states: set[str]) -> None:
    assert Told(outputs.ssacli(cache=cache)).states("raid.cache", "slot 0") == states


@pytest.mark.parametrize(
    ("battery", "states"),
    [
        ("OK", {"ok"}),
        ("Recharging", {"ok", "charging"}),
        ("Failed (Replace Batteries/Capacitors)", {"failed"}),
    ],
)
def test_a_cache_battery_that_charges_is_no_fault(battery: str, states: set[str]) -> None:
    assert Told(outputs.ssacli(battery=battery)).states("raid.battery", "cache battery of slot 0") == states


def test_one_line_forms_tell_states_spares_and_progress() -> None:
    told = Told(outputs.HPACUCLI_CONFIG)
    assert told.flaws == []
    assert told.states("raid.volume", "slot 0 LD 1") == {"degraded"}
    assert told.states("raid.volume", "slot 0 LD 2") == {"degraded", "rebuilding"}
    assert told.value("raid.progress", "slot 0 LD 2") == 13.5
    assert told.all_states("disk.member") == {
        "1I:1:1": {"online"},
        "1I:1:2": {"failed", "in_degraded_array"},
        "1I:1:3": {"online", "predicted"},
        "1I:1:4": {"hot_spare"},
        "1I:1:5": {"rebuilding"},
        "2I:1:6": {"online"},
    }


def test_the_status_form_tells_array_battery_and_cache() -> None:
    told = Told(outputs.SSACLI_STATUS)
    assert told.states("raid.volume", "slot 0 LD 1") == {"failed"}
    assert told.states("disk.member", "1I:1:2") == {"failed", "in_failed_array"}
    assert told.states("raid.battery", "cache battery of slot 0") == {"failed"}
    assert told.states("raid.cache", "slot 0") == {"degraded"}


def test_cciss_vol_status_tells_volumes_and_each_drive() -> None:
    told = Told(outputs.CCISS)
    assert told.flaws == []
    assert sorted(told.all_states("raid.volume").values(), key=sorted) == [{"degraded"}, {"optimal"}]
    assert told.all_states("disk.member") == {
        "1I:1:1": {"online"},
        "1I:1:2": {"online", "predicted"},
        "1I:1:3": {"failed", "in_degraded_array"},
    }
    assert (told.disk("1I:1:1").model, told.disk("1I:1:1").serial) == ("HP DG0146FARVU", "PTVN0001")


def test_an_array_that_is_well_because_a_spare_stands_in_has_a_failed_member() -> None:
    told = Told(outputs.CCISS_SPARE)
    assert told.states("raid.volume", "/dev/sda LD 0") == {"optimal"}
    assert told.all_states("disk.member") == {"slot unknown (LD 0: a spare stands in for it)": {"failed"}}


def test_spares_that_wait_are_no_sign_of_a_failed_member() -> None:
    told = Told(outputs.CCISS_SPARE.partition(" At least one activated")[0])
    assert told.all_states("disk.member") == {}


def test_why_a_cache_is_off_tells_of_its_battery() -> None:
    told = Told(outputs.CACHE_OFF)
    assert told.states("raid.cache", "slot 0") == {"failed"}
    assert told.states("raid.battery", "cache battery of slot 0") == {"failed"}
    low = Told(
        "Write cache temporarily disabled\nTemporary disable condition: off because the capacitor charge is low.\n"
    )
    assert list(low.all_states("raid.battery").values()) == [{"low"}]


def test_adaptec_tells_volume_members_errors_and_enclosure() -> None:
    told = Told(outputs.ARCCONF.format(battery="Not Installed", stripes="No"))
    assert told.flaws == []
    assert told.states("raid.controller", "slot 4") == {"ok"}
    assert told.states("raid.volume", "c1 LD 0 (raid10)") == {"degraded"}
    members = told.all_states("disk.member")
    assert members["Connector 0, Device 0"] == {"online", "predicted"}
    assert members["Connector 0, Device 1"] == {"failed"}
    assert members["slot unknown (LD 0, group 0, segment 1)"] == {"missing", "in_degraded_array"}
    assert told.value("disk.media_errors", "Connector 0, Device 0") == 12
    assert told.disk("Connector 0, Device 0").model == "WDC WD2003FYYS-0"
    assert sorted(told.all_states("fan.health").values(), key=sorted) == [{"failed"}, {"ok"}]
    assert told.parts(Component.BATTERY) == []


def test_stripes_that_did_not_fail_are_no_bad_blocks() -> None:
    good, bad = (Told(outputs.ARCCONF.format(battery="Optimal", stripes=word)) for word in ("No", "Yes"))
    assert good.states("raid.volume", "c1 LD 0 (raid10)") == {"degraded"}
    assert bad.states("raid.volume", "c1 LD 0 (raid10)") == {"degraded", "bad_blocks"}
    assert good.states("raid.battery", "cache battery of slot 4") == {"ok"}


def test_a_ready_disk_of_an_ir_volume_is_a_member_of_it() -> None:
    told = Told(outputs.IRCU.format(volume="Okay (OKY)", disk="Ready (RDY)"))
    assert told.flaws == []
    assert told.states("raid.volume", "volume 1") == {"optimal"}
    assert told.all_states("disk.member") == {"1:0": {"online"}, "1:1": {"online"}}
    assert (told.disk("1:0").model, told.disk("1:1").model) == ("ST9500620NS", "SEAGATE ST600MM0006")


@pytest.mark.parametrize(("word", "state"), [("Failed (FLD)", "failed"), ("Missing (MIS)", "missing")])
def test_a_lost_disk_of_a_degraded_ir_volume_is_its_member(word: str, state: str) -> None:
    told = Told(outputs.IRCU.format(volume="Degraded (DGD)", disk=word))
    assert told.states("raid.volume", "volume 1") == {"degraded"}
    assert told.states("disk.member", "1:1") == {state, "in_degraded_array"}


def test_mdstat_tells_arrays_members_progress_and_levels() -> None:
    told = Told(outputs.MDSTAT)
    assert told.flaws == []
    assert told.all_states("raid.md") == {
        "md0": {"degraded"},
        "md1": {"degraded", "rebuilding"},
        "md2": {"checking"},
        "md3": {"failed"},
    }
    assert told.value("raid.progress", "md1") == 8.5


def test_a_faulty_member_is_told_though_its_array_has_all_it_needs() -> None:
    told = Told(outputs.MDSTAT)
    assert told.states("disk.member", "sdf") == {"failed"}


def test_the_faulty_member_of_a_degraded_array_is_the_one_that_degrades_it() -> None:
    members = {
        (one.sensor.name, name)
        for one in Told(outputs.MDSTAT).decoded
        if isinstance(one, Seen) and one.sensor.quantity == "disk.member"
        for bit, name in enumerate(one.sensor.states)
        if one.reading.bits >> bit & 1  # type: ignore[union-attr]  # states
    }
    assert ("Disk md0/sdb1", "in_degraded_array") in members
    assert ("Disk md0/sda1", "online") in members
    assert ("Disk md1/sdd", "rebuilding") in members
    assert ("Disk md1/sde", "hot_spare") in members
    assert not any(name == "in_degraded_array" and disk != "Disk md0/sdb1" for disk, name in members)


def test_a_container_of_firmware_metadata_is_inactive_all_its_life_and_no_array() -> None:
    assert "md127" not in Told(outputs.MDSTAT).all_states("raid.md")


def test_mdadm_detail_tells_rebuild_and_removed_members() -> None:
    told = Told(outputs.MDADM)
    assert told.flaws == []
    volumes = told.all_states("raid.md")
    assert volumes["md0 (host7:0)"] == {"degraded", "rebuilding"}
    assert volumes["data"] == {"degraded"}
    assert told.value("raid.progress", "md0 (host7:0)") == 42
    assert told.seen[0].asset.hostname == "host7"
    members = told.all_states("disk.member")
    assert members["sdc"] == {"rebuilding"}
    assert members["sdf"] == {"failed", "in_degraded_array"}
    assert "slot unknown (data, device 1)" not in members, "the place that the faulty member left is no second one"


def test_a_member_that_was_taken_out_of_md_is_missing_from_its_place() -> None:
    told = Told(outputs.MDADM.replace("       1       8       81        -      faulty   /dev/sdf1\n", ""))
    members = told.all_states("disk.member")
    assert members["slot unknown (data, device 1)"] == {"missing", "in_degraded_array"}


def test_zpool_status_tells_pools_vdevs_and_devices() -> None:
    told = Told(outputs.ZPOOL_STATUS)
    assert told.flaws == []
    assert told.all_states("raid.volume") == {
        "tank": {"degraded"},
        "tank/mirror-0": {"optimal"},
        "tank/mirror-1": {"degraded"},
        "backup": {"rebuilding", "optimal"},
    }
    assert told.value("raid.progress", "backup") == 37.2
    members = told.all_states("disk.member")
    assert members["sdd"] == {"failed", "in_degraded_array"}
    assert members["sdc"] == {"online"}
    assert members["sdx"] == {"missing"}, "a cache that is lost degrades no array"
    assert members["sdy"] == {"hot_spare"}
    assert members["sdz"] == {"rebuilding"}
    assert told.value("disk.pool_errors", "sdd") == 3 + 1 + 1200


def test_a_pool_with_permanent_errors_has_lost_blocks() -> None:
    text = outputs.ZPOOL_STATUS.replace(
        "errors: No known data errors", "errors: Permanent errors have been detected", 1
    )
    states = Told(text).all_states("raid.volume")
    assert states["tank"] == {"degraded", "bad_blocks"}
    assert "bad_blocks" not in states["backup"]


def test_names_by_id_tell_a_disk_by_model_serial_number_or_wwn() -> None:
    told = Told(outputs.ZPOOL_STATUS)
    disks = told.parts(Component.DISK)
    assert ("WDC WD40EFRX-68WT0N0", "WD-WCC4E0000001") in [(disk.model, disk.serial) for disk in disks]
    assert told.disk("wwn-0x5000c5008ec959c4").wwn == "5000c5008ec959c4"


def test_zpool_list_tells_use_and_health() -> None:
    told = Told(outputs.ZPOOL_LIST)
    assert told.value("filesystem.used", "tank") == 30
    assert told.states("disk.member", "sdb") == {"failed"}
    assert told.states("disk.member", "sdy") == {"hot_spare"}
    assert told.states("disk.member", "nvme0n1") == {"online"}
    assert [part.slot for part in told.parts(Component.RAID)] == ["tank", "tank/mirror"]


def test_an_enclosure_tells_its_supplies_fans_slots_and_heat() -> None:
    told = Told(outputs.SG_SES)
    assert told.all_states("psu.health") == {"Power supply 0": {"ok"}, "Power supply 1": {"critical"}}
    assert told.all_states("fan.health") == {"Cooling 0": {"warning"}}
    assert told.all_states("disk.member") == {"slot 0": {"online"}, "slot 1": {"failed"}}
    assert told.value("raid.temperature", "Temperature sensor 0") == 31


def test_several_outputs_in_one_file_are_all_read() -> None:
    text = "\n# cat /proc/mdstat\n".join(
        (outputs.ssacli(), outputs.MDSTAT, outputs.storcli(outputs.storcli_degraded()), outputs.ZPOOL_STATUS)
    )
    told = Told(text)
    assert told.flaws == []
    assert {"VD 1", "slot 0 LD 1", "tank"} <= set(told.all_states("raid.volume"))
    assert "md0" in told.all_states("raid.md")


def test_what_no_tool_printed_is_foreign() -> None:
    assert Told("slots: hpacucli ctrl all show\nlorem ipsum\n").flawed() == [Flaw.FOREIGN]
    assert Told('{"some": "document"}').flawed() == [Flaw.FOREIGN]


def test_tools_with_nothing_to_tell_are_no_error() -> None:
    assert Told("no pools available\n").decoded == []
    assert Told("Personalities : [raid1]\nunused devices: <none>\n").decoded == []
    assert Told("Controllers found: 0\n").flaws == []


def test_a_serial_number_that_many_disks_share_is_a_mask() -> None:
    rows = [outputs.storcli_row(f"8:{slot}", "Onln") for slot in range(4)]
    details = {
        f"Drive /c0/e8/s{slot} - Detailed Information": outputs.storcli_detail(f"8:{slot}", "SAME") for slot in range(4)
    }
    told = Told(outputs.storcli({"PD LIST": rows, **details}))
    assert {part.serial for part in told.parts(Component.DISK)} == {""}
    assert len(told.parts(Component.DISK)) == 4


def test_appliances_tell_the_verdict_on_each_of_their_parts() -> None:
    told = Told(
        '[{"id":"1","name":"Fan-1","type":"Fan","lifecycle_state":"Healthy"},'
        '{"id":"2","name":"Fan-2","type":"Fan","lifecycle_state":"Failed"},'
        '{"id":"3","name":"Slot-9","type":"Drive","lifecycle_state":"Empty"}]'
    )
    assert told.all_states("fan.health") == {"Fan-1": {"ok"}, "Fan-2": {"failed"}}
    assert told.all_states("disk.health") == {"Slot-9": {"absent"}}


def test_lists_of_a_storage_array_tell_what_they_list() -> None:
    told = Told(
        '{"drives":[{"object-name":"drive","durable-id":"disk_00.01","serial-number":"Z1Z00001","health":"Degraded"}],'
        '"power-supplies":[{"durable-id":"psu_0.0","name":"PSU 0","health":"Fault"}],'
        '"volumes":[{"durable-id":"V1","health":"Fault"}]}'
    )
    assert told.states("disk.health", "Z1Z00001") == {"degraded"}
    assert told.states("psu.health", "PSU 0") == {"failed"}
    assert len(told.seen) == 2


def test_an_enclosure_that_cciss_vol_status_tells_of_says_what_is_wrong_with_it() -> None:
    told = Told(
        "/dev/cciss/c0d0: (Smart Array P400i) Enclosure MSA50 (S/N: X1) on Bus 2, Port 2E status: Fan failed.\n"
        "/dev/cciss/c0d0: (Smart Array P400i) Enclosure MSA60 (S/N: X2) on Bus 2, Physical Port 1E status: OK.\n"
    )
    assert told.all_states("fan.health") == {"Enclosure MSA50 fan": {"failed"}}
    assert told.all_states("backplane.health") == {"Enclosure MSA60": {"ok"}}


def test_an_enclosures_joined_form_has_the_names_that_stand_on_it() -> None:
    told = Told(outputs.SG_SES_JOINED)
    assert told.flaws == []
    assert told.all_states("disk.member") == {"Slot 01": {"online", "predicted"}}
    assert told.all_states("psu.health") == {"PowerSupply01": {"critical"}}
