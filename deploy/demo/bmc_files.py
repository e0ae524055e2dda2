"""What a simulated server BMC is made of: sensors, SDR records, FRU image, and ipmi_sim's two files from them.

`bmc.py` runs it. Standard library only.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

BMC = 0x20
LIMITS = ("lnc", "lc", "lnr", "unc", "uc", "unr")
"""Threshold order of IPMI: bit in masks, place in answers (IPMI 2.0, table 35-9)."""
EVENT_BIT = {"lnc": 0, "lc": 2, "lnr": 4, "unc": 7, "uc": 9, "unr": 11}
"""Event offset at which a value passes the limit outwards (table 42-2)."""
DISCRETE_CODE = 0x6F


@dataclass(frozen=True, slots=True, kw_only=True)
class Analogue:
    """A threshold sensor with a full SDR. `reading` and `limits` are raw bytes.

    Its value is (m * raw + b * 10^b_exp) * 10^r_exp.
    """

    number: int
    name: str
    type: int
    unit: int
    entity: int
    instance: int = 1
    reading: int = 0
    m: int = 1
    b: int = 0
    b_exp: int = 0
    r_exp: int = 0
    signed: bool = False
    limits: Mapping[str, int] = field(default_factory=dict)
    hysteresis: int = 2
    owner: int = BMC
    """Another address: a controller behind the BMC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrete:
    """A sensor of state bits with a compact SDR."""

    number: int
    name: str
    type: int
    entity: int
    instance: int = 1
    code: int = DISCRETE_CODE
    bits: tuple[int, ...] = ()
    asserted: tuple[int, ...] = ()
    owner: int = BMC


SimSensor = Analogue | Discrete

TEMPERATURE, VOLTAGE, CURRENT, FAN, OTHER_UNITS = 1, 2, 3, 4, 11
CELSIUS, VOLTS, AMPS, WATTS, RPM = 1, 4, 5, 6, 18
CPU, BOARD, PSU, BACKPLANE, POWER_UNIT, CHASSIS, DISK_BAY, FAN_DEVICE, DIMM = 3, 7, 10, 15, 19, 23, 26, 29, 32
HOT = {"unc": 85, "uc": 95, "unr": 105}


def _analogue_sensors() -> list[SimSensor]:
    temperature = {"type": TEMPERATURE, "unit": CELSIUS}
    volt = {"type": VOLTAGE, "unit": VOLTS, "entity": BOARD, "r_exp": -3}
    fans = [
        Analogue(number=0x10 + i, name=f"FAN {i}", type=FAN, unit=RPM, entity=FAN_DEVICE, instance=i, reading=88 + i,
                 m=60, limits={"lnc": 15, "lc": 10})
        for i in range(1, 7)
    ]  # fmt: skip
    return [
        Analogue(number=1, name="CPU 1 Temp", entity=CPU, reading=44, limits=HOT, **temperature),
        Analogue(number=2, name="CPU 2 Temp", entity=CPU, instance=2, reading=46, limits=HOT, **temperature),
        # Signed: ipmi_sim compares thresholds as unsigned bytes, so a signed sensor has upper ones only.
        Analogue(number=3, name="Inlet Temp", entity=BOARD, reading=23, signed=True, limits={"unc": 42, "uc": 47},
                 **temperature),
        Analogue(number=4, name="Exhaust Temp", entity=BOARD, instance=2, reading=36, limits={"unc": 70, "uc": 75},
                 **temperature),
        Analogue(number=5, name="DIMM A1 Temp", entity=DIMM, reading=66, m=5, r_exp=-1, limits={"unc": 170, "uc": 190},
                 **temperature),
        *fans,
        Analogue(number=0x20, name="P12V", m=63, reading=190,
                 limits={"lnc": 176, "lc": 171, "unc": 203, "uc": 209}, **volt),
        Analogue(number=0x21, name="P5V", m=26, reading=192,
                 limits={"lnc": 178, "lc": 173, "unc": 206, "uc": 211}, **volt),
        Analogue(number=0x22, name="P3V3", m=17, reading=194,
                 limits={"lnc": 181, "lc": 176, "unc": 207, "uc": 212}, **volt),
        Analogue(number=0x23, name="Vcore 1", m=5, b=2, b_exp=2, reading=140,
                 limits={"lnc": 90, "lc": 80, "unc": 190, "uc": 200}, **volt),
        Analogue(number=0x24, name="VBAT", m=16, reading=190, limits={"lnc": 150, "lc": 140}, **volt),
        Analogue(number=0x28, name="PSU 1 Iout", type=CURRENT, unit=AMPS, entity=PSU, m=2, r_exp=-1, reading=60,
                 limits={"uc": 240}),
        Analogue(number=0x29, name="PSU 1 Pin", type=OTHER_UNITS, unit=WATTS, entity=PSU, m=4, reading=75,
                 limits={"uc": 220}),
        Analogue(number=0x2A, name="PSU 2 Pin", type=OTHER_UNITS, unit=WATTS, entity=PSU, instance=2, m=4, reading=70,
                 limits={"uc": 220}),
    ]  # fmt: skip


