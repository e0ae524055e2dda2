"""What tickets quote of RAID tools, smartctl and makers' registries, a line or two; and their likes without a fault."""

from __future__ import annotations

import pytest
from hardcase_agent.domain.capture import Capture, Seen
from hardcase_agent.domain.reading import States
from hardcase_agent.sensors.kernel import log_decoding

from tests.unit.agent.kernel.test_log_lines import counted, told

_CACHE = "array controller cache"


@pytest.mark.parametrize(
    ("text", "code", "slot"),
    [
        ("Firmware state: Failed", "disk.fault", ""),
        ("Slot Number: 3\nPredictive Failure Count: 3", "disk.predictive_failure", "3"),
        ("Drive has flagged a S.M.A.R.T alert : Yes", "disk.predictive_failure", ""),
        ("State               : Partially Degraded", "raid.degraded", ""),
        ("Virtual Drive: 2 (Target Id: 2)\nState : Offline", "raid.failed", "2"),
        ("Device #3\n  State : Failed", "disk.fault", "#3"),
        ("State : Failed", "disk.fault", ""),
        ("0/0 RAID5 Dgrd RW Yes RWBD - ON 10.9 TB", "raid.degraded", ""),
        ("252:2 10 Failed 0 3.6 TB SAS HDD N N 512B ST4000NM0023 U", "disk.fault", "252:2"),
        ("Status of logical device                 : Degraded", "raid.degraded", ""),
        ("Status of volume : Failed (FLD)", "raid.failed", ""),
        ("S.M.A.R.T. warnings                : 3", "disk.predictive_failure", ""),
        ("State : clean, degraded", "raid.degraded", ""),
        ("state: DEGRADED\nstatus: One or more devices are faulted", "raid.degraded", ""),
        ("    gptid/1234-5678  FAULTED      0   412     0  too many errors", "disk.fault", "gptid/1234-5678"),
        ("    ata-WDC_WD40-WX1  UNAVAIL      0   0     0  cannot open", "disk.fault", "ata-WDC_WD40-WX1"),
        ("Battery/Capacitor Status: Failed (Replace Batteries)", "raid.cache_battery_failed", _CACHE),
        ("Battery State: Failed\nBattery Replacement required : Yes", "raid.cache_battery_failed", _CACHE),
        ("Critical Warning:                   0x08", "disk.read_only", ""),
        ("critical_warning : 0x4", "disk.reliability_degraded", ""),
        ("CPU 1 has a thermal trip (over-temperature) event.", "cpu.thermal_trip", "CPU1"),
        ("PS1 Status: Power Supply AC lost - Asserted", "psu.input_lost", "PSU1"),
        (
            "The system inlet temperature is greater than the upper critical threshold.",
            "temperature.upper_critical",
            "inlet",
        ),
        ("The CPU2 VCORE voltage is less than the lower critical threshold.", "voltage.lower_critical", "CPU2 VCORE"),
        ("The system board battery has failed.", "battery.failed", "system board"),
        ("Redundancy of Virtual Disk 0 on PERC H730 has been degraded.", "raid.degraded", "Virtual Disk 0"),
        ("Virtual Disk 1 on Integrated RAID Controller 1 has failed.", "raid.failed", "Virtual Disk 1"),
        ("Disk 3 in Backplane 1 of RAID Controller in Slot 4 has failed.", "disk.fault", "Disk 3 in Backplane 1"),
        ("The battery on Integrated RAID Controller 1 has failed.", "raid.cache_battery_failed", _CACHE),
        ("An Uncorrectable Memory Error has been detected on DIMM 7", "memory.uncorrectable_ecc", "DIMM 7"),
    ],
)  # fmt: skip
def test_a_quoted_line_names_what_failed(text: str, code: str, slot: str) -> None:
    assert (code, slot) in told(text)


@pytest.mark.parametrize(
    ("text", "quantity", "value"),
    [
        ("Media Error Count: 230", "disk.media_errors", 230),
        ("Media and Data Integrity Errors:    1,318", "disk.media_errors", 1318),
        (
            "187 Reported_Uncorrect      0x0032   001   001   000    Old_age   Always       -       181",
            "disk.reported_uncorrectable",
            181,
        ),
    ],
)
def test_a_quoted_count_is_a_level(text: str, quantity: str, value: float) -> None:
    assert (quantity, "", value) in counted(text)


@pytest.mark.parametrize(
    "text",
    [
        "Firmware state: Online, Spun Up\nPredictive Failure Count: 0\nDrive has flagged a S.M.A.R.T alert : No",
        "State : clean\nFailed Devices : 0",
        "State : Offline",  # of what is not told
        "state: ONLINE\nstatus: Some supported features are not enabled on the pool.",
        "    mirror-0  DEGRADED     0     0     0",
        "    logs  FAULTED     0     0     0",
        "Failed stripes                           : No\nLogical devices/Failed/Degraded          : 1/0/0",
        "Rebuild Priority: High\nDegraded Performance Optimization: Disabled",
        "Battery State: Optimal\nBattery Replacement required : No\nBattery Pack Missing : No",
        "Battery/Capacitor Status: OK\nBattery/Capacitor Status: Recharging",
        "Critical Warning:                   0x00\nCritical Warning:                   0x02",
        "12:30 5 Failed 3 logins",
        "The system inlet temperature is within range.\nThe system board battery is operating normally.",
        "Power Supply 1 AC lost - Deasserted",
        "Rebuild completed for Disk 3 in Backplane 1 of RAID Controller.",
        "Virtual Disk 0 on RAID Controller in Slot 4 has returned to optimal state.",
        "The Controller battery on RAID Controller is executing a Learn cycle.",
    ],
)
def test_words_of_a_fault_that_are_none_have_no_code(text: str) -> None:
    assert [code for code, _ in told(text) if code] == []


def test_what_the_arrays_parser_read_is_not_told_a_second_time() -> None:
    text = "Enclosure Device ID: 32\nSlot Number: 4\nFirmware state: Failed\n"
    assert told(text) == []
    decoded = log_decoding.decode(Capture("log", {"": text.encode()}))
    members = [one for one in decoded if isinstance(one, Seen) and isinstance(one.reading, States)]
    assert [one.sensor.quantity for one in members] == ["disk.member"]
