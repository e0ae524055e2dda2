"""Memory counters, arrays, network ports, processors, identity: from files to readings."""

from __future__ import annotations

from pathlib import Path

import pytest
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.reading import Gap, GapReason, Number, States
from hardcase_agent.sensors.host import arrays, edac, filesystems, nics
from hardcase_agent.sensors.host.identity import read_host_asset
from hardcase_agent.sensors.host.processors import scan_processors

from tests.golden.host.trees import write_files

MC = "devices/system/edac/mc/mc0"


def test_each_dimm_has_its_own_counters_and_its_slot_is_its_label(tmp_path: Path) -> None:
    write_files(
        tmp_path / MC,
        {
            "dimm0/dimm_label": "CPU_SrcID#0_MC#0_Chan#0_DIMM#0",
            "dimm0/dimm_ce_count": "17",
            "dimm0/dimm_ue_count": "0",
            "dimm0/dimm_mem_type": "Registered-DDR4",
            "dimm3/dimm_label": "",
            "dimm3/dimm_ce_count": "4294967299",
            "dimm3/dimm_ue_count": "1",
            "csrow0/ue_count": "99",
            "ce_noinfo_count": "0",
            "ue_noinfo_count": "0",
        },
    )
    scan = edac.scan(tmp_path)
    read = {probe.sensor.id: (probe.sensor.part.slot, probe.read()) for probe in scan.probes}
    assert read["mc0/dimm0/corrected"] == ("CPU_SrcID#0_MC#0_Chan#0_DIMM#0", Number(17.0))
    assert read["mc0/dimm3/corrected"] == ("mc0 dimm3", Number(4294967299.0))
    assert read["mc0/dimm3/uncorrected"] == ("mc0 dimm3", Number(1.0))
    assert not [key for key in read if "csrow" in key]
    assert scan.parts == ()
    whole = edac.scan(tmp_path, sums=True)
    assert [part.slot for part in whole.parts] == ["CPU_SrcID#0_MC#0_Chan#0_DIMM#0", "mc0 dimm3"]


def test_quantities_are_the_words_of_the_wire(tmp_path: Path) -> None:
    write_files(tmp_path / MC, {"dimm0/dimm_ce_count": "0", "dimm0/dimm_ue_count": "0"})
    assert {probe.sensor.quantity for probe in edac.scan(tmp_path).probes} == {
        "memory.corrected",
        "memory.uncorrected",
    }


def test_memory_without_a_driver_is_said_to_be_unwatched(tmp_path: Path) -> None:
    scan = edac.scan(tmp_path)
    assert scan.probes == ()
    assert scan.coverage[0].status.value == "unreadable"
    assert scan.coverage[0].cure


def array(root: Path, **files: str) -> Path:
    defaults = {"array_state": "clean", "level": "raid1", "raid_disks": "2", "degraded": "0", "sync_action": "idle"}
    return write_files(root / "block/md0/md", {**defaults, **files})


@pytest.mark.parametrize(
    ("files", "bits"),
    [
        ({}, 0),
        ({"degraded": "1"}, 0b001),
        ({"degraded": "1", "sync_action": "recover"}, 0b011),
        ({"sync_action": "resync"}, 0b010),
        ({"sync_action": "check"}, 0),
        ({"degraded": "2"}, 0b101),
        ({"level": "raid6", "raid_disks": "8", "degraded": "2"}, 0b001),
        ({"level": "raid6", "raid_disks": "8", "degraded": "3"}, 0b101),
        ({"level": "raid5", "raid_disks": "3", "degraded": "2"}, 0b101),
        ({"level": "raid10", "raid_disks": "4", "degraded": "2"}, 0b001),
        ({"array_state": "broken"}, 0b100),
        ({"array_state": "inactive"}, 0b100),
    ],
)
def test_an_array_is_degraded_rebuilding_or_failed(tmp_path: Path, files: dict[str, str], bits: int) -> None:
    assert arrays.read_array(array(tmp_path, **files)) == States(bits)


