"""Lines of drivers of RAID controllers and adapters, and of their firmware's log: each with its like that is none."""

from __future__ import annotations

import pytest
from hardcase_agent import decoding
from hardcase_agent.domain.capture import Capture, Recorded

from tests.unit.agent.kernel.test_log_lines import told

_MR = "megaraid_sas 0000:18:00.0: 1237 (712345678s/0x0002/WARN) - "
_SLOT = "0000:18:00.0"


@pytest.mark.parametrize(
    ("line", "code", "slot"),
    [
        (f"{_MR}VD 00/0 is now PARTIALLY DEGRADED", "raid.degraded", "00/0"),
        (f"{_MR}VD 00/0 is now DEGRADED", "raid.degraded", "00/0"),
        (f"{_MR}VD 01/1 is now OFFLINE", "raid.failed", "01/1"),
        (f"{_MR}Removed: PD 04(e0x20/s4)", "disk.offline", "32:4"),
        (f"{_MR}Command timeout on PD 04(e0x20/s4) Path 5000, CDB: 28", "disk.command_timeout", "32:4"),
        (f"{_MR}Puncturing bad block on PD 04(e0x20/s4) at 1b2", "raid.bad_blocks", _SLOT),
        ("Puncturing bad block on PD 04(e0x20/s4) at 1b2", "raid.bad_blocks", ""),
        (f"{_MR}Unable to recover medium error during recovery on PD 05(e0xfc/s5) at 1", "disk.media_error", "252:5"),
        (f"{_MR}Enclosure PD 20(c None/p1) power supply 1 failed", "psu.failure_detected", "enclosure 32 PSU1"),
        (f"{_MR}Enclosure PD 20(c None/p1) fan 2 failed", "fan.failed", "enclosure 32 fan2"),
        (
            f"{_MR}Enclosure PD 20(c None/p1) temperature sensor 2 above error threshold",
            "thermal.critical",
            "enclosure 32 sensor2",
        ),
        (f"{_MR}Multi-bit ECC error: ECAR=1, ELOG=2, (3)", "raid.controller_fault", _SLOT),
        (f"{_MR}Controller encountered a fatal error and was reset", "raid.controller_fault", _SLOT),
        ("megaraid_sas 0000:18:00.0: Adapter is OFFLINE or DEAD..!", "raid.controller_fault", _SLOT),
        ("megaraid_sas 0000:18:00.0: Unable to transition FW to ready state", "raid.controller_fault", _SLOT),
        ("megaraid_sas 0000:18:00.0: FW in FAULT state Fault code:0xae0000", "raid.controller_fault", _SLOT),
        ("mpt3sas_cm0: _base_fault_reset_work : fault_state(0x2810)!", "raid.controller_fault", "mpt3sas_cm0"),
        ("mpt3sas_cm0: fault_state(0x5854)!", "raid.controller_fault", "mpt3sas_cm0"),
        ("smartpqi 0000:5c:00.0: controller is offline: status code 0x100c", "raid.controller_fault", "0000:5c:00.0"),
        ("smartpqi 0000:5c:00.0: controller offline: reason code 0x13", "raid.controller_fault", "0000:5c:00.0"),
        ("ata6.00: disable device", "disk.offline", "ata6"),
        ("ata6.00: disabled", "disk.offline", "ata6"),
        ("ata6.00: status: { DRDY DF ERR }", "disk.io_error", "ata6"),
        ("nvme nvme0: resetting controller due to AER", "disk.io_error", "nvme0"),
        ("nvme nvme0: resetting controller due to persistent internal error", "disk.io_error", "nvme0"),
        ("nvme2n1: Write(0x1) @ LBA 1, 8 blocks, Internal Error (sct 0x0 / sc 0x6) DNR", "disk.io_error", "nvme2"),
        ("nvme2n1: Write(0x1) @ LBA 1, 8 blocks, Write Fault (sct 0x2 / sc 0x80) DNR", "disk.media_error", "nvme2"),
        ("ixgbe 0000:04:00.0: Fan has stopped, replace the adapter", "nic.failed", "0000:04:00.0"),
        (
            "ixgbe 0000:04:00.0 eth0: Network adapter has been stopped because it has over heated.",
            "nic.failed",
            "0000:04:00.0 eth0",
        ),
        ("mlx5_core 0000:af:00.0: poll_health:739:(pid 0): Fatal error 1 detected", "nic.failed", "0000:af:00.0"),
    ],
)
def test_a_line_names_what_failed_and_where(line: str, code: str, slot: str) -> None:
    assert (code, slot) in told(line)


@pytest.mark.parametrize(
    "line",
    [
        f"{_MR}State change on PD 04(e0x20/s4) from UNCONFIGURED_GOOD(0) to ONLINE(18)",
        f"{_MR}PD 04(e0x20/s4) Path 4433221103000000  reset (Type 03)",
        f"{_MR}Single-bit ECC error: ECAR=1, ELOG=2",
        f"{_MR}BBU disabled; changing WB virtual disks to WT, Forced WB VDs are not affected",
        f"{_MR}Enclosure PD 20(c None/p1) fan 2 removed",
        f"{_MR}Enclosure PD xy(c None/p1) temperature sensor 2 above error threshold",
        "megaraid_sas 0000:18:00.0: FW now in Ready state",
        "megaraid_sas 0000:18:00.0: resetting fusion adapter scsi0.",
        "mpt3sas_cm0: log_info(0x31120303): originator(PL), code(0x12), sub_code(0x0303)",
        "mpt3sas_cm0: sending diag reset !!",
        "smartpqi 0000:5c:00.0: Online Firmware Activation enabled",
        "ata6.00: status: { DRDY ERR }",
        "nvme2n1: Dataset Management(0x9) @ LBA 1, 8 blocks, Invalid Field (sct 0x0 / sc 0x2) DNR",
        "nvme2n1: Read(0x2) @ LBA 9, 8 blocks, LBA Out of Range (sct 0x0 / sc 0x80) DNR",
        "nvme2n1: Write(0x1) @ LBA 9, 8 blocks, Conflicting Attributes (sct 0x1 / sc 0x80) DNR",
        "ata6.00: NCQ disabled due to excessive errors",
    ],
)
def test_words_of_a_fault_that_are_none_have_no_code(line: str) -> None:
    assert [code for code, _ in told(line) if code] == []


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        (f"{_MR}VD 00/0 is now OPTIMAL", {"raid.degraded", "raid.failed"}),
        (f"{_MR}Inserted: PD 04(e0x20/s4)", {"disk.offline"}),
    ],
)
def test_what_is_whole_or_back_again_takes_back_what_was_told(line: str, codes: set[str]) -> None:
    made = decoding.decode("kernel-log", Capture("log", {"": f"[  1.0] {line}\n".encode()}))
    events = [one.event for one in made if isinstance(one, Recorded)]
    assert {event.code for event in events} == codes
    assert not any(event.asserted for event in events)
