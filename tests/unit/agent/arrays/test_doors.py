"""What the arrays' source opens to diagnostics: the tools' own words, and whether an array is at work on a disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hardcase_agent.domain.diagnostic import ArrayDoor, KnownDisk
from hardcase_agent.domain.errors import DeviceHung
from hardcase_agent.domain.part import Component, Part

from tests.unit.agent.arrays.machine import Machine
from tests.unit.agent.arrays.test_source import storcli_of

DISK = KnownDisk(
    part=Part(component=Component.DISK, model="ST4000NM0023", serial="A1"), path="/dev/sda", type="megaraid,8"
)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


async def test_what_every_installed_tool_prints_view_by_view(machine: Machine) -> None:
    machine.answers = {("storcli", "controllers"): "C\n", ("storcli", "drives"): "D\n", ("zpool", "status"): "pool\n"}
    found = await machine.source().tool_outputs()
    assert ("storcli", "controllers", "C\n") in found
    assert ("storcli", "drives", "D\n") in found
    assert ("zpool", "status", "pool\n") in found
    assert {tool for tool, _, _ in found} == {"storcli", "zpool"}


async def test_a_tool_that_hangs_is_named_in_its_own_place(machine: Machine) -> None:
    machine.answers = {("storcli", "controllers"): DeviceHung("storcli did not end"), ("zpool", "status"): "pool\n"}
    found = await machine.source().tool_outputs()
    assert any(tool == "storcli" and view == "error" and "did not end" in text for tool, view, text in found)
    assert ("zpool", "status", "pool\n") in found


async def test_a_rebuild_that_the_last_sweep_told_of(machine: Machine) -> None:
    source = machine.source()
    assert isinstance(source, ArrayDoor)
    assert "not known" in source.work_on(DISK)
    machine.answers["storcli", "controllers"] = storcli_of(("8:0", "Onln", "A1"), ("8:1", "Onln", "B2"))
    await source.sweep(machine.clock.now())
    assert source.work_on(DISK) == ""
    machine.answers["storcli", "controllers"] = storcli_of(("8:0", "Onln", "A1"), ("8:1", "Rbld", "B2"), volume="Dgrd")
    await source.sweep(machine.clock.now())
    rebuilt = replace(DISK, part=replace(DISK.part, serial="B2"))
    assert "rebuilt" in source.work_on(rebuilt)
    assert source.work_on(DISK) != ""


async def test_a_tool_that_hung_in_the_last_sweep_tells_nothing(machine: Machine) -> None:
    source = machine.source()
    machine.answers["storcli", "controllers"] = DeviceHung("storcli did not end")
    await source.sweep(machine.clock.now())
    assert "did not end" in source.work_on(DISK)
    assert source.work_on(replace(DISK, type="sat")) == ""