def _discrete_sensors() -> list[SimSensor]:
    return [
        Discrete(number=0x30, name="PSU 1 Status", type=8, entity=PSU, bits=(0, 1, 2, 3), asserted=(0,)),
        Discrete(number=0x31, name="PSU 2 Status", type=8, entity=PSU, instance=2, bits=(0, 1, 2, 3), asserted=(0,)),
        Discrete(
            number=0x32, name="PSU Redundancy", type=9, code=0x0B, entity=POWER_UNIT, bits=(0, 1, 2), asserted=(0,)
        ),
        Discrete(number=0x40, name="Intrusion", type=5, entity=CHASSIS, bits=(0, 4)),
        Discrete(number=0x41, name="DIMM A1", type=12, entity=DIMM, bits=(0, 1, 5)),
        Discrete(number=0x42, name="CPU 1 Status", type=7, entity=CPU, bits=(0, 1, 7), asserted=(7,)),
        Discrete(number=0x43, name="Disk 0 Bay", type=13, entity=DISK_BAY, bits=(0, 1, 2), asserted=(0,)),
    ]


def server_sensors(count: int = 26) -> tuple[SimSensor, ...]:
    """A two-socket server's 26 sensors, filled up to `count` (at most 126) with backplane temperatures."""
    sensors = _analogue_sensors() + _discrete_sensors()
    for i in range(count - len(sensors)):
        sensors.append(
            Analogue(number=0x80 + i, name=f"Backplane {i:02d}", type=TEMPERATURE, unit=CELSIUS, entity=BACKPLANE,
                     instance=i + 1, reading=30 + i % 20, limits={"unc": 60, "uc": 65})
        )  # fmt: skip
    return tuple(sensors[:count])


# ---- sensor data records (IPMI 2.0, section 43) -----------------------------------------------------------------


def _record(kind: int, body: bytes) -> bytes:
    return bytes((0, 0, 0x51, kind, len(body))) + body


def _name(text: str) -> bytes:
    raw = text.encode("latin-1")[:16]
    return bytes((0xC0 | len(raw),)) + raw


def _mask(bits: Iterable[int]) -> int:
    return sum(1 << bit for bit in bits)


def _signed_bits(value: int, bits: int) -> int:
    return value & ((1 << bits) - 1)


def full_sdr(sensor: Analogue) -> bytes:
    """Type 01h record (table 43-1)."""
    events = _mask(EVENT_BIT[limit] for limit in sensor.limits)
    readable = _mask(LIMITS.index(limit) for limit in sensor.limits)
    m, b = _signed_bits(sensor.m, 10), _signed_bits(sensor.b, 10)
    body = bytes((sensor.owner, 0, sensor.number, sensor.entity, sensor.instance, 0x7F, 0x68, sensor.type, 1))
    body += events.to_bytes(2, "little") * 2 + bytes((readable, readable))
    body += bytes((0x80 if sensor.signed else 0, sensor.unit, 0, 0))
    body += bytes((m & 0xFF, m >> 8 << 6, b & 0xFF, b >> 8 << 6, 0))
    body += bytes((_signed_bits(sensor.r_exp, 4) << 4 | _signed_bits(sensor.b_exp, 4), 1, sensor.reading, 0, 0))
    body += bytes((0x7F, 0x80) if sensor.signed else (0xFF, 0))
    body += bytes(sensor.limits.get(limit, 0) for limit in ("unr", "uc", "unc", "lnr", "lc", "lnc"))
    body += bytes((sensor.hysteresis, sensor.hysteresis, 0, 0, 0))
    return _record(1, body + _name(sensor.name))


def compact_sdr(sensor: Discrete) -> bytes:
    """Type 02h record (table 43-2)."""
    mask = _mask(sensor.bits).to_bytes(2, "little")
    body = bytes((sensor.owner, 0, sensor.number, sensor.entity, sensor.instance))
    body += bytes((0x67, 0x40, sensor.type, sensor.code))
    body += mask * 3 + bytes((0xC0, 0, 0, 0x01, 0, 0, 0, 0, 0, 0, 0))
    return _record(2, body + _name(sensor.name))


def _other_sdrs() -> list[bytes]:
    controller = bytes((BMC, 0, 0, 0xBF, 0, 0, 0, 6, 1, 0)) + _name("BMC")
    fru = bytes((BMC, 0, 0x80, 0, 0, 0x10, 0, BOARD, 1, 0)) + _name("Mainboard")
    watchdog = bytes((BMC, 0, 0, BOARD, 1, 0x23, 0x6F, 1, 0, 0, 0)) + _name("Watchdog")
    return [_record(0x12, controller), _record(0x11, fru), _record(3, watchdog)]


# ---- field replaceable unit image (IPMI FRU storage definition 1.0) ----------------------------------------------


def _checked(body: bytes) -> bytes:
    return body + bytes((-sum(body) & 0xFF,))


