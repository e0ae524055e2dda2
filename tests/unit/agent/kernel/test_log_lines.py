"""What single lines of logs say: the code, the part, and which lines with the words of a fault are none."""

from __future__ import annotations

import pytest
from hardcase_agent.domain.capture import Capture, Recorded, Seen
from hardcase_agent.domain.reading import Number
from hardcase_agent.sensors.kernel import log_decoding


def told(text: str) -> list[tuple[str, str]]:
    decoded = log_decoding.decode(Capture("log", {"": text.encode()}))
    return [(one.event.code, one.event.part.slot) for one in decoded if isinstance(one, Recorded)]


def counted(text: str) -> list[tuple[str, str, float]]:
    decoded = log_decoding.decode(Capture("log", {"": text.encode()}))
    return [
        (one.sensor.quantity, one.sensor.part.slot, one.reading.value)
        for one in decoded
        if isinstance(one, Seen) and isinstance(one.reading, Number)
    ]


@pytest.mark.parametrize(
    ("line", "code", "slot"),
    [
        (
            "EDAC MC0: 1 CE memory read error on CPU_SrcID#0_MC#0_Chan#1_DIMM#0 (channel:1 slot:0 page:0x1)",
            "memory.correctable_ecc",
            "CPU_SrcID#0_MC#0_Chan#1_DIMM#0",
        ),
        (
            "EDAC MC1: 32767 CE memory scrubbing error on DIMM_B2 (channel:1 slot:0)",
            "memory.correctable_ecc_burst",
            "DIMM_B2",
        ),
        ("EDAC MC0: 1 UE on DIMM_A1 (channel:0 slot:0 page:0x7)", "memory.uncorrectable_ecc", "DIMM_A1"),
        (
            "EDAC MC0: 1 CE on unknown label (csrow:3 channel:1 page:0x12 offset:0x0 grain:64)",
            "memory.correctable_ecc",
            "MC0 csrow3 ch1",
        ),
        (
            'EDAC k8 MC0: CE page 0x2f3, offset 0x40, grain 8, syndrome 0x51, row 1, channel 0, label "": k8_edac',
            "memory.correctable_ecc",
            "MC0 csrow1 ch0",
        ),
        ("mce: Uncorrected hardware memory error in user-access at 3ffe80000", "memory.uncorrectable_ecc", ""),
        ("Memory failure: 0x3ffe80: Killing worker:991 due to corruption", "memory.uncorrectable_ecc", ""),
        (
            "<idle>-0 [000] 0.1: mc_event: 2024-02-01 10:00:00 +0000 3 Corrected errors: memory read error on DIMM_C1"
            " (mc: 0 location: 0:1:0)",
            "memory.correctable_ecc",
            "DIMM_C1",
        ),
        ("blk_update_request: critical medium error, dev sdc, sector 99 op 0x0:(READ)", "disk.media_error", "sdc"),
        ("blk_update_request: I/O error, dev nvme1n1, sector 8 op 0x1:(WRITE)", "disk.io_error", "nvme1"),
        ("sd 0:0:3:0: [sdd] tag#9 Sense Key : Hardware Error [current]", "disk.hardware_error", "sdd"),
        ("[sdd] tag#9 ASC=0x5d ASCQ=0x10", "disk.predictive_failure", "sdd"),
        ("Buffer I/O error on dev sda3, logical block 77, async page read", "disk.io_error", "sda"),
        ("ata5.00: error: { UNC }", "disk.media_error", "ata5"),
        ("ata5.00: error: { ICRC ABRT }", "cable.crc_error", "ata5"),
        ("ata5: hard resetting link", "cable.link_reset", "ata5"),
        ("ata5: SError: { UnrecovData 10B8B BadCRC }", "cable.link_reset", "ata5"),
        ("nvme nvme3: I/O 7 QID 12 timeout, aborting", "disk.command_timeout", "nvme3"),
        ("nvme nvme3: controller is down; will reset: CSTS=0xffffffff", "disk.command_timeout", "nvme3"),
        ("nvme nvme3: Disabling device after reset failure: -19", "disk.offline", "nvme3"),
        ("nvme0n1: I/O Cmd(0x2) @ LBA 52, 8 blocks, I/O Error (sct 0x2 / sc 0x81) DNR", "disk.media_error", "nvme0"),
        ("sd 2:0:0:0: rejecting I/O to offline device", "disk.offline", None),
        ("md/raid1:md127: not enough operational mirrors.", "raid.failed", "md127"),
        ("md/raid:md3: raid level 6 active with 7 out of 8 devices, algorithm 2", "raid.degraded", "md3"),
        ("md: kicking non-fresh sdf1 from array!", "disk.dropped", "sdf"),
        ("XFS (sdb1): Remounting filesystem read-only", "host.filesystem_readonly", "sdb1"),
        (
            "nvme 0000:02:00.0: PCIe Bus Error: severity=Corrected, type=Physical Layer, (Receiver ID)",
            "pcie.bus_correctable_error",
            "0000:02:00.0",
        ),
        (
            "pcieport 0000:00:03.0: AER: PCIe Bus Error: severity=Uncorrectable (Fatal), type=Transaction Layer",
            "pcie.bus_fatal_error",
            "0000:00:03.0",
        ),
        (
            "pcieport 0000:00:03.0: PCIe Bus Error: severity=Uncorrected (Non-Fatal), type=Transaction Layer, id=0018",
            "pcie.bus_uncorrectable_error",
            "0000:00:03.0",
        ),
        ("NETDEV WATCHDOG: eno1 (tg3): transmit queue 0 timed out", "nic.tx_timeout", "eno1"),
        ("igb 0000:04:00.0 eth2: igb: eth2 NIC Link is Down", "nic.link_down", "0000:04:00.0 eth2"),
        ("CPU14: Core temperature above threshold, cpu clock throttled (total events = 61)", "cpu.throttled", ""),
        ("NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.", "gpu.lost", "0000:3b:00"),
        ("NVRM: Xid (PCI:0000:3b:00): 48, pid=1, Double Bit ECC Error", "gpu.ecc_uncorrectable", "0000:3b:00"),
        ("NVRM: Xid (PCI:0000:3b:00): 63, New row marked for remapping", "gpu.memory_repaired", "0000:3b:00"),
        ("NVRM: Xid (PCI:0000:3b:00): 94, Contained: CE User Channel", "gpu.ecc_contained", "0000:3b:00"),
        ("NVRM: Xid (PCI:0000:3b:00): 119, Timeout waiting for RPC from GSP!", "gpu.fault", "0000:3b:00"),
        (
            "nvidia-nvswitch0: SXid (PCI:0000:86:00.0): 20009, Fatal, Link 21 minion link state",
            "gpu.nvswitch_fatal",
            "NVSwitch 0000:86:00.0",
        ),
        ("Device: /dev/sdb [SAT], FAILED SMART self-check. BACK UP DATA NOW!", "disk.fault", "sdb"),
        ("Device: /dev/bus/0 [megaraid_disk_07], SMART Failure: X", "disk.predictive_failure", "megaraid disk 07"),
        ("Device: /dev/nvme0, Critical Warning (0x04): Reliability", "disk.reliability_degraded", "nvme0"),
        ("Device: /dev/sdc [SAT], unable to open ATA device", "disk.not_answering", "sdc"),
        ("Power supply #2 Present: Yes Redundant: No Condition: FAILED", "psu.failure_detected", "PSU2"),
        ("Correctable memory error rate exceeded for DIMM_B6.", "memory.correctable_ecc_logging_limit", "DIMM_B6"),
        ("System Power Supply: General Failure (Power Supply 2)", "psu.failure_detected", "PSU2"),
        ("Uncorrectable Memory Error (Processor 2, DIMM 3)", "memory.uncorrectable_ecc", "PROC 2 DIMM 3"),
        ("State change on PD 0a(e0x20/s4) from ONLINE(18) to FAILED(11)", "disk.fault", "32:4"),
        ("Unexpected sense: PD 0a(e0x20/s4) Path 5000c5, CDB: 28 00, Sense: 3/11/00", "disk.media_error", "32:4"),
        ("States Asserted       : Power Supply [Failure detected]", "psu.failure_detected", ""),
    ],
)  # fmt: skip
def test_a_line_names_what_failed_and_where(line: str, code: str, slot: str | None) -> None:
    (first, *_) = told(line)
    assert first[0] == code
    if slot is not None:
        assert first[1] == slot


