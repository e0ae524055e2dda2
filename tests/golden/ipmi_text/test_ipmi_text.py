"""Every form of text about one machine decodes as recorded, and says what the live path reads of the same machine."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hardcase_agent import decoding
from hardcase_agent.domain.capture import Capture

from tests.golden.ipmi_text.record import rendered

HERE = Path(__file__).parent
LIVE = HERE.parent / "ipmi" / "ipmi-sim-failing" / "expected.json"
EXPECTED: dict[str, list[str]] = json.loads((HERE / "expected.json").read_text())
TEXTS = sorted(name for name in EXPECTED if name.endswith(".txt") and name != "mc-info.txt")


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_recorded_text_decodes_as_expected(name: str) -> None:
    assert rendered(name, (HERE / name).read_bytes()) == EXPECTED[name]


def live() -> dict[str, Any]:
    """What the live path read of the same simulated server in the same trouble, by sensor name."""
    content = json.loads(LIVE.read_text())
    return {sensor["name"]: sensor for sensor in content["sensors"].values()}


@pytest.mark.parametrize("name", TEXTS)
def test_what_a_text_says_is_what_the_live_path_reads(name: str) -> None:
    known = live()
    compared = 0
    for line in map(decoding.line_of, decoding.decode("ipmitool", Capture(name, {"": (HERE / name).read_bytes()}))):
        if line["type"] != "reading" or "gap" in line or line["sensor"]["id"].endswith(":limits"):
            continue
        sensor = known.get(line["sensor"]["name"]) or known.get(_bare(line["sensor"]["name"], known))
        assert sensor is not None, line["sensor"]
        if "value" in line:
            assert line["value"] == pytest.approx(sensor["reading"], abs=0.006)
            assert line["sensor"]["unit"] == sensor["unit"]
        elif not any(state.startswith("offset_") for state in line["states"]):
            assert line["states"] == sensor["reading"]
        compared += 1
    assert compared >= 17


def _bare(name: str, known: dict[str, Any]) -> str:
    """A name without the entity that FreeIPMI puts before it."""
    return next((one for one in known if re.search(rf"\b{re.escape(one)}$", name)), "")
