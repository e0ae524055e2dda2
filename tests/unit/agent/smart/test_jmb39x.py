"""Disks behind a JMicron JMB39x: read only where the site lets smartctl write to a sector of their volume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hardcase_agent.domain.errors import AccessDenied
from hardcase_agent.domain.event import CoverageStatus
from hardcase_agent.domain.reading import GapReason
from hardcase_agent.sensors.smart import report

from tests.unit.agent.smart.documents import as_text, ata, document
from tests.unit.agent.smart.machine import Machine
from tests.unit.agent.smart.test_source import sweep

PORTS = [("/dev/sda", f"jmb39x,{port}") for port in range(5)]


def volume() -> dict[str, Any]:
    """As the chip tells it: health without an attribute behind it."""
    return document(
        "ATA",
        model_name="JMicron H/W RAID5",
        serial_number="1IZ6AZCKMIFZYJ8A7V0W",
        smart_support={"available": True, "enabled": True},
        smart_status={"passed": True},
    )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.plug("sda", volume())
    made.call("sda", "JMicron H/W RAID5")
    made.drive_by("sda", "ahci")
    for port, serial in ((1, "A"), (3, "B")):
        made.answers[f"/dev/sda jmb39x,{port}"] = ata(serial)
    return made


def test_the_volumes_own_passed_is_not_taken_for_its_disks() -> None:
    told = report.parse_report(as_text(volume()), path="/dev/sda")
    assert told.sensors == ()
    assert told.trouble is not None
    assert told.trouble.reason is GapReason.UNSUPPORTED
    assert "jmb39x = true" in told.cure


async def test_without_the_sites_word_no_such_type_is_tried_and_coverage_says_what_there_is(machine: Machine) -> None:
    source = machine.source()
    for _ in range(3):
        swept = await sweep(source, machine)
    assert {kind for _, kind in machine.asked} == {"sat"}
    (line,) = swept.coverage or ()
    assert line.status is CoverageStatus.UNREADABLE
    assert "JMB39x" in line.reason
    assert "--allow-jmb39x" in line.cure
    (told,) = await source.doctor()
    assert "JMB39x" in told.reason


async def test_with_it_the_ports_are_tried_one_after_the_other_and_the_disks_read(machine: Machine) -> None:
    source = machine.source(machine.shelf(jmb39x=True))
    await sweep(source, machine)
    machine.asked.clear()
    machine.most_at_once = 0
    await sweep(source, machine)
    swept = await sweep(source, machine)
    assert [way for way in machine.asked if "," in way[1]][:4] == PORTS[:4]
    assert sorted((part.serial, part.slot) for part in swept.parts or ()) == [("A", "jmb39x 1"), ("B", "jmb39x 3")]
    assert machine.most_at_once == 1, "two at one mailbox would read each other's answers"
    swept = await sweep(source, machine)
    assert not any(line.status is CoverageStatus.UNREADABLE for line in swept.coverage or ())
    machine.asked.clear()
    await sweep(source, machine)
    assert machine.asked == [PORTS[1], PORTS[3]]


async def test_a_helper_that_does_not_allow_it_is_named_once_a_volume_and_asked_again(machine: Machine) -> None:
    for _, kind in PORTS:
        machine.answers[f"/dev/sda {kind}"] = AccessDenied("device type is off: it needs --allow-jmb39x")
    source = machine.source(machine.shelf(jmb39x=True))
    await sweep(source, machine)
    swept = await sweep(source, machine)
    refused = [line for line in swept.coverage or () if "--allow-jmb39x" in line.reason]
    assert len(refused) == 1
    for _, kind in PORTS:
        del machine.answers[f"/dev/sda {kind}"]
    for port, serial in ((1, "A"), (3, "B")):
        machine.answers[f"/dev/sda jmb39x,{port}"] = ata(serial)
    swept = await sweep(source, machine)
    assert sorted(part.serial for part in (swept.parts or ())) == ["A", "B"]


async def test_what_was_found_is_remembered_and_forgotten_when_the_site_takes_its_word_back(
    machine: Machine, tmp_path: Path
) -> None:
    kept = tmp_path / "smart.json"
    source = machine.source(machine.shelf(jmb39x=True, kept_in=kept))
    for _ in range(4):
        await sweep(source, machine)
    machine.asked.clear()
    await sweep(machine.source(machine.shelf(jmb39x=True, kept_in=kept)), machine)
    assert machine.asked == [PORTS[1], PORTS[3]]
    machine.asked.clear()
    await sweep(machine.source(machine.shelf(kept_in=kept)), machine)
    assert {kind for _, kind in machine.asked} == {"sat"}


async def test_a_scan_that_names_such_a_type_does_not_overrule_the_site(machine: Machine) -> None:
    machine.types["/dev/sda"] = "jmb39x,1"
    await sweep(machine.source(), machine)
    assert [way for way in machine.asked if "jmb39x" in way[1]] == []
