"""Golden BMCs: every answer a BMC gave, and all that must be read out of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.golden.ipmi.replay import Replay, read, rendered
from tests.integration.ipmi_rig import local_sources

HERE = Path(__file__).parent
BMCS = sorted(path.parent.name for path in HERE.glob("*/capture.json"))


@pytest.mark.parametrize("bmc", BMCS)
async def test_a_captured_bmc_reads_as_expected(bmc: str, tmp_path: Path) -> None:
    device = Replay(HERE / bmc / "capture.json")
    sweeps = await read(local_sources(device, tmp_path), device.clock)
    assert json.loads(json.dumps(rendered(sweeps))) == json.loads((HERE / bmc / "expected.json").read_text())


def test_there_are_golden_bmcs() -> None:
    assert {"ipmi-sim-healthy", "ipmi-sim-failing"} <= set(BMCS)