def test_an_array_without_redundancy_has_nothing_to_degrade(tmp_path: Path) -> None:
    folder = array(tmp_path, level="raid0")
    (folder / "degraded").unlink()
    (folder / "sync_action").unlink()
    assert arrays.read_array(folder) == States(0)


def test_an_array_whose_missing_members_cannot_be_told_is_a_gap_and_not_healthy(tmp_path: Path) -> None:
    assert isinstance(arrays.read_array(array(tmp_path, degraded="")), Gap)


def test_an_array_is_known_by_its_uuid(tmp_path: Path) -> None:
    array(tmp_path, uuid="7615b98d-f2ba-4d99-bee8-6202d8e130b9")
    (probe,) = arrays.scan(tmp_path).probes
    assert probe.sensor.id == "7615b98d-f2ba-4d99-bee8-6202d8e130b9"
    assert probe.sensor.part.paths == ("/dev/md0",)
    assert probe.sensor.states == ("degraded", "rebuilding", "failed")


def test_containers_of_external_metadata_are_no_arrays(tmp_path: Path) -> None:
    array(tmp_path, level="container", array_state="inactive")
    assert arrays.scan(tmp_path).probes == ()


def test_an_array_that_is_stopped_is_a_gap_at_once(tmp_path: Path) -> None:
    folder = array(tmp_path)
    (folder / "array_state").unlink()
    got = arrays.read_array(folder)
    assert isinstance(got, Gap)
    assert got.reason is GapReason.ABSENT


def port(root: Path, name: str, bus: str = "pci0000:00/0000:45:00.0", **files: str) -> Path:
    device = root / "devices" / bus
    write_files(device, {"vendor": "0x8086", "device": "0x1521"})
    folder = write_files(
        device / "net" / name,
        {
            "address": "3c:fd:fe:00:11:22",
            "addr_assign_type": "0",
            "carrier": "1",
            "statistics/rx_errors": "3",
            "statistics/tx_errors": "4",
            **files,
        },
    )
    (folder / "device").symlink_to(device)
    (root / "class/net").mkdir(parents=True, exist_ok=True)
    (root / "class/net" / name).symlink_to(folder)
    return folder


def test_a_port_is_known_by_its_burnt_in_address(tmp_path: Path) -> None:
    port(tmp_path, "eno1")
    carrier, errors = nics.scan(tmp_path).probes
    assert carrier.sensor.part.serial == "3c:fd:fe:00:11:22"
    assert carrier.sensor.part.model == "PCI 8086:1521"
    assert carrier.sensor.part.paths == ("eno1",)
    assert carrier.read() == States(0)
    assert errors.read() == Number(7.0)


def test_a_port_without_link_is_down_and_a_port_switched_off_is_a_gap(tmp_path: Path) -> None:
    folder = port(tmp_path, "eno1", carrier="0")
    assert nics.read_carrier(folder) == States(1)
    (folder / "carrier").unlink()
    # A directory gives EISDIR, as close to a refusing kernel as a plain tree comes.
    (folder / "carrier").mkdir()
    assert isinstance(nics.read_carrier(folder), Gap)


def test_a_changeable_address_is_no_serial(tmp_path: Path) -> None:
    port(tmp_path, "eth0", addr_assign_type="3")
    assert nics.scan(tmp_path).probes[0].sensor.part.serial == ""


def test_bridges_virtual_functions_and_usb_ports_are_left_out(tmp_path: Path) -> None:
    write_files(tmp_path / "class/net/br0", {"carrier": "1"})
    port(tmp_path, "usb0", bus="pci0000:00/0000:00:14.0/usb1/1-14/1-14:1.0")
    virtual = port(tmp_path, "eth1v0", bus="pci0000:00/0000:46:02.0")
    (virtual / "device").resolve().joinpath("physfn").mkdir()
    assert nics.scan(tmp_path).probes == ()


