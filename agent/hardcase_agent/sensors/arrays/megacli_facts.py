"""What MegaCli says of a volume, enclosure or battery, and how inquiry data is cut. Pure; `megacli.py` knows whose."""

from __future__ import annotations

import re
from collections.abc import Callable

from hardcase_agent.sensors.arrays import words
from hardcase_agent.sensors.arrays.lsi_battery import BATTERY_ALARMS, add_alarm
from hardcase_agent.sensors.arrays.model import Battery, BatteryState, Disk, Element, Volume, VolumeState

Unknown = Callable[[str, str], None]
"""Told what is meant, and the word for it that nobody knows."""
_LEVEL = re.compile(r"Primary-(\d+), Secondary-(\d+)")
_SATA_COLUMNS = 61
"""Characters of SATA inquiry data that reach into the firmware's level."""
_SPANNED = 3
"""A secondary level of 3 is a stripe over the primary one: RAID 10, 50, 60."""


def inquiry(disk: Disk, value: str, kind: str) -> None:
    """Columns of fixed width. SAS: vendor 8, product 16, revision 4, serial 20. SATA: serial 20, model 40."""
    firmware = disk.firmware
    plain = not firmware or value[24:28].strip() == firmware[:4]
    if value.startswith("ATA  ") or (kind != "SATA" and plain):
        disk.model = words.disk_model(value[:8], value[8:24])
        disk.serial = words.serial(next(reversed(value[28:].split()), ""))
    elif len(value) >= _SATA_COLUMNS:
        disk.serial = words.serial(value[:20])
        disk.model = words.told(value[20:60])
    elif firmware and firmware in value:
        # Somebody's editor has taken blanks away: what stands before the firmware's level, by words.
        before, _, after = value.partition(firmware)
        tokens = before.split()
        disk.serial = words.serial(after if after.strip() else tokens[0] if tokens else "")
        disk.model = words.squeeze(" ".join(tokens if after.strip() else tokens[1:]))


def volume_fact(volume: Volume, key: str, value: str, unknown: Unknown) -> None:
    if key == "state":
        known = words.look_up(words.VOLUME, value)
        if known is None:
            volume.word = value
            unknown(f"state of {volume.key}", value)
        else:
            volume.state = frozenset(known) | ((volume.state or frozenset()) & {VolumeState.BAD_BLOCKS})
    elif key == "name":
        volume.name = value
    elif key == "raid level":
        found = _LEVEL.match(value)
        spanned = found is not None and found[2] == str(_SPANNED)
        volume.level = f"RAID{found[1]}{'0' if spanned else ''}" if found else f"RAID{value}"
    elif key == "bad blocks exist" and value.lower() == "yes":
        volume.state = (volume.state or frozenset()) | {VolumeState.BAD_BLOCKS}
    elif key in ("rebuild", "background initialization", "check consistency") and "%" in value:
        volume.progress = words.percent(value)


def enclosure_fact(element: Element, key: str, value: str, unknown: Unknown) -> None:
    if key == "device id":
        element.name = f"enclosure {value}"
    elif key == "status":
        element.health = words.look_up(words.HEALTH, value)
        if element.health is None:
            unknown(f"state of enclosure {element.key}", value)
    elif key == "product identification":
        element.model = words.told(value)
    elif key == "enclosure serial number":
        element.serial = words.serial(value)


def battery_fact(battery: Callable[[], Battery], key: str, value: str, unknown: Unknown) -> None:
    """`battery`: makes the adapter's, which a machine without one does not have."""
    if key in ("battery state", "status") and value.lower() not in words.NO_BATTERY:
        battery_state(battery(), value, unknown)
    elif key == "temperature" and words.celsius(value) is not None:
        battery().temperature = words.celsius(value)
    elif key == "relative state of charge":
        battery().charge = words.percent(value)
    elif key == "serial number":
        battery().serial = words.serial(value)
    elif key == "charging status" and value.lower() == "charging":
        add_alarm(battery(), BatteryState.CHARGING)
    elif key in BATTERY_ALARMS and value.lower() in ("yes", "no"):
        # Old firmware tells no state of the battery, only answers to these questions.
        well = value.lower() == "no"
        add_alarm(battery(), BatteryState.OK if well else BATTERY_ALARMS[key])
    elif key == "issohgood" and value.lower() == "no":
        add_alarm(battery(), BatteryState.REPLACE)


def battery_state(battery: Battery, value: str, unknown: Unknown) -> None:
    known = words.look_up(words.BATTERY, value)
    if known is None:
        battery.word = value
        unknown(f"state of the cache battery of {battery.controller}", value)
        return
    battery.state = (battery.state or frozenset()) | frozenset(known)
