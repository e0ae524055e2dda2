"""Errors that a disk counts in its device statistics, in JSON and in text, and which of two counts is believed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hardcase_agent.domain.capture import Capture, Seen
from hardcase_agent.domain.reading import Number, Reading
from hardcase_agent.sensors.smart import decoding


def document(value: object, *, attribute: int | None = None, **flags: object) -> dict[str, Any]:
    rows = [{"offset": 8, "name": "Number of Reported Uncorrectable Errors", "size": 4, "value": value}]
    if flags:
        rows[0]["flags"] = flags
    pages = [{"number": 1, "table": [{"offset": 8, "value": 77}]}, {"number": 4, "table": rows}]
    table = [
        {"id": 9, "name": "Power_On_Hours", "value": 99, "worst": 99, "thresh": 0, "raw": {"value": 5, "string": "5"}}
    ]
    if attribute is not None:
        raw = {"value": attribute, "string": str(attribute)}
        table.append({"id": 187, "name": "Reported_Uncorrect", "value": 100, "worst": 100, "thresh": 0, "raw": raw})
    return {
        "json_format_version": [1, 0],
        "smartctl": {"version": [7, 3], "exit_status": 0},
        "device": {"name": "/dev/sda", "type": "sat", "protocol": "ATA"},
        "model_name": "M",
        "serial_number": "S",
        "ata_smart_attributes": {"table": table},
        "ata_device_statistics": {"pages": pages},
    }


def reported(text: str) -> Reading | None:
    found = [one for one in decoding.decode(Capture("a", {"": text.encode()})) if isinstance(one, Seen)]
    told = [one.reading for one in found if one.sensor.quantity == "disk.reported_uncorrectable"]
    assert len(told) <= 1
    return told[0] if told else None


def test_the_statistic_counts_where_no_attribute_does() -> None:
    assert reported(json.dumps(document(3))) == Number(3)
    assert reported(json.dumps(document(0, valid=True))) == Number(0)


def test_an_attribute_that_counts_the_same_is_believed_alone() -> None:
    assert reported(json.dumps(document(3, attribute=0))) == Number(0)


@pytest.mark.parametrize("value", [None, "3", -1])
def test_what_is_no_count_is_none(value: object) -> None:
    assert reported(json.dumps(document(value))) is None


def test_a_statistic_that_the_disk_marks_as_not_valid_is_none() -> None:
    assert reported(json.dumps(document(3, valid=False))) is None


def test_the_text_says_the_same() -> None:
    head = (
        "smartctl 7.3 2022-02-28 r5338 [x86_64-linux-6.1.0] (local build)\nDevice Model:     M\nSerial Number:    S\n"
    )
    attributes = (
        "ID# ATTRIBUTE_NAME          FLAG     VALUE WORST THRESH TYPE      UPDATED  WHEN_FAILED RAW_VALUE\n"
        "  9 Power_On_Hours          0x0032   099   099   000    Old_age   Always       -       5\n"
    )
    statistics = (
        "Page  Offset Size        Value Flags Description\n"
        "0x04  =====  =               =  ===  == General Errors Statistics (rev 1) ==\n"
        "0x04  0x008  4               6  ---  Number of Reported Uncorrectable Errors\n"
        "0x04  0x010  4              17  ---  Resets Between Cmd Acceptance and Completion\n"
    )
    assert reported(head + attributes + statistics) == Number(6)
    assert reported(head + attributes + statistics.replace("               6", "               -")) is None
