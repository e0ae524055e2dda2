"""Which module EDAC means: certain by the firmware's own coordinates, probable by a maker's rule, else its own name."""

from __future__ import annotations

import pytest
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.kernel.dimm_place import Board, coordinates
from hardcase_agent.sensors.kernel.dmi_inventory import Module


def module(locator: str, bank: str = "", serial: str = "") -> Module:
    part = Part(
        component=Component.MEMORY, slot=locator, model="16 GB", serial=serial or f"S{locator}", part_number="PN"
    )
    return Module(part, locator, bank, 0)


def label(socket: int, controller: int, channel: int, dimm: int) -> str:
    return f"CPU_SrcID#{socket}_MC#{controller}_Chan#{channel}_DIMM#{dimm}"


SUPERMICRO = [
    module(f"P{socket + 1}-DIMM{'ABCDEF'[mc * 3 + channel]}1", f"P{socket}_Node{mc}_Channel{channel}_Dimm0")
    for socket in (0, 1)
    for mc in (0, 1)
    for channel in (0, 1, 2)
]


def test_the_bank_locators_coordinates_name_the_slot() -> None:
    part = Board(SUPERMICRO).part(label(1, 1, 0, 0), "mc3 dimm0")
    assert (part.slot, part.serial, part.part_number) == ("P2-DIMMD1", "SP2-DIMMD1", "PN")
    assert part.paths == (label(1, 1, 0, 0),)


def test_the_firmwares_own_words_name_the_slot() -> None:
    board = Board([module("CPU1_DIMM_A1", "NODE 4"), module("CPU1_DIMM_B1", "NODE 4")])
    assert board.part("NODE 4 CPU1_DIMM_A1", "").serial == "SCPU1_DIMM_A1"
    assert board.part("CPU1_DIMM_B1", "").serial == "SCPU1_DIMM_B1"


def test_a_rule_of_the_maker_is_only_probable_and_lends_no_serial() -> None:
    dell = [module(f"{'AB'[socket]}{number}") for socket in (0, 1) for number in range(1, 13)]
    labels = [label(s, mc, ch, d) for s in (0, 1) for mc in (0, 1) for ch in (0, 1, 2) for d in (0, 1)]
    board = Board(dell, labels)
    assert board.part(label(0, 0, 0, 0), "").slot == f"{label(0, 0, 0, 0)} (probably A1)"
    assert board.part(label(1, 1, 0, 1), "").slot == f"{label(1, 1, 0, 1)} (probably B10)"
    assert board.part(label(1, 1, 0, 1), "").serial == ""


def test_without_a_table_the_drivers_name_stands() -> None:
    assert Board().part(label(0, 0, 0, 0), "mc0 dimm0", "DDR4").slot == label(0, 0, 0, 0)
    assert Board().part("", "mc0 dimm0").slot == "mc0 dimm0"
    assert Board(SUPERMICRO).part("mc#0csrow#1channel#0", "mc0 rank1").serial == ""


def test_two_sockets_of_one_name_are_not_guessed_between() -> None:
    board = Board([module("D1", "", "ONE"), module("D1", "", "TWO")])
    assert board.part("D1", "").serial == ""


@pytest.mark.parametrize(
    "name",
    ["CPU_SrcID#1_Ha#0_Chan#2_DIMM#1", "CPU_SrcID#1_MC#0_Chan#2_DIMM#1", "CPU_SrcID#1_Channel#2_DIMM#1"],
)
def test_labels_of_three_generations_have_coordinates(name: str) -> None:
    place = coordinates(name)
    assert place is not None
    assert (place.socket, place.controller, place.channel, place.module) == (1, 0, 2, 1)
