"""Who a kernel's disk is: names in full, as smartctl has them, from pages of sysfs; and members of md by them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hardcase_agent.sensors.arrays.blockdisk import BlockDisk, identify
from hardcase_agent.sensors.host import arrays


def page83(*designators: bytes) -> bytes:
    body = b"".join(designators)
    return bytes((0, 0x83, len(body) >> 8, len(body) & 0xFF)) + body


def designator(code: int, kind: int, value: bytes) -> bytes:
    return bytes((code, kind, 0, len(value))) + value


ATA = designator(2, 1, b"ATA     " + b"WDC WD2003FYYS-02W0B0".ljust(40) + b"WD-WMAY00000001".rjust(20))
NAA = designator(1, 3, bytes.fromhex("50014ee2b1c0ffee"))


@pytest.fixture
def device(tmp_path: Path) -> Path:
    folder = tmp_path / "block" / "sdb" / "device"
    folder.mkdir(parents=True)
    (folder / "vendor").write_text("ATA     \n")
    (folder / "model").write_text("WDC WD2003FYYS-0\n")
    return folder


def test_an_ata_disk_has_its_whole_model_and_serial_number(tmp_path: Path, device: Path) -> None:
    (device / "vpd_pg83").write_bytes(page83(NAA, ATA))
    (device / "wwid").write_text("naa.50014ee2b1c0ffee\n")
    assert identify(tmp_path, "sdb") == BlockDisk(
        model="WDC WD2003FYYS-02W0B0", serial="WD-WMAY00000001", wwn="50014ee2b1c0ffee"
    )


def test_a_sas_disk_has_its_vendor_and_unit_serial_number(tmp_path: Path, device: Path) -> None:
    (device / "vendor").write_text("SEAGATE \n")
    (device / "model").write_text("ST600MM0006     \n")
    (device / "vpd_pg83").write_bytes(page83(NAA))
    (device / "vpd_pg80").write_bytes(bytes((0, 0x80, 0, 20)) + b"S0M00001            ")
    found = identify(tmp_path, "sdb")
    assert (found.model, found.serial) == ("SEAGATE ST600MM0006", "S0M00001")


def test_an_nvme_disk_tells_itself(tmp_path: Path) -> None:
    device = tmp_path / "block" / "nvme0n1" / "device"
    device.mkdir(parents=True)
    (device / "model").write_text("INTEL SSDPE2KX010T8                     \n")
    (device / "serial").write_text("PHLJ0001            \n")
    assert identify(tmp_path, "nvme0n1") == BlockDisk(model="INTEL SSDPE2KX010T8", serial="PHLJ0001")


@pytest.mark.parametrize("page", [b"", b"\0", page83(ATA)[:20], page83(designator(2, 1, b"ATA"))])
def test_a_page_that_is_cut_off_tells_nothing_and_stops_nothing(tmp_path: Path, device: Path, page: bytes) -> None:
    (device / "vpd_pg83").write_bytes(page)
    assert identify(tmp_path, "sdb").model == "WDC WD2003FYYS-0"


def test_a_disk_that_is_not_there_has_no_names(tmp_path: Path) -> None:
    assert identify(tmp_path, "sdz") == BlockDisk()


def test_a_member_of_md_is_the_disk_it_lies_on(tmp_path: Path, device: Path) -> None:
    (device / "vpd_pg83").write_bytes(page83(ATA))
    (device / "enclosure_device:Bay 3").mkdir()
    array = tmp_path / "block" / "md0" / "md"
    (array / "dev-sdb1").mkdir(parents=True)
    for name, text in {"level": "raid1", "array_state": "clean", "raid_disks": "2", "degraded": "0"}.items():
        (array / name).write_text(text)
    (array / "dev-sdb1" / "state").write_text("faulty\n")
    member = next(probe for probe in arrays.scan(tmp_path).probes if probe.sensor.quantity == "disk.member")
    part = member.sensor.part
    assert (part.serial, part.slot, part.paths) == ("WD-WMAY00000001", "Bay 3", ("/dev/sdb",))
