"""What a real kernel wrote of errors that were made for it, and what its emulated firmware says of the machine.

Made by `record.py`: one bad sector of the NVMe disk was read twice, then a corrected I/O error was sent to processor 1
and a corrected memory error to processor 0. Everything else in the log is an ordinary boot.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from hardcase_agent import decoding
from hardcase_agent.domain.capture import Listed, Recorded
from hardcase_agent.domain.part import Component, Part

HERE = Path(__file__).parent


def events() -> list[Recorded]:
    items = decoding.decode("kernel-log", decoding.read(HERE / "guest.kmsg"))
    found = [item for item in items if isinstance(item, Recorded)]
    assert len(found) == len(list(decoding.decode("kernel-log", decoding.read(HERE / "guest.kmsg"))))
    return found


def test_an_ordinary_boot_and_three_errors_are_three_kinds_of_events() -> None:
    told = Counter((one.event.code, one.event.part.slot) for one in events())
    assert set(told) == {
        ("disk.media_error", "nvme0"),
        ("disk.io_error", "nvme0"),
        ("pcie.bus_correctable_error", ""),
        ("memory.correctable_ecc", "CPU1 channel 1"),
    }
    assert told["pcie.bus_correctable_error", ""] == 1
    assert told["memory.correctable_ecc", "CPU1 channel 1"] == 1


def test_each_event_is_known_by_the_number_of_its_record() -> None:
    numbers = [one.event.record_id for one in events()]
    assert numbers == sorted(set(numbers))
    lines = (HERE / "guest.kmsg").read_text().splitlines()
    by_number = {int(line.split(",")[1]): line for line in lines}
    assert all(one.event.raw.decode() in by_number[one.event.record_id] for one in events())


def test_the_firmwares_table_says_what_it_was_given() -> None:
    parts = [item for item in decoding.decode("dmi", decoding.read(HERE / "guest-tables")) if isinstance(item, Listed)]
    assert {(one.asset.vendor, one.asset.model, one.asset.serial, one.asset.node) for one in parts} == {
        ("Example Systems", "Server 2000", "GUEST0001", "BOARD0001")
    }
    assert Part(
        component=Component.MEMORY,
        slot="DIMM_A 0",
        model="Example 640 MB",
        serial="1A2B3C4D",
        part_number="EX-8G-2400",
    ) in [one.part for one in parts]
