"""The kernel's ring through the fixed entry: what a process wrote does not pass, numbers go on where they were."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hardcase_agent.domain.errors import AccessDenied
from hardcase_agent.helper.table import Table
from hardcase_agent.sensors.command import DirectCommands

RING = Path("/dev/kmsg")


def readable() -> bool:
    try:
        os.close(os.open(RING, os.O_RDONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def forge(line: str) -> None:
    RING.write_text(line)


needs_ring = pytest.mark.skipif(not readable(), reason="/dev/kmsg cannot be read here (needs CAP_SYSLOG)")


async def lines(commands: DirectCommands, first: int) -> list[tuple[int, int]]:
    """(priority, number) of each record."""
    result = await commands.run("kernel-log", (str(first),), deadline_s=60)
    assert result.status == 0, result.stderr
    heads = [line.split(b",", 2)[:2] for line in result.stdout.splitlines()]
    return [(int(priority), int(number)) for priority, number in heads]


@needs_ring
async def test_the_ring_is_read_in_order_and_from_a_number_on() -> None:
    commands = DirectCommands()
    told = await lines(commands, 0)
    numbers = [number for _, number in told]
    assert numbers == sorted(set(numbers))
    assert all(priority < 8 for priority, _ in told)
    if numbers:
        assert [number for _, number in await lines(commands, numbers[-1])][:1] == [numbers[-1]]
    assert await lines(commands, 1 << 62) == []
    await commands.close()


@needs_ring
@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes to /dev/kmsg")
async def test_what_a_process_writes_is_no_word_of_the_kernel() -> None:
    commands = DirectCommands()
    forge("<2>EDAC MC0: 1 UE on DIMM_FORGED (channel:0)\n")
    result = await commands.run("kernel-log", ("0",), deadline_s=60)
    assert b"DIMM_FORGED" not in result.stdout
    await commands.close()


@pytest.mark.parametrize("arguments", [(), ("-1",), ("0x10",), ("1", "2"), ("1;reboot",), ("\u0661",)])
def test_nothing_but_a_number_is_taken(arguments: tuple[str, ...]) -> None:
    with pytest.raises(AccessDenied):
        Table().command("kernel-log", arguments)
