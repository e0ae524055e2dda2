"""Lines of file systems, of FreeBSD, of adapters that died and of makers' own logs: each with its like that is none."""

from __future__ import annotations

import pytest

from tests.unit.agent.kernel.test_log_lines import told

_CACHE = "array controller cache"


@pytest.mark.parametrize(
    ("line", "code", "slot"),
    [
        ('XFS (sdb1): metadata I/O error in "xfs_buf" at daddr 0x5d21 len 8 error 5', "disk.io_error", "sdb"),
        (
            "XFS (dm-2): Corruption of in-memory data detected.  Shutting down filesystem",
            "host.filesystem_readonly",
            "dm-2",
        ),
        (
            "BTRFS error (device sdd): bdev /dev/sdd errs: wr 10, rd 233, flush 0, corrupt 0, gen 0",
            "disk.io_error",
            "sdd",
        ),
        (
            "BTRFS error (device sdd): bdev /dev/sdd errs: wr 0, rd 0, flush 0, corrupt 4, gen 0",
            "disk.command_failed",
            "sdd",
        ),
        (
            "zed: eid=12 class=statechange pool='tank' vdev=ata-MODEL_SN1-part1 vdev_state=FAULTED",
            "disk.fault",
            "ata-MODEL_SN1",
        ),
        (
            "zed[7]: eid=9 class=io pool='tank' vdev=sdc1 size=131072 offset=1234 priority=0 err=5",
            "disk.io_error",
            "sdc",
        ),
        ("ZFS: vdev I/O failure, zpool=tank path=/dev/da3 offset=270336 size=8192 error=5", "disk.io_error", "da3"),
        ("(da3:mps0:0:11:0): SCSI sense: MEDIUM ERROR asc:11,0 (Unrecovered read error)", "disk.media_error", "da3"),
        ("(da3:mps0:0:11:0): SCSI sense: NO SENSE asc:5d,10 (failure prediction)", "disk.predictive_failure", "da3"),
        ("(ada1:ahcich1:0:0:0): ATA status: 41 (DRDY ERR), error: 40 (UNC )", "disk.media_error", "ada1"),
        ("(ada1:ahcich1:0:0:0): ATA status: 51 (DRDY SERV ERR), error: 84 (ICRC ABRT )", "cable.crc_error", "ada1"),
        ("(da5:mpr0:0:9:0): lost device - 1 outstanding, 1 refs", "disk.offline", "da5"),
        ("MCA: CPU 2 UNCOR PCC internal timer error", "cpu.uncorrectable_machine_check", ""),
        ("MCA: CPU 0 COR (3) OVER RD channel 1 memory error", "memory.correctable_ecc", ""),
        (
            "CPU 1: Machine Check Exception:                4 Bank 4: b200000000070f0f",
            "cpu.uncorrectable_machine_check",
            "",
        ),
        ("Kernel panic - not syncing: CPU context corrupt", "cpu.uncorrectable_machine_check", ""),
        ("sd 0:0:4:0: [sde] tag#5 Add. Sense: Logical unit not ready, hard reset required", "disk.io_error", "sde"),
        ("nvme nvme0: I/O 12 QID 3 timeout, aborting", "disk.command_timeout", "nvme0"),
        ("ixgbe 0000:03:00.1 eth3: Adapter removed", "nic.failed", "0000:03:00.1 eth3"),
        ("igb 0000:01:00.0 eth0: PCIe link lost, device now detached", "nic.failed", "0000:01:00.0 eth0"),
        ("bnx2x 0000:04:00.0 eno1: MC assert!", "nic.failed", "0000:04:00.0 eno1"),
        ("aacraid: Host adapter dead -1", "raid.controller_fault", ""),
        (
            "3w-9xxx: scsi0: AEN: WARNING (0x04:0x000F): SMART threshold exceeded:port=5.",
            "disk.predictive_failure",
            "5",
        ),
        ("Device: /dev/sdb [SAT], new Self-Test Log error at hour timestamp 12345", "disk.selftest_failed", "sdb"),
        ("BAT1002: The storage battery for RAID Controller in Slot 4 has failed.", "raid.cache_battery_failed", _CACHE),
        ("Smart Storage Battery failure (Battery 1, service information: 0x0A)", "raid.cache_battery_failed", _CACHE),
        ("PS2 Status: Power Supply 2 Failure detected - Asserted", "psu.failure_detected", "PSU2"),
        ("Input Power Loss or Unplugged Power Cord (Power Supply 2)", "psu.input_lost", "PSU2"),
        (
            "Correctable memory error logging disabled for a memory device at location DIMM_B2.",
            "memory.logging_disabled",
            "DIMM_B2",
        ),
        (
            "POST Error: 207-Memory initialization error on Processor 1, DIMM 9.",
            "memory.device_disabled",
            "PROC 1 DIMM 9",
        ),
        ("Internal Storage Enclosure Device Failure (Bay 2, Box 1, Port 1I, Slot 0)", "disk.fault", "1I:1:2"),
        ("Drive Array Device Failure (Slot 0, Bus 0, Bay 1)", "disk.fault", "1"),
        ("Physical Drive Status Change: Slot 0 Port 1I Box 1 Bay 3 status is now Failed", "disk.fault", "1I:1:3"),
        (
            "mcelog: Uncorrected DIMM memory error count exceeded threshold: 1 in 24h",
            "memory.uncorrectable_ecc",
            "",
        ),
        (
            "mcelog: Corrected memory errors on page 6b4c5000 exceed threshold 10 in 24h: 11 in 24h",
            "memory.correctable_ecc_burst",
            "",
        ),
        ("EDAC i7core: New Corrected error(s): dimm0: +511, dimm1: +0", "memory.correctable_ecc_burst", "dimm0"),
        ("CPU 2: Bank 4: f200000000070f0f", "cpu.uncorrectable_machine_check", ""),
        ("tg3 0000:02:00.0 eth0: transmit timed out, resetting", "nic.tx_timeout", "0000:02:00.0 eth0"),
        ("be2net 0000:0c:00.0: Unrecoverable Error detected in the adapter", "nic.failed", "0000:0c:00.0"),
        ("mlx4_core 0000:03:00.0: Internal error detected:", "nic.failed", "0000:03:00.0"),
        (
            "ipmievd: Fan sensor FAN 2 Lower Critical going low (Reading 0 < Threshold 500 RPM)",
            "fan.lower_critical",
            "FAN 2",
        ),
        ("ipmievd: Memory sensor - Uncorrectable ECC Asserted", "memory.uncorrectable_ecc", ""),
        ("Uncorrectable PCI Express Error (Slot 1, Bus 0, Device 3)", "pcie.bus_uncorrectable_error", "Slot 1"),
    ],
)
def test_a_line_names_what_failed_and_where(line: str, code: str, slot: str) -> None:
    assert (code, slot) in told(line)