def test_sockets_are_processors(tmp_path: Path) -> None:
    for cpu, package in ((0, 0), (1, 1), (2, 0), (10, 1)):
        write_files(tmp_path / f"devices/system/cpu/cpu{cpu}/topology", {"physical_package_id": str(package)})
    scan = scan_processors(tmp_path, "processor : 0\nmodel name\t: Intel(R) Xeon(R)  Gold 6338\n")
    assert [(part.component, part.slot, part.model) for part in scan.parts] == [
        (Component.CPU, "CPU1", "Intel(R) Xeon(R) Gold 6338"),
        (Component.CPU, "CPU2", "Intel(R) Xeon(R) Gold 6338"),
    ]


def test_a_topology_the_firmware_does_not_tell_is_no_processor(tmp_path: Path) -> None:
    write_files(tmp_path / "devices/system/cpu/cpu0/topology", {"physical_package_id": "-1"})
    assert scan_processors(tmp_path, "").coverage[0].status.value == "unreadable"


def test_local_file_systems_count_once_and_images_not_at_all() -> None:
    mounts = [
        ("/dev/sda2", "/", "ext4"),
        ("/dev/sda2", "/var/lib/docker/volumes/x", "ext4"),
        ("/dev/sdb1", "/data", "xfs"),
        ("/dev/loop3", "/snap/core/1", "ext4"),
        ("squashfs", "/rofs", "squashfs"),
        ("server:/export", "/mnt", "nfs4"),
        ("tmpfs", "/run", "tmpfs"),
    ]
    assert filesystems.mount_points(mounts) == (("/", "/data"), ())


def test_a_file_system_that_another_mount_covers_is_not_read_at_the_others_place() -> None:
    mounts = [
        ("rootfs", "/", "rootfs"),
        ("/dev/sda2", "/", "ext4"),
        ("/dev/sdb1", "/home", "ext4"),
        ("/dev/sdc1", "/home/data", "xfs"),
        ("/dev/sdd1", "/homestead", "xfs"),
        ("/dev/sde1", "/tmp", "ext4"),
        # What ProtectHome=yes and PrivateTmp=yes of a unit do.
        ("tmpfs", "/home", "tmpfs"),
        ("/dev/sde1", "/tmp", "ext4"),
    ]
    assert filesystems.mount_points(mounts) == (("/", "/homestead", "/tmp"), ("/home", "/home/data"))


def test_a_file_system_is_read_as_a_share(tmp_path: Path) -> None:
    got = filesystems.read_used(str(tmp_path))
    assert isinstance(got, Number)
    assert 0 < got.value <= 100
    assert isinstance(filesystems.read_used(str(tmp_path / "gone")), Gap)


def test_the_host_is_read_from_dmi_and_machine_id(tmp_path: Path) -> None:
    write_files(
        tmp_path / "sys/class/dmi/id",
        {
            "sys_vendor": "Dell Inc.",
            "product_name": "PowerEdge R640",
            "product_serial": "ABC1234",
            "product_uuid": "4C4C4544-0042-3110-8054-B9C04F563232",
            "board_serial": ".ABC1234.CN747516.",
        },
    )
    write_files(tmp_path / "etc", {"machine-id": "0123456789abcdef0123456789abcdef", "hostname": "db7"})
    asset = read_host_asset(tmp_path / "sys", tmp_path / "etc")
    assert (asset.vendor, asset.model, asset.serial) == ("Dell Inc.", "PowerEdge R640", "ABC1234")
    assert asset.uuid == "4c4c4544-0042-3110-8054-b9c04f563232"
    assert (asset.machine_id, asset.node, asset.hostname) == (
        "0123456789abcdef0123456789abcdef",
        ".ABC1234.CN747516.",
        "db7",
    )
    assert not asset.rehearsal


def test_what_may_not_be_read_of_the_host_is_empty_and_no_error(tmp_path: Path) -> None:
    asset = read_host_asset(tmp_path / "sys", tmp_path / "etc")
    assert (asset.serial, asset.uuid, asset.machine_id) == ("", "", "")
    assert asset.hostname