@pytest.mark.parametrize(
    "line",
    [
        "MCE: In-kernel MCE decoding enabled.",
        "EDAC MC: Ver: 3.0.0",
        "EDAC MC0: Giving out device to module skx_edac controller Skylake Socket#0 IMC#0: DEV 0000:64:0a.0",
        "mce: [Hardware Error]: Machine check events logged",
        "CPU0: Thermal monitoring enabled (TM1)",
        "NVRM: Xid (PCI:0000:38:00): 13, pid=77, Graphics SM Warp Exception on (GPC 9): Out Of Range Address",
        "NVRM: Xid (PCI:0000:38:00): 31, pid=77, MMU Fault",
        "NVRM: Xid (PCI:0000:38:00): 154, GPU recovery action changed from 0x1 (GPU Reset Required) to 0x0 (None)",
        "Failed stripes: No",
        "Rebuild Priority: High",
        "md: md0: data-check done.",
        "md/raid1:md0: active with 2 out of 2 mirrors",
        "blk_update_request: critical target error, dev sdb, sector 2048 op 0x3:(DISCARD)",
        "blk_update_request: I/O error, dev fd0, sector 0",
        "Buffer I/O error on dev sr0, logical block 0, async page read",
        "print_req_error: I/O error, dev loop3, sector 0",
        "EXT4-fs (sda1): mounted filesystem with ordered data mode. Opts: errors=remount-ro",
        "EXT4-fs (sda1): re-mounted. Opts: errors=remount-ro",
        "ata1: SATA link down (SStatus 0 SControl 300)",
        "nvme nvme0: Shutdown timeout set to 10 seconds",
        "Device: /dev/nvme0, number of Error Log entries increased from 130 to 131",
        "Device: /dev/sda [SAT], SMART Prefailure Attribute: 1 Raw_Read_Error_Rate changed from 114 to 115",
        "Device: /dev/sda [SAT], Self-Test Log error count increased from 3 to 2",
        "Device: /dev/sda [SAT], Failed SMART usage Attribute: 194 Temperature_Celsius.",
        "Device: /dev/nvme0, Critical Warning (0x02): Temperature",
        "PS2 Status: Presence detected",
        "SEL buffer is 94% full, please consider clearing the SEL buffer",
        "1  Standard     Pwr. Supply Bay Ok         Yes",
        "Port module event: Temperature normal",
        "mpt3sas_cm0: SAS host is operational",
        "INFO: task xyz blocked for more than 60 seconds.",
        "pcieport 0000:00:1c.0: AER: enabled with IRQ 122",
        "soft offline: 0x3ffe8: page migration failed",
    ],
)
def test_words_of_a_fault_that_are_none_have_no_code(line: str) -> None:
    assert [code for code, _ in told(line) if code] == []


