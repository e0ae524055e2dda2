"""The list of IPMI commands: what passes, what a switch adds and in which form alone, and what is never there."""

from __future__ import annotations

from collections.abc import Set

import pytest
from hardcase_agent.helper.allowed_ipmi import why_not, why_not_behind
from hardcase_agent.helper.switches import IDENTIFY, SEL_CLEAR, SWITCHES

READ_ONLY = {
    *((0x00, command) for command in (0x01,)),
    *((0x04, command) for command in (0x20, 0x21, 0x22, 0x23, 0x25, 0x27, 0x29, 0x2B, 0x2D)),
    *((0x06, command) for command in (0x01, 0x08, 0x37)),
    *((0x0A, command) for command in (0x10, 0x11, 0x20, 0x22, 0x23, 0x40, 0x42, 0x43, 0x48)),
}
CLEAR = b"\x01\x00CLR\xaa"


def passed(data: bytes, on: Set[str]) -> set[tuple[int, int]]:
    return {
        (netfn, command) for netfn in range(256) for command in range(256) if not why_not(netfn, 0, command, data, on)
    }


@pytest.mark.parametrize("data", [b"", b"\x0f", CLEAR])
def test_exactly_the_reading_commands_pass_without_a_switch(data: bytes) -> None:
    assert passed(data, frozenset()) == READ_ONLY


def test_each_switch_adds_its_own_command_and_no_other() -> None:
    assert passed(b"\x0f", {IDENTIFY}) - READ_ONLY == {(0x00, 0x04)}
    assert passed(CLEAR, {SEL_CLEAR}) - READ_ONLY == {(0x0A, 0x47)}
    assert passed(CLEAR, {IDENTIFY}) | passed(b"\x0f", {SEL_CLEAR}) == READ_ONLY


@pytest.mark.parametrize("data", [b"\x0f\x01", b"\x00\x01", b"\x0f\xff", b"\x0f\x00\x00"])
def test_a_chassis_lamp_is_never_lit_without_an_end(data: bytes) -> None:
    assert "without an end" in why_not(0x00, 0, 0x04, data, set(SWITCHES))


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x00", b"\x0f\x00"])
def test_a_chassis_lamp_is_lit_for_seconds_or_put_out(data: bytes) -> None:
    assert why_not(0x00, 0, 0x04, data, {IDENTIFY}) == ""


@pytest.mark.parametrize("data", [b"", b"\x01\x00CLR", b"\x01\x00CLR\x01", b"\x01\x00clr\xaa", CLEAR + b"\x00"])
def test_an_event_log_is_erased_in_one_form_only(data: bytes) -> None:
    assert "unknown form" in why_not(0x0A, 0, 0x47, data, set(SWITCHES))


@pytest.mark.parametrize(
    ("netfn", "command", "name"),
    [
        (0x00, 0x02, "Chassis Control"),
        (0x06, 0x02, "Cold Reset"),
        (0x06, 0x34, "Send Message"),
        (0x06, 0x47, "Set User Password"),
        (0x06, 0x52, "Master Write-Read"),
        (0x0A, 0x44, "Add SEL Entry"),
        (0x0A, 0x12, "Write FRU Data"),
        (0x04, 0x26, "Set Sensor Thresholds"),
    ],
)
def test_what_changes_the_machine_never_passes_and_is_named(netfn: int, command: int, name: str) -> None:
    why = why_not(netfn, 0, command, b"", set(SWITCHES))
    assert name in why
    assert "not in the list" in why


def test_a_refused_switch_says_which_one_would_be_needed() -> None:
    assert "--allow-sel-clear" in why_not(0x0A, 0, 0x47, CLEAR, frozenset())
    assert "--allow-identify" in why_not(0x00, 0, 0x04, b"\x0f", frozenset())


def test_only_sensors_are_asked_on_another_lun_than_the_bmcs_own() -> None:
    # LUN 1 and 3 are the maker's own, 2 is the queue of messages for the host's software.
    passing = {
        (netfn, lun)
        for netfn, command in READ_ONLY
        for lun in range(256)
        if not why_not(netfn, lun, command, b"", set(SWITCHES))
    }
    assert passing == {(0x00, 0), (0x06, 0), (0x0A, 0), (0x04, 0), (0x04, 1), (0x04, 2), (0x04, 3)}


def test_nothing_longer_than_a_message_passes() -> None:
    assert why_not(0x06, 0, 0x01, b"x" * 272, frozenset()) == ""
    assert "longer" in why_not(0x06, 0, 0x01, b"x" * 273, frozenset())


def test_behind_the_bmc_a_sensor_is_read_and_nothing_else() -> None:
    passing = {
        (netfn, command, lun)
        for netfn in range(256)
        for command in range(256)
        for lun in range(8)
        if not why_not_behind(0, 0x2C, netfn, lun, command, b"\x01")
    }
    assert passing == {(0x04, 0x2D, lun) for lun in range(4)}


def test_a_message_within_a_message_never_passes_whatever_it_wraps() -> None:
    assert all(
        why_not_behind(channel, address, 0x06, lun, 0x34, b"\x40")
        for channel in range(256)
        for address in range(256)
        for lun in range(4)
    )


def test_only_controllers_on_a_bus_of_the_bmc_are_behind_it() -> None:
    passing = {
        (channel, address)
        for channel in range(256)
        for address in range(256)
        if not why_not_behind(channel, address, 0x04, 0, 0x2D, b"\x01")
    }
    # No odd address (software), not the BMC itself, no address that I2C keeps for itself, no LAN or system channel.
    assert passing == {(channel, address) for channel in range(8) for address in range(0x10, 0xF0, 2) if address != 32}