@pytest.mark.parametrize(
    "line",
    [
        'XFS (sdb1): metadata I/O error in "xfs_trans" at daddr 0x1 len 8 error 28',
        "XFS (sdb1): Ending clean mount",
        "BTRFS info (device sdd): bdev /dev/sdd errs: wr 10, rd 0, flush 0, corrupt 0, gen 0",
        "BTRFS warning (device sdd): bdev /dev/sdd errs: wr 0, rd 0, flush 0, corrupt 0, gen 0",
        "zed: eid=3 class=scrub_finish pool='tank'",
        "zed: eid=5 class=statechange pool='tank' vdev=sdc1 vdev_state=ONLINE",
        "(da3:mps0:0:11:0): SCSI sense: UNIT ATTENTION asc:29,0 (Power on, reset, or bus device reset occurred)",
        "(da0:umass-sim0:0:0:0): lost device - 0 outstanding",
        "nvme nvme0: I/O 12 QID 3 timeout, completion polled",
        "sd 0:0:4:0: [sde] Add. Sense: Logical unit is in process of becoming ready",
        "Power Supply 2: Failure detected - Deasserted",
        "Correctable memory error logging enabled for a memory device at location DIMM_B2.",
        "Physical Drive Status Change: Slot 0 Port 1I Box 1 Bay 3 status is now OK",
        "The storage battery for RAID Controller in Slot 4 is operating normally.",
        "3w-9xxx: scsi0: AEN: INFO (0x04:0x002B): Verify completed:unit=0.",
        "EDAC i7core: New Corrected error(s): dimm0: +0, dimm1: +0",
        "ipmievd: Temperature sensor CPU1 Temp Upper Critical going high Deasserted (Reading 90 > Threshold 95)",
        "Bank 5: reserved",
    ],
)
def test_words_of_a_fault_that_are_none_have_no_code(line: str) -> None:
    assert [code for code, _ in told(line) if code] == []