def test_a_count_is_a_level_and_its_ladder_is_the_rules_matter() -> None:
    text = (
        "Jan  5 03:00:01 web1 smartd[811]: Device: /dev/sdb [SAT], 8 Currently unreadable (pending) sectors\n"
        "Jan  5 03:30:01 web1 smartd[811]: Device: /dev/sdb [SAT], 16 Currently unreadable (pending) sectors\n"
        "Jan  5 03:30:01 web1 smartd[811]: Device: /dev/sdb [SAT], 2 Offline uncorrectable sectors\n"
    )
    assert counted(text) == [("disk.pending", "sdb", 16.0), ("disk.offline_uncorrectable", "sdb", 2.0)]


def test_smartds_mail_names_the_disk_below_its_message() -> None:
    text = (
        "The following warning/error was logged by the smartd daemon:\n\n"
        "Device: /dev/sdb [SAT], FAILED SMART self-check. BACK UP DATA NOW!\n\n"
        "Device info:\nST4000NM0035-1V4107, S/N:ZC10ABCD, WWN:5-000c50-0a1b2c3d4, FW:TN03, 4.00 TB\n"
    )
    (one,) = [item for item in log_decoding.decode(Capture("mail", {"": text.encode()})) if isinstance(item, Recorded)]
    assert (one.event.part.model, one.event.part.serial) == ("ST4000NM0035-1V4107", "ZC10ABCD")
    assert (one.event.part.firmware, one.event.part.wwn) == ("TN03", "5000c500a1b2c3d4")


