"""Disks as sysfs lists them: bus, place, and what tells one disk from the next under the same name."""

from __future__ import annotations

from pathlib import Path

from hardcase_agent.sensors.smart.blockdevices import Bus, list_block_devices

from tests.unit.agent.smart.machine import Machine


def test_a_disk_in_an_enclosure_has_the_slot_that_is_printed_on_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.list_disk("sda", slot="Slot 07")
    machine.list_disk("sdb")
    assert [(device.path, device.slot, device.address) for device in list_block_devices(tmp_path)] == [
        ("/dev/sda", "Slot 07", "SCSI 0:0:1:0"),
        ("/dev/sdb", "", "SCSI 0:0:2:0"),
    ]


def test_an_nvme_disk_has_the_slot_of_its_pci_address(tmp_path: Path) -> None:
    Machine(tmp_path).list_disk("nvme0")
    slot = tmp_path / "bus" / "pci" / "slots" / "21"
    slot.mkdir(parents=True)
    (slot / "address").write_text("0000:65:00\n")
    (device,) = list_block_devices(tmp_path)
    assert (device.path, device.bus, device.slot) == ("/dev/nvme0", Bus.NVME, "PCIe slot 21")


def test_namespaces_stand_for_their_controller_where_the_kernel_lists_no_controllers(tmp_path: Path) -> None:
    for name in ("nvme0n1", "nvme0n2", "nvme1n1"):
        (tmp_path / "block" / name).mkdir(parents=True)
    assert [device.path for device in list_block_devices(tmp_path)] == ["/dev/nvme0", "/dev/nvme1"]


def test_namespaces_are_not_listed_beside_their_controller(tmp_path: Path) -> None:
    Machine(tmp_path).list_disk("nvme0")
    (tmp_path / "block" / "nvme0n1").mkdir(parents=True)
    assert [device.path for device in list_block_devices(tmp_path)] == ["/dev/nvme0"]


def test_a_disk_plugged_again_has_another_signature(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.list_disk("sda")
    before = list_block_devices(tmp_path)
    assert list_block_devices(tmp_path) == before
    machine.pull("sda")
    machine.list_disk("sda")
    assert list_block_devices(tmp_path)[0].signature != before[0].signature


def test_a_machine_without_sysfs_has_no_disks(tmp_path: Path) -> None:
    assert list_block_devices(tmp_path / "nothing") == ()
