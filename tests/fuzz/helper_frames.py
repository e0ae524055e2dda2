"""Frames for the helper's socket: every request there is, and what becomes of it when it is damaged. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hardcase_agent.helper import wire

from tests.fuzz.mutation import mutate

TOOLS = (
    ("smartctl-version", ()),
    ("smartctl-scan", ()),
    ("smartctl-scan", ("listed",)),
    ("smartctl-report", ("/dev/sda", "sat")),
    ("smartctl-report", ("/dev/nvme0",)),
    ("smartctl-report", ("/dev/bus/0", "megaraid,4")),
    ("smartctl-selftest", ("/dev/sda", "sat", "short")),
    ("smartctl-selftest", ("/dev/sda", "auto", "abort")),
    ("dmidecode", ("1", "17")),
    ("lspci", ()),
    ("kernel-log", ("4611686018427387904",)),
    ("smbios-table", ()),
    ("identify-bay", ("/dev/sda", "60")),
    ("identify-bay", ("0:0:8:0/Slot 01", "1")),
    ("storcli", ("drives",)),
    ("arcconf", ("config", "1")),
    ("megacli", ("battery",)),
    ("zpool", ("status",)),
)
_WORDS = (
    *("", "-", "--", "-s", "off", "--smart=off", "-t", "select,0-max", "-C", "/call/eall/sall", "delete", "destroy"),
    *("/dev/sda", "/dev/sda;id", "/dev/../etc/shadow", "/etc/shadow", "../..", "/dev/mem", "0:0:8:0/..", "0:0:8:0/x/y"),
    *(
        "0:0:8:0/Slot 01",
        "short",
        "long",
        "3600",
        "999999999",
        "-1",
        "1e9",
        "\u0661",
        "\ud7ff",
        "a\nb",
        "%s%n",
        "$(id)",
    ),
)
_REQUESTS = (
    # NetFn, command, data: those of the list, those of the switches, and the most wanted ones.
    *((0x06, 0x01, b""), (0x04, 0x2D, b"\x01"), (0x0A, 0x40, b""), (0x0A, 0x43, b"\0\0\0\0\0\xff"), (0x00, 0x01, b"")),
    *((0x00, 0x04, b"\x0f"), (0x00, 0x04, b"\x0f\x01"), (0x0A, 0x47, b"\0\0CLR\xaa"), (0x00, 0x02, b"\0")),
    *(
        (0x06, 0x47, b"\x02\x02" + b"x" * 16),
        (0x06, 0x34, b"\x40\x20\x18\xc8\x81\x00\x47\x00"),
        (0x06, 0x52, b"\x01\xa0"),
    ),
    *((0x2C, 0x02, b"\xdc"), (0x30, 0x70, b""), (0x0C, 0x01, b"\x01\x03")),
)


def frame(chance: random.Random, request: int) -> bytes:
    """What a client might send: most keep a right header, so that what is behind it is reached."""
    kind, payload = _request(chance)
    way = chance.random()
    if way < 0.15:
        return wire.pack(kind, request, payload)
    if way < 0.75:
        return wire.pack(kind, request, mutate(payload, chance)[: wire.REQUEST_LIMIT])
    if way < 0.85:
        return wire.pack(chance.randrange(256), request, payload)
    if way < 0.95:
        return mutate(wire.pack(kind, request, payload), chance)
    return chance.randbytes(chance.randint(1, 300))


def _request(chance: random.Random) -> tuple[int, bytes]:
    deadline = chance.choice((0, 1, 50, 2000, 0xFFFFFFFF))
    way = chance.random()
    if way < 0.4:
        tool, arguments = chance.choice(TOOLS)
        return wire.TOOL, wire.pack_tool(deadline, tool, _arguments(arguments, chance))
    netfn, command, data = _ipmi(chance)
    if way < 0.65:
        return wire.IPMI, wire.IPMI_HEAD.pack(deadline, netfn, _lun(chance), command) + data
    if way < 0.8:
        channel, address = chance.choice(((0, 0x2C), (6, 0x2C), (0, 0x20), (15, 0x2C), (chance.randrange(256), 0x81)))
        head = wire.BEHIND_HEAD.pack(deadline, channel, address, netfn, _lun(chance), command)
        return wire.IPMI_BEHIND, head + data
    asked = [_ipmi(chance) for _ in range(chance.randint(0, 20))]
    many = [(netfn, _lun(chance), command, data) for netfn, command, data in asked]
    return wire.IPMI_MANY, wire.pack_many(deadline, deadline, many)


def _ipmi(chance: random.Random) -> tuple[int, int, bytes]:
    netfn, command, data = chance.choice(_REQUESTS)
    if chance.random() < 0.3:
        netfn, command = chance.randrange(256), chance.randrange(256)
    if chance.random() < 0.3:
        data = chance.randbytes(chance.randint(0, 40))
    return netfn, command, data


def _lun(chance: random.Random) -> int:
    return chance.choice((0, 0, 0, 0, 1, 2, 3, 4, 255))


def _arguments(arguments: Sequence[str], chance: random.Random) -> list[str]:
    made = list(arguments)
    for _ in range(chance.choice((0, 0, 1, 2))):
        at = chance.randrange(len(made) + 1)
        made[at : at + chance.randint(0, 1)] = [chance.choice(_WORDS)]
    return made
