"""Short texts that tell one thing of the whole machine: DCMI power, chassis status, the controller's own data.

Pure. `text_decoding.py` takes them out of a text before its tables are read.
"""

from __future__ import annotations

import re

from hardcase_agent.domain.capture import Flaw, Seen, Undecoded
from hardcase_agent.domain.part import Asset, Component, Part
from hardcase_agent.domain.reading import Kind, Number, Sensor, States, Unit
from hardcase_agent.sensors.ipmi.identity import DeviceId, bmc_part
from hardcase_agent.sensors.ipmi.plan import CHASSIS_POWER
from hardcase_agent.sensors.ipmi.states import SENSOR_SPECIFIC, meaning
from hardcase_agent.sensors.ipmi.text_rows import measured

Lines = list[tuple[int, str]]

# ---- the controller ----------------------------------------------------------------------------------------------

_FIELD = re.compile(r"^([A-Z][A-Za-z ]+?)\s*:(?: (.*))?$")
_MC_FIELDS = (
    "Device ID", "Device Revision", "Firmware Revision", "IPMI Version", "Manufacturer ID", "Manufacturer Name",
    "Product ID", "Product Name", "Device Available", "Provides Device SDRs", "Additional Device Support",
    "Aux Firmware Rev Info",
)  # fmt: skip


def identity(lines: Lines) -> tuple[Asset, tuple[Part, ...], Lines]:
    """`ipmitool mc info` or `bmc-info` before the sensors, and the lines without it."""
    fields: dict[str, str] = {}
    rest: Lines = []
    within = False
    for place, line in lines:
        found = _FIELD.match(line)
        within = bool(found and found[1] in _MC_FIELDS) or (within and line.startswith("    "))
        if not within:
            rest.append((place, line))
        elif found:
            fields.setdefault(found[1], (found[2] or "").strip())
    if "Firmware Revision" not in fields:
        return Asset(), (), lines
    device = DeviceId(
        device=_leading(fields.get("Device ID", "")),
        revision=_leading(fields.get("Device Revision", "")),
        firmware=fields["Firmware Revision"],
        manufacturer=_leading(fields.get("Manufacturer ID", "")) & 0xFFFFF,
        product=_leading(fields.get("Product ID", "")) & 0xFFFF,
        updating=False,
    )
    return Asset(vendor=device.vendor or fields.get("Manufacturer Name", "")), (bmc_part(device),), rest


def _leading(text: str) -> int:
    digits = re.match(r"\d{1,9}", text)
    return int(digits[0]) if digits else 0


# ---- power by DCMI -----------------------------------------------------------------------------------------------

_DCMI_NOW = re.compile(r"^\s*(?:Instantaneous power reading|Current Power)\s*:\s*(.*?)\s*$", re.IGNORECASE)
_DCMI_PAST = re.compile(
    r"^\s*(?:Minimum during sampling period|Maximum during sampling period|Average power reading over sample period"
    r"|IPMI timestamp|Sampling period|Power reading state is|(?:Minimum|Maximum|Average) Power over sampling duration"
    r"|Time Stamp|Statistics reporting time period|Power Measurement)\s*:",
    re.IGNORECASE,
)
_CHASSIS_PART = Part(component=Component.POWER, slot="chassis")
_DRAWN = Sensor(id="dcmi.power", name="Power drawn", kind=Kind.POWER, unit=Unit.WATT, part=_CHASSIS_PART)


def dcmi(lines: Lines, asset: Asset) -> tuple[list[Seen | Undecoded], Lines]:
    """`ipmitool dcmi power reading` and `ipmi-dcmi`: what the machine draws now; the rest of it is of the past."""
    seen: list[Seen | Undecoded] = []
    rest: Lines = []
    for place, line in lines:
        now = _DCMI_NOW.match(line)
        if now is not None:
            value = measured(now[1])
            seen.append(
                Seen(asset=asset, source="ipmi.analogue", sensor=_DRAWN, reading=Number(value[0]))
                if value is not None
                else Undecoded(flaw=Flaw.MALFORMED, message=f"no power: {now[1][:80]!r}", at=f"line {place}")
            )
        elif not (seen and _DCMI_PAST.match(line)):
            rest.append((place, line))
    return seen, rest


# ---- chassis -----------------------------------------------------------------------------------------------------

_CHASSIS = {
    "system power": "on", "main power fault": "fault", "power control fault": "control_fault",
    "power interlock": "interlock", "power overload": "overload",
}  # fmt: skip
_CHASSIS_LINE = re.compile(r"^\s*([A-Za-z/ ]+?)\s*:\s*(\S+)\s*$")
_CHASSIS_OTHER = ("power restore policy", "last power event", "chassis intrusion", "front-panel lockout", "drive fault",
                  "cooling/fan fault", "sleep button disable", "diag button disable", "reset button disable",
                  "power button disable", "sleep button disabled", "diag button disabled", "reset button disabled",
                  "power button disabled")  # fmt: skip
_TRUE = ("on", "true", "active", "asserted", "yes")
_INTRUSION = Sensor(
    id="chassis.intrusion", name="Chassis intrusion", kind=Kind.STATE,
    part=Part(component=Component.CHASSIS, slot="1"), states=meaning(0x05, SENSOR_SPECIFIC).states,
    quantity="chassis.intrusion",
)  # fmt: skip


def chassis(lines: Lines, asset: Asset) -> tuple[list[Seen], Lines]:
    """`ipmitool chassis status`: the live path's chassis sensor, and the cover."""
    if not any(line.lower().startswith("system power") for _, line in lines):
        return [], lines
    bits = 0
    seen: list[Seen] = []
    rest: Lines = []
    for place, line in lines:
        key = line.partition(":")[0].strip().lower()
        found = _CHASSIS_LINE.match(line)
        holds = found is not None and found[2].lower() in _TRUE
        if key in _CHASSIS:
            bits |= holds << CHASSIS_POWER.states.index(_CHASSIS[key])
        elif key not in _CHASSIS_OTHER:
            rest.append((place, line))
        elif key == "chassis intrusion":
            seen.append(Seen(asset=asset, source="ipmi.discrete", sensor=_INTRUSION, reading=States(int(holds))))
    return [Seen(asset=asset, source="ipmi.discrete", sensor=CHASSIS_POWER, reading=States(bits)), *seen], rest