def test_a_member_that_failed_is_a_disk_and_its_array_is_degraded() -> None:
    line = "md/raid1:md1: Disk failure on sda1, disabling device."
    assert told(line) == [("disk.fault", "sda"), ("raid.degraded", "md1")]


def test_mdadms_monitor_names_array_and_member_in_log_and_mail() -> None:
    assert told("mdadm[700]: Fail event detected on md device /dev/md0, component device /dev/sdc2") == [
        ("disk.fault", "sdc"),
        ("raid.degraded", "md0"),
    ]
    mail = "A DegradedArray event had been detected on md device /dev/md/2.\n"
    assert told(mail) == [("raid.degraded", "2")]


def test_the_result_of_an_ata_command_belongs_to_the_port_of_the_line_before() -> None:
    text = (
        "ata7.00: failed command: READ FPDMA QUEUED\n"
        "ata7.00: cmd 60/08:00:00:00:00/00:00:00:00:00/40 tag 0 ncq dma 4096 in\n"
        "         res 41/40:08:28:08:00/00:00:00:00:00/40 Emask 0x409 (media error) <F>\n"
    )
    assert told(text) == [("disk.command_failed", "ata7"), ("disk.media_error", "ata7")]


def test_a_gpu_that_is_lost_without_a_number_is_named_two_lines_before() -> None:
    first = "[ 1843.3] NVRM: The NVIDIA GPU 0000:b3:00.0\n    NVRM: (PCI ID: 10de:26b5) installed in this system "
    lost = first + "has\n               NVRM: fallen off the bus and is not responding to commands.\n"
    assert told(lost) == [("gpu.lost", "0000:b3:00")]
    assert told(first + "is not\n               NVRM: supported by the NVIDIA 570.158.01 driver release.\n") == []


@pytest.mark.parametrize("line", ["GPU 0000:b3:00.0: GPU has fallen", "GPU at PCI:0000:b3:00 has fallen"])
def test_a_lost_gpu_has_one_name_whichever_line_tells_of_it(line: str) -> None:
    assert told(f"[ 1843.1] NVRM: {line} off the bus.\n") == [("gpu.lost", "0000:b3:00")]


def test_a_crash_that_a_person_asked_for_is_no_fault() -> None:
    text = "<6>[  1.2] sysrq: SysRq : Trigger a crash\n<0>[  1.3] Kernel panic - not syncing: Fatal exception\n"
    assert told(text) == []
    assert told("<0>[  1.3] Kernel panic - not syncing: Fatal exception\n") == [("host.kernel_panic", "")]


def test_rows_of_other_tools_go_to_the_families_that_own_them() -> None:
    text = (
        "from the ticket:\n"
        "   5 | 03/06/2024 | 19:00:47 | Power Supply PS2 Status | Failure detected | Asserted\n"
        "   physicaldrive 1I:1:3 (port 1I:box 1:bay 3, SAS, 600 GB, Failed)\n"
    )
    decoded = log_decoding.decode(Capture("ticket", {"": text.encode()}))
    codes = {one.event.code for one in decoded if isinstance(one, Recorded)}
    assert "psu.failure_detected" in codes
    decoded = log_decoding.decode(Capture("ticket", {"": text.encode()}))
    assert any(one.sensor.part.slot == "1I:1:3" for one in decoded if isinstance(one, Seen))


def test_a_row_of_freeipmi_is_read_without_its_heading() -> None:
    row = "15 | Mar-03-2023 | 04:05:06 | PS2 Status | Power Supply | Power Supply Failure detected\n"
    assert [code for code, _ in told(row)] == ["psu.failure_detected"]


def test_what_is_not_text_is_foreign() -> None:
    (one,) = log_decoding.decode(Capture("image", {"": bytes(range(4)) * 2000}))
    assert one.flaw.value == "foreign"  # type: ignore[union-attr]  # a Seen would fail here, as it should
