"""The command file of a BMC simulator (OpenIPMI's ipmi_sim; InfraSIM captures real servers in it) as a BMC's image.

Pure. Only commands that say what the BMC holds are read; `sdr_decoding.py` calls it.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator

from hardcase_agent.domain.capture import Flaw, Undecoded
from hardcase_agent.sensors.ipmi.identity import DeviceId, parse_guid
from hardcase_agent.sensors.ipmi.image import BmcImage, RawRecord, Told
from hardcase_agent.sensors.ipmi.records import Defaults

BMC = 0x20
MOST_LINES = 1_000_000
_CAPTURED = "captured from physical server"
"""What InfraSIM's generator writes at the head of a file that it read from a BMC."""
_MASK_ORDER = (5, 4, 3, 2, 1, 0)
"""The file writes unr uc unc lnr lc lnc; our mask has lnc in bit 0, and unr in bit 5."""


def looks_like(text: str) -> bool:
    """Whether any line is a command of such a file."""
    return any(line.lstrip().split(" ", 1)[0] in _COMMANDS for line in text.splitlines()[:5000])


def parse(text: str) -> BmcImage:
    """The image; what does not decode is among its flaws, and the rest is read."""
    image = BmcImage(has_readings=True, captured=_CAPTURED in text[:4096].lower())
    for number, words in _commands(text, image):
        command = _COMMANDS.get(words[0])
        if command is None:
            continue
        try:
            command(image, words[1:], f"line {number}")
        except (ValueError, IndexError, OverflowError) as error:
            message = f"{words[0]}: {error}"[:190]
            image.flaws.append(Undecoded(flaw=Flaw.MALFORMED, message=message, at=f"line {number}"))
    return image


def _commands(text: str, image: BmcImage) -> Iterator[tuple[int, list[str]]]:
    """Line number of its first line, and the words of each command; a line ending in a backslash goes on."""
    words: list[str] = []
    began = 0
    for number, line in enumerate(text.splitlines()[:MOST_LINES], 1):
        more = line.rstrip()
        goes_on = more.endswith("\\")
        more = more[:-1] if goes_on else more
        if not words:
            began = number
            if more.lstrip().startswith("#"):
                continue
        words += _words(more)
        if goes_on or not words:
            continue
        yield began, words
        words = []
    if words:
        image.flaws.append(
            Undecoded(flaw=Flaw.TRUNCATED, message=f"{words[0]}: the file ends within it"[:190], at=f"line {began}")
        )
        yield began, words


def _words(line: str) -> list[str]:
    if '"' not in line:
        return line.split()
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _number(word: str) -> int:
    return int(word, 0)


def _bytes(words: list[str]) -> bytes:
    return bytes(_number(word) for word in words)


def _mc_add(image: BmcImage, words: list[str], at: str) -> None:
    """mc_add ADDRESS DEVICE-ID no-device-sdrs REVISION MAJOR MINOR SUPPORT MANUFACTURER PRODUCT ..."""
    if _number(words[0]) != BMC:
        return
    minor = words[5]
    # Captures write the decimal digits that tools print; hexadecimal ones are the BCD byte itself.
    shown = f"{_number(minor):02x}" if minor.lower().startswith("0x") else f"{_number(minor):02d}"
    image.device = DeviceId(
        device=_number(words[1]),
        revision=_number(words[3]) & 0x0F,
        firmware=f"{_number(words[4]) & 0x7F}.{shown}",
        manufacturer=_number(words[7]) & 0xFFFFF,
        product=_number(words[8]) & 0xFFFF,
        updating=False,
    )


def _set_guid(image: BmcImage, words: list[str], at: str) -> None:
    if _number(words[0]) == BMC:
        image.uuid = parse_guid(_bytes(words[1:17]))


def _sdr_add(image: BmcImage, words: list[str], at: str) -> None:
    image.records.append(RawRecord(_bytes(words[1:]), at))


