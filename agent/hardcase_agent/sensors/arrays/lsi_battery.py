"""What the firmware of LSI controllers (Broadcom) says of its cache battery, and what it counts of its disks: the same
words in storcli, perccli and MegaCli, whose readers use them.
"""

from __future__ import annotations

from collections.abc import Mapping

from hardcase_agent.sensors.arrays.model import Battery, BatteryState

FIRMWARE_STATUS: tuple[tuple[int, BatteryState], ...] = (
    # MFI_BBU_STATE_* of the driver: bits of "BBU Status" and of the firmware status of the battery.
    (1 << 0, BatteryState.MISSING),
    (1 << 1, BatteryState.LOW),
    (1 << 2, BatteryState.HOT),
    (1 << 3, BatteryState.CHARGING),
    (1 << 6, BatteryState.LEARNING),
    (1 << 7, BatteryState.REPLACE),
    (1 << 9, BatteryState.REPLACE),
    (1 << 10, BatteryState.REPLACE),
    (1 << 11, BatteryState.LOW),
)

BATTERY_ALARMS: Mapping[str, BatteryState] = {
    # Questions of the firmware status, storcli's and MegaCli's, that a "Yes" answers badly.
    "battery pack missing": BatteryState.MISSING,
    "pack missing": BatteryState.MISSING,
    "battery replacement required": BatteryState.REPLACE,
    "replacement required": BatteryState.REPLACE,
    "pack is about to fail & should be replaced": BatteryState.REPLACE,
    "remaining capacity low": BatteryState.LOW,
    "remainingcapacitylow": BatteryState.LOW,
    "over temperature": BatteryState.HOT,
    "no space to cache offload": BatteryState.REPLACE,
    "i2c errors detected": BatteryState.REPLACE,
    "learn cycle active": BatteryState.LEARNING,
}
COUNTS: Mapping[str, str] = {
    "media error count": "disk.media_errors",
    "other error count": "disk.other_errors",
    "predictive failure count": "disk.predictive_failures",
}


def add_alarm(battery: Battery, state: BatteryState) -> None:
    """What the battery's firmware says besides its state."""
    battery.state = (battery.state or frozenset()) | {state}
