"""Raw sensor records from a file, as a BMC's image: a dump of `ipmitool sdr dump`, hex text, or JSON with readings.

Pure. `sdr_decoding.py` calls it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from hardcase_agent.domain.capture import Flaw, Undecoded
from hardcase_agent.sensors.ipmi import emulator_file
from hardcase_agent.sensors.ipmi.image import BmcImage, RawRecord
from hardcase_agent.sensors.ipmi.records import HEADER

VERSIONS = (0x01, 0x51, 0x02)
"""SDR version byte: 51h of IPMI 1.5 and 2.0, 01h of IPMI 1.0; some makers write 02h."""
MOST_RECORDS = 65_536
"""A repository's ids have 16 bits."""
_HEX_LINE = re.compile(r"^(?:0[xX])?[0-9a-fA-F]{2}(?:[\s,:]*(?:0[xX])?[0-9a-fA-F]{2})*$")


def parse_binary(data: bytes) -> BmcImage:
    """Records one after the other. What is left over at the end, or is no record, is told with its offset."""
    image = BmcImage()
    at = 0
    while at < len(data) and len(image.records) + len(image.flaws) <= MOST_RECORDS:
        rest = len(data) - at
        if rest < HEADER:
            _cut(image, at, f"{rest} bytes are no record")
            break
        if data[at + 2] not in VERSIONS:
            message = f"no sensor record begins here: {data[at : at + 8].hex()}"
            image.flaws.append(Undecoded(flaw=Flaw.MALFORMED, message=message, at=f"offset {at:#x}"))
            at = _next_record(data, at + 1)
            continue
        length = HEADER + data[at + 4]
        if rest < length:
            _cut(image, at, f"a record of {length} bytes, of which {rest} are there")
            break
        image.records.append(RawRecord(data[at : at + length], f"offset {at:#x}"))
        at += length
    return image


def _cut(image: BmcImage, at: int, message: str) -> None:
    image.flaws.append(Undecoded(flaw=Flaw.TRUNCATED, message=message, at=f"offset {at:#x}"))


def _next_record(data: bytes, begin: int) -> int:
    """The next place where a header stands whose record is followed by another one, or by the end."""
    at = begin
    while (at := data.find(b"\x51", at + 2) - 2) >= 0:
        end = at + HEADER + (data[at + 4] if at + 4 < len(data) else 255)
        if end == len(data) or (end + 2 < len(data) and data[end + 2] == 0x51):
            return at
        at += 1
    return len(data)


def parse_hex(text: str) -> BmcImage:
    """One record a line, as hex with or without blanks. Comments begin with '#'."""
    image = BmcImage()
    for number, line in enumerate(text.splitlines()[: MOST_RECORDS + 1], 1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        at = f"line {number}"
        if not _HEX_LINE.match(line):
            image.flaws.append(Undecoded(flaw=Flaw.MALFORMED, message=f"no bytes in hex: {line[:80]!r}", at=at))
            continue
        digits = re.sub(r"0[xX]|[\s,:]", "", line)
        image.records.append(RawRecord(bytes.fromhex(digits), at))
    return image


def looks_like_hex(text: str) -> bool:
    lines = [line.partition("#")[0].strip() for line in text.splitlines()[:50]]
    told = [line for line in lines if line]
    return bool(told) and sum(bool(_HEX_LINE.match(line)) for line in told) * 2 > len(told)


def parse_json(text: str) -> BmcImage | None:
    """A list of records in hex, or an object with `sdr_records` [{hex}], `sensors` and `fru` in the words of an
    emulator's file; None for other JSON."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(content, list):
        content = {"sdr_records": content}
    if not isinstance(content, dict) or not isinstance(content.get("sdr_records"), list):
        return None
    image = BmcImage(has_readings=bool(content.get("sensors")), captured=True)
    commands = _as_commands(content, image)
    replayed = emulator_file.parse("\n".join(commands))
    image.told, image.frus, image.device = replayed.told, replayed.frus, replayed.device
    image.uuid, image.events = replayed.uuid, replayed.events
    image.flaws += [Undecoded(flaw=flaw.flaw, message=flaw.message) for flaw in replayed.flaws]
    for index, entry in enumerate(content["sdr_records"]):
        image.records += _json_record(entry, f"record {index}", image)
    return image


def _json_record(entry: Any, at: str, image: BmcImage) -> list[RawRecord]:
    digits: Any = entry.get("hex") if isinstance(entry, dict) else entry
    try:
        return [RawRecord(bytes.fromhex(digits), at)]
    except (TypeError, ValueError):
        image.flaws.append(Undecoded(flaw=Flaw.MALFORMED, message=f"no bytes in hex: {str(digits)[:80]!r}", at=at))
        return []


def _as_commands(content: Mapping[str, Any], image: BmcImage) -> Iterable[str]:
    """The object's sensors, FRUs and controllers as lines of an emulator's file, which it was laid out from."""
    for words in _listed(content.get("mc_add")):
        yield "mc_add " + _joined(words)
    for sensor in _listed(content.get("sensors")):
        if not isinstance(sensor, dict):
            continue
        place = _joined([sensor.get("mc", "0x20"), sensor.get("lun", "0"), sensor.get("num", "")])
        yield f"sensor_add {place}"
        for key, command in _SENSOR_KEYS.items():
            if sensor.get(key):
                yield f"{command} {place} {_joined(_listed(sensor[key]))}"
        for bit in _listed(sensor.get("bits")):
            yield f"sensor_set_bit {place} {_joined(_listed(bit))}"
    frus = content.get("fru")
    for device, fru in frus.items() if isinstance(frus, dict) else ():
        if isinstance(fru, dict) and isinstance(fru.get("hex"), str):
            digits = fru["hex"]
            data = " ".join("0x" + digits[at : at + 2] for at in range(0, len(digits), 2))
            yield f"mc_add_fru_data {fru.get('mc', '0x20')} {device} 0 data {data}"


_SENSOR_KEYS = {
    "value": "sensor_set_value",
    "event_support": "sensor_set_event_support",
    "threshold": "sensor_set_threshold",
    "hysteresis": "sensor_set_hysteresis",
}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _joined(words: Any) -> str:
    return " ".join(str(word).replace("\n", " ") for word in _listed(words))