def _area(prefix: bytes, fields: Sequence[str]) -> bytes:
    body = b"".join(bytes((0xC0 | len(text),)) + text.encode("latin-1") for text in fields) + b"\xc1"
    length = -(-(2 + len(prefix) + len(body) + 1) // 8)
    return _checked((bytes((1, length)) + prefix + body).ljust(length * 8 - 1, b"\0"))


def fru_image(serial: str, vendor: str = "Example Systems", model: str = "Rack Server 9000") -> bytes:
    """Chassis, board and product areas, 512 bytes."""
    minutes = (1_700_000_000 - 820_454_400) // 60
    chassis = _area(b"\x17", ["CH-100", f"C{serial}"])
    board = _area(b"\x19" + minutes.to_bytes(3, "little"), [vendor, "RS9000 Mainboard", f"B{serial}", "BP-987", "fru1"])
    product = _area(b"\x19", [vendor, model, "PP-9000", "1.0", serial, "", "fru1"])
    starts = [8, 8 + len(chassis), 8 + len(chassis) + len(board)]
    header = _checked(bytes((1, 0, *(start // 8 for start in starts), 0, 0)))
    return (header + chassis + board + product).ljust(512, b"\0")


# ---- ipmi_sim's own files ----------------------------------------------------------------------------------------


def _bits(bits: Iterable[int]) -> str:
    chosen = set(bits)
    return "".join("1" if bit in chosen else "0" for bit in range(14, -1, -1))


def _emulate(sensor: SimSensor) -> list[str]:
    where = f"{sensor.owner:#04x} 0 {sensor.number}"
    if isinstance(sensor, Discrete):
        events = " ".join([_bits(sensor.bits)] * 4)
        return [
            f"sensor_add {where} {sensor.type} {sensor.code}",
            f"sensor_set_event_support {where} enable scanning per-state {events}",
            *(f"sensor_set_bit {where} {bit} 1 0" for bit in sensor.asserted),
        ]
    events = " ".join([_bits(EVENT_BIT[limit] for limit in sensor.limits)] * 4)
    enabled = "".join("1" if limit in sensor.limits else "0" for limit in reversed(LIMITS))
    values = " ".join(str(sensor.limits.get(limit, 0)) for limit in reversed(LIMITS))
    return [
        f"sensor_add {where} {sensor.type} 1",
        f"sensor_set_value {where} {sensor.reading} 0",
        f"sensor_set_hysteresis {where} settable {sensor.hysteresis} {sensor.hysteresis}",
        f"sensor_set_threshold {where} settable {enabled} {values}",
        f"sensor_set_event_support {where} enable scanning per-state {events}",
    ]


def emulation(sensors: Sequence[SimSensor], fru: Path, firmware: tuple[int, int] = (2, 0x15)) -> str:
    """The .emu file: one BMC with its SDR repository, SEL, FRU 0 and sensors, and the controllers behind it."""
    lines = [
        "mc_setbmc 0x20",
        f"mc_add 0x20 1 no-device-sdrs 0x01 {firmware[0]:#04x} {firmware[1]:#04x} 0x9f 0x00ffff 0x0b0c",
        "sel_enable 0x20 512 0x0a",
        # ipmi_sim takes sensor 0 for its watchdog.
        "sensor_add 0x20 0 0 35 0x6f event-only",
        f"sensor_set_event_support 0x20 0 0 enable scanning per-state {' '.join([_bits(range(4))] * 4)}",
    ]
    records = _other_sdrs() + [
        full_sdr(sensor) if isinstance(sensor, Analogue) else compact_sdr(sensor) for sensor in sensors
    ]
    lines += ["main_sdr_add 0x20 " + " ".join(f"0x{byte:02x}" for byte in record) for record in records]
    behind = sorted({sensor.owner for sensor in sensors} - {BMC})
    lines += [f"mc_add {owner:#04x} 0 no-device-sdrs 0x01 0x01 0x00 0x00 0x00ffff 0x0001" for owner in behind]
    for sensor in sensors:
        lines += _emulate(sensor)
    lines += [f"mc_enable {owner:#04x}" for owner in behind]
    lines += [f'mc_add_fru_data 0x20 0 512 file 0 "{fru}"', "mc_enable 0x20", ""]
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Ports:
    lan: int
    console: int
    system: int


def lan_configuration(name: str, ports: Ports, user: str, password: str) -> str:
    """The lan.conf file: RMCP and RMCP+ on loopback, a console, a system interface, three users of falling rights."""
    levels = ("callback", "user", "operator", "admin")
    return "\n".join(
        [
            f'name "{name}"',
            "set_working_mc 0x20",
            "startlan 1",
            f"  addr 127.0.0.1 {ports.lan}",
            "  priv_limit admin",
            *(f"  allowed_auths_{level} none md2 md5 straight" for level in levels),
            f"  guid {secrets.token_hex(16)}",
            "endlan",
            f"serial 15 127.0.0.1 {ports.system} codec VM",
            "startnow false",
            f'user 2 true "{user}" "{password}" admin 10 none md2 md5 straight',
            f'user 3 true "operator" "{password}" operator 10 none md2 md5 straight',
            f'user 4 true "reader" "{password}" user 10 none md2 md5 straight',
            f"console 127.0.0.1 {ports.console}",
            "",
        ]
    )
