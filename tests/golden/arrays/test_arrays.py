"""Golden arrays: /proc/mdstat, `mdadm --detail` and sysfs of the same moment of a real kernel, and what all three mean.

A new moment is a new folder made by `record.py`; its `expected.json` is what `rendered` gives, read through by people.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hardcase_agent.domain.capture import Capture, Seen, Undecoded
from hardcase_agent.domain.reading import Number, States
from hardcase_agent.sensors.arrays.decoding import decode
from hardcase_agent.sensors.host import arrays

HERE = Path(__file__).parent
MOMENTS = sorted(path.parent.name for path in HERE.glob("*/mdstat"))
SHARED = {"degraded", "rebuilding", "failed"}
"""States that sysfs tells as well."""


def rendered(text: bytes) -> dict[str, object]:
    found: dict[str, object] = {}
    for one in decode(Capture("capture", {"": text})):
        assert not isinstance(one, Undecoded), one
        if isinstance(one, Seen):
            found[f"{one.sensor.name}: {one.sensor.quantity}"] = (
                one.reading.value if isinstance(one.reading, Number) else sorted(named(one.sensor.states, one.reading))
            )
    return found


def named(names: tuple[str, ...], reading: object) -> set[str]:
    assert isinstance(reading, States)
    return {name for bit, name in enumerate(names) if reading.bits >> bit & 1}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("what", ["mdstat", "mdadm-detail"])
def test_everything_in_the_output_is_read(moment: str, what: str) -> None:
    expected = json.loads((HERE / moment / "expected.json").read_text())
    assert rendered((HERE / moment / what).read_bytes()) == expected[what]


@pytest.mark.parametrize("moment", MOMENTS)
def test_sysfs_tells_the_same_states_as_mdstat(moment: str, tmp_path: Path) -> None:
    for path, text in json.loads((HERE / moment / "sysfs.json").read_text()).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"{text}\n")
    live = {
        probe.sensor.part.slot: named(probe.sensor.states, probe.read())
        for probe in arrays.scan(tmp_path).probes
        if probe.sensor.quantity == "raid.md"
    }
    told = {
        one.sensor.part.slot: named(one.sensor.states, one.reading) & SHARED
        for one in decode(Capture("mdstat", {"": (HERE / moment / "mdstat").read_bytes()}))
        if isinstance(one, Seen) and one.sensor.quantity == "raid.md"
    }
    assert live == told


def test_there_are_moments_to_read() -> None:
    assert {"guest-md-healthy", "guest-md-failed-member"} <= set(MOMENTS)