def _device_sdr_add(image: BmcImage, words: list[str], at: str) -> None:
    image.records.append(RawRecord(_bytes(words[2:]), at))


def _sensor(image: BmcImage, words: list[str]) -> Told:
    return image.told.setdefault((_number(words[0]), _number(words[1]), _number(words[2])), Told())


def _sensor_add(image: BmcImage, words: list[str], at: str) -> None:
    _sensor(image, words)


def _set_value(image: BmcImage, words: list[str], at: str) -> None:
    _sensor(image, words).value = _number(words[3]) & 0xFF


def _set_bit(image: BmcImage, words: list[str], at: str) -> None:
    told, bit = _sensor(image, words), _number(words[3])
    if not 0 <= bit < 16:
        raise ValueError(f"no state bit {bit}")
    told.bits = told.bits | 1 << bit if _number(words[4]) else told.bits & ~(1 << bit)


def _set_only_bit(image: BmcImage, words: list[str], at: str) -> None:
    bit = _number(words[3])
    if not 0 <= bit < 16:
        raise ValueError(f"no state bit {bit}")
    _sensor(image, words).bits = 1 << bit


def _set_hysteresis(image: BmcImage, words: list[str], at: str) -> None:
    if words[3] in ("readable", "settable", "fixed"):
        _sensor(image, words).hysteresis = (_number(words[4]) & 0xFF, _number(words[5]) & 0xFF)


def _set_threshold(image: BmcImage, words: list[str], at: str) -> None:
    """sensor_set_threshold MC LUN NUMBER SUPPORT MASK UNR UC UNC LNR LC LNC"""
    told, mask = _sensor(image, words), words[4]
    if words[3] == "none":
        # Real limits may stand beside it, which this BMC does not tell: those of the record hold.
        return
    if len(mask) != 6 or set(mask) - set("01"):
        raise ValueError(f"{mask!r} is no mask of six thresholds")
    values = [_number(word) & 0xFF for word in words[5:11]]
    if len(values) != 6:
        raise ValueError(f"{len(values)} of 6 thresholds")
    readable = sum(1 << _MASK_ORDER[place] for place, bit in enumerate(mask) if bit == "1")
    unr, uc, unc, lnr, lc, lnc = values
    told.thresholds = Defaults(readable=readable, values=bytes((lnc, lc, lnr, unc, uc, unr)), rising=0, falling=0)


def _set_event_support(image: BmcImage, words: list[str], at: str) -> None:
    told = _sensor(image, words)
    told.events = words[3] == "enable"
    told.scanning = words[4] == "scanning"


def _add_fru(image: BmcImage, words: list[str], at: str) -> None:
    """mc_add_fru_data MC ID SIZE data BYTES... (or: file OFFSET NAME, which is another file)"""
    if _number(words[0]) == BMC and words[3] == "data":
        image.frus[_number(words[1])] = _bytes(words[4:])


def _sel_add(image: BmcImage, words: list[str], at: str) -> None:
    """sel_add MC TYPE and 13 bytes: the record id is the BMC's to give."""
    if _number(words[0]) != BMC:
        return
    raw = (len(image.events) + 1 & 0xFFFF).to_bytes(2, "little") + _bytes(words[1:15])
    if len(raw) != 16:
        raise ValueError(f"a SEL entry of {len(raw)} bytes")
    image.events.append(raw)


_COMMANDS: dict[str, Callable[[BmcImage, list[str], str], None]] = {
    "mc_add": _mc_add,
    "mc_set_guid": _set_guid,
    "main_sdr_add": _sdr_add,
    "device_sdr_add": _device_sdr_add,
    "sensor_add": _sensor_add,
    "sensor_set_value": _set_value,
    "sensor_set_bit": _set_bit,
    "sensor_set_bit_clr_rest": _set_only_bit,
    "sensor_set_hysteresis": _set_hysteresis,
    "sensor_set_threshold": _set_threshold,
    "sensor_set_event_support": _set_event_support,
    "mc_add_fru_data": _add_fru,
    "sel_add": _sel_add,
}
