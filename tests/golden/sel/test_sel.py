"""Every event that the specification knows, recorded by ipmi_sim and printed by ipmitool 1.8.19 and by FreeIPMI 1.6 in
each of their forms.

`records.bin` holds one record for each sensor type and offset, `simulated.bin` the same as the simulator stored them
(its own ids; its clock was not set), `freeipmi_stored.bin` those that FreeIPMI printed (`record.py`; its clock was set
in the middle). What the text says must be what the bytes say.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hardcase_agent.domain.capture import Capture, Decoded, Recorded
from hardcase_agent.domain.event import Event
from hardcase_agent.sensors.ipmi.sel_decoding import decode

from tests.golden.sel.record import FORMS

HERE = Path(__file__).parent
UNPRINTED = {
    "sel.machine_check_logging_disabled", "bmc.activated", "bmc.deactivated", "bmc.invalid_name_or_password",
    "bmc.password_disabled", "firmware.firmware_changed", "firmware.firmware_change_done",
}  # fmt: skip
"""States for which ipmitool prints no word unless event data say more."""
UNWORDED = re.compile(r"Event Offset = 01h")
"""A state of chipsets that FreeIPMI prints by number alone, without the type that the number is one of."""
UNFINISHED = {("freeipmi_legacy.txt", 325)}
"""Of its record of a maker's own it prints "325:o" and no more."""


def decoded(name: str) -> list[Decoded]:
    return list(decode(Capture(name, {"": (HERE / name).read_bytes()})))


def events(name: str) -> list[Event]:
    found = decoded(name)
    assert all(isinstance(one, Recorded) for one in found), [one for one in found if not isinstance(one, Recorded)]
    return [one.event for one in found if isinstance(one, Recorded)]


@pytest.mark.parametrize(
    ("printed", "stored"),
    [
        ("ipmitool_readraw.txt", "records.bin"),
        ("ipmitool_list.txt", "simulated.bin"),
        ("ipmitool_csv.txt", "simulated.bin"),
        ("ipmitool_verbose.txt", "simulated.bin"),
    ],
)
def test_the_text_says_what_the_bytes_say(printed: str, stored: str) -> None:
    by_id = {event.record_id: event for event in events(printed)}
    raw = events(stored)
    assert len(raw) == len(by_id) == 325
    for event in raw:
        told = by_id[event.record_id]
        if event.code in UNPRINTED and told.code == "":
            continue
        assert (told.code, told.asserted, told.device_ms) == (event.code, event.asserted, event.device_ms), told.text
        assert told.part.component == event.part.component or not event.code, told.text


@pytest.mark.parametrize("printed", sorted(FORMS))
def test_what_freeipmi_prints_says_what_the_bytes_say(printed: str) -> None:
    found = decoded(printed)
    by_id = {one.event.record_id: one.event for one in found if isinstance(one, Recorded)}
    raw = [event for event in events("freeipmi_stored.bin") if (printed, event.record_id) not in UNFINISHED]
    assert {event.record_id for event in raw} == set(by_id)
    assert len(found) == 325
    assert {event.device_ms > 0 for event in raw} == {True, False}
    for event in raw:
        told = by_id[event.record_id]
        if UNWORDED.search(told.text) and told.code == "":
            continue
        assert (told.code, told.asserted, told.device_ms) == (event.code, event.asserted, event.device_ms), told.text
        assert told.part.component == event.part.component or not event.code, told.text


def test_saved_events_have_neither_id_nor_time_but_all_else() -> None:
    saved = events("ipmitool_save.txt")
    standard = [event for event in events("simulated.bin") if event.raw[2] == 2]
    assert [event.code for event in saved[: len(standard)]] == [event.code for event in standard]
    assert {(event.record_id, event.device_ms) for event in saved} == {(0, 0)}


def test_every_state_of_the_specification_has_a_code() -> None:
    unknown = [event.text for event in events("records.bin") if event.raw[2] == 2 and not event.code]
    oem = [text for text in unknown if "oem_c0" in text]
    beyond = [text for text in unknown if "offset" in text and "oem_c0" not in text]
    assert len(oem) == 2
    assert sorted(unknown) == sorted(oem + beyond)
